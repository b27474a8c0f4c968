package metrics

import (
	"reconciler/reconcile/loop"
	"reconciler/reconcile/report"
)

// The results of a pass.
const (
	Success     = "success"     // everything is as declared, but what is held
	Failed      = "failed"      // no host was touched, a step failed, or a mistake blocks a container
	Unreachable = "unreachable" // some hosts were; the others are as declared
	Blocked     = "blocked"     // a guard blocked something
)

// Result returns the worst that happened in a pass. The order is failed, unreachable, blocked, as
// in the exit codes of the commands.
func Result(r loop.Report) string {
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

// failures returns the containers that failed in a pass.
func failures(r loop.Report) []loop.Failure {
	if r.Pass.Result == nil {
		return nil
	}
	var failed []loop.Failure
	for _, o := range r.Pass.Result.Outcomes {
		if o.Failed() {
			failed = append(failed, loop.Failure{Host: o.Host, Container: o.Container, Count: 1})
		}
	}
	return failed
}
