package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
	"reconciler/state/statetest"
)

// world is a store, some fake hosts and a tree, as one installation has them.
type world struct {
	t      testing.TB
	store  state.Store
	keys   *state.Sealer
	hosts  map[string]*hosttest.Fake
	random *counting
	files  fstest.MapFS
	fetch  error // of the source, if not nil
	dials  atomic.Int64
}

// counting is a source of "random" bytes that never repeats and is the same in every run.
type counting struct{ n uint64 }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		c.n = c.n*6364136223846793005 + 1442695040888963407
		p[i] = byte(c.n >> 56)
	}
	return len(p), nil
}

// newWorld makes hosts h1 … hN, each with a bridge lxcbr1 and a stopped container base.
func newWorld(t testing.TB, hosts int) *world {
	t.Helper()
	keys, err := state.OpenKey(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, store: statetest.NewMemory(), keys: keys, random: &counting{},
		hosts: map[string]*hosttest.Fake{}, files: fstest.MapFS{},
	}
	installation := w.snapshot().Installation
	for i := range hosts {
		name := fmt.Sprintf("h%d", i+1)
		w.hosts[name] = hosttest.New(hosttest.Config{
			Host: name, Installation: installation,
			Bridges: []string{"lxcbr1"}, Images: []string{"busybox", "debian"},
		})
		w.hosts[name].CreateByHand("base")
	}
	return w
}

// declare replaces the tree.
func (w *world) declare(yaml string) {
	w.files["tree.yaml"] = &fstest.MapFile{Data: []byte(yaml), Mode: 0o644}
}

// Fetch implements reconcile.Source.
func (w *world) Fetch(context.Context) (spec.Snapshot, error) {
	return spec.Snapshot{Files: w.files, Revision: spec.Revision{ID: "r1"}}, w.fetch
}

func (w *world) dial(_ context.Context, h *spec.Host, _ string) (reconcile.Host, error) {
	w.dials.Add(1)
	host, ok := w.hosts[h.Name]
	if !ok {
		return nil, errors.New("no route to host")
	}
	return host, nil
}

func (w *world) options() reconcile.Options {
	return reconcile.Options{
		Store: w.store, Sealer: w.keys, Random: w.random, Dial: w.dial,
		Parallel: 1, LockTimeout: time.Second,
		Log: slog.New(slog.DiscardHandler),
	}
}

// run makes a pass that must get as far as the hosts.
func (w *world) run() reconcile.Pass {
	w.t.Helper()
	pass, err := w.tryRun(w.options())
	if err != nil {
		w.t.Fatalf("run: %v", err)
	}
	return pass
}

// tryRun makes a pass from the source on.
func (w *world) tryRun(o reconcile.Options) (reconcile.Pass, error) {
	d, err := reconcile.Fetch(context.Background(), w, spec.Options{Hostname: "h1"})
	if err != nil {
		return reconcile.Pass{}, err
	}
	return reconcile.Run(context.Background(), d, o)
}

// plan shows what run would do.
func (w *world) plan() plan.Plan {
	w.t.Helper()
	d, err := reconcile.Fetch(context.Background(), w, spec.Options{Hostname: "h1"})
	if err != nil {
		w.t.Fatalf("fetch: %v", err)
	}
	pass, err := reconcile.Plan(context.Background(), d, w.options())
	if err != nil {
		w.t.Fatalf("plan: %v", err)
	}
	return pass.Plan
}

func (w *world) snapshot() state.Snapshot {
	w.t.Helper()
	s, err := w.store.Load(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

// mustBeConverged fails unless nothing is left to do and no work is left open.
func (w *world) mustBeConverged() {
	w.t.Helper()
	p := w.plan()
	if !p.Empty() || len(p.Blocked) > 0 {
		w.t.Fatalf("not converged: steps %v, blocked %v", actions(p.Steps), p.Blocked)
	}
	for _, r := range w.snapshot().Records {
		if r.Intent != "" || r.Failure != "" {
			w.t.Errorf("record %s/%s: intent %q, failure %q", r.Host, r.Name, r.Intent, r.Failure)
		}
	}
}

func (w *world) writes() (n int) {
	for _, h := range w.hosts {
		n += h.Writes()
	}
	return n
}

func actions(steps []plan.Step) []string {
	texts := make([]string, len(steps))
	for i, s := range steps {
		texts[i] = s.Host + "/" + s.Container + " " + string(s.Action)
	}
	return texts
}
