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
