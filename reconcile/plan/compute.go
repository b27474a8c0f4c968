package plan

import (
	"cmp"
	"slices"
	"strings"

	"reconciler/spec"
)

// Compute compares what is declared with what is recorded and observed, and returns what must be
// done. The same input gives the same plan, whatever the order of its slices. Inputs are not
// changed; Step.Want points into them. It cannot fail: what cannot be done is in Plan.Blocked, and
// what waits, or is left as it is, in Plan.Held.
//
// A host that is also in Input.Unreachable, or whose Actual is of another host, gets no steps. A
// Blocked in HostInput.Problems without a container stands for the whole host.
func Compute(in Input) Plan {
	p := compute(&in)
	if len(in.Groups) > 0 {
		return p.rollOut()
	}
	return p.out
}

// compute is Compute without the rollouts.
func compute(in *Input) *planner {
	p := &planner{in: in, table: newTable(), group: groupOf(in.Groups)}
	p.out = Plan{
		Prepare:     []HostPreparation{},
		Steps:       make([]Step, 0, expected(in.Hosts)),
		Blocked:     []Blocked{},
		Held:        []Held{},
		Rollouts:    []Rollout{},
		Unmanaged:   []Unmanaged{},
		Unreachable: append([]Unreachable{}, in.Unreachable...),
		Warnings:    append([]spec.Problem{}, in.Warnings...),
	}
	hosts := sorted(nil, in.Hosts, func(h *HostInput) string { return h.Host })
	for _, h := range hosts {
		p.host(h)
	}
	slices.SortFunc(p.out.Blocked, compareBlocked)
	slices.SortFunc(p.out.Held, compareHeld)
	slices.SortFunc(p.out.Unreachable, func(a, b Unreachable) int {
		return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Text, b.Text))
	})
	sortWarnings(p.out.Warnings)
	return p
}

// groupOf returns the group of each host that is in one.
func groupOf(groups []spec.Group) map[string]*spec.Group {
	of := map[string]*spec.Group{}
	for i := range groups {
		for _, host := range groups[i].Hosts {
			of[host] = &groups[i]
		}
	}
	return of
}

func compareBlocked(a, b Blocked) int {
	return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Container, b.Container),
		strings.Compare(a.Code, b.Code), strings.Compare(a.Text, b.Text))
}

func compareHeld(a, b Held) int {
	return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Container, b.Container),
		strings.Compare(a.Code, b.Code))
}

// expected guesses the number of steps, so that a plan for an empty fleet is allocated once.
func expected(hosts []HostInput) int {
	const stepsOfNew = 7
	n := 0
	for i := range hosts {
		n += max(0, len(hosts[i].Desired)-len(hosts[i].Actual.Containers)) * stepsOfNew
	}
	return n
}

// planner is the work of one Compute. Its scratch space serves one host after the other.
type planner struct {
	table
	in  *Input
	out Plan

	group   map[string]*spec.Group // by host
	turns   []turn
	failing []failing

	h        *HostInput
	desired  []*Desired
	owned    []*Owned
	observed []*Observed
	items    []item   // every name on the host, sorted
	changes  []Change // free space for the changes of steps
	text     []byte   // scratch for canonical texts
	holding  bool     // something on the host is held or left
	ready    readiness
}

// item is everything about one name on one host.
type item struct {
	name string
	want *Desired  // nil: not declared
	own  *Owned    // nil: not recorded
	got  *Observed // nil: does not exist on the host

	ours    bool // it exists, and both witnesses say that we own it
	inside  bool // may be touched in this pass
	problem bool // it could not be resolved

	diff     diff
	work     work
	fallback work   // what is done if replacing it is not allowed
	cause    string // code of the reason for making or replacing it
	held     bool   // its recreate-class changes are not carried out
	fault    string // why something that it needs cannot be done

	hold *Hold  // nil: none
	wish work   // what is taken back because of a hold
	left diff   // drift that is left as it is
	gone bool   // it has vanished, and that is left as it is
	code string // of Held: why it stays as it is, empty if it does not
	kept bool   // it is started with its old declaration

	waits bool // for the turn of its host

	visit    visit    // of the search for its source
	source   *item    // that it is cloned from
	needs    []string // containers that come first
	self     []string // its own name, as the needs of others
	wantedBy string   // template: the first container that needs it
	emitted  bool
}

// host plans one host: join the three lists, decide for each name alone, then settle what depends
// on others (sources, snapshots, holds, the guard), and write the steps in order.
func (p *planner) host(h *HostInput) {
	down := func(u Unreachable) bool { return u.Host == h.Host }
	if slices.ContainsFunc(p.in.Unreachable, down) {
		return
	}
	if h.Actual.Host != h.Host {
		p.out.Unreachable = append(p.out.Unreachable, Unreachable{Host: h.Host,
			Text: "its observation is of host \"" + h.Actual.Host + "\""})
		return
	}
	p.h = h
	p.join()
	for _, b := range h.Problems {
		if p.allows(b.Container) {
			p.out.Blocked = append(p.out.Blocked, b)
		}
	}
	p.readHolds()
	p.prepare()
	for i := range p.items {
		p.decide(&p.items[i])
	}
	p.resolveSources()
	p.settleDestroys()
	p.listDrift()
	from := len(p.out.Steps)
	p.emit()
	p.takeTurns(from)
	p.countRest()
}

func (p *planner) allows(container string) bool {
	return p.in.Only == nil || p.in.Only(p.h.Host, container)
}

// join fills the items from the three lists by merging them in the order of names.
func (p *planner) join() {
	p.desired = sorted(p.desired, p.h.Desired, func(d *Desired) string { return d.Name })
	p.owned = sorted(p.owned, p.h.Owned, func(o *Owned) string { return o.Name })
	p.observed = sorted(p.observed, p.h.Actual.Containers, func(o *Observed) string { return o.Name })
	d, w, o := p.desired, p.owned, p.observed
	p.items = slices.Grow(p.items[:0], max(len(d), len(w), len(o)))
	for len(d) > 0 || len(w) > 0 || len(o) > 0 {
		p.items = append(p.items, item{name: first(d, w, o)})
		it := &p.items[len(p.items)-1]
		if len(d) > 0 && d[0].Name == it.name {
			it.want, d = d[0], d[1:]
		}
		if len(w) > 0 && w[0].Name == it.name {
			it.own, w = w[0], w[1:]
		}
		if len(o) > 0 && o[0].Name == it.name {
			it.got, o = o[0], o[1:]
		}
		p.identify(it)
	}
}

// identify says whether an item is ours and may be touched, and lists it if it is not ours.
func (p *planner) identify(it *item) {
	if it.own != nil && it.own.Host != p.h.Host {
		it.own = nil
	}
	it.problem = slices.ContainsFunc(p.h.Problems, func(b Blocked) bool {
		return b.Container == it.name || b.Container == ""
	})
	it.inside = !it.problem && p.allows(it.name)
	if it.got == nil {
		return
	}
	why := p.strangeness(it)
	if it.ours = why == ""; !it.ours {
		p.out.Unmanaged = append(p.out.Unmanaged, Unmanaged{Host: p.h.Host, Container: it.name,
			State: it.got.State, Text: why})
	}
}

// find returns the item of a name, nil if there is none.
func (p *planner) find(name string) *item {
	i, ok := slices.BinarySearchFunc(p.items, name, func(it item, name string) int {
		return strings.Compare(it.name, name)
	})
	if !ok {
		return nil
	}
	return &p.items[i]
}

func (p *planner) countRest() {
	for i := range p.items {
		it := &p.items[i]
		if it.want == nil || it.want.Template || !it.inside || it.fault != "" {
			continue
		}
		if it.work|it.wish == 0 && !reportsDrift(it) {
			p.out.Unchanged++
		}
	}
}

// first returns the smallest name at the head of the lists, of which one is not empty.
func first(d []*Desired, w []*Owned, o []*Observed) string {
	name := ""
	if len(d) > 0 {
		name = d[0].Name
	}
	if len(w) > 0 && (len(d) == 0 || w[0].Name < name) {
		name = w[0].Name
	}
	if len(o) > 0 && (len(d)+len(w) == 0 || o[0].Name < name) {
		name = o[0].Name
	}
	return name
}

// sorted fills space with pointers into list, in the order of names.
func sorted[T any](space []*T, list []T, name func(*T) string) []*T {
	space = slices.Grow(space[:0], len(list))
	for i := range list {
		space = append(space, &list[i])
	}
	slices.SortFunc(space, func(a, b *T) int { return strings.Compare(name(a), name(b)) })
	return space
}
