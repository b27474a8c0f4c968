package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// lastLine is where scripts and people look for the verdict.
func lastLine(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1]
}

func TestVerdictOfAPlan(t *testing.T) {
	t.Parallel()
	gone := because(plan.Undeclared, "it is no longer declared")
	guard := plan.Blocked{Host: h1, Container: "c", Code: plan.BlockedGuard}
	lost := plan.Unreachable{Host: h2}
	cases := []struct {
		plan  plan.Plan
		hosts int
		want  string
	}{
		{plan.Plan{}, 0, "No changes. 0 containers match the tree."},
		{plan.Plan{Unchanged: 1}, 1, "No changes. 1 container on 1 host matches the tree."},
		{plan.Plan{Unchanged: 10}, 3, "No changes. 10 containers on 3 hosts match the tree."},
		{plan.Plan{Unmanaged: []plan.Unmanaged{{Host: h1}}, Warnings: warningFixtures()}, 1,
			"No changes. 0 containers on 1 host match the tree."},
		{plan.Plan{Prepare: preparations(1)}, 1,
			"Plan: 1 host to prepare, 0 to create, 0 to change, 0 to destroy."},
		{plan.Plan{Prepare: preparations(3), Steps: createSteps("c")}, 3,
			"Plan: 3 hosts to prepare, 1 to create, 0 to change, 0 to destroy."},
		{onePlan(), 1, "Plan: 0 to create, 1 to change, 0 to destroy. 2 unchanged."},
		{plan.Plan{Steps: createSteps("c")}, 1, "Plan: 1 to create, 0 to change, 0 to destroy."},
		{plan.Plan{Steps: replaceSteps()}, 1, "Plan: 1 to create, 0 to change, 1 to destroy."},
		{plan.Plan{Steps: single(h1, "c", plan.Destroy, gone)}, 1,
			"Plan: 0 to create, 0 to change, 1 to destroy."},
		{plan.Plan{Steps: single(h1, "c", plan.Forget, gone)}, 1,
			"Plan: 0 to create, 0 to change, 0 to destroy. 1 only in the record."},
		{plan.Plan{Blocked: []plan.Blocked{guard}}, 1,
			"Plan: 0 to create, 0 to change, 0 to destroy. 1 blocked."},
		{plan.Plan{Held: heldFixtures()[:1]}, 1,
			"Plan: 0 to create, 0 to change, 0 to destroy. 1 held."},
		{plan.Plan{Held: heldFixtures(), Blocked: []plan.Blocked{guard}, Unchanged: 2}, 1,
			"Plan: 0 to create, 0 to change, 0 to destroy. 2 unchanged, 1 blocked, 5 held."},
		{plan.Plan{Unreachable: []plan.Unreachable{lost, lost}, Unchanged: 4}, 1,
			"Plan: 0 to create, 0 to change, 0 to destroy. 4 unchanged, 2 hosts unreachable."},
		{plan.Plan{Unreachable: append(inUseFixtures(), lost)}, 1,
			"Plan: 0 to create, 0 to change, 0 to destroy. 1 host unreachable, 1 host in use by " +
				"another run."},
	}
	for _, c := range cases {
		var b bytes.Buffer
		if err := Text(&b, c.plan, TextOptions{Hosts: c.hosts}); err != nil {
			t.Fatal(err)
		}
		if got := lastLine(b.String()); got != c.want {
			t.Errorf("the plan ends with %q, want %q", got, c.want)
		}
	}
}

func TestVerdictOfAResult(t *testing.T) {
	t.Parallel()
	full := fullPlan()
	one := onePlan()
	cases := []struct {
		plan   plan.Plan
		result execute.Result
		want   string
	}{
		{one, execute.Result{Outcomes: outcomesOf(one)},
			"Done: 0 created, 1 changed, 0 destroyed, 0 failed. 2 unchanged."},
		{one, interruptedResult(plan.Plan{Steps: append(templateSteps(), one.Steps...)}),
			"Done: 1 created, 0 changed, 0 destroyed, 0 failed. 1 not finished, 2 unchanged."},
		{plan.Plan{Steps: full.Steps}, execute.Result{Outcomes: outcomesOf(full)},
			"Done: 4 created, 4 changed, 3 destroyed, 0 failed. 2 only in the record."},
		{plan.Plan{Steps: one.Steps, Held: full.Held}, execute.Result{Outcomes: outcomesOf(one)},
			"Done: 0 created, 1 changed, 0 destroyed, 0 failed. 5 held."},
		{plan.Plan{Held: full.Held[:1], Unchanged: 3}, execute.Result{},
			"Done: 0 created, 0 changed, 0 destroyed, 0 failed. 3 unchanged, 1 held."},
		{plan.Plan{Unreachable: full.Unreachable, Blocked: full.Blocked[:1]}, execute.Result{},
			"Done: 0 created, 0 changed, 0 destroyed, 0 failed. 1 blocked, 1 host unreachable."},
		{plan.Plan{}, execute.Result{Interrupted: true},
			"Done: 0 created, 0 changed, 0 destroyed, 0 failed."},
		{plan.Plan{Unchanged: 3}, execute.Result{}, "No changes. 3 containers match the tree."},
	}
	for _, c := range cases {
		var b bytes.Buffer
		if err := ResultText(&b, c.result, c.plan, TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := lastLine(b.String()); got != c.want {
			t.Errorf("the result ends with %q, want %q", got, c.want)
		}
	}
}

func TestEverythingBlockedSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := Text(&b, fullPlan(), TextOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, blocked := range blockedFixtures() {
		head := "! " + string(address(blocked.Host, blocked.Container)) + ": "
		_, after, found := strings.Cut(b.String(), head)
		if !found {
			t.Errorf("%s is not in the plan", head)
			continue
		}
		own, _, _ := strings.Cut(after, "\n  ! ")
		first, _, _ := strings.Cut(own, "\n")
		for _, words := range []string{blocked.Text, "(" + blocked.Code + ")"} {
			if !strings.Contains(first, words) {
				t.Errorf("the line %q does not say %q", first, words)
			}
		}
		if !strings.Contains(own, blocked.Unblock) {
			t.Errorf("the user does not learn to %q:\n%s", blocked.Unblock, own)
		}
		if p := blocked.Position; p.File != "" && !strings.Contains(own, p.String()) {
			t.Errorf("the user does not learn where %s is declared", head)
		}
	}
}

func TestEverythingHeldSaysWhatWouldBeDoneAndWhy(t *testing.T) {
	t.Parallel()
	full := fullPlan()
	for name, render := range map[string]func(w io.Writer) error{
		"plan": func(w io.Writer) error { return Text(w, full, TextOptions{}) },
		"result": func(w io.Writer) error {
			return ResultText(w, failedResult(full), full, TextOptions{})
		},
	} {
		var b bytes.Buffer
		if err := render(&b); err != nil {
			t.Fatal(err)
		}
		_, section, _ := strings.Cut(b.String(), "\nHeld (5):\n")
		section, _, _ = strings.Cut(section, "\n\n")
		for _, words := range []string{
			"= devhost10.local/night.foo.com: would be changed, is held (window): its next window",
			"~ memory: 512M → 1G", "~ password: (sensitive)", "declared at cloud/vms.yaml:70",
			"night.foo.com: would be changed, is held (drift): changed on the host: mac",
			"~ mac: 00:16:3e:00:00:01 → 00:16:3e:00:00:02  (restarts the container; " +
				"changed outside the tree)",
			"quiet.foo.com: would be destroyed, is held (suspended): suspended by root:\n" +
				"      maintenance of the disks",
			"copy.foo.com: would be created, is held (needs): its source \"gold\" is held (backoff)",
			"gold: would be replaced, is held (backoff): it failed 3 times", "~ image: debian → busybox",
		} {
			if !strings.Contains(section, words) {
				t.Errorf("the reader of a %s does not learn %q:\n%s", name, words, section)
			}
		}
	}
}

// A planner leaves out what is secret; a report does not rely on it.
func TestHeldChangesShowNoSecret(t *testing.T) {
	t.Parallel()
	p := plan.Plan{Held: []plan.Held{{Host: h1, Container: "c", Kind: plan.KindChange,
		Code: plan.HeldWindow, Text: "later", Changes: []plan.Change{
			{Field: "password", Old: "hunter1", New: "hunter2"},
			{Field: "other", Old: "hunter1", New: "hunter2", Sensitive: true},
		}}}}
	var b bytes.Buffer
	if err := errors.Join(Text(&b, p, TextOptions{}), JSON(&b, p, Meta{}),
		ResultText(&b, execute.Result{}, p, TextOptions{}), ResultJSON(&b, execute.Result{}, p, Meta{}),
	); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "hunter") {
		t.Errorf("a report shows a password:\n%s", b.String())
	}
	if p.Held[0].Changes[0].Old != "hunter1" {
		t.Error("rendering changed the plan")
	}
}

// TestKeysOfTheDocuments fails when a key that readers rely on is renamed or lost.
func TestKeysOfTheDocuments(t *testing.T) {
	t.Parallel()
	p := fullPlan()
	var planJSON, resultJSON bytes.Buffer
	if err := JSON(&planJSON, p, meta()); err != nil {
		t.Fatal(err)
	}
	if err := ResultJSON(&resultJSON, failedResult(p), p, meta()); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		text []byte
		want []string
	}{
		"plan": {planJSON.Bytes(), []string{
			"blocked", "containers", "errored", "format_version", "held", "knowledge", "meta",
			"plan_id", "prepare", "resource_changes", "resource_drift", "rollouts", "steps", "summary",
			"unmanaged", "unreachable", "warnings",
		}},
		"result": {resultJSON.Bytes(), []string{
			"blocked", "containers", "format_version", "held", "hosts", "interrupted", "meta", "summary",
			"unmanaged", "unreachable", "warnings",
		}},
	}
	for name, c := range cases {
		var document map[string]json.RawMessage
		if err := json.Unmarshal(c.text, &document); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, slices.Sorted(maps.Keys(document))); diff != "" {
			t.Errorf("readers of a %s miss a key (-want +got):\n%s", name, diff)
		}
	}
}

func TestReportsLeaveTheirInputAlone(t *testing.T) {
	t.Parallel()
	p := fullPlan()
	r := failedResult(p)
	for range 2 {
		var b bytes.Buffer
		for _, err := range []error{
			Text(&b, p, TextOptions{Color: true}), JSON(&b, p, Meta{}),
			ResultText(&b, r, p, TextOptions{}), ResultJSON(&b, r, p, Meta{}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if diff := cmp.Diff(fullPlan(), p); diff != "" {
		t.Errorf("a run would carry out another plan than was shown (-before +after):\n%s", diff)
	}
}

// TestColumnsAreAligned: every cell of a column begins where its heading begins.
func TestColumnsAreAligned(t *testing.T) {
	t.Parallel()
	cell := rapid.StringMatching(`[a-zäöü0-9./:]{0,12}`)
	rapid.Check(t, func(t *rapid.T) {
		header := []string{"FIRST", "SECOND", "THIRD"}
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, 3, 3), 0, 8).Draw(t, "rows")
		var b bytes.Buffer
		p := newPrinter(&b, TextOptions{})
		p.table(header, rows)
		if err := p.close(); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if len(lines) != len(rows)+1 {
			t.Fatalf("%d lines for %d rows", len(lines), len(rows))
		}
		for n, row := range rows {
			line := lines[n+1]
			if strings.TrimRight(line, " ") != line {
				t.Fatalf("line %q ends in blanks", line)
			}
			for i, name := range header {
				at := strings.Index(lines[0], name)
				want := row[i]
				switch {
				case want == "":
					want = "-"
				case i == 0:
					want = string(withoutCommand(safe(want)))
				}
				got := string([]rune(line)[at:][:utf8.RuneCountInString(want)])
				if got != want {
					t.Fatalf("column %s of %q reads %q, want %q", name, line, got, want)
				}
			}
		}
	})
}

func TestShowMarksWhatIsNotActedOn(t *testing.T) {
	t.Parallel()
	s := Settings{Host: h1, Container: "c", Settings: []Setting{
		{Key: "mode", Value: "salt", Layer: "container", Position: at(4)},
		{Key: "size", Value: "10737418240", Layer: "profile", Class: spec.Recreate, Acted: true},
	}}
	var b bytes.Buffer
	if err := s.Text(&b, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(b.String(), "\n")
	if !strings.HasSuffix(lines[2], "not acted on yet") ||
		!strings.Contains(lines[2], at(4).String()) {
		t.Errorf("a setting without effect looks like one with: %q", lines[2])
	}
	if strings.Contains(lines[3], "not acted") || !strings.Contains(lines[3], "10G") {
		t.Errorf("a setting with effect is shown as %q", lines[3])
	}
}
