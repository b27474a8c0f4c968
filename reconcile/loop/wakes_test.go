package loop_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"reconciler/reconcile/loop"
	"reconciler/spec"
	"reconciler/state"
)

// TestTheEndOfASuspensionIsWaitedFor: who suspends a container for an hour must not find it down
// until the next interval, or for ever if there is nothing else to do.
func TestTheEndOfASuspensionIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.store.Apply(context.Background(), state.Batch{Suspend: []state.Suspension{{
		Host: "h1", Container: "a.example.com", Reason: "test", By: "me@here",
		Since: w.clock().UTC(), Until: w.clock().Add(time.Second).UTC(),
	}}})
	must(t, err)
	w.declare("a.example.com: {}")
	w.start(func(o *loop.Options) { o.Interval = 24 * time.Hour })
	w.eventually("it is made when its time is over", func() bool { return w.runs("a.example.com") })
}

// TestAPassOfAnOldTreeSaysSo: who asks for a pass after a push must not be told that all is well
// while the push cannot be read.
func TestAPassOfAnOldTreeSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.eventually("it runs", func() bool { return w.runs("a.example.com") })
	w.quiet()
	if err := w.loop.Status().Last.SourceErr; err != nil {
		t.Fatalf("the present tree counts as an old one: %v", err)
	}
	w.failFetch(fmt.Errorf("no route: %w", spec.ErrSourceUnreachable))
	w.loop.Wake("test")
	w.eventually("the pass says that its tree is old", func() bool {
		last := w.loop.Status().Last
		return last.Err == nil && errors.Is(last.SourceErr, spec.ErrSourceUnreachable)
	})
}
