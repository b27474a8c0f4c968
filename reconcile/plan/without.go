package plan

import (
	"cmp"
	"slices"
)

// Without returns the plan without the steps of one container, which is blocked for the reason
// given instead. What needs that container is left in: its step will say what it misses.
func (p Plan) Without(b Blocked) Plan {
	p.Steps = slices.DeleteFunc(slices.Clone(p.Steps), func(s Step) bool {
		return s.Host == b.Host && s.Container == b.Container
	})
	if slices.ContainsFunc(p.Blocked, func(o Blocked) bool { return o == b }) {
		return p
	}
	p.Blocked = append(slices.Clone(p.Blocked), b)
	slices.SortStableFunc(p.Blocked, func(a, b Blocked) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container))
	})
	return p
}
