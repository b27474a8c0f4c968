package git

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// revision is the name of a ref, and the way back from its commit.
type revision struct {
	name string
	way  []step
}

// step goes to a parent of a commit, the first of them being 1, and that several times.
type step struct{ parent, times int }

var (
	backwards = regexp.MustCompile(`^([^~^<>=*|, ]+)((?:[~^][0-9]{0,6})+)$`)
	oneStep   = regexp.MustCompile(`[~^][0-9]*`)
	isShort   = regexp.MustCompile(`^[0-9a-fA-F]{7,39}$`)
)

// parseRevision takes main~2 or v1^2 apart. What it does not know stays a name.
func parseRevision(text string) revision {
	parts := backwards.FindStringSubmatch(text)
	if parts == nil {
		return revision{name: text}
	}
	r := revision{name: parts[1]}
	for _, s := range oneStep.FindAllString(parts[2], -1) {
		n := 1
		if len(s) > 1 {
			n, _ = strconv.Atoi(s[1:]) // a few digits
		}
		if s[0] == '~' {
			r.way = append(r.way, step{parent: 1, times: n})
		} else if n > 0 { // ^0 is the commit itself
			r.way = append(r.way, step{parent: n, times: 1})
		}
	}
	return r
}

// follow goes the way back from a commit. The error is ErrCut if the history at hand does not
// reach that far.
func (r revision) follow(ctx context.Context, in *store, from plumbing.Hash) (
	plumbing.Hash, error) {
	for _, s := range r.way {
		for range s.times {
			if why := context.Cause(ctx); why != nil {
				return plumbing.ZeroHash, why
			}
			c, err := in.commit(from)
			if err != nil {
				return plumbing.ZeroHash, err
			}
			if len(c.parents) < s.parent {
				return plumbing.ZeroHash, &RefError{Ref: r.text(), Reason: fmt.Sprintf(
					"commit %s has %d parents", from, len(c.parents))}
			}
			parent := c.parents[s.parent-1]
			if in.shallow[from] && !in.has(parent) {
				return plumbing.ZeroHash, fmt.Errorf("%w: it begins at commit %s", ErrCut, from)
			}
			from = parent
		}
	}
	return from, nil
}

// text is the revision as people write it.
func (r revision) text() string {
	out := r.name
	for _, s := range r.way {
		if s.parent == 1 {
			out += fmt.Sprintf("~%d", s.times)
		} else {
			out += fmt.Sprintf("^%d", s.parent)
		}
	}
	return out
}

// resolve finds a ref, or a commit by the beginning of its hash.
func (l *local) resolve(name string) (want, error) {
	w, err := l.refs.resolve(name)
	if unknown := (*RefError)(nil); errors.As(err, &unknown) && isShort.MatchString(name) {
		return l.abbreviated(strings.ToLower(name), err)
	}
	if err == nil && w.full == "" && !l.has(w.hash) {
		err = &RefError{Ref: name, Reason: "there is no such commit"}
	}
	return w, err
}

// abbreviated finds the commit whose hash begins so; unknown is the error if there is none.
func (l *local) abbreviated(start string, unknown error) (w want, err error) {
	defer caught(&err)
	bytes, err := hex.DecodeString(start[:len(start)&^1])
	if err != nil {
		return want{}, err
	}
	found := map[plumbing.Hash]bool{}
	for _, b := range l.bases {
		hashes, err := b.HashesWithPrefix(bytes)
		if err != nil {
			return want{}, err
		}
		for _, h := range hashes {
			if _, kind, err := l.content(h, maxCommit); err == nil &&
				kind == plumbing.CommitObject && strings.HasPrefix(h.String(), start) {
				found[h] = true
			}
		}
	}
	if len(found) > 1 {
		return want{}, &RefError{Ref: start, Reason: "several commits begin with it"}
	}
	for h := range found {
		return want{ref: h.String(), hash: h, pinned: true}, nil
	}
	return want{}, unknown
}
