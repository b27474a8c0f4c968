package remote

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/host/hosttest"
	"reconciler/spec"
	"reconciler/state"
	"reconciler/state/sqlite"
)

// fleet is a controller with a tree of many hosts.
type fleet struct {
	t        testing.TB
	hosts    []string
	store    state.Store
	keys     *state.Sealer
	tree     string
	reach    func(host string) (net.Conn, error)
	followed bool
	sent     messages
}

// newFleet declares hosts with containers, whose agents are to be had from reach.
func newFleet(
	t testing.TB, hosts, containers int, reach func(host string) (net.Conn, error),
) *fleet {
	dir := t.TempDir()
	keys, err := state.OpenKey(filepath.Join(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlite.Open(t.Context(), filepath.Join(dir, "state.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	f := &fleet{t: t, store: store, keys: keys, reach: reach}
	f.sent.reset()
	for i := range hosts {
		f.hosts = append(f.hosts, fmt.Sprintf("h%d", i))
	}
	f.declare(containers)
	return f
}

// declare writes the tree.
func (f *fleet) declare(containers int) {
	var y strings.Builder
	y.WriteString("networks: {lxcbr1: {cidr: 10.0.0.0/8, gateway: 10.0.0.1}}\n" +
		"defaults: {from_container: base}\ntargets:\n")
	for _, name := range f.hosts {
		fmt.Fprintf(&y, "  %s:\n", name)
		for c := range containers {
			fmt.Fprintf(&y, "    c%d.%s.example.org: {}\n", c, name)
		}
	}
	f.tree = y.String()
}

func (f *fleet) dial(_ context.Context, h *spec.Host, installation string) (reconcile.Host, error) {
	conn, err := f.reach(h.Name)
	if err != nil {
		return nil, err
	}
	t := Target{Host: h.Name, LXCPath: h.LXCPath, Installation: installation}
	return greetOver(&tapped{conn, h.Name, &f.sent}, t, usual())
}

// onePass makes a pass of a tree, with what is not in o as it is for all.
func onePass(
	ctx context.Context, tree string, o reconcile.Options,
) (reconcile.Pass, error) {
	declared, err := reconcile.Fetch(ctx, written(tree), spec.Options{})
	if err != nil {
		return reconcile.Pass{}, err
	}
	o.Random, o.LockTimeout, o.Parallel, o.Tries = rand.Reader, tolerance, 4, 1
	o.Log, o.Now = quiet(), time.Now
	return reconcile.Run(ctx, declared, o)
}

// written is a source that is one file.
type written string

// Fetch implements reconcile.Source.
func (w written) Fetch(context.Context) (spec.Snapshot, error) {
	files := fstest.MapFS{"tree.yaml": {Data: []byte(w)}}
	return spec.Snapshot{Files: files, Revision: spec.Revision{ID: "r1"}}, nil
}

// pass makes a pass that must succeed and returns the number of its steps.
func (f *fleet) pass() int {
	f.t.Helper()
	p, err := onePass(f.t.Context(), f.tree, reconcile.Options{
		Store: f.store, Sealer: f.keys, Dial: f.dial, Followed: f.followed,
	})
	if err == nil && p.Result != nil {
		err = firstError(*p.Result)
	}
	if err != nil || len(p.Plan.Unreachable) > 0 {
		f.t.Fatalf("the pass fails: %v, %v", err, p.Plan.Unreachable)
	}
	return len(p.Plan.Steps)
}

// tapped is a connection that writes down what a client sends over it.
type tapped struct {
	net.Conn
	host string
	sent *messages
}

// Write implements net.Conn. Each write is a message.
func (t *tapped) Write(p []byte) (int, error) {
	var m struct {
		ID     *json.RawMessage
		Method string
	}
	if len(p) > 4 && json.Unmarshal(p[4:], &m) == nil {
		t.sent.add(t.host, m.Method, m.ID != nil)
	}
	return t.Conn.Write(p)
}

// messages are what was sent to hosts.
type messages struct {
	mu     sync.Mutex
	called map[string][]string // methods by host, each of which costs a round trip
}

func (m *messages) add(host, method string, call bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if call {
		m.called[host] = append(m.called[host], method)
	}
}

func (m *messages) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.called = map[string][]string{}
}

func (m *messages) calls() (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, methods := range m.called {
		n += len(methods)
	}
	return n
}

// agents are the hosts of a fleet, made when they are asked for first.
type agents struct {
	mu    sync.Mutex
	hosts map[string]*hosttest.Fake
}

// open is as ServeOptions have it.
func (a *agents) open(t Target) (Driver, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f := a.hosts[t.Host]
	if f == nil {
		f = hosttest.New(hosttest.Config{
			Host: t.Host, Installation: t.Installation, Bridges: []string{"lxcbr1"},
		})
		f.CreateByHand("base")
		a.hosts[t.Host] = f
	}
	return f, nil
}

// servePool is the process of a pool: it serves whoever connects to its socket, until its input
// ends.
func servePool(path string) int {
	socket, err := net.Listen("unix", path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	a := &agents{hosts: map[string]*hosttest.Fake{}}
	o := serveOptions(nil, usual())
	o.Open = a.open
	for {
		conn, err := socket.Accept()
		if err != nil {
			return 1
		}
		go func() { _ = Serve(conn, o) }()
	}
}

// startPool starts processes that serve agents and returns how to reach one: every host has its
// process.
func startPool(t testing.TB, processes int) func(host string) (net.Conn, error) {
	t.Helper()
	dir, err := os.MkdirTemp("", "rc") // short: the path of a socket must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	var paths []string
	for i := range processes {
		path := filepath.Join(dir, fmt.Sprint(i))
		paths = append(paths, path)
		child := exec.Command("/proc/self/exe", "pool", path)
		child.Stderr = os.Stderr
		stdin, err := child.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = stdin.Close()
			_ = child.Wait()
		})
	}
	for _, path := range paths {
		eventually(t, "the pool listens", func() bool {
			_, err := os.Stat(path)
			return err == nil
		})
	}
	return func(host string) (net.Conn, error) {
		var n int
		_, err := fmt.Sscanf(host, "h%d", &n)
		if err != nil {
			return nil, err
		}
		return net.Dial("unix", paths[n%processes])
	}
}

// TestAPassCostsOneLookAndOneBatch counts round trips. Whatever is to be done, a host is asked for
// its lock and what it has in one call, and for all its steps in another. Only where containers are
// made it is asked once more, what it has room for.
func TestAPassCostsOneLookAndOneBatch(t *testing.T) {
	t.Parallel()
	a := &agents{hosts: map[string]*hosttest.Fake{}}
	var serving sync.WaitGroup
	f := newFleet(t, 3, 4, func(string) (net.Conn, error) {
		here, there := socketPair(t)
		o := serveOptions(nil, usual())
		o.Open = a.open
		serving.Go(func() { _ = Serve(there, o) })
		return here, nil
	})
	t.Cleanup(serving.Wait)
	idle := []string{methodHello, methodLock, methodUnlock}
	busy := []string{methodHello, methodLock, methodBatch, methodUnlock}
	makes := []string{methodHello, methodLock, methodCheck, methodBatch, methodUnlock}
	seenAgain := []string{methodHello, methodLock, methodCheck, methodBatch, methodObserve,
		methodUnlock}
	expect := func(when string, want map[string][]string) {
		t.Helper()
		f.sent.reset()
		f.pass()
		for _, h := range f.hosts {
			if got := f.sent.called[h]; !slices.Equal(got, want[h]) {
				t.Errorf("%s host %s is asked %q, not %q", when, h, got, want[h])
			}
		}
	}
	expect("with everything to do",
		map[string][]string{"h0": seenAgain, "h1": seenAgain, "h2": seenAgain})
	expect("with nothing to do", map[string][]string{"h0": idle, "h1": idle, "h2": idle})
	f.followed = true
	f.declare(9)
	a.hosts["h1"].DestroyByHand("c1.h1.example.org")
	expect("when another pass follows", map[string][]string{"h0": makes, "h1": makes, "h2": makes})
	a.hosts["h1"].StopByHand("c1.h1.example.org")
	expect("with one host that has changed", map[string][]string{"h0": idle, "h1": busy, "h2": idle})
}
