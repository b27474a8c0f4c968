package watch

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxLinks is how many links the kernel follows on one way.
const maxLinks = 40

// follow goes from a directory along a relative path as the kernel does, link by link, and watches
// every directory on the way: in each of them the next element can be replaced. It goes nowhere
// outside within. It returns the path without links, or "" if the way does not lead to its end.
func (l *walk) follow(dir, path, within string) string {
	elements, links := split(path), 0
	for len(elements) > 0 {
		name := elements[0]
		elements = elements[1:]
		if name == ".." {
			dir = filepath.Dir(dir)
		}
		if !contains(within, dir) {
			return ""
		}
		if name == ".." {
			continue
		}
		target, ok := l.step(dir, name)
		if !ok {
			return ""
		}
		if target == "" {
			dir = filepath.Join(dir, name)
			continue
		}
		if links++; links > maxLinks {
			return ""
		}
		if filepath.IsAbs(target) {
			dir = filepath.VolumeName(target) + string(filepath.Separator)
		}
		elements = slices.Concat(split(target), elements)
	}
	if !contains(within, dir) {
		return ""
	}
	return dir
}

// step takes one element of a way and returns where it leads if it is a link.
func (l *walk) step(dir, name string) (target string, ok bool) {
	path := filepath.Join(dir, name)
	l.view.addWay(dir, name)
	if seen := l.w.seen(); l.root == "" && !seen.way[dir][name] {
		// Above the tree others are busy: the first event must be judged right.
		l.w.publish(seen.with(dir, name))
	}
	l.watch(dir)
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		l.noteError(path, err)
		return "", false
	case info.IsDir():
		l.noteDirectory(path, info)
		return "", true
	case !isLink(info.Mode()):
		return "", true
	}
	if target, err = os.Readlink(path); err != nil {
		l.noteError(path, err)
		return "", false
	}
	l.note(fact{path: path, mode: info.Mode(), text: target})
	return target, true
}

// split returns the elements of a path without the empty ones and dots.
func split(path string) []string {
	return slices.DeleteFunc(strings.Split(filepath.ToSlash(path), "/"),
		func(e string) bool { return e == "" || e == "." })
}

// contains reports whether a directory is another or below it.
func contains(outer, dir string) bool {
	rel, err := filepath.Rel(outer, dir)
	return err == nil && filepath.IsLocal(rel)
}
