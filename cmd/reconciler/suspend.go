package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/reconcile/report"
	"reconciler/reconcile/web"
	"reconciler/state"
)

func newSuspend(a *app) *cobra.Command {
	var reason, until string
	cmd := &cobra.Command{
		Use:   "suspend [HOST[/CONTAINER]]",
		Short: "Leave a container, a host or everything alone for a while",
		Long: `Leave one container, a host or everything alone: passes look and plan, but change
nothing there, until the time is over or "resume" is said. The tree is not changed. Without an
argument it is everything. A pass that has begun goes on, but with no further host of a rollout that
is suspended. A host or container must be in the state, or in the tree that --source names; without
a source, what the daemon could not reach, prepare or make is known too.`,
		Example: `  reconciler suspend host1.example.com/db1.example.com --reason "new disk" --until 2h
  reconciler suspend host1.example.com
  reconciler suspend`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			scope, err := parseScope(args)
			if err != nil {
				return err
			}
			now := time.Now().UTC().Truncate(time.Second)
			end, err := parseUntil(until, now)
			if err != nil {
				return err
			}
			s := state.Suspension{Host: scope.Host, Container: scope.Container, Reason: reason,
				By: a.holder().Who, Since: now, Until: end}
			return a.changeSuspensions(cmd.Context(), scope,
				state.Batch{Suspend: []state.Suspension{s}}, "suspended")
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, for those who wonder")
	cmd.Flags().StringVar(&until, "until", "",
		"end: a duration such as 2h, or a time such as 2026-12-24T18:00:00Z (default: resume)")
	return cmd
}

func newResume(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "resume [HOST[/CONTAINER]]",
		Short: "End what suspend has begun",
		Long: `End a suspension that was begun with the same argument: without one it is that of
everything, not of single hosts and containers. "status" shows what is suspended.`,
		Example: `  reconciler resume host1.example.com/db1.example.com`,
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			scope, err := parseScope(args)
			if err != nil {
				return err
			}
			return a.changeSuspensions(cmd.Context(), scope,
				state.Batch{Resume: []state.Scope{scope}}, "resumed")
		},
	}
}

// changeSuspensions stores the change and tells a running daemon.
func (a *app) changeSuspensions(
	ctx context.Context, scope state.Scope, b state.Batch, done string,
) error {
	// Looked at first, without making anything: the state may be another one than was meant.
	snapshot, err := a.load(ctx)
	if err != nil {
		return err
	}
	if snapshot.Installation == "" {
		return a.noState("change what is suspended")
	}
	if err := a.checkScope(ctx, snapshot, b); err != nil {
		return err
	}
	a.writes = true
	session, err := openSession(ctx, a)
	if err != nil {
		return err
	}
	defer session.close()
	if _, err := session.store.Apply(ctx, b); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "%s is %s.\n", scope, done)
	a.wakeDaemon(ctx)
	return nil
}

// checkScope refuses what would have no effect: nothing of that name is known, or suspended.
func (a *app) checkScope(ctx context.Context, s state.Snapshot, b state.Batch) error {
	for _, scope := range b.Resume {
		is := func(sus state.Suspension) bool { return sus.Scope() == scope }
		if !slices.ContainsFunc(s.Suspensions, is) {
			return hinted{fmt.Errorf("cannot resume %s: it is not suspended", scope),
				didYouMean(nearestSuspended(scope, s.Suspensions), `"reconciler status" shows what is`)}
		}
	}
	for i := range b.Suspend {
		scope := b.Suspend[i].Scope()
		if scope == (state.Scope{}) || remembered(s.Records, scope) {
			continue
		}
		if err := a.checkDeclared(ctx, scope, s.Records); err != nil {
			return err
		}
	}
	return nil
}

func remembered(records []state.Record, scope state.Scope) bool {
	return slices.ContainsFunc(records, func(r state.Record) bool {
		return r.Host == scope.Host && (scope.Container == "" || scope.Container == r.Name)
	})
}

// checkDeclared refuses what the tree does not declare. Without a source the daemon is asked: what
// it could not reach, prepare or make is declared as well.
func (a *app) checkDeclared(
	ctx context.Context, scope state.Scope, records []state.Record,
) error {
	meant := reconcile.Target{Host: scope.Host, Container: scope.Container}
	if a.source == "" {
		if a.fails(ctx, scope) {
			return nil
		}
		return hinted{fmt.Errorf("cannot suspend %s: the state does not know it, and no source is given",
			scope), didYouMean(reconcile.Nearest(meant, nil, records),
			"what only the tree declares is found with --source DIR or URL")}
	}
	declared, err := fetch(ctx, a)
	if err != nil {
		return fmt.Errorf("cannot suspend %s: the state does not know it, and the tree is not known: %w",
			scope, err)
	}
	h := declared.Tree.Hosts[scope.Host]
	if h != nil && (scope.Container == "" || h.Containers[scope.Container] != nil ||
		h.Templates[scope.Container] != nil) {
		return nil
	}
	return hinted{fmt.Errorf("cannot suspend %s: neither the tree nor the state knows it", scope),
		didYouMean(reconcile.Nearest(meant, declared.Tree, records), statusKnows)}
}

// fails reports whether the daemon on this state has trouble with what is named.
func (a *app) fails(ctx context.Context, scope state.Scope) bool {
	socket, err := a.controlSocket()
	if err != nil {
		return false
	}
	s, err := web.NewClient(socket).Status(ctx)
	if err != nil {
		return false // there is none, or it is too old to say
	}
	return slices.ContainsFunc(s.Failures, func(f web.Failure) bool {
		return f.Host == scope.Host && (scope.Container == "" || f.Container == scope.Container)
	}) || scope.Container == "" && slices.ContainsFunc(s.Unreachable,
		func(u report.UnreachableRow) bool { return u.Host == scope.Host })
}

// parseScope reads HOST, HOST/CONTAINER or nothing, which means everything.
func parseScope(args []string) (state.Scope, error) {
	if len(args) == 0 {
		return state.Scope{}, nil
	}
	host, container, found := strings.Cut(args[0], "/")
	if host == "" || found && container == "" || strings.Contains(container, "/") {
		return state.Scope{}, fmt.Errorf("cannot use %q: it is neither HOST nor HOST/CONTAINER",
			args[0])
	}
	return state.Scope{Host: host, Container: container}, nil
}

// parseUntil reads a duration from now or a time. An empty text is no end.
func parseUntil(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	end, err := time.Parse(time.RFC3339, text)
	if d, durationErr := time.ParseDuration(text); durationErr == nil {
		end, err = now.Add(d), nil
	}
	if err != nil {
		return end, fmt.Errorf("cannot use --until %q: say 90m, 48h or 2026-12-24T18:00:00Z", text)
	}
	if !end.After(now) {
		return end, fmt.Errorf("cannot use --until %q: that is over", text)
	}
	return end.UTC(), nil
}
