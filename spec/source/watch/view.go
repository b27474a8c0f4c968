package watch

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"reconciler/spec"
)

// dataLink is the link by which Kubernetes swaps all files of a volume at once. It is hidden, but
// what it leads to is not.
const dataLink = "..data"

// view is what a look saw; events are judged by it. It is read-only afterwards.
type view struct {
	tree map[string]bool // the directories of the tree, by absolute path without links
	// way has, by directory, the entries that lead to the tree, the links in the tree, and the
	// entries that lead to what those stand for.
	way map[string]map[string]bool
}

func newView() *view {
	return &view{tree: map[string]bool{}, way: map[string]map[string]bool{}}
}

func (v *view) addWay(dir, name string) {
	if v.way[dir] == nil {
		v.way[dir] = map[string]bool{}
	}
	v.way[dir][name] = true
}

// with returns the view with one more entry on the way to the tree.
func (v *view) with(dir, name string) *view {
	out := &view{tree: v.tree, way: maps.Clone(v.way)}
	out.way[dir] = maps.Clone(v.way[dir])
	out.addWay(dir, name)
	return out
}

// concerns reports whether an event at a path may have changed the tree. In doubt it has.
func (v *view) concerns(path string) bool {
	dir, name := filepath.Dir(path), filepath.Base(path)
	switch {
	case v.way[dir][name], v.tree[path]:
		return true
	case v.way[dir] != nil && !v.tree[dir]: // above the tree others may be busy
		return false
	case name == dataLink:
		return true
	case spec.Hidden(name):
		return false
	case isFile(name):
		return true
	}
	info, err := os.Lstat(path)
	return err == nil && (info.IsDir() || isLink(info.Mode()))
}

// isFile reports whether a file of this name is part of a tree, encrypted or not.
func isFile(name string) bool { return spec.IsYAML(strings.TrimSuffix(name, ".age")) }

func isLink(m fs.FileMode) bool { return m&fs.ModeSymlink != 0 }
