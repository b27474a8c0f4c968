package remote

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
)

// BenchmarkPass is a pass over agents in eight other processes, ten containers on each host,
// connections and all. "noop" has nothing to do; "new" makes all containers, six steps each. The
// memory is that of this process alone, where the controller is.
func BenchmarkPass(b *testing.B) {
	b.Run("new/100", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			f := newFleet(b, 100, 10, startPool(b, 8))
			b.StartTimer()
			measured(b, f)
		}
	})
	for _, hosts := range []int{100, 1000} {
		b.Run(fmt.Sprintf("noop/%d", hosts), func(b *testing.B) {
			f := newFleet(b, hosts, 10, startPool(b, 8))
			f.pass()
			for b.Loop() {
				if steps := measured(b, f); steps > 0 {
					b.Fatalf("%d steps where nothing is to be done", steps)
				}
			}
		})
	}
}

// measured makes a pass and reports what it costs.
func measured(b *testing.B, f *fleet) (steps int) {
	debug.FreeOSMemory()
	resetPeak()
	before, begun := peak(b), time.Now()
	f.sent.reset()
	steps = f.pass()
	took := time.Since(begun)
	b.ReportMetric(peak(b), "MB-peak")
	b.ReportMetric(before, "MB-before")
	b.ReportMetric(float64(f.sent.calls())/float64(len(f.hosts)), "calls/host")
	b.ReportMetric(float64(took.Microseconds())/float64(len(f.hosts)), "us/host")
	if steps > 0 {
		b.ReportMetric(float64(took.Microseconds())/float64(steps), "us/step")
	}
	return steps
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
