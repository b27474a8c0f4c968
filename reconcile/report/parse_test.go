package report

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
)

func TestAPlanFileIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]plan.Plan{"none": {}, "full": fullPlan(), "many": manyPlan(300)} {
		var b bytes.Buffer
		if err := JSON(&b, p, gitMeta()); err != nil {
			t.Fatal(err)
		}
		d, err := ParsePlan(&b)
		if err != nil {
			t.Fatalf("%s: a reviewed plan cannot be applied: %v", name, err)
		}
		if diff := cmp.Diff(Document(p, gitMeta()), d, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: another plan is applied (-reviewed +read):\n%s", name, diff)
		}
		if d.PlanID != PlanID(p) {
			t.Errorf("%s: the plan cannot be compared", name)
		}
	}
}

func TestPlanFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	text := rendered(t, func(b *bytes.Buffer) error { return JSON(b, fullPlan(), Meta{}) })
	later := strings.Replace(text, `"format_version": "1.3"`, `"format_version": "1.99", "x": [1]`, 1)
	if _, err := ParsePlan(strings.NewReader(later)); err != nil {
		t.Errorf("a later minor version is refused: %v", err)
	}
	for name, c := range map[string]struct{ text, says string }{
		"another major": {strings.Replace(text, `"1.3"`, `"2.0"`, 1), `version "2.0", only 1.x`},
		"no version":    {"{}", `version "", only 1.x`},
		"10 is not 1":   {strings.Replace(text, `"1.3"`, `"10.2"`, 1), `version "10.2"`},
		"half a file":   {text[:len(text)/2], "cannot read plan"},
		"two files":     {text + text, "cannot read plan"},
		"no JSON":       {"Plan: 0 to create", "cannot read plan"},
		"nothing":       {"", "cannot read plan"},
		"another host": {strings.ReplaceAll(text, `"container": "web.foo.com"`,
			`"container": "db2.foo.com"`), "was changed after it was made"},
		"another value": {strings.ReplaceAll(text, `"new": "1073741824"`, `"new": "2147483648"`),
			"was changed after it was made"},
		"unblocked": {strings.ReplaceAll(text, `"code": "guard"`, `"code": "none"`),
			"was changed after it was made"},
	} {
		_, err := ParsePlan(strings.NewReader(c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: want an error with %q, got %v", name, c.says, err)
		}
	}
	broken := iotest.ErrReader(errDiskFull{})
	if _, err := ParsePlan(broken); !errors.Is(err, errDiskFull{}) {
		t.Errorf("a file that cannot be read: %v", err)
	}
	edited := strings.ReplaceAll(text, `"action": "start"`, `"action": "stop"`)
	if _, err := ParsePlan(strings.NewReader(edited)); !errors.Is(err, ErrEdited) {
		t.Errorf("an edited plan passes for the reviewed one: %v", err)
	}
}

func TestPlanIDIsTheSameInAnyOrder(t *testing.T) {
	t.Parallel()
	want := PlanID(fullPlan())
	rapid.Check(t, func(t *rapid.T) {
		p := fullPlan()
		items := rapid.Permutation(p.Containers()).Draw(t, "containers")
		p.Steps = nil
		for _, it := range items {
			p.Steps = append(p.Steps, it.Steps...)
		}
		p.Blocked = rapid.Permutation(p.Blocked).Draw(t, "blocked")
		p.Held = rapid.Permutation(p.Held).Draw(t, "held")
		if got := PlanID(p); got != want {
			t.Fatal("the same plan does not look like the one that was reviewed")
		}
	})
}

func TestPlanIDTellsPlansApart(t *testing.T) {
	t.Parallel()
	ids := map[string]string{PlanID(fullPlan()): "the plan itself"}
	for name, edit := range map[string]func(p *plan.Plan){
		"a step less":       func(p *plan.Plan) { p.Steps = p.Steps[1:] },
		"steps swapped":     func(p *plan.Plan) { p.Steps[1].Action = plan.Start },
		"another uid":       func(p *plan.Plan) { p.Steps[0].UID = "1" },
		"another host":      func(p *plan.Plan) { p.Steps[0].Host = "x" },
		"another value":     func(p *plan.Plan) { p.Steps[0].Changes[0].New = "x" },
		"another old value": func(p *plan.Plan) { p.Steps[0].Changes[0].Old = "x" },
		"a need more":       func(p *plan.Plan) { p.Steps[0].Needs = []string{"x"} },
		"another reason":    func(p *plan.Plan) { p.Steps[0].Reason.Code = plan.Drift },
		"less blocked":      func(p *plan.Plan) { p.Blocked = p.Blocked[1:] },
		"a host to prepare": func(p *plan.Plan) { p.Prepare = preparations(1) },
		"two of them":       func(p *plan.Plan) { p.Prepare = preparations(2) },
		"prepared otherwise": func(p *plan.Plan) {
			p.Prepare = preparations(1)
			p.Prepare[0].Changes[0].New = "x"
		},
		"less held":      func(p *plan.Plan) { p.Held = p.Held[1:] },
		"held otherwise": func(p *plan.Plan) { p.Held[0].Code = plan.HeldBackoff },
	} {
		p := fullPlan()
		edit(&p)
		id := PlanID(p)
		if other, known := ids[id]; known {
			t.Errorf("%s looks like %s: another plan than the reviewed one is applied", name, other)
		}
		ids[id] = name
	}
}

func TestPlanIDIsOfWhatIsDoneAlone(t *testing.T) {
	t.Parallel()
	want := PlanID(fullPlan())
	for name, edit := range map[string]func(p *plan.Plan){
		"a comment above":   func(p *plan.Plan) { p.Steps[3].Position.Line++ },
		"another sentence":  func(p *plan.Plan) { p.Steps[0].Reason.Text = "x" },
		"time goes by":      func(p *plan.Plan) { p.Held[4].Text = "the next try is at 12:31" },
		"a warning":         func(p *plan.Plan) { p.Warnings = nil },
		"a password":        func(p *plan.Plan) { sensitive(p).Old = "hunter2" },
		"another container": func(p *plan.Plan) { p.Unchanged++ },
	} {
		p := fullPlan()
		edit(&p)
		if PlanID(p) != want {
			t.Errorf("after %s the reviewed plan cannot be applied", name)
		}
	}
	before := fullPlan()
	PlanID(before)
	if diff := cmp.Diff(fullPlan(), before); diff != "" {
		t.Errorf("the plan was changed (-before +after):\n%s", diff)
	}
}

// sensitive is the first change that must not be told.
func sensitive(p *plan.Plan) *plan.Change {
	for _, s := range p.Steps {
		if i := slices.IndexFunc(s.Changes, func(c plan.Change) bool { return c.Sensitive }); i >= 0 {
			return &s.Changes[i]
		}
	}
	return nil
}
