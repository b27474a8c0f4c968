package loop_test

import (
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile/loop"
)

// TestAContainerThatCrashesIsStartedMoreAndMoreSlowly: one broken service must not keep the host
// busy for ever.
func TestAContainerThatCrashesIsStartedMoreAndMoreSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("crashes.example.com: {}, good.example.com: {}")
	w.start(func(o *loop.Options) {
		o.Backoff = loop.Backoff{Initial: 10 * time.Minute, Max: time.Hour}
	})
	w.quiet()
	w.host.kill("crashes.example.com")
	w.eventually("it is started at once after the first crash",
		func() bool { return w.runs("crashes.example.com") })
	w.quiet()
	w.host.kill("crashes.example.com")
	w.quiet()
	if w.runs("crashes.example.com") {
		t.Fatal("it was started at once after the second crash")
	}
	f := w.loop.Status().Failures
	if len(f) != 1 || f[0].Container != "crashes.example.com" || f[0].Count != 2 {
		t.Errorf("the status does not say that it crashes: %+v", f)
	}
	w.host.kill("good.example.com")
	w.eventually("another container is not delayed",
		func() bool { return w.runs("good.example.com") })
	w.later(11 * time.Minute)
	w.loop.Wake("test")
	w.eventually("it is started after a while", func() bool { return w.runs("crashes.example.com") })
	w.quiet()
	w.later(2 * time.Hour)
	w.loop.Wake("test")
	w.quiet()
	if f := w.loop.Status().Failures; len(f) != 0 {
		t.Errorf("it has run for long and still counts as crashing: %+v", f)
	}
	w.host.kill("crashes.example.com")
	w.eventually("it is started at once again", func() bool { return w.runs("crashes.example.com") })
}

// TestAHostThatIsNoLongerDeclaredIsLeft: its connection must not stay open for ever.
func TestAHostThatIsNoLongerDeclaredIsLeft(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.quiet()
	if w.host.watchers() != 1 {
		t.Fatalf("%d watches", w.host.watchers())
	}
	w.mu.Lock()
	w.revision++
	w.files = fstest.MapFS{"tree.yaml": {Data: []byte("targets: {h2: {}}\n")}}
	w.mu.Unlock()
	w.loop.Wake("test")
	w.eventually("the watch ends", func() bool { return w.host.watchers() == 0 })
	if !w.runs("a.example.com") {
		t.Error("what ran on a host that left the tree was touched")
	}
}

// watchers counts who waits for deaths.
func (g *gated) watchers() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.died)
}

// TestALostConnectionIsMadeAnew: a host whose connection broke once must not stay unreachable, nor
// its containers unwatched.
func TestALostConnectionIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}")
	w.start()
	w.quiet()
	w.host.lose()
	w.eventually("the watch ends", func() bool { return w.host.watchers() == 0 })
	for range 2 { // one finds that it is broken, the next makes it anew
		w.loop.Wake("test")
		w.quiet()
	}
	w.eventually("its containers are watched again", func() bool { return w.host.watchers() == 1 })
	w.host.kill("a.example.com")
	w.eventually("what dies is started again", func() bool { return w.runs("a.example.com") })
}
