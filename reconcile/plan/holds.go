package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// readHolds finds the hold of each item of the host.
func (p *planner) readHolds() {
	p.holding, p.ready = false, readiness{}
	if len(p.in.Holds) == 0 {
		return
	}
	var all *Hold    // that holds every container of the host, and its preparation
	var ground *Hold // that holds only its preparation
	byName := map[string]*Hold{}
	for i := range p.in.Holds {
		h := &p.in.Holds[i]
		switch {
		case h.Host != "" && h.Host != p.h.Host:
		case h.Preparation:
			ground = stronger(ground, h)
		case h.Container == "":
			all = stronger(all, h)
		default:
			byName[h.Container] = stronger(byName[h.Container], h)
		}
	}
	p.ready.hold = stronger(all, ground)
	for i := range p.items {
		it := &p.items[i]
		it.hold = stronger(all, byName[it.name])
		p.holding = p.holding || it.hold != nil
	}
}

// stronger returns the hold that a reader is told of: the one that lasts longer. Either may be nil.
func stronger(a, b *Hold) *Hold {
	if a == nil || b == nil {
		return cmp.Or(a, b)
	}
	lasting := func(h *Hold) int {
		return slices.Index([]string{HeldBackoff, HeldWindow, HeldSuspended}, h.Code)
	}
	if cmp.Or(lasting(b)-lasting(a), strings.Compare(a.Code, b.Code),
		strings.Compare(a.Text, b.Text)) <= 0 {
		return a
	}
	return b
}

// settleHolds takes back the work of what is held, and of what needs it. It comes before the guard:
// a destroy that is held is not carried out, so it is not one too many.
func (p *planner) settleHolds() {
	if !p.holding {
		return
	}
	p.recheckSources() // what cannot be done at all does not wait
	for i := range p.items {
		if it := &p.items[i]; it.hold != nil && it.work != 0 {
			p.holdBack(it, it.hold.Code, it.hold.Text)
			p.keepRunning(it)
		}
	}
	p.holdUnprepared()
	for again := true; again; {
		clones, layers := p.holdClones(), p.holdLayers()
		again = p.holdTakers() || clones || layers
	}
	p.dropTemplates()
}

// holdBack takes back the work of an item and lists it. What is listed comes from the steps that
// it would have got.
func (p *planner) holdBack(it *item, code, text string) {
	from := len(p.out.Steps)
	p.steps(it)
	steps := p.out.Steps[from:]
	held := Held{Host: p.h.Host, Container: it.name, Kind: kindOf(steps), Code: code, Text: text,
		Position: steps[0].Position}
	for i := range steps {
		if steps[i].Action != Create && steps[i].Action != Clone {
			held.Changes = append(held.Changes, steps[i].Changes...)
		}
	}
	p.out.Steps = p.out.Steps[:from]
	p.out.Held = append(p.out.Held, held)
	it.wish, it.work, it.code = it.work, 0, code
}

// holdFor holds an item because of another one that stays as it is.
func (p *planner) holdFor(it, other *item, format string) {
	p.holdBack(it, HeldNeeds, fmt.Sprintf(format, other.name)+" is held ("+other.code+")")
}

// holdClones holds what is cloned from a container that stays and cannot be cloned as it is.
func (p *planner) holdClones() (again bool) {
	for i := range p.items {
		it := &p.items[i]
		s := it.source
		if s == nil || !it.work.has(doMake) || !s.stays() || s.work.has(doMake|doStop) {
			continue
		}
		if asItIs(s) != "" {
			p.holdFor(it, s, "its source %q")
			again = true
		}
	}
	return again
}

// holdLayers holds each destroy of what is the lower layer of a snapshot that does not go now.
// Whatever else is in its way was blocked before.
func (p *planner) holdLayers() (again bool) {
	for i := range p.items {
		upper := &p.items[i]
		lower := p.lower(upper)
		if lower != nil && lower.work.has(doDestroy) && upper.stays() && !goes(upper) {
			p.holdFor(lower, upper, "its snapshot %q")
			again = true
		}
	}
	return again
}

// holdTakers holds what would take the address of a container that does not give it up now.
func (p *planner) holdTakers() (again bool) {
	keepers := map[netip.Addr]*item{}
	for i := range p.items {
		if it := &p.items[i]; it.keepsAddress() {
			keepers[it.got.Config.Address.Addr()] = it
		}
	}
	for i := range p.items {
		it := &p.items[i]
		if it.want == nil || !it.work.has(doMake|doConfigure) {
			continue
		}
		if keeper := keepers[it.want.IP]; keeper != nil && keeper != it {
			p.holdFor(it, keeper, "its address is still that of %q, which")
			again = true
		}
	}
	return again
}

// stays reports whether something of an item is left as it is in this pass.
func (it *item) stays() bool { return it.code != "" }

// keepsAddress reports whether an item stays, and does not leave its address.
func (it *item) keepsAddress() bool {
	return it.got != nil && it.got.Config.Address.IsValid() && it.stays() && !gives(it)
}

// dropTemplates takes back templates that only held containers need.
func (p *planner) dropTemplates() {
	for again := true; again; {
		again = false
		needed, wished := map[*item]*item{}, map[*item]bool{}
		for i := range p.items {
			it := &p.items[i]
			if it.source != nil && it.work.has(doMake) && needed[it.source] == nil {
				needed[it.source] = it
			}
			if it.source != nil && it.wish.has(doMake) {
				wished[it.source] = true
			}
		}
		for t := range wished {
			switch by := needed[t]; {
			case !t.demanded():
			case by == nil:
				t.wish, t.work = t.work, 0
				again = true
			case p.find(t.wantedBy).wish != 0:
				t.wantedBy = by.name
			}
		}
	}
}

// demanded reports whether an item is a template that is made only because a container needs it.
func (it *item) demanded() bool {
	return it.work.has(doMake) && it.wantedBy != "" && it.cause != RecreateAsked
}
