package metrics

import "reconciler/reconcile/loop"

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
