package plan

import "slices"

// emit writes the steps of the host: those of one container together, those that it needs before.
func (p *planner) emit() {
	for i := range p.items {
		if it := &p.items[i]; it.work != 0 {
			p.emitAfterNeeds(it)
		}
	}
}

func (p *planner) emitAfterNeeds(it *item) {
	if it.emitted {
		return
	}
	it.emitted = true
	if it.source != nil && it.work.has(doMake) && it.source.work != 0 {
		p.need(it, it.source)
	}
	slices.Sort(it.needs)
	it.needs = slices.Compact(it.needs)
	for _, name := range it.needs {
		p.emitAfterNeeds(p.find(name))
	}
	p.steps(it)
}

// need adds a need. Most containers need exactly one template: they share one slice.
func (p *planner) need(it, other *item) {
	if len(it.needs) > 0 {
		it.needs = append(it.needs, other.name)
		return
	}
	if other.self == nil {
		other.self = []string{other.name}
	}
	it.needs = slices.Clip(other.self)
}
