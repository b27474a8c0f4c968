package loop_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// TestAWrongTreeDestroysNothingWhileContainersAreBusy: passes overlap, and the guard must not let
// go one container after the other, each as soon as nobody works on it.
func TestAWrongTreeDestroysNothingWhileContainersAreBusy(t *testing.T) {
	t.Parallel()
	const containers = 8
	w := newWorld(t)
	tree := func(memory string) string {
		var list []string
		for i := range containers {
			list = append(list, fmt.Sprintf("c%d.example.com: {memory: %s}", i, memory))
		}
		return strings.Join(list, ", ")
	}
	w.declare(tree("64M"))
	w.start()
	w.quiet()
	var opens []func()
	for i := range containers {
		_, open := w.host.slow(fmt.Sprintf("c%d.example.com", i))
		opens = append(opens, open)
	}
	w.declare(tree("128M"))
	w.loop.Wake("test")
	w.eventually("all are worked on", func() bool { return w.loop.Status().Busy == containers })
	w.declare("") // all of them are gone from the tree
	w.loop.Wake("test")
	w.eventually("the wrong tree is read", func() bool { return w.loop.Status().Revision.ID == "r3" })
	for _, open := range opens {
		open()
		w.quiet()
	}
	actual, err := w.host.Observe(context.Background())
	must(t, err)
	if left := len(actual.Containers) - 1; left < containers {
		t.Errorf("%d of %d containers were destroyed behind the guard", containers-left, containers)
	}
}

// crowded notices when two steps of one container are carried out at once.
type crowded struct {
	*gated
	name string
	now  atomic.Int32
	most atomic.Int32
}

// Do implements execute.Host.
func (c *crowded) Do(ctx context.Context, s plan.Step, x execute.Secrets) (string, error) {
	if s.Container == c.name {
		c.most.Store(max(c.most.Load(), c.now.Add(1)))
		defer c.now.Add(-1)
	}
	return c.gated.Do(ctx, s, x)
}

func TestTwoPassesNeverWorkOnOneContainer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	host := &crowded{gated: w.host, name: "c.example.com"}
	slowBegun, openSlow := w.host.slow("slow.example.com")
	defer openSlow()
	w.declare("slow.example.com: {}, c.example.com: {}")
	w.start(func(o *loop.Options) {
		o.Pass.Dial = func(context.Context, *spec.Host, string) (reconcile.Host, error) {
			return host, nil
		}
	})
	<-slowBegun
	w.eventually("c is finished by the first pass",
		func() bool { return w.runs("c.example.com") && w.loop.Status().Busy == 1 })
	begun, open := w.host.slow("c.example.com")
	defer open()
	w.declare("slow.example.com: {}, c.example.com: {memory: 64M}")
	w.loop.Wake("test")
	<-begun // the second pass works on c
	openSlow()
	w.eventually("the first pass ends", func() bool { return w.runs("slow.example.com") })
	w.quiet()
	open()
	w.quiet()
	if n := host.most.Load(); n > 1 {
		t.Errorf("%d passes worked on one container at once", n)
	}
}

// TestWhatCannotBeTriedMakesNoPasses: a container that failed and was then suspended is due for
// ever. The daemon must not ask all hosts about it every second.
func TestWhatCannotBeTriedMakesNoPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.host.Fail("bad.example.com", plan.Start, -1, errBroken)
	w.declare("bad.example.com: {}")
	w.start(func(o *loop.Options) {
		o.Backoff = loop.Backoff{Initial: 20 * time.Millisecond, Max: 20 * time.Millisecond}
	})
	w.eventually("it fails", func() bool { return len(w.loop.Status().Failures) == 1 })
	_, err := w.store.Apply(context.Background(), state.Batch{Suspend: []state.Suspension{{
		Host: "h1", By: "me@here", Since: time.Now().UTC()}}})
	must(t, err)
	w.eventually("it is held", func() bool {
		held := w.loop.Status().Latest.Plan.Held
		return len(held) == 1 && held[0].Code == plan.HeldSuspended
	})
	w.quiet()
	before := len(w.passes())
	time.Sleep(500 * time.Millisecond)
	if n := len(w.passes()) - before; n > 3 {
		t.Errorf("%d passes in half a second for what is suspended", n)
	}
}

// TestOneFailedLookLocksNothingOut: while a slow container is being made, a host that could not be
// seen once must be usable again at the next look.
func TestOneFailedLookLocksNothingOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begun, open := w.host.slow("slow.example.com")
	defer open()
	w.declare("slow.example.com: {}")
	w.start()
	<-begun
	w.host.Unreachable(errBroken)
	w.loop.Wake("test")
	w.eventually("the host is unreachable once",
		func() bool { return len(w.loop.Status().Latest.Plan.Unreachable) == 1 })
	w.host.Unreachable(nil)
	w.declare("slow.example.com: {}, new.example.com: {}")
	w.loop.Wake("test")
	w.eventually("a new container is made", func() bool { return w.runs("new.example.com") })
}

// TestALoopThatIsFullIsNotStuck: whoever watches over the daemon, such as systemd, must not kill it
// because many containers are slow.
func TestALoopThatIsFullIsNotStuck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("")
	var beats atomic.Int64
	w.start(func(o *loop.Options) { o.Beat = func() { beats.Add(1) } })
	w.quiet()
	const mostPasses = 32
	all := ""
	for i := range mostPasses {
		name := fmt.Sprintf("c%d.example.com", i)
		begun, open := w.host.slow(name)
		defer open()
		all += name + ": {}, "
		w.declare(all)
		w.loop.Wake("test")
		<-begun
	}
	w.loop.Wake("one more")
	w.eventually("the loop waits for a place", func() bool { return w.loop.Status().Waiting == 0 })
	before := beats.Load()
	w.eventually("it says that it is alive", func() bool { return beats.Load() > before+1 })
}
