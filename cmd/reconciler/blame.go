package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"reconciler/reconcile"
	"reconciler/reconcile/report"
	"reconciler/spec"
	"reconciler/spec/source/git"
	"reconciler/spec/source/git/signature"
)

// origin is where a tree was read from, to ask who wrote it.
type origin struct {
	source reconcile.Source
	read   spec.Snapshot
	log    *slog.Logger
}

// blame adds to each setting the commit that brought what holds. Where that cannot be found out,
// a note says why.
func (x *explaining) blame(ctx context.Context) {
	byFile := map[string][]*report.ExplainedLayer{}
	for i := range x.Settings {
		for j := range x.Settings[i].Layers {
			l := &x.Settings[i].Layers[j]
			if file := l.Position.File; l.Wins && file != "" {
				byFile[file] = append(byFile[file], l)
			}
		}
	}
	if len(byFile) == 0 {
		return
	}
	history, err := x.history()
	if err == nil {
		err = history.addTo(ctx, byFile)
	}
	if err != nil {
		x.note("who wrote it", err)
	}
}

// chronicle is a repository, and the version that was read.
type chronicle struct {
	*git.Source
	commit string
	work   fs.FS // what is in the working tree, nil where a commit was read
}

// history opens the repository of the tree.
func (x *explaining) history() (*chronicle, error) {
	if repository, ok := x.origin.source.(*git.Source); ok {
		return &chronicle{repository, x.origin.read.Revision.ID, nil}, nil
	}
	work, err := git.Checkout(filepath.Join(x.app.source, x.app.path))
	if err != nil {
		return nil, err
	}
	o := git.Options{URL: work.Root, Path: work.Path, Timeout: x.app.timeout, Log: x.origin.log}
	if len(x.app.verifyKeys) > 0 {
		if o.Keys, err = signature.Load(x.app.verifyKeys...); err != nil {
			return nil, err
		}
	}
	repository, err := git.New(o)
	return &chronicle{repository, work.Head, x.origin.read.Files}, err
}

// maxLines is how many lines of one value are looked at.
const maxLines = 1000

// addTo adds changes to layers, file by file.
func (h *chronicle) addTo(ctx context.Context, byFile map[string][]*report.ExplainedLayer) error {
	var failed []error
	for _, file := range slices.Sorted(maps.Keys(byFile)) {
		q := git.Lines{Commit: h.commit, File: file}
		if h.work != nil {
			now, err := fs.ReadFile(h.work, file)
			if err != nil {
				return err
			}
			q.Now = slices.Concat([]byte{}, now)
		}
		var ends []int
		for _, l := range byFile[file] {
			q.Lines = append(q.Lines, linesOf(file, l.Layer)...)
			ends = append(ends, len(q.Lines))
		}
		changes, err := h.Blame(ctx, q)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		from := 0
		for i, l := range byFile[file] {
			l.Change = latest(changes[from:ends[i]])
			from = ends[i]
		}
	}
	return errors.Join(failed...)
}

// linesOf lists the lines of a value. Those of an encrypted file are none of its text in clear, so
// it counts as a whole.
func linesOf(file string, l spec.Layer) []int {
	if strings.HasSuffix(file, ".age") {
		return []int{0}
	}
	out := []int{l.Position.Line}
	for n := l.Position.Line + 1; n <= min(l.LastLine, l.Position.Line+maxLines); n++ {
		out = append(out, n)
	}
	return out
}

// latest is the last change of several lines.
func latest(changes []git.Change) *report.LineChange {
	c := git.Latest(changes)
	out := &report.LineChange{Committed: c.Commit != "", Commit: c.Commit, Author: c.Author,
		Time: c.Time, Subject: c.Subject, Signer: c.Signer, Cut: c.Cut}
	if c.Doubt != nil {
		out.Doubt = c.Doubt.Error()
	}
	return out
}
