package execute

import (
	"cmp"
	"slices"
	"time"

	"reconciler/reconcile/plan"
)

// Status of a step after the run.
type Status string

// The statuses.
const (
	Done    Status = "done"
	Failed  Status = "failed"
	Skipped Status = "skipped" // something before it failed, or the run was interrupted
)

// StepResult is what became of one step.
type StepResult struct {
	Step     plan.Step
	Status   Status
	Message  string        // what the host said, or why it was skipped
	Err      error         // only with Failed
	Attempts int           // 0 for a skipped step
	Took     time.Duration // of all attempts
}

// Outcome is what became of the steps of one container, in order.
type Outcome struct {
	Host      string
	Container string
	Steps     []StepResult
	Err       error // the journal could not record it; nil otherwise
	Refused   bool  // its host got no turn in a rollout: certainly nothing of it was begun
}

// Result is what became of a plan.
type Result struct {
	Outcomes    []Outcome     // sorted by host, then container
	Hosts       []HostOutcome // that were prepared, or should have been; sorted
	Interrupted bool          // the context ended before all steps had begun
}

// With returns both results as one. They must be about different hosts.
func (r Result) With(other Result) Result {
	both := Result{
		Outcomes:    slices.Concat(r.Outcomes, other.Outcomes),
		Hosts:       slices.Concat(r.Hosts, other.Hosts),
		Interrupted: r.Interrupted || other.Interrupted,
	}
	both.sort()
	return both
}

func (r *Result) sort() {
	slices.SortFunc(r.Outcomes, func(a, b Outcome) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container))
	})
	slices.SortFunc(r.Hosts, func(a, b HostOutcome) int { return cmp.Compare(a.Host, b.Host) })
}

// Failed reports whether any step of the container failed or was skipped, or what was done could
// not be recorded.
func (o Outcome) Failed() bool {
	if o.Err != nil {
		return true
	}
	for _, s := range o.Steps {
		if s.Status != Done {
			return true
		}
	}
	return false
}

// Checkpoint returns the key under which a step appears in reports: the names of the Salt Cloud
// LXC driver (`100_creation` … `350_dns`), and our own for what that driver did not have.
func Checkpoint(a plan.Action) string {
	switch a {
	case plan.Create, plan.Clone:
		return "100_creation"
	case plan.Configure:
		return "150_conf"
	case plan.Start:
		return "200_start"
	case plan.Password:
		return "250_password"
	case plan.Address:
		return "300_ipattrib"
	case plan.DNS:
		return "350_dns"
	case plan.Stop:
		return "050_stop"
	case plan.Destroy:
		return "060_destroy"
	default:
		return "900_record"
	}
}
