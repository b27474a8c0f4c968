package plan

// visit is how far the search for the source of an item has come.
type visit uint8

const (
	unvisited visit = iota
	visiting
	visited
)

// resolveSources finds the source of every container that is to be made, adds the templates they
// need to the plan, and blocks those whose source cannot be had.
func (p *planner) resolveSources() {
	for i := range p.items {
		if it := &p.items[i]; it.work.has(doMake) {
			p.resolveSource(it)
		}
	}
}

// resolveSource finds the source of an item that is to be made; without one it is not made.
func (p *planner) resolveSource(it *item) {
	name := it.want.FromContainer
	if it.visit == visited || name == "" {
		return
	}
	it.visit = visiting
	source := p.find(name)
	p.spare(it, source)
	if why := p.sourceFault(it, source); why != "" {
		p.blockSource(it, why)
	} else {
		it.source = source
	}
	it.visit = visited
}

func (p *planner) blockSource(it *item, why string) {
	it.keep()
	p.block(it, Blocked{Action: Clone, Code: BlockedSource, Failed: true,
		Text: "it cannot be cloned: source \"" + it.want.FromContainer + "\" " + why})
}

// recheckSources blocks what was to be cloned from a container that is not replaced after all, and
// cannot be cloned as it is. It leaves out what waits for a source that is held.
func (p *planner) recheckSources() {
	for again := true; again; {
		again = false
		for i := range p.items {
			it := &p.items[i]
			s := it.source
			if s == nil || !it.work.has(doMake) || s.work.has(doMake|doStop) || s.stays() {
				continue
			}
			if why := asItIs(s); why != "" {
				p.blockSource(it, why)
				again = true
			}
		}
	}
}

// sourceFault returns why a source cannot be cloned at its place in this plan, or nothing.
func (p *planner) sourceFault(it, source *item) string {
	if source == nil || source.want == nil && source.got == nil {
		return "does not exist on this host and is not declared"
	}
	if source.want == nil || !source.want.Template && !source.inside {
		return asItIs(source)
	}
	if source.want.Template {
		p.demand(it, source)
	}
	if source.visit == visiting {
		return "is itself cloned from it"
	}
	if source.work.has(doMake) {
		p.resolveSource(source)
	}
	declared := source.ours || source.gone || source.work.has(doMake)
	if declared && !source.want.Template && source.want.Running {
		return "is declared to run; a source must be stopped (running: false)"
	}
	if source.work.has(doMake|doStop) || source.gone || source.left.live.has(fRunning) {
		return ""
	}
	return asItIs(source)
}

// demand adds a template to the plan unless it exists.
func (p *planner) demand(by, t *item) {
	if t.wantedBy == "" {
		t.wantedBy = by.name
	}
	if t.problem || t.work.has(doMake) || t.visit != unvisited {
		return
	}
	switch {
	case t.got == nil:
		if t.cause == "" || t.cause == Declared {
			t.cause = NeededBy
		}
		if p.makeable(t) {
			t.work = making(t.want)
		}
	case t.ours && t.got.Damage != "" && halfMade(t.own) && !protected(t) && p.makeable(t):
		t.cause = Unfinished
		t.work = doDestroy | making(t.want)
	}
}

// asItIs returns why a container that this plan does not touch cannot be cloned.
func asItIs(source *item) string {
	switch {
	case source.got == nil && source.fault != "":
		return "cannot be made: " + source.fault
	case source.got == nil && source.problem:
		return "could not be resolved"
	case source.got == nil:
		return "does not exist and lies outside of this run"
	case source.got.Damage != "":
		return "is half made: " + source.got.Damage
	case source.got.State != Stopped:
		return "is " + string(source.got.State) + "; a source must be stopped"
	}
	return ""
}

// spare keeps an orphan that a new container is cloned from, also if it cannot be cloned yet.
func (p *planner) spare(it, source *item) {
	if source != nil && source.work.has(doDestroy) && source.want == nil {
		source.work = 0
		p.block(source, Blocked{Action: Destroy, Code: BlockedDependants,
			Text: "it is not declared, but \"" + it.name + "\" is cloned from it"})
	}
}
