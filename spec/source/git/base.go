package git

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
)

// ErrNoMergeBase says that two revisions have no commit in common.
var ErrNoMergeBase = errors.New("they have no commit in common")

// MergeBase returns the commit that two revisions have both come from, 40 hexadecimal digits: the
// best one, which no other such commit descends from, and of several the latest. Revisions are as
// in At. The errors are ErrNoMergeBase, ErrCut where the history at hand does not say, and those
// of At.
func (s *Source) MergeBase(ctx context.Context, a, b string) (commit string, err error) {
	ra, rb := parseRevision(a), parseRevision(b)
	q := question{names: []string{ra.name, rb.name}, past: true}
	q.answer = func(ctx context.Context, from wholesome, wants []want) error {
		var ends [2]plumbing.Hash
		for i, r := range []revision{ra, rb} {
			start, _, err := from.peel(wants[i].hash)
			if err == nil {
				ends[i], err = r.follow(ctx, from.store, start)
			}
			if err != nil {
				return err
			}
		}
		base, err := from.mergeBase(ctx, ends[0], ends[1])
		if errors.Is(err, ErrNoMergeBase) {
			err = fmt.Errorf("cannot compare %q and %q: %w", a, b, err)
		}
		commit = base.String()
		return err
	}
	if err := s.ask(ctx, q); err != nil {
		return "", err
	}
	return commit, nil
}

// What is known of a commit while two histories are followed.
const (
	ofFirst  = 1 << iota // the first revision descends from it
	ofSecond             // the second one does
	older                // another common ancestor descends from it
	listed               // it is among those found
	common   = ofFirst | ofSecond
)

// meeting follows two histories to where they meet.
type meeting struct {
	in    wholesome
	marks map[plumbing.Hash]uint8
	next  recent
	found []*commit
	cut   bool // the history at hand ends before its beginning
}

// mergeBase finds the best common ancestor.
func (s wholesome) mergeBase(ctx context.Context, a, b plumbing.Hash) (plumbing.Hash, error) {
	m := &meeting{in: s, marks: map[plumbing.Hash]uint8{}}
	for i, h := range []plumbing.Hash{a, b} {
		c, err := s.commit(h)
		if err != nil {
			return plumbing.ZeroHash, err
		}
		m.mark(c, ofFirst<<i)
	}
	if err := m.follow(ctx); err != nil {
		return plumbing.ZeroHash, err
	}
	if m.cut && (len(m.found) == 0 || !s.whole) {
		return plumbing.ZeroHash, ErrCut
	}
	return m.best(ctx)
}

// mark notes something about a commit, and that its parents must hear of it if it is news.
func (m *meeting) mark(c *commit, marks uint8) {
	if m.marks[c.hash]&marks == marks {
		return
	}
	m.marks[c.hash] |= marks
	heap.Push(&m.next, c)
}

// follow goes back, the latest commits first, until only what lies before a meeting is left.
func (m *meeting) follow(ctx context.Context) error {
	fresh := func(c *commit) bool { return m.marks[c.hash]&older == 0 }
	for slices.ContainsFunc(m.next, fresh) {
		if why := context.Cause(ctx); why != nil {
			return why
		}
		c := heap.Pop(&m.next).(*commit)
		marks := m.marks[c.hash]
		if marks == common {
			m.marks[c.hash] |= listed
			m.found = append(m.found, c)
		}
		if marks &^= listed; marks&common == common {
			marks |= older
		}
		for _, h := range c.parents {
			if m.marks[h]&marks == marks {
				continue
			}
			if m.in.shallow[c.hash] && !m.in.has(h) {
				m.cut = true
				continue
			}
			parent, err := m.in.commit(h)
			if err != nil {
				return err
			}
			m.mark(parent, marks)
		}
	}
	return nil
}

// best chooses among the commits at which the histories meet. Where clocks were wrong, one may
// descend from another.
func (m *meeting) best(ctx context.Context) (plumbing.Hash, error) {
	found := slices.DeleteFunc(m.found, func(c *commit) bool { return m.marks[c.hash]&older != 0 })
	slices.SortFunc(found, func(a, b *commit) int {
		return cmp.Or(b.time.Compare(a.time), cmp.Compare(a.hash.String(), b.hash.String()))
	})
	for _, c := range found {
		redundant := false
		for _, other := range found {
			if other.hash == c.hash || redundant {
				continue
			}
			var err error
			redundant, err = m.in.descends(ctx, other.hash, c.hash)
			if err != nil && !errors.Is(err, ErrCut) {
				return plumbing.ZeroHash, err
			}
		}
		if !redundant {
			return c.hash, nil
		}
	}
	return plumbing.ZeroHash, ErrNoMergeBase
}
