package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"reconciler/reconcile/plan"
)

// ErrEdited is returned by ParsePlan for a document whose steps are not those that it was made
// with. It finds mistakes, not forgery: whoever applies a plan compares it with one made anew.
var ErrEdited = errors.New("its steps do not fit its plan_id: it was changed after it was made")

// ParsePlan reads a plan that JSON wrote. Keys that it does not know are those of a later minor
// version, and are left out. It returns an error for another major version, for a document that
// is not whole or has more behind it, and ErrEdited; no position is told, the file is not made by
// hand. It reads to the end of r.
func ParsePlan(r io.Reader) (PlanDocument, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return PlanDocument{}, fmt.Errorf("cannot read plan: %w", err)
	}
	// The version comes first: another major version need not fit the type.
	var version struct {
		FormatVersion string `json:"format_version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return PlanDocument{}, fmt.Errorf("cannot read plan: %w", err)
	}
	major, _, _ := strings.Cut(formatVersion, ".")
	if got, _, _ := strings.Cut(version.FormatVersion, "."); got != major {
		return PlanDocument{}, fmt.Errorf("cannot read plan of format version %q, only %s.x",
			version.FormatVersion, major)
	}
	var d PlanDocument
	if err := json.Unmarshal(text, &d); err != nil {
		return PlanDocument{}, fmt.Errorf("cannot read plan: %w", err)
	}
	if d.PlanID != PlanID(d.meaning()) {
		return PlanDocument{}, fmt.Errorf("cannot accept plan %q: %w", d.PlanID, ErrEdited)
	}
	return d, nil
}

// meaning is the part of a plan that its identity is made of.
func (d PlanDocument) meaning() plan.Plan {
	return plan.Plan{Prepare: d.Prepare, Steps: d.Steps, Blocked: d.Blocked, Held: d.Held,
		Rollouts: d.Rollouts}
}
