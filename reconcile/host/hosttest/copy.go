package hosttest

import (
	"maps"
	"slices"

	"reconciler/reconcile/plan"
)

func cloneConfig(c plan.Config) plan.Config {
	if c.Raw != nil {
		raw := make(map[string][]string, len(c.Raw))
		for key, values := range c.Raw {
			raw[key] = slices.Clone(values)
		}
		c.Raw = raw
	}
	return c
}

func (g *Guest) clone() *Guest {
	copied := *g
	copied.Shadow = maps.Clone(g.Shadow)
	return &copied
}
