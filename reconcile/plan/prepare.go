package plan

import (
	"cmp"
	"slices"
	"strings"

	"reconciler/spec"
)

// Preparing is what a host itself shall have, and what of it is missing.
type Preparing struct {
	Want    spec.Preparation
	Changes []HostChange // what is not as it shall be, in any order
	Drift   spec.Drift   // of the host's defaults: whether that is put right
	Hold    *Hold        // keeps the host itself as it is; nil: nothing of its own does
}

// HostPreparation is what is done to one host before its containers.
type HostPreparation struct {
	Host    string       `json:"host"`
	Changes []HostChange `json:"changes"` // at least one; sorted by what
}

// readiness is what the preparation of the current host comes to.
type readiness struct {
	hold    *Hold    // of the whole host; nil: none
	bridges []string // that it makes, now or once it is no longer held
	lxc     bool     // it installs LXC, likewise
	place   bool     // it makes the directory of the containers, likewise
	waits   string   // code of what it waits for; empty: it does not wait
	disk    int64    // bytes of its disk that new containers of this plan take
}

// prepare decides on the preparation of the host. What it brings counts as there for the
// containers; if it is held, those that need it wait with it.
func (p *planner) prepare() {
	w := p.h.Prepare
	if w == nil {
		return
	}
	if !p.allows("") {
		return
	}
	p.missVolumeGroup(w)
	changes, refused := p.refusals(w.Changes)
	if len(changes) == 0 {
		return
	}
	slices.SortFunc(changes, func(a, b HostChange) int {
		return cmp.Or(strings.Compare(a.What, b.What), strings.Compare(a.New, b.New))
	})
	hold := stronger(p.ready.hold, w.Hold)
	switch {
	case hold != nil:
		p.holdPreparation(changes, hold.Code, hold.Text)
		p.ready.waits, p.holding = hold.Code, true
	case w.Drift == spec.DriftReport:
		p.holdPreparation(changes, HeldDrift, "it lacks what it shall be prepared with")
		return
	case w.Drift == spec.DriftIgnore:
		return
	default:
		p.out.Prepare = append(p.out.Prepare, HostPreparation{Host: p.h.Host, Changes: changes})
	}
	p.ready.lxc = !refused["package lxc"]
	p.ready.place = !refused["directory "+p.h.Actual.Missing]
	for _, b := range w.Want.Bridges {
		if !refused["bridge "+b.Name] {
			p.ready.bridges = append(p.ready.bridges, b.Name)
		}
	}
}

// refusals lists what the host refuses, and returns the rest, and what is refused by what it is.
func (p *planner) refusals(all []HostChange) (rest []HostChange, refused map[string]bool) {
	refused = map[string]bool{}
	for _, c := range all {
		if c.Refused == "" {
			rest = append(rest, c)
			continue
		}
		refused[c.What] = true
		p.out.Blocked = append(p.out.Blocked, Blocked{Host: p.h.Host, Code: BlockedPreparation,
			Failed: true, Text: c.What + ": " + c.Refused})
	}
	return rest, refused
}

func (p *planner) holdPreparation(changes []HostChange, code, text string) {
	held := Held{Host: p.h.Host, Kind: KindChange, Code: code, Text: text}
	for _, c := range changes {
		held.Changes = append(held.Changes, Change{Field: c.What, Old: c.Old, New: c.New})
	}
	p.out.Held = append(p.out.Held, held)
}

// holdUnprepared holds what needs something that the preparation of its host would bring.
func (p *planner) holdUnprepared() {
	if p.ready.waits == "" {
		return
	}
	for i := range p.items {
		it := &p.items[i]
		makes := it.work.has(doMake)
		bridge := it.want != nil && !it.want.Template && p.awaitsBridge(it.want)
		if makes && p.lacksGround() || bridge && (makes || it.work != 0 && needsBridge(it)) {
			p.holdBack(it, HeldNeeds, "the preparation of its host is held ("+p.ready.waits+")")
		}
	}
}

// awaitsBridge reports whether a declaration names a bridge that is not there yet.
func (p *planner) awaitsBridge(d *Desired) bool {
	return d.Bridge != "" && !slices.Contains(p.h.Actual.Bridges, d.Bridge)
}

// lacksLXC reports whether it is known that LXC is not installed.
func (p *planner) lacksLXC() bool { return p.h.Facts != nil && p.h.Facts.LXC == "" }

// lacksGround reports whether no container can be made before the host is prepared.
func (p *planner) lacksGround() bool { return p.lacksLXC() || p.h.Actual.Missing != "" }

// missVolumeGroup reports that the host lacks its declared volume group. Only an administrator can
// make one, so everything else is done all the same.
func (p *planner) missVolumeGroup(w *Preparing) {
	name := w.Want.VolumeGroup
	if name == "" || p.h.Facts == nil || slices.Contains(p.h.Facts.VolumeGroups, name) {
		return
	}
	p.out.Blocked = append(p.out.Blocked, Blocked{Host: p.h.Host, Code: BlockedVolumeGroup,
		Failed: true, Text: "volume group \"" + name + "\" does not exist on the host",
		Unblock: "make it there with vgcreate, or remove volume_group"})
}
