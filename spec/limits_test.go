package spec_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"reconciler/spec"
)

func TestSizeLimits(t *testing.T) {
	comment := func(n int) *fstest.MapFile {
		return &fstest.MapFile{Data: bytes.Repeat([]byte("#"), n)}
	}
	tests := []struct {
		name string
		fsys fstest.MapFS
		want string
	}{
		{
			"50 MB file",
			fstest.MapFS{"a.yaml": comment(50_000_000)},
			"a.yaml:1: has more than 16 MiB",
		},
		{
			"all files",
			fstest.MapFS{"a.yaml": comment(spec.MaxFileSize), "b.yaml": comment(spec.MaxFileSize),
				"c.yaml": comment(spec.MaxFileSize), "d.yaml": comment(spec.MaxFileSize), "e.yaml": comment(1)},
			"e.yaml:1: the YAML files have more than 64 MiB together",
		},
		{"many files", crowd(spec.MaxFiles+1, ".yaml"), " | more than 10000 YAML files"},
		{
			"many entries",
			crowd(spec.MaxEntries+1, ".txt"),
			" | more than 100000 files and directories",
		},
		{
			"many nodes",
			fstest.MapFS{"a.yaml": {Data: bytes.Repeat([]byte("- a\n"), spec.MaxNodes/2+1)}},
			"a.yaml:1: the YAML files have more than 4000000 nodes",
		},
		{
			"many small nodes",
			fstest.MapFS{"a.yaml": {Data: bytes.Repeat([]byte("[],"), spec.MaxNodes)}},
			"a.yaml:1: the YAML files have more than 4000000 nodes",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := spec.Load(tt.fsys, spec.Options{})
			ps, _ := err.(spec.Problems)
			check(t, tt.name, ps, []string{tt.want})
		})
	}
}

func crowd(n int, ext string) fstest.MapFS {
	fsys := make(fstest.MapFS, n)
	for i := range n {
		fsys["f"+strconv.Itoa(i)+ext] = &fstest.MapFile{}
	}
	return fsys
}

func TestNestingLimit(t *testing.T) {
	t.Parallel()
	deep := func(n int) string {
		return "targets: {h: {c: {minion: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "}}}"
	}
	parse(t, deep(61))
	check(t, "deep", problems(t, deep(62)), []string{
		"a.yaml:1: targets.h.c.minion: is nested more than 64 levels deep"})
	_, err := spec.Load(fstest.MapFS{"a.yaml": {Data: bytes.Repeat([]byte("["), 1<<20)}},
		spec.Options{})
	if err == nil || !strings.Contains(err.Error(), "a.yaml:1") {
		t.Errorf("a million brackets: got %v", err)
	}
}

func TestYAMLBombs(t *testing.T) {
	lol := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'j'; c++ {
		p := string(c - 1)
		lol += string(c) + ": &" + string(c) + " [" + strings.Repeat("*"+p+", ", 9) + "*" + p + "]\n"
	}
	merges := "x0: &x0 {memory: 1G}\n"
	for i := 1; i <= 30; i++ {
		n, p := strconv.Itoa(i), strconv.Itoa(i-1)
		merges += "x" + n + ": &x" + n + " {<<: [*x" + p + ", *x" + p + "]}\n"
	}
	cs := "targets:\n  h0: &h\n"
	for i := range 1000 {
		cs += "    c" + strconv.Itoa(i) + ": {}\n"
	}
	for i := 1; i < 1000; i++ {
		cs += "  h" + strconv.Itoa(i) + ": *h\n"
	}
	tests := []struct{ name, text, want string }{
		{"lists in a value", "defaults: {users: *j}\ntargets: {h: {}}", "is a list"},
		{
			"merges",
			"targets: {h: {c: {<<: *x30}}}",
			"more than 8000000 values with its aliases expanded",
		},
		{"containers", "", "more than 500000 containers"},
		{
			"merge of itself",
			"targets:\n  h:\n    c: &c {<<: *c}",
			"merge keys are nested more than 64",
		},
	}
	prefix := []string{lol, merges, cs, ""}
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ps := problems(t, prefix[i]+tt.text)
			if !strings.Contains(ps.Error(), tt.want) || !strings.Contains(ps.Error(), "a.yaml:") {
				t.Errorf("got %.500s\nwant %s, with its place", ps.Error(), tt.want)
			}
		})
	}
}

func TestAValueThatContainsItself(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"targets: &t {h: *t}",
		"targets: {h: &h {c: *h}}",
		"targets: {h: {c: {minion: &m {x: *m}}}}",
		"targets: {h: {c: {options: &m {x: *m}}}}",
		"defaults: &d {users: [*d]}\ntargets: {h: {}}",
	} {
		got, err := spec.Parse(tree(text), spec.Options{})
		if err == nil {
			got.Settings("h", "c")
		}
	}
}
