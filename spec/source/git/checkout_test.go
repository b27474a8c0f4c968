package git_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/spec/source/git"
)

// TestCheckout: from any directory of a working tree, the repository, its commit and the place of
// the directory in it are found.
func TestCheckout(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	head := r.commit("a.yaml", "1", "hosts/berlin/b.yaml", "2")
	base := filepath.Dir(r.dir)
	linked := filepath.Join(base, "linked")
	r.git("worktree", "add", "-q", "-b", "topic", linked)
	other := (&repo{t: t, dir: linked, clock: r.clock}).commit("hosts/berlin/b.yaml", "3")
	detached := filepath.Join(base, "detached")
	r.git("worktree", "add", "-q", "--detach", detached)
	link := filepath.Join(base, "link")
	if err := os.Symlink(filepath.Join(r.dir, "hosts"), link); err != nil {
		t.Fatal(err)
	}
	// Like git, an empty .git on the way does not count.
	if err := os.Mkdir(filepath.Join(r.dir, "hosts", ".git"), 0o755); err != nil {
		t.Fatal(err)
	}
	below := git.Work{Root: r.dir, Path: "hosts/berlin", Head: head, Branch: "main"}
	topic := git.Work{Root: linked, Path: "hosts", Head: other, Branch: "topic"}
	tests := map[string]struct {
		dir  string
		want git.Work
	}{
		"top":             {r.dir, git.Work{Root: r.dir, Head: head, Branch: "main"}},
		"below":           {filepath.Join(r.dir, "hosts", "berlin"), below},
		"through a link":  {filepath.Join(link, "berlin"), below},
		"linked worktree": {filepath.Join(linked, "hosts"), topic},
		"detached":        {detached, git.Work{Root: detached, Head: head}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := git.Checkout(tt.dir)
			if err != nil || got != tt.want {
				t.Fatalf("found %+v (%v), want %+v", got, err, tt.want)
			}
			s := source(t, git.Options{URL: got.Root, Path: got.Path})
			read, err := s.At(t.Context(), "HEAD")
			if err != nil || read.Revision.ID != tt.want.Head {
				t.Errorf("HEAD is read as %s (%v), want %s", read.Revision.ID, err, tt.want.Head)
			}
		})
	}
}

// TestCheckoutRefuses: no repository, none that can be read, and no directory are told apart.
func TestCheckoutRefuses(t *testing.T) {
	t.Parallel()
	plain := t.TempDir()
	if _, err := git.Checkout(plain); !errors.Is(err, git.ErrNoRepository) {
		t.Errorf("a directory without repository: %v", err)
	}
	if _, err := git.Checkout(filepath.Join(plain, "gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	empty := newRepo(t)
	if _, err := git.Checkout(empty.dir); err == nil || !strings.Contains(err.Error(), "no commits") {
		t.Errorf("a repository without commits: %v", err)
	}
	damaged := newRepo(t)
	damaged.commit("a.yaml", "1")
	if err := os.Remove(damaged.object("HEAD")); err != nil {
		t.Fatal(err)
	}
	got, err := git.Checkout(damaged.dir)
	if err == nil || !strings.Contains(err.Error(), "git fsck") || got != (git.Work{}) {
		t.Errorf("a repository without its last commit: %+v, %v", got, err)
	}
	future := newRepo(t)
	future.commit("a.yaml", "1")
	future.git("config", "core.repositoryformatversion", "7")
	if _, err := git.Checkout(future.dir); err == nil || !strings.Contains(err.Error(), `"7"`) {
		t.Errorf("a repository of an unknown format: %v", err)
	}
}
