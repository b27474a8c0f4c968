// Package watch says when a tree in a directory may have changed, so that it is read again.
//
// It promises that whoever reads the tree after a wake sees everything that was changed before it,
// and that what is changed later wakes again: directories that are made, moved, removed and made
// again, links that lead elsewhere, also those above the tree, and events that the kernel dropped
// are all taken care of. Changes that the kernel does not report, for example on a network file
// system, are found by comparing the tree from time to time with what it was. Changes that come
// together wake once. A file that is no part of a tree, such as a hidden one, does not wake.
//
// It never says what has changed, never reads a file's content, never watches single files, never
// follows a link out of the tree, and never writes.
package watch

import (
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"path/filepath"
	"sync"
	"time"
)

// Options say how soon changes are told. For zero or less the default holds.
type Options struct {
	// Quiet is how long nothing may change before a wake: half a checkout is not worth reading.
	// The default is 100 ms.
	Quiet time.Duration
	// Longest is how long a wake is put off while changes go on. The default is 2 s.
	Longest time.Duration
	// Rescan is how often the tree is compared with what it was, for changes of which the kernel
	// does not tell. The default is 30 s. A look at 10,000 files takes hundredths of a second.
	Rescan time.Duration
	Log    *slog.Logger // optional
}

// pollEvery is how often the tree is compared where the kernel tells of nothing at all.
const pollEvery = 5 * time.Second

// Watcher watches one tree. Its methods may be called from several goroutines.
type Watcher struct {
	path string // absolute; its links are followed anew with every look
	opt  Options
	wake chan struct{}

	done    chan struct{} // closed by Close
	closing sync.Once
	running sync.WaitGroup
	failed  error // of closing the source; set before running is done

	begun chan struct{} // capacity 1: a burst of changes has begun
	mu    sync.Mutex
	burst burst // guarded by mu
	view  *view // guarded by mu; what it points to is read-only

	// What follows belongs to New, then to the goroutine of work.
	seed    maphash.Seed
	digest  uint64
	kernel  *source // nil: there are no events, so that the tree is compared often
	watched map[string]identity
	owner   map[identity]string // the path under which a directory is watched
}

// New begins to watch the tree in the directory of this path. Nothing need be there yet. What is
// there when New returns does not wake: read the tree once after New, then after each wake.
//
// Where the kernel's limits do not allow to watch, the tree is compared with what it was every few
// seconds instead; one warning says so. The error is that path is empty or that there is no
// working directory to which it is relative. The caller closes the Watcher.
func New(path string, o Options) (*Watcher, error) { return start(path, o, openKernel) }

func start(path string, o Options, open func() (*source, error)) (*Watcher, error) {
	if path == "" {
		return nil, errors.New("cannot watch a directory: its path is empty")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cannot watch directory %q: %w", path, err)
	}
	w := &Watcher{
		path: abs, opt: o.completed(), wake: make(chan struct{}, 1), done: make(chan struct{}),
		begun: make(chan struct{}, 1), view: newView(), seed: maphash.MakeSeed(),
		watched: map[string]identity{}, owner: map[identity]string{},
	}
	if w.kernel, err = open(); err != nil {
		w.poll(err)
	} else {
		kernel := w.kernel
		w.running.Go(func() { w.listen(kernel) })
	}
	w.look()
	w.running.Go(w.work)
	return w, nil
}

func (o Options) completed() Options {
	complete := func(d *time.Duration, otherwise time.Duration) {
		if *d <= 0 {
			*d = otherwise
		}
	}
	complete(&o.Quiet, 100*time.Millisecond)
	complete(&o.Longest, 2*time.Second)
	complete(&o.Rescan, 30*time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Wake returns the channel that gets a value when the tree may have changed since the value before.
// It holds at most one wake, which carries no content, and is never closed.
func (w *Watcher) Wake() <-chan struct{} { return w.wake }

// Close ends the watching and waits for all that it started. It may be called often.
func (w *Watcher) Close() error {
	w.closing.Do(func() { close(w.done) })
	w.running.Wait()
	return w.failed
}

// isClosed reports whether Close was called.
func (w *Watcher) isClosed() bool {
	select {
	case <-w.done:
		return true
	default:
		return false
	}
}
