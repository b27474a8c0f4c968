package git_test

import (
	"path/filepath"
	"testing"
	"time"

	"reconciler/spec"
	"reconciler/spec/source/git"
)

// sample is a repository with everything that belongs to a tree and what does not.
func sample(t *testing.T) (*repo, map[string]string) {
	t.Helper()
	r := newRepo(t)
	r.commit("a.yaml", "a: 1", "sub/deep/b.yml", "b: 2", "README.md", "no", ".hidden.yaml", "no",
		".ci/x.yaml", "no", "secrets.yaml.age", "sealed", "x.age", "no", "empty.yaml", "")
	return r, map[string]string{"a.yaml": "a: 1", "sub/deep/b.yml": "b: 2", "empty.yaml": "",
		"secrets.yaml.age": "sealed"}
}

// TestFetch: the tree of a commit is read completely, with whose it is, wherever it is kept.
func TestFetch(t *testing.T) {
	t.Parallel()
	r, want := sample(t)
	id := r.git("rev-parse", "HEAD")
	s := serve(t, r)
	for _, url := range []string{r.dir, "file://" + r.dir, filepath.Join(r.dir, ".git"), s.url} {
		t.Run(url, func(t *testing.T) {
			src := source(t, git.Options{URL: url})
			for range 2 { // the second time out of the cache
				got := fetch(t, src)
				wantFiles(t, got, want)
				rev := got.Revision
				if rev.ID != id || rev.Ref != "main" || rev.Author != "Ann <ann@example.com>" ||
					rev.Subject != "a change" || rev.Signer != "" {
					t.Errorf("revision %+v", rev)
				}
				age := rev.Time.Unix() - 1_700_000_000
				if age < 0 || age > 100 || rev.Time.Location() != time.UTC {
					t.Errorf("time %s", rev.Time)
				}
			}
		})
	}
	if n := s.packs.Load(); n != 1 {
		t.Errorf("%d packs were fetched for one commit, want 1", n)
	}
}

// TestFetchOfALaterCommit: what was added, changed and removed arrives, by one small pack each.
func TestFetchOfALaterCommit(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	s := serve(t, r)
	r.commit("a.yaml", "1", "b.yaml", "1")
	src := source(t, git.Options{URL: s.url})
	wantFiles(t, fetch(t, src), map[string]string{"a.yaml": "1", "b.yaml": "1"})
	r.git("rm", "-q", "b.yaml")
	r.commit("a.yaml", "2", "sub/c.yaml", "1")
	wantFiles(t, fetch(t, src), map[string]string{"a.yaml": "2", "sub/c.yaml": "1"})
	r.commit("a.yaml", "3")
	wantFiles(t, fetch(t, src), map[string]string{"a.yaml": "3", "sub/c.yaml": "1"})
	if n := s.packs.Load(); n != 3 {
		t.Errorf("%d packs were fetched for three commits", n)
	}
}

// TestPath: only the folder that was asked for is the tree.
func TestPath(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1", "fleet/eu/b.yaml", "2", "fleet/eu/sub/c.yaml", "3", "fleet/us/d.yaml", "4")
	wantFiles(t, fetch(t, source(t, git.Options{URL: r.dir, Path: "fleet/eu"})),
		map[string]string{"b.yaml": "2", "sub/c.yaml": "3"})
	for path, text := range map[string]string{
		"fleet/asia":          `cannot find folder "fleet/asia": the commit has no "fleet/asia"`,
		"none/eu":             `the commit has no "none"`,
		"a.yaml":              `"a.yaml" is a file`,
		"fleet/eu/b.yaml/sub": `"fleet/eu/b.yaml" is a file`,
	} {
		got, err := source(t, git.Options{URL: r.dir, Path: path}).Fetch(t.Context())
		wantError(t, got, err, text)
	}
}

// TestNothingIsFetchedTwice: the daemon asks every minute, and a repository that has not changed
// must not be sent to it again. An annotated tag stands for its commit.
func TestNothingIsFetchedTwice(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1")
	r.git("tag", "-a", "-m", "one", "v1")
	s := serve(t, r)
	for _, ref := range []string{"", "v1"} {
		src := source(t, git.Options{URL: s.url, Ref: ref})
		first := fetch(t, src)
		packs := s.packs.Load()
		if again := fetch(t, src); again.Revision.ID != first.Revision.ID || s.packs.Load() != packs {
			t.Errorf("ref %q: what did not change was fetched again", ref)
		}
	}
	src := source(t, git.Options{URL: s.url})
	fetch(t, src)
	packs := s.packs.Load()
	r.commit("a.yaml", "2")
	wantFiles(t, fetch(t, src), map[string]string{"a.yaml": "2"})
	if s.packs.Load() != packs+1 {
		t.Errorf("%d packs were fetched for one commit", s.packs.Load()-packs)
	}
}

// TestRevisionIsTheCommit: an older commit is read when it is named.
func TestRevisionIsTheCommit(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	first := r.commit("a.yaml", "1")
	r.commit("a.yaml", "2")
	var got spec.Snapshot = fetch(t, source(t, git.Options{URL: r.dir, Ref: first}))
	wantFiles(t, got, map[string]string{"a.yaml": "1"})
	if got.Revision.ID != first || got.Revision.Ref != first {
		t.Errorf("revision %+v, want %s", got.Revision, first)
	}
}
