package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// The tests of this file are not parallel: they count what the whole process has.

func TestCloseLeavesNothing(t *testing.T) {
	dir := prepared(t)
	must(t, watchTree(t, dir, eventsOnly()).Close()) // what Go's runtime opens once is open now
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for i := range 50 {
		w, err := New(dir, Options{Quiet: time.Millisecond, Rescan: time.Millisecond})
		must(t, err)
		write(t, filepath.Join(dir, "a.yaml"), fmt.Sprint("a: ", i))
		if i%2 == 0 {
			wantWake(t, w, "a change")
		}
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				if err := w.Close(); err != nil {
					t.Errorf("the watcher cannot be closed: %v", err)
				}
			})
		}
		group.Wait()
	}
	eventually(t, "goroutines of closed watchers run on", func() bool {
		return runtime.NumGoroutine() <= goroutines
	})
	eventually(t, "files of closed watchers stay open", func() bool {
		return openFiles(t) <= files
	})
}

// A kernel that refuses ends the watching too, with all that was opened for it.
func TestComparingNeedsNoFilesOfTheKernel(t *testing.T) {
	dir := prepared(t)
	must(t, watchTree(t, dir, eventsOnly()).Close())
	files := openFiles(t)
	w := watchWith(t, dir, eventsOnly(), refusesAfter(2, os.ErrInvalid))
	eventually(t, "the refused watches are kept from others", func() bool {
		return openFiles(t) <= files
	})
	must(t, w.Close())
}

func TestAnyNumberOfDirectoriesNeedsTheSame(t *testing.T) {
	dir := t.TempDir()
	w := watchTree(t, dir, eventsOnly())
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	for i := range 200 {
		mkdir(t, filepath.Join(dir, fmt.Sprint(i), "sub"))
	}
	wantWake(t, w, "200 new directories")
	settle(t, w)
	if got := runtime.NumGoroutine(); got > goroutines {
		t.Errorf("goroutines grew from %d to %d", goroutines, got)
	}
	if got := openFiles(t); got > files {
		t.Errorf("open files grew from %d to %d", files, got)
	}
	if got, want := kernelWatches(t), 400; got < want {
		t.Errorf("the kernel watches only %d directories of %d", got, want)
	}
}

func TestDirectoriesThatGoLeaveNoWatches(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, "kept/sub"))
	o := eventsOnly()
	o.Quiet, o.Longest = time.Millisecond, 2*time.Millisecond
	w := watchTree(t, dir, o)
	before := kernelWatches(t)
	for i := range 1000 {
		mkdir(t, filepath.Join(dir, "d/sub"))
		if i%2 == 0 {
			must(t, os.Rename(filepath.Join(dir, "d"), filepath.Join(dir, "e")))
		}
		must(t, os.RemoveAll(filepath.Join(dir, "d")))
		must(t, os.RemoveAll(filepath.Join(dir, "e")))
	}
	settle(t, w)
	eventually(t, "watches of directories that have gone stay", func() bool {
		return kernelWatches(t) == before && len(w.kernel.WatchList()) == before
	})
	write(t, filepath.Join(dir, "kept/sub/a.yaml"), "a: 1\n")
	wantWake(t, w, "a change after all that")
}

func TestDirectoriesThatLeaveTheTreeLeaveNoWatches(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	w := watchTree(t, dir, eventsOnly())
	before := kernelWatches(t)
	for i := range 50 {
		mkdir(t, filepath.Join(dir, "d/sub"))
		wantWake(t, w, "a new directory")
		settle(t, w)
		must(t, os.Rename(filepath.Join(dir, "d"), filepath.Join(outside, fmt.Sprint(i))))
		wantWake(t, w, "a directory leaves")
	}
	eventually(t, "watches of directories that have left stay", func() bool {
		return kernelWatches(t) == before
	})
}

// kernelWatches counts the watches that this process really has.
func kernelWatches(t *testing.T) (n int) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fdinfo/*")
	must(t, err)
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			n += strings.Count(string(text), "inotify wd:")
		}
	}
	return n
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	return len(entries)
}

func eventually(t *testing.T, otherwise string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(otherwise)
		}
	}
}
