package report

import (
	"cmp"
	"slices"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// kind is what a plan means for one container as a whole. The order is that of the report: what
// loses data comes first.
type kind int

const (
	destroys kind = iota
	replaces
	changes
	creates
	records
)

// look is how a kind appears in a report.
type look struct {
	marker safe
	color  color
	will   safe   // in a plan
	did    safe   // in a result
	name   string // in JSON
}

func (k kind) look() look {
	switch k {
	case destroys:
		return look{"-", red, "will be destroyed", "destroyed", "destroy"}
	case replaces:
		return look{"-/+", red, "will be replaced", "replaced", "replace"}
	case changes:
		return look{"~", yellow, "will be changed", "changed", "change"}
	case creates:
		return look{"+", green, "will be created", "created", "create"}
	default:
		return look{".", dim, "stays as it is, only its record changes", "recorded", "record"}
	}
}

// group is the part of a plan that concerns one container.
type group struct {
	plan.Item
	kind kind
}

// groupsOf returns the containers of a plan, sorted by host, then container.
func groupsOf(p plan.Plan) []group {
	items := p.Containers()
	groups := make([]group, 0, len(items))
	for _, it := range items {
		groups = append(groups, group{it, kindOf(it)})
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container))
	})
	return groups
}

// kindFor is the kind of a container of which the steps are not known.
func kindFor(k plan.Kind) kind {
	switch k {
	case plan.KindDestroy:
		return destroys
	case plan.KindReplace:
		return replaces
	case plan.KindCreate:
		return creates
	}
	return changes
}

func kindOf(it plan.Item) kind {
	if k := kindFor(it.Kind); k != changes {
		return k
	}
	for _, s := range it.Steps {
		if s.Action != plan.Note && s.Action != plan.Forget {
			return changes
		}
	}
	return records
}

// tally counts containers by kind.
type tally [records + 1]int

func tallyOf(groups []group) tally {
	var t tally
	for _, g := range groups {
		t[g.kind]++
	}
	return t
}

// A container that is replaced is destroyed and created; one of which only the record changes is
// neither changed nor any of these.
func (t tally) created() int   { return t[creates] + t[replaces] }
func (t tally) destroyed() int { return t[destroys] + t[replaces] }

// class returns the most demanding class of the steps.
func (g group) class() spec.Class {
	order := []spec.Class{"", spec.Once, spec.Live, spec.Restart, spec.Recreate}
	worst := 0
	for _, s := range g.Steps {
		worst = max(worst, slices.Index(order, s.Class))
	}
	return order[worst]
}

// classWords says what a class means for the container.
func classWords(c spec.Class) safe {
	switch c {
	case spec.Restart:
		return "restarts the container"
	case spec.Recreate:
		return "destroys its data"
	default:
		return clean(string(c))
	}
}

// reasons returns the sentences that say why, each once. A step that follows another adds none.
func (g group) reasons() []string {
	var own, following []string
	for _, s := range g.Steps {
		list := &own
		if s.Reason.Code == plan.Follows {
			list = &following
		}
		if s.Reason.Text != "" && !slices.Contains(*list, s.Reason.Text) {
			*list = append(*list, s.Reason.Text)
		}
	}
	if len(own) == 0 {
		return following
	}
	return own
}

// changes returns the field changes of all steps, each once.
func (g group) changes() []plan.Change {
	var all []plan.Change
	for _, s := range g.Steps {
		for _, c := range s.Changes {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all
}

// needs returns what must be there first, each once.
func (g group) needs() []string {
	var all []string
	for _, s := range g.Steps {
		for _, n := range s.Needs {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	return all
}

// position returns the place of the declaration, zero for none.
func (g group) position() spec.Position {
	for _, s := range g.Steps {
		if s.Position.File != "" {
			return s.Position
		}
	}
	return spec.Position{}
}

// forgotten reports whether the container is gone and only its record is left.
func (g group) forgotten() bool {
	return g.kind == records && g.Steps[0].Action == plan.Forget
}

// redact empties a change whose values must not be seen. A planner has done so already; a report
// does not rely on it.
func redact(c plan.Change) plan.Change {
	if c.Sensitive || c.Field == "password" {
		c.Sensitive = true
		c.Old, c.New = "", ""
	}
	return c
}
