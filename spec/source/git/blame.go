package git

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"reconciler/spec"
)

// Lines names lines of one file.
type Lines struct {
	Commit string // to begin at, 40 hexadecimal digits
	File   string // path in the tree
	Lines  []int  // the first one is 1; 0 is the file as a whole
	Now    []byte // what the file says in a working tree; nil: what the commit says
}

// Change is the commit that brought a line. The zero Change is one that was not committed yet.
type Change struct {
	Commit  string    // 40 hexadecimal digits
	Author  string    // Name <address>
	Time    time.Time // of the commit, UTC
	Subject string    // first line of the message
	Signer  string    // whose signature was verified with Options.Keys
	Doubt   error     // why Signer is empty; nil if it is not
	Cut     bool      // the history at hand begins at Commit: an earlier one may have brought it
	age     int       // of Commit among those that were looked at, the latest first
}

// Latest is the last of several changes that one Blame returned. What was not committed yet is
// later than all that was.
func Latest(changes []Change) Change {
	return slices.MinFunc(changes, func(a, b Change) int { return cmp.Compare(a.age, b.age) })
}

// What Change.Doubt says, beside what the keys do.
var (
	ErrUnsigned = errors.New("it is not signed")
	ErrNoKeys   = errors.New("no keys are given to check its signature with")
)

// Blame returns for each of the lines the commit that last changed it, following the file through
// renames, and at merges the first parent that already had the line. A file as a whole was changed
// by the last commit that changed anything in it. Where a repository of this machine is without its
// early history, Change.Cut says so; that of a remote one is fetched.
//
// It reads one version of the file for each commit that changed it, so thousands take seconds.
func (s *Source) Blame(ctx context.Context, q Lines) ([]Change, error) {
	if !isCommit.MatchString(q.Commit) {
		return nil, fmt.Errorf("cannot tell who changed %q: %q is no commit", q.File, q.Commit)
	}
	var out []Change
	err := s.ask(ctx, question{names: []string{q.Commit}, past: true,
		answer: func(ctx context.Context, from wholesome, wants []want) error {
			b := &blamer{ctx: ctx, from: from, keys: s.o.Keys, pending: map[plumbing.Hash]suspects{},
				known: map[treeName]entry{}, out: make([]Change, len(q.Lines))}
			out = b.out
			head, err := from.commit(wants[0].hash)
			if err != nil {
				return err
			}
			if err := b.start(head, s.o.Path, q); err != nil {
				return fmt.Errorf("cannot tell who changed %q: %w", q.File, err)
			}
			return b.run()
		}})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// tracked is one line on its way back.
type tracked struct {
	line int // where it stands in this version, the first one is 0; whole for all of the file
	of   int // index of the answer
}

// whole stands for all lines at once.
const whole = -1

// suspects are the lines that a commit may have brought, by file.
type suspects map[string][]tracked

// treeName is an entry of a tree object.
type treeName struct {
	tree plumbing.Hash
	name string
}

// blamer follows lines back through a history.
type blamer struct {
	ctx     context.Context
	from    wholesome
	keys    Verifier
	next    recent
	pending map[plumbing.Hash]suspects
	known   map[treeName]entry
	texts   [2]text // read last
	age     int     // commits so far
	out     []Change
}

// text is a version of a file.
type text struct {
	hash  plumbing.Hash
	lines []string
}

// start finds the lines in the commit.
func (b *blamer) start(head *commit, folder string, q Lines) error {
	file, e, err := b.locate(head, folder, q.File)
	if err != nil || file == "" {
		return err // without the file none of its lines is committed
	}
	committed, err := b.text(origin{file, e.hash})
	if err != nil {
		return err
	}
	now := committed
	if q.Now != nil {
		// A checkout may have other line ends than the commit.
		committed, now = withoutEnds(committed), withoutEnds(splitLines(q.Now))
	}
	to, count, same := match(committed, now), len(now), slices.Equal(committed, now)
	var lines []tracked
	for i, n := range q.Lines {
		switch {
		case n < 0 || n > count:
			return fmt.Errorf("it has %d lines, not %d", count, n)
		case n == 0 && same:
			lines = append(lines, tracked{whole, i})
		case n > 0 && to[n-1] >= 0:
			lines = append(lines, tracked{to[n-1], i})
		}
	}
	b.give(head, file, lines)
	return nil
}

// withoutEnds takes the ends off lines.
func withoutEnds(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = strings.TrimRight(line, "\r\n")
	}
	return out
}

// locate finds a file of the tree, or what a link stands for; "" if there is none.
func (b *blamer) locate(head *commit, folder, name string) (string, entry, error) {
	w := &walker{ctx: b.ctx, from: b.from.store, trees: map[plumbing.Hash][]entry{}}
	var err error
	if w.root, err = w.enter(head.tree, folder); err != nil {
		return "", entry{}, err
	}
	place, e, err := w.follow(name)
	if errors.Is(err, errNothing) || err == nil && !regular(e.mode) {
		return "", entry{}, nil
	}
	return path.Join(folder, place), e, err
}

// give makes a commit answer for lines.
func (b *blamer) give(c *commit, file string, lines []tracked) {
	if len(lines) == 0 {
		return
	}
	if b.pending[c.hash] == nil {
		b.pending[c.hash] = suspects{}
		heap.Push(&b.next, c)
	}
	b.pending[c.hash][file] = append(b.pending[c.hash][file], lines...)
}

// run passes lines to parents until each has found its commit.
func (b *blamer) run() error {
	for len(b.next) > 0 {
		if why := context.Cause(b.ctx); why != nil {
			return why
		}
		c := heap.Pop(&b.next).(*commit)
		b.age++
		files := b.pending[c.hash]
		delete(b.pending, c.hash)
		for file, lines := range files {
			if err := b.pass(c, file, lines); err != nil {
				return err
			}
		}
	}
	return nil
}

// pass gives the lines of a file to the parents that have them already; the others are the
// commit's own.
func (b *blamer) pass(c *commit, file string, lines []tracked) error {
	e, _, err := b.entry(c.tree, file)
	if err != nil {
		return err
	}
	parents, cut, err := b.parents(c)
	if err != nil {
		return err
	}
	origins, err := b.origins(c, parents, file, e)
	if err != nil {
		return err
	}
	for i, o := range origins {
		if o.hash == e.hash {
			b.give(parents[i], o.file, lines)
			return nil
		}
	}
	for i, o := range origins {
		if o.file == "" || len(lines) == 0 {
			continue
		}
		if lines, err = b.share(origin{file, e.hash}, parents[i], o, lines); err != nil {
			return err
		}
	}
	for _, t := range lines {
		b.out[t.of] = b.change(c)
		b.out[t.of].Cut = cut
	}
	return nil
}

// parents reads the parents of a commit; cut says that some are missing.
func (b *blamer) parents(c *commit) (out []*commit, cut bool, err error) {
	for _, h := range c.parents {
		if b.from.shallow[c.hash] && !b.from.has(h) {
			if !b.from.whole {
				return nil, false, ErrCut
			}
			cut = true
			continue
		}
		parent, err := b.from.commit(h)
		if err != nil {
			return nil, false, err
		}
		out = append(out, parent)
	}
	return out, cut, nil
}

// share gives those of the lines to a parent that its version of the file has too, and returns
// the others.
func (b *blamer) share(is origin, parent *commit, was origin, lines []tracked) (
	[]tracked, error) {
	then, err := b.text(was)
	if err != nil {
		return nil, err
	}
	now, err := b.text(is)
	if err != nil {
		return nil, err
	}
	to := match(then, now)
	var theirs, ours []tracked
	for _, t := range lines {
		if t.line == whole || to[t.line] < 0 {
			ours = append(ours, t)
			continue
		}
		theirs = append(theirs, tracked{to[t.line], t.of})
	}
	b.give(parent, was.file, theirs)
	return ours, nil
}

// text reads a version of a file.
func (b *blamer) text(o origin) ([]string, error) {
	for _, t := range b.texts {
		if t.hash == o.hash {
			return t.lines, nil
		}
	}
	data, err := b.from.read(plumbing.BlobObject, o.hash, spec.MaxFileSize)
	if d := (*damage)(nil); errors.As(err, &d) {
		d.place = fmt.Sprintf("%q", o.file)
		return nil, d
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %q: %w", o.file, err)
	}
	b.texts = [2]text{{o.hash, splitLines(data)}, b.texts[0]}
	return b.texts[0].lines, nil
}

// change is what is said of a commit.
func (b *blamer) change(c *commit) Change {
	out := Change{Commit: c.hash.String(), Author: c.author, Time: c.time, Subject: c.subject,
		age: b.age}
	switch {
	case len(c.signature) == 0:
		out.Doubt = ErrUnsigned
	case b.keys == nil:
		out.Doubt = ErrNoKeys
	default:
		out.Signer, out.Doubt = b.keys.Verify(c.payload, c.signature)
	}
	return out
}
