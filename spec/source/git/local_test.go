package git_test

import (
	"os"
	"path/filepath"
	"testing"

	"reconciler/spec/source/git"
)

// TestKindsOfRepositories: whatever git can read here is read completely, or refused clearly.
func TestKindsOfRepositories(t *testing.T) {
	t.Parallel()
	r, want := sample(t)
	base := t.TempDir()
	dir := func(name string) string { return filepath.Join(base, name) }
	r.git("clone", "-q", "--bare", ".", dir("bare"))
	r.git("clone", "-q", "--shared", ".", dir("shared"))
	r.git("clone", "-q", "--shared", dir("shared"), dir("shared twice"))
	r.git("clone", "-q", "--reference", ".", "file://"+r.dir, dir("reference"))
	r.git("worktree", "add", "-q", "-b", "linked", dir("linked"))
	r.git("clone", "-q", "--separate-git-dir", dir("elsewhere"), ".", dir("separate"))
	packed := &repo{t: t, dir: dir("packed")}
	r.git("clone", "-q", ".", packed.dir)
	packed.git("gc", "-q", "--prune=now")
	odd := &repo{t: t, dir: dir("odd packs")}
	r.git("clone", "-q", ".", odd.dir)
	odd.git("repack", "-adq")
	renamePacks(t, filepath.Join(odd.dir, ".git", "objects", "pack"))
	config := &repo{t: t, dir: dir("worktree config")}
	r.git("clone", "-q", ".", config.dir)
	config.git("config", "core.repositoryformatversion", "1")
	config.git("config", "extensions.worktreeConfig", "true")
	if err := os.Symlink(r.dir, dir("link")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bare", "shared", "shared twice", "reference", "linked", "separate",
		"packed", "odd packs", "worktree config", "link"} {
		t.Run(name, func(t *testing.T) {
			got := fetch(t, source(t, git.Options{URL: dir(name)}))
			wantFiles(t, got, want)
			if name == "linked" && got.Revision.Ref != "linked" {
				t.Errorf("the linked working tree is on %q, want its own branch", got.Revision.Ref)
			}
		})
	}
}

// renamePacks gives packs names that git reads and go-git does not.
func renamePacks(t *testing.T, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "pack-*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if err := os.Rename(f, filepath.Join(dir, "backup"+filepath.Ext(f))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUncommittedChanges: a tree is what was committed, not what somebody is editing.
func TestUncommittedChanges(t *testing.T) {
	t.Parallel()
	r, want := sample(t)
	for _, name := range []string{"a.yaml", "new.yaml"} {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte("draft"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r.git("add", "new.yaml")
	wantFiles(t, fetch(t, source(t, git.Options{URL: r.dir})), want)
}

// TestNoRepository: what cannot be read says why, in words that lead on.
func TestNoRepository(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	dir := func(name string) string { return filepath.Join(base, name) }
	if err := os.Mkdir(dir("plain"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir("file"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	sub, _ := sample(t)
	sha256 := newRepo(t, "--object-format=sha256")
	sha256.commit("a.yaml", "1")
	reftable := newRepo(t)
	reftable.commit("a.yaml", "1")
	reftable.git("config", "core.repositoryformatversion", "1")
	reftable.git("config", "extensions.refStorage", "reftable")
	future := newRepo(t)
	future.commit("a.yaml", "1")
	future.git("config", "core.repositoryformatversion", "7")
	lost := newRepo(t)
	lost.commit("a.yaml", "1")
	shared := &repo{t: t, dir: dir("shared")}
	lost.git("clone", "-q", "--shared", ".", shared.dir)
	if err := os.RemoveAll(filepath.Join(lost.dir, ".git", "objects")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		dir("plain"):                    "it is no git repository",
		dir("none"):                     "no such file or directory",
		dir("file"):                     "not a directory",
		filepath.Join(sub.dir, "sub"):   "it is no git repository", // a folder is Options.Path
		sha256.dir:                      "it is a SHA-256 repository",
		reftable.dir:                    `the extension "refStorage", which is not supported`,
		future.dir:                      `the repository format "7"`,
		shared.dir:                      "object not found",
		"file://" + dir("none"):         "no such file or directory",
		"git@" + dir("none") + "/x/y:z": "no such file or directory", // a path with an @
	} {
		got, err := source(t, git.Options{URL: name}).Fetch(t.Context())
		if err == nil {
			t.Errorf("%s: read %v", name, contents(t, got.Files))
			continue
		}
		wantError(t, got, err, text)
	}
	got, err := source(t, git.Options{URL: serve(t, sha256).url}).Fetch(t.Context())
	wantError(t, got, err, "it is a SHA-256 repository")
}

// TestPermission: a part that may not be read is not left out.
func TestPermission(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		// Root reads everything; a directory in the place of the object fails alike.
		r, _ := sample(t)
		object := r.object("HEAD:sub")
		if err := os.Remove(object); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(object, 0o755); err != nil {
			t.Fatal(err)
		}
		got, err := source(t, git.Options{URL: r.dir}).Fetch(t.Context())
		wantError(t, got, err, `cannot read "sub"`)
		return
	}
	r, _ := sample(t)
	if err := os.Chmod(r.object("HEAD:sub"), 0); err != nil {
		t.Fatal(err)
	}
	got, err := source(t, git.Options{URL: r.dir}).Fetch(t.Context())
	wantError(t, got, err, `cannot read "sub"`, "permission denied")
}
