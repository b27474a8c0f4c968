package git_test

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/spec/source/git"
)

// object is the file of a loose object.
func (r *repo) object(rev string) string {
	h := r.git("rev-parse", rev)
	return filepath.Join(r.dir, ".git", "objects", h[:2], h[2:])
}

// TestMissingObject: a tree of which something is missing is never read as a smaller tree, which
// would destroy the containers of the part that is missing.
func TestMissingObject(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"HEAD:targets/host2":        `cannot read "targets/host2"`,
		"HEAD:targets/host2/x.yaml": `cannot read "targets/host2/x.yaml"`,
		"HEAD^{tree}":               `cannot read "."`,
		"HEAD":                      "cannot read commit ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			r.commit("a.yaml", "1", "targets/host1/x.yaml", "1", "targets/host2/x.yaml", "2",
				"targets/host3/x.yaml", "3")
			if err := os.Remove(r.object(name)); err != nil {
				t.Fatal(err)
			}
			got, err := source(t, git.Options{URL: r.dir}).Fetch(t.Context())
			wantError(t, got, err, text, "object not found", "git repack -ad")
			got, err = source(t, git.Options{URL: serve(t, r).url}).Fetch(t.Context())
			wantError(t, got, err, "cannot fetch from")
		})
	}
}

// TestMissingLink: a link that cannot be read may have stood for a file of the tree.
func TestMissingLink(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"HEAD:link.yaml", "HEAD:sub"} {
		r := newRepo(t)
		r.commit("a.yaml", "1", "sub/b.yaml", "2")
		if err := os.Symlink("sub/b.yaml", filepath.Join(r.dir, "link.yaml")); err != nil {
			t.Fatal(err)
		}
		r.git("add", "-A")
		r.git("commit", "-q", "-m", "link")
		if err := os.Remove(r.object(name)); err != nil {
			t.Fatal(err)
		}
		got, err := source(t, git.Options{URL: r.dir}).Fetch(t.Context())
		wantError(t, got, err, "object not found", "git repack -ad")
	}
}

// TestUnneededObjectMissing: what is no part of the tree is not read, so it may be missing.
func TestUnneededObjectMissing(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("in/a.yaml", "1", "in/picture.png", "p", "out/b.yaml", "2", ".ci/c.yaml", "3")
	for _, name := range []string{"HEAD:in/picture.png", "HEAD:out", "HEAD:.ci"} {
		if err := os.Remove(r.object(name)); err != nil {
			t.Fatal(err)
		}
	}
	wantFiles(t, fetch(t, source(t, git.Options{URL: r.dir, Path: "in"})),
		map[string]string{"a.yaml": "1"})
}

// TestSwappedObject: an object with another content than its name says is not believed.
func TestSwappedObject(t *testing.T) {
	t.Parallel()
	for _, of := range []string{":a.yaml", ":sub"} {
		r := newRepo(t)
		r.commit("a.yaml", "1", "sub/x.yaml", "1")
		good := r.object("HEAD" + of)
		r.commit("a.yaml", "2", "sub/x.yaml", "2")
		evil, err := os.ReadFile(r.object("HEAD" + of))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(good); err != nil { // git makes objects read-only
			t.Fatal(err)
		}
		if err := os.WriteFile(good, evil, 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := source(t, git.Options{URL: r.dir, Ref: r.git("rev-parse",
			"HEAD^")}).Fetch(t.Context())
		wantError(t, got, err, of[1:], "its content is not what its name says")
	}
}

// TestMaintenance: a repository after git's own maintenance, which writes packs that go-git does
// not look for, is read completely, here and through a server.
func TestMaintenance(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	want := map[string]string{}
	for _, host := range []string{"h1", "h2", "h3", "h4"} {
		for _, name := range []string{"x.yaml", "y.yaml", "z.yaml"} {
			file := "targets/" + host + "/" + name
			r.commit(file, host+name)
			want[file] = host + name
		}
	}
	r.git("maintenance", "run", "--task=loose-objects")
	r.git("maintenance", "run", "--task=loose-objects") // removes what the first run has packed
	packs, err := filepath.Glob(filepath.Join(r.dir, ".git", "objects", "pack", "loose-*.pack"))
	if err != nil || len(packs) == 0 {
		t.Fatalf("git made no loose-*.pack, so this tests nothing: %v %v", packs, err)
	}
	s := serve(t, r)
	urls := []string{r.dir, s.url}
	for _, url := range urls {
		wantFiles(t, fetch(t, source(t, git.Options{URL: url})), want)
	}
	r.commit("later.yaml", "later")
	want["later.yaml"] = "later"
	for _, url := range urls {
		wantFiles(t, fetch(t, source(t, git.Options{URL: url})), want)
	}
	// Without such a pack the rest is not taken for the whole.
	for _, pack := range packs {
		if err := os.Remove(pack); err != nil {
			t.Fatal(err)
		}
	}
	got, err := source(t, git.Options{URL: r.dir}).Fetch(t.Context())
	wantError(t, got, err, "object not found")
}

// cacheFiles lists the files of a cache below the directory of its one repository.
func cacheFiles(t *testing.T, cache string, match func(name string) bool) (out []string) {
	t.Helper()
	err := filepath.WalkDir(cache, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && match(name) {
			out = append(out, name)
		}
		return err
	})
	if err != nil || len(out) == 0 {
		t.Fatalf("nothing to damage in %s: %v", cache, err)
	}
	return out
}

// damages are things that happen to files.
func damages() map[string]func(t *testing.T, cache string) {
	ends := func(end string) func(string) bool {
		return func(name string) bool { return strings.HasSuffix(name, end) }
	}
	return map[string]func(t *testing.T, cache string){
		"no pack": func(t *testing.T, cache string) {
			each(t, cacheFiles(t, cache, ends(".pack")), os.Remove)
		},
		"no index": func(t *testing.T, cache string) {
			each(t, cacheFiles(t, cache, ends(".idx")), os.Remove)
		},
		"cut pack": func(t *testing.T, cache string) {
			each(t, cacheFiles(t, cache, ends(".pack")), cut)
		},
		"cut index": func(t *testing.T, cache string) {
			each(t, cacheFiles(t, cache, ends(".idx")), cut)
		},
		"empty pack": func(t *testing.T, cache string) {
			each(t, cacheFiles(t, cache, ends(".pack")), func(f string) error { return garbage(f, "") })
		},
		"garbage in the pack": func(t *testing.T, cache string) {
			each(t, cacheFiles(t, cache, ends(".pack")), flip)
		},
		"garbage in the index": func(t *testing.T, cache string) {
			each(t, cacheFiles(t, cache, ends(".idx")), flip)
		},
		"garbage everywhere": func(t *testing.T, cache string) {
			all := cacheFiles(t, cache, func(string) bool { return true })
			each(t, all, func(f string) error { return garbage(f, "garbage") })
		},
		"no references": func(t *testing.T, cache string) {
			each(t, cacheFiles(t, cache, ends("/tip")), os.Remove)
			each(t, cacheFiles(t, cache, ends(".pack")), os.Remove)
		},
	}
}

// TestDamagedCache: whatever happens to a cache, the next run reads the right files and says once
// that the cache was damaged.
func TestDamagedCache(t *testing.T) {
	t.Parallel()
	for name, damage := range damages() {
		for _, later := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r, want := sample(t)
				var log bytes.Buffer
				cache := filepath.Join(t.TempDir(), "cache")
				src := source(t, git.Options{URL: serve(t, r).url, Cache: cache,
					Log: slog.New(slog.NewTextHandler(&log, nil))})
				wantFiles(t, fetch(t, src), want)
				damage(t, cache)
				if later {
					want["later.yaml"] = "1"
					r.commit("later.yaml", "1")
				}
				for range 2 {
					wantFiles(t, fetch(t, src), want)
				}
				if n := strings.Count(log.String(), "damaged"); n != 1 {
					t.Errorf("%d warnings, want 1: %s", n, log.String())
				}
			})
		}
	}
}

func each(t *testing.T, files []string, do func(string) error) {
	t.Helper()
	for _, f := range files {
		_ = os.Chmod(f, 0o600) // packs are read-only
		if err := do(f); err != nil {
			t.Fatal(err)
		}
	}
}

func cut(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	return os.Truncate(file, info.Size()/2)
}

func garbage(file, text string) error { return os.WriteFile(file, []byte(text), 0o600) }

// flip inverts all bytes of a file but the first 40.
func flip(file string) error {
	data, err := os.ReadFile(file)
	for i := range data {
		if i >= 40 {
			data[i] ^= 0xff
		}
	}
	if err != nil {
		return err
	}
	return os.WriteFile(file, data, 0o600)
}

// TestLeftovers: what a killed run left in a cache does not stay, nor does it disturb.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	r, want := sample(t)
	cache := filepath.Join(t.TempDir(), "cache")
	src := source(t, git.Options{URL: serve(t, r).url, Cache: cache})
	fetch(t, src)
	homes, err := filepath.Glob(filepath.Join(cache, "*"))
	if err != nil || len(homes) != 1 {
		t.Fatal(homes, err)
	}
	repos, err := filepath.Glob(filepath.Join(homes[0], "repo-*"))
	if err != nil || len(repos) != 1 {
		t.Fatal(repos, err)
	}
	left := []string{filepath.Join(homes[0], "repo-killed", "objects", "pack", "x"),
		filepath.Join(homes[0], "odd"), filepath.Join(repos[0], "objects", "pack", "tmp_pack_1"),
		filepath.Join(repos[0], "objects", "pack", "tmp_incoming_1")}
	for _, f := range left {
		if err := os.MkdirAll(filepath.Dir(f), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := garbage(f, "half"); err != nil {
			t.Fatal(err)
		}
	}
	wantFiles(t, fetch(t, src), want)
	for _, f := range left {
		if _, err := os.Lstat(f); !os.IsNotExist(err) {
			t.Errorf("%s is still there", f)
		}
	}
	// The link may be broken too.
	link := filepath.Join(homes[0], "current")
	for _, to := range []string{"repo-gone", "/etc", "../.."} {
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
		wantFiles(t, fetch(t, src), want)
	}
	if info, err := os.Stat(cache); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the cache has mode %v, want 0700 (%v)", info.Mode(), err)
	}
}
