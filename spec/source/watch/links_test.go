package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A volume of Kubernetes: files are links through ..data, which is swapped.
func TestAVolumeOfKubernetesIsSwapped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	publish := func(i int) string {
		text, version := fmt.Sprintf("a: %d\n", i), fmt.Sprintf("..2026_%d", i)
		write(t, filepath.Join(mkdir(t, filepath.Join(dir, version)), "a.yaml"), text)
		point(t, filepath.Join(dir, "..data"), version)
		must(t, os.RemoveAll(filepath.Join(dir, fmt.Sprintf("..2026_%d", i-1))))
		return text
	}
	publish(0)
	must(t, os.Symlink("..data/a.yaml", file))
	w := watchTree(t, dir, eventsOnly())
	for i := range 50 {
		text := publish(i + 1)
		until(t, w, "the new files of the volume", func() bool { return reads(file, text) })
	}
}

// ways are trees that are reached through links; next moves the tree to its n-th place.
func ways() []struct {
	name       string
	path, next string // of the tree below base; of the link that is swapped
	place      string // format of the place of the n-th tree, from base
	target     string // format of the link's target
} {
	return []struct{ name, path, next, place, target string }{
		{"the tree is a link", "current", "current", "releases/%d", "releases/%d"},
		{"an absolute link", "current", "current", "releases/%d", "/releases/%d"},
		{"a link above the tree", "current/tree", "current", "releases/%d/tree", "releases/%d"},
		{"a link to a link", "one/two", "mid", "releases/%d/two", "releases/%d"},
		{"a link with dots", "up/current", "up/current", "releases/%d", "../releases/./%d"},
		{"a hidden place", "current", "current", ".releases/%d", ".releases/%d"},
	}
}

func TestATreeThatIsReachedThroughLinks(t *testing.T) {
	t.Parallel()
	for _, tt := range ways() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			mkdir(t, filepath.Join(base, "up"))
			must(t, os.Symlink("mid", filepath.Join(base, "one")))
			release := func(i int) (tree string) {
				tree = mkdir(t, filepath.Join(base, fmt.Sprintf(tt.place, i)))
				target := fmt.Sprintf(tt.target, i)
				if filepath.IsAbs(target) {
					target = filepath.Join(base, target)
				}
				write(t, filepath.Join(tree, "a.yaml"), fmt.Sprint("a: ", i))
				point(t, filepath.Join(base, tt.next), target)
				return tree
			}
			old := release(0)
			root := filepath.Join(base, tt.path)
			w := watchTree(t, root, eventsOnly())
			for i := 1; i < 8; i++ {
				tree := release(i)
				until(t, w, "the tree in its new place", func() bool {
					return reads(filepath.Join(root, "a.yaml"), fmt.Sprint("a: ", i))
				})
				settle(t, w)
				write(t, filepath.Join(old, "a.yaml"), "a: old")
				write(t, filepath.Join(tree, "b.yaml"), "b: 1\n")
				wantWake(t, w, "a change in the new place")
				old = tree
			}
			settle(t, w)
			write(t, filepath.Join(base, fmt.Sprintf(tt.place, 1), "c.yaml"), "c: 1\n")
			wantNone(t, w, "a change in a place that the tree has left")
		})
	}
}

func TestATreeThatGoesAndComes(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	root := filepath.Join(base, "srv/app/tree")
	file := filepath.Join(root, "sub/a.yaml")
	w := watchTree(t, root, eventsOnly())
	for i, gone := range []string{"srv/app/tree", "srv/app", "srv", "srv/app/tree/sub"} {
		for range 10 {
			mkdir(t, filepath.Dir(file))
			write(t, file, fmt.Sprint("a: ", i))
			until(t, w, "a tree that was not there", func() bool { return exists(file) })
			settle(t, w)
			must(t, os.RemoveAll(filepath.Join(base, gone)))
			until(t, w, "a tree that has gone", func() bool { return !exists(file) })
		}
	}
}

func TestATreeThatIsMovedAwayAndBack(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	root, away := filepath.Join(base, "srv/tree"), filepath.Join(base, "srv/away")
	mkdir(t, filepath.Join(root, "sub"))
	w := watchTree(t, root, eventsOnly())
	for range 20 {
		must(t, os.Rename(root, away))
		until(t, w, "a tree that has gone", func() bool { return !exists(root) })
		settle(t, w)
		write(t, filepath.Join(away, "sub/a.yaml"), "a: 1\n")
		wantNone(t, w, "a change where the tree is no more")
		must(t, os.Rename(away, root))
		until(t, w, "a tree that came back", func() bool { return exists(root) })
		settle(t, w)
		write(t, filepath.Join(root, "sub/a.yaml"), "a: 2\n")
		wantWake(t, w, "a change in a tree that came back")
		settle(t, w)
	}
}

func TestLinksThatLeadNowhere(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, link, target string }{
		{"round in circles", "current", "current"},
		{"to nothing", "current", "releases/none"},
		{"through a file", "current", "file/tree"},
		{"to a file", "current", "file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			base := t.TempDir()
			write(t, filepath.Join(base, "file"), "")
			root := filepath.Join(base, tt.link)
			must(t, os.Symlink(tt.target, root))
			w := watchTree(t, root, eventsOnly())
			write(t, filepath.Join(mkdir(t, filepath.Join(base, "good")), "a.yaml"), "a: 1\n")
			point(t, root, "good")
			until(t, w, "the link was mended", func() bool { return exists(root + "/a.yaml") })
		})
	}
}

// A link out of the tree is refused by whoever reads it; what is there is nobody's business.
func TestLinksOutOfTheTreeAreNotFollowed(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	outside, root := mkdir(t, filepath.Join(base, "outside")), mkdir(t, filepath.Join(base, "tree"))
	write(t, filepath.Join(outside, "a.yaml"), "a: 1\n")
	must(t, os.Symlink("../outside/a.yaml", filepath.Join(root, "a.yaml")))
	must(t, os.Symlink(filepath.Join(outside, "b.yaml"), filepath.Join(root, "b.yaml")))
	w := watchTree(t, root, eventsOnly())
	write(t, filepath.Join(outside, "a.yaml"), "a: 2\n")
	write(t, filepath.Join(outside, "b.yaml"), "b: 1\n")
	wantNone(t, w, "a change outside the tree")
}
