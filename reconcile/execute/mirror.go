package execute

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// mirror follows what a Batcher tells of its units.
type mirror struct {
	worker
	mu    sync.Mutex // of the units
	units map[string]*mirrored
}

// mirrored is a unit that a Batcher works on.
type mirrored struct {
	*unit
	running  bool // its next step is
	since    time.Time
	tries    int
	finished bool // or about to be
}

// tell takes an event, completes it and passes it on.
func (m *mirror) tell(ctx context.Context, e Event) error {
	m.mu.Lock()
	u := m.units[e.Step.Container]
	err := u.follow(&e, ctx.Err() != nil)
	m.mu.Unlock()
	switch {
	case err != nil:
		return fmt.Errorf("%s of container %q: %w", e.Kind, e.Step.Container, err)
	case e.Kind == ContainerFinished:
		return m.finish(ctx, u)
	}
	m.watch.tell(e)
	return nil
}

var errUnexpected = errors.New("told at a wrong time")

// follow applies an event to the unit, and fills in which step the event is about. interrupted says
// whether the unit may be left with steps that were not begun.
func (u *mirrored) follow(e *Event, interrupted bool) error {
	if u == nil || u.unmet > 0 || u.finished {
		return errUnexpected
	}
	done := len(u.outcome.Steps)
	if !u.settled() {
		e.Step = u.steps[done]
	}
	switch e.Kind {
	case StepStarted:
		if u.running || u.settled() {
			return errUnexpected
		}
		u.begun, u.running, u.since, u.tries = true, true, time.Now(), 1
	case StepRetried:
		if !u.running {
			return errUnexpected
		}
		u.tries = e.Attempt + 1
	case StepFinished:
		if !u.running {
			return errUnexpected
		}
		u.running = false
		e.Result.Step = e.Step
		u.add(e.Result)
	default:
		if !u.begun || u.running || !u.settled() && !interrupted {
			return errUnexpected
		}
		u.finished = true
		if !u.settled() {
			u.interrupt()
		}
	}
	return nil
}

// finish records a unit and lets those go on that need it.
func (m *mirror) finish(ctx context.Context, u *mirrored) error {
	m.worker.finish(ctx, u.unit)
	m.mu.Lock()
	defer m.mu.Unlock()
	u.release()
	return u.outcome.Err
}

// end settles what the batch left open. Nobody calls tell any more.
func (m *mirror) end(ctx context.Context, units []*unit, lost error) {
	for _, u := range units {
		now := m.units[u.outcome.Container]
		if now == nil || now.finished {
			continue
		}
		if now.running {
			m.fail(now, lost)
		}
		switch {
		case u.settled():
		case ctx.Err() != nil:
			u.interrupt()
		default:
			u.skipRest("not begun: " + lost.Error())
		}
		m.worker.finish(ctx, u)
	}
}

// fail ends the running step of a unit with an error.
func (m *mirror) fail(u *mirrored, err error) {
	s := u.steps[len(u.outcome.Steps)]
	r := StepResult{
		Step: s, Status: Failed, Err: describe(s, err), Attempts: u.tries, Took: time.Since(u.since),
	}
	u.add(r)
	m.watch.tell(Event{Kind: StepFinished, Step: s, Result: r})
}
