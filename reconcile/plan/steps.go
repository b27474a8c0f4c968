package plan

import (
	"slices"

	"reconciler/spec"
)

// steps writes the steps of one item in their fixed order.
func (p *planner) steps(it *item) {
	tmpl := Step{Host: p.h.Host, Container: it.name, Needs: it.needs}
	if it.own != nil {
		tmpl.UID = it.own.UID
		tmpl.Template = it.own.Template
	}
	if it.want != nil {
		tmpl.Template, tmpl.Position = it.want.Template, it.want.Position
		tmpl.Want = p.wanted(it)
		if it.want.UID != "" {
			tmpl.UID = it.want.UID
		}
	}
	for w := doStop; w <= doForget; w <<= 1 {
		if !it.work.has(w) {
			continue
		}
		p.out.Steps = append(p.out.Steps, tmpl)
		p.describe(it, w, &p.out.Steps[len(p.out.Steps)-1])
		tmpl.Needs = nil // the first step waits for all
	}
}

// wanted returns the declaration as this pass carries it out.
func (p *planner) wanted(it *item) *Desired {
	if !it.held {
		return it.want
	}
	d := *it.want
	d.Held = map[string]string{}
	for f := range recordedFields {
		if (it.diff.changed & p.recreate).has(f) {
			d.Held[p.key[f]] = it.own.Applied[p.key[f]]
		}
	}
	return &d
}

// describe fills action, reason, class and changes of one step.
func (p *planner) describe(it *item, w work, s *Step) {
	s.Action = actionOf(w, it.want)
	switch {
	case w == doForget:
		s.Reason = forgetReason(it)
	case w == doDestroy && it.want == nil:
		s.Reason = Reason{Undeclared, "it is not declared any more"}
	case it.work.has(doMake):
		p.describeMaking(it, w, s)
	default:
		p.describeUpdate(it, w, s)
	}
}

func (p *planner) describeMaking(it *item, w work, s *Step) {
	switch w {
	case doDestroy:
		s.Reason = makingReason(it)
		s.Class = spec.Recreate
		if it.cause == RecreateAsked {
			s.Changes = p.changesOf(it, it.diff.changed&p.recreate)
		}
	case doMake:
		s.Reason = makingReason(it)
		if it.work.has(doDestroy) {
			s.Class = spec.Recreate
		}
		s.Changes = p.creation(it.want)
	default:
		s.Reason = Reason{Follows, "comes with the new container"}
	}
}

func (p *planner) describeUpdate(it *item, w work, s *Step) {
	x := &it.diff
	fields, class := fieldSet(0), spec.Class("")
	switch w {
	case doStop:
		fields, class = (x.file|x.live)&p.restart&^x.same, spec.Restart
		if !it.want.Running {
			fields, class = 1<<fRunning, spec.Live
		}
	case doConfigure:
		fields = x.file | x.live
	case doStart:
		p.describeStart(it, s)
		return
	case doPassword:
		fields, class = x.changed&passwordFields, spec.Once
	case doDNS:
		fields, class = x.changed&resolvFields, spec.Live
	case doNote:
		p.describeNote(it, s)
		return
	}
	s.Reason = p.changeReason(it, fields)
	if w != doStop || !it.work.has(doConfigure) || !it.want.Running {
		s.Changes = p.changesOf(it, fields)
	}
	s.Class = mostDemanding(class, s.Changes)
}

func (p *planner) describeStart(it *item, s *Step) {
	s.Class = spec.Live
	if it.work.has(doStop) {
		s.Reason = Reason{Follows, "comes with another step"}
		return
	}
	s.Reason = notRunningReason(it.got.State)
	s.Changes = p.changesOf(it, 1<<fRunning)
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
	s.Changes = p.changesOf(it, fields)
	s.Reason = Reason{Changed, "only the record changes: " + p.names(fields)}
}

func forgetReason(it *item) Reason {
	if it.got == nil {
		return Reason{Undeclared, "it is not declared any more and has vanished from the host"}
	}
	return Reason{Undeclared, "it is not declared any more, and what the host has is not ours"}
}

func actionOf(w work, d *Desired) Action {
	switch w {
	case doStop:
		return Stop
	case doDestroy:
		return Destroy
	case doMake:
		return makeAction(d)
	case doConfigure:
		return Configure
	case doStart:
		return Start
	case doPassword:
		return Password
	case doAddress:
		return Address
	case doDNS:
		return DNS
	case doForget:
		return Forget
	default:
		return Note
	}
}

// mostDemanding returns the highest class of the changes, at least the given one.
func mostDemanding(least spec.Class, changes []Change) spec.Class {
	for _, c := range changes {
		if weight(c.Class) > weight(least) {
			least = c.Class
		}
	}
	return least
}

func weight(c spec.Class) int {
	return slices.Index([]spec.Class{spec.Live, spec.Once, spec.Restart, spec.Recreate}, c)
}
