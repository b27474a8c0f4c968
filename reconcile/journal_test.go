package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/state"
)

// slowStore is a store on a slow disk, which never takes the end of one container's work. It holds
// back the first write of an end until others wait.
type slowStore struct {
	state.Store
	refuse string
	writes atomic.Int32
	idle   func() // returns when all that can go on has gone on
	once   sync.Once
}

func (s *slowStore) Apply(ctx context.Context, b state.Batch) (int64, error) {
	ends := slices.ContainsFunc(b.Put, func(r state.Record) bool { return r.Intent == "" })
	refused := func(r state.Record) bool { return r.Name == s.refuse && r.Intent == "" }
	if ends {
		s.once.Do(s.idle)
		s.writes.Add(1)
	}
	if slices.ContainsFunc(b.Put, refused) {
		return 0, errors.New("this record is not taken")
	}
	return s.Store.Apply(ctx, b)
}

// TestOneRecordThatIsNotStoredFailsOnlyItsContainer: ends of several containers are written
// together, and must not share each other's errors.
func TestOneRecordThatIsNotStoredFailsOnlyItsContainer(t *testing.T) {
	t.Parallel()
	const containers = 40
	w := newWorld(t, 1)
	var tree strings.Builder
	tree.WriteString("targets:\n  h1:\n")
	for i := range containers {
		fmt.Fprintf(&tree, "    c%d.example.com: {}\n", i)
	}
	w.declare(tree.String())
	slow := &slowStore{Store: w.store, refuse: "c7.example.com", idle: func() {
		// The others wait when the host no longer changes.
		for before := -1; before != w.writes(); {
			before = w.writes()
			time.Sleep(100 * time.Millisecond)
		}
	}}
	w.store = slow
	o := w.options()
	o.Parallel = 8
	pass, err := w.tryRun(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range pass.Result.Outcomes {
		if failed := out.Container == slow.refuse; out.Failed() != failed {
			t.Errorf("%s: failed %v", out.Container, out.Failed())
		}
	}
	for _, r := range w.snapshot().Records {
		if unfinished := r.Name == slow.refuse; (r.Intent != "") != unfinished {
			t.Errorf("%s: intent %q is left", r.Name, r.Intent)
		}
	}
	if n := slow.writes.Load(); n >= containers {
		t.Errorf("%d containers cost %d durable writes", containers, n)
	}
}

// To take a bad change back is what everybody does first. The setting that it wrote must go, also
// though the change was never carried out to its end.
func TestAFailedChangeCanBeTakenBack(t *testing.T) {
	t.Parallel()
	const good = "targets: {h1: {a.example.com: {lxc_conf: {lxc.a: '1'}}}}"
	const bad = "targets: {h1: {a.example.com: {lxc_conf: {lxc.a: '1', lxc.nope: '1'}}}}"
	for name, test := range map[string]struct {
		before string // the tree in which all was well
		fails  plan.Action
	}{
		"it does not start":               {good, plan.Start},
		"it cannot be written":            {good, plan.Configure},
		"made anew, it does not start":    {"targets: {h1: {}}", plan.Start},
		"made anew, it gets no address":   {"targets: {h1: {}}", plan.Address},
		"made anew, it cannot be written": {"targets: {h1: {}}", plan.Configure},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.declare(test.before)
			w.run()
			w.mustBeConverged()
			w.declare(bad)
			w.hosts["h1"].Fail("a.example.com", test.fails, 1, execute.ErrPermanent)
			if pass := w.run(); !pass.Result.Outcomes[0].Failed() {
				t.Fatal("the bad change was carried out")
			}
			w.declare(good)
			w.run()
			w.mustBeConverged()
			actual, err := w.hosts["h1"].Observe(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range actual.Containers {
				raw := c.Config.Raw
				if c.Name != "a.example.com" {
					continue
				}
				if raw["lxc.nope"] != nil || !slices.Equal(raw["lxc.a"], []string{"1"}) {
					t.Errorf("after the change was taken back the configuration says %v", raw)
				}
				if c.State != plan.Running {
					t.Errorf("it is %s", c.State)
				}
			}
		})
	}
}
