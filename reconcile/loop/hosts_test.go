package loop_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
)

// A host that hangs must keep no other from its containers, must never count as a host without
// containers, and must be part of the passes as soon as it answers, without being asked for.
func TestAHostThatHangsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for _, part := range []string{inDial, inLock, inObserve, inCheck} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 3)
			bad := f.hosts["h2"]
			open := bad.hang(part)
			defer open()
			f.have(map[string]string{"h1": "a", "h2": "b", "h3": "c"})
			f.begin()
			f.eventuallyRun("h1/a h3/c")
			f.have(map[string]string{"h1": "a a2", "h2": "b b2", "h3": "c c2"})
			for range 5 {
				f.loop.Wake("test")
				f.quiet()
			}
			f.eventuallyRun("h1/a2 h3/c2")
			x, found := f.unknown("h2")
			if !found || x.Since.IsZero() || x.Tries != 1 || !x.Retry.IsZero() ||
				!strings.Contains(x.Text, "has not answered") {
				t.Errorf("the status says of the host: %+v", x)
			}
			if n := f.log.count(`"host is unreachable h2" error=`); n != 1 {
				t.Errorf("that the host does not answer is told %d times", n)
			}
			if !bad.hangs() || bad.count(&bad.most) != 1 {
				t.Errorf("the host was asked %d times at once", bad.count(&bad.most))
			}
			open()
			f.eventuallyRun("h2/b h2/b2")
			f.eventually("the status says that the host answers", func() bool {
				_, found := f.unknown("h2")
				return !found
			})
		})
	}
}

// However long a pass waits for a host that was well the last time, it must not wait at all for one
// that was not.
func TestNoPassWaitsForAHostThatIsTriedAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	bad := f.hosts["h2"]
	bad.fail(inDial, errBroken)
	f.have(map[string]string{"h1": "a", "h2": "b"})
	f.begin(func(o *loop.Options) { o.Patience = time.Hour })
	f.eventuallyRun("h1/a")
	open := bad.hang(inDial)
	defer open()
	bad.fail(inDial, nil)
	f.eventually("it is tried again", bad.hangs)
	f.have(map[string]string{"h1": "a a2", "h2": "b"})
	f.loop.Wake("test")
	f.eventuallyRun("h1/a2")
	open()
	f.eventuallyRun("h2/b")
}

// A host that comes back must be found by the daemon itself, and not sooner than its backoff says.
func TestAHostThatFailsIsTriedAgainBySelf(t *testing.T) {
	t.Parallel()
	for _, part := range []string{inDial, inLock, inObserve} {
		t.Run(part, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, 2)
			bad := f.hosts["h2"]
			bad.fail(part, errBroken)
			f.have(map[string]string{"h1": "a", "h2": "b"})
			f.begin()
			f.eventuallyRun("h1/a")
			f.eventually("it is tried three times", func() bool {
				x, _ := f.unknown("h2")
				return x.Tries >= 3 && strings.Contains(x.Text, errBroken.Error())
			})
			f.quiet()
			passes := len(f.passes())
			f.eventually("it is tried on", func() bool {
				x, _ := f.unknown("h2")
				return x.Tries >= 10
			})
			if more := len(f.passes()) - passes; more > 0 {
				t.Errorf("for a host that fails %d passes were made over all hosts", more)
			}
			bad.fail(part, nil)
			f.eventuallyRun("h2/b")
			if n := f.log.count(`"host is unreachable h2" error=`); n != 1 {
				t.Errorf("that the host is unreachable is told %d times:\n%s", n, f.log.buf.String())
			}
		})
	}
}

// A host that another run works on is no trouble of the host, also while it is tried again.
func TestAHostThatAnotherRunHoldsIsInUse(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	unlock, err := f.hosts["h2"].Fake.Lock(t.Context(), "ann@desk (pid 7)")
	must(t, err)
	f.have(map[string]string{"h1": "a", "h2": "b"})
	f.begin(func(o *loop.Options) { o.Pass.LockTimeout = time.Millisecond })
	f.eventuallyRun("h1/a")
	f.eventually("it is tried three times", func() bool {
		x, _ := f.unknown("h2")
		return x.Tries >= 3
	})
	x, _ := f.unknown("h2")
	if !x.InUse || !strings.Contains(x.Text, "in use by ann@desk (pid 7)") {
		t.Errorf("the status says of the host: %+v", x)
	}
	f.eventually("the log says who has it", func() bool {
		return f.log.count(`"host is in use by another run h2" error=`) == 1
	})
	must(t, unlock())
	f.eventuallyRun("h2/b")
}

// Who has mended a host and says so must not wait for ten minutes.
func TestAPersonGetsAHostTriedAtOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	f.hosts["h2"].fail(inDial, errBroken)
	f.have(map[string]string{"h1": "a", "h2": "b"})
	f.begin(func(o *loop.Options) {
		o.Backoff = loop.Backoff{Initial: time.Hour, Max: time.Hour}
		o.Patience = patience
	})
	f.eventuallyRun("h1/a")
	f.quiet()
	asked := f.hosts["h2"].count(&f.hosts["h2"].asked)
	x, _ := f.unknown("h2")
	if left := x.Retry.Sub(f.clock()); left < 50*time.Minute || left > time.Hour {
		t.Errorf("the next try is said to be in %v", left)
	}
	f.hosts["h2"].fail(inDial, nil)
	f.loop.Wake("test")
	f.quiet()
	if n := f.hosts["h2"].count(&f.hosts["h2"].asked); n != asked {
		t.Errorf("a pass asked a host whose time had not come")
	}
	f.loop.Wake(loop.Triggered)
	f.eventuallyRun("h2/b")
	for _, r := range f.passes() {
		if r.Reasons[0] == loop.Triggered && len(r.Pass.Plan.Unreachable) > 0 {
			t.Error("the pass that a person asked for did not wait for the host")
		}
	}
}

// One dead machine among a hundred must cost the others nothing, and the daemon one goroutine.
func TestOneThatHangsForEverAmongAHundred(t *testing.T) {
	t.Parallel()
	const hosts = 101
	f := newFleet(t, hosts)
	dead := f.hosts["h50"]
	open := dead.hang(inDial)
	defer open()
	tree, all := map[string]string{}, ""
	for name := range f.hosts {
		tree[name] = "a"
		if name != "h50" {
			all += name + "/a "
		}
	}
	f.have(tree)
	f.begin(func(o *loop.Options) { o.Pass.Parallel = 32 })
	f.eventuallyRun(all)
	for range 10 {
		f.loop.Wake("test")
		f.quiet()
	}
	if n := dead.count(&dead.asked); n != 1 {
		t.Errorf("the host that hangs was asked %d times", n)
	}
	if x, _ := f.unknown("h50"); x.Tries != 1 {
		t.Errorf("the status says %+v", x)
	}
}

// Another program may wait for the lock of a host: the daemon must not keep it for a pass that
// does not come.
func TestALockThatNoPassWantsIsGivenBack(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	open := f.hosts["h1"].hang(inObserve)
	defer open()
	f.have(map[string]string{"h1": "a"})
	f.begin()
	f.eventually("the host does not answer", func() bool {
		_, found := f.unknown("h1")
		return found
	})
	f.failFetch(errors.New("the tree is broken"))
	f.loop.Wake("test")
	f.quiet()
	open()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	unlock, err := f.hosts["h1"].Fake.Lock(ctx, "another")
	if err != nil {
		t.Fatalf("the lock is held for nothing: %v", err)
	}
	must(t, unlock())
	f.failFetch(nil)
	f.loop.Wake("test")
	f.eventuallyRun("h1/a")
}

// A host that is declared otherwise, or no more, must not be asked as before for ever.
func TestAHostThatHangsCanBeDeclaredOtherwise(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	bad := f.hosts["h2"]
	open := bad.hang(inDial)
	defer open()
	f.have(map[string]string{"h1": "a", "h2": "b"})
	f.begin()
	f.eventuallyRun("h1/a")
	f.have(map[string]string{"h1": "a", "h2": "b"}, "h2: {lxcpath: /srv/lxc}")
	f.loop.Wake("test")
	f.eventually("it is asked as it is declared now",
		func() bool { return bad.count(&bad.asked) > 1 && bad.hangs() })
	f.have(map[string]string{"h1": "a a2"})
	f.loop.Wake("test")
	f.eventuallyRun("h1/a2")
	f.eventually("it is left", func() bool { return !bad.hangs() })
	if n := bad.count(&bad.most); n != 1 {
		t.Errorf("it was asked %d times at once", n)
	}
	f.have(map[string]string{"h1": "a", "h2": "b"})
	open()
	f.loop.Wake("test")
	f.eventuallyRun("h2/b")
}

// What a slow host showed of a container that was being made then is not how it is: the container
// must not be made a second time.
func TestWhatIsFinishedWhileAHostAnswersIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	h := f.hosts["h1"]
	begun, finish := h.slow(full("h1", "a"))
	defer finish()
	f.have(map[string]string{"h1": "a"})
	f.begin()
	<-begun
	open := h.hang(inObserve)
	defer open()
	f.have(map[string]string{"h1": "a b"})
	f.loop.Wake("test")
	f.eventually("the host is slow to answer", func() bool {
		_, found := f.unknown("h1")
		return found
	})
	finish()
	f.eventuallyRun("h1/a")
	f.eventually("a is not worked on", func() bool { return f.loop.Status().Busy == 0 })
	open()
	f.eventuallyRun("h1/b")
	f.quiet()
	if n := h.made[full("h1", "a")]; n != 1 {
		t.Errorf("it was made %d times", n)
	}
	if held := f.loop.Status().Latest.Plan.Held; len(held) > 0 {
		t.Errorf("in the end there is left alone: %+v", held)
	}
}

// A slow host that was asked before a container was declared did not say whether it has room for
// that one.
func TestWhatDoesNotFitIsNotMadeAfterAnOldAnswer(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	h, large := f.hosts["h1"], "h1: {defaults: {memory: 64M}}"
	f.have(map[string]string{"h1": "a"}, large)
	f.begin()
	f.eventuallyRun("h1/a")
	f.quiet()
	h.EditFacts(func(x *plan.Facts) { x.Memory = 32 << 20 })
	open := h.hang(inObserve)
	defer open()
	f.loop.Wake("test")
	f.eventually("the host does not answer", func() bool {
		_, found := f.unknown("h1")
		return found
	})
	f.have(map[string]string{"h1": "a b"}, large)
	f.loop.Wake("test")
	f.quiet()
	open()
	f.eventually("the new container is blocked", func() bool {
		blocked := f.loop.Status().Latest.Plan.Blocked
		return len(blocked) == 1 && blocked[0].Container == full("h1", "b")
	})
	if n := h.made[full("h1", "b")]; n > 0 {
		t.Errorf("it was made %d times on a host without room for it", n)
	}
}

// TestHostsInAnyMoodHoldUpNoOther: whatever hosts do, what is declared on the others is made while
// they do it, and what they have stays.
func TestHostsInAnyMoodHoldUpNoOther(t *testing.T) {
	t.Parallel()
	const hosts, rounds = 8, 25
	f := newFleet(t, hosts)
	random := rand.New(rand.NewPCG(3, 4))
	tree := map[string]string{}
	for name := range f.hosts {
		tree[name] = "a"
	}
	f.have(tree)
	f.begin()
	for name := range f.hosts {
		f.eventuallyRun(name + "/a")
	}
	early := runtime.NumGoroutine()
	for round := range rounds {
		var ends []func()
		in := map[string]bool{} // a mood
		for name, h := range f.hosts {
			if random.IntN(2) > 0 {
				continue
			}
			part := []string{inDial, inLock, inObserve}[random.IntN(3)]
			if random.IntN(3) == 0 {
				h.fail(part, errBroken)
				ends = append(ends, func() { h.fail(part, nil) })
			} else {
				ends = append(ends, h.hang(part))
			}
			in[name] = true
		}
		for name := range tree {
			tree[name] += fmt.Sprintf(" c%d", round)
		}
		f.have(tree)
		f.loop.Wake("test")
		for name := range f.hosts {
			if !in[name] {
				f.eventuallyRun(fmt.Sprintf("%s/c%d", name, round))
			}
		}
		for _, end := range ends {
			end()
		}
		for name := range f.hosts {
			f.eventuallyRun(fmt.Sprintf("%s/c%d %[1]s/a", name, round))
		}
	}
	f.quiet()
	for name, h := range f.hosts {
		if n := h.count(&h.most); n != 1 {
			t.Errorf("%s was asked %d times at once", name, n)
		}
		for container, n := range h.made {
			if n != 1 {
				t.Errorf("%s/%s was made %d times", name, container, n)
			}
		}
	}
	unknown := 0
	for _, r := range f.passes() {
		unknown += len(r.Pass.Plan.Unreachable)
		for i := range r.Pass.Plan.Steps {
			s := &r.Pass.Plan.Steps[i]
			if s.Action == plan.Destroy || slices.ContainsFunc(r.Pass.Plan.Unreachable,
				func(u plan.Unreachable) bool { return u.Host == s.Host }) {
				t.Errorf("a pass does this, where %+v is unknown: %+v", r.Pass.Plan.Unreachable, s)
			}
		}
	}
	if unknown == 0 {
		t.Error("no host was ever unknown")
	}
	f.eventually("no goroutine is left", func() bool { return runtime.NumGoroutine() < early+60 })
}
