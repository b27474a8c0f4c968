package git_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/spec/source/git"
)

// history is a repository with a line of commits, a branch beside it, and tags.
//
//	c[0] ── c[1] ── c[2] ── c[3] main, tag v3 (annotated)
//	          └──── side
type history struct {
	*repo
	c    [4]string
	side string
}

func newHistory(t *testing.T) history {
	t.Helper()
	h := history{repo: newRepo(t)}
	for i := range h.c {
		h.c[i] = h.commit("a.yaml", string(rune('0'+i)))
		h.git("tag", "-a", "-m", "a tag", "v"+string(rune('0'+i)))
	}
	h.git("checkout", "-q", "-b", "side", h.c[1])
	h.side = h.commit("a.yaml", "side")
	h.git("checkout", "-q", "main")
	return h
}

// TestRewrite: a commit that does not descend from the applied one is not applied, unless the
// user says so, or named that very commit or tag and it is an ancestor.
func TestRewrite(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	gone := strings.Repeat("12", 20)
	web := serve(t, h.repo)
	tests := []struct {
		name, applied, ref string
		head               string // named in the error, "" if it is allowed
	}{
		{"nothing applied", "", "main", ""},
		{"the same", h.c[3], "main", ""},
		{"forward", h.c[1], "main", ""},
		{"forward from the first", h.c[0], "main", ""},
		{"branch beside", h.side, "main", h.c[3]},
		{"to a branch beside", h.c[3], "side", h.side},
		{"applied commit is gone", gone, "main", h.c[3]},
		{"commit: back", h.c[3], h.c[1], ""},
		{"commit: forward", h.c[0], h.c[2], ""},
		{"commit: beside", h.c[2], h.side, h.side},
		{"commit: applied commit is gone", gone, h.c[1], h.c[1]},
		{"tag: back", h.c[3], "v1", ""},
		{"tag: back by its full name", h.c[3], "refs/tags/v1", ""},
		{"tag: beside", h.side, "v3", h.c[3]},
		{"range: forward", h.c[1], ">=1", ""},
		{"range: back", h.c[3], "<=2", h.c[2]},
	}
	for _, tt := range tests {
		for _, url := range []string{h.dir, web.url} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				o := git.Options{URL: url, Ref: tt.ref, Applied: at(tt.applied)}
				got, err := source(t, o).Fetch(t.Context())
				if tt.head == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				wantError(t, got, err, tt.applied, tt.head, "--allow-rewrite")
				if !isRewrite(err) {
					t.Errorf("the error is %T, so a daemon would try for ever", err)
				}
				o.AllowRewrite = true
				fetch(t, source(t, o))
			})
		}
	}
}

// TestForcePush: a branch that is rewritten or set back under a running daemon is refused each
// time, and taken when it is repaired.
func TestForcePush(t *testing.T) {
	t.Parallel()
	for _, remote := range []bool{false, true} {
		h := newHistory(t)
		url := h.dir
		if remote {
			url = serve(t, h.repo).url
		}
		var applied string
		src := source(t, git.Options{URL: url,
			Applied: func(ctx contextT) (string, error) { return applied, nil }})
		applied = fetch(t, src).Revision.ID
		for name, to := range map[string]string{"back": h.c[2], "beside": h.side} {
			h.git("reset", "-q", "--hard", to)
			for range 2 {
				got, err := src.Fetch(t.Context())
				wantError(t, got, err, applied, to)
				if !isRewrite(err) {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
		h.git("reset", "-q", "--hard", h.c[3])
		later := h.commit("a.yaml", "later")
		if got := fetch(t, src).Revision.ID; got != later {
			t.Errorf("read %s, want %s", got, later)
		}
	}
}

// TestLostCache: without the cache the question whether a commit descends is still answered.
func TestLostCache(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	s := serve(t, h.repo)
	for _, applied := range []string{h.c[0], h.c[3]} {
		fetch(t, source(t, git.Options{URL: s.url, Applied: at(applied)}))
	}
	if n := s.packs.Load(); n != 2 {
		t.Errorf("%d packs, want one each", n)
	}
}

// TestMerge: a merge of a branch that began before the applied commit is forward.
func TestMerge(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	s := serve(t, h.repo)
	applied := ""
	src := source(t, git.Options{URL: s.url,
		Applied: func(contextT) (string, error) { return applied, nil }})
	applied = fetch(t, src).Revision.ID
	h.git("merge", "-q", "-s", "ours", "-m", "merge", "side")
	wantFiles(t, fetch(t, src), map[string]string{"a.yaml": "3"})
}

// TestPacksDoNotPileUp: a daemon that runs for years does not fill the disk, and the commit it
// applied last is still known afterwards.
func TestPacksDoNotPileUp(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "0")
	s := serve(t, r)
	cache := filepath.Join(t.TempDir(), "cache")
	applied := ""
	src := source(t, git.Options{URL: s.url, Cache: cache,
		Applied: func(contextT) (string, error) { return applied, nil }})
	most := 0
	for range 24 {
		id := r.commit("a.yaml", r.git("rev-parse", "HEAD"))
		if applied = fetch(t, src).Revision.ID; applied != id {
			t.Fatalf("read %s, want %s", applied, id)
		}
		most = max(most, len(cacheFiles(t, cache, func(f string) bool {
			return strings.HasSuffix(f,
				".pack")
		})))
	}
	if most > 20 {
		t.Errorf("%d packs in the cache", most)
	}
}

// TestAppliedFails: without the store nothing is known about the last commit, so nothing is done.
func TestAppliedFails(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1")
	failed := errors.New("the store is locked")
	src := source(t, git.Options{URL: r.dir, Applied: func(contextT) (string, error) {
		return "",
			failed
	}})
	got, err := src.Fetch(t.Context())
	wantError(t, got, err, "the commit that was applied last")
	if !errors.Is(err, failed) {
		t.Errorf("%v hides its cause", err)
	}
	got, err = source(t, git.Options{URL: r.dir, Applied: at("dir:1234")}).Fetch(t.Context())
	wantError(t, got, err, `"dir:1234": it is no commit`)
}

// TestShallowRepository: a repository whose history is cut off cannot show that a commit
// descends, and says so instead of guessing.
func TestShallowRepository(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	dir := filepath.Join(t.TempDir(), "shallow")
	h.git("clone", "-q", "--depth=1", "file://"+h.dir, dir)
	fetch(t, source(t, git.Options{URL: dir}))
	got, err := source(t, git.Options{URL: dir, Applied: at(h.c[1])}).Fetch(t.Context())
	wantError(t, got, err, "git fetch --unshallow")
	s := serve(t, &repo{t: t, dir: dir})
	fetch(t, source(t, git.Options{URL: s.url}))
	got, err = source(t, git.Options{URL: s.url, Applied: at(h.c[1])}).Fetch(t.Context())
	wantError(t, got, err, "has no complete history")
}
