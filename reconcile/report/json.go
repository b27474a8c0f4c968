package report

import (
	"io"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// PlanDocument is the JSON form of a plan, as Schema describes it. Lists are never null.
type PlanDocument struct {
	FormatVersion   string                 `json:"format_version"`
	PlanID          string                 `json:"plan_id"`   // see PlanID
	Knowledge       Knowledge              `json:"knowledge"` // never empty
	Errored         bool                   `json:"errored"`   // a mistake blocks something
	Meta            Meta                   `json:"meta"`
	Summary         PlanSummary            `json:"summary"`
	Prepare         []plan.HostPreparation `json:"prepare"`          // hosts, before their containers
	Containers      []ContainerSummary     `json:"containers"`       // with steps; by host, then name
	ResourceChanges []ResourceChange       `json:"resource_changes"` // of the same, in the same order
	ResourceDrift   []ResourceChange       `json:"resource_drift"`   // what differs outside the tree
	Steps           []plan.Step            `json:"steps"`            // in the order of the plan
	Blocked         []plan.Blocked         `json:"blocked"`
	Held            []plan.Held            `json:"held"`     // what waits, and drift that is left
	Rollouts        []plan.Rollout         `json:"rollouts"` // by group
	Unmanaged       []plan.Unmanaged       `json:"unmanaged"`
	Unreachable     []plan.Unreachable     `json:"unreachable"` // of these hosts nothing is known
	Warnings        []ProblemRow           `json:"warnings"`
}

// PlanSummary counts containers. One that is replaced counts in Create, Destroy and Replace.
type PlanSummary struct {
	Prepare     int `json:"prepare"` // hosts
	Create      int `json:"create"`
	Change      int `json:"change"`
	Destroy     int `json:"destroy"`
	Replace     int `json:"replace"`
	Record      int `json:"record"` // only the record changes, nothing on the host
	Unchanged   int `json:"unchanged"`
	Blocked     int `json:"blocked"`
	Held        int `json:"held"`
	Unmanaged   int `json:"unmanaged"`
	Unreachable int `json:"unreachable"` // hosts, with those that another run holds
	Warnings    int `json:"warnings"`
}

// ContainerSummary says what becomes of one container as a whole.
type ContainerSummary struct {
	Host      string `json:"host"`
	Container string `json:"container"`
	Action    string `json:"action"` // create, change, destroy, replace or record
}

// ProblemRow is a spec.Problem in JSON.
type ProblemRow struct {
	Position spec.Position `json:"position,omitzero"`
	Also     spec.Position `json:"also,omitzero"`
	Path     string        `json:"path,omitempty"`
	Text     string        `json:"text"`
	Hint     string        `json:"hint,omitempty"`
}

// Document returns the JSON form of a plan. Sensitive values are empty in it; p is not changed.
func Document(p plan.Plan, meta Meta) PlanDocument {
	groups := groupsOf(p)
	t := tallyOf(groups)
	d := PlanDocument{
		FormatVersion: formatVersion,
		PlanID:        PlanID(p),
		Knowledge:     meta.knowledge(),
		Errored:       failed(p, nil),
		Meta:          meta,
		Summary: PlanSummary{
			Prepare: len(p.Prepare),
			Create:  t.created(), Change: t[changes], Destroy: t.destroyed(),
			Replace: t[replaces], Record: t[records], Unchanged: p.Unchanged,
			Blocked: len(p.Blocked), Held: len(p.Held), Unmanaged: len(p.Unmanaged),
			Unreachable: len(p.Unreachable), Warnings: len(p.Warnings),
		},
		Prepare:         preparationRows(p.Prepare),
		Containers:      make([]ContainerSummary, 0, len(groups)),
		ResourceChanges: resourceChanges(groups),
		ResourceDrift:   resourceDrift(groups, p.Held),
		Steps:           make([]plan.Step, 0, len(p.Steps)),
		Blocked:         list(p.Blocked),
		Held:            redactHeld(p.Held),
		Rollouts:        documented(p.Rollouts),
		Unmanaged:       list(p.Unmanaged),
		Unreachable:     list(p.Unreachable),
		Warnings:        problemRows(p.Warnings),
	}
	for _, g := range groups {
		d.Containers = append(d.Containers,
			ContainerSummary{g.Host, g.Container, g.kind.look().name})
	}
	for _, s := range p.Steps {
		d.Steps = append(d.Steps, redactStep(s))
	}
	return d
}

// JSON writes the plan as a PlanDocument. It returns the error of w.
func JSON(w io.Writer, p plan.Plan, meta Meta) error {
	return stream(w, Document(p, meta))
}

// preparationRows makes empty lists of nil.
func preparationRows(all []plan.HostPreparation) []plan.HostPreparation {
	rows := make([]plan.HostPreparation, 0, len(all))
	for _, h := range all {
		rows = append(rows, plan.HostPreparation{Host: h.Host, Changes: list(h.Changes)})
	}
	return rows
}

// redactStep returns a copy that holds nothing but what may be shown.
func redactStep(s plan.Step) plan.Step {
	s.Want = nil
	s.Changes = redactAll(s.Changes)
	return s
}

// redactHeld returns a copy that holds nothing but what may be shown.
func redactHeld(held []plan.Held) []plan.Held {
	shown := make([]plan.Held, 0, len(held))
	for _, h := range held {
		h.Changes = redactAll(h.Changes)
		shown = append(shown, h)
	}
	return shown
}

func redactAll(changes []plan.Change) []plan.Change {
	shown := make([]plan.Change, 0, len(changes))
	for _, c := range changes {
		shown = append(shown, redact(c))
	}
	return shown
}

func problemRows(problems []spec.Problem) []ProblemRow {
	rows := make([]ProblemRow, 0, len(problems))
	for _, p := range problems {
		rows = append(rows, ProblemRow(p))
	}
	return rows
}

// list makes an empty list of nil, so that readers need no case for null.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
