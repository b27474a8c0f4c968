package loop_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
)

// soakPasses is how many passes the daemon makes in TestYearsOfPassesTakeNothing.
const soakPasses = 10_000

// TestYearsOfPassesTakeNothing: after thousands of commits, faults and deaths the daemon must need
// no more memory, goroutines, files and records than after some hundred.
func TestYearsOfPassesTakeNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	w := newWorld(t)
	w.declare("")
	w.start(func(o *loop.Options) {
		o.Backoff = loop.Backoff{Initial: time.Millisecond, Max: 5 * time.Millisecond}
		o.Log = slog.New(slog.DiscardHandler)
	})
	random := rand.New(rand.NewPCG(1, 2))
	w.makePasses(random, soakPasses/10)
	early := w.measure()
	w.makePasses(random, soakPasses)
	late := w.measure()
	t.Logf("after %d passes: %+v; after %d: %+v", early.passes, early, late.passes, late)
	if late.heap > 2*early.heap+8<<20 {
		t.Errorf("memory grows: %d bytes, then %d", early.heap, late.heap)
	}
	if late.goroutines > early.goroutines+5 || late.files > early.files+5 {
		t.Errorf("goroutines %d, then %d; files %d, then %d", early.goroutines, late.goroutines,
			early.files, late.files)
	}
	if late.records > 60 {
		t.Errorf("%d records are left of at most 21 containers", late.records)
	}
	w.declare("end.example.com: {}")
	w.loop.Wake(loop.Triggered)
	w.eventually("it still converges", func() bool { return w.runs("end.example.com") })
}

// TestYearsOfMoodsTakeNothing: hosts that hang, fail and come back thousands of times must leave no
// goroutine, connection or lock behind.
func TestYearsOfMoodsTakeNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	f := newFleet(t, 5)
	f.begin(func(o *loop.Options) {
		o.Patience = 2 * time.Millisecond
		o.Log = slog.New(slog.DiscardHandler)
	})
	random := rand.New(rand.NewPCG(5, 6))
	f.moods(random, 100)
	early := f.measure()
	f.moods(random, 1000)
	late := f.measure()
	t.Logf("after %d passes: %+v; after %d: %+v", early.passes, early, late.passes, late)
	if late.heap > 2*early.heap+8<<20 || late.goroutines > early.goroutines+5 ||
		late.files > early.files+5 {
		t.Error("what it takes grows")
	}
	f.stop()
	for name, h := range f.hosts {
		unlock, err := h.Fake.Lock(t.Context(), "test")
		if err != nil {
			t.Fatalf("the lock of %s is left: %v", name, err)
		}
		must(t, unlock())
	}
}

// moods puts hosts into moods at random so many times, and lets all be well at the end.
func (f *fleet) moods(random *rand.Rand, rounds int) {
	f.t.Helper()
	parts := []string{inDial, inLock, inObserve}
	ends := map[string]func(){}
	for range rounds {
		name := fmt.Sprintf("h%d", 1+random.IntN(len(f.hosts)))
		h, part := f.hosts[name], parts[random.IntN(len(parts))]
		switch end, moody := ends[name]; {
		case moody:
			end()
			delete(ends, name)
		case random.IntN(2) == 0:
			h.fail(part, errBroken)
			ends[name] = func() { h.fail(part, nil) }
		default:
			ends[name] = h.hang(part)
		}
		tree := map[string]string{}
		for i := range 5 {
			tree[fmt.Sprintf("h%d", i+1)] = fmt.Sprintf("a b c%d", random.IntN(3))
		}
		if random.IntN(10) == 0 {
			delete(tree, name)
		}
		f.have(tree)
		before := f.loop.Status().Passes
		f.loop.Wake("soak")
		f.eventually("a wake is answered", func() bool { return f.loop.Status().Passes > before })
	}
	for _, end := range ends {
		end()
	}
	tree := map[string]string{}
	for name := range f.hosts {
		tree[name] = "a b"
	}
	f.have(tree)
	f.loop.Wake(loop.Triggered)
	f.eventuallyRun("h1/a h2/a h3/a h4/a h5/a")
	f.eventually("all hosts answer", func() bool {
		s := f.loop.Status()
		return len(s.Unknown) == 0 && s.Busy == 0
	})
	f.quiet()
	f.world.mu.Lock()
	f.reports = nil // of the test, not of the daemon
	f.world.mu.Unlock()
}

// makePasses commits, kills and breaks at random until so many passes more have ended.
func (w *world) makePasses(random *rand.Rand, n int64) {
	w.t.Helper()
	end := w.loop.Status().Passes + n
	for i := 0; w.loop.Status().Passes < end; i++ {
		name := fmt.Sprintf("c%d.example.com", random.IntN(20))
		switch random.IntN(10) {
		case 0, 1:
			w.declare(randomContainers(random))
		case 2:
			if w.runs(name) {
				w.host.StopIfThere(name) // a pass may be destroying it
				w.host.tellDeath(name)
			}
		case 3:
			w.host.Fail(name, plan.Start, 1, errBroken)
		case 4:
			w.host.Unreachable(errBroken)
		case 5:
			w.failFetch(errBroken)
		default:
			w.failFetch(nil)
			w.host.Unreachable(nil)
		}
		before := w.loop.Status().Passes
		w.loop.Wake("soak")
		w.eventually("a wake is answered", func() bool { return w.loop.Status().Passes > before })
	}
	w.failFetch(nil)
	w.host.Unreachable(nil)
	w.loop.Wake("soak")
	w.quiet()
	w.mu.Lock()
	w.reports = nil // of the test, not of the daemon
	w.mu.Unlock()
}

func randomContainers(random *rand.Rand) string {
	var list []string
	for i := range 20 {
		if random.IntN(10) < 8 {
			list = append(list, fmt.Sprintf("c%d.example.com: {memory: %dM}", i,
				64*(1+random.IntN(3))))
		}
	}
	return strings.Join(list, ", ")
}

// usage is what the process takes.
type usage struct {
	passes            int64
	heap              uint64 // bytes
	goroutines, files int
	records           int
}

func (w *world) measure() usage {
	w.t.Helper()
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	files, err := os.ReadDir("/proc/self/fd")
	must(w.t, err)
	s, err := w.store.Load(w.t.Context())
	must(w.t, err)
	return usage{passes: w.loop.Status().Passes, heap: m.HeapAlloc,
		goroutines: runtime.NumGoroutine(), files: len(files), records: len(s.Records)}
}
