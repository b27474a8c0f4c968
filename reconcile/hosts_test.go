package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// meeting lets hosts be dialled only when so many of them are being dialled at once.
type meeting struct {
	world *world
	want  int

	mu     sync.Mutex
	inside int
	most   int
	met    chan struct{} // closed when so many are inside
}

func (m *meeting) dial(ctx context.Context, h *spec.Host, by string) (reconcile.Host, error) {
	m.mu.Lock()
	if m.inside++; m.inside > m.most {
		if m.most = m.inside; m.most == m.want {
			close(m.met)
		}
	}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.inside--
	}()
	select {
	case <-m.met:
	case <-time.After(20 * time.Second):
	}
	return m.world.dial(ctx, h, by)
}

// Twenty hosts of which each takes a second must take two seconds, not twenty, however few
// containers are worked on at once; and a thousand must not take a thousand connections.
func TestHostsAreLookedAtInParallelUpToALimit(t *testing.T) {
	t.Parallel()
	const hosts = 12
	for limit, want := range map[int]int{0: hosts, 5: 5} {
		w := newWorld(t, hosts)
		w.declare(bareTargets(hosts))
		m := &meeting{world: w, want: want, met: make(chan struct{})}
		o := w.options()
		o.Parallel, o.ParallelHosts, o.Dial = 1, limit, m.dial
		if _, err := w.tryRun(o); err != nil {
			t.Fatal(err)
		}
		if m.most != want {
			t.Errorf("with a limit of %d, %d of %d hosts were dialled at once", limit, m.most, hosts)
		}
	}
}

// A host that another run works on is well: it is left alone, and the user learns who has it.
func TestAHostThatAnotherRunHoldsIsInUse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare(twoHosts)
	unlock, err := w.hosts["h1"].Lock(t.Context(), "ann@desk (pid 7, reconciler run)")
	if err != nil {
		t.Fatal(err)
	}
	o := w.options()
	o.LockTimeout = time.Millisecond
	pass, err := w.tryRun(o)
	if err != nil {
		t.Fatal(err)
	}
	if u := pass.Plan.Unreachable; len(u) != 1 || u[0].Host != "h1" || !u[0].InUse ||
		!strings.Contains(u[0].Text, "in use by ann@desk") {
		t.Errorf("of the host that is in use the user learns %+v", u)
	}
	if !w.has("h2", "a") && !w.has("h2", "b") {
		t.Error("the other host was left alone, too")
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if pass := w.run(); len(pass.Plan.Unreachable) > 0 {
		t.Errorf("of a host that is free again the user learns %+v", pass.Plan.Unreachable)
	}
	w.hosts["h1"].Unreachable(errors.New("no route"))
	if pass := w.run(); len(pass.Plan.Unreachable) != 1 || pass.Plan.Unreachable[0].InUse {
		t.Errorf("of a host that is away the user learns %+v", pass.Plan.Unreachable)
	}
}

// bareTargets declares h1 … hN without a container.
func bareTargets(n int) string {
	var b strings.Builder
	b.WriteString("targets:\n")
	for i := range n {
		fmt.Fprintf(&b, "  h%d: {}\n", i+1)
	}
	return b.String()
}

// A container that was made, and of which a later step failed, may be in use: if it is gone with
// all that was ever made there, its disk is missing, and nothing is made in its place.
func TestALostDiskIsNoticedAlsoIfTheLastStepsFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare("targets: {h1: {a: {image: busybox}}}")
	w.hosts["h1"].Fail("a", plan.Address, -1, errors.New("on purpose"))
	o := w.options()
	o.Tries = 1
	if _, err := w.tryRun(o); err != nil {
		t.Fatal(err)
	}
	w.hosts["h1"].LoseDisk()
	writes := w.writes()
	pass := w.run()
	if u := pass.Plan.Unreachable; len(u) != 1 || !strings.Contains(u[0].Text, "mounted") {
		t.Errorf("unreachable are %v, done is %v", u, actions(pass.Plan.Steps))
	}
	if w.writes() != writes {
		t.Error("something was made where the disk should be")
	}
}

// posing is a host that is reached under the name of another.
type posing struct {
	reconcile.Host
	as string
}

// Observe implements reconcile.Host.
func (h posing) Observe(ctx context.Context) (plan.Actual, error) {
	actual, err := h.Host.Observe(ctx)
	actual.Host = h.as
	return actual, err
}

// An address that leads to another host of the tree must not have the containers made there once
// more, with the addresses of those that go on running where they are.
func TestTheMachineOfAnotherHostIsNotTakenForAnEmptyOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare("targets: {h1: {a: {image: busybox}}, h2: {b: {image: busybox}}}")
	w.run()
	o := w.options()
	o.Dial = func(ctx context.Context, h *spec.Host, by string) (reconcile.Host, error) {
		if h.Name == "h1" {
			return posing{w.hosts["h2"], "h1"}, nil
		}
		return w.dial(ctx, h, by)
	}
	o.Hosts = []string{"h1"}
	pass, err := w.tryRun(o)
	if err != nil {
		t.Fatal(err)
	}
	if u := pass.Plan.Unreachable; len(u) != 1 || !strings.Contains(u[0].Text, `"h2"`) {
		t.Errorf("unreachable are %v, done is %v", u, actions(pass.Plan.Steps))
	}
	w.hosts["h1"].DestroyByHand("a") // as on its own machine, where it is made anew
	w.run()
	w.mustBeConverged()
}
