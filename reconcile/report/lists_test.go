package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

func TestRollsTellEveryNameAndEveryNumber(t *testing.T) {
	t.Parallel()
	number := regexp.MustCompile(`(?m)\| (\d+) \|`)
	rapid.Check(t, func(t *rapid.T) {
		l := roll{title: "Things", where: "host"}
		rows := map[string]int{}
		for i := range rapid.IntRange(1, 40).Draw(t, "entries") {
			e := entry{place: rapid.SampledFrom([]string{"h1", "h2", ""}).Draw(t, "place"),
				name: fmt.Sprintf("c%02d", i),
				code: rapid.SampledFrom([]string{"", "guard"}).Draw(t, "code"),
				hint: rapid.SampledFrom([]string{"", "--force"}).Draw(t, "hint")}
			l.entries = append(l.entries, e)
			rows[e.place+" "+e.code]++
		}
		for level, write := range l.levels() {
			p := page{limit: 1 << 20}
			write(&p)
			text := string(p.b)
			if !strings.HasPrefix(text, fmt.Sprintf("\n### Things (%d)\n", len(l.entries))) {
				t.Fatalf("level %d begins with %.40q", level, text)
			}
			sum := 0
			found := number.FindAllStringSubmatch(text, -1)
			for _, m := range found {
				n, _ := strconv.Atoi(m[1])
				sum += n
			}
			if level < 2 && (sum != len(l.entries) || len(found) != len(rows)) {
				t.Fatalf("level %d tells of %d in %d rows, want %d in %d:\n%s", level, sum, len(found),
					len(l.entries), len(rows), text)
			}
			for _, e := range l.entries {
				if strings.Contains(text, "`"+e.name+"`") != (level == 0) {
					t.Fatalf("level %d: is %s there?\n%s", level, e.name, text)
				}
			}
			if (level == 0) == strings.Contains(text, "Not listed") {
				t.Fatalf("level %d does not say what it leaves out:\n%s", level, text)
			}
		}
	})
}

func TestRollsHaveNoEmptyColumns(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entries []entry
		want    string
	}{
		"names alone": {[]entry{{place: "h", name: "a"}, {place: "h", name: "b"}},
			"| host | number | names |\n|---|---|---|\n| `h` | 2 | `a`, `b` |\n"},
		"with codes": {[]entry{{place: "h", name: "a", code: "x"}, {place: "g", name: "b"}},
			"| host | why | number | names |\n|---|---|---|---|\n" +
				"| `g` | - | 1 | `b` |\n| `h` | `x` | 1 | `a` |\n"},
		"with hints": {[]entry{{place: "h", name: "a", hint: "--a"}, {place: "h", hint: "--b"}},
			"| host | number | names | the first goes on with |\n|---|---|---|---|\n" +
				"| `h` | 2 | `a`, - | `--a` |\n"},
	} {
		p := page{limit: 1000}
		roll{title: "T", where: "host", entries: c.entries}.names(&p)
		if _, table, _ := strings.Cut(string(p.b), ")\n\n"); table != c.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, table, c.want)
		}
	}
}

// A page of what is never touched hides what is; but no number is lost, and where all names stand
// is said. A result only counts.
func TestManyUnmanagedContainersAreCounted(t *testing.T) {
	t.Parallel()
	var p plan.Plan
	for i := range 200 {
		u := plan.Unmanaged{Host: h1, Container: fmt.Sprintf("by-hand-%d", i), State: plan.Running,
			Text: "it carries no mark"}
		if i%4 == 0 {
			u.Host = h2
		}
		p.Unmanaged = append(p.Unmanaged, u)
	}
	planned := rendered(t, func(b *bytes.Buffer) error { return Text(b, p, TextOptions{}) })
	for _, words := range []string{"Unmanaged, never touched (200):\n",
		"  " + h1 + ": 150 containers: it carries no mark\n",
		"  " + h2 + ": 50 containers: it carries no mark\n", "--output json names each"} {
		if !strings.Contains(planned, words) {
			t.Errorf("the reader of a plan does not learn %q:\n%s", words, planned)
		}
	}
	if n := strings.Count(planned, "\n"); n > 8 {
		t.Errorf("a plan without anything to do has %d lines", n)
	}
	done := rendered(t, func(b *bytes.Buffer) error {
		return ResultText(b, execute.Result{}, p, TextOptions{})
	})
	if want := "Unmanaged, never touched: 200 containers, see \"reconciler plan\"\n\n" +
		"No changes. 0 containers match the tree.\n"; done != want {
		t.Errorf("a run without changes says %q, want %q", done, want)
	}
}
