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

// blame asks who changed lines and demands an answer.
func blame(t *testing.T, s *git.Source, q git.Lines) []git.Change {
	t.Helper()
	out, err := s.Blame(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// wantCommits compares the commits of changes.
func wantCommits(t *testing.T, got []git.Change, want ...string) {
	t.Helper()
	var commits []string
	for _, c := range got {
		commits = append(commits, c.Commit)
	}
	if !slices.Equal(commits, want) {
		t.Errorf("the lines are of\n%q, want\n%q", commits, want)
	}
}

// TestBlame: each line is said to be of the commit that last changed it, with its author, time and
// subject, from a repository of this machine and over the network.
func TestBlame(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	first := r.commit("hosts/a.yaml", "one\ntwo\nthree\n", "b.yaml", "x\n")
	second := r.commit("hosts/a.yaml", "zero\none\n2\nthree\n")
	third := r.commit("b.yaml", "y\n")
	for _, url := range []string{r.dir, serve(t, r).url} {
		s := source(t, git.Options{URL: url, Path: "hosts"})
		fetch(t, s) // of a remote one this brings the last commit alone
		got := blame(t, s, git.Lines{Commit: third, File: "a.yaml", Lines: []int{1, 2, 3, 4, 0}})
		wantCommits(t, got, second, first, second, first, second)
		c := got[0]
		if c.Author != "Ann <ann@example.com>" || c.Subject != "a change" || c.Cut ||
			c.Time.Unix() == 0 || !errors.Is(c.Doubt, git.ErrUnsigned) {
			t.Errorf("the change is %+v", c)
		}
		wantCommits(t, blame(t, s, git.Lines{Commit: first, File: "a.yaml", Lines: []int{2}}), first)
	}
}

// TestBlameOfAWorkingTree: a line that was changed and not committed is not put down to anybody
// else, whatever the line ends of the checkout.
func TestBlameOfAWorkingTree(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	first := r.commit("a.yaml", "one\ntwo\nthree\n")
	s := source(t, git.Options{URL: r.dir})
	tests := map[string]struct {
		file, now string
		lines     []int
		want      []string
	}{
		"line before":  {"a.yaml", "new\none\ntwo\n", []int{1, 2, 3}, []string{"", first, first}},
		"line changed": {"a.yaml", "one\n2\nthree\n", []int{1, 2, 3, 0}, []string{first, "", first, ""}},
		"line ends":    {"a.yaml", "one\r\ntwo\r\nthree\r\n", []int{2, 0}, []string{first, first}},
		"as committed": {"a.yaml", "one\ntwo\nthree\n", []int{3, 0}, []string{first, first}},
		"emptied":      {"a.yaml", "", []int{0}, []string{""}},
		"new file":     {"b.yaml", "one\n", []int{1, 0}, []string{"", ""}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := blame(t, s, git.Lines{Commit: first, File: tt.file, Lines: tt.lines,
				Now: []byte(tt.now)})
			wantCommits(t, got, tt.want...)
			uncommitted := slices.Contains(tt.want, "")
			if last := git.Latest(got); (last.Commit == "") != uncommitted {
				t.Errorf("the latest is %+v", last)
			}
		})
	}
}

// TestLatestOfOneSecond: of two commits of the same second the later one counts.
func TestLatestOfOneSecond(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	first := r.commit("a.yaml", "one\ntwo\n")
	r.clock -= 4
	second := r.commit("a.yaml", "one\n2\n")
	date := func(commit string) string { return r.git("log", "-1", "--format=%ct", commit) }
	if a, b := date(first), date(second); a < b {
		t.Fatalf("the commits are of %s and %s", a, b)
	}
	got := blame(t, source(t, git.Options{URL: r.dir}),
		git.Lines{Commit: second, File: "a.yaml", Lines: []int{1, 2}})
	wantCommits(t, got, first, second)
	if last := git.Latest(got); last.Commit != second {
		t.Error("an old commit is said to be the latest")
	}
}

// TestBlameFollowsTheFile: a file that was moved keeps the history of its lines, also where it was
// changed on the way, and so does one that is reached through a link.
func TestBlameFollowsTheFile(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	text := "one\ntwo\nthree\nfour\nfive\nsix\n"
	first := r.commit("old.yaml", text, "other.yaml", "nothing\nalike\n")
	r.git("mv", "old.yaml", "new.yaml")
	r.commit()
	r.git("mv", "new.yaml", "later.yaml")
	changed := r.commit("later.yaml", strings.Replace(text, "two", "2", 1))
	if err := os.Symlink("later.yaml", filepath.Join(r.dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	last := r.commit()
	s := source(t, git.Options{URL: r.dir})
	for _, file := range []string{"later.yaml", "link.yaml"} {
		q := git.Lines{Commit: last, File: file, Lines: []int{1, 2, 6, 0}}
		wantCommits(t, blame(t, s, q), first, changed, first, changed)
	}
	// What has little in common is a new file.
	r.git("rm", "-q", "later.yaml", "link.yaml")
	fresh := r.commit("fresh.yaml", "one\nother\nlines\nin\nthis\n")
	wantCommits(t, blame(t, s, git.Lines{Commit: fresh, File: "fresh.yaml", Lines: []int{1}}), fresh)
}

// TestBlameAtAMerge: a line is put down to the side that brought it, and to the merge only if no
// side had it.
func TestBlameAtAMerge(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	base := r.commit("a.yaml", "one\ntwo\nthree\nfour\nfive\n")
	r.git("checkout", "-q", "-b", "side")
	side := r.commit("a.yaml", "one\ntwo\nthree\nfour\n5\n")
	r.git("checkout", "-q", "main")
	main := r.commit("a.yaml", "1\ntwo\nthree\nfour\nfive\n")
	r.git("merge", "-q", "--no-commit", "side")
	merge := r.commit("a.yaml", "1\ntwo\nmerged\nfour\n5\n")
	got := blame(t, source(t, git.Options{URL: r.dir}),
		git.Lines{Commit: merge, File: "a.yaml", Lines: []int{1, 2, 3, 4, 5, 0}})
	wantCommits(t, got, main, base, merge, base, side, merge)
	if last := git.Latest(got); last.Commit != merge {
		t.Errorf("the latest of all is %s, want the merge", last.Commit)
	}
	if last := git.Latest(got[1:2]); last.Commit != base {
		t.Errorf("the latest of one is %s", last.Commit)
	}
}

// TestBlameWhereHistoryIsCut: a clone without its beginning says so instead of putting lines down
// to the commit that happens to be its first; over the network what is missing is fetched.
func TestBlameWhereHistoryIsCut(t *testing.T) {
	t.Parallel()
	h := newHistory(t)
	h.commit("b.yaml", "one\n")
	last := h.commit("b.yaml", "one\ntwo\n")
	dir := filepath.Join(t.TempDir(), "shallow")
	h.git("clone", "-q", "--depth=2", "file://"+h.dir, dir)
	web := serve(t, &repo{t: t, dir: dir})
	for name, url := range map[string]string{"local": dir, "remote": web.url} {
		got := blame(t, source(t, git.Options{URL: url}),
			git.Lines{Commit: last, File: "b.yaml", Lines: []int{1, 2}})
		if !got[0].Cut || got[0].Commit != h.git("rev-parse", last+"~1") {
			t.Errorf("%s: line 1 is said to be of %+v", name, got[0])
		}
		if got[1].Cut || got[1].Commit != last {
			t.Errorf("%s: line 2 is said to be of %+v", name, got[1])
		}
	}
}

// TestBlameRefuses: what cannot be known is an error.
func TestBlameRefuses(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	id := r.commit("a.yaml", "one\n", "d/b.yaml", "x\n")
	tests := map[string]struct {
		q    git.Lines
		want string
	}{
		"branch":         {git.Lines{Commit: "main", File: "a.yaml", Lines: []int{1}}, "no commit"},
		"gone commit":    {git.Lines{Commit: strings.Repeat("a", 40), File: "a.yaml"}, "no such commit"},
		"beyond the end": {git.Lines{Commit: id, File: "a.yaml", Lines: []int{2}}, "has 1 lines, not 2"},
		"negative":       {git.Lines{Commit: id, File: "a.yaml", Lines: []int{-1}}, "it has 1 lines"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := source(t, git.Options{URL: r.dir}).Blame(t.Context(), tt.q)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v does not say %q", err, tt.want)
			}
		})
	}
	s := source(t, git.Options{URL: r.dir, Path: "nowhere"})
	if _, err := s.Blame(t.Context(), git.Lines{Commit: id, File: "a.yaml"}); err == nil {
		t.Error("a folder that is not there has lines")
	}
}

// TestBlameOfDamage: a version that is missing on the way is an error, never a wrong name.
func TestBlameOfDamage(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	r.commit("a.yaml", "one\n")
	r.commit("a.yaml", "one\ntwo\n")
	last := r.commit("a.yaml", "one\ntwo\nthree\n")
	if err := os.Remove(r.object("HEAD~1:a.yaml")); err != nil {
		t.Fatal(err)
	}
	q := git.Lines{Commit: last, File: "a.yaml", Lines: []int{1}}
	got, err := source(t, git.Options{URL: r.dir}).Blame(t.Context(), q)
	if err == nil || got != nil || !strings.Contains(err.Error(), "git fsck") {
		t.Errorf("got %v, %v", got, err)
	}
}

// TestBlameSigners: whose signature a commit carries is said, or why that does not count.
func TestBlameSigners(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	good, bad := seal{"good"}, seal{"bad"}
	first := r.plain("one\n")
	second := r.signed(bad, "one\ntwo\n", first)
	third := r.signed(good, "one\ntwo\nthree\n", second)
	r.git("update-ref", "refs/heads/main", third)
	q := git.Lines{Commit: third, File: "a.yaml", Lines: []int{1, 2, 3}}
	got := blame(t, source(t, git.Options{URL: r.dir, Keys: good}), q)
	wantCommits(t, got, first, second, third)
	if !errors.Is(got[0].Doubt, git.ErrUnsigned) || got[0].Signer != "" {
		t.Errorf("a commit without signature is %+v", got[0])
	}
	if got[1].Doubt == nil || got[1].Signer != "" {
		t.Errorf("a commit of a foreign key is %+v", got[1])
	}
	if got[2].Doubt != nil || got[2].Signer == "" {
		t.Errorf("a signed commit is %+v", got[2])
	}
	got = blame(t, source(t, git.Options{URL: r.dir}), q)
	if !errors.Is(got[0].Doubt, git.ErrUnsigned) || !errors.Is(got[2].Doubt, git.ErrNoKeys) {
		t.Errorf("without keys: %+v", got)
	}
}

// TestBlameIsThatOfGit: on random histories, with branches, merges and renames, each line is put
// down to the commit that `git blame` names.
func TestBlameIsThatOfGit(t *testing.T) {
	t.Parallel()
	needGit(t)
	const enough = 40 // histories; git needs dozens of processes for each
	made := 0
	rapid.Check(t, func(rt *rapid.T) {
		if made++; made > enough {
			return
		}
		r := newRepo(t)
		defer func() { _ = os.RemoveAll(r.dir) }()
		h := &randomFile{rt: rt, r: r, name: "f0.yaml"}
		h.write(h.fresh(rapid.IntRange(1, 8).Draw(rt, "lines")))
		for range rapid.IntRange(1, 7).Draw(rt, "commits") {
			h.change()
		}
		head := r.git("rev-parse", "HEAD")
		var want []string
		var lines []int
		for line := range strings.Lines(string(r.gitRaw("blame", "-p", "HEAD", "--", h.name))) {
			if fields := strings.Fields(line); len(fields) >= 3 && len(fields[0]) == 40 {
				want = append(want, fields[0])
				lines = append(lines, len(want))
			}
		}
		s := source(t, git.Options{URL: r.dir})
		got := blame(t, s, git.Lines{Commit: head, File: h.name, Lines: lines})
		for i, c := range got {
			if c.Commit != want[i] {
				rt.Fatalf("line %d is said to be of %s; git says\n%s\nof\n%s", i+1, c.Commit,
					r.git("blame", "-s", "HEAD", "--", h.name), r.git("log", "--graph", "--stat"))
			}
		}
	})
}

// randomFile is a file that changes at random. No line is ever written twice, so that it is
// certain which one it was before.
type randomFile struct {
	rt    *rapid.T
	r     *repo
	name  string
	lines []string
	count int
	moves int
}

func (h *randomFile) fresh(n int) (out []string) {
	for range n {
		h.count++
		out = append(out, fmt.Sprintf("line number %d is %d", h.count, h.count*h.count))
	}
	return out
}

func (h *randomFile) write(lines []string) {
	h.lines = lines
	h.r.commit(h.name, strings.Join(lines, "\n")+"\n")
}

// edit replaces some of the lines by none, one or two new ones.
func (h *randomFile) edit(lines []string) []string {
	lines = slices.Clone(lines)
	from := rapid.IntRange(0, len(lines)).Draw(h.rt, "from")
	to := rapid.IntRange(from, min(len(lines), from+2)).Draw(h.rt, "to")
	fresh := rapid.IntRange(0, 2).Draw(h.rt, "fresh")
	if len(lines)-(to-from)+fresh == 0 {
		fresh = 1 // git remembers no empty file through a rename
	}
	return slices.Replace(lines, from, to, h.fresh(fresh)...)
}

func (h *randomFile) change() {
	switch rapid.IntRange(0, 5).Draw(h.rt, "what") {
	case 0:
		h.moves++
		name := fmt.Sprintf("f%d.yaml", h.moves)
		h.r.git("mv", h.name, name)
		h.name = name
		h.r.commit()
	case 1:
		h.merge()
	default:
		h.write(h.edit(h.lines))
	}
}

// merge changes the beginning of the file on one branch, its end on another, and takes one or both.
func (h *randomFile) merge() {
	middle := len(h.lines) / 2
	head, tail := h.lines[:middle], h.lines[middle:]
	ours, theirs := h.edit(head), h.edit(tail)
	h.r.git("checkout", "-q", "-b", "side")
	h.write(slices.Concat(head, theirs))
	h.r.git("checkout", "-q", "main")
	h.write(slices.Concat(ours, tail))
	h.r.git("merge", "-q", "-s", "ours", "--no-commit", "side")
	h.r.git("branch", "-D", "-q", "side")
	switch rapid.IntRange(0, 2).Draw(h.rt, "take") {
	case 0:
		h.write(slices.Concat(ours, tail))
	case 1:
		h.write(slices.Concat(head, theirs))
	default:
		h.write(slices.Concat(ours, theirs))
	}
}
