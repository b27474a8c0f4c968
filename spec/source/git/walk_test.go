package git_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/spec"
	"reconciler/spec/source/git"
)

// raw makes a tree object of entries (mode, name, hash, …), which git itself may refuse.
func (r *repo) raw(entries ...string) string {
	r.t.Helper()
	var b bytes.Buffer
	for i := 0; i < len(entries); i += 3 {
		h, err := hex.DecodeString(entries[i+2])
		if err != nil {
			r.t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s %s\x00%s", entries[i], entries[i+1], h)
	}
	return r.gitIn(b.Bytes(), "hash-object", "-t", "tree", "--literally", "-w", "--stdin")
}

// blob stores a file.
func (r *repo) blob(data string) string {
	return r.gitIn([]byte(data), "hash-object", "-w", "--stdin")
}

// head makes main a commit of a tree object.
func (r *repo) head(tree string) {
	r.t.Helper()
	r.git("update-ref", "refs/heads/main", r.git("commit-tree", "-m", "x", tree))
}

// hostile is a tree object that no git would write.
type hostile struct {
	name    string
	entries func(r *repo, blob, tree string) []string
	want    string
}

func hostiles() []hostile {
	const file, dir = "100644", "40000"
	return []hostile{
		{"parent", func(_ *repo, b, s string) []string { return []string{file, "..", b} }, `named ".."`},
		{"parent directory", func(_ *repo, b, s string) []string { return []string{dir, "..", s} },
			`named ".."`},
		{"itself", func(_ *repo, b, s string) []string { return []string{dir, ".", s} }, `named "."`},
		{"git directory", func(_ *repo, b, s string) []string { return []string{dir, ".GIT", s} },
			`named ".GIT"`},
		{"no name", func(_ *repo, b, s string) []string { return []string{file, "", b} }, `named ""`},
		{"path", func(_ *repo, b, s string) []string { return []string{file, "a/../b.yaml", b} },
			`named "a/../b.yaml"`},
		{"absolute", func(_ *repo, b, s string) []string { return []string{file, "/etc/x.yaml", b} },
			`named "/etc/x.yaml"`},
		{"backslash", func(_ *repo, b, s string) []string { return []string{file, `a\b.yaml`, b} },
			`has a "\"`},
		{"control character", func(_ *repo, b, s string) []string {
			return []string{file,
				"a\x1b[2J.yaml", b}
		}, "control characters"},
		{"not UTF-8", func(_ *repo, b, s string) []string { return []string{file, "a\xff.yaml", b} },
			"not UTF-8"},
		{"directory not UTF-8", func(_ *repo, b, s string) []string { return []string{dir, "a\xff", s} },
			"not UTF-8"},
		{"twice", func(_ *repo, b, s string) []string {
			return []string{file, "a.yaml", b, file, "a.yaml", b}
		}, `two entries "a.yaml"`},
		{"file and directory", func(_ *repo, b, s string) []string {
			return []string{file, "a.yaml", b, dir, "a.yaml", s}
		}, `two entries "a.yaml"`},
		{"submodule", func(_ *repo, b, s string) []string { return []string{"160000", "mod", b} },
			`mod": it is a submodule`},
		{"odd mode", func(_ *repo, b, s string) []string { return []string{"170000", "a.yaml", b} },
			"unknown mode 170000"},
		{"blob as directory", func(_ *repo, b, s string) []string { return []string{dir, "a", b} },
			"it is a blob, not a tree"},
		{"tree as file", func(_ *repo, b, s string) []string { return []string{file, "a.yaml", s} },
			"it is a tree, not a blob"},
	}
}

// TestHostileTree: what no git would write is refused with its place, not read, and not left out.
func TestHostileTree(t *testing.T) {
	t.Parallel()
	const file, dir = "100644", "40000"
	for _, tt := range hostiles() {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			sub := r.raw(file, "x.yaml", r.blob("x"))
			entries := tt.entries(r, r.blob("b"), sub)
			r.head(r.raw(entries...))
			got, err := source(t, git.Options{URL: r.dir}).Fetch(t.Context())
			wantError(t, got, err, tt.want)
			if strings.Contains(err.Error(), "\x1b") {
				t.Error("the error plays tricks on the terminal")
			}
			r.head(r.raw(dir, "d", r.raw(entries...)))
			got, err = source(t, git.Options{URL: r.dir}).Fetch(t.Context())
			wantError(t, got, err, tt.want, "d")
		})
	}
}

// TestOddButHarmless: names that do not matter do not keep a repository out.
func TestOddButHarmless(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	b := r.blob("1")
	r.head(r.raw("100644", ".gitmodules", b, "160000", ".mod", b, "100644", "Icon\r", b,
		"100664", "old.yaml", b, "100755", "run.yaml", b, "100644", `win\dows.txt`, b))
	wantFiles(t, fetch(t, source(t, git.Options{URL: r.dir})), map[string]string{"old.yaml": "1",
		"run.yaml": "1"})
}

// link commits a link in the folder tree, beside a chain of two.
func (r *repo) link(name, target string) {
	r.t.Helper()
	links := map[string]string{name: target, "chain": "chain2", "chain2": "sub/in.yaml"}
	if target == "r.txt" {
		links[target] = name
	}
	for name, target := range links {
		if len(target) >= 4096 { // more than the file system takes
			r.git("update-index", "--add", "--cacheinfo", "120000,"+r.blob(target)+",tree/"+name)
		} else if err := os.Symlink(target, filepath.Join(r.dir, "tree", name)); err != nil {
			r.t.Fatal(err)
		}
	}
	if len(target) < 4096 {
		r.git("add", "-A")
	}
	r.git("commit", "-q", "-m", "links")
}

// TestLinks: a link to a file of the tree is that file; every other one is refused.
func TestLinks(t *testing.T) {
	t.Parallel()
	const leaves = "it leads out of the tree"
	tests := []struct{ name, target, want string }{
		{"a.yaml", "real.yaml", ""},
		{"b.yaml", "sub/in.yaml", ""},
		{"sub/c.yaml", "../real.yaml", ""},
		{"sub/d.yaml", "../sub/./in.yaml", ""},
		{"e.yaml", "sub/more/../in.yaml", ""},
		{"f.yaml", "chain", ""},
		{"g.yaml", ".hidden", ""},
		{"h.txt", "real.yaml", ""},
		{"i.yaml", "nothing.yaml", "it leads to nothing"},
		{"j.yaml", "/etc/passwd", leaves},
		{"k.yaml", "../outside.yaml", leaves},
		{"sub/l.yaml", "../../outside.yaml", leaves},
		{"m.yaml", "sub/../../tree/real.yaml", leaves},
		{"n", "sub", "it leads to a directory"},
		{"o.yaml", "sub", "it leads to a directory"},
		{"p.yaml", "p.yaml", "leads to itself"},
		{"q.yaml", "r.txt", "leads to itself"},
		{"s.yaml", "real.yaml/x", "it leads to nothing"},
		{"t.txt", "nothing", "it leads to nothing"},
		{"u.yaml", "../../../../../../../../etc/passwd", leaves},
		{"v.yaml", strings.Repeat("x/", 3000), "more than 4096 bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newRepo(t)
			r.commit("outside.yaml", "out", "tree/real.yaml", "1", "tree/sub/in.yaml", "1",
				"tree/sub/more/x.txt", "", "tree/.hidden", "1")
			r.link(tt.name, tt.target)
			got, err := source(t, git.Options{URL: r.dir, Path: "tree"}).Fetch(t.Context())
			if tt.want != "" {
				wantError(t, got, err, tt.name, tt.want)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]string{"real.yaml": "1", "sub/in.yaml": "1"}
			if spec.IsYAML(tt.name) {
				want[tt.name] = "1"
			}
			wantFiles(t, got, want)
		})
	}
}

// TestEveryProblemIsNamed: the user sees all that must be changed at once.
func TestEveryProblemIsNamed(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	b := r.blob("1")
	sub := r.raw("160000", "mod", b, "100644", "ok.yaml", b)
	r.head(r.raw("100644", "a.yaml", b, "120000", "b.yaml", r.blob("/etc/passwd"), "40000", "c", sub))
	got, err := source(t, git.Options{URL: r.dir}).Fetch(t.Context())
	wantError(t, got, err, "b.yaml:1: ", "c/mod:1: ", "put the files themselves here")
	if found := (spec.Problems)(nil); !errors.As(err, &found) || len(found) != 2 {
		t.Errorf("%T, want 2 problems: %v", err, err)
	}
	if head := r.git("rev-parse", "HEAD"); !strings.Contains(err.Error(), "commit "+head) {
		t.Errorf("the error does not say that it is commit %s: %v", head, err)
	}
}

// TestHugeTree: hostile repositories are refused in bounded time and memory.
func TestHugeTree(t *testing.T) {
	t.Parallel()
	const file, dir = "100644", "40000"
	tests := []struct {
		name, want string
		tree       func(r *repo) string
	}{
		{"files", "more than 10000 YAML files", func(r *repo) string {
			return r.raw(many(spec.MaxFiles+1, file, "f%06d.yaml", r.blob(""))...)
		}},
		{"entries", "more than 100000 files and directories", func(r *repo) string {
			return r.raw(many(spec.MaxEntries+1, file, "f%06d.txt", r.blob(""))...)
		}},
		{"bomb of trees", "more than 100000 files and directories", func(r *repo) string {
			tree := r.raw(file, "x.txt", r.blob(""))
			for range 10 { // ten to the tenth files
				tree = r.raw(many(10, dir, "d%d", tree)...)
			}
			return tree
		}},
		{"bytes of all files", "more than 64 MiB together", func(r *repo) string {
			return r.raw(many(5, file, "f%d.yaml", r.blob(strings.Repeat("x", spec.MaxFileSize)))...)
		}},
		{"bytes of one file", `cannot read "a.yaml": it has more than 16 MiB`, func(r *repo) string {
			return r.raw(file, "a.yaml", r.blob(strings.Repeat("x", spec.MaxFileSize+1)))
		}},
		{"nesting", "nested more than 100 deep", func(r *repo) string {
			tree := r.raw(file, "x.yaml", r.blob(""))
			for range 102 {
				tree = r.raw(dir, "d", tree)
			}
			return tree
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRepo(t)
			r.head(tt.tree(r))
			got, err := source(t, git.Options{URL: r.dir}).Fetch(t.Context())
			wantError(t, got, err, tt.want)
		})
	}
}

// many repeats an entry under numbered names.
func many(n int, mode, name, hash string) (out []string) {
	for i := range n {
		out = append(out, mode, fmt.Sprintf(name, i), hash)
	}
	return out
}

// TestHugeBlob: a server cannot fill the memory with one file, though it packs well, nor with a
// delta that says it makes one.
func TestHugeBlob(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	if err := os.WriteFile(filepath.Join(r.dir, "zeros.img"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(r.dir, "zeros.img"), 101<<20); err != nil {
		t.Fatal(err)
	}
	r.commit("a.yaml", "1")
	wantFiles(t, fetch(t, source(t, git.Options{URL: r.dir})), map[string]string{"a.yaml": "1"})
	got, err := source(t, git.Options{URL: serve(t, r).url}).Fetch(t.Context())
	wantError(t, got, err, "an object of more than 100 MiB")
}
