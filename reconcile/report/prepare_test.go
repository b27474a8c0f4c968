package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// preparations are n hosts that lack LXC and a bridge; each third one differs from all others.
func preparations(n int) []plan.HostPreparation {
	var all []plan.HostPreparation
	for i := range n {
		h := plan.HostPreparation{Host: fmt.Sprintf("host%04d.local", i), Changes: []plan.HostChange{
			{What: "bridge lxcbr1", New: "10.5.0.1/16, NAT"},
			{What: "package lxc", New: "installed"},
			{What: "sysctl net.ipv4.ip_forward", Old: "0", New: "1"},
		}}
		if i%3 == 2 {
			h.Changes[1].What = fmt.Sprintf("package p%d", i)
		}
		all = append(all, h)
	}
	return all
}

// preparePlan prepares five hosts, four of which get the same.
func preparePlan() plan.Plan {
	return plan.Plan{Prepare: preparations(5), Steps: createSteps("new.foo.com"),
		Blocked: []plan.Blocked{{Host: "host0001.local", Code: plan.BlockedVolumeGroup, Failed: true,
			Text: `volume group "lxc" does not exist on the host`}}}
}

// preparedResult is a host that was prepared, and one that could not be.
func preparedResult() execute.Result {
	var skipped []execute.StepResult
	for _, s := range createSteps("new.foo.com") {
		skipped = append(skipped, execute.StepResult{Step: s, Status: execute.Skipped,
			Message: "not begun: its host could not be prepared"})
	}
	return execute.Result{
		Hosts: []execute.HostOutcome{
			{Host: "host0000.local", Took: 75 * time.Second, Done: []string{"package lxc: installed",
				"bridge lxcbr1: 10.5.0.1/16, NAT"}},
			{Host: "host0001.local", Done: []string{"sysctl net.ipv4.ip_forward: 1"},
				Err: errors.New("cannot install package lxc: exit status 100\n" +
					"E: Unable to locate package lxc")},
		},
		Outcomes: []execute.Outcome{{Host: h1, Container: "new.foo.com", Steps: skipped}},
	}
}

func TestPreparationComesBeforeContainers(t *testing.T) {
	t.Parallel()
	p := preparePlan()
	golden(t, "plan-prepare.md", func(w io.Writer) error { return Markdown(w, p, MarkdownOptions{}) })
	for name, render := range map[string]func(io.Writer) error{
		"text":     func(w io.Writer) error { return Text(w, p, TextOptions{}) },
		"markdown": func(w io.Writer) error { return Markdown(w, p, MarkdownOptions{}) },
		"result":   func(w io.Writer) error { return ResultText(w, preparedResult(), p, TextOptions{}) },
	} {
		text := rendered(t, func(b *bytes.Buffer) error { return render(b) })
		host, container := strings.Index(text, "host0000.local"), strings.Index(text, "new.foo.com")
		if host < 0 || container < host {
			t.Errorf("%s: what comes first is not told first:\n%s", name, text)
		}
	}
}

func TestHostsThatGetTheSameAreToldOnce(t *testing.T) {
	t.Parallel()
	text := rendered(t, func(b *bytes.Buffer) error {
		return Text(b, plan.Plan{Prepare: preparations(300)}, TextOptions{})
	})
	if n := strings.Count(text, "package lxc: installed"); n != 1 {
		t.Errorf("200 hosts that get the same fill %d blocks", n)
	}
	for _, h := range preparations(300) {
		if !strings.Contains(text, h.Host) {
			t.Errorf("nobody learns that %s is changed", h.Host)
		}
	}
}

func TestThreeThousandHostsFitIntoAComment(t *testing.T) {
	t.Parallel()
	text := rendered(t, func(b *bytes.Buffer) error {
		return Markdown(b, plan.Plan{Prepare: preparations(3000), Steps: createSteps("c")},
			MarkdownOptions{})
	})
	if len(text) > BudgetComment || !strings.Contains(text, "(3000)") ||
		!strings.Contains(text, "`c`") && !strings.Contains(text, "/c`") {
		t.Errorf("%d bytes; many hosts push out what else there is", len(text))
	}
}

func TestHostThatCouldNotBePreparedIsTold(t *testing.T) {
	t.Parallel()
	text := rendered(t, func(b *bytes.Buffer) error {
		return ResultText(b, preparedResult(), preparePlan(), TextOptions{})
	})
	for _, want := range []string{"Done: 1 host prepared, 0 created", "1 host not prepared",
		"E: Unable to locate package lxc", "sysctl net.ipv4.ip_forward: 1",
		"not begun: its host could not be prepared"} {
		if !strings.Contains(text, want) {
			t.Errorf("a user does not learn %q:\n%s", want, text)
		}
	}
	var only bytes.Buffer
	r := preparedResult()
	r.Outcomes = nil
	if err := ResultText(&only, r, plan.Plan{Prepare: preparations(2)}, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(only.String(), "Done: 1 host prepared") {
		t.Errorf("a run that only prepared hosts reads like a plan:\n%s", only.String())
	}
}
