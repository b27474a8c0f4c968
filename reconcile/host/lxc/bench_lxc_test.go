//go:build linux && cgo

package lxc

import (
	"fmt"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	golxc "github.com/lxc/go-lxc"

	"reconciler/reconcile/plan"
)

// BenchmarkNewContainers makes 100 overlay containers: with all our steps, and with liblxc's clone
// and start alone. The ratio is what the steps cost.
func BenchmarkNewContainers(b *testing.B) {
	const count = 100
	b.Run("steps", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			l := newLab(b)
			b.StartTimer()
			inParallel(b, count, func(i int) error { return runAll(l, i) })
			b.StopTimer()
			l.close()
			b.StartTimer()
		}
	})
	b.Run("golxc", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			l := newLab(b)
			b.StartTimer()
			inParallel(b, count, func(i int) error { return cloneAndStart(l, i) })
			b.StopTimer()
			l.close()
			b.StartTimer()
		}
	})
}

func runAll(l *lab, i int) error {
	want := l.want(fmt.Sprintf("c%d", i), i+2)
	for _, action := range all() {
		if _, err := l.host.Do(l.t.Context(), stepOf(action, want), someHash()); err != nil {
			return err
		}
	}
	return nil
}

func cloneAndStart(l *lab, i int) error {
	base, err := golxc.NewContainer("base", l.path)
	if err != nil {
		return err
	}
	defer base.Release()
	name := fmt.Sprintf("c%d", i)
	options := golxc.CloneOptions{Backend: golxc.Overlayfs, Snapshot: true}
	if err := base.Clone(name, options); err != nil {
		return err
	}
	c, err := golxc.NewContainer(name, l.path)
	if err != nil {
		return err
	}
	defer c.Release()
	return c.Start()
}

// inParallel runs work count times, on twice as many goroutines as there are processors.
func inParallel(t testing.TB, count int, work func(i int) error) {
	t.Helper()
	var group sync.WaitGroup
	next := make(chan int)
	for range 2 * runtime.GOMAXPROCS(0) {
		group.Go(func() {
			for i := range next {
				if err := work(i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range count {
		next <- i
	}
	close(next)
	group.Wait()
}

// BenchmarkObserve looks at 100 running containers, and lets lxc-ls do the same.
func BenchmarkObserve(b *testing.B) {
	l := newLab(b)
	inParallel(b, 100, func(i int) error { return runAll(l, i) })
	b.Run("observe", func(b *testing.B) {
		for b.Loop() {
			actual, err := l.host.Observe(b.Context())
			if err != nil || len(actual.Containers) != 101 {
				b.Fatal(len(actual.Containers), err)
			}
		}
	})
	b.Run("lxc-ls", func(b *testing.B) {
		for b.Loop() {
			out, err := exec.Command("lxc-ls", "-P", l.path, "-f").CombinedOutput()
			if err != nil {
				b.Fatalf("%v\n%s", err, out)
			}
		}
	})
}

// BenchmarkStep shows what every step costs alone, one container after the other.
func BenchmarkStep(b *testing.B) {
	l := newLab(b)
	took := map[plan.Action]time.Duration{}
	actions := append(all(), plan.Destroy)
	count := 0
	for b.Loop() {
		want := l.want(fmt.Sprintf("c%d", count), count%250+2)
		count++
		for _, action := range actions {
			begin := time.Now()
			l.do(want, action)
			took[action] += time.Since(begin)
		}
	}
	for action, d := range took {
		b.ReportMetric(float64(d.Microseconds())/float64(count), string(action)+"-us")
	}
}
