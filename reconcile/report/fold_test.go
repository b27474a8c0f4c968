package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// randomPlan draws containers that often have the same fate.
func randomPlan(t *rapid.T) plan.Plan {
	var p plan.Plan
	n := rapid.IntRange(0, 30).Draw(t, "containers")
	for i := range n {
		s := plan.Step{Host: fmt.Sprintf("h%d", i/10), Container: fmt.Sprintf("c%02d", i),
			Template: rapid.IntRange(0, 9).Draw(t, "template") == 0,
			Class:    rapid.SampledFrom([]spec.Class{"", spec.Live, spec.Restart}).Draw(t, "class"),
			Reason: plan.Reason{Code: rapid.SampledFrom([]string{plan.Changed, plan.Drift}).Draw(t,
				"code"), Text: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "text")}}
		if rapid.Bool().Draw(t, "declared") {
			s.Position = at(i + 1)
		}
		for _, field := range []string{"memory", "mac"} {
			if rapid.Bool().Draw(t, field) {
				s.Changes = append(s.Changes, plan.Change{Field: field,
					Old:     rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, "old"),
					New:     rapid.SampledFrom([]string{"", "3"}).Draw(t, "new"),
					Unknown: rapid.IntRange(0, 5).Draw(t, "unknown") == 0,
					Drift:   s.Reason.Code == plan.Drift})
			}
		}
		p.Steps = append(p.Steps, stepsOf(s, rapid.SampledFrom([][]plan.Action{
			{plan.Configure}, {plan.Stop, plan.Start}, {plan.Note}, {plan.Forget},
			{plan.Clone, plan.Start}, {plan.Destroy}, {plan.Destroy, plan.Create},
		}).Draw(t, "actions")...)...)
	}
	return p
}

// told is everything about a container but its name and its place.
func told(g group) string {
	return fmt.Sprint(g.kind, g.Template, g.class(), g.reasons(), g.codes(), g.changes(), g.needs(),
		stepNames(g.Steps), g.position().File)
}

func TestOnlyWhatIsTheSameIsFolded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		groups := groupsOf(randomPlan(t))
		var all []string
		seen := map[string]int{}
		for _, f := range foldsOf(groups) {
			if len(f) > 1 && (len(f) < foldFrom || f[0].loses()) {
				t.Fatalf("%d containers are folded that lose data: %v", len(f), f[0].loses())
			}
			for _, g := range f {
				if told(g) != told(f[0]) {
					t.Fatalf("%s hides behind %s:\n%s\n%s", g.Container, f[0].Container, told(g),
						told(f[0]))
				}
				all = append(all, g.Container)
			}
			if !f[0].loses() {
				if seen[told(f[0])] += 1; len(f) > 1 && seen[told(f[0])] > 1 {
					t.Fatalf("the same is told twice: %s", told(f[0]))
				}
			}
		}
		slices.Sort(all)
		var want []string
		for _, g := range groups {
			want = append(want, g.Container)
		}
		if diff := cmp.Diff(want, all); diff != "" {
			t.Fatalf("containers are lost (-plan +folds):\n%s", diff)
		}
	})
}

func TestEveryFormatTellsOfEveryContainer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := randomPlan(t)
		var text, page strings.Builder
		if err := Text(&text, p, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := Markdown(&page, p, MarkdownOptions{}); err != nil {
			t.Fatal(err)
		}
		d := Document(p, Meta{})
		for i, g := range groupsOf(p) {
			name := g.Host + "/" + g.Container
			if !strings.Contains(text.String(), name) || !strings.Contains(page.String(), "`"+name+"`") {
				t.Fatalf("nobody learns of %s", name)
			}
			r := d.ResourceChanges[i]
			if r.Host != g.Host || r.Container != g.Container ||
				(r.Actions[0] == "delete") != g.loses() {
				t.Fatalf("programs think that %s gets %v", name, r.Actions)
			}
			checkValues(t, g, r)
		}
		drift := 0
		for _, g := range groupsOf(p) {
			drift += min(1, len(driftOf(g.changes())))
		}
		if len(d.ResourceDrift) != drift {
			t.Fatalf("drift of %d containers is told, want %d", len(d.ResourceDrift), drift)
		}
	})
}

// checkValues fails if a value is told other than it is planned.
func checkValues(t *rapid.T, g group, r ResourceChange) {
	t.Helper()
	for _, c := range g.changes() {
		before, hasBefore := r.Before[c.Field]
		after, hasAfter := r.After[c.Field]
		if before != c.Old || hasBefore != (c.Old != "") || r.AfterUnknown[c.Field] != c.Unknown ||
			hasAfter != (c.New != "" && !c.Unknown) || hasAfter && after != c.New {
			t.Fatalf("the change %+v is told as %+v", c, r)
		}
	}
}
