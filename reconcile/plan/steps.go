package plan

import (
	"slices"

	"reconciler/spec"
)

// work is the set of actions that an item gets.
type work uint16

// One bit for each of the actions, in their order.
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

// actions is the order in which the steps of one container are carried out.
func actions() []Action {
	return []Action{Stop, Destroy, Clone, Configure, Start, Password, Address, DNS, Note, Forget}
}

func (w work) has(any work) bool { return w&any != 0 }

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

// steps writes the steps of one item.
func (p *planner) steps(it *item) {
	s := Step{Host: p.h.Host, Container: it.name, Needs: it.needs}
	if it.own != nil {
		s.UID, s.Template = it.own.UID, it.own.Template
	}
	if d := it.want; d != nil {
		s.Template, s.Position, s.Want = d.Template, d.Position, p.wanted(it)
		if d.UID != "" {
			s.UID = d.UID
		}
	}
	for i, action := range actions() {
		w := work(1) << i
		if !it.work.has(w) {
			continue
		}
		if w == doMake {
			action = makeAction(it.want)
		}
		s.Action = action
		p.out.Steps = append(p.out.Steps, s)
		p.describe(it, w, &p.out.Steps[len(p.out.Steps)-1])
		s.Needs = nil // the first step waits for all
	}
}

// wanted returns the declaration as this pass carries it out.
func (p *planner) wanted(it *item) *Desired {
	open := p.open(it)
	if open == 0 {
		return it.want
	}
	d := *it.want
	d.Held = map[string]string{}
	for f := range recorded(&d) {
		if open.has(f) {
			d.Held[p.key[f]] = it.own.Applied[p.key[f]]
		}
	}
	if it.kept { // nothing is written, so that what was begun with may still be there
		d.Held[keyBegun] = it.own.Applied[keyBegun]
	}
	return &d
}

// describe fills reason, class and changes of one step.
func (p *planner) describe(it *item, w work, s *Step) {
	switch {
	case w == doForget:
		s.Reason = forgetReason()
	case w == doDestroy && it.want == nil:
		s.Reason = Reason{Undeclared, "it is not declared any more"}
	case w == doDestroy:
		s.Reason, s.Class = makingReason(it), spec.Recreate
		s.Changes = p.changesOf(it, it.diff.changed&p.recreate)
	case w == doMake:
		s.Reason, s.Changes = makingReason(it), p.creation(it.want)
		if it.work.has(doDestroy) {
			s.Class = spec.Recreate
		}
	case it.work.has(doMake):
		s.Reason = Reason{Follows, "comes with the new container"}
	case w == doStart && it.work.has(doStop):
		s.Reason, s.Class = Reason{Follows, "comes with another step"}, spec.Live
	case w == doStart:
		s.Reason, s.Class = notRunningReason(it.got.State), spec.Live
		s.Changes = p.changesOf(it, 1<<fRunning)
	case w == doNote:
		p.describeNote(it, s)
	default:
		p.describeUpdate(it, w, s)
	}
}

// describeUpdate fills a step that carries out some fields of a container that exists.
func (p *planner) describeUpdate(it *item, w work, s *Step) {
	x, fields := &it.diff, fieldSet(0)
	switch {
	case w == doStop && it.want.Running:
		fields, s.Class = p.stale(x), spec.Restart
	case w == doStop:
		fields, s.Class = 1<<fRunning, spec.Live
	case w == doConfigure:
		fields = x.file | x.live
	case w == doPassword:
		fields, s.Class = x.changed&passwordFields, spec.Once
	case w == doDNS:
		fields, s.Class = x.changed&resolvFields, spec.Live
	}
	s.Reason = p.changeReason(it, fields)
	if w == doStop && it.want.Running && it.work.has(doConfigure) {
		return // the next step lists the changes
	}
	s.Changes = p.changesOf(it, fields)
	s.Class = mostDemanding(s.Class, s.Changes)
}

// describeNote fills a step that changes only the record.
func (p *planner) describeNote(it *item, s *Step) {
	fields := it.diff.changed
	if it.held {
		fields &^= p.recreate
	}
	fields.add(fProtect, protectDiffers(it))
	if fields == 0 || unfinished(it.own) {
		s.Reason = Reason{Unfinished, "an earlier run did not note that it finished"}
		return
	}
	s.Reason = Reason{Changed, "only the record changes: " + p.names(fields)}
	s.Changes = p.changesOf(it, fields)
}

// mostDemanding returns the highest class of the changes, at least the given one.
func mostDemanding(least spec.Class, changes []Change) spec.Class {
	order := []spec.Class{spec.Live, spec.Once, spec.Restart, spec.Recreate}
	for _, c := range changes {
		if slices.Index(order, c.Class) > slices.Index(order, least) {
			least = c.Class
		}
	}
	return least
}
