package git

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/go-git/go-git/v5/plumbing"
)

var (
	errSHA256 = errors.New("it is a SHA-256 repository; only SHA-1 is supported")
	errEmpty  = errors.New("it has no commits")
)

// refs is what a repository says its branches and tags are.
type refs struct {
	branch string                   // full name of what HEAD stands for; "" where it is not known
	head   plumbing.Hash            // commit of HEAD
	names  map[string]plumbing.Hash // by full name; an annotated tag is the tag itself
	peeled map[string]plumbing.Hash // what annotated tags stand for, as far as a server said it
}

// want is a reference that was resolved.
type want struct {
	ref    string        // short name, for people
	full   string        // full name; "" for a commit
	hash   plumbing.Hash // of the commit or annotated tag
	pinned bool          // whether the user named exactly this commit or tag
}

const (
	branches = "refs/heads/"
	tags     = "refs/tags/"
	remotes  = "refs/remotes/" // what a repository of this machine heard of others
)

var isCommit = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

// RefError says that a repository has no such branch, tag or commit.
type RefError struct {
	Ref     string   // what was asked for
	Reason  string   // such as: there is no branch or tag of that name
	Similar string   // what was probably meant, "" if nothing is close
	Known   []string // short names of branches and tags, at most ten
}

// Error implements error.
func (e *RefError) Error() string {
	text := fmt.Sprintf("cannot find ref %q: %s", e.Ref, e.Reason)
	if e.Similar != "" {
		return text + fmt.Sprintf("; did you mean %q?", e.Similar)
	}
	if len(e.Known) > 0 {
		return text + "; there is: " + strings.Join(e.Known, ", ")
	}
	return text
}

// resolve finds what the user asked for. In this order: "" and HEAD are HEAD; 40 hexadecimal digits
// are a commit; refs/… is exactly that; then a branch or a tag of that name, which is refused if
// both exist and differ; then the branch of another repository, such as origin/main, as it was
// seen last; then the highest version tag in a range such as ~1.2.
func (r *refs) resolve(ref string) (want, error) {
	switch {
	case ref == "", ref == "HEAD":
		return r.resolveHead()
	case isCommit.MatchString(ref):
		ref = strings.ToLower(ref)
		return want{ref: ref, hash: plumbing.NewHash(ref), pinned: true}, nil
	case strings.HasPrefix(ref, "refs/"):
		h, found := r.names[ref]
		if !found {
			return want{}, r.missing(ref, "there is no such reference")
		}
		return want{ref: short(ref), full: ref, hash: h, pinned: strings.HasPrefix(ref, tags)}, nil
	}
	branch, isBranch := r.names[branches+ref]
	tag, isTag := r.names[tags+ref]
	remote, isRemote := r.names[remotes+ref]
	switch {
	case isBranch && isTag && branch != tag:
		return want{}, &RefError{Ref: ref, Reason: fmt.Sprintf(
			"there is a branch and a tag of that name; write %q or %q", branches+ref, tags+ref)}
	case isBranch:
		return want{ref: ref, full: branches + ref, hash: branch}, nil
	case isTag:
		return want{ref: ref, full: tags + ref, hash: tag, pinned: true}, nil
	case isRemote:
		return want{ref: ref, full: remotes + ref, hash: remote}, nil
	case strings.ContainsAny(ref, "~^<>=*"):
		return r.resolveRange(ref)
	}
	return want{}, r.missing(ref, "there is no branch or tag of that name")
}

func (r *refs) resolveHead() (want, error) {
	if r.head.IsZero() {
		if len(r.names) == 0 {
			return want{}, errEmpty
		}
		return want{}, r.missing("HEAD", "HEAD stands for the branch "+short(r.branch)+
			", which does not exist")
	}
	if r.branch == "" {
		return want{ref: "HEAD", full: "HEAD", hash: r.head}, nil
	}
	return want{ref: short(r.branch), full: r.branch, hash: r.head}, nil
}

// resolveRange finds the highest version of a range. Pre-releases count only where the range
// names one.
func (r *refs) resolveRange(ref string) (want, error) {
	within, err := semver.NewConstraint(ref)
	if err != nil {
		return want{}, r.missing(ref, "it is neither a branch nor a tag nor a range of versions")
	}
	var best *semver.Version
	var found []string
	for name := range r.names {
		v, err := semver.NewVersion(strings.TrimPrefix(name, tags))
		if !strings.HasPrefix(name, tags) || err != nil || !within.Check(v) {
			continue
		}
		if best == nil || v.GreaterThan(best) {
			best, found = v, nil
		}
		if v.Equal(best) {
			found = append(found, name)
		}
	}
	if best == nil {
		return want{}, r.missing(ref, "no tag is a version in this range")
	}
	slices.Sort(found)
	for _, other := range found[1:] {
		if r.names[other] != r.names[found[0]] {
			return want{}, &RefError{Ref: ref, Reason: fmt.Sprintf(
				"the tags %q and %q are the same version but differ", short(found[0]), short(other))}
		}
	}
	return want{ref: short(found[0]), full: found[0], hash: r.names[found[0]]}, nil
}

// all lists the commits and tags that branches and tags stand for.
func (r *refs) all() []plumbing.Hash {
	out := []plumbing.Hash{}
	for name, h := range r.names {
		if strings.HasPrefix(name, branches) || strings.HasPrefix(name, tags) {
			out = append(out, h)
		}
	}
	plumbing.HashesSort(out)
	return slices.Compact(out)
}

// missing makes the error for a name that does not exist.
func (r *refs) missing(ref, reason string) *RefError {
	const shown = 10
	e := &RefError{Ref: ref, Reason: reason}
	for _, full := range slices.Sorted(maps.Keys(r.names)) {
		name := short(full)
		if strings.EqualFold(name, ref) || oneEdit(name, ref) {
			e.Similar = name
		}
		isNamed := strings.HasPrefix(full, branches) || strings.HasPrefix(full, tags)
		if isNamed && len(e.Known) < shown {
			e.Known = append(e.Known, name)
		}
	}
	return e
}

// oneEdit reports whether one letter more, less, changed, or swapped with the next makes b of a.
func oneEdit(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 || len(a) < 2 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	swapped := i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
	return i < len(a) && a[i+1:] == b[i+1:] || swapped
}

// short is the name of a reference as people say it.
func short(full string) string {
	for _, prefix := range []string{branches, tags, remotes, "refs/"} {
		if name, found := strings.CutPrefix(full, prefix); found {
			return name
		}
	}
	return full
}
