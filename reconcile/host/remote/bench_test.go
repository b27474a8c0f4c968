package remote

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
	"reconciler/state/sqlite"
)

// fleet is a controller with agents in memory, each with a fake behind it.
type fleet struct {
	b      *testing.B
	store  state.Store
	keys   *state.Sealer
	fakes  map[string]*hosttest.Fake
	tree   fstest.MapFS
	calls  atomic.Uint64
	agents sync.WaitGroup
}

func newFleet(b *testing.B, hosts, containers int) *fleet {
	keys, err := state.OpenKey(filepath.Join(b.TempDir(), "key"))
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "state.db")
	store, err := sqlite.Open(b.Context(), path, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = store.Close() })
	f := &fleet{b: b, store: store, keys: keys, fakes: map[string]*hosttest.Fake{}}
	snapshot, err := f.store.Load(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var y strings.Builder
	y.WriteString("networks: {lxcbr1: {cidr: 10.0.0.0/8, gateway: 10.0.0.1}}\n" +
		"defaults: {from_container: base}\ntargets:\n")
	for i := range hosts {
		name := fmt.Sprintf("h%d", i)
		f.fakes[name] = hosttest.New(hosttest.Config{
			Host: name, Installation: snapshot.Installation, Bridges: []string{"lxcbr1"},
		})
		f.fakes[name].CreateByHand("base")
		fmt.Fprintf(&y, "  %s:\n", name)
		for c := range containers {
			fmt.Fprintf(&y, "    c%d.%s.example.org: {}\n", c, name)
		}
	}
	f.tree = fstest.MapFS{"tree.yaml": {Data: []byte(y.String())}}
	return f
}

// Fetch implements reconcile.Source.
func (f *fleet) Fetch(context.Context) (spec.Snapshot, error) {
	return spec.Snapshot{Files: f.tree, Revision: spec.Revision{ID: "r1"}}, nil
}

// counted is a connection that tells how many calls were made over it.
type counted struct {
	*Host
	fleet *fleet
}

// Close implements io.Closer.
func (c counted) Close() error {
	c.fleet.calls.Add(c.peer.calls.Load())
	return c.Host.Close()
}

func (f *fleet) dial(_ context.Context, h *spec.Host, installation string) (reconcile.Host, error) {
	here, there := socketPair(f.b)
	f.agents.Go(func() { _ = Serve(there, serveOptions(f.fakes[h.Name], usual())) })
	t := Target{Host: h.Name, LXCPath: h.LXCPath, Installation: installation}
	host, err := greetOver(here, t, usual())
	if err != nil {
		return nil, err
	}
	return counted{host, f}, nil
}

func (f *fleet) pass() int {
	f.b.Helper()
	declared, err := reconcile.Fetch(f.b.Context(), f, spec.Options{})
	if err != nil {
		f.b.Fatal(err)
	}
	p, err := reconcile.Run(f.b.Context(), declared, reconcile.Options{
		Store: f.store, Sealer: f.keys, Random: rand.Reader, Dial: f.dial,
		LockTimeout: tolerance, Parallel: 32, Log: quiet(), Now: time.Now,
	})
	if err != nil {
		f.b.Fatal(err)
	}
	if len(p.Plan.Unreachable) > 0 {
		f.b.Fatalf("the pass fails: %v", p.Plan.Unreachable[0])
	}
	return len(p.Plan.Steps)
}

// BenchmarkPass is a pass with nothing to do over agents in this process, ten containers on each,
// connections and all. The memory is that of the process, the fakes and both ends among it.
func BenchmarkPass(b *testing.B) {
	for _, hosts := range []int{100, 1000} {
		b.Run(strconv.Itoa(hosts), func(b *testing.B) {
			f := newFleet(b, hosts, 10)
			f.pass()
			f.agents.Wait()
			debug.FreeOSMemory()
			resetPeak()
			before := peak(b)
			f.calls.Store(0)
			for b.Loop() {
				if steps := f.pass(); steps > 0 {
					b.Fatalf("%d steps where nothing is to be done", steps)
				}
			}
			b.ReportMetric(peak(b), "MB-peak")
			b.ReportMetric(before, "MB-before")
			b.ReportMetric(float64(f.calls.Load())/float64(b.N*hosts), "calls/host")
			f.agents.Wait()
		})
	}
}

// BenchmarkStep is what the connection adds to a step that has nothing to do.
func BenchmarkStep(b *testing.B) {
	step := func(b *testing.B, d hosttest.Driver) {
		s := stepOf(want(1), plan.Configure)
		for _, a := range []plan.Action{plan.Clone, plan.Configure} {
			if _, err := d.Do(b.Context(), stepOf(want(1), a), execute.Secrets{}); err != nil {
				b.Fatal(err)
			}
		}
		for b.Loop() {
			if _, err := d.Do(b.Context(), s, execute.Secrets{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("local", func(b *testing.B) { step(b, newFake()) })
	b.Run("memory", func(b *testing.B) { step(b, over(b, newFake(), usual())) })
	b.Run("ssh", func(b *testing.B) {
		s := newServer(b)
		step(b, dial(b, s.options(listen(b, newFake()))))
	})
}

// BenchmarkConnect is a connection over ssh on this machine, with the agent in place: dial, lock
// and look, unlock, close.
func BenchmarkConnect(b *testing.B) {
	s := newServer(b)
	o := s.options(listen(b, newFake()))
	dial(b, o)
	for b.Loop() {
		h, err := Dial(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		unlock, err := h.Lock(b.Context(), "me")
		if err != nil {
			b.Fatal(err)
		}
		_, err = h.Observe(b.Context())
		if err := errors.Join(err, unlock(), h.Close()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkObserve is the observation of a host with a hundred containers.
func BenchmarkObserve(b *testing.B) {
	f := newFake()
	for i := range 100 {
		f.CreateByHand(fmt.Sprintf("c%d", i))
	}
	h := over(b, f, usual())
	for b.Loop() {
		if _, err := h.Observe(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// resetPeak makes the kernel forget the highest RSS of this process. Where it cannot, the figure is
// too high.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200) }

// peak is the highest RSS of this process, in megabytes.
func peak(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("the memory is read from /proc")
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	kilobytes, err := strconv.Atoi(string(found[1]))
	if err != nil {
		b.Fatal(err)
	}
	return float64(kilobytes) / 1024
}
