package watch

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Between a new directory and the watch on it, files arrive.
func TestFilesOfANewDirectoryAreNotMissed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := watchTree(t, dir, eventsOnly())
	for i := range 100 {
		file := filepath.Join(mkdir(t, filepath.Join(dir, fmt.Sprint(i), "a/b")), "f.yaml")
		time.Sleep(time.Duration(i%20) * time.Millisecond / 2) // meets the look at its work
		write(t, file, "a: 1\n")
		until(t, w, "a file in a new directory", func() bool { return exists(file) })
		write(t, file, "a: 2\n")
		until(t, w, "a change in a new directory", func() bool { return reads(file, "a: 2\n") })
	}
}

// An editor or git replaces files: a watch on the file itself would be gone after the first time.
func TestAFileCanBeReplacedAgainAndAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, "a: 0\n")
	w := watchTree(t, dir, eventsOnly())
	for i := range 50 {
		text := fmt.Sprintf("a: %d\n", i+1)
		write(t, filepath.Join(dir, ".next"), text)
		must(t, os.Rename(filepath.Join(dir, ".next"), file))
		until(t, w, "the file that took the place", func() bool { return reads(file, text) })
	}
}

// The kernel goes on watching what is below a directory that was moved, under the old path.
func TestDirectoriesBelowAMovedOneAreWatchedOn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, from, to string
		first          string // where something changes first
	}{
		{"forward", "a", "b", "a"}, {"forward, then below it", "a", "b", "b"},
		{"backward", "b", "a", "b"}, {"backward, then below it", "b", "a", "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			from, to := filepath.Join(dir, tt.from), filepath.Join(dir, tt.to)
			mkdir(t, filepath.Join(from, "sub/deep"))
			w := watchTree(t, dir, eventsOnly())
			for i := range 10 {
				must(t, os.Rename(from, to))
				mkdir(t, filepath.Join(from, "sub/deep"))
				settle(t, w)
				text := fmt.Sprint("a: ", i)
				write(t, filepath.Join(dir, tt.first, "sub/deep/x.yaml"), text)
				wantWake(t, w, "a change below "+tt.first)
				settle(t, w)
				for _, top := range []string{from, to} {
					write(t, filepath.Join(top, "sub/y.yaml"), text)
					wantWake(t, w, "a change below "+top)
					settle(t, w)
				}
				must(t, os.RemoveAll(to))
				settle(t, w)
			}
		})
	}
}

func TestWhatWasMovedOutOfTheTreeIsNotWatched(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	mkdir(t, filepath.Join(dir, "a/sub"))
	w := watchTree(t, dir, eventsOnly())
	must(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(outside, "a")))
	wantWake(t, w, "a directory leaves the tree")
	settle(t, w)
	write(t, filepath.Join(outside, "a/sub/x.yaml"), "a: 1\n")
	wantNone(t, w, "a change in a directory that has left the tree")
}

// late makes a directory in each one that is about to be watched.
type late struct{ notifier }

func (l late) Add(dir string) error {
	if filepath.Base(dir) != "late" {
		if err := os.Mkdir(filepath.Join(dir, "late"), 0o755); err != nil && !os.IsExist(err) {
			return err
		}
	}
	return l.notifier.Add(dir)
}

func TestADirectoryMadeJustBeforeTheWatchIsNotMissed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mkdir(t, filepath.Join(dir, "sub"))
	w := watchWith(t, dir, eventsOnly(), func() (*source, error) {
		k, err := openKernel()
		must(t, err)
		k.notifier = late{k.notifier}
		return k, nil
	})
	write(t, filepath.Join(dir, "sub/late/x.yaml"), "a: 1\n")
	wantWake(t, w, "a change in a directory that was made meanwhile")
}

// TestReadersEndWithTheTruth lets a tree change at random, with a reader that reads only when he
// is woken. What he read last must be what is there in the end.
func TestReadersEndWithTheTruth(t *testing.T) {
	t.Parallel()
	for seed := range 60 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			mkdir(t, filepath.Join(base, "r1"))
			mkdir(t, filepath.Join(base, "r2"))
			root := filepath.Join(base, "current")
			must(t, os.Symlink("r1", root))
			w := watchTree(t, root, Options{Quiet: time.Millisecond,
				Longest: 3 * time.Millisecond, Rescan: time.Hour})
			read := treeOf(root)
			changed := make(chan struct{})
			go func() {
				defer close(changed)
				r := rand.New(rand.NewPCG(uint64(seed), 1))
				for i := range 150 {
					disturb(base, r, i)
				}
			}()
			for end := time.After(patience); ; {
				select {
				case <-w.Wake():
					read = treeOf(root)
					continue
				case <-changed:
				}
				truth := treeOf(root)
				if read == truth {
					return
				}
				select {
				case <-w.Wake():
					read = treeOf(root)
				case <-end:
					t.Fatalf("the reader believes\n%sbut there is\n%s", read, truth)
				}
			}
		})
	}
}

// disturb changes something; much of it fails, as the paths are drawn by lot.
func disturb(base string, r *rand.Rand, i int) {
	path := func() string {
		p := filepath.Join(base, []string{"r1", "r2"}[r.IntN(2)])
		for range 1 + r.IntN(3) {
			p = filepath.Join(p, []string{"a", "b", "c"}[r.IntN(3)])
		}
		return p
	}
	text := []byte(fmt.Sprint("n: ", i))
	switch r.IntN(10) {
	case 0, 1:
		_ = os.MkdirAll(path(), 0o755)
	case 2:
		p := path()
		_ = os.MkdirAll(p, 0o755)
		_ = os.WriteFile(filepath.Join(p, "x.yaml"), text, 0o644)
	case 3, 4:
		_ = os.WriteFile(filepath.Join(path(), "x.yaml"), text, 0o644)
	case 5:
		_ = os.RemoveAll(path())
	case 6, 7:
		_ = os.Rename(path(), path())
	case 8:
		link := filepath.Join(base, "current.new")
		_ = os.Symlink([]string{"r1", "r2"}[r.IntN(2)], link)
		_ = os.Rename(link, filepath.Join(base, "current"))
	default:
		time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
	}
}
