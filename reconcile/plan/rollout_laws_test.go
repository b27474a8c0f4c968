package plan_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// randomGroups puts the hosts into one group or two, and lets something fail.
func randomGroups(t *rapid.T, in *plan.Input) {
	few := rapid.IntRange(0, 2)
	g := spec.Group{Name: "g", Hosts: []string{"i", "h"}, Canary: few.Draw(t, "canary"),
		MaxParallel: few.Draw(t, "max_parallel"), MaxFailures: few.Draw(t, "max_failures")}
	in.Groups = []spec.Group{g}
	if rapid.Bool().Draw(t, "two groups") {
		in.Groups[0].Hosts = []string{"i", "away"}
		in.Groups = append(in.Groups, spec.Group{Name: "f", Hosts: []string{"h"}})
	}
	for range few.Draw(t, "failures") {
		h := &in.Hosts[rapid.IntRange(0, 1).Draw(t, "failed on")]
		if len(h.Owned) > 0 {
			h.Owned[rapid.IntRange(0, len(h.Owned)-1).Draw(t, "failed")].Failure = "no address"
		}
	}
	if few.Draw(t, "crashes") == 0 {
		in.Failing = []plan.Failing{{Host: "h", Container: rapid.SampledFrom(names).Draw(t, "crashes"),
			Text: "it ended 3 times"}}
	}
	if few.Draw(t, "busy") == 0 {
		in.Holds = append(in.Holds, plan.Hold{Host: "i", Code: plan.HeldBusy, Text: "worked on",
			Container: rapid.SampledFrom(names).Draw(t, "busy")})
	}
}

// rolloutLaw checks a sentence on random inputs with groups, and their plans.
func rolloutLaw(t *testing.T, sentence string, check func(*rapid.T, plan.Input, plan.Plan)) {
	t.Run(sentence, func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			in := randomInput(t)
			randomGroups(t, &in)
			check(t, in, plan.Compute(in))
		})
	})
}

func rolloutOf(p plan.Plan, group string) *plan.Rollout {
	i := slices.IndexFunc(p.Rollouts, func(r plan.Rollout) bool { return r.Group == group })
	if i < 0 {
		return nil
	}
	return &p.Rollouts[i]
}

// grouped returns the group of a host, nil for none.
func grouped(in plan.Input, host string) *spec.Group {
	i := slices.IndexFunc(in.Groups, func(g spec.Group) bool { return slices.Contains(g.Hosts, host) })
	if i < 0 {
		return nil
	}
	return &in.Groups[i]
}

func TestLawsOfRollouts(t *testing.T) {
	t.Parallel()
	rolloutLaw(t, "what waits is in one wave of its group",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			used := map[string]bool{}
			for _, s := range p.Steps {
				g := grouped(in, s.Host)
				if s.Rollout == "" {
					continue
				}
				r := rolloutOf(p, s.Rollout)
				if g == nil || g.Name != s.Rollout || r == nil {
					t.Fatalf("%s waits for %q\n%s", s.Host, s.Rollout, rollouts(p))
				}
				count := 0
				for _, w := range r.Waves {
					if slices.Contains(w.Hosts, s.Host) {
						count++
					}
				}
				if used[s.Host] = true; count != 1 {
					t.Fatalf("%s is in %d waves\n%s", s.Host, count, rollouts(p))
				}
			}
			for _, r := range p.Rollouts {
				for _, w := range r.Waves {
					for _, h := range w.Hosts {
						if !used[h] {
							t.Fatalf("the others wait for %s, which has nothing to do\n%s", h, rollouts(p))
						}
					}
				}
			}
		})
	rolloutLaw(t, "the first hosts are canaries", func(t *rapid.T, in plan.Input, p plan.Plan) {
		for _, r := range p.Rollouts {
			g := in.Groups[slices.IndexFunc(in.Groups,
				func(g spec.Group) bool { return g.Name == r.Group })]
			canaries, all := 0, 0
			for _, w := range r.Waves {
				if all += len(w.Hosts); w.Kind == plan.WaveCanary {
					canaries = len(w.Hosts)
				}
			}
			if r.Stopped == "" && canaries != min(g.Canary, all) {
				t.Fatalf("%d canaries of %d hosts, want %d\n%s", canaries, all, g.Canary, rollouts(p))
			}
		}
	})
	rolloutLaw(t, "a rollout that has stopped tries nothing but what failed",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			for _, r := range p.Rollouts {
				for _, w := range r.Waves {
					if r.Stopped != "" && w.Kind != plan.WaveAgain {
						t.Fatalf("hosts begin:\n%s", rollouts(p))
					}
				}
			}
		})
}

func TestLawsOfWhatDoesNotWait(t *testing.T) {
	t.Parallel()
	rolloutLaw(t, "what waits for nobody brings nothing new to a host",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			for _, s := range p.Steps {
				w := recorded(hostOf(in, s.Host), s.Container)
				harmless := s.Rollout != "" || s.Template || grouped(in, s.Host) == nil ||
					s.Action == plan.Note || s.Action == plan.Forget
				if harmless {
					continue
				}
				if s.Want == nil || !slices.Equal(sortedPairs(s.Want.Applied()), sortedPairs(w.Applied)) {
					t.Fatalf("%s/%s gets %s at once\n%s", s.Host, s.Container, s.Action, rollouts(p))
				}
			}
		})
	rolloutLaw(t, "what does not wait needs nothing that does",
		func(t *rapid.T, _ plan.Input, p plan.Plan) {
			waits := map[string]bool{}
			for _, s := range p.Steps {
				waits[s.Host+"/"+s.Container] = s.Rollout != ""
			}
			for _, s := range p.Steps {
				for _, need := range s.Needs {
					if s.Rollout == "" && waits[s.Host+"/"+need] {
						t.Fatalf("%s needs %s, which waits\n%s", s.Container, need, rollouts(p))
					}
				}
			}
		})
}

// refusable returns the hosts of a rollout that get no turn if all before them fail.
func refusable(r plan.Rollout) map[string]bool {
	failed, refused, canary := map[string]bool{}, map[string]bool{}, false
	for _, f := range r.Failed {
		failed[f.Host] = true
	}
	for _, w := range r.Waves {
		for _, h := range w.Hosts {
			refused[h] = canary || w.Kind != plan.WaveAgain && len(failed) > r.MaxFailures
			failed[h] = true
			canary = canary || w.Kind == plan.WaveCanary
		}
	}
	return refused
}

// What ran as declared and ended is started, whatever fails before.
func TestWhatIsDownIsNeverRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := randomConvoy(t)
		p := plan.Compute(in)
		for _, it := range p.Containers() {
			r := rolloutOf(p, it.Steps[0].Rollout)
			if r == nil || !refusable(*r)[it.Host] {
				continue
			}
			if started(it.Steps) && wasWell(hostOf(in, it.Host), it.Container, it.Steps[0].Want) {
				t.Fatalf("%s/%s may stay down\n%s", it.Host, it.Container, rollouts(p))
			}
		}
	})
}

// randomConvoy changes, stops and lets fail container web of some hosts.
func randomConvoy(t *rapid.T) plan.Input {
	few := rapid.IntRange(0, 2)
	n := rapid.IntRange(1, 4).Draw(t, "hosts")
	f := newConvoy(n, spec.Group{Canary: few.Draw(t, "canary"),
		MaxParallel: few.Draw(t, "max_parallel"), MaxFailures: few.Draw(t, "max_failures")})
	for host := 1; host <= n; host++ {
		if few.Draw(t, "change") > 0 {
			f.change(host)
		}
		if rapid.Bool().Draw(t, "died") {
			f.died(host)
		}
		if few.Draw(t, "failed") == 0 {
			f.failed(host)
		}
		if few.Draw(t, "moved") == 0 {
			f.desired(host, "web").IP = declare("other").IP
		}
	}
	return f.Input
}

// started reports whether steps start a container that exists and does not run.
func started(steps []plan.Step) bool {
	starts := false
	for _, s := range steps {
		switch s.Action {
		case plan.Create, plan.Clone, plan.Stop:
			return false
		case plan.Start:
			starts = true
		}
	}
	return starts
}

// wasWell reports whether a container that is stopped was carried out as it was declared before, in
// the place that it shall keep.
func wasWell(h plan.HostInput, name string, want *plan.Desired) bool {
	w, o := recorded(h, name), observed(h, name)
	if o.State != plan.Stopped || w.Failure != "" || w.Intent != "" {
		return false
	}
	for _, key := range []string{"ip", "mac", "network", "bridge", "running"} {
		if w.Applied[key] != want.Applied()[key] {
			return false
		}
	}
	return true
}

func sortedPairs(m map[string]string) []string {
	var out []string
	for k, v := range m {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return out
}

func TestGroupsLoseAndAddNothing(t *testing.T) {
	t.Parallel()
	without := func(in plan.Input) plan.Plan {
		in.Groups = nil
		return plan.Compute(in)
	}
	rolloutLaw(t, "what would be done is done, held, blocked, or a template that nobody needs now",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			for _, it := range without(in).Containers() {
				blocked := slices.ContainsFunc(p.Blocked, func(b plan.Blocked) bool {
					return b.Host == it.Host && b.Container == it.Container
				})
				if !it.Template && !blocked && !isHeld(p, it.Host, it.Container) &&
					!hasSteps(p, it.Host, it.Container) {
					t.Fatalf("%s/%s is forgotten\n%s", it.Host, it.Container, rollouts(p))
				}
			}
		})
	rolloutLaw(t, "a group adds no work", func(t *rapid.T, in plan.Input, p plan.Plan) {
		free := without(in)
		for _, s := range p.Steps {
			if !hasSteps(free, s.Host, s.Container) {
				t.Fatalf("%s/%s gets %s only because of a group", s.Host, s.Container, s.Action)
			}
		}
	})
	rolloutLaw(t, "nothing that is not ours is touched", func(t *rapid.T, in plan.Input, p plan.Plan) {
		for _, it := range p.Containers() {
			h, first := hostOf(in, it.Host), it.Steps[0].Action
			made := first == plan.Create || first == plan.Clone
			if first != plan.Forget && !(made && observed(h, it.Container) == nil) &&
				!witnesses(h, it.Container) {
				t.Fatalf("%s gets %s", it.Container, first)
			}
		}
	})
	rolloutLaw(t, "the guard is never exceeded", checkGuard)
	rolloutLaw(t, "the order of the input means nothing",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			if a, b := encode(t, p), encode(t, plan.Compute(shuffled(t, in))); a != b {
				t.Fatalf("one order gives\n%s\nanother\n%s", a, b)
			}
		})
}

// What a failed host has to say may be a long log: it must not stand at each of a hundred containers
// that wait for it.
func TestWhatFailedIsToldInALineToThoseWhoWait(t *testing.T) {
	t.Parallel()
	for what, spoil := range map[string]func(f *convoy){
		"a container": func(f *convoy) {
			f.failed(1).hold(1, plan.HeldBackoff)
			f.owned(1, "web").Failure = "it failed: no bridge\nlog"
		},
		"a host": func(f *convoy) {
			f.unreachable(1)
			f.Unreachable[0].Text = "it failed: no bridge\nlog"
		},
		"a host that could not be prepared": func(f *convoy) {
			f.Failing = []plan.Failing{{Host: "h1", Text: "it failed: no bridge\nlog"}}
		},
	} {
		f := newConvoy(3, canary(1)).change()
		spoil(f)
		p := plan.Compute(f.Input)
		if len(p.Held) < 2 {
			t.Errorf("%s failed, and %d containers wait", what, len(p.Held))
		}
		for _, h := range p.Held {
			if h.Code == plan.HeldRollout && !strings.HasSuffix(h.Text, "no bridge") {
				t.Errorf("%s failed, and who waits is told %q", what, h.Text)
			}
		}
	}
}
