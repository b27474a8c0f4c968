package report

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// infect passes every text of v that is not empty and no word of the planner through f.
func infect(v reflect.Value, f func(string) string) {
	switch v.Kind() {
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() && v.String() != "" {
			v.SetString(f(v.String()))
		}
	case reflect.Slice:
		for i := range v.Len() {
			infect(v.Index(i), f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			isCode := v.Type() == reflect.TypeFor[plan.Reason]() && v.Type().Field(i).Name == "Code"
			if field := v.Field(i); field.CanSet() && !isCode {
				infect(field, f)
			}
		}
	}
}

// infected is a plan with folds and everything else, and its options, with foreign strings.
func infected(f func(string) string) (plan.Plan, MarkdownOptions) {
	p, many, o := fullPlan(), manyPlan(40), options()
	p.Steps = append(p.Steps, many.Steps...)
	p.Blocked = append(p.Blocked, many.Blocked...)
	p.Held = append(p.Held, many.Held...)
	infect(reflect.ValueOf(&p).Elem(), f)
	infect(reflect.ValueOf(&o.Meta).Elem(), f)
	return p, o
}

// pages are the page of a plan at every level of detail.
func pages(t *testing.T, p plan.Plan, o MarkdownOptions) [][]byte {
	t.Helper()
	links, err := newLinker(o.LinkBase, o.PathPrefix)
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for level := range 6 {
		pg := page{limit: 1 << 30}
		for _, s := range parts(p, o, links) {
			s.levels[min(level, len(s.levels)-1)](&pg)
		}
		all = append(all, pg.b)
	}
	return all
}

// places are the ways in which a foreign string gets into the strings of a plan.
func places(s string) []func(string) string {
	return []func(string) string{
		func(old string) string { return s + old },
		func(old string) string { return old + s },
		func(string) string { return s },
	}
}

// harmless are the shapes that pages shall have, by place and level.
func harmless(t *testing.T) [][]shape {
	t.Helper()
	all := make([][]shape, 3)
	for place, f := range places("x") {
		p, o := infected(f)
		for _, pg := range pages(t, p, o) {
			all[place] = append(all[place], shapeOf(t, pg))
		}
	}
	return all
}

// checkMarkdown compares the shapes of pages with s in every string with those of harmless ones.
func checkMarkdown(t *testing.T, s string, place int, good []shape) {
	t.Helper()
	p, o := infected(places(s)[place])
	for level, bad := range pages(t, p, o) {
		want, got := good[level], shapeOf(t, bad)
		if diff := cmp.Diff(want.tags, got.tags); diff != "" {
			t.Fatalf("level %d: %q breaks the page (-harmless +this):\n%s", level, s, diff)
		}
		if diff := cmp.Diff(want.words, got.words); diff != "" {
			t.Fatalf("level %d: %q leaves its place (-harmless +this):\n%s", level, s, diff)
		}
		for _, l := range got.links {
			if !strings.HasPrefix(l, o.LinkBase+"/") || strings.Contains(l, "..") {
				t.Fatalf("level %d: %q makes a link to %s", level, s, l)
			}
		}
	}
}

func FuzzMarkdown(f *testing.F) {
	for _, s := range []string{
		"`", "``", "```", "\n```\n", "~~~", "|", `\|`, `\\|`, "`|`", "| a | b |\n|---|---|\n",
		"<b>", "<script>alert(1)</script>", "</details>", "</summary>", "<!-- x -->", "-->", "<!--",
		"[x](http://evil.example.com)", "![x](http://evil.example.com/p.png)", "[x]: http://e.com",
		"http://evil.example.com", "www.evil.example.com", "a@evil.example.com", "@ann", "#123",
		"x/y#12", "GH-12", "!12", "# head", "\n\n# head\n", "---", "===", "> q", "- l", "1. l", "    c",
		"**", "*", "__", "~~", "&lt;b&gt;", "&#96;", `\`, "\\`", " ` ", " ", "\t", "\r\n", "\x00",
		"\u202e", "\u2028", "../../../evil/x", "/etc", "%2e%2e/", "a b", "[^1]", "[^1]: x", ":smile:",
		"$`x`$", "/close", "{{ x }}", "javascript:x", strings.Repeat("`", 9), strings.Repeat("`", 99),
		"]", "](<x>)", "\\](", "\xff", "<https://e.com>", "<a href=x>", "</code>", "'\"", "- [ ] t",
	} {
		for place := range places(s) {
			f.Add(s, uint8(place))
		}
	}
	var once sync.Once
	var good [][]shape
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		once.Do(func() { good = harmless(t) })
		if place := int(n) % len(good); s != "" {
			checkMarkdown(t, s, place, good[place])
		}
	})
}

func TestAMarkerIsFoundAndCannotBeFaked(t *testing.T) {
	t.Parallel()
	o := MarkdownOptions{Marker: "a --> <b>\n/é"}
	p := plan.Plan{Unreachable: []plan.Unreachable{{
		Host: "<!-- reconciler-plan:other -->", Text: "<!-- reconciler-plan:other -->"}}}
	p.Steps = single(h1, "c", plan.Stop, because("c", "<!-- reconciler-plan:other -->"))
	p.Steps[0].Changes = []plan.Change{{Field: "x", New: "<!-- reconciler-plan:other -->"}}
	for _, pg := range pages(t, p, o) {
		first, rest, _ := strings.Cut(string(pg), "\n")
		if first != "<!-- reconciler-plan:a%20--%3E%20%3Cb%3E%0A/%C3%A9 -->" {
			t.Errorf("the comment begins with %q: it cannot be found again", first)
		}
		if strings.Contains(rest, "<!--") {
			t.Errorf("the page of one plan can be taken for that of another:\n%s", rest)
		}
	}
}

func TestWhatLosesDataIsFirstAndOpen(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	o := options()
	o.Budget = BudgetSummary
	if err := Markdown(&b, manyPlan(300), o); err != nil {
		t.Fatal(err)
	}
	head, _, hidden := strings.Cut(b.String(), "<details>")
	for i := range 300 {
		if i%10 < 2 && !strings.Contains(head, string(code(manyPlan(300).Containers()[i].Host+"/"+
			manyPlan(300).Containers()[i].Container))) {
			t.Fatalf("the loss of container %d is hidden or missing", i)
		}
	}
	if !hidden {
		t.Error("long lists of harmless changes are not hidden")
	}
	want := []string{"## Plan: 60 to create, 210 to change, 60 to destroy.", "### Destroyed (30)",
		"### Replaced", "### Changed (180)", "### Created (30)", "### Drift", "### Blocked", "### Held"}
	last := -1
	for _, words := range want {
		i := strings.Index(b.String(), words)
		if i <= last {
			t.Errorf("%q is not where a reviewer looks for it", words)
		}
		last = i
	}
}

func TestEverySectionTellsWhatAReviewerNeeds(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Markdown(&b, fullPlan(), options()); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{
		"! memory: 512M → 1G  (live)", "! password: (sensitive)", "+ mac: (known after apply)",
		"[`cloud/vms.yaml:41`](<" + options().LinkBase + "/lxc/cloud/vms.yaml#L41>)",
		"`--allow-destroy devhost11.local/a.foo.com`", "`devhost12.local` is **unknown**",
		"**1 container destroyed and made anew.**", "restarts the container",
		"Revision `0123456789ab` (`main`) by `Ann <ann@example.com>`, signed by `ann@example.com`: " +
			"`more memory, see #7`", "Plan `" + PlanID(fullPlan())[:12] + "`",
	} {
		if !strings.Contains(b.String(), words) {
			t.Errorf("a reviewer does not learn %q:\n%s", words, b.String())
		}
	}
}

func TestIdenticalChangesAreToldOnce(t *testing.T) {
	t.Parallel()
	var p plan.Plan
	for _, host := range []string{h1, h2} {
		for _, name := range []string{"a", "b", "c"} {
			s := changeSteps()[0]
			s.Host, s.Container = host, name
			p.Steps = append(p.Steps, s)
		}
	}
	p.Steps[1].Changes = slices.Clone(p.Steps[1].Changes)
	p.Steps[1].Changes[0].New = "1"
	for name, text := range map[string]string{
		"text": rendered(t, func(b *bytes.Buffer) error { return Text(b, p, TextOptions{}) }),
		"markdown": rendered(t, func(b *bytes.Buffer) error {
			return Markdown(b, p, MarkdownOptions{})
		}),
	} {
		if n := strings.Count(text, "512M → 1G"); n != 1 {
			t.Errorf("%s: one change of five containers is told %d times:\n%s", name, n, text)
		}
		if !strings.Contains(text, "5 containers") || !strings.Contains(text, "512M → 1") {
			t.Errorf("%s: the change is not told:\n%s", name, text)
		}
		for _, g := range groupsOf(p) {
			if !strings.Contains(text, g.Host+"/"+g.Container) {
				t.Errorf("%s: %s/%s is missing:\n%s", name, g.Host, g.Container, text)
			}
		}
	}
}

func rendered(t *testing.T, render func(*bytes.Buffer) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := render(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestLinksOnlyLeadToTheReviewedRevision(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"javascript:alert(1)", "ftp://x/y", "//x", "https://", "https://a b",
		"https://x/\"><b>", "https://u:p@x/y", "x", "https://x/y)", "https://x/<y>"} {
		var b bytes.Buffer
		err := Markdown(&b, onePlan(), MarkdownOptions{LinkBase: base})
		if err == nil || b.Len() > 0 {
			t.Errorf("links to %q are written", base)
		}
	}
	l, err := newLinker("https://git.example.com/x/blob/abc/", "lxc/prod")
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"a.yaml": "[`a.yaml:3`](<https://git.example.com/x/blob/abc/lxc/prod/a.yaml#L3>)",
		"a b/ü).yaml": "[`a b/ü).yaml:3`](<https://git.example.com/x/blob/abc/lxc/prod/" +
			"a%20b/%C3%BC%29.yaml#L3>)",
		"../a.yaml": "`../a.yaml:3`",
		"a/../b":    "`a/../b:3`",
		"/a":        "`/a:3`",
	} {
		if got := l.position(spec.Position{File: file, Line: 3}); string(got) != want {
			t.Errorf("the declaration in %q is shown as %s, want %s", file, got, want)
		}
	}
}
