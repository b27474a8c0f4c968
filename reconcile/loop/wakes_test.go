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

// TestAServerThatHangsDelaysNoContainer: what dies while the source is being read is started again
// with the tree that is known.
func TestAServerThatHangsDelaysNoContainer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.quiet()
	hangs, open := w.hang()
	defer open()
	w.loop.Wake("interval")
	<-hangs
	w.host.kill("a.example.com")
	w.eventually("it runs again while the server hangs",
		func() bool { return w.runs("a.example.com") })
	w.declare("a.example.com: {}, b.example.com: {}")
	open()
	w.eventually("the tree is applied when it was read",
		func() bool { return w.runs("b.example.com") })
}

// TestWhatANewTreeSaysIsNotHiddenByOlderPasses: passes are made while a new tree is being read.
// What it holds, and that others wait for it, would be unknown until the next interval.
func TestWhatANewTreeSaysIsNotHiddenByOlderPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.quiet()
	hangs, open := w.hang()
	defer open()
	w.declare("a.example.com: {}")
	w.loop.Wake("test")
	<-hangs
	w.host.kill("a.example.com")
	w.eventually("it runs again", func() bool { return w.runs("a.example.com") })
	w.quiet()
	open()
	w.eventually("the status is that of the new tree",
		func() bool { return w.loop.Status().Latest.Revision.ID == "r2" })
}

// TestAWindowThatOpensWakes: nobody else would, until the interval ends.
func TestAWindowThatOpensWakes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	soon := w.clock().UTC().Add(90 * time.Minute).Truncate(time.Minute)
	window := soon.Format("15:04") + "-" + soon.Add(30*time.Minute).Format("15:04")
	w.declare("a.example.com: {windows: [daily " + window + "]}")
	w.start(func(o *loop.Options) { o.Backoff = loop.Backoff{Initial: time.Millisecond} })
	w.quiet()
	if w.runs("a.example.com") {
		t.Fatal("it was made outside its window")
	}
	w.later(soon.Sub(w.clock()) + time.Second)
	w.loop.Wake("the timer, which does not know of the test's clock")
	w.eventually("it is made in its window", func() bool { return w.runs("a.example.com") })
	if opens := w.passes()[0].Pass.Opens; !opens.Equal(soon) {
		t.Errorf("the loop would wake at %v, the window opens at %v", opens, soon)
	}
}

// TestWhatIsBlockedIsToldOnce: a daemon that cannot do its job must say so in its log, with the
// reason, and not with every pass.
func TestWhatIsBlockedIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.RemoveBridge("lxcbr1")
	w.declare("a.example.com: {}")
	w.start()
	for range 3 {
		w.loop.Wake("test")
		w.quiet()
	}
	if n := w.log.count("is blocked h1"); n != 1 {
		t.Errorf("told %d times:\n%s", n, w.log.buf.String())
	}
	if s := w.loop.Status(); !s.Success.IsZero() {
		t.Error("a pass in which everything was blocked counts as a success")
	}
	w.host.AddBridge("lxcbr1")
	w.loop.Wake("test")
	w.eventually("it heals", func() bool { return w.runs("a.example.com") })
	w.quiet()
	if w.log.count("something is right again") == 0 {
		t.Error("that it is over is not told")
	}
}
