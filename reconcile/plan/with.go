package plan

import (
	"cmp"
	"slices"

	"reconciler/spec"
)

// With returns the plan that does what both do. They are of one tree and about different hosts.
func (p Plan) With(other Plan) Plan {
	both := Plan{
		Prepare: joined(p.Prepare, other.Prepare,
			func(x *HostPreparation) string { return x.Host }),
		Steps:     joined(p.Steps, other.Steps, func(x *Step) string { return x.Host }),
		Blocked:   joined(p.Blocked, other.Blocked, func(x *Blocked) string { return x.Host }),
		Held:      joined(p.Held, other.Held, func(x *Held) string { return x.Host }),
		Rollouts:  joined(p.Rollouts, other.Rollouts, func(x *Rollout) string { return x.Group }),
		Unmanaged: joined(p.Unmanaged, other.Unmanaged, func(x *Unmanaged) string { return x.Host }),
		Unreachable: joined(p.Unreachable, other.Unreachable,
			func(x *Unreachable) string { return x.Host }),
		Warnings:  slices.Clone(p.Warnings),
		Unchanged: p.Unchanged + other.Unchanged,
	}
	for _, w := range other.Warnings {
		if !slices.Contains(both.Warnings, w) {
			both.Warnings = append(both.Warnings, w)
		}
	}
	sortWarnings(both.Warnings)
	return both
}

// joined returns the elements of both lists by host. Those of one host stay in their order.
func joined[T any](a, b []T, host func(*T) string) []T {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y T) int { return cmp.Compare(host(&x), host(&y)) })
	return all
}

func sortWarnings(list []spec.Problem) {
	slices.SortFunc(list, func(a, b spec.Problem) int {
		return cmp.Or(cmp.Compare(a.Position.File, b.Position.File),
			cmp.Compare(a.Position.Line, b.Position.Line),
			cmp.Compare(a.Position.Column, b.Position.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Text, b.Text))
	})
}
