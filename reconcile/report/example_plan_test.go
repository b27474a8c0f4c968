package report

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
)

// TestTheExampleReadsPlans runs examples/plan-json as its README says.
func TestTheExampleReadsPlans(t *testing.T) {
	t.Parallel()
	script := filepath.Join("..", "..", "examples", "plan-json", "no-destroy")
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(text, []byte("\n")); n > 20 {
		t.Errorf("a reader of plans needs %d lines", n)
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("RECONCILER_TEST_LXC") == "1" {
			t.Fatal("python3 is missing")
		}
		t.Skip("there is no python3 to run the example with")
	}
	for name, c := range map[string]struct {
		plan plan.Plan
		code int
		says []string
	}{
		"nothing":     {plan.Plan{}, 0, nil},
		"a change":    {onePlan(), 0, nil},
		"a creation":  {plan.Plan{Steps: createSteps("new")}, 0, nil},
		"replacement": {plan.Plan{Steps: replaceSteps()}, 1, []string{"db.foo.com' delete+create"}},
		"everything":  {fullPlan(), 1, []string{"/old.foo.com'", "'devhost12.local' is unknown"}},
		"unknown": {plan.Plan{Unreachable: []plan.Unreachable{{Host: "\x1b[2J"}}}, 1,
			[]string{`\x1b[2J' is unknown`}},
	} {
		var in bytes.Buffer
		if err := JSON(&in, c.plan, meta()); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), python, script)
		cmd.Stdin = &in
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != c.code {
			t.Errorf("%s: the example ends with %d, want %d: %s", name, got, c.code, out)
		}
		for _, words := range c.says {
			if !strings.Contains(string(out), words) {
				t.Errorf("%s: the example does not say %q: %s", name, words, out)
			}
		}
	}
}
