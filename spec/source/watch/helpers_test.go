package watch

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is far more than any wake takes.
const patience = 30 * time.Second

// eventsOnly never compares the tree unasked: a wake comes from an event or not at all.
func eventsOnly() Options {
	return Options{Quiet: 5 * time.Millisecond, Longest: 100 * time.Millisecond, Rescan: time.Hour}
}

func watchTree(t testing.TB, path string, o Options) *Watcher {
	t.Helper()
	return watchWith(t, path, o, openKernel)
}

func watchWith(t testing.TB, path string, o Options, open func() (*source, error)) *Watcher {
	t.Helper()
	w, err := start(path, o, open)
	must(t, err)
	t.Cleanup(func() { must(t, w.Close()) })
	return w
}

// wantWake fails unless the tree is to be read again.
func wantWake(t testing.TB, w *Watcher, what string) {
	t.Helper()
	select {
	case <-w.Wake():
	case <-time.After(patience):
		t.Fatalf("this is never noticed: %s", what)
	}
}

// wantNone fails if the tree is to be read again within some quiet periods.
func wantNone(t testing.TB, w *Watcher, what string) {
	t.Helper()
	select {
	case <-w.Wake():
		t.Errorf("the tree is read again after: %s", what)
	case <-time.After(max(5*w.opt.Quiet, 100*time.Millisecond)):
	}
}

// settle waits until what was changed before wakes no more.
func settle(t testing.TB, w *Watcher) {
	t.Helper()
	for {
		select {
		case <-w.Wake():
		case <-time.After(10 * w.opt.Quiet):
			return
		}
	}
}

// until reads after each wake, and only then, until what is read is right.
func until(t testing.TB, w *Watcher, what string, right func() bool) {
	t.Helper()
	for end := time.After(patience); ; {
		select {
		case <-w.Wake():
			if right() {
				return
			}
		case <-end:
			t.Fatalf("whoever reads after each wake does not see: %s", what)
		}
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

func mkdir(t testing.TB, path string) string {
	t.Helper()
	must(t, os.MkdirAll(path, 0o755))
	return path
}

// point makes a link, or moves it to another target in one go.
func point(t testing.TB, link, target string) {
	t.Helper()
	must(t, os.Symlink(target, link+".new"))
	must(t, os.Rename(link+".new", link))
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func reads(path, text string) bool {
	data, err := os.ReadFile(path)
	return err == nil && string(data) == text
}

// treeOf is what a reader of a tree gets: its directories and YAML files, with their contents.
func treeOf(root string) string {
	var b strings.Builder
	real, err := filepath.EvalSymlinks(root)
	if err != nil {
		return "nothing"
	}
	_ = filepath.WalkDir(real, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil
		}
		rel, _ := filepath.Rel(real, path)
		if d.IsDir() {
			b.WriteString(rel + "/\n")
			return nil
		}
		text, _ := os.ReadFile(path)
		b.WriteString(rel + "=" + string(text) + "\n")
		return nil
	})
	return b.String()
}

// logged is a log that a test may read.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logged) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
