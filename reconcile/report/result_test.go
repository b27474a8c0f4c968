package report

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

func resultText(t interface{ Fatal(...any) }, r execute.Result, p plan.Plan) string {
	var b bytes.Buffer
	if err := ResultText(&b, r, p, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestNoFailureIsLost: whatever happens to the steps, each failure is told with its container,
// its checkpoint and its error, after everything that succeeded.
func TestNoFailureIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := plan.Plan{}
		for i := range rapid.IntRange(1, 6).Draw(t, "containers") {
			p.Steps = append(p.Steps, createSteps(fmt.Sprintf("c%d", i))...)
		}
		r := execute.Result{Outcomes: outcomesOf(p)}
		failed := 0
		for i := range r.Outcomes {
			if n := rapid.IntRange(-3, 5).Draw(t, "fails at"); n >= 0 {
				failAt(&r.Outcomes[i], n, fmt.Errorf("cause of c%d", i))
				failed++
			}
		}
		text := resultText(t, r, p)
		if !strings.Contains(text, fmt.Sprintf(" %d failed.", failed)) {
			t.Fatalf("%d failures are counted otherwise:\n%s", failed, text)
		}
		for i, o := range r.Outcomes {
			if !o.Failed() {
				continue
			}
			_, block, found := strings.Cut(text, "! "+h1+"/"+o.Container+" FAILED\n")
			if !found {
				t.Fatalf("%s is not told:\n%s", o.Container, text)
			}
			block, _, _ = strings.Cut(block, "\n\n")
			if !strings.Contains(block, fmt.Sprintf("cause of c%d\n", i)) {
				t.Fatalf("the cause is not in the block of %s:\n%s", o.Container, block)
			}
			for _, s := range o.Steps {
				if !strings.Contains(block, execute.Checkpoint(s.Step.Action)) {
					t.Fatalf("%s of %s is lost", s.Step.Action, o.Container)
				}
			}
			if strings.Contains(block, " created\n") {
				t.Fatalf("a success stands below a failure:\n%s", text)
			}
		}
	})
}

func TestHints(t *testing.T) {
	t.Parallel()
	permanent := fmt.Errorf("cannot clone: %w", execute.ErrPermanent)
	cases := map[string]struct {
		step plan.Step
		err  error
		want string
	}{
		"heals":           {plan.Step{Position: at(3)}, errors.New("busy"), "next run"},
		"does not heal":   {plan.Step{Position: at(3)}, permanent, at(3).String()},
		"of a built-in":   {plan.Step{}, permanent, "on the host, then run again"},
		"without a cause": {plan.Step{}, nil, "no reason given"},
	}
	for name, c := range cases {
		c.step.Host, c.step.Container, c.step.Action = "h", "c", plan.Clone
		r := execute.Result{Outcomes: []execute.Outcome{{
			Host: "h", Container: "c",
			Steps: []execute.StepResult{{Step: c.step, Status: execute.Failed, Err: c.err}},
		}}}
		if text := resultText(t, r, plan.Plan{}); !strings.Contains(text, c.want) {
			t.Errorf("an error that %s: the user is not told %q:\n%s", name, c.want, text)
		}
	}
}

func TestEffortIsToldWhenItMatters(t *testing.T) {
	t.Parallel()
	cases := []struct {
		attempts int
		took     time.Duration
		want     safe
	}{
		{1, 20 * time.Millisecond, ""},
		{1, 999 * time.Millisecond, ""},
		{1, 1500 * time.Millisecond, "  (1.5s)"},
		{3, 10 * time.Millisecond, "  (3 attempts, 10ms)"},
		{2, time.Minute + 123456*time.Microsecond, "  (2 attempts, 1m0.123s)"},
	}
	for _, c := range cases {
		if got := effort(execute.StepResult{Attempts: c.attempts, Took: c.took}); got != c.want {
			t.Errorf("%d attempts in %v are told as %q, want %q", c.attempts, c.took, got, c.want)
		}
	}
}

func TestSkippedStepsAreGatheredByReason(t *testing.T) {
	t.Parallel()
	o := execute.Outcome{Host: "h", Container: "c"}
	for i, s := range createSteps("c")[:4] {
		why := "first reason"
		if i >= 2 {
			why = "second reason"
		}
		o.Steps = append(o.Steps,
			execute.StepResult{Step: s, Status: execute.Skipped, Message: why})
	}
	text := resultText(t, execute.Result{Outcomes: []execute.Outcome{o}}, plan.Plan{})
	for _, want := range []string{
		"? h/c not finished\n", "skipped 100_creation, 150_conf: first reason\n",
		"skipped 200_start, 250_password: second reason\n", "0 failed. 1 not finished.\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the result does not say %q:\n%s", want, text)
		}
	}
}

// machine is a host on which one container cannot be started.
type machine struct{ broken string }

func (m machine) Do(_ context.Context, s plan.Step, _ execute.Secrets) (string, error) {
	if s.Container == m.broken && s.Action == plan.Start {
		return "", fmt.Errorf("cannot start container %q: %w", s.Container, execute.ErrPermanent)
	}
	return messages()[s.Action], nil
}

// vault has no passwords to set.
type vault struct{}

func (vault) Secrets(context.Context, plan.Step) (execute.Secrets, error) {
	return execute.Secrets{}, nil
}

// TestARunFromPlanToExitCode carries out a plan and follows it through every report.
func TestARunFromPlanToExitCode(t *testing.T) {
	t.Parallel()
	p := plan.Plan{Steps: templateSteps()}
	for _, name := range []string{"a", "b", "c"} {
		p.Steps = append(p.Steps, createSteps(name)...)
	}
	var log bytes.Buffer
	progress := NewProgress(&log, ProgressOptions{Total: len(p.Steps)})
	r := execute.Run(t.Context(), p.Steps, execute.Options{
		Parallel: 2, Hosts: map[string]execute.Host{h1: machine{broken: "b"}},
		Secrets: vault{}, Observer: progress,
	})
	progress.Close()
	text := resultText(t, r, p)
	want := "Done: 3 created, 0 changed, 0 destroyed, 1 failed."
	if got := lastLine(text); got != want {
		t.Errorf("the run ends with %q, want %q:\n%s", got, want, text)
	}
	if got := ExitCode(p, &r, false); got != ExitFailed {
		t.Errorf("scripts see %d after a failure", got)
	}
	// Of b three steps ended; the template has one, a and c have six each.
	if got := strings.Count(log.String(), "\n["); got != 1+3+6+6-1 {
		t.Errorf("the log has %d steps:\n%s", got+1, log.String())
	}
	if !strings.Contains(log.String(), h1+"/b 200_start: FAILED\n") {
		t.Errorf("the log does not show the failure:\n%s", log.String())
	}
}
