package report

import (
	"slices"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// The exit codes of every command that reconciles.
const (
	ExitDone        = 0 // done, or nothing to do
	ExitFailed      = 1 // a host or step failed or was not begun, or a mistake blocks something
	ExitNotEmpty    = 2 // only on request: the plan is not empty
	ExitBlocked     = 3 // a guard blocked something, or a rollout is not through
	ExitUnreachable = 4 // some hosts were unreachable, or in use by another run
)

// ExitCode answers for a plan and, if it was carried out, its result (else nil). Where several
// codes apply the order is failed, not empty, unreachable, blocked. Not empty is answered only with
// detailed and without a result. What is held changes no code, unless it is held by a rollout that
// has stopped because something failed, or that goes on in the next pass.
func ExitCode(p plan.Plan, r *execute.Result, detailed bool) int {
	switch {
	case failed(p, r):
		return ExitFailed
	case detailed && r == nil && !p.Empty():
		return ExitNotEmpty
	case len(p.Unreachable) > 0:
		return ExitUnreachable
	case len(p.Blocked) > 0 || slices.ContainsFunc(p.Rollouts, plan.Rollout.Failing) || later(p):
		return ExitBlocked
	}
	return ExitDone
}

// later reports whether a rollout goes on in the next pass: what was declared is not there yet.
// While another pass works on it, that one tells.
func later(p plan.Plan) bool {
	waits := func(h plan.Held) bool { return h.Code == plan.HeldRollout }
	stopped := func(r plan.Rollout) bool { return r.Stopped != "" }
	return slices.ContainsFunc(p.Held, waits) && !slices.ContainsFunc(p.Rollouts, stopped)
}

func failed(p plan.Plan, r *execute.Result) bool {
	for _, b := range p.Blocked {
		if b.Failed {
			return true
		}
	}
	if r == nil {
		return false
	}
	for _, h := range r.Hosts {
		if h.Err != nil {
			return true
		}
	}
	for _, o := range r.Outcomes {
		if o.Failed() {
			return true
		}
	}
	return r.Interrupted
}
