package git

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"reconciler/spec"
)

const (
	maxTarget = 4096 // bytes of what a link says, as in Linux
	maxLinks  = 40   // links on one way
)

var (
	errLeaves  = errors.New("it leads out of the tree")
	errNothing = errors.New("it leads to nothing")
	errLoop    = errors.New("it leads to itself, or through too many links")
)

// link takes a link to a file of the tree and refuses all others, also those whose name is not
// that of a YAML file: they may stand for a directory that is full of them.
func (w *walker) link(name string) error {
	const hint = "put the file itself here"
	_, e, err := w.follow(name)
	if d := (*damage)(nil); errors.As(err, &d) {
		return err
	}
	switch {
	case err != nil:
		return w.fail(name, fmt.Sprintf("cannot follow link %q: %v", name, err), hint)
	case e.mode == filemode.Dir:
		return w.fail(name, fmt.Sprintf("cannot follow link %q: it leads to a directory", name),
			"put the directory itself here")
	case !wanted(name):
		return nil
	case !regular(e.mode):
		return w.fail(name, fmt.Sprintf("cannot read %q: it leads to %s", name, modeText(e.mode)),
			"put a regular file here")
	}
	return w.read(name, e.hash)
}

// follow returns what a path of the tree leads to, through links inside the tree only, and where
// that is.
func (w *walker) follow(name string) (string, entry, error) {
	above := []entry{{mode: filemode.Dir, hash: w.root}} // the way from the root to here
	links := 0
	for rest := name; rest != ""; {
		var part string
		part, rest = cutPath(rest)
		here := above[len(above)-1]
		switch {
		case here.mode != filemode.Dir:
			return "", entry{}, errNothing
		case part == "" || part == ".":
			continue
		case part == "..":
			if len(above) == 1 {
				return "", entry{}, errLeaves
			}
			above = above[:len(above)-1]
			continue
		}
		e, err := w.step(here, part)
		if err != nil {
			return "", entry{}, err
		}
		if e.mode != filemode.Symlink {
			above = append(above, e)
			continue
		}
		if links++; links > maxLinks {
			return "", entry{}, errLoop
		}
		target, err := w.target(e.hash, name)
		if err != nil {
			return "", entry{}, err
		}
		rest = strings.TrimSuffix(target+"/"+rest, "/")
	}
	var place string
	for _, e := range above {
		place = path.Join(place, e.name)
	}
	return place, above[len(above)-1], nil
}

// step returns the entry of a directory.
func (w *walker) step(dir entry, name string) (entry, error) {
	entries, err := w.list(dir.hash, name)
	if found := (spec.Problems)(nil); errors.As(err, &found) {
		return entry{}, errors.New(found[0].Text)
	}
	if err != nil {
		return entry{}, err
	}
	e, found := lookup(entries, name)
	if !found {
		return entry{}, errNothing
	}
	return e, nil
}

// target reads what a link says.
func (w *walker) target(h plumbing.Hash, name string) (string, error) {
	data, err := w.from.read(plumbing.BlobObject, h, maxTarget)
	if d := (*damage)(nil); errors.As(err, &d) {
		d.place = fmt.Sprintf("link %q", name)
		return "", d
	}
	if err != nil {
		return "", err
	}
	switch target := string(data); {
	case target == "":
		return "", errNothing
	case path.IsAbs(target):
		return "", errLeaves
	default:
		return target, nil
	}
}

// cutPath separates the first part of a path from the rest.
func cutPath(p string) (first, rest string) {
	first, rest, _ = strings.Cut(p, "/")
	return first, rest
}

// depth is how many directories a path is below the root.
func depth(dir string) int {
	if dir == "." {
		return 0
	}
	return strings.Count(dir, "/") + 1
}
