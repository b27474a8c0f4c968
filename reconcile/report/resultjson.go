package report

import (
	"io"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// ResultDocument is the JSON form of a result. Lists are never null.
type ResultDocument struct {
	FormatVersion string             `json:"format_version"`
	Meta          Meta               `json:"meta"`
	Summary       ResultSummary      `json:"summary"`
	Interrupted   bool               `json:"interrupted"`
	Hosts         []HostResult       `json:"hosts"`      // that were prepared, or should have been
	Containers    []ContainerResult  `json:"containers"` // by host, then name
	Blocked       []plan.Blocked     `json:"blocked"`
	Held          []plan.Held        `json:"held"`
	Unmanaged     []plan.Unmanaged   `json:"unmanaged"`
	Unreachable   []plan.Unreachable `json:"unreachable"`
	Warnings      []ProblemRow       `json:"warnings"`
}

// ResultSummary counts containers. One that was replaced counts in Created and in Destroyed.
type ResultSummary struct {
	Prepared    int `json:"prepared"`   // hosts
	Unprepared  int `json:"unprepared"` // hosts that could not be prepared
	Created     int `json:"created"`
	Changed     int `json:"changed"`
	Destroyed   int `json:"destroyed"`
	Record      int `json:"record"` // only the record changed, nothing on the host
	Failed      int `json:"failed"`
	Skipped     int `json:"skipped"` // nothing failed, but not all steps were begun
	Waiting     int `json:"waiting"` // those of Skipped whose host got no turn in a rollout
	Unchanged   int `json:"unchanged"`
	Blocked     int `json:"blocked"`
	Held        int `json:"held"`
	Unreachable int `json:"unreachable"` // hosts, with those that another run holds
}

// ContainerResult is what became of one container.
type ContainerResult struct {
	Host      string      `json:"host"`
	Container string      `json:"container"`
	Action    string      `json:"action"` // create, change, destroy, replace or record
	Status    string      `json:"status"` // done, failed or skipped
	Error     string      `json:"error,omitempty"`
	Waiting   bool        `json:"waiting,omitempty"` // skipped, for its host got no turn in a rollout
	Steps     []StepEntry `json:"steps"`
}

// StepEntry is what became of one step.
type StepEntry struct {
	Checkpoint   string         `json:"checkpoint"`
	Action       plan.Action    `json:"action"`
	Status       execute.Status `json:"status"`
	Message      string         `json:"message,omitempty"`
	Error        string         `json:"error,omitempty"`
	Permanent    bool           `json:"permanent,omitempty"` // trying again does not help
	Attempts     int            `json:"attempts"`
	Milliseconds int64          `json:"milliseconds"` // of all attempts
}

// ResultJSON writes the result of a plan as a ResultDocument. It returns the error of w.
func ResultJSON(w io.Writer, r execute.Result, p plan.Plan, meta Meta) error {
	d := ResultDocument{
		FormatVersion: formatVersion,
		Meta:          meta,
		Summary:       Summarize(r, p),
		Interrupted:   r.Interrupted,
		Hosts:         hostResults(r.Hosts),
		Containers:    make([]ContainerResult, 0, len(r.Outcomes)),
		Blocked:       list(p.Blocked),
		Held:          redactHeld(p.Held),
		Unmanaged:     list(p.Unmanaged),
		Unreachable:   list(p.Unreachable),
		Warnings:      problemRows(p.Warnings),
	}
	for _, o := range r.Outcomes {
		d.Containers = append(d.Containers, containerResult(o))
	}
	return stream(w, d)
}

func containerResult(o execute.Outcome) ContainerResult {
	c := ContainerResult{
		Host:      o.Host,
		Container: o.Container,
		Action:    outcomeKind(o).look().name,
		Status:    string(fateStatus(fateOf(o))),
		Waiting:   o.Refused,
		Steps:     make([]StepEntry, 0, len(o.Steps)),
	}
	if o.Err != nil {
		c.Error = o.Err.Error()
	}
	for _, s := range o.Steps {
		e := StepEntry{
			Checkpoint:   execute.Checkpoint(s.Step.Action),
			Action:       s.Step.Action,
			Status:       s.Status,
			Message:      s.Message,
			Permanent:    execute.Permanent(s.Err),
			Attempts:     s.Attempts,
			Milliseconds: s.Took.Milliseconds(),
		}
		if s.Err != nil {
			e.Error = s.Err.Error()
		}
		c.Steps = append(c.Steps, e)
	}
	return c
}

func fateStatus(f fate) execute.Status {
	switch f {
	case succeeded:
		return execute.Done
	case skipped:
		return execute.Skipped
	default:
		return execute.Failed
	}
}
