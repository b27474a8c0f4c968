package watch

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
)

// The kernel keeps 16,384 events for a reader and drops the others.
func TestDroppedEventsHideNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, "sub"))
	var dropped atomic.Int64
	w := watchWith(t, dir, eventsOnly(), func() (*source, error) {
		k, err := openKernel()
		must(t, err)
		k.errors = tapped(k.errors, &dropped)
		return k, nil
	})
	w.mu.Lock() // holds the reader of events back
	for i := range 25_000 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i, ".yaml")))
		if err == nil {
			err = f.Close()
		}
		if err != nil {
			w.mu.Unlock()
			t.Fatal(err)
		}
	}
	err := errors.Join(os.RemoveAll(filepath.Join(dir, "sub")), // nobody is told that it goes,
		os.Mkdir(filepath.Join(dir, "sub"), 0o755)) // nor of the new one, of the same number perhaps
	w.mu.Unlock()
	must(t, err)
	wantWake(t, w, "25,000 new files")
	settle(t, w)
	if dropped.Load() == 0 {
		t.Fatal("the kernel has dropped nothing, so that this shows nothing")
	}
	write(t, filepath.Join(dir, "sub/late.yaml"), "a: 1\n")
	wantWake(t, w, "a change in a directory of which the kernel told nothing")
}

// tapped counts dropped events on their way.
func tapped(from <-chan error, dropped *atomic.Int64) <-chan error {
	to := make(chan error)
	go func() {
		defer close(to)
		for err := range from {
			if errors.Is(err, fsnotify.ErrEventOverflow) {
				dropped.Add(1)
			}
			to <- err
		}
	}()
	return to
}

// forgetful is a kernel that no longer watches a directory.
type forgetful struct {
	notifier
	listed string // what it believes to watch nevertheless
}

func (f forgetful) WatchList() []string {
	list := f.notifier.WatchList()
	if f.listed == "" || slices.Contains(list, f.listed) {
		return list
	}
	return append(list, f.listed)
}

// A directory that is made again may have the number of the one before, and look watched.
func TestADirectoryThatIsNoLongerWatchedIsWatchedAgain(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprintf("the kernel has dropped events: %v", lost), func(t *testing.T) {
			t.Parallel()
			dir := prepared(t)
			sub := filepath.Join(dir, "sub")
			errs := make(chan error)
			var k *source
			w := watchWith(t, dir, eventsOnly(), func() (*source, error) {
				var err error
				k, err = openKernel()
				must(t, err)
				k.errors = errs
				if lost {
					k.notifier = forgetful{k.notifier, sub}
				}
				return k, nil
			})
			must(t, k.Remove(sub))
			if lost {
				errs <- fsnotify.ErrEventOverflow
			} else {
				write(t, filepath.Join(dir, "a.yaml"), "a: 2\n")
			}
			wantWake(t, w, "that something happened")
			settle(t, w)
			write(t, filepath.Join(sub, "new.yaml"), "a: 1\n")
			wantWake(t, w, "a change in a directory that was made again")
		})
	}
}

// refusing is a kernel that has no watches left after some.
type refusing struct {
	notifier
	left *atomic.Int64
	err  error
}

func (r refusing) Add(path string) error {
	if r.left.Add(-1) < 0 {
		return r.err
	}
	return r.notifier.Add(path)
}

func refusesAfter(n int64, err error) func() (*source, error) {
	return func() (*source, error) {
		k, failed := openKernel()
		if failed != nil {
			return nil, failed
		}
		left := &atomic.Int64{}
		left.Store(n)
		k.notifier = refusing{k.notifier, left, err}
		return k, nil
	}
}

func TestWithoutTheKernelsHelpTheTreeIsCompared(t *testing.T) {
	t.Parallel()
	exhausted := func() (*source, error) {
		return nil, fmt.Errorf("couldn't initialize inotify: %w", syscall.EMFILE)
	}
	tests := []struct {
		name string
		open func() (*source, error)
		want string
	}{
		{"no instance left", exhausted, "fs.inotify.max_user_instances"},
		{"no watch left", refusesAfter(0, syscall.ENOSPC), "fs.inotify.max_user_watches"},
		{"no watch left for new directories", refusesAfter(12, syscall.ENOSPC),
			"fs.inotify.max_user_watches"},
		{"no memory", refusesAfter(2, syscall.ENOMEM), "cannot allocate memory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := prepared(t)
			log := &logged{}
			w := watchWith(t, dir, Options{Quiet: time.Millisecond, Longest: 5 * time.Millisecond,
				Rescan: 5 * time.Millisecond, Log: log.logger()}, tt.open)
			for i := range 20 {
				file := filepath.Join(mkdir(t, filepath.Join(dir, fmt.Sprint(i))), "x.yaml")
				write(t, file, "a: 1\n")
				until(t, w, "a new file", func() bool { return exists(file) })
			}
			text := log.String()
			if strings.Count(text, "level=WARN") != 1 || !strings.Contains(text, tt.want) {
				t.Errorf("who may raise the limit is not told once how:\n%s", text)
			}
		})
	}
}

// A directory that this process may not read, or that goes just then, is no reason to give up.
func TestADirectoryThatCannotBeWatchedIsNoLimit(t *testing.T) {
	t.Parallel()
	for _, err := range []error{syscall.EACCES, syscall.ENOENT, syscall.ENOTDIR} {
		dir := prepared(t)
		log := &logged{}
		o := eventsOnly()
		o.Log = log.logger()
		depth := int64(len(split(dir)) + 1) // all but what is below the tree
		w := watchWith(t, dir, o, refusesAfter(depth, err))
		write(t, filepath.Join(dir, "a.yaml"), "a: 2\n")
		wantWake(t, w, "a change in a directory that can be watched")
		if text := log.String(); text != "" {
			t.Errorf("a warning of a limit that is not there: %s", text)
		}
	}
}

// deaf is a network file system: it can be watched, but nothing is told.
func deaf() (*source, error) {
	k, err := openKernel()
	if err == nil {
		k.notifier = unheard{k.notifier}
	}
	return k, err
}

type unheard struct{ notifier }

func (u unheard) Add(string) error    { return nil }
func (u unheard) Remove(string) error { return nil }

func TestChangesOfWhichNobodyTellsAreFound(t *testing.T) {
	t.Parallel()
	for _, tt := range relevant() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := prepared(t)
			w := watchWith(t, dir, Options{Quiet: time.Millisecond, Longest: 5 * time.Millisecond,
				Rescan: 5 * time.Millisecond}, deaf)
			wantNone(t, w, "nothing")
			tt.do(t, dir)
			t.Cleanup(func() { os.Chmod(filepath.Join(dir, "sub"), 0o755) })
			wantWake(t, w, tt.name)
		})
	}
}

// rsync and cp -p keep size and time.
func TestAFileOfTheSameSizeAndTimeIsFound(t *testing.T) {
	t.Parallel()
	dir := prepared(t)
	w := watchWith(t, dir, Options{Quiet: time.Millisecond, Longest: 5 * time.Millisecond,
		Rescan: 5 * time.Millisecond}, deaf)
	file, next := filepath.Join(dir, "a.yaml"), filepath.Join(dir, ".next")
	info, err := os.Stat(file)
	must(t, err)
	write(t, next, "a: 2\n")
	must(t, os.Chtimes(next, info.ModTime(), info.ModTime()))
	must(t, os.Rename(next, file))
	wantWake(t, w, "a file that looks like the one before")
}
