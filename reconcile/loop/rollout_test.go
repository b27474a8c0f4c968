package loop_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// group is a world of the hosts h1 … h4, which are group web. Each has a container: webh1 on h1.
type group struct {
	*world
	hosts map[string]*picky
}

// picky is a fake host on which some declarations end badly.
type picky struct {
	*gated
	bad int64 // bytes of memory that a container cannot be given

	mu    sync.Mutex
	tries []int64 // the memory of each configuration of web, in order
}

// Do implements execute.Host.
func (p *picky) Do(ctx context.Context, s plan.Step, x execute.Secrets) (string, error) {
	if s.Action == plan.Configure && strings.HasPrefix(s.Container, "web") {
		p.mu.Lock()
		p.tries = append(p.tries, s.Want.Memory)
		p.mu.Unlock()
		if s.Want.Memory == p.bad {
			p.enter(s.Container)
			return "", fmt.Errorf("%w at %v", errBroken, time.Now()) // as the log of a host says when
		}
	}
	return p.gated.Do(ctx, s, x)
}

// tried returns how often web was configured with so much memory.
func (p *picky) tried(megabytes int64) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range p.tries {
		if t == megabytes<<20 {
			n++
		}
	}
	return n
}

const good, bad, mended = 64, 128, 256

// newGroup starts the daemon; every host has its container with good memory.
func newGroup(t *testing.T, keys string, backoff loop.Backoff) *group {
	t.Helper()
	g := &group{world: newWorld(t), hosts: map[string]*picky{}}
	snapshot, err := g.store.Load(context.Background())
	must(t, err)
	for i := range 4 {
		name := fmt.Sprintf("h%d", i+1)
		h := &gated{Fake: hosttest.New(hosttest.Config{Host: name, Bridges: []string{"lxcbr1"},
			Installation: snapshot.Installation, Images: []string{"busybox", "debian"}}),
			gates: map[string]chan struct{}{}, inside: map[string]chan struct{}{},
			died: map[context.Context]func(string){}, cut: make(chan struct{})}
		h.CreateByHand("base")
		g.hosts[name] = &picky{gated: h, bad: bad << 20}
	}
	g.commit(keys, good, "")
	g.start(func(o *loop.Options) {
		o.Backoff = backoff
		o.Pass.Dial = func(_ context.Context, h *spec.Host, _ string) (reconcile.Host, error) {
			return g.hosts[h.Name], nil
		}
	})
	g.eventually("all hosts have their container",
		func() bool { return g.have(good) == "h1 h2 h3 h4" })
	g.quiet()
	return g
}

// impatient tries again what failed a hundred times a second.
func impatient() loop.Backoff {
	return loop.Backoff{Initial: 10 * time.Millisecond, Max: 10 * time.Millisecond}
}

// commit declares a group, the memory of web, and more containers of h3.
func (g *group) commit(keys string, memory int, more string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.revision++
	text := "groups: {web: {hosts: [h1, h2, h3, h4], " + keys + "}}\ntargets:\n"
	for _, h := range []string{"h1", "h2", "h3", "h4"} {
		text += fmt.Sprintf("  %s: {web%s: {memory: %dM}", h, h, memory)
		if h == "h3" {
			text += more
		}
		text += "}\n"
	}
	g.files = fstest.MapFS{"tree.yaml": {Data: []byte(text)}}
}

// have returns the hosts whose container runs with so much memory.
func (g *group) have(megabytes int64) string {
	var names []string
	for name, h := range g.hosts {
		actual, err := h.Fake.Observe(context.Background())
		must(g.t, err)
		for _, c := range actual.Containers {
			if c.Name == "web"+name && c.State == plan.Running && c.Config.Memory == megabytes<<20 {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// held returns what the last pass holds for a rollout.
func (g *group) held() string {
	var names []string
	for _, h := range g.loop.Status().Latest.Plan.Held {
		if h.Code == plan.HeldRollout {
			names = append(names, h.Host+"/"+h.Container)
		}
	}
	return strings.Join(names, " ")
}

// The daemon remembers nothing between passes but what is in the store: the tenth pass must not
// bring a bad change to the second host because it has forgotten the canary.
func TestABadChangeHarmsTheCanaryAlone(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{"canary: 1", "canary: 1, max_parallel: 2, max_failures: 3",
		"max_parallel: 1", "canary: 1, max_failures: 1"} {
		t.Run(keys, func(t *testing.T) {
			t.Parallel()
			g := newGroup(t, keys, impatient())
			g.commit(keys, bad, "")
			g.loop.Wake("test")
			g.eventually("the canary is tried again and again",
				func() bool { return g.hosts["h1"].tried(bad) >= 5 })
			for _, h := range []string{"h2", "h3", "h4"} {
				if n := g.hosts[h].tried(bad); n > 0 {
					t.Errorf("the bad change reaches %s %d times", h, n)
				}
			}
			g.eventually("it is told that the others wait",
				func() bool { return g.held() == "h2/webh2 h3/webh3 h4/webh4" })
			g.eventually("the log tells that the rollout has stopped, once", func() bool {
				return g.log.count(`"rollout has stopped"`) == 1
			})
			g.commit(keys, mended, "")
			g.loop.Wake("test")
			g.eventually("the mended change reaches all hosts",
				func() bool { return g.have(mended) == "h1 h2 h3 h4" })
			g.quiet()
			if p := g.loop.Status().Latest.Plan; len(p.Held)+len(p.Steps)+len(p.Rollouts) > 0 {
				t.Errorf("something is left: %+v", p.Held)
			}
		})
	}
}

// A canary that takes its time: passes that begin meanwhile must not begin with its group, but put
// right what has nothing to do with it.
func TestOtherPassesWaitForTheCanary(t *testing.T) {
	t.Parallel()
	g := newGroup(t, "canary: 1", impatient())
	begun, open := g.hosts["h1"].slow("webh1")
	defer open()
	g.commit("canary: 1", mended, "")
	g.loop.Wake("test")
	<-begun
	g.commit("canary: 1", mended, ", new: {}")
	g.loop.Wake("test")
	g.eventually("the new container waits", func() bool { return g.held() == "h3/new" })
	for range 3 {
		g.loop.Wake("test")
		g.quiet()
	}
	if got := g.have(mended); got != "" {
		t.Errorf("%s did not wait for the canary", got)
	}
	open()
	g.eventually("all hosts are changed", func() bool { return g.have(mended) == "h1 h2 h3 h4" })
	g.eventually("the new container is made", func() bool {
		actual, err := g.hosts["h3"].Fake.Observe(context.Background())
		must(t, err)
		return slices.ContainsFunc(actual.Containers, func(o plan.Observed) bool {
			return o.Name == "new" && o.State == plan.Running
		})
	})
}

// While a rollout has stopped, a container that dies on a host that waits is started as it was.
func TestAContainerThatDiesBehindAFailedCanaryIsStarted(t *testing.T) {
	t.Parallel()
	g := newGroup(t, "canary: 1", impatient())
	g.commit("canary: 1", bad, "")
	g.loop.Wake("test")
	g.eventually("the others wait", func() bool { return g.held() == "h2/webh2 h3/webh3 h4/webh4" })
	g.hosts["h3"].kill("webh3")
	g.loop.Wake("test")
	g.eventually("it runs again", func() bool { return g.have(good) == "h1 h2 h3 h4" })
	if g.hosts["h3"].tried(bad) > 0 {
		t.Error("it was started with the bad change")
	}
	g.commit("canary: 1", mended, "")
	g.loop.Wake("test")
	g.eventually("the mended change reaches it too",
		func() bool { return g.have(mended) == "h1 h2 h3 h4" })
}

// A container that crashes again and again is no success of the change that it came with, also at
// the moments at which it runs.
func TestACrashingContainerStopsTheRollout(t *testing.T) {
	t.Parallel()
	g := newGroup(t, "canary: 1", loop.Backoff{Initial: time.Minute, Max: time.Hour})
	for len(g.loop.Status().Failures) == 0 {
		g.eventually("it runs", func() bool { return g.hosts["h1"].pid("webh1") != 0 })
		g.quiet()
		g.hosts["h1"].kill("webh1")
		g.quiet()
	}
	g.later(time.Minute)
	g.loop.Wake("test")
	g.eventually("it runs", func() bool { return g.hosts["h1"].pid("webh1") != 0 })
	g.commit("canary: 1", good, ", new: {}")
	g.loop.Wake("test")
	g.eventually("the new container waits", func() bool { return g.held() == "h3/new" })
}
