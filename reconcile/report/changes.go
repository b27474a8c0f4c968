package report

import (
	"slices"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// ResourceChange is what becomes of one container, in the manner of OpenTofu. Before and After
// have the fields that differ, as text in the units of the plan (sizes in bytes); of a field that
// is sensitive or not known yet there is no value, only its name beside. Nothing is ever null.
//
// In the list of drift Before is what the tree says and After what the host has, and Actions what
// is done about it.
type ResourceChange struct {
	Host      string `json:"host"`
	Container string `json:"container"`
	Template  bool   `json:"template"`
	// Actions is one of [create], [update], [delete], [delete create] for a container that is
	// replaced, [record] if only the record changes, and [no-op] for drift that is left as it is.
	Actions         []string          `json:"actions"`
	Class           spec.Class        `json:"class,omitempty"` // of the most demanding change
	Reasons         []string          `json:"reasons"`         // codes of plan.Reason or plan.Held
	Position        spec.Position     `json:"position,omitzero"`
	Before          map[string]string `json:"before"`
	After           map[string]string `json:"after"`
	AfterUnknown    map[string]bool   `json:"after_unknown"`
	BeforeSensitive map[string]bool   `json:"before_sensitive"`
	AfterSensitive  map[string]bool   `json:"after_sensitive"`
	Needs           []string          `json:"needs"` // containers of the host that come first
}

func (k kind) actions() []string {
	switch k {
	case destroys:
		return []string{"delete"}
	case replaces:
		return []string{"delete", "create"}
	case creates:
		return []string{"create"}
	case changes:
		return []string{"update"}
	default:
		return []string{"record"}
	}
}

func resourceChanges(groups []group) []ResourceChange {
	all := make([]ResourceChange, 0, len(groups))
	for _, g := range groups {
		r := g.resource()
		for _, c := range g.changes() {
			r.add(redact(c), g.kind)
		}
		all = append(all, r)
	}
	return all
}

// resourceDrift returns what was changed outside the tree: what is put right, then what is left.
func resourceDrift(groups []group, held []plan.Held) []ResourceChange {
	all := []ResourceChange{}
	for _, g := range groups {
		if drift := driftOf(g.changes()); len(drift) > 0 {
			r := g.resource()
			r.Needs = []string{}
			for _, c := range drift {
				r.add(back(redact(c)), changes)
			}
			all = append(all, r)
		}
	}
	for _, h := range held {
		drift := driftOf(h.Changes)
		if len(drift) == 0 {
			continue
		}
		r := newResource(h.Host, h.Container)
		r.Actions, r.Reasons, r.Position = []string{"no-op"}, []string{h.Code}, h.Position
		for _, c := range drift {
			r.add(back(redact(c)), changes)
		}
		all = append(all, r)
	}
	return all
}

func driftOf(all []plan.Change) []plan.Change {
	return slices.DeleteFunc(slices.Clone(all), func(c plan.Change) bool { return !c.Drift })
}

// back returns the change that made the host differ from the tree.
func back(c plan.Change) plan.Change {
	c.Old, c.New, c.Unknown = c.New, c.Old, false
	return c
}

func newResource(host, container string) ResourceChange {
	return ResourceChange{
		Host: host, Container: container, Needs: []string{},
		Before: map[string]string{}, After: map[string]string{}, AfterUnknown: map[string]bool{},
		BeforeSensitive: map[string]bool{}, AfterSensitive: map[string]bool{},
	}
}

func (g group) resource() ResourceChange {
	r := newResource(g.Host, g.Container)
	r.Template, r.Actions, r.Class = g.Template, g.kind.actions(), g.class()
	r.Reasons, r.Position, r.Needs = g.codes(), g.position(), list(g.needs())
	return r
}

func (r ResourceChange) add(c plan.Change, k kind) {
	if c.Sensitive {
		r.AfterSensitive[c.Field] = true
		if k != creates {
			r.BeforeSensitive[c.Field] = true
		}
	}
	if c.Unknown {
		r.AfterUnknown[c.Field] = true
	}
	if c.Old != "" {
		r.Before[c.Field] = c.Old
	}
	if c.New != "" && !c.Unknown {
		r.After[c.Field] = c.New
	}
}

// codes returns why, each code once. A step that follows another adds none.
func (g group) codes() []string {
	all := []string{}
	for _, s := range g.Steps {
		if s.Reason.Code != plan.Follows && !slices.Contains(all, s.Reason.Code) {
			all = append(all, s.Reason.Code)
		}
	}
	if len(all) == 0 {
		return []string{plan.Follows}
	}
	return all
}

// drifted reports whether the container is changed for no other reason than drift.
func (g group) drifted() bool {
	return g.kind == changes && slices.Equal(g.codes(), []string{plan.Drift})
}
