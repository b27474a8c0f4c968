package loop_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
	"reconciler/state/statetest"
)

// patience is how long a test waits for what should happen in milliseconds.
const patience = 30 * time.Second

// world is an installation with one fake host, whose daemon runs.
type world struct {
	t     testing.TB
	store state.Store
	host  *gated
	log   *safeBuffer

	mu       sync.Mutex
	revision int
	files    fstest.MapFS
	fetch    error
	gate     func()        // called by the next Fetch, if not nil
	now      time.Duration // that the clock is ahead
	reports  []loop.Report

	loop *loop.Loop
	stop func()
}

// gated is a fake host of which single containers can be made slow, and that tells of deaths.
type gated struct {
	*hosttest.Fake
	mu     sync.Mutex
	gates  map[string]chan struct{}
	inside map[string]chan struct{}
	died   map[context.Context]func(string)
	cut    chan struct{} // closed when the connection is lost
	dials  int
	looks  atomic.Int64 // of the daemon
}

// Observe implements reconcile.Host.
func (g *gated) Observe(ctx context.Context) (plan.Actual, error) {
	g.looks.Add(1)
	return g.Fake.Observe(ctx)
}

// Do implements execute.Host.
func (g *gated) Do(ctx context.Context, s plan.Step, x execute.Secrets) (string, error) {
	g.enter(s.Container)
	return g.Fake.Do(ctx, s, x)
}

// enter waits while a container is made slow.
func (g *gated) enter(container string) {
	g.mu.Lock()
	gate, inside := g.gates[container], g.inside[container]
	delete(g.inside, container)
	g.mu.Unlock()
	if inside != nil {
		close(inside)
	}
	if gate != nil {
		<-gate
	}
}

// Deaths is what a driver offers that can be told by its kernel.
func (g *gated) Deaths(ctx context.Context, running map[string]int, died func(string)) error {
	g.mu.Lock()
	g.died[ctx] = func(name string) {
		if _, ok := running[name]; ok {
			died(name)
		}
	}
	g.mu.Unlock()
	for name, pid := range running {
		if g.pid(name) != pid { // it has ended before we looked
			died(name)
		}
	}
	g.mu.Lock()
	cut := g.cut
	g.mu.Unlock()
	var err error
	select {
	case <-ctx.Done():
	case <-cut:
		err = errBroken
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.died, ctx)
	return err
}

// Lock implements reconcile.Host.
func (g *gated) Lock(ctx context.Context, by string) (func() error, error) {
	g.mu.Lock()
	cut := g.cut
	g.mu.Unlock()
	select {
	case <-cut:
		return nil, errBroken
	default:
		return g.Fake.Lock(ctx, by)
	}
}

// lose ends the connection to the host. Only a new one works again.
func (g *gated) lose() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.cut)
}

// pid returns the init process of a container, 0 if it does not run.
func (g *gated) pid(name string) int {
	actual, err := g.Fake.Observe(context.Background())
	if err != nil {
		return 0
	}
	for _, c := range actual.Containers {
		if c.Name == name {
			return c.PID
		}
	}
	return 0
}

// kill ends a container as a crash does.
func (g *gated) kill(name string) {
	g.StopByHand(name)
	g.tellDeath(name)
}

// tellDeath is what the daemon hears when a container ends.
func (g *gated) tellDeath(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, died := range g.died {
		died(name)
	}
}

// slow makes every step of a container wait until open is called. begun is closed when one waits.
func (g *gated) slow(name string) (begun <-chan struct{}, open func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gate, inside := make(chan struct{}), make(chan struct{})
	g.gates[name], g.inside[name] = gate, inside
	return inside, sync.OnceFunc(func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.gates, name)
		close(gate)
	})
}

type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *safeBuffer) count(text string) int { return strings.Count(b.text(), text) }

// newWorld makes a host "h1" with a stopped container "base". Nothing is declared yet.
func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, store: statetest.NewMemory(), log: &safeBuffer{}}
	snapshot, err := w.store.Load(context.Background())
	must(t, err)
	w.host = newGated("h1", snapshot.Installation)
	return w
}

// newGated makes a host with a stopped container "base".
func newGated(name, installation string) *gated {
	g := &gated{
		Fake: hosttest.New(hosttest.Config{Host: name, Installation: installation,
			Bridges: []string{"lxcbr1"}, Images: []string{"busybox", "debian"}}),
		gates: map[string]chan struct{}{}, inside: map[string]chan struct{}{},
		died: map[context.Context]func(string){}, cut: make(chan struct{}),
	}
	g.CreateByHand("base")
	return g
}

// start runs the daemon with an interval that never ends, until the test ends.
func (w *world) start(change ...func(*loop.Options)) {
	w.t.Helper()
	keys, err := state.OpenKey(filepath.Join(w.t.TempDir(), "key"))
	must(w.t, err)
	o := loop.Options{
		Source: w, Parse: spec.Options{Hostname: "h1"}, Interval: time.Hour, Recorder: w,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Pass: reconcile.Options{
			Store: w.store, Sealer: keys, Random: rand.Reader, Parallel: 4,
			Dial:        w.dial,
			LockTimeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler), Now: w.clock,
			SourceName: "test",
		},
	}
	for _, c := range change {
		c(&o)
	}
	w.loop = loop.New(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.loop.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-ended:
			must(w.t, err)
		case <-time.After(patience):
			w.t.Error("the daemon does not end")
		}
	})
	w.t.Cleanup(w.stop)
}

func (w *world) dial(_ context.Context, h *spec.Host, _ string) (reconcile.Host, error) {
	if h.Name != "h1" {
		return nil, errBroken
	}
	w.host.mu.Lock()
	defer w.host.mu.Unlock()
	if w.host.dials++; w.host.dials > 1 {
		w.host.cut = make(chan struct{})
	}
	return w.host, nil
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.now)
}

// later moves the clock.
func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now += d
}

// hang makes the next Fetch wait until open is called. hangs is closed when it waits.
func (w *world) hang() (hangs <-chan struct{}, open func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	began, gate := make(chan struct{}), make(chan struct{})
	w.gate = func() {
		close(began)
		<-gate
	}
	return began, sync.OnceFunc(func() { close(gate) })
}

// Fetch implements reconcile.Source.
func (w *world) Fetch(context.Context) (spec.Snapshot, error) {
	w.mu.Lock()
	gate := w.gate
	w.gate = nil
	w.mu.Unlock()
	if gate != nil {
		gate()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fetch != nil {
		return spec.Snapshot{}, w.fetch
	}
	return spec.Snapshot{Files: w.files,
		Revision: spec.Revision{ID: fmt.Sprintf("r%d", w.revision)}}, nil
}

// declare commits a new tree; without wakes nobody knows.
func (w *world) declare(containers string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revision++
	w.files = fstest.MapFS{"tree.yaml": {Data: []byte("targets:\n  h1: {" + containers + "}\n")}}
}

// failFetch makes the source fail with err, or work again with nil.
func (w *world) failFetch(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fetch = err
}

// Passed implements loop.Recorder.
func (w *world) Passed(r loop.Report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, r)
}

// Observe implements loop.Recorder.
func (w *world) Observe(execute.Event) {}

// passes returns what was reported so far.
func (w *world) passes() []loop.Report {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]loop.Report{}, w.reports...)
}

// quiet waits until no pass follows by itself.
func (w *world) quiet() {
	w.t.Helper()
	for before := -1; ; {
		n := len(w.passes())
		if n == before && n > 0 {
			return
		}
		before = n
		time.Sleep(60 * time.Millisecond)
	}
}

// eventually waits until something holds.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if holds() {
			return
		}
	}
	w.t.Fatalf("this does not happen: %s\n%s", what, w.log.buf.String())
}

// runs reports whether a container runs.
func (w *world) runs(name string) bool { return w.host.runs(name) }

func (g *gated) runs(name string) bool {
	actual, err := g.Fake.Observe(context.Background())
	if err != nil {
		return false
	}
	for _, c := range actual.Containers {
		if c.Name == name {
			return c.State == plan.Running
		}
	}
	return false
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var errBroken = errors.New("broken on purpose")
