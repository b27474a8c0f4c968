package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
	"reconciler/reconcile/web"
	"reconciler/spec"
	"reconciler/state"
)

func newStatus(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show each container: state, address, in sync or not, last failure",
		Long: `Show what is remembered of each container and, if a source is given, how it runs
now and whether it is what the tree says; what is suspended; and how the daemon is, if one runs
on this state. Where nobody looks now, the state is the one that was recorded last. A host that
the daemon cannot reach, with the same tree, is not asked again.`,
		Example: `  reconciler status                    # as recorded last, and the daemon
  reconciler status --source tree      # as the hosts are now
  reconciler status --host host1.example.com`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runStatus(cmd.Context(), a)
		},
	}
}

func runStatus(ctx context.Context, a *app) error {
	recorded, err := a.recorded(ctx)
	if err != nil {
		return err
	}
	var pass reconcile.Pass
	var passErr error // what is remembered is shown all the same
	daemon := a.daemon(ctx)
	if a.source == "" {
		if err := a.checkRemembered(recorded.State.Records); err != nil {
			return err
		}
	} else {
		pass, passErr = a.pass(ctx, nil, planBeside(daemon))
	}
	a.noteState()
	rows := report.Status{
		Containers:  a.filter(statusRows(pass, recorded)),
		Suspensions: web.SuspensionRows(recorded.State.Suspensions, time.Now()),
		Daemon:      daemonRow(daemon),
	}
	if err := a.write(rows.Text, rows.JSON); err != nil || passErr != nil {
		return errors.Join(passErr, err)
	}
	for _, w := range pass.Plan.Warnings {
		if w.Position.File == "" { // it is about the state, not about the tree
			fmt.Fprintf(a.err, "%s\nhint: %s\n", w.Text, w.Hint)
		}
	}
	for _, u := range pass.Plan.Unreachable {
		fmt.Fprintf(a.err, "host %s is unreachable: %s\n", u.Host,
			strings.ReplaceAll(u.Text, "\n", "\n    "))
	}
	if len(pass.Plan.Unreachable) > 0 {
		return exitCode(report.ExitUnreachable)
	}
	return nil
}

// recorded reads what the state remembers of containers and hosts.
func (a *app) recorded(ctx context.Context) (reconcile.Recorded, error) {
	session, err := openSession(ctx, a)
	if err != nil {
		return reconcile.Recorded{}, err
	}
	defer session.close()
	return reconcile.ReadRecorded(ctx, session.store)
}

// checkRemembered refuses --host and --only with a name that nobody knows: without a tree, one that
// the state does not have.
func (a *app) checkRemembered(records []state.Record) error {
	named, err := a.named()
	if err != nil {
		return err
	}
	for _, t := range named {
		if !remembered(records, state.Scope{Host: t.Host, Container: t.Container}) {
			return hinted{fmt.Errorf("cannot show only %s: the state does not know it", t),
				didYouMean(reconcile.Nearest(t, nil, records),
					"what only the tree declares is shown with --source DIR or URL")}
		}
	}
	return nil
}

// filter leaves out the rows that --host and --only are not about: nothing is known of them.
func (a *app) filter(rows []report.StatusRow) []report.StatusRow {
	return slices.DeleteFunc(rows, func(r report.StatusRow) bool {
		return !a.isAbout(r.Host, r.Container)
	})
}

// isAbout reports whether --host and --only leave a container in.
func (a *app) isAbout(host, container string) bool {
	return (len(a.hosts) == 0 || slices.Contains(a.hosts, host)) &&
		(len(a.only) == 0 || slices.Contains(a.only, host+"/"+container))
}

// containerKey names a container in the maps below.
type containerKey struct{ host, name string }

// statusRows has a row for each container that is declared, remembered or both.
func statusRows(pass reconcile.Pass, recorded reconcile.Recorded) []report.StatusRow {
	rows := map[containerKey]*report.StatusRow{}
	row := func(host, name string) *report.StatusRow {
		k := containerKey{host, name}
		if rows[k] == nil {
			rows[k] = &report.StatusRow{Host: host, Container: name,
				State: "unknown", InSync: "unknown"}
		}
		return rows[k]
	}
	if pass.Tree != nil {
		for _, h := range pass.Tree.Hosts {
			for name := range h.Containers {
				row(h.Name, name)
			}
		}
	}
	records := recorded.State.Records
	for i := range records {
		r := row(records[i].Host, records[i].Name)
		r.Failure = records[i].Failure
		if records[i].IP.IsValid() {
			r.Address = records[i].IP.String()
		}
		if pass.Tree != nil && pass.Tree.Hosts[records[i].Host] == nil {
			r.Held = "its host is not in the tree any more"
		}
	}
	addRecorded(recorded, rows)
	addObserved(pass, rows)
	status := make([]report.StatusRow, 0, len(rows))
	for _, r := range rows {
		status = append(status, *r)
	}
	slices.SortFunc(status, func(a, b report.StatusRow) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container))
	})
	return status
}

// addRecorded adds how the containers were when a pass last looked at their hosts.
func addRecorded(recorded reconcile.Recorded, rows map[containerKey]*report.StatusRow) {
	for k, r := range rows {
		if seen, ok := recorded.Hosts[k.host]; ok {
			r.State, r.Recorded = stateOf(seen.Actual, k.name), true
		}
	}
}

// stateOf returns the state of a container on an observed host.
func stateOf(a plan.Actual, name string) string {
	for i := range a.Containers {
		if a.Containers[i].Name == name {
			return string(a.Containers[i].State)
		}
	}
	return "absent"
}

// addObserved adds what the hosts say now.
func addObserved(pass reconcile.Pass, rows map[containerKey]*report.StatusRow) {
	for k, r := range rows {
		if actual, ok := pass.Observed[k.host]; ok {
			r.State, r.InSync, r.Recorded = stateOf(actual, k.name), "yes", false
		}
	}
	for i := range pass.Plan.Steps {
		s := &pass.Plan.Steps[i]
		if r := rows[containerKey{s.Host, s.Container}]; r != nil {
			r.InSync = "no"
		}
	}
	for i := range pass.Plan.Held {
		h := &pass.Plan.Held[i]
		if r := rows[containerKey{h.Host, h.Container}]; r != nil {
			r.InSync, r.Held = "held", h.Text
		}
	}
	for i := range pass.Plan.Blocked {
		b := &pass.Plan.Blocked[i]
		if r := rows[containerKey{b.Host, b.Container}]; r != nil {
			r.InSync = "no"
			r.Failure = cmp.Or(r.Failure, b.Text)
		}
	}
}

// daemon asks the daemon on this state how it is; nil if there is none.
func (a *app) daemon(ctx context.Context) *web.Status {
	socket, err := a.controlSocket()
	if err != nil {
		return nil
	}
	s, err := web.NewClient(socket).Status(ctx)
	if err != nil {
		if !errors.Is(err, web.ErrNotRunning) {
			fmt.Fprintf(a.err, "what the daemon does is not known: %v\n", err)
		}
		return nil
	}
	return &s
}

// planBeside is reconcile.Plan without the hosts that the daemon cannot reach: it tries them again
// and again, and who waits for them learns no more. With another tree they may be others.
func planBeside(daemon *web.Status) walk {
	return func(
		ctx context.Context, d reconcile.Declaration, o reconcile.Options,
	) (reconcile.Pass, error) {
		if daemon == nil || daemon.Revision.ID != d.Revision.ID {
			return reconcile.Plan(ctx, d, o)
		}
		dial := o.Dial
		o.Dial = func(ctx context.Context, h *spec.Host, by string) (reconcile.Host, error) {
			for _, u := range daemon.Unreachable {
				if u.Host == h.Name {
					return nil, fmt.Errorf("the daemon has not reached it since %s: %s",
						u.Since.Format(time.DateTime+" UTC"), u.Error)
				}
			}
			return dial(ctx, h, by)
		}
		return reconcile.Plan(ctx, d, o)
	}
}

// daemonRow is what people are shown of a daemon, which may be nil.
func daemonRow(s *web.Status) *report.DaemonRow {
	if s == nil {
		return nil
	}
	row := &report.DaemonRow{Started: s.Started, Source: s.Source, Revision: s.Revision.ID,
		Signer: s.Revision.Signer, SourceError: s.SourceError, LastSuccess: s.LastSuccess,
		Busy: s.Busy, Unreachable: s.Unreachable}
	if s.LastPass != nil {
		row.LastPass, row.LastResult = s.LastPass.Ended, s.LastPass.Result
	}
	return row
}
