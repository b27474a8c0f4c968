package loop_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

const forwards = "h1: {prepare: {sysctl: {net.ipv4.ip_forward: 1}}}"

// A host that cannot be prepared, since its package server is down perhaps, must not be tried in
// one pass after the other without a pause; and it is tried again, and told of.
func TestAHostThatCannotBePreparedIsTriedMoreAndMoreSlowly(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	h := f.hosts["h1"]
	h.FailPreparing(errors.New("the mirror is down"))
	f.have(map[string]string{"h1": "a", "h2": "b"}, forwards)
	f.begin(func(o *loop.Options) {
		o.Patience = patience
		o.Backoff = loop.Backoff{Initial: 10 * time.Minute, Max: 35 * time.Minute}
	})
	f.eventuallyRun("h2/b")
	f.quiet()
	failure := func() loop.Failure {
		list := f.loop.Status().Failures
		if len(list) != 1 || list[0].Host != "h1" || list[0].Container != "" {
			t.Fatalf("failures: %+v", list)
		}
		return list[0]
	}
	if x := failure(); x.Count != 1 || x.Retry.IsZero() {
		t.Errorf("the host was tried at once again, or never is: %+v", x)
	}
	if f.log.count("host is not prepared h1") != 1 {
		t.Error("nobody is told")
	}
	f.later(11 * time.Minute)
	f.loop.Wake("test")
	f.quiet()
	if n := failure().Count; n != 2 {
		t.Errorf("when it was due it was tried %d times", n-1)
	}
	h.FailPreparing(nil)
	f.later(21 * time.Minute)
	f.loop.Wake("test")
	f.eventuallyRun("h1/a")
	f.quiet()
	if list := f.loop.Status().Failures; len(list) > 0 {
		t.Errorf("it counts as failed when it is prepared: %+v", list)
	}
}

// Who prepares the host by hand has ended the failure.
func TestAHostThatIsPreparedByHandHasNotFailed(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	h := f.hosts["h1"]
	h.FailPreparing(errors.New("the mirror is down"))
	f.have(map[string]string{"h1": "a"}, forwards)
	f.begin(func(o *loop.Options) {
		o.Patience = patience
		o.Backoff = loop.Backoff{Initial: 10 * time.Minute, Max: 35 * time.Minute}
	})
	f.eventually("it fails", func() bool { return f.loop != nil && len(f.loop.Status().Failures) == 1 })
	h.EditMachine("sysctl net.ipv4.ip_forward", "1")
	f.loop.Wake("test")
	f.quiet()
	if list := f.loop.Status().Failures; len(list) > 0 {
		t.Errorf("it still counts as failed: %+v", list)
	}
	f.later(11 * time.Minute)
	f.loop.Wake("test")
	f.eventuallyRun("h1/a")
}

// slowToPrepare is a host that counts how often it is prepared at once.
type slowToPrepare struct {
	*moody
	begun, gate chan struct{}
}

// Prepare implements reconcile.Preparer.
func (s slowToPrepare) Prepare(ctx context.Context, w spec.Preparation) ([]string, error) {
	select {
	case s.begun <- struct{}{}:
	default:
		return nil, errors.New("it is being prepared by another pass")
	}
	<-s.gate
	return s.moody.Prepare(ctx, w)
}

// Two passes must not prepare a host at once: two apt-get would get into each other's way, and the
// second would call it a failure.
func TestTwoPassesNeverPrepareOneHost(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2)
	slow := slowToPrepare{f.hosts["h1"], make(chan struct{}, 1), make(chan struct{})}
	f.have(map[string]string{"h1": "a", "h2": "b"}, forwards)
	f.begin(func(o *loop.Options) {
		o.Patience = patience
		o.Pass.Dial = func(ctx context.Context, h *spec.Host, i string) (reconcile.Host, error) {
			if h.Name == "h1" {
				return slow, nil
			}
			return f.dial(ctx, h, i)
		}
	})
	f.eventually("it is being prepared", func() bool { return len(slow.begun) == 1 })
	f.have(map[string]string{"h1": "a", "h2": "b c"}, forwards)
	f.loop.Wake("test")
	f.eventuallyRun("h2/b h2/c")
	f.quiet()
	s := f.loop.Status()
	if len(s.Failures) > 0 || len(s.Latest.Plan.Prepare) > 0 {
		t.Errorf("another pass wants to prepare it, too: %+v %+v", s.Latest.Plan.Prepare, s.Failures)
	}
	for _, h := range s.Latest.Plan.Held {
		if h.Code != plan.HeldBusy {
			t.Errorf("it is held for another reason: %+v", h)
		}
	}
	close(slow.gate)
	f.eventuallyRun("h1/a")
	f.quiet()
	if held := f.loop.Status().Latest.Plan.Held; len(held) > 0 {
		t.Errorf("in the end there is left alone: %+v", held)
	}
}

// lossy is a host whose first batch ends with the connection, in the middle of a step.
type lossy struct {
	*moody
	lost *atomic.Bool
}

// Batch implements execute.Batcher.
func (l lossy) Batch(ctx context.Context, b execute.Batch) error {
	if l.lost.Swap(true) {
		b.Run(ctx, l.moody)
		return nil
	}
	return errors.Join(b.Tell(execute.Event{Kind: execute.StepStarted, Step: b.Steps[0]}),
		fmt.Errorf("the connection has ended: %w", execute.ErrPermanent))
}

// A connection that breaks does so for good, but another one is made: what was being done then must
// not be left half done until somebody changes something.
func TestWhatALostConnectionBrokeOffIsTakenUpAgain(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1)
	host := lossy{f.hosts["h1"], new(atomic.Bool)}
	f.have(map[string]string{"h1": "a"})
	f.begin(func(o *loop.Options) {
		o.Patience = patience
		o.Pass.Dial = func(context.Context, *spec.Host, string) (reconcile.Host, error) {
			return host, nil
		}
	})
	f.eventuallyRun("h1/a")
	f.quiet()
	if list := f.loop.Status().Failures; len(list) > 0 {
		t.Errorf("it counts as failed: %+v", list)
	}
}
