package remote

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
	"reconciler/state/sqlite"
)

// campaign is what a controller works with, in a process of its own.
type campaign struct {
	Dir       string // of the state
	Tree      string
	Address   string
	SSHConfig string
	Agents    string            // directory of delivered agents
	Hosts     map[string]string // directory of the socket of each host
}

// runController makes one pass over ssh.
func runController(text string) int {
	var c campaign
	err := json.Unmarshal([]byte(text), &c)
	var p reconcile.Pass
	if err == nil {
		p, err = c.pass(context.Background(), c.overSSH)
	}
	if err == nil && len(p.Plan.Unreachable) > 0 {
		err = fmt.Errorf("unreachable: %v", p.Plan.Unreachable)
	}
	if err == nil && p.Result != nil {
		err = firstError(*p.Result)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

type dialFunc func(context.Context, *spec.Host, string) (reconcile.Host, error)

// pass makes one pass.
func (c campaign) pass(ctx context.Context, dial dialFunc) (reconcile.Pass, error) {
	keys, err := state.OpenKey(filepath.Join(c.Dir, "key"))
	if err != nil {
		return reconcile.Pass{}, err
	}
	store, err := sqlite.Open(ctx, filepath.Join(c.Dir, "state.db"), sqlite.Options{})
	if err != nil {
		return reconcile.Pass{}, err
	}
	defer func() { _ = store.Close() }()
	return onePass(ctx, c.Tree, reconcile.Options{Store: store, Sealer: keys, Dial: dial})
}

func (c campaign) overSSH(
	ctx context.Context, h *spec.Host, installation string,
) (reconcile.Host, error) {
	host, err := Dial(ctx, Options{
		Address: c.Address, Version: "test", Program: Self(), SSHConfig: c.SSHConfig, Log: quiet(),
		Target:    Target{Host: h.Name, LXCPath: c.Hosts[h.Name], Installation: installation},
		directory: c.Agents, timing: quick(),
	})
	if err != nil {
		return nil, err
	}
	return host, nil
}

// nearby reaches the hosts without ssh.
func (c campaign) nearby(
	_ context.Context, h *spec.Host, installation string,
) (reconcile.Host, error) {
	conn, err := net.Dial("unix", filepath.Join(c.Hosts[h.Name], "host"))
	if err != nil {
		return nil, err
	}
	t := Target{Host: h.Name, LXCPath: c.Hosts[h.Name], Installation: installation}
	return greetOver(conn, t, usual())
}

// mined is a host on which something happens at a step.
type mined struct {
	*hosttest.Fake
	left *atomic.Int64 // steps until then
	mu   *sync.Mutex
	blow *func() // guarded by mu
}

// Do implements execute.Host.
func (m mined) Do(ctx context.Context, s plan.Step, x execute.Secrets) (string, error) {
	if m.left.Add(-1) == 0 {
		m.mu.Lock()
		(*m.blow)()
		m.mu.Unlock()
	}
	time.Sleep(time.Millisecond)
	return m.Fake.Do(ctx, s, x)
}

// TestKillsInABatchLeaveNothing kills the controller, the agents or their connections after a
// random number of steps.
func TestKillsInABatchLeaveNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := newSiege(t, s)
	w.mustConverge("at first")
	killed := 0
	for seed := range uint64(54) {
		r := rand.New(rand.NewPCG(seed, 11))
		missing := 0
		for _, name := range slices.Sorted(maps.Keys(w.fakes)) {
			f := w.fakes[name]
			for i := range 4 {
				if r.IntN(3) > 0 {
					f.DestroyByHand(containerOf(name, i))
					missing++
				}
			}
		}
		if w.kill(int(seed%3), r.Int64N(int64(6*missing+1))) != nil {
			killed++
		}
		w.mustConverge(fmt.Sprintf("seed %d", seed))
		if t.Failed() {
			return
		}
	}
	if killed < 40 {
		t.Errorf("only %d passes were killed", killed)
	}
}

func containerOf(host string, n int) string { return fmt.Sprintf("c%d.%s.example.org", n, host) }

// siege is two hosts, and a controller that is to be killed.
type siege struct {
	t      *testing.T
	server *server
	c      campaign
	fakes  map[string]*hosttest.Fake
	left   atomic.Int64
	mu     sync.Mutex
	blow   func()
}

func newSiege(t *testing.T, s *server) *siege {
	w := &siege{t: t, server: s, fakes: map[string]*hosttest.Fake{}, blow: func() {}}
	o := s.options("")
	w.c = campaign{
		Dir: t.TempDir(), Address: o.Address, SSHConfig: s.config, Agents: o.directory,
		Hosts: map[string]string{},
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(w.c.Dir, "state.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	snapshot, err := store.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.c.Tree = "networks: {br0: {cidr: 10.9.0.0/16, gateway: 10.9.0.1}}\n" +
		"defaults: {from_container: base, network: br0}\ntargets:\n"
	for _, name := range []string{"h1", "h2"} {
		f := hosttest.New(hosttest.Config{
			Host: name, Installation: snapshot.Installation, Bridges: []string{"br0"},
		})
		f.CreateByHand("base")
		w.fakes[name] = f
		w.c.Hosts[name] = listen(t, mined{f, &w.left, &w.mu, &w.blow})
		w.c.Tree += "  " + name + ":\n"
		for i := range 4 {
			w.c.Tree += fmt.Sprintf("    %s: {}\n", containerOf(name, i))
		}
	}
	return w
}

// kill begins a pass and kills something of it after so many steps: 0 the controller, 1 the
// agents, 2 the connections. It returns how the controller ended.
func (w *siege) kill(what int, steps int64) (end error) {
	w.t.Helper()
	text, err := json.Marshal(w.c)
	if err != nil {
		w.t.Fatal(err)
	}
	controller := exec.Command("/proc/self/exe", "controller", string(text))
	w.mu.Lock()
	w.blow = func() {
		victims := []int{controller.Process.Pid}
		switch what {
		case 1:
			victims = w.server.agents()
		case 2:
			victims = w.server.clients()
		}
		for _, pid := range victims {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	w.left.Store(steps + 1)
	err = controller.Start()
	w.mu.Unlock() // now it is known whom to kill
	if err != nil {
		w.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- controller.Wait() }()
	select {
	case end = <-ended:
	case <-time.After(tolerance):
		w.t.Fatal("the pass hangs")
	}
	eventually(w.t, "the agents are gone", func() bool { return len(w.server.agents()) == 0 })
	return end
}

// mustConverge checks that the next pass does all, that the one after it has nothing to do, and
// that nothing is left over.
func (w *siege) mustConverge(when string) {
	w.t.Helper()
	w.left.Store(0)
	ctx, cancel := context.WithTimeout(w.t.Context(), tolerance)
	defer cancel()
	p, err := w.c.pass(ctx, w.c.nearby)
	if err == nil && p.Result != nil {
		err = firstError(*p.Result)
	}
	if err != nil || len(p.Plan.Unreachable)+len(p.Plan.Blocked) > 0 {
		w.t.Fatalf("%s: the next pass fails: %v, %v, %v", when, err, p.Plan.Unreachable,
			p.Plan.Blocked)
	}
	before := w.print()
	p, err = w.c.pass(ctx, w.c.nearby)
	if err != nil || len(p.Plan.Steps) > 0 || w.print() != before {
		w.t.Errorf("%s: a pass with nothing to do has %d steps: %v", when, len(p.Plan.Steps), err)
	}
	for name, f := range w.fakes {
		unlock, err := f.Lock(ctx, "afterwards")
		if err != nil {
			w.t.Fatalf("%s: the lock is left over: %v", when, err)
		}
		_ = unlock()
		running := 0
		for _, c := range observed(w.t, f) {
			if c.Damage != "" {
				w.t.Errorf("%s: %s/%s: %s", when, name, c.Name, c.Damage)
			}
			if c.State == plan.Running {
				running++
			}
		}
		if running != 4 || strings.Contains(f.String(), "leftover") {
			w.t.Errorf("%s: on %s there is\n%s", when, name, f)
		}
	}
	w.checkRecords(ctx, when)
}

// print is what is on the hosts, and how often they were written to.
func (w *siege) print() string {
	var lines []string
	for name, f := range w.fakes {
		lines = append(lines, fmt.Sprint(name, f.Writes(), f))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// checkRecords checks that the state knows every container once, as finished.
func (w *siege) checkRecords(ctx context.Context, when string) {
	w.t.Helper()
	store, err := sqlite.Open(ctx, filepath.Join(w.c.Dir, "state.db"), sqlite.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	snapshot, err := store.Load(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range snapshot.Records {
		if r.Intent != "" || r.Failure != "" {
			w.t.Errorf("%s: %s/%s is recorded as %q, %q", when, r.Host, r.Name, r.Intent, r.Failure)
		}
	}
	if len(snapshot.Records) != 8 {
		w.t.Errorf("%s: there are %d records", when, len(snapshot.Records))
	}
}
