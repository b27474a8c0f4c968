package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/spec/source/sshtest"
)

// cutting is a pipe that breaks after a number of bytes in either direction.
type cutting struct {
	net.Conn
	left atomic.Int64
}

func (c *cutting) spend(n int) error {
	if c.left.Add(-int64(n)) < 0 {
		_ = c.Conn.Close()
		return io.ErrUnexpectedEOF
	}
	return nil
}

// Read implements net.Conn.
func (c *cutting) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), 100)])
	return n, errors.Join(err, c.spend(n))
}

// Write implements net.Conn.
func (c *cutting) Write(p []byte) (int, error) {
	if err := c.spend(0); err != nil {
		return 0, err
	}
	whole := min(int64(len(p)), max(c.left.Load(), 0))
	n, err := c.Conn.Write(p[:whole])
	return n, errors.Join(err, c.spend(len(p)))
}

// pass is what a controller does in one pass: lock, look, and make what is missing.
func pass(ctx context.Context, d hosttest.Driver) error {
	ctx, cancel := context.WithTimeout(ctx, tolerance)
	defer cancel()
	unlock, err := d.Lock(ctx, "a pass")
	if err != nil {
		return err
	}
	if _, err = d.Observe(ctx); err != nil {
		return errors.Join(err, unlock())
	}
	var all []plan.Step
	for i := range 3 {
		for _, a := range newActions() {
			all = append(all, stepOf(want(i), a))
		}
	}
	return errors.Join(firstError(carryOut(ctx, d, all, execute.Options{Parallel: 3})), unlock())
}

// carryOut carries out steps of a host.
func carryOut(
	ctx context.Context, d execute.Host, all []plan.Step, o execute.Options,
) execute.Result {
	o.Hosts, o.Tries = map[string]execute.Host{testHost: d}, 1
	o.Secrets = hashes{}
	return execute.Run(ctx, all, o)
}

// hashes is a source of one secret.
type hashes struct{}

// Secrets implements execute.SecretSource.
func (hashes) Secrets(context.Context, plan.Step) (execute.Secrets, error) {
	return execute.Secrets{PasswordHash: "$6$x$y"}, nil
}

// firstError says why a run did not do everything.
func firstError(r execute.Result) error {
	var errs []error
	for _, o := range r.Outcomes {
		errs = append(errs, o.Err)
		for _, s := range o.Steps {
			if s.Status == execute.Skipped {
				errs = append(errs, fmt.Errorf("%w: %s", errSkipped, s.Message))
			}
			errs = append(errs, s.Err)
		}
	}
	return errors.Join(errs...)
}

// errSkipped is for steps that were not begun.
var errSkipped = fmt.Errorf("skipped: %w", execute.ErrPermanent)

// converged checks that after whatever happened the next pass does all, on a host that prints as
// one on which nothing happened.
func converged(t *testing.T, f *hosttest.Fake, d hosttest.Driver) {
	t.Helper()
	if err := pass(t.Context(), d); err != nil {
		t.Fatalf("the next pass fails: %v", err)
	}
	actual, err := f.Observe(t.Context())
	if err != nil || len(actual.Containers) != 4 {
		t.Fatalf("after the next pass there is %v, %v", actual.Containers, err)
	}
	for _, c := range actual.Containers {
		if (c.State == plan.Running) != (c.Name != "base") || c.Damage != "" {
			t.Errorf("container %s is %s, damage %q", c.Name, c.State, c.Damage)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), tolerance)
	defer cancel()
	unlock, err := f.Lock(ctx, "afterwards")
	if err != nil {
		t.Fatalf("the lock is left over: %v", err)
	}
	_ = unlock()
	writes := f.Writes()
	if err := pass(t.Context(), d); err != nil || f.Writes() != writes {
		t.Errorf("a pass with nothing to do writes %d times: %v", f.Writes()-writes, err)
	}
}

func TestAConnectionCutAnywhereLosesNothing(t *testing.T) {
	t.Parallel()
	whole := &cutting{}
	whole.left.Store(1 << 40)
	cutPass(t, whole, newFake())
	total := 1<<40 - whole.left.Load()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 7))
		f := newFake()
		c := &cutting{}
		c.left.Store(r.Int64N(total))
		cutPass(t, c, f)
		converged(t, f, over(t, f, slow()))
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

// cutPass makes a pass over a connection that is cut, and waits for the agent to go.
func cutPass(t *testing.T, c *cutting, f *hosttest.Fake) {
	t.Helper()
	s := serve(t, f, slow())
	c.Conn = s.client
	if h, err := greetOver(c, testTarget(), slow()); err == nil {
		if err := pass(t.Context(), h); err != nil && !errors.Is(err, execute.ErrPermanent) {
			t.Errorf("what a lost connection says would be tried again: %v", err)
		}
		_ = h.Close()
	}
	_ = c.Conn.Close()
	s.wait(t)
}

// TestKilledAgentsLeaveNothing kills agents, and ssh at our end, at random moments of a pass.
func TestKilledAgentsLeaveNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFake()
	o := s.options(listen(t, slowed{f}))
	dial(t, o) // so that it is delivered
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 8))
		h := dial(t, o)
		failed := make(chan error, 1)
		go func() { failed <- pass(t.Context(), h) }()
		time.Sleep(time.Duration(r.Int64N(int64(25 * time.Millisecond))))
		victims := s.agents()
		if seed%2 == 0 {
			victims = s.clients()
		}
		for _, pid := range victims {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case <-failed:
		case <-time.After(tolerance):
			t.Fatalf("seed %d: the pass hangs", seed)
		}
		_ = h.Close()
		eventually(t, "the agents are gone", func() bool { return len(s.agents()) == 0 })
		if seed%10 == 9 {
			converged(t, f, dial(t, o))
			for i := range 3 {
				f.DestroyByHand(want(i).Name)
			}
		}
		for _, c := range observed(t, f) {
			if c.Damage != "" {
				t.Errorf("seed %d: container %s: %s", seed, c.Name, c.Damage)
			}
		}
	}
	converged(t, f, dial(t, o))
}

func observed(t *testing.T, f *hosttest.Fake) []plan.Observed {
	t.Helper()
	actual, err := f.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return actual.Containers
}

// clients are the ids of the ssh that we run to reach the server.
func (s *server) clients() (pids []int) {
	for _, pid := range sshtest.Descendants(os.Getpid()) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may be gone already
		if strings.HasPrefix(string(line), "ssh\x00-F\x00"+s.config+"\x00") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// slowed is a host whose steps take some time.
type slowed struct{ *hosttest.Fake }

// Do implements execute.Host.
func (s slowed) Do(ctx context.Context, step plan.Step, x execute.Secrets) (string, error) {
	time.Sleep(time.Millisecond)
	return s.Fake.Do(ctx, step, x)
}

func TestAFrozenAgentIsGivenUp(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFake()
	o := s.options(listen(t, f))
	h := dial(t, o)
	if _, err := h.Lock(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	agents := s.agents()
	for _, pid := range agents {
		_ = syscall.Kill(pid, syscall.SIGSTOP)
	}
	h.forget()
	_, err := h.Observe(t.Context())
	if err == nil || !strings.Contains(err.Error(), "nothing was heard") {
		t.Errorf("a frozen agent gives %v", err)
	}
	for _, pid := range agents {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	converged(t, f, dial(t, o))
}

func TestASilentControllerIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFake()
	s := serve(t, f, timing{beat: 10 * time.Millisecond, patience: 100 * time.Millisecond,
		grace: time.Second})
	go func() { _, _ = io.Copy(io.Discard, s.client) }()
	_, _ = s.client.Write(append(frame(helloText),
		frame(`{"id":2,"method":"lock","params":{"By":"frozen"}}`)...))
	s.wait(t)
	if s.err == nil || !strings.Contains(s.err.Error(), "nothing was heard") {
		t.Errorf("the agent ends with %v", s.err)
	}
	converged(t, f, over(t, f, slow()))
}

func TestARunningStepIsFinishedWithoutItsConnection(t *testing.T) {
	t.Parallel()
	g := &gated{Fake: newFake(), begun: make(chan struct{}), gate: make(chan struct{})}
	s := serve(t, g, slow())
	h, err := greetOver(s.client, testTarget(), slow())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Lock(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := h.Do(t.Context(), stepOf(want(1), plan.Clone), execute.Secrets{})
		failed <- err
	}()
	<-g.begun
	_ = h.Close()
	if err := <-failed; !errors.Is(err, execute.ErrPermanent) {
		t.Errorf("the step says %v", err)
	}
	short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := g.Fake.Lock(short, "second"); err == nil {
		t.Error("another may write while the step still runs")
	}
	close(g.gate)
	s.wait(t)
	if len(observed(t, g.Fake)) != 2 {
		t.Error("the step was cut in the middle")
	}
	if _, err := g.Fake.Lock(t.Context(), "second"); err != nil {
		t.Errorf("the lock is left over: %v", err)
	}
}

// gated is a host whose steps wait at a gate, whatever becomes of their context.
type gated struct {
	*hosttest.Fake
	once  sync.Once
	waits atomic.Int64 // steps that came to the gate
	begun chan struct{}
	gate  chan struct{}
}

// Do implements execute.Host.
func (g *gated) Do(ctx context.Context, step plan.Step, x execute.Secrets) (string, error) {
	g.waits.Add(1)
	g.once.Do(func() { close(g.begun) })
	<-g.gate
	return g.Fake.Do(ctx, step, x)
}
