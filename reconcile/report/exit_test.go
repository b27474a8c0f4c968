package report

import (
	"errors"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// doneAnd is the result of a container that is done, and of one with a status.
func doneAnd(s execute.Status) *execute.Result {
	return &execute.Result{Outcomes: []execute.Outcome{
		{Steps: []execute.StepResult{{Status: execute.Done}}},
		{Steps: []execute.StepResult{{Status: s}}},
	}}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	guard := []plan.Blocked{{Code: plan.BlockedGuard}}
	mistake := []plan.Blocked{{Code: plan.BlockedGuard}, {Code: plan.BlockedBridge, Failed: true}}
	held := []plan.Held{{Code: plan.HeldWindow}}
	lost := []plan.Unreachable{{Host: "h"}}
	steps := onePlan().Steps
	waiting := plan.Plan{Steps: steps, Held: held}
	unrecorded := &execute.Result{Outcomes: []execute.Outcome{{Err: errors.New("disk is full")}}}
	prepare := plan.Plan{Prepare: preparations(1)}
	ready := &execute.Result{Hosts: []execute.HostOutcome{{Host: "h"}}}
	unready := &execute.Result{Hosts: []execute.HostOutcome{{Host: "h", Err: errors.New("no")}}}
	cases := map[string]struct {
		plan     plan.Plan
		result   *execute.Result
		detailed bool
		want     int
	}{
		"nothing to do":                {plan.Plan{}, nil, false, 0},
		"nothing to do, detailed":      {plan.Plan{}, nil, true, 0},
		"a host to prepare":            {prepare, nil, false, 0},
		"a host to prepare, detailed":  {prepare, nil, true, 2},
		"a host was prepared":          {prepare, ready, false, 0},
		"a host could not be prepared": {prepare, unready, false, 1},
		"a plan is no failure":         {plan.Plan{Steps: steps}, nil, false, 0},
		"a plan, detailed":             {plan.Plan{Steps: steps}, nil, true, 2},
		"a run, detailed":              {plan.Plan{Steps: steps}, doneAnd(execute.Done), true, 0},
		"all done":                     {plan.Plan{Steps: steps}, doneAnd(execute.Done), false, 0},
		"a step failed":                {plan.Plan{Steps: steps}, doneAnd(execute.Failed), false, 1},
		"a step was skipped":           {plan.Plan{Steps: steps}, doneAnd(execute.Skipped), false, 1},
		"not recorded":                 {plan.Plan{Steps: steps}, unrecorded, false, 1},
		"interrupted":                  {plan.Plan{}, &execute.Result{Interrupted: true}, false, 1},
		"held":                         {plan.Plan{Held: held}, nil, false, 0},
		"held, detailed":               {plan.Plan{Held: held}, nil, true, 0},
		"held beside work":             {waiting, doneAnd(execute.Done), false, 0},
		"held beside a guard":          {plan.Plan{Held: held, Blocked: guard}, nil, false, 3},
		"held beside a mistake":        {plan.Plan{Held: held, Blocked: mistake}, nil, false, 1},
		"held, unreachable":            {plan.Plan{Held: held, Unreachable: lost}, nil, false, 4},
		"guard":                        {plan.Plan{Blocked: guard}, nil, false, 3},
		"guard, detailed, no steps":    {plan.Plan{Blocked: guard}, nil, true, 3},
		"guard beside work":            {plan.Plan{Steps: steps, Blocked: guard}, nil, false, 3},
		"guard after work":             {plan.Plan{Blocked: guard}, doneAnd(execute.Done), false, 3},
		"mistake":                      {plan.Plan{Blocked: mistake}, nil, false, 1},
		"mistake, detailed":            {plan.Plan{Steps: steps, Blocked: mistake}, nil, true, 1},
		"unreachable":                  {plan.Plan{Unreachable: lost}, nil, false, 4},
		"unreachable before guard":     {plan.Plan{Unreachable: lost, Blocked: guard}, nil, false, 4},
		"mistake before unreachable":   {plan.Plan{Unreachable: lost, Blocked: mistake}, nil, false, 1},
		"failure before unreachable":   {plan.Plan{Unreachable: lost}, doneAnd(execute.Failed), false, 1},
		"unreachable, detailed, steps": {plan.Plan{Steps: steps, Unreachable: lost}, nil, true, 2},
	}
	for name, c := range cases {
		if got := ExitCode(c.plan, c.result, c.detailed); got != c.want {
			t.Errorf("%s: scripts see %d, want %d", name, got, c.want)
		}
	}
}

func TestExitCodeOfARollout(t *testing.T) {
	t.Parallel()
	later := plan.Plan{Held: []plan.Held{{Code: plan.HeldRollout}}, Rollouts: []plan.Rollout{{}}}
	busy := plan.Plan{Held: later.Held, Rollouts: []plan.Rollout{{Stopped: "it is worked on"}}}
	for name, p := range map[string]plan.Plan{"goes on in the next pass": later,
		"is the work of another pass": busy} {
		want := map[bool]int{true: ExitBlocked, false: ExitDone}[p.Rollouts[0].Stopped == ""]
		if got := ExitCode(p, doneAnd(execute.Done), false); got != want {
			t.Errorf("a rollout that %s: scripts see %d, want %d", name, got, want)
		}
	}
}

func TestColorWanted(t *testing.T) {
	t.Parallel()
	type env map[string]string
	cases := map[string]struct {
		env      env
		terminal bool
		want     bool
	}{
		"terminal":               {env{}, true, true},
		"pipe":                   {env{}, false, false},
		"NO_COLOR":               {env{"NO_COLOR": "1"}, true, false},
		"NO_COLOR of any value":  {env{"NO_COLOR": "0"}, true, false},
		"NO_COLOR empty":         {env{"NO_COLOR": ""}, true, true},
		"NO_COLOR beats force":   {env{"NO_COLOR": "1", "FORCE_COLOR": "1"}, true, false},
		"FORCE_COLOR":            {env{"FORCE_COLOR": "1"}, false, true},
		"FORCE_COLOR=0":          {env{"FORCE_COLOR": "0"}, true, false},
		"CLICOLOR_FORCE":         {env{"CLICOLOR_FORCE": "1"}, false, true},
		"CLICOLOR_FORCE=0":       {env{"CLICOLOR_FORCE": "0"}, false, false},
		"dumb terminal":          {env{"TERM": "dumb"}, true, false},
		"dumb, but forced":       {env{"TERM": "dumb", "FORCE_COLOR": "1"}, true, true},
		"an ordinary terminal":   {env{"TERM": "xterm-256color"}, true, true},
		"an ordinary TERM, pipe": {env{"TERM": "xterm-256color"}, false, false},
	}
	for name, c := range cases {
		get := func(key string) string { return c.env[key] }
		if got := ColorWanted(get, c.terminal); got != c.want {
			t.Errorf("%s: colour is %v, want %v", name, got, c.want)
		}
	}
}
