package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/prepare"
	"reconciler/reconcile/report"
	"reconciler/spec"
)

// newHost is the group of commands about the hosts themselves.
func newHost(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "host",
		Short: "Look at hosts and prepare them for containers",
	}
	cmd.AddCommand(newHostCheck(a), newHostPrepare(a))
	return cmd
}

const hostCheckExitText = `Exit codes: 0 nothing keeps the hosts from being prepared; 1 failed; 3 something cannot be
made; 4 some hosts were unreachable. Where several apply, the first of 1, 4, 3 counts.`

const hostPrepareExitText = `Exit codes: 0 done or nothing to do; 1 failed; 4 some hosts were
unreachable, or in use by another run.`

func newHostCheck(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "check [HOST...]",
		Short: "Say what hosts can do, and what preparing them would change",
		Long: `Say of each host of the tree what it can do (LXC, kernel, memory, disk, backings), and
what preparing it would change: what the tree declares under hosts.HOST.prepare, or without that
LXC and the bridges of its containers. Nothing is changed.

` + hostCheckExitText,
		Example: `  reconciler host check --source tree
  reconciler host check host1.example.com --source tree`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runHostCheck(cmd.Context(), a, args)
		},
	}
}

func newHostPrepare(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "prepare HOST...",
		Short: "Prepare hosts for containers",
		Long: `Make of each host what "host check" shows: packages, bridges, subordinate ids, settings
of the kernel and directories. What is there is left alone; a second time there is nothing to do.
Whoever asks for it means it: windows, drift and what is suspended do not count.

` + hostPrepareExitText,
		Example: `  reconciler host prepare host1.example.com --source tree`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runHostPrepare(cmd.Context(), a, args)
		},
	}
}

// ground is a host of the tree that is looked at as a machine.
type ground struct {
	*spec.Host
	dial dialer
	by   string // who locks it
}

// grounds returns the hosts that the command line names, all hosts of the tree if none is named.
func grounds(ctx context.Context, a *app, args []string) ([]ground, error) {
	log, err := newLogger(a)
	if err != nil {
		return nil, err
	}
	if err := a.checkSSHConfig(); err != nil {
		return nil, err
	}
	declared, err := fetch(ctx, a)
	if err != nil {
		return nil, err
	}
	names := append(slices.Clone(args), a.hosts...)
	if len(names) == 0 {
		names = slices.Collect(maps.Keys(declared.Tree.Hosts))
	}
	slices.Sort(names)
	dial := newDialer(a, log)
	dial.mayPrepare = true
	var all []ground
	for _, name := range slices.Compact(names) {
		h := declared.Tree.Hosts[name]
		if h == nil {
			return nil, hinted{fmt.Errorf("cannot look at host %q: the tree has no such host", name),
				a.hostMeant(declared.Tree, name)}
		}
		all = append(all, ground{h, dial, a.holder().Who + ", " + a.command})
	}
	return all, nil
}

// reach connects to the host as to a machine. It works without LXC.
func (g ground) reach(ctx context.Context, log *slog.Logger) (reconcile.Preparer, func(), error) {
	host, err := g.dial.dial(ctx, g.Host, "")
	if err != nil {
		return nil, nil, err
	}
	end := func() {
		if c, ok := host.(io.Closer); ok {
			if err := c.Close(); err != nil {
				log.Error("cannot close a host", "host", g.Name, "error", err)
			}
		}
	}
	p, ok := host.(reconcile.Preparer)
	if !ok {
		end()
		return nil, nil, fmt.Errorf("cannot prepare host %q: its agent does not know how", g.Name)
	}
	return p, end, nil
}

// each calls work for all hosts, at most limit at once.
func each(all []ground, limit int, work func(i int, g ground)) {
	slots := make(chan struct{}, limit)
	var wg sync.WaitGroup
	for i, g := range all {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			work(i, g)
		})
	}
	wg.Wait()
}

func runHostCheck(ctx context.Context, a *app, args []string) error {
	all, err := grounds(ctx, a, args)
	if err != nil {
		return err
	}
	checks := report.HostChecks{Hosts: make([]report.HostCheck, len(all))}
	each(all, a.parallelHosts, func(i int, g ground) { checks.Hosts[i] = g.check(ctx) })
	if err := a.write(checks.Text, checks.JSON); err != nil {
		return err
	}
	if code := checks.ExitCode(); code != report.ExitDone {
		return exitCode(code)
	}
	return nil
}

func (g ground) check(ctx context.Context) report.HostCheck {
	c := report.HostCheck{Host: g.Name}
	p, end, err := g.reach(ctx, g.dial.log)
	if err != nil && g.Connect == "local" {
		p, end, err = prepare.New(g.LXCPath), func() {}, nil // which works without liblxc too
	}
	if err == nil {
		defer end()
		want := g.Preparation()
		c.Facts, c.Changes, err = p.Check(ctx, &want)
		if name := want.VolumeGroup; name != "" && !slices.Contains(c.Facts.VolumeGroups, name) {
			c.Missing = name
		}
	}
	if err != nil {
		c = report.HostCheck{Host: g.Name, Error: err.Error()}
	}
	return c
}

func runHostPrepare(ctx context.Context, a *app, args []string) error {
	a.writes = true
	all, err := grounds(ctx, a, args)
	if err != nil {
		return err
	}
	r := report.HostPreparations{Hosts: make([]execute.HostOutcome, len(all))}
	lost := make([]bool, len(all))
	each(all, a.parallelHosts, func(i int, g ground) {
		began := time.Now()
		o := execute.HostOutcome{Host: g.Name}
		o.Done, lost[i], o.Err = g.prepare(ctx, a.lockTimeout)
		o.Took = time.Since(began)
		r.Hosts[i] = o
	})
	if err := a.write(r.Text, r.JSON); err != nil {
		return err
	}
	for i, o := range r.Hosts {
		if o.Err != nil && !lost[i] {
			return exitCode(report.ExitFailed)
		}
	}
	if slices.Contains(lost, true) {
		return exitCode(report.ExitUnreachable)
	}
	return nil
}

// prepare prepares the host, as the only writer there. lost says that it was not even reached, or
// that another run holds it.
func (g ground) prepare(
	ctx context.Context, patience time.Duration,
) (done []string, lost bool, err error) {
	p, end, err := g.reach(ctx, g.dial.log)
	if err != nil {
		return nil, true, err
	}
	defer end()
	unlock, err := g.lock(ctx, p, patience)
	if err != nil {
		return nil, errors.Is(err, execute.ErrHostInUse), err
	}
	done, err = reconcile.Prepare(ctx, p, g.Preparation(), g.dial.log.With("host", g.Name))
	return done, false, errors.Join(err, unlock())
}

// lock makes us the only writer on the host.
func (g ground) lock(
	ctx context.Context, p reconcile.Preparer, patience time.Duration,
) (unlock func() error, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	host, ok := p.(reconcile.Host)
	if !ok {
		return nil, fmt.Errorf("cannot lock host %q: this kind of host cannot be locked", g.Name)
	}
	return host.Lock(ctx, g.by)
}
