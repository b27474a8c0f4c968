package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

// A checkout removes and makes hundreds of files.
func TestACheckoutWakesOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	checkout := func(text string) {
		for i := range 200 {
			sub := mkdir(t, filepath.Join(dir, fmt.Sprint("d", i%20)))
			file := filepath.Join(sub, fmt.Sprint(i, ".yaml"))
			_ = os.Remove(file)
			write(t, file, text)
		}
	}
	checkout("a: 1\n")
	o := eventsOnly()
	o.Quiet, o.Longest = 200*time.Millisecond, time.Hour
	w := watchTree(t, dir, o)
	for i := range 2 {
		checkout(fmt.Sprintf("a: %d\n", i+2))
		wantWake(t, w, "a checkout")
		for n := range 200 {
			if file := filepath.Join(dir, fmt.Sprint("d", n%20), fmt.Sprint(n, ".yaml")); !exists(file) {
				t.Errorf("half of the checkout is read: %s is missing", file)
			}
		}
		wantNone(t, w, "a checkout that was read already")
	}
}

func TestOneChangeWakesOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range relevant() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := prepared(t)
			// Comparing the tree all the time finds each change a second time.
			w := watchTree(t, dir, Options{Quiet: 50 * time.Millisecond, Longest: time.Minute,
				Rescan: 7 * time.Millisecond})
			tt.do(t, dir)
			t.Cleanup(func() { os.Chmod(filepath.Join(dir, "sub"), 0o755) })
			wantWake(t, w, tt.name)
			wantNone(t, w, tt.name+", for the second time")
		})
	}
}

func TestATreeThatIsNeverQuietIsReadNevertheless(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	o := eventsOnly()
	o.Quiet, o.Longest = time.Hour, 200*time.Millisecond
	w := watchTree(t, dir, o)
	for i := range 3 {
		write(t, filepath.Join(dir, "a.yaml"), fmt.Sprint("a: ", i))
		wantWake(t, w, "changes that never end")
	}
}

func TestWakesThatNobodyTakesAreOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var told atomic.Int64
	w := watchWith(t, dir, eventsOnly(), counting(&told, openKernel))
	for i := range 5 {
		write(t, filepath.Join(dir, "a.yaml"), fmt.Sprint("a: ", i))
		seen := told.Load()
		for end := time.Now().Add(patience); told.Load() == seen; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("a reader that is busy stops the watching")
			}
		}
	}
	wantWake(t, w, "the changes while the reader was busy")
	wantNone(t, w, "changes that were all there at the last wake")
}

// counting counts the looks at the tree.
func counting(n *atomic.Int64, open func() (*source, error)) func() (*source, error) {
	return func() (*source, error) {
		k, err := open()
		if err == nil {
			k.notifier = counter{k.notifier, n}
		}
		return k, err
	}
}

type counter struct {
	notifier
	looks *atomic.Int64
}

func (c counter) WatchList() []string {
	c.looks.Add(1)
	return c.notifier.WatchList()
}
