package loop

import "reconciler/reconcile/report"

// The results of a pass.
const (
	Success     = "success"     // everything is as declared, but what is held
	Failed      = "failed"      // no host was touched, a step failed, or a mistake blocks something
	Unreachable = "unreachable" // some hosts were, or in use; the others are as declared
	Blocked     = "blocked"     // a guard blocked something, or a rollout is not through
)

// Result returns the worst that happened in a pass. The order is failed, unreachable, blocked, as
// in the exit codes of the commands.
func (r Report) Result() string {
	if r.Err != nil {
		return Failed
	}
	switch report.ExitCode(r.Pass.Plan, r.Pass.Result, false) {
	case report.ExitDone:
		return Success
	case report.ExitUnreachable:
		return Unreachable
	case report.ExitBlocked:
		return Blocked
	default:
		return Failed
	}
}
