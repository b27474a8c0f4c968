package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// rollingPlan changes three hosts, a canary first; another group has stopped.
func rollingPlan() plan.Plan {
	p := plan.Plan{
		Rollouts: []plan.Rollout{
			{Group: "api", Waves: []plan.Wave{}, Stopped: `canary host "a1" failed: container "c" ` +
				"failed: no address\nin time", Failed: []plan.FailedHost{{Host: "a1", Text: "no address"}}},
			{Group: "web", MaxParallel: 1, Position: spec.Position{File: "groups.yaml", Line: 3},
				Waves: []plan.Wave{{Kind: plan.WaveCanary, Hosts: []string{"h1"}},
					{Kind: plan.WaveRest, Hosts: []string{"h2", "h3"}}}},
		},
		Held: []plan.Held{{Host: "a2", Container: "c", Kind: plan.KindChange, Code: plan.HeldRollout,
			Text: `the rollout of group "api" waits: canary host "a1" failed`}},
	}
	for _, h := range []string{"h1", "h2", "h3"} {
		p.Steps = append(p.Steps, plan.Step{Host: h, Container: "web", Action: plan.Configure,
			Rollout: "web", Reason: plan.Reason{Code: plan.Changed, Text: "the declaration changed: memory"},
			Changes: []plan.Change{{Field: "memory", Old: "64M", New: "128M", Class: spec.Live}}})
	}
	return p
}

// rollingResult is that plan with a canary that failed.
func rollingResult(p plan.Plan) execute.Result {
	var r execute.Result
	for i, s := range p.Steps {
		o := execute.Outcome{Host: s.Host, Container: s.Container, Refused: i > 0,
			Steps: []execute.StepResult{{Step: s, Status: execute.Skipped,
				Message: `not begun: canary host "h1" of group "web" failed`}}}
		if i == 0 {
			o.Steps[0] = execute.StepResult{Step: s, Status: execute.Failed, Attempts: 1,
				Err: fmt.Errorf("no space left on device")}
		}
		r.Outcomes = append(r.Outcomes, o)
	}
	return r
}

func TestRolloutGoldens(t *testing.T) {
	t.Parallel()
	p := rollingPlan()
	r := rollingResult(p)
	golden(t, "plan-rollout.txt", func(w io.Writer) error { return Text(w, p, TextOptions{}) })
	golden(t, "plan-rollout.json", func(w io.Writer) error { return JSON(w, p, meta()) })
	golden(t, "plan-rollout.md", func(w io.Writer) error {
		return Markdown(w, p, MarkdownOptions{Meta: meta(), LinkBase: "https://git.example.com/x"})
	})
	golden(t, "result-rollout.txt", func(w io.Writer) error {
		return ResultText(w, r, p, TextOptions{})
	})
	golden(t, "result-rollout.json", func(w io.Writer) error { return ResultJSON(w, r, p, meta()) })
}

func TestWhatARolloutIsCalled(t *testing.T) {
	t.Parallel()
	waves := func(text string) (list []plan.Wave) {
		for part := range strings.SplitSeq(text, " | ") {
			words := strings.Fields(part)
			list = append(list, plan.Wave{Kind: plan.WaveKind(words[0]), Hosts: words[1:]})
		}
		return list
	}
	one := []plan.FailedHost{{Host: "x"}}
	tests := []struct {
		rollout plan.Rollout
		want    string
	}{
		{plan.Rollout{Waves: waves("canary h1 | rest h2 h3 h4"), MaxParallel: 2},
			"canary h1, then h2, h3, h4, 2 hosts at a time; stops after 1 failed host"},
		{plan.Rollout{Waves: waves("canary h1 h2"), MaxParallel: 2, MaxFailures: 1},
			"canaries h1, h2; stops after 2 failed hosts"},
		{plan.Rollout{Waves: waves("rest h1 h2 h3"), MaxParallel: 1, MaxFailures: 2, Failed: one},
			"h1, h2, h3, 1 host at a time; stops after 3 failed hosts, of which there is 1 already"},
		{plan.Rollout{Waves: waves("rest h1 h2 h3 h4 h5 h6 h7")},
			"h1, h2, h3, h4, h5 and 2 more; stops after 1 failed host"},
		{plan.Rollout{Waves: waves("again h2"), Stopped: "why", Failed: one},
			"h2 where something failed before; no further host begins"},
		{plan.Rollout{Stopped: "why", Failed: one}, "no further host begins"},
	}
	for _, tt := range tests {
		tt.rollout.Group = "web"
		if got := string(rolloutText(tt.rollout, clean)); got != "Rollout of web: "+tt.want {
			t.Errorf("a reader is told\n%s\nwant\nRollout of web: %s", got, tt.want)
		}
	}
}

// A plan that would change the hosts in another order is another plan: apply must not take it for
// the one that was reviewed.
func TestTheOrderOfHostsIsPartOfAPlansIdentity(t *testing.T) {
	t.Parallel()
	id := PlanID(rollingPlan())
	for what, change := range map[string]func(*plan.Rollout){
		"no canary":     func(r *plan.Rollout) { r.Waves[0].Kind = plan.WaveRest },
		"another one":   func(r *plan.Rollout) { r.Waves[0].Hosts[0] = "h3" },
		"more at once":  func(r *plan.Rollout) { r.MaxParallel = 0 },
		"more may fail": func(r *plan.Rollout) { r.MaxFailures = 9 },
	} {
		p := rollingPlan()
		change(&p.Rollouts[1])
		if PlanID(p) == id {
			t.Errorf("%s: the identity stays the same", what)
		}
	}
	var text bytes.Buffer
	if err := JSON(&text, rollingPlan(), meta()); err != nil {
		t.Fatal(err)
	}
	if d, err := ParsePlan(&text); err != nil || len(d.Rollouts) != 2 {
		t.Errorf("a plan with rollouts cannot be read again: %v", err)
	}
}

func TestAStoppedRolloutIsNoSuccess(t *testing.T) {
	t.Parallel()
	p := plan.Plan{Rollouts: rollingPlan().Rollouts[:1]}
	if got := ExitCode(p, nil, false); got != ExitBlocked {
		t.Errorf("exit code %d for a rollout that has stopped, want %d", got, ExitBlocked)
	}
	p.Rollouts[0].Failed = nil
	if got := ExitCode(p, nil, false); got != ExitDone {
		t.Errorf("exit code %d while another pass works, want %d", got, ExitDone)
	}
}

func TestExplainSaysInWhichGroupAHostIs(t *testing.T) {
	t.Parallel()
	e := Explained{Host: "h2", Container: "web", Declared: true, Group: &spec.Group{Name: "web",
		Hosts: []string{"h1", "h2"}, Canary: 1, Position: spec.Position{File: "a.yaml", Line: 3}}}
	var text, document bytes.Buffer
	if err := e.Text(&text, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	const want = "changes reach its host in turn, a.yaml:3\n  Rollout of web: canary h1, then h2; " +
		"stops after 1 failed host\n"
	if !strings.Contains(text.String(), want) {
		t.Errorf("a reader does not learn of the group:\n%s", text.String())
	}
	if err := e.JSON(&document); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(document.String(), `"canary": 1`) {
		t.Errorf("a program does not learn of the group:\n%s", document.String())
	}
}
