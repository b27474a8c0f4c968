package git

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// maxRenames is how many files that are gone are compared with a new one.
const maxRenames = 200

// origin is one version of a file; file is "" where a parent does not have the file.
type origin struct {
	file string
	hash plumbing.Hash
}

// origins finds the file in each parent: under its name, or under one that is gone in the commit.
func (b *blamer) origins(c *commit, parents []*commit, file string, e entry) ([]origin, error) {
	out := make([]origin, len(parents))
	for i, parent := range parents {
		was, found, err := b.entry(parent.tree, file)
		if err != nil {
			return nil, err
		}
		if found && regular(was.mode) {
			out[i] = origin{file, was.hash}
		}
		if out[i].hash == e.hash {
			return out[:i+1], nil // nothing else counts then
		}
	}
	for i, parent := range parents {
		if out[i].file == "" {
			var err error
			if out[i], err = b.renamed(c, parent, file, e); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// entry finds a path in a tree.
func (b *blamer) entry(tree plumbing.Hash, file string) (e entry, found bool, err error) {
	e = entry{mode: filemode.Dir, hash: tree}
	for rest := file; rest != ""; {
		var name string
		name, rest = cutPath(rest)
		if e.mode != filemode.Dir {
			return entry{}, false, nil
		}
		at := treeName{e.hash, name}
		next, known := b.known[at]
		if !known {
			entries, err := b.list(e.hash, file)
			if err != nil {
				return entry{}, false, err
			}
			next, _ = lookup(entries, name)
			b.known[at] = next
		}
		if next.name == "" {
			return entry{}, false, nil
		}
		e = next
	}
	return e, true, nil
}

func (b *blamer) list(tree plumbing.Hash, at string) ([]entry, error) {
	data, err := b.from.read(plumbing.TreeObject, tree, maxTree)
	if d := (*damage)(nil); errors.As(err, &d) {
		d.place = fmt.Sprintf("%q", at)
		return nil, d
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the directories of %q: %w", at, err)
	}
	return listing(data)
}

// renamed finds the file of a parent that a new file was made from: one that is gone in the commit,
// with the same content, or else with the most lines in common, at least half of them.
func (b *blamer) renamed(c, parent *commit, file string, e entry) (origin, error) {
	var gone []origin
	if err := b.gone(parent.tree, c.tree, "", &gone); err != nil {
		return origin{}, err
	}
	for _, o := range gone {
		if o.hash == e.hash {
			return o, nil
		}
	}
	now, err := b.text(origin{file, e.hash})
	if err != nil {
		return origin{}, err
	}
	var best origin
	var most float64
	for _, o := range gone[:min(len(gone), maxRenames)] {
		likeness, err := b.likeness(o, now)
		if err != nil {
			return origin{}, err
		}
		if likeness >= 0.5 && likeness > most {
			best, most = o, likeness
		}
	}
	return best, nil
}

// likeness is which part of the longer of two versions stands in both.
func (b *blamer) likeness(o origin, now []string) (float64, error) {
	then, err := b.text(o)
	if large := (*tooLarge)(nil); errors.As(err, &large) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	count := map[string]int{}
	for _, line := range then {
		count[line]++
	}
	same, total := 0, 0
	for _, line := range now {
		total += len(line)
		if count[line] > 0 {
			count[line]--
			same += len(line)
		}
	}
	longer := max(total, len(strings.Join(then, "")))
	if longer == 0 {
		return 0, nil
	}
	return float64(same) / float64(longer), nil
}

// gone lists the files of a tree that another one does not have.
func (b *blamer) gone(was, is plumbing.Hash, dir string, out *[]origin) error {
	if was == is {
		return nil
	}
	if depth(dir) > maxNesting {
		return fmt.Errorf("directories are nested more than %d deep", maxNesting)
	}
	before, err := b.list(was, dir)
	if err != nil {
		return err
	}
	var after []entry
	if !is.IsZero() {
		if after, err = b.list(is, dir); err != nil {
			return err
		}
	}
	byName := make(map[string]entry, len(after))
	for _, e := range after {
		byName[e.name] = e
	}
	for _, e := range before {
		now, name := byName[e.name], path.Join(dir, e.name)
		switch {
		case e.mode == filemode.Dir && now.mode == filemode.Dir:
			err = b.gone(e.hash, now.hash, name, out)
		case e.mode == filemode.Dir:
			err = b.gone(e.hash, plumbing.ZeroHash, name, out)
		case regular(e.mode) && now.name == "":
			*out = append(*out, origin{name, e.hash})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
