package plan

import "net/netip"

// orphan decides on a container that is not declared. Only what carries both witnesses is
// destroyed. A record whose container is gone, or is there without our mark, is forgotten. A
// container with our mark that is not the recorded one (another uid, a copy under this name)
// keeps its record, since one of the two is wrong and a person must say which.
func (p *planner) orphan(it *item) {
	if it.own == nil || it.own.Template || !it.inside {
		return
	}
	switch {
	case it.got == nil:
		it.work = doForget
	case it.ours && protected(it):
		p.blockProtected(it)
	case it.ours:
		it.work = doDestroy
	case it.got.Mark == nil || it.got.Mark.Installation != p.in.Installation:
		it.work = doForget
	}
}

// guard is the count of destroys of one host.
type guard struct {
	owned int // containers that we own and see
	count int // destroys that count
	limit int
}

// settleDestroys takes back every destroy that would break a snapshot or that the guard forbids.
// A destroy taken back may leave a snapshot in place, so the snapshots are looked at again.
func (p *planner) settleDestroys() {
	p.keepBelowSnapshots()
	p.applyGuard()
	p.keepBelowSnapshots()
	p.recheckSources()
	p.orderDestroys()
}

// keepBelowSnapshots blocks each destroy of a container that is the lower layer of one that
// stays, or that is replaced: replacing it takes its lower layer along only in a later pass.
func (p *planner) keepBelowSnapshots() {
	for again := true; again; {
		again = false
		for i := range p.items {
			upper := &p.items[i]
			lower := p.lower(upper)
			if lower == nil || !lower.work.has(doDestroy) || goes(upper) {
				continue
			}
			lower.keep()
			p.block(lower, Blocked{Action: Destroy, Code: BlockedDependants,
				Text: "\"" + upper.name + "\" is a snapshot of it and stays"})
			again = true
		}
	}
}

// lower returns the item that an existing container is a snapshot of.
func (p *planner) lower(it *item) *item {
	if it.got == nil || it.got.Lower == "" || it.got.Lower == it.name {
		return nil
	}
	return p.find(it.got.Lower)
}

// goes reports whether an item is destroyed for good.
func goes(it *item) bool { return it.work.has(doDestroy) && !it.work.has(doMake) }

// applyGuard blocks every destroy of the host if there are more than max(1, 25 %) of its owned
// containers. Half-made containers that hold no data, and those that are allowed by name, do not
// count and go through.
func (p *planner) applyGuard() {
	g := guard{}
	for i := range p.items {
		it := &p.items[i]
		if it.ours && !it.own.Template {
			g.owned++
		}
		if p.counts(it) {
			g.count++
		}
	}
	g.limit = max(1, g.owned/4)
	for _, a := range p.in.Allow {
		if a.Container == "" && (a.Host == "" || a.Host == p.h.Host) {
			g.limit = max(g.limit, a.Count)
		}
	}
	if g.count <= g.limit {
		return
	}
	for i := range p.items {
		if it := &p.items[i]; p.counts(it) {
			it.keep()
			p.blockGuard(it, g)
		}
	}
}

// counts reports whether an item is destroyed and counts for the guard.
func (p *planner) counts(it *item) bool {
	if !it.work.has(doDestroy) || neverFinished(it.own) {
		return false
	}
	for _, a := range p.in.Allow {
		if a.Container == it.name && a.Host == p.h.Host {
			return false
		}
	}
	return true
}

// orderDestroys lets snapshots go before what they are snapshots of, and orphans before a
// container that takes over their address.
func (p *planner) orderDestroys() {
	free := map[netip.Addr]string{} // address → orphan that leaves it
	for i := range p.items {
		it := &p.items[i]
		if !goes(it) {
			continue
		}
		if lower := p.lower(it); lower != nil && lower.work.has(doDestroy) {
			lower.needs = append(lower.needs, it.name)
		}
		if a := it.got.Config.Address; a.IsValid() {
			free[a.Addr()] = it.name
		}
	}
	for i := range p.items {
		it := &p.items[i]
		if it.want == nil || !it.work.has(doMake|doConfigure) {
			continue
		}
		if orphan, ok := free[it.want.IP]; ok {
			it.needs = append(it.needs, orphan)
		}
	}
}
