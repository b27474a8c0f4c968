package watch

import (
	"errors"
	"time"
)

// burst is a run of changes for which there was no wake yet.
type burst struct {
	first, last time.Time // zero: nothing has changed
	lost        bool      // the kernel may have dropped events
}

// due is when the wake for the burst is to be sent.
func (b burst) due(o Options) time.Time {
	due, latest := b.last.Add(o.Quiet), b.first.Add(o.Longest)
	if latest.Before(due) {
		return latest
	}
	return due
}

// listen judges events until the source is closed. It calls nothing that waits for the source:
// fsnotify may hold its lock while it hands over an error.
func (w *Watcher) listen(k *source) {
	for {
		select {
		case event, ok := <-k.events:
			if !ok {
				return
			}
			if w.seen().concerns(event.Name) {
				w.changed(false)
			}
		case _, ok := <-k.errors:
			if !ok {
				return
			}
			w.changed(true)
		}
	}
}

func (w *Watcher) seen() *view {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.view
}

// changed begins a burst or makes it longer.
func (w *Watcher) changed(lost bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.burst.last = time.Now()
	w.burst.lost = w.burst.lost || lost
	if w.burst.first.IsZero() {
		w.burst.first = w.burst.last
		w.begun <- struct{}{} // has room: work took it before it ended the burst before
	}
}

// due is how long it takes until the wake for the present burst is to be sent.
func (w *Watcher) due() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Until(w.burst.due(w.opt))
}

// work looks at the tree after each burst, and now and then.
func (w *Watcher) work() {
	defer w.release()
	quiet, rescan := time.NewTimer(0), time.NewTimer(w.interval())
	defer quiet.Stop()
	defer rescan.Stop()
	quiet.Stop()
	for {
		select {
		case <-w.done:
			return
		case <-w.begun:
			quiet.Reset(w.due())
		case <-quiet.C:
			if wait := w.due(); wait > 0 {
				quiet.Reset(wait)
				continue
			}
			w.tell()
			rescan.Reset(w.interval())
		case <-rescan.C:
			if w.look() {
				w.changed(false)
			}
			rescan.Reset(w.interval())
		}
	}
}

// interval is how long the tree may differ from what it was without being looked at.
func (w *Watcher) interval() time.Duration {
	if w.kernel == nil {
		return min(w.opt.Rescan, pollEvery)
	}
	return w.opt.Rescan
}

// tell ends a burst. The look comes before the wake: whoever reads the tree after the wake must be
// told of what changes during that, in new directories too. Changes during the look are a new
// burst.
func (w *Watcher) tell() {
	w.mu.Lock()
	lost := w.burst.lost
	w.burst = burst{}
	w.mu.Unlock()
	if lost {
		w.forget()
	}
	w.look()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *Watcher) release() {
	if w.kernel != nil {
		w.failed = errors.Join(w.failed, w.kernel.close())
	}
}
