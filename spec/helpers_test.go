package spec_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"reconciler/spec"
)

// tree makes a file system of a text: lines "-- NAME --" begin files, what stands before the
// first one is a.yaml.
func tree(text string) fstest.MapFS {
	fsys := fstest.MapFS{}
	name, lines := "a.yaml", []string(nil)
	flush := func() {
		if lines != nil {
			fsys[name] = &fstest.MapFile{Data: []byte(strings.Join(lines, "\n") + "\n")}
		}
		lines = nil
	}
	for line := range strings.Lines(strings.TrimPrefix(text, "\n")) {
		line = strings.TrimSuffix(line, "\n")
		if next, ok := strings.CutPrefix(line, "-- "); ok && strings.HasSuffix(next, " --") {
			flush()
			name = strings.TrimSuffix(next, " --")
			lines = []string{}
			continue
		}
		lines = append(lines, line)
	}
	flush()
	return fsys
}

// parse returns the tree of a text and fails the test if it is refused.
func parse(t *testing.T, text string) *spec.Tree {
	t.Helper()
	got, err := spec.Parse(tree(text), spec.Options{Hostname: "me.example.net"})
	if err != nil {
		t.Fatalf("a good tree is refused: %v\n%s", err, text)
	}
	return got
}

// one returns container c of host h.
func one(t *testing.T, text string) *spec.Container {
	t.Helper()
	got := parse(t, text)
	if got.Hosts["h"] == nil || got.Hosts["h"].Containers["c"] == nil {
		t.Fatalf("container c of host h is not in the tree of\n%s", text)
	}
	return got.Hosts["h"].Containers["c"]
}

// problems returns what is wrong with a tree, and fails the test if nothing is.
func problems(t *testing.T, text string) spec.Problems {
	t.Helper()
	got, err := spec.Parse(tree(text), spec.Options{Hostname: "me.example.net"})
	if err == nil {
		t.Fatalf("a bad tree is accepted; hosts would be touched:\n%s", text)
	}
	if got != nil {
		t.Fatal("a tree came with an error")
	}
	var ps spec.Problems
	if !errors.As(err, &ps) {
		t.Fatalf("the error is not of type Problems: %v", err)
	}
	return ps
}

// check compares problems or warnings with what each of them must begin with. The part of a
// want behind " | " must be somewhere in the line.
func check(t *testing.T, text string, got []spec.Problem, want []string) {
	t.Helper()
	bad := len(got) != len(want)
	for i, w := range want {
		if i >= len(got) {
			t.Errorf("missing: %s", w)
			continue
		}
		begin, within, _ := strings.Cut(w, " | ")
		if s := got[i].String(); !strings.HasPrefix(s, begin) || !strings.Contains(s, within) {
			t.Errorf("problem %d\n got %s\nwant %s", i, s, w)
			bad = true
		}
	}
	for i := len(want); i < len(got); i++ {
		t.Errorf("not expected: %s", got[i])
	}
	if bad {
		t.Logf("tree:\n%s", text)
	}
}

// bad is a tree and everything that is wrong with it.
type bad struct {
	name string
	text string
	want []string
}

func runBad(t *testing.T, tests []bad) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, tt.text, problems(t, tt.text), tt.want)
		})
	}
}

// odd is a good tree and its warnings.
type odd struct {
	name string
	text string
	want []string
}

func runOdd(t *testing.T, tests []odd) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, tt.text, parse(t, tt.text).Warnings, tt.want)
		})
	}
}
