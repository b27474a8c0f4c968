package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// Meta says what a JSON report was made from. All of it is optional.
type Meta struct {
	Tool         string   `json:"tool,omitempty"`         // version of the program
	Source       string   `json:"source,omitempty"`       // where the tree came from
	Revision     string   `json:"revision,omitempty"`     // of the tree
	Installation string   `json:"installation,omitempty"` // identity of the state store
	Serial       int64    `json:"serial,omitempty"`       // of the state that was read
	Hosts        []string `json:"hosts,omitempty"`        // that were compared
}

// PlanDocument is the JSON form of a plan. Lists are never null.
type PlanDocument struct {
	FormatVersion string             `json:"format_version"`
	Meta          Meta               `json:"meta"`
	Summary       PlanSummary        `json:"summary"`
	Containers    []ContainerSummary `json:"containers"` // those with steps; by host, then name
	Steps         []plan.Step        `json:"steps"`      // in the order of the plan
	Blocked       []plan.Blocked     `json:"blocked"`
	Held          []plan.Held        `json:"held"` // what waits, and drift that is left
	Unmanaged     []plan.Unmanaged   `json:"unmanaged"`
	Unreachable   []plan.Unreachable `json:"unreachable"`
	Warnings      []ProblemRow       `json:"warnings"`
}

// PlanSummary counts containers. One that is replaced counts in Create, Destroy and Replace.
type PlanSummary struct {
	Create      int `json:"create"`
	Change      int `json:"change"`
	Destroy     int `json:"destroy"`
	Replace     int `json:"replace"`
	Record      int `json:"record"` // those of Change that change only in the record
	Unchanged   int `json:"unchanged"`
	Blocked     int `json:"blocked"`
	Held        int `json:"held"`
	Unmanaged   int `json:"unmanaged"`
	Unreachable int `json:"unreachable"` // hosts
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
		Meta:          meta,
		Summary: PlanSummary{
			Create: t.created(), Change: t.changed(), Destroy: t.destroyed(),
			Replace: t[replaces], Record: t[records], Unchanged: p.Unchanged,
			Blocked: len(p.Blocked), Held: len(p.Held), Unmanaged: len(p.Unmanaged),
			Unreachable: len(p.Unreachable), Warnings: len(p.Warnings),
		},
		Containers:  make([]ContainerSummary, 0, len(groups)),
		Steps:       make([]plan.Step, 0, len(p.Steps)),
		Blocked:     list(p.Blocked),
		Held:        redactHeld(p.Held),
		Unmanaged:   list(p.Unmanaged),
		Unreachable: list(p.Unreachable),
		Warnings:    problemRows(p.Warnings),
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
	return encode(w, Document(p, meta))
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

// encode writes v as indented JSON that is safe on a terminal too.
func encode(w io.Writer, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("cannot encode report: %w", err)
	}
	if _, err := w.Write(escapeJSON(b.Bytes())); err != nil {
		return fmt.Errorf("cannot write report: %w", err)
	}
	return nil
}

// escapeJSON replaces what encoding/json leaves as it is and a terminal may act on. Such
// characters stand only inside JSON strings, where the escape means the same.
func escapeJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == '\n' || strconv.IsPrint(r) {
			out = append(out, text[:n]...)
		} else {
			for _, unit := range utf16.AppendRune(nil, r) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
		text = text[n:]
	}
	return out
}
