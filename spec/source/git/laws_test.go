package git_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/spec"
	"reconciler/spec/source/git"
)

// TestSameAsGitArchive: for any repository and any of its commits, what is read is what git says
// is in that commit: here, through a server, and after git has packed it in any way.
func TestSameAsGitArchive(t *testing.T) {
	t.Parallel()
	needGit(t)
	name := rapid.SampledFrom([]string{"a", "b.yaml", "c.yml", ".d", "e f.yaml", "ü.yaml",
		"g.yaml.age", "h.txt", ".i.yaml"})
	file := rapid.Custom(func(rt *rapid.T) string {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"x", "y", ".z", "w w"}), 0, 3).Draw(rt, "dirs")
		return filepath.Join(append(parts, name.Draw(rt, "name"))...)
	})
	content := rapid.OneOf(rapid.String(), rapid.Just(strings.Repeat("line: 1\n", 500)))
	const enough = 15 // repositories; git needs a hundred processes for each few of them
	made := 0
	rapid.Check(t, func(rt *rapid.T) {
		if made++; made > enough {
			return
		}
		r := newRepo(t)
		s := serve(t, r)
		src := source(t, git.Options{URL: s.url})
		r.commit("start.yaml", "1")
		for range rapid.IntRange(1, 3).Draw(rt, "commits") {
			if files := strings.Fields(r.git("ls-files", "--",
				"x")); len(files) > 0 && rapid.Bool().Draw(rt, "remove") {
				r.git("rm", "-rq", "x")
			}
			for range rapid.IntRange(0, 5).Draw(rt, "files") {
				writeFile(t, filepath.Join(r.dir, file.Draw(rt, "file")), content.Draw(rt, "content"))
			}
			r.commit()
			switch rapid.IntRange(0, 3).Draw(rt, "pack") {
			case 1:
				r.git("gc", "-q", "--prune=now")
			case 2:
				r.git("maintenance", "run", "--task=loose-objects")
			}
			want := archived(t, r, "HEAD")
			wantFiles(t, fetch(t, src), want)
			wantFiles(t, fetch(t, source(t, git.Options{URL: r.dir})), want)
		}
	})
}

// writeFile writes a file unless a directory is in its place, or a file in that of a directory.
func writeFile(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return
	}
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return
	}
	if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

// archived lists the files of a commit that belong to a tree, as git archive has them.
func archived(t *testing.T, r *repo, rev string) map[string]string {
	t.Helper()
	raw := r.gitRaw("archive", "--format=tar", rev)
	out := map[string]string{}
	for files := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		hidden := strings.HasPrefix(h.Name, ".") || strings.Contains(h.Name, "/.")
		if h.Typeflag != tar.TypeReg || hidden || !spec.IsYAML(strings.TrimSuffix(h.Name, ".age")) {
			continue
		}
		data, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		out[h.Name] = string(data)
	}
}
