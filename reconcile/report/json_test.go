package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

func TestPlanSurvivesTheRoundTrip(t *testing.T) {
	t.Parallel()
	p := fullPlan()
	var b bytes.Buffer
	if err := JSON(&b, p, meta()); err != nil {
		t.Fatal(err)
	}
	var d PlanDocument
	decoder := json.NewDecoder(&b)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		t.Fatalf("a reader cannot read the plan: %v", err)
	}
	if diff := cmp.Diff(Document(p, meta()), d, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("a reader sees another plan (-written +read):\n%s", diff)
	}
	if diff := cmp.Diff(p.Steps, d.Steps, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("steps are lost or reordered (-plan +read):\n%s", diff)
	}
	if diff := cmp.Diff(p.Blocked, d.Blocked); diff != "" {
		t.Errorf("what is blocked is lost (-plan +read):\n%s", diff)
	}
	if diff := cmp.Diff(p.Held, d.Held, cmpopts.EquateEmpty()); diff != "" || d.Summary.Held != 5 {
		t.Errorf("%d are held, and what is held is lost (-plan +read):\n%s", d.Summary.Held, diff)
	}
	if len(d.Warnings) != len(p.Warnings) || d.Warnings[1].Hint != p.Warnings[1].Hint {
		t.Errorf("warnings are lost: %v", d.Warnings)
	}
	if d.Summary.Unchanged != p.Unchanged {
		t.Errorf("unchanged = %d, want %d", d.Summary.Unchanged, p.Unchanged)
	}
}

func TestResultSurvivesTheRoundTrip(t *testing.T) {
	t.Parallel()
	p := fullPlan()
	var b bytes.Buffer
	if err := ResultJSON(&b, failedResult(p), p, meta()); err != nil {
		t.Fatal(err)
	}
	var d ResultDocument
	decoder := json.NewDecoder(&b)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		t.Fatalf("a reader cannot read the result: %v", err)
	}
	steps := 0
	byStatus := map[string]int{}
	for _, c := range d.Containers {
		steps += len(c.Steps)
		byStatus[c.Status]++
		if c.Container == "db.foo.com" && !c.Steps[2].Permanent {
			t.Error("the result does not say that trying again is useless")
		}
	}
	if steps != len(p.Steps) {
		t.Errorf("%d steps of %d are in the result", steps, len(p.Steps))
	}
	want := map[string]int{"done": 8, "failed": 3, "skipped": 1}
	if diff := cmp.Diff(want, byStatus); diff != "" {
		t.Errorf("fates (-want +got):\n%s", diff)
	}
	if d.Summary.Failed != 3 || d.Summary.Skipped != 1 {
		t.Errorf("summary %+v does not count the failures", d.Summary)
	}
}

func TestEmptyListsAreNotNull(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	err := errors.Join(
		JSON(&b, plan.Plan{}, Meta{}),
		ResultJSON(&b, execute.Result{}, plan.Plan{}, Meta{}),
		ResultJSON(&b, execute.Result{Outcomes: []execute.Outcome{{}}}, plan.Plan{}, Meta{}),
		Settings{}.JSON(&b), Status{}.JSON(&b), Records{}.JSON(&b), Validation{}.JSON(&b),
	)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Errorf("a reader has to expect null:\n%s", b.String())
	}
	if n := strings.Count(b.String(), `"format_version": "1.3"`); n != 7 {
		t.Errorf("%d of 7 documents say their version", n)
	}
}

// full is a writer whose disk is full.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errDiskFull{} }

type errDiskFull struct{}

func (errDiskFull) Error() string { return "no space left on device" }

func TestALostReportIsAnError(t *testing.T) {
	t.Parallel()
	p := fullPlan()
	errs := map[string]error{
		"plan text":   Text(full{}, p, TextOptions{}),
		"plan json":   JSON(full{}, p, Meta{}),
		"result text": ResultText(full{}, failedResult(p), p, TextOptions{}),
		"result json": ResultJSON(full{}, failedResult(p), p, Meta{}),
		"status":      Status{}.Text(full{}, TextOptions{}),
		"validate":    Validation{}.Text(full{}, TextOptions{}),
		"show":        Settings{}.Text(full{}, TextOptions{}),
		"record":      RecordRow{}.Text(full{}, TextOptions{}),
		"records":     Records{}.Text(full{}, TextOptions{}),
	}
	for name, err := range errs {
		if !errors.Is(err, errDiskFull{}) {
			t.Errorf("%s: the user does not learn that the report is lost: %v", name, err)
		}
	}
}
