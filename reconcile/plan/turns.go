package plan

// turn is a container whose work waits for the turn of its host.
type turn struct {
	host, container string
	again           bool // the last work on it failed, or on what it is cloned from
	down            bool // it ended, and can be started as it was
	tried           bool // to start it is what failed
}

// failing is a declared container that is not whole, and whose own work does not wait in this
// pass: it is not to be tried now, or its repair waits for nobody.
type failing struct{ host, container, text string }

// Failing is a container that does not last: it ends again and again soon after its start. Without
// a container it is a host that could not be prepared.
type Failing struct{ Host, Container, Text string }

// takeTurns says which containers of the host wait for its turn, and marks their steps, which
// begin at the given one. What only puts back what is gone or changed on the host does not wait:
// the declaration that it brings back has been carried out here before.
func (p *planner) takeTurns(from int) {
	g := p.group[p.h.Host]
	if g == nil {
		return
	}
	for i := range p.items {
		it := &p.items[i]
		it.waits = p.rollsOut(it)
	}
	for again := true; again; {
		again = p.waitWithNeeds()
	}
	p.waitWithUsers()
	for i := range p.items {
		p.noteTurn(&p.items[i])
	}
	for i := from; i < len(p.out.Steps); i++ {
		if s := &p.out.Steps[i]; p.find(s.Container).waits {
			s.Rollout = g.Name
		}
	}
}

// rollsOut reports whether the work on an item carries out, on the host, what was not declared
// before. Templates that others need are as these.
func (p *planner) rollsOut(it *item) bool {
	switch {
	case !it.work.has(^(doNote | doForget)) || it.isNeeded():
		return false
	case it.want == nil:
		return true // it goes
	case it.cause == Missing && it.work.has(doMake):
		c := it.want.config()
		return p.changed(it.want, &c, it.own.Applied) != 0
	case it.work.has(doMake) || unfinished(it.own):
		return true
	}
	return it.diff.changed&^p.open(it) != 0
}

// isNeeded reports whether an item is a template that is made because others need it.
func (it *item) isNeeded() bool {
	return it.want != nil && it.want.Template && it.demanded()
}

// waitWithNeeds lets what needs something that waits wait as well.
func (p *planner) waitWithNeeds() (again bool) {
	for i := range p.items {
		it := &p.items[i]
		if it.work == 0 || it.waits || it.isNeeded() {
			continue
		}
		for _, name := range it.needs {
			if need := p.find(name); need != nil && need.waits {
				it.waits, again = true, true
			}
		}
	}
	return again
}

// waitWithUsers lets those templates wait that only waiting containers need.
func (p *planner) waitWithUsers() {
	now := p.neededBy(func(it *item) bool { return !it.waits })
	later := p.neededBy(func(it *item) bool { return it.waits })
	for it := range later {
		it.waits = !now[it]
	}
}

// neededBy returns the templates that are made because some of the containers need them, directly
// or through other templates.
func (p *planner) neededBy(some func(*item) bool) map[*item]bool {
	needed := map[*item]bool{}
	for again := true; again; {
		again = false
		for i := range p.items {
			it := &p.items[i]
			t := it.source
			if t == nil || !it.work.has(doMake) || !t.isNeeded() || needed[t] {
				continue
			}
			if needed[it] || !it.isNeeded() && some(it) {
				needed[t], again = true, true
			}
		}
	}
	return needed
}

// noteTurn notes that an item waits, or that it is failing.
func (p *planner) noteTurn(it *item) {
	failed := it.own != nil && it.own.Failure != ""
	switch s := it.source; {
	case it.waits && it.isNeeded():
		return // it comes with those that need it
	case it.waits:
		behind := s != nil && it.work.has(doMake) && s.own != nil && s.own.Failure != ""
		p.turns = append(p.turns, turn{host: p.h.Host, container: it.name, again: failed || behind,
			down:  it.revives(it.work) && (!failed || p.asRecorded(it)),
			tried: failed && it.own.Intent == string(Start)})
		return
	}
	text := p.lasting(it)
	if text == "" && failed && it.work|it.wish != 0 {
		text = it.own.Failure
	}
	suspended := it.hold != nil && it.hold.Code == HeldSuspended
	if text != "" && it.want != nil && it.inside && !suspended {
		p.failing = append(p.failing, failing{p.h.Host, it.name, text})
	}
}

// lasting returns why an item does not last, empty if nothing is known of that.
func (p *planner) lasting(it *item) string {
	for _, f := range p.in.Failing {
		if f.Host == p.h.Host && f.Container == it.name {
			return f.Text
		}
	}
	return ""
}

// keepRunning starts a container again that ended while its new declaration waits for the turn of
// its host: with the old one, which is still in place.
func (p *planner) keepRunning(it *item) {
	if it.hold.Code == HeldRollout && it.revives(it.wish) {
		it.kept, it.work = true, doStart
	}
}

// revives reports whether an item that is due this work has ended, and can be started with its old
// declaration.
func (it *item) revives(due work) bool {
	const place = fieldSet(1<<fIP | 1<<fMAC | 1<<fNetwork | 1<<fBridge)
	changed := it.diff.changed
	return due.has(doStart) && !due.has(doMake|doStop) && it.got.State == Stopped &&
		!changed.has(fRunning) && changed&place == 0 && !unfinished(it.own)
}

// asRecorded reports whether the configuration of an item is still the one of its record: work that
// failed ended before it wrote another one.
func (p *planner) asRecorded(it *item) bool {
	const written = fieldSet(1<<fBridge | 1<<fIP | 1<<fGateway | 1<<fMAC | 1<<fAutostart |
		1<<fMemory | 1<<fCPUSet | 1<<fCPUShare)
	c, applied := &it.got.Config, it.own.Applied
	for f := range fieldCount {
		p.text = appendConfig(p.text[:0], c, f)
		if written.has(f) && string(p.text) != applied[p.key[f]] {
			return false
		}
	}
	return !confDiffers(grouped(parseConf(applied[p.key[fLXCConf]])), c.Raw) &&
		!anyOf(parseConf(applied[keyBegun]), c.Raw)
}

// open is what is declared of an existing item and not carried out in this pass.
func (p *planner) open(it *item) fieldSet {
	switch {
	case it.kept:
		return it.diff.changed
	case it.held:
		return it.diff.changed & p.recreate
	}
	return 0
}
