package report

import (
	"errors"
	"fmt"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

const (
	h1 = "devhost10.local"
	h2 = "devhost11.local"
)

func at(line int) spec.Position { return spec.Position{File: "cloud/vms.yaml", Line: line} }

// stepsOf makes the steps of one container: the first with reason and changes, the rest follow.
func stepsOf(first plan.Step, actions ...plan.Action) []plan.Step {
	steps := make([]plan.Step, 0, len(actions))
	for i, a := range actions {
		s := first
		s.Action = a
		if i > 0 {
			s.Changes = nil
			s.Reason = plan.Reason{Code: plan.Follows, Text: "follows the first step"}
		}
		steps = append(steps, s)
	}
	return steps
}

func because(code, text string) plan.Reason { return plan.Reason{Code: code, Text: text} }

func createSteps(name string) []plan.Step {
	return stepsOf(plan.Step{
		Host: h1, Container: name, Position: at(12), Needs: []string{"base"},
		Reason: because(plan.Declared, "it is declared and does not exist"),
		Changes: []plan.Change{
			{Field: "from_container", New: "base", Class: spec.Recreate},
			{Field: "ip", New: "10.5.0.2", Class: spec.Restart, Generated: true},
			{Field: "mac", Class: spec.Restart, Generated: true, Unknown: true},
			{Field: "memory", New: "536870912", Class: spec.Live},
			{Field: "password", Class: spec.Once, Generated: true, Sensitive: true},
		},
	}, plan.Clone, plan.Configure, plan.Start, plan.Password, plan.Address, plan.DNS)
}

func templateSteps() []plan.Step {
	return stepsOf(plan.Step{
		Host: h1, Container: "base", Template: true,
		Reason:  because(plan.NeededBy, "new.foo.com is cloned from it"),
		Changes: []plan.Change{{Field: "image", New: "debian", Class: spec.Recreate}},
	}, plan.Create)
}

func replaceSteps() []plan.Step {
	return stepsOf(plan.Step{
		Host: h1, Container: "db.foo.com", Position: at(30), Class: spec.Recreate,
		Reason: because(plan.RecreateAsked, "backing changed and recreate is allowed"),
		Changes: []plan.Change{
			{Field: "backing", Old: "dir", New: "overlayfs", Class: spec.Recreate},
			{Field: "memory", Old: "536870912", New: "1610612736", Class: spec.Live},
		},
	}, plan.Stop, plan.Destroy, plan.Clone, plan.Configure, plan.Start)
}

func changeSteps() []plan.Step {
	live := plan.Step{
		Host: h1, Container: "web.foo.com", Position: at(41), Action: plan.Configure,
		Class:  spec.Live,
		Reason: because(plan.Changed, "the declaration changed"),
		Changes: []plan.Change{
			{Field: "memory", Old: "536870912", New: "1073741824", Class: spec.Live},
			{Field: "cpuset", New: "0-3", Class: spec.Live},
			{Field: "cpushare", Old: "512", Class: spec.Live},
		},
	}
	password := plan.Step{
		Host: h1, Container: "web.foo.com", Position: at(41), Action: plan.Password,
		Class:   spec.Once,
		Reason:  because(plan.Changed, "the declaration changed"),
		Changes: []plan.Change{{Field: "password", Class: spec.Once, Sensitive: true}},
	}
	return []plan.Step{live, password}
}

func driftSteps() []plan.Step {
	return stepsOf(plan.Step{
		Host: h2, Container: "drifted.foo.com", Position: at(52), Class: spec.Restart,
		Reason: because(plan.Drift, "somebody changed it on the host"),
		Changes: []plan.Change{{
			Field: "mac", Old: "00:16:3e:00:00:01", New: "00:16:3e:00:00:02",
			Class: spec.Restart, Drift: true,
		}},
	}, plan.Stop, plan.Configure, plan.Start, plan.Address)
}

func single(host, name string, a plan.Action, why plan.Reason) []plan.Step {
	return []plan.Step{{Host: host, Container: name, Action: a, Reason: why}}
}

// onePlan has a single change and nothing else.
func onePlan() plan.Plan {
	return plan.Plan{
		Steps: single(h1, "web.foo.com", plan.Start,
			because(plan.NotRunning, "it is stopped and shall run")),
		Unchanged: 2,
	}
}

// fullPlan has twelve containers with every action, and every section.
func fullPlan() plan.Plan {
	gone := because(plan.Undeclared, "it is no longer declared")
	var p plan.Plan
	for _, steps := range [][]plan.Step{
		templateSteps(), createSteps("new.foo.com"), createSteps("newer.foo.com"),
		replaceSteps(), changeSteps(),
		stepsOf(plan.Step{Host: h1, Container: "old.foo.com", Class: spec.Recreate, Reason: gone},
			plan.Stop, plan.Destroy),
		single(h1, "older.foo.com", plan.Destroy, gone),
		single(h1, "asleep.foo.com", plan.Start,
			because(plan.NotRunning, "it is stopped and shall run")),
		single(h1, "noted.foo.com", plan.Note,
			because(plan.Changed, "protect changed, the host has no part in it")),
		single(h2, "lost.foo.com", plan.Forget,
			because(plan.Undeclared, "it vanished and is no longer declared")),
		driftSteps(),
		single(h2, "names.foo.com", plan.DNS, because(plan.Changed, "the declaration changed")),
	} {
		p.Steps = append(p.Steps, steps...)
	}
	p.Blocked, p.Held = blockedFixtures(), heldFixtures()
	p.Unmanaged = []plan.Unmanaged{
		{Host: h1, Container: "handmade", State: plan.Running, Text: "it carries no mark"},
		{Host: h1, Container: "web-copy", State: plan.Stopped, Text: "its mark names web.foo.com"},
	}
	p.Unreachable = []plan.Unreachable{
		{Host: "devhost12.local", Text: "cannot connect to host:\nconnection refused"},
	}
	p.Warnings = warningFixtures()
	p.Unchanged = 7
	return p
}

func inUseFixtures() []plan.Unreachable {
	return []plan.Unreachable{{Host: "devhost11.local", InUse: true, Text: "cannot lock host " +
		`"devhost11.local": it is in use by ann@desk (pid 7, reconciler run) since 2026-01-02T03:04:05Z`}}
}

func blockedFixtures() []plan.Blocked {
	return []plan.Blocked{
		{
			Host: h1, Container: "safe.foo.com", Action: plan.Destroy, Code: plan.BlockedProtected,
			Text: "it is protected", Unblock: "declare it with protect: false, then remove it",
		},
		{
			Host: h2, Container: "a.foo.com", Action: plan.Destroy, Code: plan.BlockedGuard,
			Text:    "3 of 4 containers of this host would be destroyed, 1 is allowed",
			Unblock: "--allow-destroy devhost11.local/a.foo.com",
		},
		{
			Host: h2, Container: "b.foo.com", Action: plan.Clone, Code: plan.BlockedSource,
			Text: "its source \"base\" is running", Failed: true, Position: at(60),
			Unblock: "stop base",
		},
		{Host: h2, Code: plan.BlockedBridge, Text: "the bridge lxcbr1 is missing", Failed: true},
	}
}

func heldFixtures() []plan.Held {
	return []plan.Held{
		{
			Host: h1, Container: "night.foo.com", Kind: plan.KindChange, Code: plan.HeldWindow,
			Text: "its next window opens at 2026-01-02 22:00 UTC", Position: at(70),
			Changes: []plan.Change{
				{Field: "memory", Old: "536870912", New: "1073741824", Class: spec.Live},
				{Field: "password", Class: spec.Once, Sensitive: true},
			},
		},
		{
			Host: h1, Container: "night.foo.com", Kind: plan.KindChange, Code: plan.HeldDrift,
			Text: "changed on the host: mac", Position: at(70),
			Changes: []plan.Change{{
				Field: "mac", Old: "00:16:3e:00:00:01", New: "00:16:3e:00:00:02",
				Class: spec.Restart, Drift: true,
			}},
		},
		{
			Host: h1, Container: "quiet.foo.com", Kind: plan.KindDestroy, Code: plan.HeldSuspended,
			Text: "suspended by root:\nmaintenance of the disks",
		},
		{
			Host: h2, Container: "copy.foo.com", Kind: plan.KindCreate, Code: plan.HeldNeeds,
			Text: "its source \"gold\" is held (backoff)", Position: at(71),
		},
		{
			Host: h2, Container: "gold", Kind: plan.KindReplace, Code: plan.HeldBackoff,
			Text:    "it failed 3 times, the next try is at 12:30",
			Changes: []plan.Change{{Field: "image", Old: "debian", New: "busybox", Class: spec.Recreate}},
		},
	}
}

func warningFixtures() []spec.Problem {
	return []spec.Problem{
		{
			Position: at(13), Path: "targets.devhost10.local.new.foo.com.mode",
			Text: "not acted on yet",
		},
		{
			Position: at(20), Also: at(21), Text: "lvm-sratch is a misspelling",
			Hint: "write lvm-scratch",
		},
		{Text: "the tree has no networks"},
	}
}

// outcomesOf carries out every step of a plan without a failure.
func outcomesOf(p plan.Plan) []execute.Outcome {
	var outcomes []execute.Outcome
	for _, g := range groupsOf(p) {
		o := execute.Outcome{Host: g.Host, Container: g.Container}
		for _, s := range g.Steps {
			o.Steps = append(o.Steps, execute.StepResult{
				Step: s, Status: execute.Done, Message: messages()[s.Action], Attempts: 1,
				Took: 20 * time.Millisecond,
			})
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

func messages() map[plan.Action]string {
	return map[plan.Action]string{
		plan.Create: "Container created", plan.Clone: "Container cloned",
		plan.Configure: "lxc conf ok", plan.Start: "started", plan.Stop: "stopped",
		plan.Password: "Password updated", plan.Address: "Got ip 10.5.0.2",
		plan.DNS: "DNS updated", plan.Destroy: "Container destroyed",
		plan.Note: "Record updated", plan.Forget: "Record removed",
	}
}

// failedResult has every fate: done, failed for good, failed for now, skipped, not recorded.
func failedResult(p plan.Plan) execute.Result {
	r := execute.Result{Outcomes: outcomesOf(p)}
	for i := range r.Outcomes {
		o := &r.Outcomes[i]
		switch o.Container {
		case "db.foo.com":
			failAt(o, 2, fmt.Errorf("cannot clone container %q: source is running\n"+
				"lxc 20260101: ERROR lxccontainer.c:3621\n\tOriginal is running: %w", "base",
				execute.ErrPermanent))
		case "drifted.foo.com":
			failAt(o, 2, errors.New("cannot start container: device busy"))
			o.Steps[2].Attempts, o.Steps[2].Took = 4, 7512*time.Millisecond
		case "newer.foo.com":
			failAt(o, 0, nil)
			o.Steps[0].Status = execute.Skipped
			o.Steps[0].Message = "base failed, which it needs"
		case "names.foo.com":
			o.Err = errors.New("cannot store record: disk is full")
		case "base":
			o.Steps[0].Took = 61 * time.Second
		}
	}
	return r
}

// failAt lets one step fail and skips those after it.
func failAt(o *execute.Outcome, n int, err error) {
	o.Steps[n].Status, o.Steps[n].Err, o.Steps[n].Message = execute.Failed, err, ""
	for i := n + 1; i < len(o.Steps); i++ {
		o.Steps[i] = execute.StepResult{
			Step: o.Steps[i].Step, Status: execute.Skipped, Message: "a step before it failed",
		}
	}
}

// interruptedResult was interrupted after the first container.
func interruptedResult(p plan.Plan) execute.Result {
	r := execute.Result{Outcomes: outcomesOf(p), Interrupted: true}
	for i := range r.Outcomes[1:] {
		o := &r.Outcomes[i+1]
		for n := range o.Steps {
			o.Steps[n] = execute.StepResult{
				Step: o.Steps[n].Step, Status: execute.Skipped,
				Message: "the run was interrupted",
			}
		}
	}
	return r
}
