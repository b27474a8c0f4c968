package execute_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

const hostName = "h1"

// hostFunc is a host that is one function.
type hostFunc func(ctx context.Context, s plan.Step) (string, error)

func (f hostFunc) Do(ctx context.Context, s plan.Step, _ execute.Secrets) (string, error) {
	return f(ctx, s)
}

// hosts makes f the one host of a run.
func hosts(f hostFunc) map[string]execute.Host { return map[string]execute.Host{hostName: f} }

// diary writes down what was done, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.lines, "\n")
}

func name(s plan.Step) string { return s.Container + " " + string(s.Action) }

// steps are the given actions of one container, the first of which has the needs.
func steps(container string, needs []string, actions ...plan.Action) []plan.Step {
	var made []plan.Step
	for _, a := range actions {
		s := plan.Step{Host: hostName, Container: container, Action: a, Needs: needs}
		made = append(made, s)
		needs = nil
	}
	return made
}

func join(parts ...[]plan.Step) (all []plan.Step) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// verdict prints a result, one container a line: each action with its status, and the message of
// the first step that was skipped.
func verdict(r execute.Result) string {
	var b strings.Builder
	for _, o := range r.Outcomes {
		fmt.Fprintf(&b, "%s/%s:", o.Host, o.Container)
		skipped := ""
		for _, s := range o.Steps {
			fmt.Fprintf(&b, " %s=%s", s.Step.Action, s.Status)
			if s.Status == execute.Skipped && skipped == "" {
				skipped = " (" + s.Message + ")"
			}
		}
		b.WriteString(skipped + "\n")
	}
	return b.String()
}

func check(t *testing.T, loss, want, got string) {
	t.Helper()
	if strings.TrimSpace(want) != strings.TrimSpace(got) {
		t.Errorf("%s\nwant:\n%s\ngot:\n%s", loss, strings.TrimSpace(want), strings.TrimSpace(got))
	}
}

// journalFunc is a journal that is one function.
type journalFunc func(ctx context.Context, o execute.Outcome) error

func (f journalFunc) Finished(ctx context.Context, o execute.Outcome) error { return f(ctx, o) }

// events is an observer that remembers.
type events struct{ diary }

// byContainer returns what was told of each container, whatever was told of others meanwhile.
func (e *events) byContainer() string {
	lines := strings.Split(e.String(), "\n")
	slices.SortStableFunc(lines, func(a, b string) int {
		a, _, _ = strings.Cut(a, " ")
		b, _, _ = strings.Cut(b, " ")
		return strings.Compare(a, b)
	})
	return strings.Join(lines, "\n")
}

func (e *events) Observe(v execute.Event) {
	line := name(v.Step) + " " + string(v.Kind)
	switch v.Kind {
	case execute.StepRetried:
		line += fmt.Sprintf(" after try %d: %v", v.Attempt, v.Err)
	case execute.StepFinished:
		line += fmt.Sprintf(" %s in %d", v.Result.Status, v.Result.Attempts)
	}
	e.add(line)
}
