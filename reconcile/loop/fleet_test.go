package loop_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// fleet is an installation with several hosts, each of which may be in a mood.
type fleet struct {
	*world
	hosts map[string]*moody
}

// The parts of a look in which a host can hang or fail.
const (
	inDial    = "dial"
	inLock    = "lock"
	inObserve = "observe" // when it has seen everything, before it says so
	inCheck   = "check"
)

// moody is a host that can be made to hang or to fail.
type moody struct {
	*gated
	mu     sync.Mutex
	gates  map[string]chan struct{} // by part
	errs   map[string]error         // by part
	asked  int                      // times that somebody connected to it, or locked it
	inside int                      // parts that are going on
	most   int                      // of inside
	made   map[string]int           // steps that made a container, by its name
}

// newFleet makes hosts h1 … hN. Nothing is declared yet.
func newFleet(t testing.TB, n int) *fleet {
	t.Helper()
	f := &fleet{world: newWorld(t), hosts: map[string]*moody{}}
	snapshot, err := f.store.Load(t.Context())
	must(t, err)
	for i := range n {
		name := fmt.Sprintf("h%d", i+1)
		f.hosts[name] = &moody{gated: newGated(name, snapshot.Installation),
			gates: map[string]chan struct{}{}, errs: map[string]error{}, made: map[string]int{}}
	}
	return f
}

// begin starts the daemon with little patience.
func (f *fleet) begin(change ...func(*loop.Options)) {
	f.start(append([]func(*loop.Options){func(o *loop.Options) {
		o.Pass.Dial = f.dial
		o.Patience = 50 * time.Millisecond
		o.Backoff = loop.Backoff{Initial: time.Millisecond, Max: 10 * time.Millisecond}
	}}, change...)...)
}

func (f *fleet) dial(ctx context.Context, h *spec.Host, _ string) (reconcile.Host, error) {
	m := f.hosts[h.Name]
	return m, m.part(ctx, inDial)
}

// have declares containers of hosts, as "a b c"; settings may be given for each host by its name.
func (f *fleet) have(containers map[string]string, settings ...string) {
	f.world.mu.Lock()
	defer f.world.mu.Unlock()
	f.revision++
	var tree strings.Builder
	tree.WriteString("hosts: {" + strings.Join(settings, ", ") + "}\ntargets:\n")
	for host, names := range containers {
		fmt.Fprintf(&tree, "  %s:\n    {", host)
		for _, name := range strings.Fields(names) {
			fmt.Fprintf(&tree, "%s: {}, ", full(host, name))
		}
		tree.WriteString("}\n")
	}
	f.files = fstest.MapFS{"tree.yaml": {Data: []byte(tree.String())}}
}

// full returns the whole name of a container: no two hosts may have the same.
func full(host, name string) string { return name + "." + host + ".example.com" }

// eventuallyRun waits until containers run, as "h1/a h1/b h2/a".
func (f *fleet) eventuallyRun(list string) {
	f.t.Helper()
	for _, what := range strings.Fields(list) {
		host, name, _ := strings.Cut(what, "/")
		f.eventually(what+" runs", func() bool { return f.hosts[host].runs(full(host, name)) })
	}
}

// unknown returns what the status says of a host that does not answer.
func (f *fleet) unknown(host string) (x loop.Unknown, found bool) {
	list := f.loop.Status().Unknown
	i := slices.IndexFunc(list, func(x loop.Unknown) bool { return x.Host == host })
	if i < 0 {
		return x, false
	}
	return list[i], true
}

// part is one part of a look.
func (m *moody) part(ctx context.Context, name string) error {
	m.mu.Lock()
	gate, err := m.gates[name], m.errs[name]
	if name == inDial || name == inLock {
		m.asked++
	}
	m.inside++
	m.most = max(m.most, m.inside)
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.inside--
	}()
	if gate == nil {
		return err
	}
	select {
	case <-gate:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// hang makes one part of a look wait until open is called.
func (m *moody) hang(part string) (open func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	gate := make(chan struct{})
	m.gates[part] = gate
	return sync.OnceFunc(func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.gates, part)
		close(gate)
	})
}

// hangs reports whether a look is going on.
func (m *moody) hangs() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.inside > 0
}

// fail makes one part of a look fail, or work again with nil.
func (m *moody) fail(part string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.errs[part] = err
}

// count returns a figure.
func (m *moody) count(of *int) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return *of
}

// Lock implements reconcile.Host.
func (m *moody) Lock(ctx context.Context, by string) (func() error, error) {
	if err := m.part(ctx, inLock); err != nil {
		return nil, err
	}
	return m.gated.Lock(ctx, by)
}

// Observe implements reconcile.Host.
func (m *moody) Observe(ctx context.Context) (plan.Actual, error) {
	actual, err := m.gated.Observe(ctx)
	return actual, errors.Join(err, m.part(ctx, inObserve))
}

// Check implements reconcile.Preparer.
func (m *moody) Check(
	ctx context.Context, want *spec.Preparation,
) (plan.Facts, []plan.HostChange, error) {
	if err := m.part(ctx, inCheck); err != nil {
		return plan.Facts{}, nil, err
	}
	return m.gated.Check(ctx, want)
}

// Do implements execute.Host.
func (m *moody) Do(ctx context.Context, s plan.Step, x execute.Secrets) (string, error) {
	if s.Action == plan.Clone || s.Action == plan.Create {
		m.mu.Lock()
		m.made[s.Container]++
		m.mu.Unlock()
	}
	return m.gated.Do(ctx, s, x)
}
