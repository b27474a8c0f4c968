package execute

import (
	"fmt"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
)

const interrupted = "interrupted"

// unit is the work on one container, a node of the graph of needs.
type unit struct {
	steps      []plan.Step
	outcome    Outcome
	waits      []*unit // what it needs
	unmet      int     // how many of them have not finished
	dependants []*unit // who needs it

	inTurn      bool // waits for the rollout of a group
	begun       bool // handed to a worker
	interrupted bool // steps were skipped because the context ended
}

type unitKey struct{ host, container string }

// group gathers the steps of each container and connects the containers, in linear time. Units
// come in the order of their first steps.
func group(steps []plan.Step) []*unit {
	byKey := make(map[unitKey]*unit)
	var units []*unit
	for _, s := range steps {
		key := unitKey{s.Host, s.Container}
		u, ok := byKey[key]
		if !ok {
			u = &unit{outcome: Outcome{Host: s.Host, Container: s.Container}}
			byKey[key] = u
			units = append(units, u)
		}
		u.steps = append(u.steps, s)
	}
	for _, u := range units {
		u.connect(byKey)
	}
	return units
}

// connect links u with the units that its steps need. A need that is named twice is entered twice,
// here and in the dependants of the other unit, so that it is also taken away twice.
func (u *unit) connect(byKey map[unitKey]*unit) {
	for _, s := range u.steps {
		for _, name := range s.Needs {
			if need, ok := byKey[unitKey{s.Host, name}]; ok {
				u.waits = append(u.waits, need)
				need.dependants = append(need.dependants, u)
			}
		}
	}
	u.unmet = len(u.waits)
}

// breakCircles skips every unit that could never begin, and returns those that can begin now.
func breakCircles(units []*unit) (ready []*unit) {
	unmet := make(map[*unit]int, len(units))
	var open []*unit
	for _, u := range units {
		unmet[u] = u.unmet
		if u.unmet == 0 {
			open = append(open, u)
		}
	}
	ready = slices.Clone(open)
	for ; len(open) > 0; open = open[1:] {
		for _, d := range open[0].dependants {
			if unmet[d]--; unmet[d] == 0 {
				open = append(open, d)
			}
		}
	}
	for _, u := range units {
		if unmet[u] > 0 {
			u.skipRest("not begun: " + circle(u, unmet))
		}
	}
	return ready
}

// circle spells out why u can never begin: the chain of needs up to the first name that returns.
func circle(u *unit, unmet map[*unit]int) string {
	const longest = 8
	seen := map[*unit]bool{}
	var b strings.Builder
	fmt.Fprintf(&b, "%q", u.outcome.Container)
	for !seen[u] {
		if len(seen) == longest {
			b.WriteString(", and so on in a circle")
			return b.String()
		}
		seen[u] = true
		u = u.waits[slices.IndexFunc(u.waits, func(n *unit) bool { return unmet[n] > 0 })]
		fmt.Fprintf(&b, " needs %q", u.outcome.Container)
	}
	b.WriteString(": a circle")
	return b.String()
}

// release tells the dependants of u that it has finished. It returns those that may begin now;
// those that never may, and theirs in turn, are skipped.
func (u *unit) release() (ready []*unit) {
	for open := []*unit{u}; len(open) > 0; open = open[1:] {
		failed := open[0].outcome.Failed()
		for _, d := range open[0].dependants {
			if d.inTurn != u.inTurn || d.settled() {
				continue // see turn.enter
			}
			d.unmet--
			switch {
			case failed:
				d.skipFor(open[0])
				open = append(open, d)
			case d.unmet == 0:
				ready = append(ready, d)
			}
		}
	}
	return ready
}

// add enters the result of the next step. After a failure the others are skipped.
func (u *unit) add(r StepResult) {
	u.outcome.Steps = append(u.outcome.Steps, r)
	if r.Status == Failed {
		u.skipRest(fmt.Sprintf("not begun: step %s (%s) failed",
			Checkpoint(r.Step.Action), r.Step.Action))
	}
}

// reachesHost reports whether any step is for more than the Journal.
func (u *unit) reachesHost() bool {
	return slices.ContainsFunc(u.steps, func(s plan.Step) bool {
		return s.Action != plan.Note && s.Action != plan.Forget
	})
}

// settled reports whether it is known what became of every step.
func (u *unit) settled() bool { return len(u.outcome.Steps) == len(u.steps) }

// skipFor skips all steps because need did not succeed.
func (u *unit) skipFor(need *unit) {
	if need.interrupted {
		u.interrupt()
		return
	}
	what := "was skipped"
	if need.begun && need.outcome.Steps[0].Status != Skipped {
		what = "failed"
	}
	u.skipRest(fmt.Sprintf("not begun: it needs %q, which %s", need.outcome.Container, what))
}

// interrupt skips what is left because the context ended.
func (u *unit) interrupt() {
	u.interrupted = true
	u.skipRest(interrupted)
}

// skipRest skips every step that has no result yet.
func (u *unit) skipRest(why string) {
	for _, s := range u.steps[len(u.outcome.Steps):] {
		u.outcome.Steps = append(u.outcome.Steps,
			StepResult{Step: s, Status: Skipped, Message: why})
	}
}
