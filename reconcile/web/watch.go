package web

import (
	"slices"
	"sync"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
)

// Watch stands between the loop and who is told of it, and remembers when the loop was last seen
// alive. Its methods may be called from several goroutines, and never wait.
type Watch struct {
	next loop.Recorder

	mu      sync.Mutex
	beat    time.Time
	waiting map[*waiter]bool
}

var _ loop.Recorder = (*Watch)(nil)

// waiter is a request that waits for a pass.
type waiter struct {
	since time.Time
	begun bool             // a pass was made for it, which had to leave out what was worked on
	ended chan loop.Report // room for one
}

// NewWatch returns a Watch that passes on what it is told to next.
func NewWatch(next loop.Recorder) *Watch {
	return &Watch{next: next, waiting: map[*waiter]bool{}}
}

// Beat says that the loop is not stuck.
func (w *Watch) Beat() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.beat = time.Now()
}

// Observe implements loop.Recorder.
func (w *Watch) Observe(e execute.Event) { w.next.Observe(e) }

// Passed implements loop.Recorder.
func (w *Watch) Passed(r loop.Report) {
	w.next.Passed(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	for x := range w.waiting {
		x.begun = x.begun || answers(r, x.since)
		if x.begun && !r.Began.Before(x.since) && whole(r) {
			x.ended <- r
			delete(w.waiting, x)
		}
	}
}

// answers reports whether a pass is what somebody asked for then. One that began before may have
// read an older tree, and one that nobody asked for leaves alone what has failed.
func answers(r loop.Report, asked time.Time) bool {
	return !r.Began.Before(asked) && slices.Contains(r.Reasons, loop.Triggered)
}

// whole reports whether a pass looked at everything: not if an earlier one was still at work.
func whole(r loop.Report) bool {
	return !slices.ContainsFunc(r.Pass.Plan.Held, func(h plan.Held) bool {
		return h.Code == plan.HeldBusy
	})
}

// wait gives the first pass that is triggered from now on, when it has ended. The caller calls
// done when it waits no more.
func (w *Watch) wait() (ended <-chan loop.Report, done func()) {
	x := &waiter{since: time.Now(), ended: make(chan loop.Report, 1)}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting[x] = true
	return x.ended, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.waiting, x)
	}
}

// seen returns when the loop was last seen alive, zero for never.
func (w *Watch) seen() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.beat
}
