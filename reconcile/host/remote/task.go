package remote

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// task is a batch that the agent works on.
type task struct {
	batch  execute.Batch
	peer   *peer
	call   uint64
	wake   chan struct{}    // has a value if something was told
	at     map[string]*work // by container
	ending sync.WaitGroup   // containers that are being recorded
	wrong  bool             // it was told nonsense

	running int         // steps
	idle    *time.Timer // gives the host up while no step runs

	mu   sync.Mutex
	told []progressNotice // what was not looked at yet
	left int              // how much more may be told
}

// work is what the agent is to do with one container.
type work struct {
	steps  []plan.Step
	first  int // place of the first one in the batch
	done   int
	needed bool          // others wait until it is recorded
	limit  *time.Timer   // of the step that runs
	failed map[int]error // steps that were sent to fail, by their place in the batch
}

func newTask(p *peer, b execute.Batch) *task {
	t := &task{batch: b, peer: p, wake: make(chan struct{}, 1), at: map[string]*work{}}
	for i, s := range b.Steps {
		w := t.at[s.Container]
		if w == nil {
			w = &work{first: i}
			t.at[s.Container] = w
		}
		w.steps = b.Steps[w.first : i+1]
	}
	for _, s := range b.Steps {
		for _, need := range s.Needs {
			if w := t.at[need]; w != nil {
				w.needed = true
			}
		}
	}
	t.left = len(b.Steps)*(2+b.Tries) + len(t.at)
	t.idle = time.AfterFunc(idle, func() {
		p.giveUp(fmt.Errorf("it has begun no step for %s", idle))
	})
	return t
}

func (w *work) fails(place int, err error) {
	if w.failed == nil {
		w.failed = map[int]error{}
	}
	w.failed[place] = err
}

// hear takes what the agent tells. It must not wait: the connection is not read meanwhile.
func (t *task) hear(n progressNotice) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left--; t.left < 0 || n.isLong() {
		t.peer.giveUp(&badAnswer{errors.New("it tells too much")})
		return
	}
	t.told = append(t.told, n)
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// isLong reports whether an agent says more than an honest one does.
func (n progressNotice) isLong() bool {
	return len(n.Message) > maxText || n.Fault != nil && len(n.Fault.Text) > maxText
}

// look passes on what was told, up to what cannot be.
func (t *task) look() {
	t.mu.Lock()
	told := t.told
	t.told = nil
	t.mu.Unlock()
	for _, n := range told {
		if t.wrong {
			return
		}
		if err := t.pass(n); err != nil {
			t.wrong = true
			t.peer.giveUp(&badAnswer{err})
		}
	}
}

// pass passes a notice on as an event.
func (t *task) pass(n progressNotice) error {
	w := t.at[n.Container]
	if w == nil {
		return fmt.Errorf("container %q is none of the batch", clean(n.Container))
	}
	e := execute.Event{Kind: execute.EventKind(n.Kind), Step: w.steps[min(w.done, len(w.steps)-1)]}
	switch e.Kind {
	case execute.StepStarted:
		t.run(1)
		t.watch(w, e.Step, 0)
	case execute.StepRetried:
		e.Attempt, e.Wait, e.Err = n.Attempts, n.Wait, w.errorOf(n, e.Step)
		t.watch(w, e.Step, n.Wait)
	case execute.StepFinished:
		e.Result = w.result(n, e.Step)
		w.done++
		w.unwatch()
		t.run(-1)
	case execute.ContainerFinished:
		t.ending.Go(func() { t.record(n, w.needed, e) })
		return nil
	default:
		return fmt.Errorf("nobody knows what %q means", clean(n.Kind))
	}
	return t.batch.Tell(e)
}

// record has a container recorded, and tells the agent if it waits for that.
func (t *task) record(n progressNotice, awaited bool, e execute.Event) {
	err := t.batch.Tell(e)
	if !awaited {
		return
	}
	answer := recordedNotice{callID: n.callID, Container: n.Container}
	if err != nil {
		answer.Error = err.Error()
	}
	// If it cannot be sent the connection is about to end.
	_ = t.peer.notify(noticeRecorded, answer)
}

// watch gives the host up when a step takes longer than the agent lets it.
func (t *task) watch(w *work, s plan.Step, wait time.Duration) {
	w.unwatch()
	limit := execute.Limit(s.Action)
	w.limit = time.AfterFunc(min(max(wait, 0), limit)+limit+t.peer.timing.grace, func() {
		t.peer.giveUp(fmt.Errorf("step %s of container %q took longer than %s",
			s.Action, s.Container, limit))
	})
}

func (w *work) unwatch() {
	if w.limit != nil {
		w.limit.Stop()
	}
}

// run counts the steps that run.
func (t *task) run(change int) {
	if t.running += change; t.running > 0 {
		t.idle.Stop()
	} else {
		t.idle.Reset(idle)
	}
}

// end waits until everything is recorded.
func (t *task) end() {
	t.idle.Stop()
	for _, w := range t.at {
		w.unwatch()
	}
	t.ending.Wait()
}

func (w *work) result(n progressNotice, s plan.Step) execute.StepResult {
	r := execute.StepResult{
		Step: s, Status: execute.Done, Message: n.Message, Attempts: n.Attempts, Took: n.Took,
	}
	if n.Fault != nil {
		r.Status, r.Err = execute.Failed, w.errorOf(n, s)
	}
	return r
}

// errorOf is the error of a step that did not succeed.
func (w *work) errorOf(n progressNotice, s plan.Step) error {
	if n.Fault == nil {
		return nil
	}
	if err := w.failed[w.first+w.done]; err != nil {
		return &execute.StepError{
			Host: s.Host, Container: s.Container, Action: s.Action, Err: err,
		}
	}
	return n.Fault.err(s)
}
