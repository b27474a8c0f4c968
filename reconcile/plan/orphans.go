package plan

import (
	"net/netip"
	"slices"
)

// orphan decides on a container that is not declared. Only what carries both witnesses is
// destroyed. A record is forgotten only when nothing of its name is on the host: what is there
// without our mark is listed as unmanaged, but it may be the container itself with a lost mark.
func (p *planner) orphan(it *item) {
	if it.own == nil || it.own.Template || !it.inside {
		return
	}
	switch {
	case protected(it):
		p.blockProtected(it)
	case p.inTheWay(it):
		p.blockInTheWay(it, Forget)
	case it.got == nil:
		it.work = doForget
	case it.ours:
		it.work = doDestroy
	}
}

// guard is the count of destroys of one host.
type guard struct {
	owned int // containers that we own and see
	count int // destroys that count
	limit int
}

// settleDestroys takes back what is held, and every destroy that would break a snapshot or that the
// guard forbids. A destroy that is taken back may leave a snapshot in place, so the snapshots are
// looked at again.
func (p *planner) settleDestroys() {
	p.keepBelowSnapshots()
	p.settleHolds()
	p.applyGuard()
	p.keepBelowSnapshots()
	p.recheckSources()
	p.orderHandOvers()
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
// containers. Those that are allowed by name do not count and go through.
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
		if it := &p.items[i]; it.work.has(doDestroy) && p.counts(it) {
			it.keep()
			p.blockGuard(it, g)
		}
	}
}

// counts reports whether an item is destroyed and counts for the guard. One that is only held now
// counts too: else a wrong tree would destroy container after container, each as soon as it is no
// longer held.
func (p *planner) counts(it *item) bool {
	if !(it.work | it.wish).has(doDestroy) {
		return false
	}
	for _, a := range p.in.Allow {
		if a.Container == it.name && a.Host == p.h.Host {
			return false
		}
	}
	return true
}

// orderHandOvers lets snapshots go before what they are snapshots of, and whoever gives up an
// address before a container that takes it over.
func (p *planner) orderHandOvers() {
	givers := map[netip.Addr]string{} // address → who leaves it in this pass
	for i := range p.items {
		it := &p.items[i]
		if lower := p.lower(it); goes(it) && lower != nil && lower.work.has(doDestroy) {
			lower.needs = append(lower.needs, it.name)
		}
		if gives(it) {
			givers[it.got.Config.Address.Addr()] = it.name
		}
	}
	for i := range p.items {
		it := &p.items[i]
		if it.want == nil || !it.work.has(doMake|doConfigure) {
			continue
		}
		giver, ok := givers[it.want.IP]
		// Two that swap cannot wait for each other; then one has both for a moment.
		if ok && giver != it.name && !p.waitsFor(giver, it.name, map[string]bool{}) {
			it.needs = append(it.needs, giver)
		}
	}
}

// gives reports whether a container that exists has another address after this pass, or none.
func gives(it *item) bool {
	if it.got == nil || !it.got.Config.Address.IsValid() {
		return false
	}
	moves := it.want != nil && it.ours && it.work.has(doConfigure) &&
		it.want.IP != it.got.Config.Address.Addr()
	return goes(it) || moves
}

// waitsFor reports whether a container needs another one, directly or through others. seen has
// those that were looked at.
func (p *planner) waitsFor(name, other string, seen map[string]bool) bool {
	it := p.find(name)
	if it == nil || seen[name] {
		return false
	}
	seen[name] = true
	return slices.ContainsFunc(it.needs, func(need string) bool {
		return need == other || p.waitsFor(need, other, seen)
	})
}
