package git_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/spec/source/git"
)

// TestTwoRefsOneCache: two sources of one repository may have the same cache.
func TestTwoRefsOneCache(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "0")
	r.git("branch", "prod")
	s := serve(t, r)
	cache := filepath.Join(t.TempDir(), "cache")
	main := source(t, git.Options{URL: s.url, Cache: cache})
	prod := source(t, git.Options{URL: s.url, Cache: cache, Ref: "prod"})
	content := "0"
	for _, next := range []string{"1", "2", "3"} {
		wantFiles(t, fetch(t, prod), map[string]string{"a.yaml": content})
		r.commit("a.yaml", next)
		wantFiles(t, fetch(t, main), map[string]string{"a.yaml": next})
		wantFiles(t, fetch(t, prod), map[string]string{"a.yaml": content})
		r.git("branch", "-f", "prod")
		content = next
	}
}

// TestTwoRepositoriesOneCache: repositories do not mix in one directory.
func TestTwoRepositoriesOneCache(t *testing.T) {
	t.Parallel()
	cache := filepath.Join(t.TempDir(), "cache")
	for _, content := range []string{"1", "2"} {
		r := newRepo(t)
		r.commit("a.yaml", content)
		src := source(t, git.Options{URL: serve(t, r).url, Cache: cache})
		for range 2 {
			wantFiles(t, fetch(t, src), map[string]string{"a.yaml": content})
		}
	}
	if homes, err := os.ReadDir(cache); err != nil || len(homes) != 2 {
		t.Errorf("%v in the cache (%v), want one for each repository", homes, err)
	}
}

// TestRefusedUpdate: a server that cannot serve what is new since the last time is asked for
// everything.
func TestRefusedUpdate(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1")
	s := serve(t, r)
	src := source(t, git.Options{URL: s.url})
	fetch(t, src)
	r.commit("a.yaml", "2")
	refused := false
	s.instead(func(w http.ResponseWriter, req *http.Request) bool {
		if req.Method != http.MethodPost || refused {
			return false
		}
		refused = true
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	wantFiles(t, fetch(t, src), map[string]string{"a.yaml": "2"})
	if !refused {
		t.Error("the server refused nothing, so this tests nothing")
	}
}

// TestGarbledPack: what does not arrive as it was sent is not used, and the next run heals.
func TestGarbledPack(t *testing.T) {
	t.Parallel()
	r, want := sample(t)
	s := serve(t, r)
	src := source(t, git.Options{URL: s.url})
	for _, answer := range []string{"", "0008NAK\n", "0008NAK\n0009\x01PACK",
		"0008NAK\n000d\x03full\n",
		"0008NAK\n0011\x01PACK\x00\x00\x00\x02\x00\x00\x00\x01",
		"0031ERR upload-pack: not our ref 0123456789abcdef\n"} {
		s.instead(func(w http.ResponseWriter, req *http.Request) bool {
			if req.Method != http.MethodPost {
				return false
			}
			_, _ = w.Write([]byte(answer))
			return true
		})
		got, err := src.Fetch(t.Context())
		wantError(t, got, err, "cannot fetch from", strings.TrimPrefix(s.url, "http://"))
	}
	s.instead(nil)
	wantFiles(t, fetch(t, src), want)
}

// TestCacheCannotBeMade: without a place for the cache nothing is read.
func TestCacheCannotBeMade(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1")
	file := secretFile(t, "a file", 0o600)
	got, err := source(t, git.Options{URL: serve(t, r).url, Cache: file}).Fetch(t.Context())
	wantError(t, got, err, "cannot make the cache", "not a directory")
}

// TestTheCacheIsPrivate: what is in a repository that needs a password is not for everybody on this
// machine, also where the directory of the cache has been opened to others.
func TestTheCacheIsPrivate(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1")
	cache := t.TempDir()
	src := source(t, git.Options{URL: serve(t, r).url, Cache: cache})
	fetch(t, src)
	repositories, err := os.ReadDir(cache)
	if err != nil || len(repositories) != 1 {
		t.Fatalf("the cache has %v, %v", repositories, err)
	}
	home := filepath.Join(cache, repositories[0].Name())
	if err := os.Chmod(home, 0o755); err != nil {
		t.Fatal(err)
	}
	fetch(t, src)
	if info, err := os.Stat(home); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache is open to others: %v, %v", info.Mode(), err)
	}
}
