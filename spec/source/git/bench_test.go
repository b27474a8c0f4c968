package git_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"reconciler/spec/source/git"
)

// BenchmarkBlame asks for every line of a file of 5,000 lines, of which 1,000 commits changed five
// each.
func BenchmarkBlame(b *testing.B) {
	if _, err := exec.LookPath("git"); err != nil {
		b.Skip("git is not installed; it makes the repository of this benchmark")
	}
	dir := b.TempDir()
	lines := make([]string, 5000)
	numbers := make([]int, len(lines))
	for i := range lines {
		lines[i], numbers[i] = fmt.Sprintf("    c%d.example.com: {memory: 64M, cpushare: 10}", i), i+1
	}
	var input bytes.Buffer
	for c := range 1000 {
		for n := range 5 {
			at := (c*7919 + n*1009) % len(lines)
			lines[at] = fmt.Sprintf("    c%d.example.com: {memory: 64M, cpushare: %d}", at, c)
		}
		text := strings.Join(lines, "\n") + "\n"
		fmt.Fprintf(&input, "commit refs/heads/main\ncommitter A <a@example.com> %d +0000\n", c+1)
		fmt.Fprintf(&input, "data 1\nx\nM 100644 inline a.yaml\ndata %d\n%s\n", len(text), text)
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main"}, {"fast-import", "--quiet"},
		{"repack", "-adq"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir, cmd.Env = dir, gitEnv(dir)
		if args[0] == "fast-import" {
			cmd.Stdin = &input
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	s, err := git.New(git.Options{URL: dir})
	if err != nil {
		b.Fatal(err)
	}
	head, err := s.At(b.Context(), "main")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		q := git.Lines{Commit: head.Revision.ID, File: "a.yaml", Lines: numbers}
		if _, err := s.Blame(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
