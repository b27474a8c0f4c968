package git_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/spec/source/git"
)

// TestAt: the tree is read as it was, whichever way its commit is named, here and over the network.
func TestAt(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.git("merge", "-q", "-s", "ours", "-m", "merge", "side")
	merge := h.git("rev-parse", "HEAD")
	h.git("update-ref", "refs/remotes/origin/topic", h.c[2])
	tests := []struct {
		rev, want string
		local     bool // only a repository of this machine knows it
	}{
		{rev: "", want: merge}, {rev: "HEAD", want: merge}, {rev: "main", want: merge},
		{rev: h.c[1], want: h.c[1]}, {rev: strings.ToUpper(h.c[1]), want: h.c[1]},
		{rev: "v0", want: h.c[0]}, {rev: "refs/tags/v2", want: h.c[2]}, {rev: "<=1", want: h.c[1]},
		{rev: "HEAD~1", want: h.c[3]}, {rev: "HEAD^", want: h.c[3]}, {rev: "HEAD^2", want: h.side},
		{rev: "main~4", want: h.c[0]}, {rev: "HEAD^2~1", want: h.c[1]}, {rev: "v3^^", want: h.c[1]},
		{rev: "v3^0", want: h.c[3]}, {rev: h.c[3] + "~3", want: h.c[0]}, {rev: "~1", want: h.c[1]},
		{rev: "origin/topic", want: h.c[2], local: true},
		{rev: "origin/topic~1", want: h.c[1], local: true},
		{rev: h.c[2][:7], want: h.c[2], local: true},
		{rev: h.c[2][:12] + "^", want: h.c[1], local: true},
	}
	web := serve(t, h.repo)
	for _, url := range []string{h.dir, web.url} {
		// One cache for all, which begins with the last commit alone.
		s := source(t, git.Options{URL: url, Ref: "main"})
		fetch(t, s)
		for _, tt := range tests {
			if tt.local && url != h.dir {
				continue
			}
			got, err := s.At(t.Context(), tt.rev)
			if err != nil {
				t.Errorf("%q: %v", tt.rev, err)
				continue
			}
			if got.Revision.ID != tt.want || got.Revision.Author == "" || got.Revision.Time.IsZero() {
				t.Errorf("%q: read %+v, want %s", tt.rev, got.Revision, tt.want)
			}
			wantFiles(t, got, map[string]string{"a.yaml": h.git("show", tt.want+":a.yaml")})
		}
	}
}

// TestAtRefuses: what a revision does not name is an error that says so.
func TestAtRefuses(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	web := serve(t, h.repo)
	tests := map[string]string{
		"maim": `did you mean "main"`, "main~9": "has 0 parents", "main^2": "has 1 parents",
		strings.Repeat("1", 40): "no such commit", "abcdef01": "no branch or tag",
		"HEAD^{tree}": "cannot find ref", "HEAD:a.yaml": "cannot find ref", "@{1}": "cannot find ref",
		"main..side": "cannot find ref", "../../etc": "cannot find ref", "~": "cannot find ref",
	}
	for rev, want := range tests {
		for _, url := range []string{h.dir, web.url} {
			got, err := source(t, git.Options{URL: url}).At(t.Context(), rev)
			wantError(t, got, err, want)
			if unknown := (*git.RefError)(nil); !errors.As(err, &unknown) {
				t.Errorf("%q: the error is %T", rev, err)
			}
		}
	}
	got, err := source(t, git.Options{URL: h.dir, Path: "nowhere"}).At(t.Context(), h.c[0])
	wantError(t, got, err, `no "nowhere"`)
	if !errors.Is(err, git.ErrNoFolder) {
		t.Errorf("a folder that was not there yet is %v", err)
	}
}

// TestAtIsAsStrictAsFetch: a tree of the past that cannot be read completely is not read at all.
func TestAtIsAsStrictAsFetch(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "1", "b.yaml", "2")
	if err := os.Symlink("/etc/passwd", filepath.Join(r.dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	r.commit()
	r.git("rm", "-q", "link.yaml")
	r.commit("a.yaml", "3")
	s := source(t, git.Options{URL: r.dir})
	fetch(t, s)
	got, err := s.At(t.Context(), "HEAD~1")
	wantError(t, got, err, "link.yaml", "leads out of the tree")
	if err := os.Remove(r.object("HEAD~2:a.yaml")); err != nil {
		t.Fatal(err)
	}
	got, err = s.At(t.Context(), "HEAD~2")
	wantError(t, got, err, "a.yaml", "git fsck")
}

// TestAtNeedsNoSignature: to compare with an old version it need not be signed; whose signature it
// carries is told.
func TestAtNeedsNoSignature(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	ann := seal{"ann"}
	first := r.plain("1")
	second := r.signed(ann, "2", first)
	s := source(t, git.Options{URL: r.dir, Verify: git.VerifyHead, Keys: ann})
	for rev, want := range map[string]string{second: "ann", first: "", second + "~1": ""} {
		got, err := s.At(t.Context(), rev)
		if err != nil || got.Revision.Signer != want {
			t.Errorf("%s: signed by %q (%v), want %q", rev, got.Revision.Signer, err, want)
		}
	}
}

// TestKnownCommitsNeedNoServer: what is in the cache can be read while the server is away.
func TestKnownCommitsNeedNoServer(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	web := serve(t, h.repo)
	s := source(t, git.Options{URL: web.url})
	for range 2 {
		if _, err := s.At(t.Context(), h.c[3]); err != nil {
			t.Fatal(err)
		}
	}
	if n := web.lists.Load(); n != 1 {
		t.Errorf("the server was asked %d times", n)
	}
}

// TestMergeBase: the commit from which a change began is found, from here and over the network.
func TestMergeBase(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.git("checkout", "-q", "--orphan", "other")
	h.commit("a.yaml", "other")
	h.git("checkout", "-q", "main")
	for _, url := range []string{h.dir, serve(t, h.repo).url} {
		s := source(t, git.Options{URL: url})
		fetch(t, s)
		for _, tt := range [][3]string{
			{"HEAD", "side", h.c[1]}, {"side", "main", h.c[1]}, {"v2", "main", h.c[2]},
			{"main", "main", h.c[3]}, {"main~3", "side", h.c[0]}, {h.c[2], h.side, h.c[1]},
		} {
			if got, err := s.MergeBase(t.Context(), tt[0], tt[1]); err != nil || got != tt[2] {
				t.Errorf("base of %s and %s: %q (%v), want %q", tt[0], tt[1], got, err, tt[2])
			}
		}
		if got, err := s.MergeBase(t.Context(), "main", "other"); !errors.Is(err, git.ErrNoMergeBase) {
			t.Errorf("histories without a common commit meet at %q (%v)", got, err)
		}
	}
}

// TestShallowPast: a clone without its early history says what to do instead of guessing.
func TestShallowPast(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	dir := filepath.Join(t.TempDir(), "shallow")
	h.git("clone", "-q", "--depth=1", "--no-single-branch", "--no-tags", "file://"+h.dir, dir)
	s := source(t, git.Options{URL: dir})
	if _, err := s.MergeBase(t.Context(), "main", "origin/side"); !errors.Is(err, git.ErrCut) ||
		!strings.Contains(err.Error(), "git fetch --unshallow") {
		t.Errorf("the base is wrong or the error does not help: %v", err)
	}
	got, err := s.At(t.Context(), "main~1")
	wantError(t, got, err, "git fetch --unshallow", h.c[3])
	if !errors.Is(err, git.ErrCut) {
		t.Errorf("the error is %v", err)
	}
	web := source(t, git.Options{URL: serve(t, &repo{t: t, dir: dir}).url})
	if _, err := web.At(t.Context(), "main~1"); !errors.Is(err, git.ErrCut) {
		t.Errorf("a server without its early history: %v", err)
	}
}

// TestMergeBaseWhereAClockWasWrong: a commit whose clock was years behind is still a better base
// than one that it descends from. From the older one a review would show what has long been
// applied.
func TestMergeBaseWhereAClockWasWrong(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	tree := r.raw("100644", "a.yaml", r.blob("1"))
	commit := func(seconds int, parents ...string) string {
		text := "tree " + tree + "\n"
		for _, p := range parents {
			text += "parent " + p + "\n"
		}
		who := fmt.Sprintf("Ann <ann@example.com> %d +0000\n", seconds)
		return r.store(text + "author " + who + "committer " + who + "\nm\n")
	}
	root := commit(5000)
	late := commit(10, commit(5, root))
	a, b := commit(6000, root, late), commit(6001, root, late)
	if want := r.git("merge-base", "--all", a, b); want != late {
		t.Fatalf("for git the base is %s: the test proves nothing", want)
	}
	got, err := source(t, git.Options{URL: r.dir}).MergeBase(t.Context(), a, b)
	if err != nil || got != late {
		t.Errorf("the base is %s (%v), want %s", got, err, late)
	}
}

// TestMergeBaseIsThatOfGit: on random histories the base is one that git names too, and the latest.
func TestMergeBaseIsThatOfGit(t *testing.T) {
	t.Parallel()
	needGit(t)
	const enough = 40 // histories; git needs a dozen processes for each
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		if runs++; runs > enough {
			return
		}
		r := newRepo(t)
		defer func() { _ = os.RemoveAll(r.dir) }()
		tree := r.raw("100644", "a.yaml", r.blob("x"))
		var made []string
		for i := range rapid.IntRange(2, 9).Draw(rt, "commits") {
			args := []string{"commit-tree", tree, "-m", strings.Repeat("x", i+1)}
			for _, p := range rapid.SliceOfNDistinct(rapid.IntRange(0, max(i-1, 0)), 0, min(i, 2),
				rapid.ID[int]).Draw(rt, "parents") {
				args = append(args, "-p", made[p])
			}
			if rapid.IntRange(0, 4).Draw(rt, "clock") == 0 {
				r.clock -= 50 // some clocks are wrong
			}
			made = append(made, r.git(args...))
		}
		a := rapid.SampledFrom(made).Draw(rt, "a")
		b := rapid.SampledFrom(made).Draw(rt, "b")
		want := mergeBases(r, a, b)
		got, err := source(t, git.Options{URL: r.dir}).MergeBase(t.Context(), a, b)
		switch {
		case len(want) == 0 && !errors.Is(err, git.ErrNoMergeBase):
			rt.Fatalf("%s and %s meet at %q (%v), but not for git", a, b, got, err)
		case len(want) > 0 && !slices.Contains(want, got):
			rt.Fatalf("%s and %s meet at %q (%v), for git at %s", a, b, got, err, want)
		}
	})
}

// mergeBases asks git, which fails if there is none.
func mergeBases(r *repo, a, b string) []string {
	const name = "alias.bases=!git merge-base --all "
	return strings.Fields(r.git("-c", name+a+" "+b+" || true", "bases"))
}
