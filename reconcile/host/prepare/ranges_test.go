package prepare

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRangesThatFit(t *testing.T) {
	t.Parallel()
	want := idRange{"root", 100000, 65536}
	for name, c := range map[string]struct {
		text  string
		found bool
		clash string
	}{
		"an empty file":             {"", false, ""},
		"the same":                  {"root:100000:65536\n", true, ""},
		"the same, without an end":  {"root:100000:65536", true, ""},
		"within more":               {"root:0:4294967295\n", true, ""},
		"others":                    {"a:165536:65536\nb:34464:65536\n", false, ""},
		"one id of another user":    {"a:165535:1\n", false, "a:165535:1"},
		"the first of another user": {"a:99999:2\n", false, "a:99999:2"},
		"the same of another user":  {"a:100000:65536\n", false, "a:100000:65536"},
		"a part of it":              {"root:100000:10\n", false, "root:100000:10"},
		"both":                      {"root:100000:65536\na:100000:1\n", true, "a:100000:1"},
		"what nobody reads":         {"# root:100000:1\na:b:c\n::\na:100000\na:100000:1:2\n", false, ""},
		"none":                      {"a:100000:0\n", false, ""},
	} {
		found, clash := fits(parseRanges(c.text), want)
		if found != c.found || clash != c.clash {
			t.Errorf("%s: found %v, in the way %q; want %v, %q", name, found, clash, c.found, c.clash)
		}
	}
}

// TestRangesNeverOverlap: whatever is in the file, what is added shares no id with it, and all that
// was there stays.
func TestRangesNeverOverlap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(
			`(([ab#]:[0-9]{1,2}:[0-9]{1,2}|junk)\n){0,6}(a:1:1)?`).Draw(t, "text")
		want := idRange{rapid.SampledFrom([]string{"a", "b"}).Draw(t, "user"),
			rapid.Uint64Range(0, 99).Draw(t, "first"), rapid.Uint64Range(1, 99).Draw(t, "count")}
		before := parseRanges(text)
		found, clash := fits(before, want)
		if found || clash != "" {
			return
		}
		after := withRange(text, want)
		if !strings.HasPrefix(after, text) {
			t.Fatalf("%q has become %q", text, after)
		}
		if found, clash := fits(parseRanges(after), want); !found || clash != "" {
			t.Fatalf("what was added to %q is not there: %v, %q", after, found, clash)
		}
		for _, r := range before {
			for id := want.first; id < want.end(); id++ {
				if r.first <= id && id < r.end() {
					t.Fatalf("%d belongs to %s and to %s", id, r, want)
				}
			}
		}
	})
}

// FuzzRanges: a file of a host may hold anything.
func FuzzRanges(f *testing.F) {
	f.Add("root:100000:65536\n")
	f.Add("a:4294967295:4294967295\n#\n:::\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range parseRanges(text) {
			if r.count == 0 || r.end() <= r.first || r.user == "" {
				t.Errorf("%q has the range %v", text, r)
			}
			if !strings.Contains(text, r.user+":") {
				t.Errorf("%q has no user %q", text, r.user)
			}
		}
	})
}
