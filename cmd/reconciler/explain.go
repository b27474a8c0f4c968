package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
	"reconciler/spec"
	"reconciler/state"
)

func newExplain(a *app) *cobra.Command {
	refresh := true
	cmd := &cobra.Command{
		Use:   "explain HOST/CONTAINER [FIELD]",
		Short: "Show why a setting is what it is, who brought it, and what is planned",
		Long: `Show every layer that says something about a setting of a container, the closest first, and
with * the one that holds; where the tree is in git, also the commit that brought it, by whom,
and whether its signature was verified (--verify-key). Without FIELD it is all settings that
are declared or generated, and what "plan" would do with the container and why.`,
		Example: `  reconciler explain host1.example.com/web1.example.com --source tree
  reconciler explain host1.example.com/web1.example.com memory --source tree`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExplain(cmd.Context(), a, args, refresh)
		},
	}
	cmd.Flags().BoolVar(&refresh, "refresh", true,
		"look at the host for what is planned; false: leave that out")
	return cmd
}

func runExplain(ctx context.Context, a *app, args []string, refresh bool) error {
	only, err := parseOnly(args[:1])
	if err != nil {
		return hinted{fmt.Errorf("cannot explain %q: it is not HOST/CONTAINER", args[0]),
			"say explain HOST/CONTAINER [FIELD]"}
	}
	x := &explaining{app: a, Explained: report.Explained{
		Host: only[0].Host, Container: only[0].Container}}
	if len(args) > 1 {
		if x.field, err = spec.SettingKey(args[1]); err != nil {
			return fmt.Errorf("cannot explain %s: %w", args[0], err)
		}
	}
	if err := x.read(ctx); err != nil {
		return err
	}
	x.look(ctx, refresh && x.field == "")
	if x.Declared && x.field != "" && len(x.Settings) == 0 {
		class := spec.ClassOf(x.field)
		x.Settings = []report.ExplainedSetting{{Key: x.field, Class: class, Acted: class != ""}}
	}
	if x.field == "" && !refresh {
		x.note("what is to be done", errors.New("the host was not looked at (--refresh=false)"))
	}
	if !x.Declared && !x.found {
		return hinted{fmt.Errorf("cannot explain %s: neither the tree nor the state has it", args[0]),
			didYouMean(a.nearest(ctx, only[0], x.declared.Tree), statusKnows)}
	}
	x.blame(ctx)
	return a.write(x.Text, x.JSON)
}

// explaining is one explanation while it is made.
type explaining struct {
	report.Explained
	app      *app
	field    string // "" for all
	origin   origin
	declared reconcile.Declaration
	found    bool // the state or the plan has the container
}

// note says what could not be found out.
func (x *explaining) note(what string, err error) {
	x.Notes = append(x.Notes, what+": "+err.Error())
}

// read takes from the tree what it says.
func (x *explaining) read(ctx context.Context) error {
	log, err := newLogger(x.app)
	if err != nil {
		return err
	}
	src, err := openSource(x.app, log, x.app.lastApplied)
	if err != nil {
		return err
	}
	options, err := x.app.parseOptions()
	if err != nil {
		return err
	}
	keeping := &keeper{Source: src}
	if x.declared, err = reconcile.Fetch(ctx, keeping, options); err != nil {
		return err
	}
	x.origin = origin{source: src, read: keeping.read, log: log}
	var all []spec.Explanation
	all, x.Declared = x.declared.Tree.Explain(x.Host, x.Container)
	x.Group = x.declared.Tree.GroupOf(x.Host)
	for _, e := range all {
		if !x.wants(e) {
			continue
		}
		s := report.ExplainedSetting{Key: e.Key, Class: e.Class, Acted: e.Acted}
		for _, l := range e.Layers {
			s.Layers = append(s.Layers, report.ExplainedLayer{Layer: l})
		}
		x.Settings = append(x.Settings, s)
	}
	return nil
}

// wants reports whether a setting was asked for: that one, or all that somebody wrote.
func (x *explaining) wants(e spec.Explanation) bool {
	written := func(l spec.Layer) bool { return l.Position.File != "" }
	return x.field == e.Key || x.field == "" && slices.ContainsFunc(e.Layers, written)
}

// keeper is a source that remembers what it gave.
type keeper struct {
	reconcile.Source
	read spec.Snapshot
}

// Fetch implements reconcile.Source.
func (k *keeper) Fetch(ctx context.Context) (spec.Snapshot, error) {
	read, err := k.Source.Fetch(ctx)
	k.read = read
	return read, err
}

// look adds what the state remembers and, if wanted, what the plan says. A state or host that
// cannot be read is noted: the tree explains itself without.
func (x *explaining) look(ctx context.Context, planned bool) {
	session, err := openSession(ctx, x.app)
	if err != nil {
		x.note("what the state remembers", err)
		return
	}
	defer session.close()
	record, found, err := session.record(ctx, x.Host, x.Container)
	if err != nil {
		x.note("what the state remembers", err)
		return
	}
	x.found = found
	if x.Declared {
		x.remembered(record)
	}
	if !planned {
		return
	}
	if err := x.plan(ctx, session); err != nil {
		x.note("what is to be done", err)
	}
}

// remembered adds what is recorded, and what the tree leaves to be generated.
func (x *explaining) remembered(r state.Record) {
	address := ""
	if r.IP.IsValid() {
		address = r.IP.String()
	}
	for key, value := range map[string]string{
		"ip": address, "mac": r.MAC, "password": spec.NewSecret(string(r.Password)).String(),
	} {
		if x.field != "" && x.field != key {
			continue
		}
		i := slices.IndexFunc(x.Settings, func(s report.ExplainedSetting) bool { return s.Key == key })
		if i < 0 {
			i = len(x.Settings)
			x.Settings = append(x.Settings, report.ExplainedSetting{Key: key,
				Class: spec.ClassOf(key), Acted: true})
		}
		s := &x.Settings[i]
		wins := !slices.ContainsFunc(s.Layers, func(l report.ExplainedLayer) bool { return l.Wins })
		if value == "" && !wins {
			continue
		}
		name := "generated"
		if !wins {
			name = "recorded"
		}
		s.Layers = append(s.Layers, report.ExplainedLayer{Layer: spec.Layer{Name: name,
			Value: cmp.Or(value, "(generated in the first run)"), Wins: wins}})
	}
	slices.SortFunc(x.Settings, func(a, b report.ExplainedSetting) int {
		return strings.Compare(a.Key, b.Key)
	})
}

// plan finds what is to be done with the container.
func (x *explaining) plan(ctx context.Context, session *session) error {
	if err := x.app.checkSSHConfig(); err != nil {
		return err
	}
	options, err := session.reconcileOptions()
	if err != nil {
		return err
	}
	options.Hosts = []string{x.Host}
	pass, err := reconcile.Plan(ctx, x.declared, options)
	if err != nil {
		return err
	}
	x.Meta = meta(x.app, pass)
	about := func(host, container string) bool {
		return host == x.Host && (container == x.Container || container == "")
	}
	p := plan.Plan{
		Steps: keep(pass.Plan.Steps, func(s plan.Step) bool { return about(s.Host, s.Container) }),
		Blocked: keep(pass.Plan.Blocked,
			func(b plan.Blocked) bool { return about(b.Host, b.Container) }),
		Held: keep(pass.Plan.Held, func(h plan.Held) bool { return about(h.Host, h.Container) }),
		Unmanaged: keep(pass.Plan.Unmanaged,
			func(u plan.Unmanaged) bool { return about(u.Host, u.Container) }),
		Unreachable: keep(pass.Plan.Unreachable,
			func(u plan.Unreachable) bool { return u.Host == x.Host }),
	}
	x.found = x.found || len(p.Steps)+len(p.Blocked)+len(p.Held)+len(p.Unmanaged) > 0
	x.Plan = &p
	return nil
}

func keep[T any](list []T, wanted func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), func(v T) bool { return !wanted(v) })
}
