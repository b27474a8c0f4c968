package git

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Work is a working tree.
type Work struct {
	Root   string // absolute, without links: the top of the working tree; good as Options.URL
	Path   string // of the directory below it, "" for the top itself; good as Options.Path
	Head   string // commit of HEAD, 40 hexadecimal digits
	Branch string // that HEAD stands for, such as main; "" for none
}

// Checkout finds the working tree that a directory, or what a link leads to, is part of: in it or
// above it there is a .git, also that of a linked working tree or of a submodule. It needs no
// network. The error wraps ErrNoRepository if there is none, or fs.ErrNotExist if there is no such
// directory.
func Checkout(dir string) (Work, error) {
	place, err := filepath.Abs(dir)
	if err == nil {
		place, err = filepath.EvalSymlinks(place)
	}
	if err != nil {
		return Work{}, fmt.Errorf("cannot find the repository of %q: %w", dir, err)
	}
	root, err := topOf(place)
	if err != nil {
		return Work{}, fmt.Errorf("cannot find the repository of %q: %w", dir, err)
	}
	rest, err := filepath.Rel(root, place)
	if err != nil {
		return Work{}, fmt.Errorf("cannot find the repository of %q: %w", dir, err)
	}
	w := Work{Root: root, Path: filepath.ToSlash(rest)}
	if w.Path == "." {
		w.Path = ""
	}
	if err := steadily(root, w.readHead); err != nil {
		return Work{}, err
	}
	return w, nil
}

// topOf goes up from a directory to the top of its working tree.
func topOf(dir string) (string, error) {
	for {
		_, err := os.Lstat(filepath.Join(dir, ".git"))
		if err == nil {
			_, _, err = findDirs(dir)
		}
		if err == nil {
			return dir, nil
		}
		above := filepath.Dir(dir)
		switch {
		case !errors.Is(err, os.ErrNotExist) && !errors.Is(err, ErrNoRepository):
			return "", err
		case above == dir:
			return "", ErrNoRepository
		}
		dir = above
	}
}

// readHead finds the commit that is checked out, and reads it.
func (w *Work) readHead() error {
	l, err := openLocal(w.Root)
	if err != nil {
		return fmt.Errorf("cannot open repository %q: %w", w.Root, err)
	}
	defer l.close()
	head, err := l.refs.resolveHead()
	if err != nil {
		return fmt.Errorf("cannot read repository %q: %w", w.Root, err)
	}
	if _, err := l.commit(head.hash); err != nil {
		return err
	}
	w.Head, w.Branch = head.hash.String(), ""
	if l.refs.branch != "" {
		w.Branch = short(l.refs.branch)
	}
	return nil
}
