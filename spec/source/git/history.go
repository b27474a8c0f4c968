package git

import (
	"container/heap"
	"context"
	"errors"
	"fmt"

	"github.com/go-git/go-git/v5/plumbing"
)

// ErrCut says that a question cannot be answered with the history at hand: it was fetched, or
// cloned, without its beginning.
var ErrCut = errors.New("the history at hand ends too early")

// recent is a heap of commits, the latest first.
type recent []*commit

func (r recent) Len() int           { return len(r) }
func (r recent) Less(i, j int) bool { return r[i].time.After(r[j].time) }
func (r recent) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }

// Push implements heap.Interface.
func (r *recent) Push(x any) { *r = append(*r, x.(*commit)) }

// Pop implements heap.Interface.
func (r *recent) Pop() any {
	last := (*r)[len(*r)-1]
	*r = (*r)[:len(*r)-1]
	return last
}

// reach calls visit for a commit and everything it descends from, the latest first as far as
// their clocks were right, until visit returns false. complete is false if the history at hand
// ends before its beginning.
func (s *store) reach(ctx context.Context, from plumbing.Hash, visit func(*commit) bool) (
	complete bool, err error) {
	first, err := s.commit(from)
	if err != nil {
		return false, err
	}
	seen := map[plumbing.Hash]bool{from: true}
	next := recent{first}
	complete = true
	for len(next) > 0 {
		if why := context.Cause(ctx); why != nil {
			return false, why
		}
		c := heap.Pop(&next).(*commit)
		if !visit(c) {
			return complete, nil
		}
		for _, p := range c.parents {
			if seen[p] {
				continue
			}
			seen[p] = true
			if s.shallow[c.hash] && !s.has(p) {
				complete = false
				continue
			}
			parent, err := s.commit(p)
			if err != nil {
				return false, err
			}
			heap.Push(&next, parent)
		}
	}
	return complete, nil
}

// descends reports whether a commit is another one or descends from it. The error is ErrCut
// if the history at hand does not say.
func (s *store) descends(ctx context.Context, from, ancestor plumbing.Hash) (bool, error) {
	found := false
	complete, err := s.reach(ctx, from, func(c *commit) bool {
		found = c.hash == ancestor
		return !found
	})
	if err == nil && !found && !complete {
		err = ErrCut
	}
	return found, err
}

// follows refuses a head that does not descend from the applied commit. Going back to an
// ancestor is allowed where the user named exactly that commit or tag.
func (s wholesome) follows(ctx context.Context, head, applied plumbing.Hash, w want) error {
	if applied.IsZero() || head == applied {
		return nil
	}
	forward, err := s.descends(ctx, head, applied)
	if err != nil || forward {
		return err
	}
	rewrite := &RewriteError{Applied: applied.String(), Head: head.String(), Ref: w.ref}
	if !w.pinned {
		return rewrite
	}
	if !s.has(applied) {
		if !s.whole {
			return ErrCut
		}
		return rewrite
	}
	back, err := s.descends(ctx, applied, head)
	if err != nil {
		return err
	}
	if !back {
		return rewrite
	}
	return nil
}

// verify demands the signatures of what came since the applied commit, without the head itself.
func (s *store) verify(ctx context.Context, o Options, head *commit, applied plumbing.Hash) error {
	if o.Verify != VerifyAll || applied.IsZero() || applied == head.hash || !s.has(applied) {
		return nil
	}
	known := map[plumbing.Hash]bool{}
	if _, err := s.reach(ctx, applied, func(c *commit) bool {
		known[c.hash] = true
		return true
	}); err != nil {
		return err
	}
	var unsigned error
	complete, err := s.reach(ctx, head.hash, func(c *commit) bool {
		if c.hash != head.hash && !known[c.hash] {
			_, unsigned = checkSignature(o.Keys, c)
		}
		return unsigned == nil
	})
	if err == nil && unsigned != nil && !(complete && len(s.shallow) == 0) {
		return ErrCut
	}
	return errors.Join(err, unsigned)
}

// signer checks the signature of the head, or of the tag that it was found by.
func signer(o Options, head *commit, t *tag, w want) (string, error) {
	if o.Verify == VerifyNone {
		return "", nil
	}
	// A signed tag counts only under its own name: moved to another one it would be a way to
	// bring an old version back.
	if t != nil && len(t.signature) > 0 && w.full == tags+t.name {
		if who, err := o.Keys.Verify(t.payload, t.signature); err == nil {
			return who, nil
		}
	}
	return checkSignature(o.Keys, head)
}

func checkSignature(keys Verifier, c *commit) (string, error) {
	if len(c.signature) == 0 {
		return "", fmt.Errorf("cannot trust commit %s (%s): it is not signed", c.hash, c.author)
	}
	who, err := keys.Verify(c.payload, c.signature)
	if err != nil {
		return "", fmt.Errorf("cannot trust commit %s (%s): %w", c.hash, c.author, err)
	}
	return who, nil
}
