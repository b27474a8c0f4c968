package git

import (
	"context"
	"errors"
	"fmt"
	"path"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"

	"reconciler/spec"
	"reconciler/spec/source/memfs"
)

const (
	maxNesting = 100      // directories in one another
	maxListing = 64 << 20 // bytes of all tree objects of one reading
)

// errStop ends a walk whose problems make going on pointless.
var errStop = errors.New("stop")

// walker reads the files of a tree out of a repository. go-git has walkers too, but they leave
// out what they cannot read.
type walker struct {
	ctx      context.Context
	from     *store
	root     plumbing.Hash // the tree object that is the root
	trees    map[plumbing.Hash][]entry
	out      *memfs.FS
	problems spec.Problems
	entries  int
	bytes    int64
	listed   int64
}

// readTree reads the files of a tree into memory; folder is the part of it that counts, "" for
// all. What is wrong with the content is an error of type spec.Problems that names every place;
// an object that cannot be read is one of type *damage.
func readTree(ctx context.Context, from *store, tree plumbing.Hash, folder string) (
	*memfs.FS, error) {
	w := &walker{ctx: ctx, from: from, trees: map[plumbing.Hash][]entry{}, out: memfs.New()}
	var err error
	if w.root, err = w.enter(tree, folder); err != nil {
		return nil, err
	}
	if err = w.walk(w.root, "."); err != nil && !errors.Is(err, errStop) {
		return nil, err
	}
	if len(w.problems) > 0 {
		return nil, w.problems
	}
	return w.out, nil
}

// ErrNoFolder says that a commit does not have the folder that is the tree. The name of what is
// missing follows.
var ErrNoFolder = errors.New("the commit has no")

// enter finds the folder that is the tree.
func (w *walker) enter(tree plumbing.Hash, folder string) (plumbing.Hash, error) {
	for at, rest := "", folder; rest != ""; {
		var name string
		name, rest = cutPath(rest)
		at = path.Join(at, name)
		entries, err := w.list(tree, at)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		e, found := lookup(entries, name)
		if !found {
			return plumbing.ZeroHash, fmt.Errorf("cannot find folder %q: %w %q",
				folder, ErrNoFolder, at)
		}
		if e.mode != filemode.Dir {
			return plumbing.ZeroHash, fmt.Errorf("cannot find folder %q: %q is %s",
				folder, at, modeText(e.mode))
		}
		tree = e.hash
	}
	return tree, nil
}

// list returns the entries of a tree object; at is for the message.
func (w *walker) list(tree plumbing.Hash, at string) ([]entry, error) {
	if entries, known := w.trees[tree]; known {
		return entries, nil
	}
	data, err := w.from.read(plumbing.TreeObject, tree, maxTree)
	if err == nil {
		if w.listed += int64(len(data)); w.listed > maxListing {
			err = &tooLarge{size: w.listed, limit: maxListing}
		}
	}
	var entries []entry
	if err == nil {
		entries, err = listing(data)
	}
	if d := (*damage)(nil); errors.As(err, &d) {
		d.place = fmt.Sprintf("%q", at)
		return nil, d
	}
	if err != nil {
		return nil, spec.Problems{problem(at, fmt.Sprintf("cannot read %q: %v", at, err), "")}
	}
	w.trees[tree] = entries
	return entries, nil
}

// walk reads a directory and all below it.
func (w *walker) walk(tree plumbing.Hash, dir string) error {
	if depth(dir) > maxNesting {
		return w.stop(dir, fmt.Sprintf("directories are nested more than %d deep", maxNesting))
	}
	entries, err := w.list(tree, dir)
	if found := (spec.Problems)(nil); errors.As(err, &found) {
		w.problems = append(w.problems, found...)
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if why := context.Cause(w.ctx); why != nil {
			return why
		}
		if err := w.visit(path.Join(dir, e.name), e); err != nil {
			return err
		}
	}
	return nil
}

// visit is called for every file and directory; an error from it ends the walk.
func (w *walker) visit(name string, e entry) error {
	if w.entries++; w.entries > spec.MaxEntries {
		return w.stop(name, fmt.Sprintf("more than %d files and directories", spec.MaxEntries))
	}
	if spec.Hidden(e.name) {
		return nil
	}
	why, relevant := odd(e.name), e.mode == filemode.Dir || wanted(e.name)
	switch {
	case why != "" && relevant:
		return w.fail(name, fmt.Sprintf("cannot read %q: %s", name, why), "rename it")
	case e.mode == filemode.Dir:
		return w.walk(e.hash, name)
	case e.mode == filemode.Symlink:
		return w.link(name)
	case e.mode == filemode.Submodule:
		return w.fail(name, fmt.Sprintf("cannot read %q: it is a submodule", name),
			"put the files themselves here")
	case !relevant:
		return nil
	case !regular(e.mode):
		return w.fail(name, fmt.Sprintf("cannot read %q: it is %s", name, modeText(e.mode)),
			"put a regular file here")
	}
	return w.read(name, e.hash)
}

// read takes one file into memory.
func (w *walker) read(name string, h plumbing.Hash) error {
	if w.out.Len() == spec.MaxFiles {
		return w.stop(name, fmt.Sprintf("more than %d YAML files", spec.MaxFiles))
	}
	data, err := w.from.read(plumbing.BlobObject, h, spec.MaxFileSize)
	if d := (*damage)(nil); errors.As(err, &d) {
		d.place = fmt.Sprintf("%q", name)
		return d
	}
	if err != nil {
		return w.fail(name, fmt.Sprintf("cannot read %q: %v", name, err), "")
	}
	if w.bytes += int64(len(data)); w.bytes > spec.MaxTotalSize {
		return w.stop(name, fmt.Sprintf("the YAML files have more than %d MiB together",
			spec.MaxTotalSize>>20))
	}
	w.out.Add(name, data)
	return nil
}

// fail records a problem; its error says that there are enough.
func (w *walker) fail(name, text, hint string) error {
	w.problems = append(w.problems, problem(name, text, hint))
	if len(w.problems) >= spec.MaxProblems {
		return errStop
	}
	return nil
}

// stop ends the walk with a problem that makes going on pointless.
func (w *walker) stop(name, text string) error {
	w.problems = append(w.problems, problem(name, text, "is this the right directory?"))
	return errStop
}

func problem(name, text, hint string) spec.Problem {
	// The text quotes the name; here it must not play tricks either.
	return spec.Problem{Position: spec.Position{File: printable(name), Line: 1},
		Text: text, Hint: hint}
}

func lookup(entries []entry, name string) (entry, bool) {
	for _, e := range entries {
		if e.name == name {
			return e, true
		}
	}
	return entry{}, false
}

func regular(m filemode.FileMode) bool {
	return m == filemode.Regular || m == filemode.Executable || m == filemode.Deprecated
}

func modeText(m filemode.FileMode) string {
	switch {
	case m == filemode.Dir:
		return "a directory"
	case m == filemode.Symlink:
		return "a link"
	case m == filemode.Submodule:
		return "a submodule"
	case regular(m):
		return "a file"
	}
	return fmt.Sprintf("of the unknown mode %o", uint32(m))
}
