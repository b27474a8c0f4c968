package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
)

func newGated() *gated {
	return &gated{Fake: newFake(), begun: make(chan struct{}), gate: make(chan struct{})}
}

func TestStepsOfOneContainerNeverOverlap(t *testing.T) {
	t.Parallel()
	g := newGated()
	h := over(t, g, slow())
	first := make(chan error)
	go func() {
		_, err := h.Do(t.Context(), stepOf(want(1), plan.Clone), execute.Secrets{})
		first <- err
	}()
	<-g.begun
	_, err := h.Do(t.Context(), stepOf(want(1), plan.Destroy), execute.Secrets{})
	if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), "is running") {
		t.Errorf("a second step of the container is answered with %v", err)
	}
	close(g.gate)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := h.Do(t.Context(), stepOf(want(1), plan.Destroy), execute.Secrets{}); err != nil {
		t.Errorf("afterwards it fails: %v", err)
	}
}

// crowded counts the steps that run at once.
type crowded struct {
	*hosttest.Fake
	now, most atomic.Int64
}

// Do implements execute.Host.
func (c *crowded) Do(ctx context.Context, s plan.Step, x execute.Secrets) (string, error) {
	now := c.now.Add(1)
	defer c.now.Add(-1)
	for most := c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); {
		most = c.most.Load()
	}
	time.Sleep(5 * time.Millisecond)
	return "done", nil
}

func TestAnAgentWorksOnNoMoreThanItIsTold(t *testing.T) {
	t.Parallel()
	for parallel, most := range map[int]int64{3: 3, 5 * maxParallel: maxParallel} {
		c := &crowded{Fake: newFake()}
		h := over(t, c, slow())
		var all []plan.Step
		for i := range 5 * maxParallel {
			all = append(all, stepOf(want(i), plan.Clone))
		}
		r := carryOut(t.Context(), h, all, execute.Options{Parallel: parallel})
		if err := firstError(r); err != nil {
			t.Error(err)
		}
		if got := c.most.Load(); got > most || got < 2 {
			t.Errorf("%d steps ran at once, not %d", got, most)
		}
	}
}

func TestAnAgentRefusesACrowd(t *testing.T) {
	t.Parallel()
	g := newGated()
	s := serve(t, g, slow())
	h, err := greetOver(s.client, testTarget(), slow())
	if err != nil {
		t.Fatal(err)
	}
	var refused atomic.Int64
	var wg sync.WaitGroup
	for i := range maxCalls + 10 {
		wg.Go(func() {
			_, err := h.Do(t.Context(), stepOf(want(i), plan.Clone), execute.Secrets{})
			if err != nil && strings.Contains(err.Error(), "too many calls") {
				refused.Add(1)
			}
		})
	}
	eventually(t, "the crowd is refused", func() bool { return refused.Load() == 10 })
	close(g.gate)
	wg.Wait()
	_ = h.Close()
}

// TestALockThatIsWaitedForGoesWithItsConnection has a client vanish while it waits for a lock.
func TestALockThatIsWaitedForGoesWithItsConnection(t *testing.T) {
	t.Parallel()
	f := newFake()
	unlock, err := f.Lock(t.Context(), "somebody else")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, f, slow())
	h, err := greetOver(s.client, testTarget(), slow())
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error)
	go func() {
		_, err := h.Lock(t.Context(), "me")
		failed <- err
	}()
	eventually(t, "the lock is asked for", func() bool { return h.peer.calls.Load() == 2 })
	_ = h.Close()
	if err := <-failed; err == nil {
		t.Error("a lock is had over a closed connection")
	}
	s.wait(t)
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), tolerance)
	defer cancel()
	if _, err := f.Lock(ctx, "the next"); err != nil {
		t.Errorf("who vanished has the lock: %v", err)
	}
}

func TestALockThatCameTooLateIsHadOrFreeNeverLost(t *testing.T) {
	t.Parallel()
	f := newFake()
	h := over(t, f, slow())
	for i := range 200 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*5*time.Microsecond)
		unlock, err := h.Lock(ctx, "me")
		cancel()
		if err == nil {
			err = unlock()
			if err != nil {
				t.Fatal(err)
			}
		}
		next, err := f.Lock(t.Context(), "the next")
		if err != nil {
			t.Fatalf("round %d: %v", i, err)
		}
		if err := next(); err != nil {
			t.Fatal(err)
		}
	}
}

// deaf is a host that does not heed the end of a context.
type deaf struct {
	*hosttest.Fake
	done chan struct{}
}

// Observe implements Driver.
func (d deaf) Observe(context.Context) (plan.Actual, error) {
	<-d.done
	return plan.Actual{}, errors.New("too late")
}

func TestAHostThatDoesNotAnswerACancelledCallIsGivenUp(t *testing.T) {
	t.Parallel()
	d := deaf{newFake(), make(chan struct{})}
	hasty := timing{beat: time.Hour, patience: time.Hour, grace: 50 * time.Millisecond}
	h := over(t, d, hasty)
	t.Cleanup(func() { close(d.done) })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Observe(ctx)
	if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), "not answered") {
		t.Errorf("the observation ends with %v", err)
	}
	if _, err := h.Do(t.Context(), stepOf(want(1), plan.Clone), execute.Secrets{}); err == nil {
		t.Error("a host of which nothing is known is worked on")
	}
}

// closing is a host that must be closed, and whose lock cannot be given back.
type closing struct {
	*hosttest.Fake
	closed atomic.Bool
}

// Lock implements Driver.
func (c *closing) Lock(context.Context, string) (func() error, error) {
	return func() error { return errors.New("the disk is gone") }, nil
}

// Close implements io.Closer.
func (c *closing) Close() error {
	c.closed.Store(true)
	return nil
}

func TestTheEndIsOrderly(t *testing.T) {
	t.Parallel()
	c := &closing{Fake: newFake()}
	s := serve(t, c, slow())
	h, err := greetOver(s.client, testTarget(), slow())
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := h.Lock(t.Context(), "me")
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Errorf("a lock that cannot be given back is told as %v", err)
	}
	if unlock, err = h.Lock(t.Context(), "me"); err != nil {
		t.Fatal(err)
	}
	_ = h.Close()
	s.wait(t)
	if s.err == nil || !strings.Contains(s.err.Error(), "the disk is gone") {
		t.Errorf("the agent ends with %v", s.err)
	}
	if !c.closed.Load() {
		t.Error("the driver is not closed")
	}
	if err := unlock(); err != nil {
		t.Errorf("a lock that went with its connection cannot be given back: %v", err)
	}
}

// lying is a host that says to be another one.
type lying struct{ *hosttest.Fake }

// Observe implements Driver.
func (l lying) Observe(ctx context.Context) (plan.Actual, error) {
	actual, err := l.Fake.Observe(ctx)
	actual.Host = "other\x1b"
	return actual, err
}

func TestAHostThatSaysToBeAnotherIsNotBelieved(t *testing.T) {
	t.Parallel()
	f := newFake()
	for name, ask := range map[string]func(h *Host) error{
		"observe": func(h *Host) error { _, err := h.Observe(t.Context()); return err },
		"lock":    func(h *Host) error { _, err := h.Lock(t.Context(), "me"); return err },
	} {
		err := ask(over(t, lying{f}, slow()))
		if err == nil || !strings.Contains(err.Error(), `about host "other"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), tolerance)
	defer cancel()
	if _, err := f.Lock(ctx, "next"); err != nil {
		t.Errorf("the lock that came with a lie is kept: %v", err)
	}
}

func TestAStepThatIsTooLargeIsRefusedHere(t *testing.T) {
	t.Parallel()
	h := over(t, newFake(), slow())
	s := stepOf(want(1), plan.Clone)
	s.Want.Domains = []string{strings.Repeat("x", maxRequest)}
	_, err := h.Do(t.Context(), s, execute.Secrets{})
	if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), "too large") {
		t.Errorf("it ends with %v", err)
	}
	if _, err := h.Observe(t.Context()); err != nil {
		t.Errorf("the connection is lost by it: %v", err)
	}
}

func TestADriverThatCannotBeOpenedSaysWhy(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]ServeOptions{
		"no lxcpath": {
			Open: func(Target) (Driver, error) { return nil, errors.New("no such directory") },
			Hash: func() (string, error) { return "00", nil },
		},
		"no program": {Hash: func() (string, error) { return "", errors.New("no such directory") }},
	} {
		here, there := net.Pipe()
		o.Log, o.timing = quiet(), slow()
		ended := make(chan error)
		go func() { ended <- Serve(there, o) }()
		if _, err := greetOver(here, testTarget(), slow()); err == nil ||
			!strings.Contains(err.Error(), "no such directory") {
			t.Errorf("%s: %v", name, err)
		}
		if err := <-ended; err != nil {
			t.Errorf("%s: the agent ends with %v", name, err)
		}
	}
}

func TestAnAgentWithoutAPeerEnds(t *testing.T) {
	t.Parallel()
	here, there := net.Pipe()
	_ = here.Close()
	if err := Serve(there, serveOptions(newFake(), slow())); err == nil {
		t.Error("an agent greets nobody and is content")
	}
}

func TestSecretsAreInNoText(t *testing.T) {
	t.Parallel()
	const hash = "$6$salt$hash"
	m := messageOf(stepOf(want(1), plan.Password), execute.Secrets{PasswordHash: hash})
	text := fmt.Sprintf("%v %+v %#v", m.Secrets, m.Secrets, m.Secrets)
	if strings.Contains(text, hash) {
		t.Errorf("a log would have %s", text)
	}
	f := newFake()
	h := over(t, f, slow())
	_, err := h.Do(t.Context(), stepOf(want(1), plan.Password), execute.Secrets{PasswordHash: hash})
	if err == nil || strings.Contains(err.Error(), hash) {
		t.Errorf("the error of a failed password step is %v", err)
	}
}
