package execute

import (
	"context"
	"errors"

	"reconciler/reconcile/plan"
)

// Batcher is a Host that takes all its steps at once, because asking it for each of them would take
// long.
type Batcher interface {
	Host
	// Batch carries out the steps as Run does, each within its Limit and with its tries, and
	// returns after the last one ended and the last call of b.Tell returned; Batch.Run does all
	// that with a Host of single steps. When ctx ends no new step begins. An error means that the
	// host is lost: what becomes of the steps that were not told of will not be known.
	Batch(ctx context.Context, b Batch) error
}

// Batch is the work of a Batcher.
type Batch struct {
	Steps    []plan.Step // of this host, not empty, without circles; of each container in order
	Parallel int         // containers at once, at least 1
	Tries    int         // of each step, at least 1
	// Secrets returns what a password step needs to know. The step fails with its error. It may be
	// called by several goroutines.
	Secrets func(ctx context.Context, s plan.Step) (Secrets, error)
	// Tell must be called as soon as something happens, with the events that an Observer gets:
	// those of one container one after the other, those of different containers at the same time if
	// need be. It returns an error for an event that cannot happen, such as the end of a step that
	// was not begun. ContainerFinished needs nothing but a Step of the container; Tell then returns
	// when the journal has recorded the container, and an error says that what needs the container
	// must not begin.
	Tell func(e Event) error
}

// Run carries out the batch on a Host that takes single steps.
func (b Batch) Run(ctx context.Context, h Host) {
	Run(ctx, b.Steps, Options{
		Parallel: b.Parallel,
		Hosts: map[string]Host{
			b.Steps[0].Host: Retry(Timeout(h), RetryOptions{Tries: b.Tries}),
		},
		Secrets: told{b}, Journal: told{b}, Observer: told{b},
	})
}

// told adapts a batch to Run.
type told struct{ batch Batch }

// Secrets implements SecretSource.
func (b told) Secrets(ctx context.Context, s plan.Step) (Secrets, error) {
	return b.batch.Secrets(ctx, s)
}

// Observe implements Observer.
func (b told) Observe(e Event) {
	if e.Kind != ContainerFinished { // which the journal tells, since its answer counts
		// Run tells only of what can happen, so there is no error.
		_ = b.batch.Tell(e)
	}
}

// Finished implements Journal.
func (b told) Finished(_ context.Context, o Outcome) error {
	return b.batch.Tell(Event{Kind: ContainerFinished, Step: lastBegun(o), Outcome: o})
}

// batch has a Batcher carry out its units.
func (w worker) batch(ctx context.Context, host string, units []*unit) {
	breakCircles(units)
	if ctx.Err() != nil {
		interrupt(units)
		return
	}
	m := &mirror{worker: w, units: make(map[string]*mirrored, len(units))}
	b := Batch{
		Parallel: max(w.options.Parallel, 1), Tries: w.options.Tries, Secrets: w.contained,
		Tell: func(e Event) error { return m.tell(ctx, e) },
	}
	if b.Tries < 1 {
		b.Tries = usualTries
	}
	for _, u := range units {
		if !u.settled() && w.ready(ctx, u) {
			m.units[u.outcome.Container] = &mirrored{unit: u}
			b.Steps = append(b.Steps, u.steps...)
		}
	}
	if len(b.Steps) == 0 {
		return
	}
	batcher := w.options.Hosts[host].(Batcher)
	err := contain(func() error { return batcher.Batch(ctx, b) })
	if err == nil {
		err = errors.New("it ended before its work was done")
	}
	m.end(ctx, units, &LostError{Host: host, Err: err})
}

// contained is secrets with a panic turned into an error.
func (w worker) contained(ctx context.Context, s plan.Step) (secrets Secrets, err error) {
	err = contain(func() (err error) {
		secrets, err = w.secrets(ctx, s)
		return err
	})
	return secrets, err
}
