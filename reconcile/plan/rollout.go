package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"reconciler/spec"
)

// Rollout is the order in which the hosts of one group get what was declared: the waves one after
// the other, the hosts of each in the order of the group, at most MaxParallel of them at once.
// Steps that wait for it name it; the others of its hosts do not wait.
//
// No further host begins when a canary has failed, or when more than MaxFailures hosts have. Those
// of a WaveAgain do not count as further ones: something has failed on them before.
type Rollout struct {
	Group       string        `json:"group"`
	Waves       []Wave        `json:"waves"`        // each has a host
	MaxParallel int           `json:"max_parallel"` // 0: no limit
	MaxFailures int           `json:"max_failures"`
	Failed      []FailedHost  `json:"failed"`            // that count before the first step; by host
	Stopped     string        `json:"stopped,omitempty"` // why the other hosts are held
	Position    spec.Position `json:"position,omitzero"`
}

// Failing reports whether it has stopped because something failed, not because another pass works
// on its hosts.
func (r Rollout) Failing() bool { return r.Stopped != "" && len(r.Failed) > 0 }

// Wave is hosts that are changed before those of the next one.
type Wave struct {
	Kind  WaveKind `json:"kind"`
	Hosts []string `json:"hosts"`
}

// WaveKind says what a wave is for.
type WaveKind string

// The kinds, in their order.
const (
	WaveCanary WaveKind = "canary" // all must succeed
	WaveAgain  WaveKind = "again"  // what failed there before is tried again
	WaveRest   WaveKind = "rest"
)

// FailedHost is a host that counts as failed, and why.
type FailedHost struct {
	Host string `json:"host"`
	Text string `json:"text"`
}

// rollOut returns the plan with its rollouts. What must wait because of them is held: the plan is
// made again with these holds, so that what needs it, or would take its place, waits as well.
// Whether a host gets its turn is often decided only while the plan is carried out. A container
// that has ended does not wait for that: it is started as it was, and its change is held for a
// later pass.
func (p *planner) rollOut() Plan {
	var all []*rollout
	for _, g := range sorted(nil, p.in.Groups, func(g *spec.Group) string { return g.Name }) {
		all = append(all, p.judge(g))
	}
	in := *p.in
	for {
		holds := holdsOf(all, p.turns)
		if len(holds) == 0 {
			break
		}
		in.Holds = slices.Concat(in.Holds, holds)
		p = compute(&in)
		for _, r := range all {
			if r.Stopped == "" {
				r.choose(p.turns) // a canary may be among what is held now
			}
		}
	}
	for _, r := range all {
		if r.Waves = r.line(p.turns); len(r.Waves) > 0 || r.held {
			p.out.Rollouts = append(p.out.Rollouts, r.Rollout)
		}
	}
	return p.out
}

// rollout is a Rollout while it is made.
type rollout struct {
	Rollout
	of       *spec.Group
	broken   map[string]string // host → what is wrong with a container of it
	canaries []string
	busy     bool // another pass works on the group: not even what failed is tried again
	canary   bool // it has stopped because a canary failed
	held     bool // something waits for a later pass
}

// judge finds the hosts of a group that count as failed, its canaries, and whether more may begin.
func (p *planner) judge(g *spec.Group) *rollout {
	r := &rollout{of: g, Rollout: Rollout{Group: g.Name, Waves: []Wave{}, Failed: []FailedHost{},
		MaxParallel: g.MaxParallel, MaxFailures: g.MaxFailures, Position: g.Position}}
	if r.wait(p.in.Holds); r.busy {
		return r // nothing begins, so that nobody asks what has failed before
	}
	broken := map[string]string{} // host → what is wrong with a container of it
	for _, f := range p.failing {
		if broken[f.host] == "" {
			broken[f.host] = fmt.Sprintf("container %q failed: %s", f.container, f.text)
		}
	}
	for _, f := range p.in.Failing {
		if f.Container == "" && broken[f.Host] == "" {
			broken[f.Host] = f.Text
		}
	}
	for host, text := range broken {
		broken[host] = firstLine(text) // it stands at all that waits
	}
	faults := p.faults(broken)
	maps.DeleteFunc(broken, p.leftOut)
	maps.DeleteFunc(faults, p.leftOut)
	for _, host := range g.Hosts {
		if text := faults[host]; text != "" {
			r.Failed = append(r.Failed, FailedHost{host, text})
		}
	}
	slices.SortFunc(r.Failed, func(a, b FailedHost) int { return strings.Compare(a.Host, b.Host) })
	r.broken = broken
	r.choose(p.turns)
	return r
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// leftOut reports whether people have suspended a whole host: what is wrong there stops no other.
func (p *planner) leftOut(host, _ string) bool {
	return slices.ContainsFunc(p.in.Holds, func(h Hold) bool {
		return h.Host == host && h.Container == "" && h.Code == HeldSuspended
	})
}

// faults returns the hosts that count as failed, and why: what cannot be reached or is in use, has
// a mistake to mend, or a container that failed.
func (p *planner) faults(broken map[string]string) map[string]string {
	faults := map[string]string{}
	for _, u := range p.out.Unreachable {
		why := firstLine(u.Text)
		faults[u.Host] = "it cannot be reached: " + why
		if u.InUse {
			faults[u.Host] = why
		}
	}
	for _, b := range p.out.Blocked {
		if b.Failed && faults[b.Host] == "" {
			faults[b.Host] = "it is blocked: " + b.Text
			if b.Container != "" {
				faults[b.Host] = fmt.Sprintf("container %q is blocked: %s", b.Container, b.Text)
			}
		}
	}
	for host, text := range broken {
		if faults[host] == "" {
			faults[host] = text
		}
	}
	return faults
}

// wait stops a rollout while another pass works on its hosts.
func (r *rollout) wait(holds []Hold) {
	for _, host := range r.of.Hosts {
		works := func(h Hold) bool { return h.Code == HeldBusy && h.Host == host }
		if slices.ContainsFunc(holds, works) {
			r.busy, r.Stopped = true, fmt.Sprintf("another pass works on host %q", host)
			return
		}
	}
}

// choose finds the canaries, and decides whether a host may begin at all.
func (r *rollout) choose(turns []turn) {
	changes := map[string]bool{}
	for _, t := range turns {
		changes[t.host] = true
	}
	r.canaries = nil
	for _, host := range r.of.Hosts {
		if len(r.canaries) < r.of.Canary && (changes[host] || r.broken[host] != "") {
			r.canaries = append(r.canaries, host)
		}
	}
	for _, host := range r.canaries {
		if text := r.broken[host]; text != "" {
			r.canary = true
			r.Stopped = fmt.Sprintf("canary host %q failed: %s", host, text)
			return
		}
	}
	if n := len(r.Failed); n > r.MaxFailures {
		r.Stopped = fmt.Sprintf("host %q failed: %s", r.Failed[0].Host, r.Failed[0].Text)
		if n > 1 {
			r.Stopped += fmt.Sprintf(" (%d hosts failed, %d may)", n, r.MaxFailures)
		}
	}
}

// holdsOf holds what waits for rollouts.
func holdsOf(all []*rollout, turns []turn) []Hold {
	var holds []Hold
	for _, r := range all {
		risky := r.mayNotBegin(turns)
		for _, t := range turns {
			if !slices.Contains(r.of.Hosts, t.host) {
				continue
			}
			why := r.Stopped
			switch {
			case why == "" && t.down && risky[t.host]:
				why = "it has ended and is started as it was; its change comes in a later pass"
			case r.busy || r.canary && t.down && !t.tried:
			case why == "" || t.again:
				continue // to try again what failed before changes no further host
			}
			r.held = true
			holds = append(holds, Hold{Host: t.host, Container: t.container, Code: HeldRollout,
				Text: fmt.Sprintf("the rollout of group %q waits: %s", r.Group, why)})
		}
	}
	return holds
}

// mayNotBegin returns the hosts that get no turn if all before them fail.
func (r *rollout) mayNotBegin(turns []turn) map[string]bool {
	failed, risky := map[string]bool{}, map[string]bool{}
	for _, f := range r.Failed {
		failed[f.Host] = true
	}
	canary := false
	for _, w := range r.line(turns) {
		for _, host := range w.Hosts {
			risky[host] = canary || w.Kind != WaveAgain && len(failed) > r.MaxFailures
			failed[host], canary = true, canary || w.Kind == WaveCanary
		}
	}
	return risky
}

// line puts the hosts that have something to do into waves.
func (r *rollout) line(turns []turn) []Wave {
	waves := []Wave{}
	kinds := map[string]WaveKind{}
	for _, t := range turns {
		switch {
		case r.Stopped == "" && slices.Contains(r.canaries, t.host):
			kinds[t.host] = WaveCanary
		case t.again:
			kinds[t.host] = WaveAgain
		case kinds[t.host] == "":
			kinds[t.host] = WaveRest
		}
	}
	for _, kind := range []WaveKind{WaveCanary, WaveAgain, WaveRest} {
		w := Wave{Kind: kind}
		for _, host := range r.of.Hosts {
			if kinds[host] == kind {
				w.Hosts = append(w.Hosts, host)
			}
		}
		if len(w.Hosts) > 0 {
			waves = append(waves, w)
		}
	}
	return waves
}
