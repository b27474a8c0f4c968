package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"reconciler/reconcile"
	"reconciler/spec"
	"reconciler/spec/source/git"
)

// history is a repository that can be asked for what was.
type history interface {
	At(ctx context.Context, rev string) (spec.Snapshot, error)
	MergeBase(ctx context.Context, a, b string) (commit string, err error)
}

// past is the repository that the source is in.
type past struct {
	history
	app     *app
	options spec.Options
	head    string // revision that the present tree belongs to
	work    bool   // the present tree is the files of a checkout
}

// openPast opens the repository that --source names, or that it is a checkout of.
func openPast(a *app) (*past, error) {
	log, err := newLogger(a)
	if err != nil {
		return nil, err
	}
	options, err := a.parseOptions()
	if err != nil {
		return nil, err
	}
	src, err := openSource(a, log, a.lastApplied)
	if err != nil {
		return nil, err
	}
	if repository, ok := src.(history); ok {
		return &past{history: repository, app: a, options: options}, nil
	}
	work, err := git.Checkout(filepath.Join(a.source, a.path))
	if err != nil {
		return nil, err
	}
	repository, err := git.New(git.Options{URL: work.Root, Path: work.Path, Timeout: a.timeout,
		Log: log})
	if err != nil {
		return nil, err
	}
	return &past{history: repository, app: a, options: options, head: work.Head, work: true}, nil
}

// now reads the present tree, of a repository the commit of --ref. It need not descend from what
// was applied, as it is only looked at.
func (p *past) now(ctx context.Context) (reconcile.Declaration, error) {
	if p.work {
		return fetch(ctx, p.app)
	}
	read, err := p.At(ctx, "")
	if err != nil {
		return reconcile.Declaration{}, err
	}
	if p.app.verify != "" && read.Revision.Signer == "" {
		return reconcile.Declaration{}, fmt.Errorf(
			"cannot trust commit %s: it carries no signature of a known key", read.Revision.ID)
	}
	p.head = read.Revision.ID
	tree, err := spec.Parse(read.Files, p.options)
	return reconcile.Declaration{Revision: read.Revision, Tree: tree}, err
}

// declaration reads the tree of a revision. One without any file of a tree declares nothing.
func (p *past) declaration(ctx context.Context, rev string) (reconcile.Declaration, error) {
	d := reconcile.Declaration{Revision: spec.Revision{ID: rev}, Tree: &spec.Tree{}}
	read, err := p.At(ctx, rev)
	if errors.Is(err, git.ErrNoFolder) {
		return d, nil
	}
	if err != nil {
		return d, err
	}
	d.Revision = read.Revision
	if empty, err := isEmpty(read.Files); empty || err != nil {
		return d, err
	}
	if d.Tree, err = spec.Parse(read.Files, p.options); err != nil {
		return d, fmt.Errorf("cannot read the tree of revision %s: %w", rev, err)
	}
	return d, nil
}

// isEmpty reports whether there is no file of a tree.
func isEmpty(files fs.FS) (bool, error) {
	errFound := errors.New("found")
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && spec.IsYAML(name) && !spec.Hidden(name) {
			return errFound
		}
		return err
	})
	if errors.Is(err, errFound) {
		return false, nil
	}
	return true, err
}
