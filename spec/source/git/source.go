package git

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"reconciler/spec"
)

// errTimeout is the cause of a context that ran out by our own limit.
var errTimeout = errors.New("it took too long")

// Fetch reads the YAML files of the tree into memory, also those sealed with age (*.yaml.age);
// hidden files and directories, and files of other kinds, are left out. The revision is the
// commit.
//
// It fails if anything may be missing. What is wrong with the content of the tree (a link that
// leads out of it or to a directory, a submodule, more than the limits of package spec, …) is an
// error of type spec.Problems that names every place. A branch or tag that is not there is a
// *RefError, a commit that does not descend from the applied one a *RewriteError. When ctx ends,
// the error wraps its cause.
func (s *Source) Fetch(ctx context.Context) (spec.Snapshot, error) {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	applied, err := s.applied(ctx)
	if err != nil {
		return spec.Snapshot{}, err
	}
	read := s.fetchRemote
	if s.at.scheme == "local" {
		read = s.fetchLocal
	}
	return read(ctx, applied)
}

func (s *Source) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.o.Timeout,
		fmt.Errorf("%w: more than %s", errTimeout, s.o.Timeout))
}

// applied is the commit that was applied last, zero if there is none.
func (s *Source) applied(ctx context.Context) (plumbing.Hash, error) {
	if s.o.Applied == nil {
		return plumbing.ZeroHash, nil
	}
	id, err := s.o.Applied(ctx)
	if err != nil {
		return plumbing.ZeroHash, fmt.Errorf("cannot find the commit that was applied last: %w", err)
	}
	if id != "" && !isCommit.MatchString(id) {
		return plumbing.ZeroHash, fmt.Errorf("cannot continue from revision %q: it is no commit", id)
	}
	return plumbing.NewHash(strings.ToLower(id)), nil
}

// wholesome is a store and what is known about it.
type wholesome struct {
	*store
	whole bool // it has everything that the repository has
}

// read makes the snapshot of what a ref stands for, if that may be applied. The errors that
// fetching more may heal are *damage and ErrCut.
func (s *Source) read(ctx context.Context, from wholesome, w want, applied plumbing.Hash) (
	spec.Snapshot, error) {
	var none spec.Snapshot
	target, tag, err := from.peel(w.hash)
	if err != nil {
		return none, err
	}
	head, err := from.commit(target)
	if err != nil {
		return none, err
	}
	if !s.o.AllowRewrite {
		if err := from.follows(ctx, target, applied, w); err != nil {
			return none, err
		}
	}
	who, err := signer(s.o, head, tag, w)
	if err != nil {
		return none, err
	}
	if err := from.verify(ctx, s.o, head, applied); err != nil {
		return none, err
	}
	files, err := readTree(ctx, from.store, head.tree, s.o.Path)
	if errors.As(err, new(spec.Problems)) {
		err = fmt.Errorf("cannot read the tree of commit %s: %w", target, err)
	}
	if err != nil {
		return none, err
	}
	return spec.Snapshot{Files: files, Revision: spec.Revision{ID: target.String(),
		Tree: files.Digest(), Ref: w.ref, Author: head.author, Subject: head.subject,
		Time: head.time, Signer: who}}, nil
}

// fetchLocal reads a repository of this machine.
func (s *Source) fetchLocal(ctx context.Context, applied plumbing.Hash) (spec.Snapshot, error) {
	var snapshot spec.Snapshot
	err := steadily(s.at.path, func() (err error) {
		snapshot, err = s.tryLocal(ctx, applied)
		return err
	})
	return snapshot, err
}

// steadily reads a repository of this machine, once more if an object is missing, and says what to
// do where it is damaged.
func steadily(path string, read func() error) error {
	err := read()
	if d := (*damage)(nil); errors.As(err, &d) {
		// Somebody may have packed the objects while they were being read.
		err = read()
	}
	if d := (*damage)(nil); errors.As(err, &d) {
		return fmt.Errorf("cannot read repository %q: %w; "+
			"`git fsck` shows what is missing; if it shows nothing, run `git repack -ad`", path, err)
	}
	return err
}

func (s *Source) tryLocal(ctx context.Context, applied plumbing.Hash) (spec.Snapshot, error) {
	l, w, err := s.findLocal()
	if err != nil {
		return spec.Snapshot{}, err
	}
	defer l.close()
	snapshot, err := s.read(ctx, wholesome{l.store, true}, w, applied)
	if errors.Is(err, ErrCut) {
		err = fmt.Errorf("cannot tell whether commit %s descends from the applied commit %s: %w; "+
			"run `git fetch --unshallow`", w.hash, applied, err)
	}
	return snapshot, err
}

// findLocal opens the repository and finds the ref. The caller closes it.
func (s *Source) findLocal() (*local, want, error) {
	l, err := openLocal(s.at.path)
	if err != nil {
		return nil, want{}, fmt.Errorf("cannot open repository %q: %w", s.at, err)
	}
	w, err := l.refs.resolve(s.o.Ref)
	if err == nil && w.full == "" && !l.has(w.hash) {
		err = &RefError{Ref: s.o.Ref, Reason: "there is no such commit"}
	}
	if err != nil {
		l.close()
		return nil, want{}, fmt.Errorf("cannot read repository %q: %w", s.at, err)
	}
	return l, w, nil
}
