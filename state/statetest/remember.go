package statetest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"reconciler/state"
)

// sortedSuspensions returns the suspensions as a snapshot has them.
func sortedSuspensions(all map[state.Scope]state.Suspension) []state.Suspension {
	return slices.SortedFunc(maps.Values(all), func(a, b state.Suspension) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container))
	})
}

// withSuspensions returns the suspensions as they are after the batch, and whether they differ.
func (m *model) withSuspensions(batch state.Batch) (
	next map[state.Scope]state.Suspension, changed bool,
) {
	next = make(map[state.Scope]state.Suspension, len(m.suspensions))
	maps.Copy(next, m.suspensions)
	for _, s := range batch.Suspend {
		old, exists := next[s.Scope()]
		s.Since, s.Until = plain(s.Since), plain(s.Until)
		next[s.Scope()] = s
		changed = changed || !exists || !s.Same(old)
	}
	for _, scope := range batch.Resume {
		_, exists := next[scope]
		delete(next, scope)
		changed = changed || exists
	}
	return next, changed
}

// withPass returns the passes as they are after p, which may be nil, and whether they differ.
func (m *model) withPass(p *state.Pass) (next []state.Pass, changed bool) {
	if p == nil {
		return m.passes, false
	}
	stored := *p
	stored.Began, stored.Ended = plain(p.Began), plain(p.Ended)
	next = slices.Clone(m.passes)
	at := slices.IndexFunc(next, func(o state.Pass) bool { return o.ID == p.ID })
	switch {
	case at < 0:
		return forgetOne(slices.Insert(next, 0, stored)), true
	case stored.Same(next[at]):
		return next, false
	default:
		next[at] = stored
		return next, true
	}
}

// forgetOne takes one pass away if there are too many.
func forgetOne(passes []state.Pass) []state.Pass {
	if len(passes) <= state.MaxPasses {
		return passes
	}
	answers := answering(passes)
	for i := len(passes) - 1; i > 0; i-- {
		if !answers[passes[i].ID] {
			return slices.Delete(passes, i, i+1)
		}
	}
	return passes[:state.MaxPasses]
}

// answering returns the ids of the passes that Snapshot.LastRevision answers with.
func answering(passes []state.Pass) map[string]bool {
	ids := map[string]bool{}
	found := map[string]bool{}
	for _, p := range passes {
		if p.Error == "" && p.Revision != "" && !found[p.Source] {
			found[p.Source], ids[p.ID] = true, true
		}
	}
	return ids
}

// observe stores observations.
func (m *model) observe(seen map[string]state.Observation) {
	for host, o := range seen {
		if old, exists := m.observed[host]; exists && o.Same(old) {
			continue
		}
		if m.observed == nil {
			m.observed = map[string]state.Observation{}
		}
		m.observed[host] = state.Observation{At: plain(o.At), Content: slices.Clone(o.Content)}
	}
}

// observations returns a copy.
func (m *model) observations() map[string]state.Observation {
	all := make(map[string]state.Observation, len(m.observed))
	for host, o := range m.observed {
		o.Content = slices.Clone(o.Content)
		all[host] = o
	}
	return all
}

// plain returns a time as it comes back from a store: in UTC, and without what only this process
// knows.
func plain(t time.Time) time.Time { return t.Round(0).UTC() }
