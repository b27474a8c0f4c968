package git

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// longest is the length of the longest common subsequence, by the book.
func longest(a, b []string) int {
	row := make([]int, len(b)+1)
	for _, x := range a {
		diagonal := 0
		for j, y := range b {
			above := row[j+1]
			if x == y {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(row[j+1], row[j])
			}
			diagonal = above
		}
	}
	return row[len(b)]
}

// matched counts what was matched and fails if it cannot be: other lines, or out of order.
func matched(t interface{ Fatalf(string, ...any) }, then, now []string, to []int) (n int) {
	last := -1
	for i, at := range to {
		if at < 0 {
			continue
		}
		if at <= last || then[at] != now[i] {
			t.Fatalf("line %d of %q is said to be line %d of %q (%v)", i, now, at, then, to)
		}
		last = at
		n++
	}
	return n
}

// TestMatchIsLongest: no line is put down to a later commit than need be.
func TestMatchIsLongest(t *testing.T) {
	t.Parallel()
	lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "d", ""}), 0, 30)
	rapid.Check(t, func(rt *rapid.T) {
		then, now := lines.Draw(rt, "then"), lines.Draw(rt, "now")
		want := longest(then, now)
		if got := matched(rt, then, now, match(then, now)); got != want {
			rt.Fatalf("%d lines of %q and %q match, want %d", got, then, now, want)
		}
		// What large differences take.
		to := slices.Repeat([]int{-1}, len(now))
		m := matcher{then: then, now: now}
		for _, p := range m.chain() {
			to[p.now] = p.then
		}
		if got := matched(rt, then, now, to); got != want {
			rt.Fatalf("%d lines of %q and %q match in a chain, want %d", got, then, now, want)
		}
	})
}

// TestMatchOfRepetition: files of very many equal lines neither take for ever nor lose the lines
// beside those that are told apart.
func TestMatchOfRepetition(t *testing.T) {
	t.Parallel()
	var then []string
	for _, name := range []string{"a", "b", "c"} {
		then = append(then, name)
		then = append(then, slices.Repeat([]string{"  {}"}, 2000)...)
	}
	now := slices.Concat([]string{"new"}, then[:2000], []string{"other"}, then[2000:], []string{"end"})
	if got := matched(t, then, now, match(then, now)); got != len(then) {
		t.Errorf("%d of %d lines are found again", got, len(then))
	}
	// Too many differences for the quick way, and too many pairs for the exact one.
	var changed []string
	for i, line := range now {
		changed = append(changed, line)
		if i%20 == 0 {
			changed = append(changed, "between")
		}
	}
	if got := matched(t, then, changed, match(then, changed)); got != len(then) {
		t.Errorf("%d of %d lines are found again", got, len(then))
	}
}

func FuzzParseRevision(f *testing.F) {
	for _, seed := range []string{"", "HEAD", "main~2", "v1^^2~0", "~1.2", "^1", "a~99999999",
		">=1 ~2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := parseRevision(text)
		if !strings.HasPrefix(text, r.name) || len(r.way) == 0 && len(r.name) != len(text) &&
			strings.Trim(text[len(r.name):], "^0") != "" {
			t.Errorf("%q was read as %+v", text, r)
		}
		again := parseRevision(r.text())
		if again.name != r.name || !slices.Equal(again.way, r.way) {
			t.Errorf("%q was written as %q", text, r.text())
		}
	})
}
