package watch

import (
	"errors"
	"io/fs"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// source is where events come from.
type source struct {
	notifier
	events <-chan fsnotify.Event
	errors <-chan error
	close  func() error
}

// notifier is what of fsnotify keeps the watches; it exists so that a test can break it.
type notifier interface {
	Add(path string) error
	Remove(path string) error
	WatchList() []string
}

func openKernel() (*source, error) {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	return &source{notifier: w, events: w.Events, errors: w.Errors, close: w.Close}, nil
}

// keep makes sure that a directory is watched under its present path.
//
// fsnotify must never be asked to watch what it already watches under another path, as it does the
// directories below one that was moved: it would report events under the old path, and lose them
// once that one is made again. So the old path goes first.
func (w *Watcher) keep(dir string, id identity) {
	if known, ok := w.watched[dir]; ok {
		if known == id {
			return
		}
		w.drop(dir)
	}
	if other, ok := w.owner[id]; ok && id != (identity{}) {
		w.drop(other)
	}
	err := w.kernel.Add(dir)
	switch {
	case err == nil:
		w.watched[dir], w.owner[id] = id, dir
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission),
		errors.Is(err, syscall.ENOTDIR):
		// What changes this is an event of the directory above.
	default:
		w.poll(err)
	}
}

// drop no longer watches a path.
func (w *Watcher) drop(dir string) {
	id := w.watched[dir]
	delete(w.watched, dir)
	if w.owner[id] == dir {
		delete(w.owner, id)
	}
	// It fails for a directory that is gone, and with it its watch.
	_ = w.kernel.Remove(dir)
}

// align drops the directories that only we, or only the kernel, still count as watched.
func (w *Watcher) align() {
	if w.kernel == nil {
		return
	}
	listed := map[string]bool{}
	for _, dir := range w.kernel.WatchList() {
		listed[dir] = true
		if _, ok := w.watched[dir]; !ok {
			w.drop(dir)
		}
	}
	for dir := range w.watched {
		if !listed[dir] {
			w.drop(dir)
		}
	}
}

// forget drops all watches: among the events that were lost may be that a directory is gone, and
// its number may be that of another by now.
func (w *Watcher) forget() {
	if w.kernel == nil {
		return
	}
	for dir := range w.watched {
		w.drop(dir)
	}
}

// poll gives the kernel's watches back, since others may need them, and does without.
func (w *Watcher) poll(why error) {
	if w.kernel != nil {
		w.failed = w.kernel.close()
		w.kernel = nil
	}
	args := []any{"path", w.path, "every", w.interval(), "error", why}
	switch {
	case errors.Is(why, syscall.ENOSPC):
		args = append(args, "raise", "sysctl fs.inotify.max_user_watches")
	case errors.Is(why, syscall.EMFILE):
		args = append(args, "raise", "sysctl fs.inotify.max_user_instances, or the limit of open files")
	}
	w.opt.Log.Warn("cannot watch the tree, comparing it every few seconds instead", args...)
}
