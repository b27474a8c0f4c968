package loop

import (
	"context"
	"errors"
	"slices"
	"time"

	"reconciler/reconcile"
	"reconciler/spec"
)

// Reasons that come from the hosts and from us. They say nothing of the source: the tree that was
// read last will do, so that a server which does not answer delays no container.
const (
	containerEnded    = "a container ended"
	containerFinished = "a container is finished"
	afterChanges      = "after changes"
	retryDue          = "retry"
	hostAnswers       = "a host answers"
)

func isLocal(reason string) bool {
	return slices.Contains([]string{containerEnded, containerFinished, afterChanges, retryDue,
		hostAnswers}, reason)
}

// reading is why a pass is to be made, and the tree that it is made with.
type reading struct {
	reasons []string
	began   time.Time // after all that asked for it, before the tree was read
	tree    reconcile.Declaration
	err     error // why the source could not be read; tree is then an older one, or not there
}

// take returns why a pass is to be made, and reports whether it can be made at once, with the tree
// that is known. Otherwise the source must be read; if that is being done, it returns nothing, and
// the reasons wait.
func (l *Loop) take(busy bool) (r reading, ready bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.good.Tree != nil && (l.readErr == nil || isUnreachable(l.readErr))
	r = reading{tree: l.good, err: l.readErr}
	if busy && known {
		r.reasons = slices.DeleteFunc(slices.Clone(l.reasons), func(s string) bool { return !isLocal(s) })
		l.reasons = slices.DeleteFunc(l.reasons, isLocal)
	} else if !busy {
		r.reasons, l.reasons = l.reasons, nil
	}
	// In this order: whoever asked before the reasons were taken asked before the pass began.
	r.began = l.o.Pass.Now()
	ready = known && len(r.reasons) > 0 &&
		!slices.ContainsFunc(r.reasons, func(s string) bool { return !isLocal(s) })
	return r, ready
}

// read reads the source beside the loop.
func (l *Loop) read(ctx context.Context, r reading) <-chan reading {
	done := make(chan reading, 1)
	go func() {
		r.tree, r.err = l.fetch(ctx)
		done <- r
	}()
	return done
}

// fetch reads the tree. Where the server of a source cannot be reached, the last tree that it gave
// still holds.
func (l *Loop) fetch(ctx context.Context) (reconcile.Declaration, error) {
	d, err := reconcile.Fetch(ctx, l.o.Source, l.o.Parse)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readErr = err
	if err == nil {
		l.good = d
		l.status.fetched(l.o.Pass.Now(), d.Revision)
		return d, nil
	}
	l.status.failed(err)
	if isUnreachable(err) && l.good.Tree != nil {
		return l.good, err
	}
	return reconcile.Declaration{Revision: d.Revision}, err
}

func isUnreachable(err error) bool { return errors.Is(err, spec.ErrSourceUnreachable) }

// rewake wakes the loop for reasons that came while the source was read.
func (l *Loop) rewake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.reasons) > 0 {
		l.wakeLocked(l.reasons[0])
	}
}
