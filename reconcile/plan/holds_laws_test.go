package plan_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// heldBy says, in another way than the planner, whether a container is held.
func heldBy(in plan.Input, h, name string) bool {
	for _, x := range in.Holds {
		if (x.Host == "" || x.Host == h) && (x.Container == "" || x.Container == name) {
			return true
		}
	}
	return false
}

func declaration(h plan.HostInput, name string) *plan.Desired {
	for i := range h.Desired {
		if h.Desired[i].Name == name {
			return &h.Desired[i]
		}
	}
	return nil
}

func hasSteps(p plan.Plan, h, name string) bool {
	return slices.ContainsFunc(p.Steps,
		func(s plan.Step) bool { return s.Host == h && s.Container == name })
}

func isHeld(p plan.Plan, h, name string) bool {
	return slices.ContainsFunc(p.Held,
		func(x plan.Held) bool { return x.Host == h && x.Container == name })
}

func TestLawsOfHolds(t *testing.T) {
	t.Parallel()
	law(t, "what is held has no step", func(t *rapid.T, in plan.Input, p plan.Plan) {
		for _, s := range p.Steps {
			if heldBy(in, s.Host, s.Container) {
				t.Fatalf("%s/%s gets %s\n%s", s.Host, s.Container, s.Action, text(p))
			}
		}
		for _, x := range p.Held {
			if x.Code != plan.HeldDrift && hasSteps(p, x.Host, x.Container) {
				t.Fatalf("%s/%s is listed and gets steps\n%s", x.Host, x.Container, text(p))
			}
		}
	})
	law(t, "what waits is listed: for its hold, its need or its drift",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			for _, x := range p.Held {
				h := hostOf(in, x.Host)
				if x.Container == "" {
					w := h.Prepare
					if w.Hold == nil && w.Drift != spec.DriftReport && !heldBy(in, x.Host, "") {
						t.Fatalf("the preparation of %s is not held, and listed as %s", x.Host, x.Code)
					}
					continue
				}
				switch x.Code {
				case plan.HeldNeeds:
				case plan.HeldDrift:
					if declaration(h, x.Container).Drift != spec.DriftReport {
						t.Fatalf("drift of %s is reported, which nobody asked for", x.Container)
					}
				default:
					if !heldBy(in, x.Host, x.Container) {
						t.Fatalf("%s is not held, and listed as %s", x.Container, x.Code)
					}
				}
			}
		})
	law(t, "no clone has a source that is not there", func(t *rapid.T, in plan.Input, p plan.Plan) {
		for _, s := range p.Steps {
			if s.Action != plan.Clone {
				continue
			}
			source := s.Want.FromContainer
			if observed(hostOf(in, s.Host), source) == nil && !hasSteps(p, s.Host, source) {
				t.Fatalf("%s is cloned from %s, which will not be there\n%s", s.Container, source, text(p))
			}
		}
	})
	law(t, "nothing takes an address from what is held", func(t *rapid.T, in plan.Input, p plan.Plan) {
		for _, x := range p.Held {
			h := hostOf(in, x.Host)
			o, d := observed(h, x.Container), declaration(h, x.Container)
			stays := o != nil && (d == nil || d.IP != o.Config.Address.Addr()) &&
				!hasSteps(p, x.Host, x.Container)
			for _, s := range p.Steps {
				takes := s.Host == x.Host && s.Want != nil && slices.Contains(
					[]plan.Action{plan.Create, plan.Clone, plan.Configure}, s.Action)
				if stays && takes && s.Want.IP.IsValid() && s.Want.IP == o.Config.Address.Addr() {
					t.Fatalf("%s takes the address of %s\n%s", s.Container, x.Container, text(p))
				}
			}
		}
	})
}

func TestLawsOfLiftedHolds(t *testing.T) {
	t.Parallel()
	law(t, "what would be done is done, held, blocked, or a template that nobody needs now",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			free := in
			free.Holds = nil
			for _, it := range plan.Compute(free).Containers() {
				blocked := slices.ContainsFunc(p.Blocked, func(b plan.Blocked) bool {
					return b.Host == it.Host && b.Container == it.Container
				})
				if !it.Template && !blocked && !isHeld(p, it.Host, it.Container) &&
					!hasSteps(p, it.Host, it.Container) {
					t.Fatalf("%s/%s is forgotten\n%s", it.Host, it.Container, text(p))
				}
			}
		})
	law(t, "a hold adds no work", func(t *rapid.T, in plan.Input, p plan.Plan) {
		free := in
		free.Holds = nil
		without := plan.Compute(free)
		for _, s := range p.Steps {
			guarded := slices.ContainsFunc(without.Blocked, func(b plan.Blocked) bool {
				return b.Host == s.Host && b.Code == plan.BlockedGuard
			})
			if !guarded && !hasSteps(without, s.Host, s.Container) {
				t.Fatalf("%s/%s gets %s only because something is held", s.Host, s.Container, s.Action)
			}
		}
	})
	law(t, "a hold of what has no work changes nothing",
		func(t *rapid.T, in plan.Input, _ plan.Plan) {
			in.Holds = nil
			free := plan.Compute(in)
			for _, name := range append([]string{"nobody"}, names...) {
				if !hasSteps(free, "h", name) && !isHeld(free, "h", name) {
					in.Holds = append(in.Holds, plan.Hold{Host: "h", Container: name, Code: "x", Text: "x"})
				}
			}
			held := plan.Compute(in)
			guarded := slices.ContainsFunc(free.Blocked,
				func(b plan.Blocked) bool { return b.Code == plan.BlockedGuard })
			if a, b := encode(t, free), encode(t, held); a != b && !guarded {
				t.Fatalf("without:\n%s\nwith:\n%s", text(free), text(held))
			}
		})
}

// differs says, without a look at the host, whether the tree asks for something new.
func differs(d *plan.Desired, w *plan.Owned) bool {
	protection := d.Protect != spec.Unset && (d.Protect == spec.On) != w.Protect
	return protection || !maps.Equal(d.Applied(), w.Applied)
}

func TestLawsOfDrift(t *testing.T) {
	t.Parallel()
	law(t, "where drift is left, only a change of the tree is a reason for work",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			for _, it := range p.Containers() {
				h := hostOf(in, it.Host)
				d, w := declaration(h, it.Container), recorded(h, it.Container)
				if d == nil || d.Drift == spec.DriftCorrect || w == nil || w.Intent != "" ||
					len(w.Applied) == 0 {
					continue
				}
				if !differs(d, w) || observed(h, it.Container) == nil {
					t.Fatalf("%s gets %s\n%s", it.Container, it.Steps[0].Action, text(p))
				}
			}
		})
	law(t, "where drift is left, drift alone restarts nothing",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			for _, s := range p.Steps {
				h := hostOf(in, s.Host)
				d, w := declaration(h, s.Container), recorded(h, s.Container)
				if s.Action == plan.Stop && d.Drift != spec.DriftCorrect && w.Intent == "" &&
					len(w.Applied) > 0 && s.Reason.Code != plan.Changed && s.Reason.Code != plan.RecreateAsked {
					t.Fatalf("%s is stopped: %s", s.Container, s.Reason.Text)
				}
			}
		})
	law(t, "what is corrected otherwise is done, told, or left by wish",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			all := in
			all.Hosts = nil
			for _, h := range in.Hosts {
				h.Desired = slices.Clone(h.Desired)
				for i := range h.Desired {
					h.Desired[i].Drift = spec.DriftCorrect
				}
				all.Hosts = append(all.Hosts, h)
			}
			for _, it := range plan.Compute(all).Containers() {
				d := declaration(hostOf(in, it.Host), it.Container)
				blocked := slices.ContainsFunc(p.Blocked, func(b plan.Blocked) bool {
					return b.Host == it.Host && b.Container == it.Container
				})
				if d == nil || d.Drift == spec.DriftIgnore || it.Template || blocked {
					continue
				}
				if !isHeld(p, it.Host, it.Container) && !hasSteps(p, it.Host, it.Container) {
					t.Fatalf("nothing is told of %s\n%s", it.Container, text(p))
				}
			}
		})
	law(t, "where there is no drift, its modes mean nothing",
		func(t *rapid.T, in plan.Input, _ plan.Plan) {
			for i := range in.Hosts {
				h := &in.Hosts[i]
				h.Actual.Containers = nil
				for _, w := range h.Owned {
					if d := declaration(*h, w.Name); d != nil {
						o := observe(*d)
						o.Mark = &plan.Mark{Installation: installation, Host: h.Host, Name: d.Name, UID: w.UID}
						h.Actual.Containers = append(h.Actual.Containers, o)
					}
				}
			}
			var first string
			for _, mode := range []spec.Drift{spec.DriftCorrect, spec.DriftReport, spec.DriftIgnore} {
				for _, h := range in.Hosts {
					for i := range h.Desired {
						h.Desired[i].Drift = mode
					}
				}
				got := encode(t, plan.Compute(in))
				if first == "" {
					first = got
				}
				if got != first {
					t.Fatalf("drift: %s gives\n%s\nnot\n%s", mode, got, first)
				}
			}
		})
}
