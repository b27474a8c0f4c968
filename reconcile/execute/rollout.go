package execute

import (
	"context"
	"fmt"

	"reconciler/reconcile/plan"
)

// turn is the work of one host that waits for a rollout.
type turn struct {
	host  string
	units []*unit
	free  []*unit       // of the host, that wait for nobody
	ready chan struct{} // closed when they have ended
}

// takeTurns marks the units that wait for a rollout, with all that need them, and returns those of
// each host.
func takeTurns(units []*unit, rollouts []plan.Rollout) map[string]*turn {
	known := make(map[string]bool, len(rollouts))
	for _, r := range rollouts {
		known[r.Group] = true
	}
	var open []*unit
	for _, u := range units {
		if known[u.steps[0].Rollout] {
			u.inTurn = true
			open = append(open, u)
		}
	}
	for ; len(open) > 0; open = open[1:] {
		for _, d := range open[0].dependants {
			if !d.inTurn {
				d.inTurn = true
				open = append(open, d)
			}
		}
	}
	turns := make(map[string]*turn)
	for _, u := range units {
		if h := u.outcome.Host; u.inTurn && turns[h] == nil {
			turns[h] = &turn{host: h, ready: make(chan struct{})}
		}
	}
	for _, u := range units {
		switch t := turns[u.outcome.Host]; {
		case u.inTurn:
			t.units = append(t.units, u)
		case t != nil:
			t.free = append(t.free, u)
		}
	}
	return turns
}

// rollOut gives the hosts of a rollout their turns.
func (w worker) rollOut(ctx context.Context, r plan.Rollout, turns map[string]*turn) {
	g := admission{Rollout: r, failed: make(map[string]bool)}
	for _, f := range r.Failed {
		g.failed[f.Host] = true
	}
	for _, wave := range r.Waves {
		w.wave(ctx, &g, wave, turns)
	}
}

// wave gives the hosts of one wave their turns, and returns after the last one has ended. What has
// ended is known before the next host begins.
func (w worker) wave(ctx context.Context, g *admission, wave plan.Wave, turns map[string]*turn) {
	ended := make(chan *turn, len(wave.Hosts))
	running := 0
	held := w.held(ctx)
	end := func() {
		g.note(wave.Kind, <-ended)
		running--
		held = nil // that may have taken long
	}
	for _, host := range wave.Hosts {
		t := turns[host]
		if t == nil {
			continue // its steps were taken out of the plan
		}
		for len(ended) > 0 || g.MaxParallel > 0 && running >= g.MaxParallel {
			end()
		}
		if held == nil {
			held = w.held(ctx)
		}
		why := g.refuses(wave.Kind)
		if why == "" {
			why = g.leaves(wave.Kind, t, held)
		}
		if why != "" && ctx.Err() == nil {
			t.skip(why)
			continue
		}
		running++
		go func() {
			w.turn(ctx, t)
			ended <- t
		}()
	}
	for running > 0 {
		end()
	}
}

// held returns what says why a container must be left alone now; empty: it need not.
func (w worker) held(ctx context.Context) func(host, container string) string {
	if w.options.Held == nil {
		return func(string, string) string { return "" }
	}
	return w.options.Held(ctx)
}

// turn carries out the work of a host that waited. It begins when the units of the host that wait
// for nobody have ended.
func (w worker) turn(ctx context.Context, t *turn) {
	<-t.ready
	units := t.enter()
	if ctx.Err() != nil {
		interrupt(units)
		return
	}
	w.host(ctx, t.host, units)
}

// enter skips what needs something that failed, and returns what is left.
func (t *turn) enter() (left []*unit) {
	for again := true; again; {
		again = false
		for _, u := range t.units {
			for _, need := range u.waits {
				if !u.settled() && need.settled() && need.outcome.Failed() {
					u.skipFor(need)
					again = true
				}
			}
		}
	}
	for _, u := range t.units {
		if u.settled() {
			continue
		}
		u.unmet = 0
		for _, need := range u.waits {
			if !need.settled() {
				u.unmet++
			}
		}
		left = append(left, u)
	}
	return left
}

// skip ends a turn that does not begin.
func (t *turn) skip(why string) {
	for _, u := range t.units {
		if !u.settled() {
			u.outcome.Refused = true
			u.skipRest("not begun: " + why)
		}
	}
}

// broken reports whether something of the host failed.
func (t *turn) broken() bool {
	for _, list := range [][]*unit{t.units, t.free} {
		for _, u := range list {
			if u.outcome.Failed() && !u.interrupted {
				return true
			}
		}
	}
	return false
}

// admission decides which hosts of a rollout may begin.
type admission struct {
	plan.Rollout
	failed map[string]bool // hosts
	canary string          // why no host comes after the canaries; "": none
}

// note is told of a host whose turn has ended.
func (g *admission) note(kind plan.WaveKind, t *turn) {
	if !t.broken() {
		return
	}
	g.failed[t.host] = true
	if kind == plan.WaveCanary && g.canary == "" {
		g.canary = fmt.Sprintf("canary host %q of group %q failed", t.host, g.Group)
	}
}

// leaves returns why the turn of a host must not come now, although it was due when the plan was
// made; empty if it may. Without a canary no other host begins.
func (g *admission) leaves(
	kind plan.WaveKind, t *turn, held func(host, container string) string,
) string {
	for _, u := range t.units {
		why := held(t.host, u.outcome.Container)
		if why == "" {
			continue
		}
		if kind == plan.WaveCanary && g.canary == "" {
			g.canary = fmt.Sprintf("canary host %q of group %q is left alone now", t.host, g.Group)
		}
		return fmt.Sprintf("container %q: %s", u.outcome.Container, why)
	}
	return ""
}

// refuses returns why no further host of a wave may begin, empty if one may.
func (g *admission) refuses(kind plan.WaveKind) string {
	switch {
	case g.canary != "":
		return g.canary
	case kind != plan.WaveAgain && len(g.failed) > g.MaxFailures:
		return fmt.Sprintf("hosts of group %q failed: %d, at most %d may", g.Group, len(g.failed),
			g.MaxFailures)
	}
	return ""
}
