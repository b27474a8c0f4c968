package report

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
)

// destroyPlan destroys n containers, a hundred on each host.
func destroyPlan(n int) plan.Plan {
	var p plan.Plan
	for i := range n {
		p.Steps = append(p.Steps, single(fmt.Sprintf("host%02d.local", i/100),
			fmt.Sprintf("c%05d.foo.com", i), plan.Destroy, because(plan.Undeclared, "gone"))...)
	}
	return p
}

func TestBudgetsAreKeptWithoutCutting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := manyPlan(rapid.SampledFrom([]int{0, 1, 7, 40, 300, 2000}).Draw(t, "containers"))
		if rapid.Bool().Draw(t, "losses") {
			p.Steps = append(p.Steps, destroyPlan(700).Steps...)
		}
		p.Prepare = preparations(rapid.SampledFrom([]int{0, 1, 12, 3000}).Draw(t, "hosts"))
		o := options()
		length := rapid.SampledFrom([]int{1, 5000, 100000}).Draw(t, "length of the subject")
		o.Meta.Subject = strings.Repeat("x", length)
		o.Budget = rapid.IntRange(1200, 200000).Draw(t, "budget")
		var b bytes.Buffer
		if err := Markdown(&b, p, o); err != nil {
			t.Fatal(err)
		}
		if b.Len() > o.Budget {
			t.Fatalf("%d bytes for %d: the server refuses the page", b.Len(), o.Budget)
		}
		sentence, rest := verdictOf(p, tallyOf(groupsOf(p)), TextOptions{Hosts: 2})
		_, page, _ := strings.Cut(b.String(), "\n")
		if !strings.HasPrefix(page, "## "+string(sentence)+"\n") ||
			!strings.Contains(page, "\n"+string(rest)+"\n") {
			t.Fatalf("the verdict is not first and whole:\n%.300s", page)
		}
		open, shut := strings.Count(page, "<details>"), strings.Count(page, "</details>")
		if open != shut || strings.Count(page, "\n```")%2 != 0 || !strings.HasSuffix(page, "\n") {
			t.Fatalf("the page was cut: %d <details>, %d </details>", open, shut)
		}
		checkHeadings(t, p, page)
	})
}

// checkHeadings fails if a section is lost: each says how many it is about.
func checkHeadings(t *rapid.T, p plan.Plan, page string) {
	t.Helper()
	sum := 0
	for _, m := range regexp.MustCompile(`(?m)^### .*\((\d+)\)$`).FindAllStringSubmatch(page, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	if want := len(groupsOf(p)) + len(p.Blocked) + len(p.Held) + len(p.Prepare); sum != want {
		t.Fatalf("the page is about %d of %d containers", sum, want)
	}
}

// counted adds the numbers of the table below a heading, and counts its rows.
func counted(page, heading string) (rows, sum int) {
	_, section, _ := strings.Cut(page, "### "+heading)
	section, _, _ = strings.Cut(section, "\n### ")
	for _, m := range regexp.MustCompile("(?m)^\\| `host.*?\\| (\\d+) \\|").
		FindAllStringSubmatch(section, -1) {
		n, _ := strconv.Atoi(m[1])
		rows, sum = rows+1, sum+n
	}
	return rows, sum
}

func TestFiveThousandContainersFitIntoAComment(t *testing.T) {
	t.Parallel()
	p := manyPlan(5000)
	text := rendered(t, func(b *bytes.Buffer) error { return Markdown(b, p, options()) })
	if len(text) > BudgetComment {
		t.Fatalf("%d bytes: GitHub loses the comment", len(text))
	}
	for _, g := range groupsOf(p) {
		if g.loses() && !strings.Contains(text, "`"+g.Container+"`") {
			t.Fatalf("the loss of %s is not told by name", g.Container)
		}
	}
	if !strings.Contains(text, "Plan: 1000 to create, 3500 to change, 1000 to destroy.") {
		t.Error("the verdict is wrong")
	}
	// Half of what is changed differs from all others and needs too much room.
	if rows, sum := counted(text, "Changed"); rows != 50 || sum != 3000 {
		t.Errorf("the changes of %d hosts sum up to %d, not 3000 on 50", rows, sum)
	}
	if !strings.Contains(text, "**1500 containers on 50 hosts** will be changed (live): "+
		"`memory: 512M → 1G`") {
		t.Error("nobody learns what half of the changes have in common")
	}
}

func TestLossesAreCountedOnlyWhenTheirNamesDoNotFit(t *testing.T) {
	t.Parallel()
	p := destroyPlan(5000)
	p.Steps = append(p.Steps, onePlan().Steps...)
	text := rendered(t, func(b *bytes.Buffer) error { return Markdown(b, p, options()) })
	if rows, sum := counted(text, "Destroyed"); rows != 50 || sum != 5000 {
		t.Errorf("the losses of %d hosts sum up to %d, not 5000 on 50", rows, sum)
	}
	if !strings.Contains(text, "Not listed by name, there are too many") {
		t.Error("nobody learns that the names are missing")
	}
	if !strings.Contains(text, "`it is stopped and shall run`") {
		t.Error("what fits beside is left out")
	}
	o := options()
	o.Budget = BudgetSummary
	text = rendered(t, func(b *bytes.Buffer) error { return Markdown(b, p, o) })
	for i := range 5000 {
		if !strings.Contains(text, fmt.Sprintf("c%05d.foo.com`", i)) {
			t.Fatalf("the loss of container %d is not told by name where there is room", i)
		}
	}
}

func TestTheVerdictNeedsRoom(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Markdown(&b, manyPlan(20), MarkdownOptions{Budget: 50}); err == nil || b.Len() > 0 {
		t.Errorf("a part of the verdict is written: %q, %v", b.String(), err)
	}
}

func TestTheLongestSectionLosesDetailFirst(t *testing.T) {
	t.Parallel()
	make := func(keep int, sizes ...int) *section {
		s := &section{n: 1, keep: keep}
		for _, n := range sizes {
			s.levels = append(s.levels, func(p *page) { p.add(inert(strings.Repeat("x", n))) })
		}
		return s
	}
	cases := []struct {
		budget   int
		sections []*section
		want     []int
	}{
		{100, []*section{make(0, 60, 10), make(0, 40, 10)}, []int{0, 0}},
		{99, []*section{make(0, 60, 10), make(0, 40, 10)}, []int{1, 0}},
		{49, []*section{make(0, 60, 10), make(0, 40, 10)}, []int{1, 1}},
		{60, []*section{make(1, 60, 50, 5), make(0, 40, 10)}, []int{1, 1}},
		{59, []*section{make(1, 60, 50, 5), make(0, 40, 10)}, []int{2, 0}},
		{14, []*section{make(1, 60, 50, 5), make(0, 40, 10)}, nil},
	}
	for _, c := range cases {
		_, ok := compose(c.sections, c.budget)
		var got []int
		for _, s := range c.sections {
			got = append(got, s.level)
		}
		if ok != (c.want != nil) || ok && !slices.Equal(got, c.want) {
			t.Errorf("in %d bytes the sections are told at levels %v (%v), want %v", c.budget, got,
				ok, c.want)
		}
	}
}
