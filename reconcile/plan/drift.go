package plan

import (
	"strings"

	"reconciler/spec"
)

// tolerates reports whether drift of a container is left as it is. What an earlier run did not
// finish is finished in any case.
func tolerates(it *item) bool {
	finished := it.own != nil && !begun(it.own) && CarriedOut(it.own.Applied)
	return it.want.Drift != spec.DriftCorrect && finished
}

// tolerate moves drift from what is to be done to what is left. Changes of the declaration are
// carried out, and some of their steps correct drift as well, which they name as such: Configure
// always writes the whole configuration, and a start would bring a drifted file to life, so that
// before one nothing is left. But drift alone never restarts a container.
func (p *planner) tolerate(it *item) {
	if !tolerates(it) || p.startsByDeclaration(it) {
		return
	}
	x := &it.diff
	drifted := (x.file | x.live) &^ x.changed
	left := &it.left
	if (x.file|x.live&^p.restart)&x.changed != 0 {
		left.live = x.live & drifted & p.restart
	} else {
		left.file, left.live = x.file&drifted, x.live&drifted
	}
	x.file, x.live, x.calm = x.file&^left.file, x.live&^left.live, true
	left.live.add(fRunning, !runsAsDeclared(it) && !x.changed.has(fRunning))
	if left.any() != 0 {
		p.leave(it)
	}
}

// startsByDeclaration reports whether a change of the declaration starts or restarts a container.
func (p *planner) startsByDeclaration(it *item) bool {
	x := &it.diff
	restarts := it.got.State != Stopped && p.stale(x)&x.changed != 0
	starts := it.got.State != Running && x.changed.has(fRunning)
	return it.want.Running && (restarts || starts)
}

func runsAsDeclared(it *item) bool {
	if it.want.Running {
		return it.got.State == Running
	}
	return it.got.State == Stopped
}

// leave notes that an item is not made as declared in this pass.
func (p *planner) leave(it *item) { it.code, p.holding = HeldDrift, true }

// any is what differs between the declaration and the host.
func (x *diff) any() fieldSet { return x.file | x.live }

// listDrift lists the drift that is left and shall be reported. What is made anew has none.
func (p *planner) listDrift() {
	for i := range p.items {
		it := &p.items[i]
		if !reportsDrift(it) {
			continue
		}
		held := Held{Host: p.h.Host, Container: it.name, Kind: KindChange, Code: HeldDrift,
			Text: driftText(p, it), Position: it.want.Position}
		if it.gone {
			held.Kind = KindCreate
		} else {
			held.Changes = p.changesLeft(it)
		}
		p.out.Held = append(p.out.Held, held)
	}
}

func reportsDrift(it *item) bool {
	left := it.gone || it.left.any() != 0
	return left && it.want.Drift == spec.DriftReport && !(it.work | it.wish).has(doMake|doDestroy)
}

// changesLeft lists the drift that is left.
func (p *planner) changesLeft(it *item) []Change {
	acted := it.diff
	it.diff = it.left
	changes := p.changesOf(it, it.left.any())
	it.diff = acted
	return changes
}

func driftText(p *planner, it *item) string {
	if it.gone {
		return "it was made before and has vanished from the host"
	}
	var parts []string
	left := it.left.any()
	if left.has(fRunning) {
		shall := "be stopped"
		if it.want.Running {
			shall = "run"
		}
		parts = append(parts, "it is "+string(it.got.State)+" and shall "+shall)
	}
	if left &^= 1 << fRunning; left != 0 {
		parts = append(parts, "changed on the host: "+p.names(left))
	}
	return strings.Join(parts, "; ")
}
