package loop_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

func TestWhatIsCommittedIsApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.eventually("a runs after the start", func() bool { return w.runs("a.example.com") })
	w.quiet()
	w.declare("a.example.com: {}, b.example.com: {}")
	w.loop.Wake("test")
	w.eventually("b runs after a wake", func() bool { return w.runs("b.example.com") })
	w.quiet()
	s := w.loop.Status()
	if s.Revision.ID != "r2" || s.Success.IsZero() || s.SourceError != "" || len(s.Failures) != 0 {
		t.Errorf("the status does not say that all is well: %+v", s)
	}
}

// TestWhatIsKnownIsWhatCameOfTheChanges: a plan from what was last seen must not plan again what
// the daemon has done.
func TestWhatIsKnownIsWhatCameOfTheChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.eventually("it runs", func() bool { return w.runs("a.example.com") })
	w.quiet()
	known, err := w.store.Observations(t.Context())
	must(t, err)
	if seen := string(known["h1"].Content); !strings.Contains(seen, "a.example.com") {
		t.Errorf("what is remembered of the host is %s", seen)
	}
	if looks := w.host.looks.Load(); looks != int64(len(w.passes())) {
		t.Errorf("%d passes looked at the host %d times", len(w.passes()), looks)
	}
}

func TestManyWakesAreOnePass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.quiet()
	before := len(w.passes())
	for i := range 1000 {
		w.loop.Wake(fmt.Sprintf("reason %d", i%3))
	}
	w.quiet()
	if n := len(w.passes()) - before; n < 1 || n > 20 {
		t.Errorf("1000 wakes made %d passes", n)
	}
}

// TestNothingToDoWritesNothing: a daemon that is left alone for years must not wear the disk out.
func TestNothingToDoWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.quiet()
	serial, writes := w.serial(), w.host.Writes()
	for range 5 {
		w.loop.Wake("test")
		w.quiet()
	}
	if w.serial() != serial || w.host.Writes() != writes {
		t.Errorf("serial %d became %d, writes %d became %d", serial, w.serial(), writes,
			w.host.Writes())
	}
}

func (w *world) serial() int64 {
	s, err := w.store.Load(context.Background())
	must(w.t, err)
	return s.Serial
}

func TestASlowContainerDelaysNoOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun, open := w.host.slow("slow.example.com")
	defer open()
	w.declare("slow.example.com: {}")
	w.start()
	<-begun
	w.declare("slow.example.com: {}, quick.example.com: {}")
	w.loop.Wake("test")
	w.eventually("quick runs while slow is being made",
		func() bool { return w.runs("quick.example.com") })
	w.eventually("the status says that only slow is worked on",
		func() bool { return w.loop.Status().Busy == 1 })
	open()
	w.eventually("slow runs in the end", func() bool { return w.runs("slow.example.com") })
	w.quiet()
	if b := w.loop.Status().Busy; b != 0 {
		t.Errorf("%d containers count as worked on for ever", b)
	}
}

// TestWhatWasNotDoneWhileBusyIsDoneAfter: a commit that concerns a container which is being worked
// on must not be lost.
func TestWhatWasNotDoneWhileBusyIsDoneAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun, open := w.host.slow("a.example.com")
	defer open()
	w.declare("a.example.com: {}")
	w.start()
	<-begun
	w.declare("a.example.com: {memory: 64M}")
	w.loop.Wake("test")
	w.eventually("the second commit is seen",
		func() bool { return w.loop.Status().Revision.ID == "r2" })
	open()
	w.eventually("the second commit is applied", func() bool {
		actual, err := w.host.Observe(context.Background())
		must(t, err)
		for _, c := range actual.Containers {
			if c.Name == "a.example.com" && c.Config.Memory == 64<<20 {
				return true
			}
		}
		return false
	})
}

func TestAContainerThatDiesIsStartedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.quiet()
	for range 3 {
		w.host.kill("a.example.com")
		w.eventually("it runs again", func() bool { return w.runs("a.example.com") })
		w.quiet()
	}
}

func TestFailuresAreTriedAgainMoreAndMoreSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.Fail("bad.example.com", plan.Start, -1, errBroken)
	w.declare("bad.example.com: {}, good.example.com: {}")
	w.start(func(o *loop.Options) {
		o.Backoff = loop.Backoff{Initial: 10 * time.Minute, Max: 35 * time.Minute}
	})
	w.eventually("the other one runs", func() bool { return w.runs("good.example.com") })
	w.quiet()
	count := func() int {
		f := w.loop.Status().Failures
		if len(f) != 1 || f[0].Container != "bad.example.com" {
			t.Fatalf("failures: %+v", f)
		}
		return f[0].Count
	}
	if count() != 1 {
		t.Fatalf("tried %d times at once", count())
	}
	want := 1
	for _, step := range []struct {
		after time.Duration
		tried bool
	}{
		{9 * time.Minute, false}, {2 * time.Minute, true}, // 10
		{15 * time.Minute, false}, {6 * time.Minute, true}, // 20
		{30 * time.Minute, false}, {6 * time.Minute, true}, // 35, not 40
	} {
		w.later(step.after)
		w.loop.Wake("test")
		w.quiet()
		if step.tried {
			want++
		}
		if count() != want {
			t.Fatalf("after %v more it was tried %d times, want %d", step.after, count(), want)
		}
	}
	w.host.Fail("bad.example.com", plan.Start, 0, nil)
}

func TestANewRevisionAndAPersonResetTheWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.Fail("bad.example.com", plan.Start, 3, errBroken)
	w.declare("bad.example.com: {}")
	w.start(func(o *loop.Options) { o.Backoff = loop.Backoff{Initial: time.Hour} })
	w.quiet()
	w.declare("bad.example.com: {memory: 64M}")
	w.loop.Wake("test")
	w.quiet()
	if f := w.loop.Status().Failures; len(f) != 1 || f[0].Count != 1 {
		t.Fatalf("a new revision was not tried, or the old failures count: %+v", f)
	}
	w.loop.Wake(loop.Triggered)
	w.quiet()
	w.loop.Wake(loop.Triggered)
	w.eventually("a person gets it tried at once", func() bool { return w.runs("bad.example.com") })
	w.quiet()
	if f := w.loop.Status().Failures; len(f) != 0 {
		t.Errorf("the success is not noticed: %+v", f)
	}
}

func TestWhatCannotHealIsTriedWhenTheHostChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.Fail("bad.example.com", plan.Start, 1,
		fmt.Errorf("no such device: %w", execute.ErrPermanent))
	w.declare("bad.example.com: {}")
	w.start()
	w.quiet()
	w.later(24 * time.Hour)
	w.loop.Wake("test")
	w.quiet()
	w.loop.Wake("test")
	w.quiet()
	if f := w.loop.Status().Failures; len(f) != 1 || f[0].Count != 1 || !f[0].Retry.IsZero() {
		t.Fatalf("it was tried again though nothing has changed: %+v", f)
	}
	w.host.AddBridge("br7")
	w.loop.Wake("test")
	w.eventually("it is tried when the host has changed",
		func() bool { return w.runs("bad.example.com") })
}

func TestABadTreeTouchesNothingAndIsToldOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.quiet()
	writes := w.host.Writes()
	w.declare("a.example.com: {memori: 1}")
	for range 5 {
		w.loop.Wake("test")
		w.quiet()
	}
	if w.host.Writes() != writes || !w.runs("a.example.com") {
		t.Error("a bad tree changed the host")
	}
	if n := w.log.count("something is wrong"); n != 1 {
		t.Errorf("the failing revision was told %d times", n)
	}
	if s := w.loop.Status(); s.SourceError == "" {
		t.Error("the status does not say that the source is bad")
	}
	w.declare("")
	w.mu.Lock()
	w.files = fstest.MapFS{}
	w.mu.Unlock()
	w.loop.Wake("test")
	w.quiet()
	if !w.runs("a.example.com") {
		t.Error("an empty tree was taken to mean that nothing shall exist")
	}
	w.declare("a.example.com: {}, b.example.com: {}")
	w.loop.Wake("test")
	w.eventually("the mended tree is applied", func() bool { return w.runs("b.example.com") })
	w.quiet()
	if s := w.loop.Status(); s.SourceError != "" {
		t.Errorf("the error stays: %s", s.SourceError)
	}
}

// TestAServerThatIsGoneChangesNothing: the last tree holds, so that what dies meanwhile is healed.
func TestAServerThatIsGoneChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.quiet()
	w.failFetch(fmt.Errorf("connection refused: %w", spec.ErrSourceUnreachable))
	w.host.kill("a.example.com")
	w.eventually("it is started from the last tree", func() bool { return w.runs("a.example.com") })
	w.loop.Wake("test")
	w.quiet()
	if s := w.loop.Status(); s.SourceError == "" || s.Revision.ID != "r1" {
		t.Errorf("the status hides that the server is gone: %+v", s)
	}
	w.failFetch(errors.New("cannot read b.yaml"))
	w.loop.Wake("test")
	w.quiet()
	w.host.kill("a.example.com")
	writes := w.host.Writes()
	w.quiet()
	time.Sleep(100 * time.Millisecond)
	if w.runs("a.example.com") || w.host.Writes() != writes {
		t.Error("an incomplete source was acted on")
	}
	w.failFetch(nil)
	w.loop.Wake("test")
	w.eventually("it recovers by itself", func() bool { return w.runs("a.example.com") })
}

func TestAHostThatCannotBeSeenIsToldOnceAndHeals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.host.Unreachable(errBroken)
	w.start()
	for range 4 {
		w.loop.Wake("test")
		w.quiet()
	}
	if n := w.log.count("host is unreachable"); n != 1 {
		t.Errorf("told %d times:\n%s", n, w.log.buf.String())
	}
	w.host.Unreachable(nil)
	w.loop.Wake("test")
	w.eventually("it heals", func() bool { return w.runs("a.example.com") })
}

func TestWhatIsSuspendedIsLeftAloneUntilItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.store.Apply(context.Background(), state.Batch{Suspend: []state.Suspension{{
		Host: "h1", Container: "a.example.com", Reason: "disk is being changed", By: "me@here",
		Since: w.clock().UTC(), Until: w.clock().Add(time.Hour).UTC(),
	}}})
	must(t, err)
	w.declare("a.example.com: {}, b.example.com: {}")
	w.start()
	w.eventually("the other one is made", func() bool { return w.runs("b.example.com") })
	w.quiet()
	held := w.loop.Status().Latest.Plan.Held
	if len(held) != 1 || held[0].Container != "a.example.com" || held[0].Code != plan.HeldSuspended {
		t.Errorf("the plan does not say what is held: %+v", held)
	}
	if w.runs("a.example.com") {
		t.Fatal("what is suspended was made")
	}
	w.later(2 * time.Hour)
	w.loop.Wake("test")
	w.eventually("it is made after its time", func() bool { return w.runs("a.example.com") })
}

// TestTheEndWaitsForRunningSteps: a restart must not leave half-made containers.
func TestTheEndWaitsForRunningSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun, open := w.host.slow("slow.example.com")
	w.declare("slow.example.com: {}")
	w.start()
	<-begun
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.stop()
	}()
	select {
	case <-ended:
		t.Fatal("the daemon ended in the middle of a step")
	case <-time.After(100 * time.Millisecond):
	}
	open()
	<-ended
	unlock, err := w.host.Lock(t.Context(), "test")
	if err != nil {
		t.Fatalf("the lock of the host is still held: %v", err)
	}
	must(t, unlock())
}

func TestTheEndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	before := runtime.NumGoroutine()
	for range 10 {
		w := newWorld(t)
		w.declare("a.example.com: {}")
		w.start()
		w.quiet()
		w.stop()
	}
	w := newWorld(t)
	// Other tests run at the same time; ten leaks of each loop would show.
	w.eventually("goroutines end", func() bool { return runtime.NumGoroutine() < before+60 })
}
