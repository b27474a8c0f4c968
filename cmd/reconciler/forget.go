package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"reconciler/reconcile"
	"reconciler/spec"
	"reconciler/state"
)

func newStateForget(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "forget HOST",
		Short: "Forget a host that has left the tree and is gone for good",
		Long: `Remove the records of all containers of a host, and what is suspended there: their
addresses are free then, and their passwords are lost. The tree that --source names must not have
the host any more. Nothing is done on the host: a container that still runs there is nobody's from
then on. To have the containers destroyed, declare targets: {HOST: {}} instead.`,
		Example: "  reconciler state forget old1.example.com --source /srv/tree",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStateForget(cmd.Context(), a, args[0])
		},
	}
}

func runStateForget(ctx context.Context, a *app, host string) error {
	declared, err := fetch(ctx, a)
	if err != nil {
		return err
	}
	if declared.Tree.Hosts[host] != nil {
		return hinted{fmt.Errorf("cannot forget host %q: the tree has it", host),
			"remove it from targets and hosts first, if it is gone for good"}
	}
	// Looked at first, without making anything: the state may be another one than was meant.
	if err := a.checkForgettable(ctx, host, declared.Tree); err != nil {
		return err
	}
	a.writes = true
	session, err := openSession(ctx, a)
	if err != nil {
		return err
	}
	defer session.close()
	count, err := session.forget(ctx, host)
	if err != nil {
		return fmt.Errorf("cannot forget host %q: %w", host, err)
	}
	fmt.Fprintf(a.out, "Host %s is forgotten (records: %d).\n", host, count)
	a.wakeDaemon(ctx)
	return nil
}

// checkForgettable refuses a host that the state does not know.
func (a *app) checkForgettable(ctx context.Context, host string, t *spec.Tree) error {
	snapshot, err := a.load(ctx)
	if err != nil {
		return err
	}
	if snapshot.Installation == "" {
		return a.noState("forget a host")
	}
	if remembered(snapshot.Records, state.Scope{Host: host}) {
		return nil
	}
	var left []state.Record
	for _, r := range snapshot.Records {
		if t.Hosts[r.Host] == nil {
			left = append(left, r)
		}
	}
	return hinted{fmt.Errorf("cannot forget host %q: the state does not know it", host),
		didYouMean(reconcile.Nearest(reconcile.Target{Host: host}, nil, left), statusKnows)}
}

// forget deletes what is remembered of a host, while nobody else writes, and returns how many
// records it had.
func (s *session) forget(ctx context.Context, host string) (count int, err error) {
	locking, cancel := context.WithTimeout(ctx, s.app.lockTimeout)
	defer cancel()
	unlock, err := s.store.Lock(locking, s.app.holder())
	if err != nil {
		return 0, err
	}
	defer func() {
		if err := unlock(); err != nil {
			s.log.Error("cannot give back the lock of the state", "error", err)
		}
	}()
	snapshot, err := s.store.Load(ctx)
	if err != nil {
		return 0, err
	}
	var batch state.Batch
	for i := range snapshot.Records {
		if r := &snapshot.Records[i]; r.Host == host {
			batch.Delete = append(batch.Delete, r.UID)
		}
	}
	for i := range snapshot.Suspensions {
		if scope := snapshot.Suspensions[i].Scope(); scope.Host == host {
			batch.Resume = append(batch.Resume, scope)
		}
	}
	_, err = s.store.Apply(ctx, batch)
	return len(batch.Delete), err
}
