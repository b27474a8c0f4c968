package plan

import "slices"

// Kind is what a plan does to one container as a whole.
type Kind string

// The kinds. A note or a forgotten record is a change.
const (
	KindCreate  Kind = "create"
	KindChange  Kind = "change"
	KindDestroy Kind = "destroy"
	KindReplace Kind = "replace" // destroyed and made anew
)

// Item is the part of a plan that concerns one container or template.
type Item struct {
	Host      string
	Container string
	Template  bool
	Kind      Kind
	Steps     []Step // in order; at least one; a part of Plan.Steps
}

// Summary counts containers and templates. One that is replaced counts in Replace, and, as in
// OpenTofu, also in Create and Destroy.
type Summary struct {
	Create, Change, Destroy, Replace int
	Blocked                          int // everything that is not done, mistakes included
	Held                             int // what waits, drift that is left included
	Unchanged                        int // containers
}

// Empty reports whether there is nothing to do: no step, and no host to prepare. What is blocked or
// held is another question.
func (p Plan) Empty() bool { return len(p.Steps)+len(p.Prepare) == 0 }

// Containers groups the steps by container, in the order of the plan.
func (p Plan) Containers() []Item {
	var items []Item
	for from := 0; from < len(p.Steps); {
		s := &p.Steps[from]
		to := from + 1
		for to < len(p.Steps) && p.Steps[to].Host == s.Host && p.Steps[to].Container == s.Container {
			to++
		}
		steps := p.Steps[from:to:to]
		items = append(items, Item{Host: s.Host, Container: s.Container, Template: s.Template,
			Kind: kindOf(steps), Steps: steps})
		from = to
	}
	return items
}

// Summary counts what the plan does.
func (p Plan) Summary() Summary {
	sum := Summary{Blocked: len(p.Blocked), Held: len(p.Held), Unchanged: p.Unchanged}
	for _, it := range p.Containers() {
		switch it.Kind {
		case KindCreate:
			sum.Create++
		case KindChange:
			sum.Change++
		case KindDestroy:
			sum.Destroy++
		case KindReplace:
			sum.Replace++
			sum.Create++
			sum.Destroy++
		}
	}
	return sum
}

func kindOf(steps []Step) Kind {
	made, destroyed := false, false
	for i := range steps {
		switch steps[i].Action {
		case Create, Clone:
			made = true
		case Destroy:
			destroyed = true
		}
	}
	switch {
	case made && destroyed:
		return KindReplace
	case made:
		return KindCreate
	case destroyed:
		return KindDestroy
	}
	return KindChange
}

// Without returns the plan without the steps of one container, which is blocked for the reason
// given instead. What needs that container is left in: its step will say what it misses.
func (p Plan) Without(b Blocked) Plan {
	p.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool {
		return s.Host == b.Host && s.Container == b.Container
	})
	if !slices.Contains(p.Blocked, b) {
		p.Blocked = append(slices.Clone(p.Blocked), b)
		slices.SortFunc(p.Blocked, compareBlocked)
	}
	return p
}
