package execute

import (
	"sync"
	"time"

	"reconciler/reconcile/plan"
)

// EventKind says what happened to a step.
type EventKind string

// The kinds of events. A skipped step has none.
const (
	StepStarted  EventKind = "started"
	StepRetried  EventKind = "retried" // a try failed, another one follows
	StepFinished EventKind = "finished"
	// ContainerFinished follows the last step of a container, after the Journal has recorded it. A
	// container of which no step was begun has none.
	ContainerFinished EventKind = "container finished"
)

// Event is progress of a run.
type Event struct {
	Kind    EventKind
	Step    plan.Step     // with ContainerFinished the last one that was begun
	Result  StepResult    // only with StepFinished
	Attempt int           // only with StepRetried: the try that failed, from 1
	Wait    time.Duration // only with StepRetried: until the next try
	Err     error         // only with StepRetried: why the try failed
	Outcome Outcome       // only with ContainerFinished
}

// Observer is told of progress as it happens.
type Observer interface {
	// Observe must return soon, since workers wait for it. Calls come from several goroutines
	// but never overlap.
	Observe(e Event)
}

// watch keeps the calls of an observer from overlapping.
type watch struct {
	mu       sync.Mutex
	observer Observer // nil: nobody looks
}

func (w *watch) tell(e Event) {
	if w.observer == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.observer.Observe(e)
}
