package git

import (
	"context"
	"errors"
	"fmt"

	"reconciler/spec"
)

// question is something about the past of a repository.
type question struct {
	names  []string // of the refs that it begins at; "" is Options.Ref
	past   bool     // also of the commits before those
	answer func(context.Context, wholesome, []want) error
}

// ask lets a question be answered from a repository, which for a remote one is fetched as far as
// needed: where the answer is *damage or ErrCut, it is asked again once there is more.
func (s *Source) ask(ctx context.Context, q question) error {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	for i, name := range q.names {
		if name == "" {
			q.names[i] = s.o.Ref
		}
	}
	if s.at.scheme != "local" {
		return s.askRemote(ctx, q)
	}
	err := steadily(s.at.path, func() error { return s.askLocal(ctx, q) })
	if errors.Is(err, ErrCut) {
		return fmt.Errorf("cannot look back in repository %q: %w; run `git fetch --unshallow`",
			s.at, err)
	}
	return err
}

func (s *Source) askLocal(ctx context.Context, q question) error {
	l, err := openLocal(s.at.path)
	if err != nil {
		return fmt.Errorf("cannot open repository %q: %w", s.at, err)
	}
	defer l.close()
	var wants []want
	for _, name := range q.names {
		w, err := l.resolve(name)
		if err != nil {
			return fmt.Errorf("cannot read repository %q: %w", s.at, err)
		}
		wants = append(wants, w)
	}
	return q.answer(ctx, wholesome{l.store, true}, wants)
}

func (s *Source) askRemote(ctx context.Context, q question) error {
	r := &run{Source: s, names: q.names, past: q.past}
	r.use = func(ctx context.Context, from wholesome) (spec.Snapshot, error) {
		return spec.Snapshot{}, q.answer(ctx, from, r.wants)
	}
	// Commits that are named by their hash may be in the cache, whether the server answers or not.
	if r.find(&refs{}) != nil {
		if err := r.call(ctx); err != nil {
			return err
		}
	}
	_, err := r.open(ctx)
	return err
}

// At reads the tree as it was at a revision: "" for the ref of the options, HEAD, a branch, a tag,
// a branch of another repository such as origin/main, a commit of 40 hexadecimal digits (in a
// repository of this machine also of 7 and more), or one of these followed by ~N, ^ or ^N.
//
// What it reads is for comparing, so it need not descend from the applied commit nor carry a
// signature; Revision.Signer says whose signature was verified, where the options give keys. All
// else is as in Fetch. The error is ErrCut where the history at hand does not reach that far.
func (s *Source) At(ctx context.Context, rev string) (snapshot spec.Snapshot, err error) {
	r := parseRevision(rev)
	q := question{names: []string{r.name}, past: len(r.way) > 0}
	q.answer = func(ctx context.Context, from wholesome, wants []want) (err error) {
		snapshot, err = s.readAt(ctx, from, r, wants[0])
		return err
	}
	err = s.ask(ctx, q)
	return snapshot, err
}

func (s *Source) readAt(ctx context.Context, from wholesome, r revision, w want) (
	spec.Snapshot, error) {
	var none spec.Snapshot
	start, tag, err := from.peel(w.hash)
	if err != nil {
		return none, err
	}
	target, err := r.follow(ctx, from.store, start)
	if err != nil {
		return none, err
	}
	c, err := from.commit(target)
	if err != nil {
		return none, err
	}
	if len(r.way) > 0 {
		tag, w = nil, want{ref: target.String()} // whoever signed the tag meant another commit
	}
	files, err := readTree(ctx, from.store, c.tree, s.o.Path)
	if err != nil {
		return none, err
	}
	revision := spec.Revision{ID: target.String(), Tree: files.Digest(), Ref: w.ref,
		Author: c.author, Subject: c.subject, Time: c.time}
	if s.o.Keys != nil {
		// One that does not count is like none: nothing is applied from here.
		revision.Signer, _ = signer(Options{Verify: VerifyHead, Keys: s.o.Keys}, c, tag, w)
	}
	return spec.Snapshot{Files: files, Revision: revision}, nil
}
