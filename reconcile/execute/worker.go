package execute

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"reconciler/reconcile/plan"
)

// worker carries out units. It holds nothing of a unit, so all goroutines share one.
type worker struct {
	options Options
	watch   *watch
	gates   map[string]*gate // of the hosts that are to be prepared
	slots   chan struct{}    // has an element for each container that is worked on outside of batches
	batches chan struct{}    // and one for each Batcher that is at work
}

// steps carries out the steps of one container.
func (w worker) steps(ctx context.Context, u *unit) {
	if !w.ready(ctx, u) {
		return
	}
	for _, s := range u.steps {
		if ctx.Err() != nil {
			u.interrupt()
			break
		}
		if u.add(w.step(ctx, s)); u.settled() {
			break
		}
	}
}

// finish has the journal record what became of a settled unit, if any step of it was begun.
func (w worker) finish(ctx context.Context, u *unit) {
	if u.outcome.Steps[0].Status == Skipped {
		return
	}
	if w.options.Journal != nil {
		u.outcome.Err = contain(func() error {
			return w.options.Journal.Finished(context.WithoutCancel(ctx), u.outcome)
		})
	}
	w.watch.tell(Event{Kind: ContainerFinished, Step: lastBegun(u.outcome), Outcome: u.outcome})
}

// lastBegun returns the last step of an outcome that was not skipped.
func lastBegun(o Outcome) plan.Step {
	last := o.Steps[0].Step
	for _, s := range o.Steps {
		if s.Status != Skipped {
			last = s.Step
		}
	}
	return last
}

// step carries out one step, shielded from the end of ctx.
func (w worker) step(ctx context.Context, s plan.Step) StepResult {
	w.watch.tell(Event{Kind: StepStarted, Step: s})
	a := &attempt{count: 1, retrying: func(count int, wait time.Duration, err error) {
		w.watch.tell(Event{Kind: StepRetried, Step: s, Attempt: count, Wait: wait, Err: err})
	}}
	begun := time.Now()
	r := StepResult{Step: s, Status: Done}
	err := contain(func() (err error) {
		r.Message, err = w.do(a.shield(ctx), s)
		return err
	})
	r.Took, r.Attempts = time.Since(begun), a.count
	if err != nil {
		r.Status, r.Err = Failed, describe(s, err)
	}
	w.watch.tell(Event{Kind: StepFinished, Step: s, Result: r})
	return r
}

func (w worker) do(ctx context.Context, s plan.Step) (string, error) {
	switch s.Action {
	case plan.Note:
		return "Record updated", nil
	case plan.Forget:
		return "Record removed", nil
	}
	h, ok := w.options.Hosts[s.Host]
	if !ok {
		return "", fmt.Errorf("no connection to host %q: %w", s.Host, ErrPermanent)
	}
	secrets, err := w.secrets(ctx, s)
	if err != nil {
		return "", err
	}
	return h.Do(ctx, s, secrets)
}

// secrets returns what a step needs to know and the plan does not say.
func (w worker) secrets(ctx context.Context, s plan.Step) (Secrets, error) {
	if s.Action != plan.Password {
		return Secrets{}, nil
	}
	if w.options.Secrets == nil {
		return Secrets{}, errors.New("nobody knows the password")
	}
	return w.options.Secrets.Secrets(ctx, s)
}

// contain turns a panic into an error: a bug that one container meets must not take the others
// along.
func contain(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &PanicError{Value: r, Stack: debug.Stack()}
		}
	}()
	return f()
}
