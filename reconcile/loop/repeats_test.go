package loop_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// deaf is a fake host that does not take a setting, and says that it did.
type deaf struct {
	*gated
	hears  atomic.Bool
	writes atomic.Int64
}

// Do implements execute.Host.
func (d *deaf) Do(ctx context.Context, s plan.Step, x execute.Secrets) (string, error) {
	if s.Action == plan.Configure && s.Want.Memory != 0 {
		d.writes.Add(1)
		if !d.hears.Load() {
			return "", nil
		}
	}
	return d.gated.Do(ctx, s, x)
}

// TestWhatDoesNotLastIsDoneMoreAndMoreSlowly: each pass does something, so that another one follows
// at once, for ever.
func TestWhatDoesNotLastIsDoneMoreAndMoreSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	host := &deaf{gated: w.host}
	w.declare("a.example.com: {}")
	w.start(func(o *loop.Options) {
		o.Backoff = loop.Backoff{Initial: time.Hour}
		o.Pass.Dial = func(context.Context, *spec.Host, string) (reconcile.Host, error) {
			return host, nil
		}
	})
	w.quiet()
	w.declare("a.example.com: {memory: 64M}")
	w.loop.Wake("test")
	w.quiet()
	if n := host.writes.Load(); n != 3 {
		t.Errorf("it was done %d times without a pause", n)
	}
	s := w.loop.Status()
	if len(s.Failures) != 1 || !strings.Contains(s.Failures[0].Text, "memory") {
		t.Errorf("the status does not say what does not last: %+v", s.Failures)
	}
	for range 2 {
		w.later(2 * time.Hour)
		w.loop.Wake("test")
		w.quiet()
	}
	if n := host.writes.Load(); n != 5 {
		t.Errorf("after its time it was done %d times in all", n)
	}
	if n := w.log.count("what is done does not last"); n != 1 {
		t.Errorf("it was told %d times", n)
	}
	host.hears.Store(true)
	w.loop.Wake(loop.Triggered)
	w.eventually("it is over, and told", func() bool {
		return len(w.loop.Status().Failures) == 0 && w.log.count("is right again") == 1
	})
}

// memory returns what the configuration of a container says.
func (g *gated) memory(name string) (bytes int64) {
	actual, _ := g.Observe(context.Background())
	for _, c := range actual.Containers {
		if c.Name == name {
			bytes = c.Config.Memory
		}
	}
	return bytes
}

// forgetful is a host whose preparation does not last.
type forgetful struct {
	*gated
	prepared atomic.Int64
}

// Prepare implements reconcile.Preparer.
func (f *forgetful) Prepare(ctx context.Context, want spec.Preparation) ([]string, error) {
	f.prepared.Add(1)
	done, err := f.gated.Prepare(ctx, want)
	f.EditMachine("sysctl net.ipv4.ip_forward", "0")
	return done, err
}

func TestAPreparationThatDoesNotLastIsDoneMoreAndMoreSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	host := &forgetful{gated: w.host}
	w.declare("a.example.com: {}")
	w.files["hosts.yaml"] = &fstest.MapFile{Data: []byte("hosts: {" + forwards + "}")}
	w.start(func(o *loop.Options) {
		o.Backoff = loop.Backoff{Initial: time.Hour}
		o.Pass.Dial = func(context.Context, *spec.Host, string) (reconcile.Host, error) {
			return host, nil
		}
	})
	w.quiet()
	if n := host.prepared.Load(); n != 3 || !w.runs("a.example.com") {
		t.Errorf("the host was prepared %d times without a pause", n)
	}
	if f := w.loop.Status().Failures; len(f) != 1 || f[0].Container != "" {
		t.Errorf("the status does not say what does not last: %+v", f)
	}
	w.host.kill("a.example.com")
	w.eventually("a container of the host is put right at once", func() bool {
		return w.runs("a.example.com")
	})
}

// TestWhatChangesAgainIsNoRepeat: somebody who changes a container by hand, time after time, has it
// put right at once.
func TestWhatChangesAgainIsNoRepeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start(func(o *loop.Options) { o.Backoff = loop.Backoff{Initial: time.Hour} })
	w.quiet()
	for range 5 {
		w.host.EditConfig("a.example.com", func(c *plan.Config) { c.Memory = 32 << 20 })
		w.loop.Wake("test")
		w.eventually("it is put right", func() bool { return w.host.memory("a.example.com") == 0 })
		w.quiet()
	}
	if f := w.loop.Status().Failures; len(f) != 0 {
		t.Errorf("a repair counts as one that does not last: %+v", f)
	}
}
