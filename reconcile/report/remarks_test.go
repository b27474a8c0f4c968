package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// written is one section at one level.
func written(s *section, level int) string {
	p := page{limit: 1 << 20}
	s.levels[level](&p)
	return string(p.b)
}

func TestRemarksSayWhatToDo(t *testing.T) {
	t.Parallel()
	r := reviewer{}
	full := fullPlan()
	for name, c := range map[string]struct {
		section *section
		words   []string // of the first level
		names   []string // of the table of names
	}{
		"blocked": {r.blocked(full.Blocked), []string{
			"**`devhost10.local/safe.foo.com`** `destroy` is blocked (`protected`)\n\n> `it is protected`",
			"To let it through: `--allow-destroy devhost11.local/a.foo.com`",
			"**`devhost11.local/b.foo.com`** `clone` cannot be done (`source`), declared at " +
				"`cloud/vms.yaml:60`", "To mend it: `stop base`",
			"**`devhost11.local`** work cannot be done (`bridge`)",
		}, []string{"| `devhost11.local` | `guard` | 1 | `a.foo.com` | `--allow-destroy",
			"| `devhost11.local` | `bridge` | 1 | - | - |"}},
		"held": {r.held(full.Held), []string{
			"**`devhost10.local/quiet.foo.com`** would be destroyed, is held (`suspended`)",
			"> `suspended by root:`<br>`maintenance of the disks`",
			"! image: debian → busybox  (destroys its data)", "! password: (sensitive)",
		}, []string{"| `devhost10.local` | `drift` | 1 | `night.foo.com` |"}},
		"warnings": {r.warnings(full.Warnings), []string{
			"- `cloud/vms.yaml:20`: `lvm-sratch is a misspelling` (also at `cloud/vms.yaml:21`)" +
				"<br>hint: `write lvm-scratch`", "- `the tree has no networks`\n",
		}, []string{"| `cloud/vms.yaml` | 2 | `line 13`, `line 20` |"}},
		"unmanaged": {r.unmanaged(full.Unmanaged), []string{
			"- `devhost10.local/handmade` (`running`): `it carries no mark`",
		}, []string{"| `devhost10.local` | `running` | 1 | `handmade` |"}},
		"unreachable": {r.unreachable(full.Unreachable), []string{
			"Nothing is known of their containers",
			"- `devhost12.local` is **unknown**: `cannot connect to host:`<br>`connection refused`",
		}, []string{"| `devhost12.local` | 1 | `devhost12.local` |"}},
		"in use": {r.unreachable(inUseFixtures()), []string{
			"- `devhost11.local` is **in use**: `cannot lock host",
		}, nil},
	} {
		whole, names := written(c.section, 0), written(c.section, 1)
		for _, words := range c.words {
			if !strings.Contains(whole, words) {
				t.Errorf("%s: a reviewer does not learn %q:\n%s", name, words, whole)
			}
		}
		for _, words := range c.names {
			if !strings.Contains(names, words) {
				t.Errorf("%s: a table does not say %q:\n%s", name, words, names)
			}
		}
	}
}

func TestLongListsAreHiddenHostByHost(t *testing.T) {
	t.Parallel()
	var held []plan.Held
	for i := range 30 {
		held = append(held, plan.Held{Host: fmt.Sprintf("<h%d>", i/10), Container: fmt.Sprint(i),
			Kind: plan.KindChange, Code: plan.HeldWindow, Text: "later"})
	}
	text := written(reviewer{}.held(held), 0)
	for i := range 3 {
		summary := fmt.Sprintf("<details><summary><code>&lt;h%d&gt;</code>: 10</summary>\n\n", i)
		if strings.Count(text, summary) != 1 {
			t.Errorf("host %d has no summary of its own:\n%s", i, text)
		}
	}
	if short := written(reviewer{}.held(held[:long]), 0); strings.Contains(short, "<details>") {
		t.Errorf("a short list is hidden:\n%s", short)
	}
}

func TestSectionsWithNothingToTellAreLeftOut(t *testing.T) {
	t.Parallel()
	text := rendered(t, func(b *bytes.Buffer) error {
		return Markdown(b, plan.Plan{Unchanged: 3}, MarkdownOptions{})
	})
	if strings.Contains(text, "###") || !strings.HasPrefix(text, "## No changes.\n\n3 containers") {
		t.Errorf("of nothing is told:\n%s", text)
	}
}

func TestAnUnknownHostIsNeverNoChange(t *testing.T) {
	t.Parallel()
	p := plan.Plan{Unchanged: 3, Unreachable: fullPlan().Unreachable}
	for format, render := range formats(p) {
		text := rendered(t, func(b *bytes.Buffer) error { return render(b) })
		if strings.Contains(strings.ToLower(text), "no change") {
			t.Errorf("%s says that nothing changes on a host of which nothing is known:\n%s", format, text)
		}
		if format != "gitlab.json" && !strings.Contains(text, "devhost12.local") {
			t.Errorf("%s does not tell of the host that is unknown:\n%s", format, text)
		}
	}
	text := rendered(t, func(b *bytes.Buffer) error { return Markdown(b, p, MarkdownOptions{}) })
	verdict, _, _ := strings.Cut(text, "Knowledge:")
	if !strings.Contains(verdict, "**Nothing is known of 1 host.**") {
		t.Errorf("the verdict hides what is unknown:\n%s", verdict)
	}
}

func TestEveryFormatIsTheSameEachTimeAndLeavesThePlanAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := randomPlan(t)
		p.Blocked, p.Held, p.Warnings = blockedFixtures(), heldFixtures(), warningFixtures()
		before, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		for format, render := range formats(p) {
			var once, twice bytes.Buffer
			if render(&once) != nil || render(&twice) != nil || once.String() != twice.String() {
				t.Fatalf("%s reads otherwise the second time", format)
			}
		}
		after, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(before), string(after)); diff != "" {
			t.Fatalf("another plan than the shown one is carried out:\n%s", diff)
		}
	})
}

func TestCountsAreThoseOfThePlan(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := randomPlan(t)
		var b bytes.Buffer
		if err := GitLab(&b, p); err != nil {
			t.Fatal(err)
		}
		sum := p.Summary()
		want := fmt.Sprintf(`{"create":%d,"update":%d,"delete":%d}`+"\n", sum.Create,
			sum.Change-tallyOf(groupsOf(p))[records], sum.Destroy)
		if b.String() != want {
			t.Fatalf("the merge request shows %s, want %s", b.String(), want)
		}
	})
}

func TestAPlanFileKeepsItsIdentity(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := randomPlan(t)
		for i := range p.Steps {
			for n := range p.Steps[i].Changes {
				p.Steps[i].Changes[n].Sensitive = rapid.Bool().Draw(t, "sensitive")
			}
			if rapid.IntRange(0, 9).Draw(t, "hostile") == 0 {
				p.Steps[i].Reason.Text = nasty().Draw(t, "text")
				p.Steps[i].Position = spec.Position{File: nasty().Draw(t, "file"), Line: i}
			}
		}
		var b bytes.Buffer
		if err := JSON(&b, p, Meta{}); err != nil {
			t.Fatal(err)
		}
		d, err := ParsePlan(&b)
		if err != nil {
			t.Fatalf("a plan cannot be applied: %v", err)
		}
		if d.PlanID != PlanID(p) {
			t.Fatal("a plan that was written is not the one that is read")
		}
	})
}
