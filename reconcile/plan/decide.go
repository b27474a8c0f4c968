package plan

import (
	"slices"

	"reconciler/spec"
)

// decide says what one item needs, seen alone.
func (p *planner) decide(it *item) {
	switch {
	case it.want == nil:
		p.orphan(it)
	case !it.inside:
	case p.inTheWay(it):
		if !it.want.Template {
			p.blockInTheWay(it, Create)
		}
	case it.got == nil:
		p.absent(it)
	case !it.ours:
		if !it.want.Template {
			p.block(it, Blocked{Action: Create, Code: BlockedForeign,
				Text:    "a container of this name exists and is not ours: " + p.strangeness(it),
				Unblock: p.remedy(it)})
		}
	case it.got.Damage != "":
		p.damaged(it)
	default:
		p.existing(it)
	}
}

// inTheWay reports whether something that is no container has the name of this one: perhaps the
// remains of it, and perhaps it still runs.
func (p *planner) inTheWay(it *item) bool {
	if it.got != nil {
		return false
	}
	_, found := slices.BinarySearch(p.h.Actual.Others, it.name)
	return found
}

func (p *planner) blockInTheWay(it *item, a Action) {
	p.block(it, Blocked{Action: a, Code: BlockedDamaged, Failed: true,
		Text:    "something of its name is on the host, but without a configuration",
		Unblock: "put its configuration back, or remove what is there"})
}

// absent decides on a declared name that is not on the host. A template waits until a container
// needs it.
func (p *planner) absent(it *item) {
	it.cause = Declared
	if it.own != nil && halfMade(it.own) {
		it.cause = Unfinished
	} else if it.own != nil && CarriedOut(it.own.Applied) {
		it.cause = Missing
	}
	if it.cause == Missing && tolerates(it) {
		it.gone = true
		p.leave(it)
		return
	}
	if !it.want.Template && p.makeable(it) {
		it.work = making(it.want)
	}
}

// damaged decides on what must not be started. What we were making, or replacing, is made anew;
// everything else is left to a person.
func (p *planner) damaged(it *item) {
	switch {
	case !halfMade(it.own):
		p.block(it, Blocked{Action: Start, Code: BlockedDamaged, Failed: true,
			Text:    "it is ours and must not be started: " + it.got.Damage,
			Unblock: "mend it, or remove it so that it is made anew"})
	case protected(it):
		p.blockProtected(it)
	case it.want.Template:
		// It is replaced when a container needs it.
	case p.makeable(it):
		it.cause = Unfinished
		it.work = doDestroy | making(it.want)
	}
}

// existing decides on a container or template that is ours and whole.
func (p *planner) existing(it *item) {
	p.compare(it)
	p.tolerate(it)
	recreate := it.diff.changed & p.recreate
	if madeAnew(it.own) {
		recreate = 0
	}
	it.held = recreate != 0
	it.work = p.updating(it, it.diff.changed&^recreate)
	if needsBridge(it) && p.lacksBridge(it.want) {
		p.blockBridge(it)
		it.work = 0
		return
	}
	if it.diff.file.has(fMemory) && !p.fitsMemory(it, Configure) {
		it.work = 0
		return
	}
	if recreate != 0 {
		p.recreation(it)
	}
}

// recreation decides on a change that needs a new container. The other changes happen anyway.
func (p *planner) recreation(it *item) {
	switch {
	case !it.want.Recreate:
		p.block(it, Blocked{Action: Destroy, Code: BlockedRecreate, Unblock: "recreate: allow",
			Text: p.names(it.diff.changed&p.recreate) +
				" changed, which needs a new container: its data would be lost"})
	case protected(it):
		p.blockProtected(it)
	case p.makeable(it):
		it.cause = RecreateAsked
		it.fallback, it.held = it.work, false
		it.work = doDestroy | making(it.want)
	}
}

// keep undoes the decision to make or replace an item.
func (it *item) keep() {
	it.held = it.work.has(doDestroy) && it.cause == RecreateAsked
	it.work = it.fallback
}

// making is the work of a new container.
func making(d *Desired) work {
	if d.Template {
		return doMake
	}
	w := doMake | doConfigure | doDNS
	if d.Running {
		w |= doStart | doAddress
	}
	if setsPassword(d) {
		w |= doPassword
	}
	return w
}

// updating is the work of a container that exists, given its declaration's changes.
func (p *planner) updating(it *item, changed fieldSet) work {
	d, x := it.want, &it.diff
	var w work
	if !d.Template {
		w = p.liveWork(it)
		unfinished := unfinished(it.own)
		if setsPassword(d) && (unfinished || changed&passwordFields != 0) {
			w |= doPassword
		}
		runs := d.Running && !it.left.live.has(fRunning)
		if runs && (w.has(doStart) || unfinished ||
			w.has(doConfigure) && x.any()&addressFields != 0) {
			w |= doAddress
		}
		if unfinished || changed&(resolvFields|1<<fIP) != 0 {
			w |= doDNS
		}
	}
	if w == 0 && (changed != 0 || begun(it.own) || protectDiffers(it)) {
		return doNote
	}
	return w
}

// liveWork is the part that follows from the configuration and the state of the host alone.
func (p *planner) liveWork(it *item) work {
	x := &it.diff
	var w work
	if x.file != 0 || x.live&^p.restart != 0 {
		w |= doConfigure
	}
	if it.left.live.has(fRunning) {
		return w
	}
	if !it.want.Running {
		if it.got.State != Stopped {
			w |= doStop
		}
		return w
	}
	if it.got.State != Stopped && p.stale(x) != 0 {
		return w | doStop | doStart
	}
	if it.got.State != Running {
		w |= doStart
	}
	return w
}

// makeable reports whether the host can carry a new container like this; otherwise it is blocked.
func (p *planner) makeable(it *item) bool {
	d := it.want
	if !p.fits(it) || !p.fitsMemory(it, makeAction(d)) || !p.fitsDisk(it) {
		return false
	}
	if d.Backing != "" && d.Backing != "dir" && d.Backing != "overlayfs" {
		p.block(it, Blocked{Action: makeAction(d), Code: BlockedUnsupported,
			Text: "backing \"" + d.Backing + "\" is not acted on yet"})
		return false
	}
	if !d.Template && p.lacksBridge(d) {
		p.blockBridge(it)
		return false
	}
	return true
}

// needsBridge reports whether the work on an existing container depends on its bridge.
func needsBridge(it *item) bool {
	x := &it.diff
	return it.work.has(doStart) || (x.changed | x.file | x.live).has(fBridge)
}

func (p *planner) lacksBridge(d *Desired) bool {
	return p.awaitsBridge(d) && !slices.Contains(p.ready.bridges, d.Bridge)
}

func makeAction(d *Desired) Action {
	if d.FromContainer != "" {
		return Clone
	}
	return Create
}

func setsPassword(d *Desired) bool {
	return d.PasswordTag != "" || slices.Contains(d.Unknown, "password")
}

// protected reports whether an item must not be destroyed. Only `protect: false` lifts what the
// record remembers.
func protected(it *item) bool {
	if it.want != nil && it.want.Protect != spec.Unset {
		return it.want.Protect == spec.On
	}
	return it.own != nil && it.own.Protect
}

func protectDiffers(it *item) bool {
	return it.want.Protect != spec.Unset && (it.want.Protect == spec.On) != it.own.Protect
}

// madeAnew reports whether the container was made after its record was last completed: the record
// does not say from what.
func madeAnew(o *Owned) bool {
	return !CarriedOut(o.Applied) || o.Intent == string(Create) || o.Intent == string(Clone)
}

// unfinished reports whether what cannot be observed (password, names) may be missing. With the
// intent to destroy it is not known whether the container is the old or the new one; a change
// that asks for a new one still holds then.
func unfinished(o *Owned) bool { return madeAnew(o) || o.Intent == string(Destroy) }

// begun reports whether a run began to work on a container and did not finish: what differs on the
// host may be its doing.
func begun(o *Owned) bool { return o.Intent != "" }

// halfMade reports whether damage of the container, or that it is gone, comes from our own work: we
// were making or replacing it. Once it was there, a step that failed leaves another intent, for
// then somebody may have begun to use it.
func halfMade(o *Owned) bool {
	switch Action(o.Intent) {
	case Create, Clone, Destroy:
		return true
	}
	return false
}
