package plan

import (
	"cmp"
	"slices"
	"strings"

	"reconciler/spec"
)

// Compute compares what is declared with what is recorded and observed, and returns what must be
// done. The same input gives the same plan, whatever the order of its slices. Inputs are not
// changed; Step.Want points into them. It cannot fail: what cannot be done is in Plan.Blocked.
//
// A host that is also in Input.Unreachable, or whose Actual is of another host, gets no steps. A
// Blocked in HostInput.Problems without a container stands for the whole host.
func Compute(in Input) Plan {
	p := &planner{in: &in, classes: newClasses()}
	p.out = Plan{
		Steps:       make([]Step, 0, expected(in.Hosts)),
		Blocked:     []Blocked{},
		Unmanaged:   []Unmanaged{},
		Unreachable: append([]Unreachable{}, in.Unreachable...),
		Warnings:    append([]spec.Problem{}, in.Warnings...),
	}
	hosts := sorted(nil, in.Hosts, func(h *HostInput) string { return h.Host })
	for _, h := range hosts {
		p.host(h)
	}
	slices.SortFunc(p.out.Blocked, func(a, b Blocked) int {
		return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Container, b.Container),
			strings.Compare(a.Code, b.Code), strings.Compare(a.Text, b.Text))
	})
	slices.SortFunc(p.out.Unreachable, func(a, b Unreachable) int {
		return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(a.Text, b.Text))
	})
	slices.SortFunc(p.out.Warnings, func(a, b spec.Problem) int {
		return cmp.Or(strings.Compare(a.Position.File, b.Position.File),
			cmp.Compare(a.Position.Line, b.Position.Line),
			cmp.Compare(a.Position.Column, b.Position.Column),
			strings.Compare(a.Path, b.Path), strings.Compare(a.Text, b.Text))
	})
	return p.out
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
	classes
	in  *Input
	out Plan

	h        *HostInput
	desired  []*Desired
	owned    []*Owned
	observed []*Observed
	items    []item   // every name on the host, sorted
	changes  []Change // free space for the changes of steps
	text     []byte   // scratch for canonical texts
}

// item is everything about one name on one host.
type item struct {
	name string
	want *Desired  // nil: not declared
	own  *Owned    // nil: not recorded
	got  *Observed // nil: does not exist on the host

	ours    bool // both witnesses agree
	inside  bool // may be touched in this pass
	problem bool // it could not be resolved

	diff     diff
	work     work
	fallback work   // what is done if replacing it is not allowed
	cause    string // code of the reason for making or replacing it
	held     bool   // its recreate-class changes are not carried out
	fault    string // why something that it needs cannot be done

	visit    visit    // of the search for its source
	source   *item    // that it is cloned from
	needs    []string // containers that come first
	self     []string // its own name, as the needs of others
	wantedBy string   // template: the first container that needs it
	emitted  bool
}

// work is the set of actions that an item gets.
type work uint16

// One bit for each action, in the order in which they are carried out.
const (
	doStop work = 1 << iota
	doDestroy
	doMake // create or clone
	doConfigure
	doStart
	doPassword
	doAddress
	doDNS
	doNote
	doForget
)

func (w work) has(any work) bool { return w&any != 0 }

// host plans one host: join the three lists, decide for each name alone, then settle what depends
// on others (sources, snapshots, the guard), and write the steps in order.
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
	for i := range p.items {
		p.decide(&p.items[i])
	}
	p.resolveSources()
	p.settleDestroys()
	p.emit()
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
		it := item{name: first(d, w, o)}
		if len(d) > 0 && d[0].Name == it.name {
			it.want, d = d[0], d[1:]
		}
		if len(w) > 0 && w[0].Name == it.name {
			it.own, w = w[0], w[1:]
		}
		if len(o) > 0 && o[0].Name == it.name {
			it.got, o = o[0], o[1:]
		}
		p.items = append(p.items, it)
	}
	for i := range p.items {
		p.identify(&p.items[i])
	}
}

func (p *planner) identify(it *item) {
	if it.own != nil && it.own.Host != p.h.Host {
		it.own = nil
	}
	it.ours = p.strangeness(it) == ""
	it.problem = slices.ContainsFunc(p.h.Problems, func(b Blocked) bool {
		return b.Container == it.name || b.Container == ""
	})
	it.inside = !it.problem && p.allows(it.name)
	if it.got != nil && !it.ours {
		p.out.Unmanaged = append(p.out.Unmanaged, Unmanaged{Host: p.h.Host, Container: it.name,
			State: it.got.State, Text: p.strangeness(it)})
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
		if it.want != nil && !it.want.Template && it.inside && it.work == 0 && it.fault == "" {
			p.out.Unchanged++
		}
	}
}

// first returns the smallest name at the head of the lists, of which one is not empty.
func first(d []*Desired, w []*Owned, o []*Observed) string {
	name, ok := "", false
	put := func(s string) {
		if !ok || s < name {
			name, ok = s, true
		}
	}
	if len(d) > 0 {
		put(d[0].Name)
	}
	if len(w) > 0 {
		put(w[0].Name)
	}
	if len(o) > 0 {
		put(o[0].Name)
	}
	return name
}

// sorted fills space with pointers into list, in the order of names.
func sorted[T any](space []*T, list []T, name func(*T) string) []*T {
	space = slices.Grow(space[:0], len(list))
	for i := range list {
		space = append(space, &list[i])
	}
	order := func(a, b *T) int { return strings.Compare(name(a), name(b)) }
	if !slices.IsSortedFunc(space, order) {
		slices.SortFunc(space, order)
	}
	return space
}
