package execute_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// rolling is a random plan for hosts in groups, and hosts that judge how it is carried out.
type rolling struct {
	steps    []plan.Step
	rollouts []plan.Rollout
	fails    map[string]bool // by host/container
	left     map[string]int  // by host: steps that wait for their turn and have not ended
	far      bool
	parallel int

	mu    sync.Mutex
	begun map[string]bool // hosts whose turn has begun
	done  map[string]int  // steps done, by host/container
	wrong []string
}

func drawRolling(t *rapid.T, failing bool) *rolling {
	w := &rolling{fails: map[string]bool{}, left: map[string]int{}, begun: map[string]bool{},
		done: map[string]int{}, far: rapid.Bool().Draw(t, "far"),
		parallel: rapid.IntRange(1, 5).Draw(t, "parallel")}
	few := rapid.IntRange(0, 2)
	for _, group := range []string{"a", "b"} {
		r := plan.Rollout{Group: group, MaxParallel: rapid.IntRange(0, 3).Draw(t, "max_parallel"),
			MaxFailures: few.Draw(t, "max_failures")}
		hosts := 0
		for _, kind := range []plan.WaveKind{plan.WaveCanary, plan.WaveAgain, plan.WaveRest} {
			wave := plan.Wave{Kind: kind}
			for range rapid.IntRange(0, 3).Draw(t, string(kind)) {
				h := fmt.Sprintf("%s%d", group, hosts)
				hosts++
				wave.Hosts = append(wave.Hosts, h)
				w.host(t, h, group, failing)
			}
			if len(wave.Hosts) > 0 {
				r.Waves = append(r.Waves, wave)
			}
		}
		w.rollouts = append(w.rollouts, r)
	}
	w.host(t, "free", "", failing)
	w.steps = rapid.Permutation(w.steps).Draw(t, "order")
	return w
}

// host draws containers of a host: some wait for its turn, some do not; one may need another one.
func (w *rolling) host(t *rapid.T, host, group string, failing bool) {
	for i := range rapid.IntRange(1, 3).Draw(t, "containers of "+host) {
		s := plan.Step{Host: host, Container: fmt.Sprint(i), Action: plan.Configure}
		if i == 0 || rapid.Bool().Draw(t, "waits") {
			s.Rollout = group
		}
		if i > 0 && rapid.Bool().Draw(t, "needs") {
			s.Needs = []string{fmt.Sprint(i - 1)}
			if w.waits(host, fmt.Sprint(i-1)) {
				s.Rollout = group
			}
		}
		if s.Rollout != "" {
			w.left[host]++
		}
		w.fails[key(s)] = failing && rapid.IntRange(0, 4).Draw(t, "fails") == 0
		w.steps = append(w.steps, s)
	}
}

func key(s plan.Step) string { return s.Host + "/" + s.Container }

func (w *rolling) waits(host, container string) bool {
	return slices.ContainsFunc(w.steps, func(s plan.Step) bool {
		return s.Host == host && s.Container == container && s.Rollout != ""
	})
}

// place returns the rollout of a host, and the index of its wave.
func (w *rolling) place(host string) (plan.Rollout, int) {
	for _, r := range w.rollouts {
		for i, wave := range r.Waves {
			if slices.Contains(wave.Hosts, host) {
				return r, i
			}
		}
	}
	return plan.Rollout{}, -1
}

// enter judges whether this step may begin now.
func (w *rolling) enter(s plan.Step) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.Rollout == "" {
		return
	}
	w.begun[s.Host] = true
	r, wave := w.place(s.Host)
	changing := 0
	for i, other := range r.Waves {
		for _, h := range other.Hosts {
			open := w.left[h] > 0 && w.begun[h]
			if open {
				changing++
			}
			if i < wave && open {
				w.wrong = append(w.wrong, fmt.Sprintf("%s begins while %s of an earlier wave is changed",
					s.Host, h))
			}
			if i < wave && other.Kind == plan.WaveCanary && (w.left[h] > 0 || w.broken(h)) {
				w.wrong = append(w.wrong, fmt.Sprintf("%s begins, but canary %s is not well", s.Host, h))
			}
		}
	}
	if r.MaxParallel > 0 && changing > r.MaxParallel {
		w.wrong = append(w.wrong, fmt.Sprintf("%d hosts of %s are changed at once, limit %d", changing,
			r.Group, r.MaxParallel))
	}
}

// broken reports whether a host has a container that fails, and whose turn it was.
func (w *rolling) broken(host string) bool {
	return slices.ContainsFunc(w.steps, func(s plan.Step) bool {
		return s.Host == host && w.fails[key(s)] && w.done[key(s)] > 0
	})
}

func (w *rolling) leave(s plan.Step) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done[key(s)]++
	if s.Rollout != "" {
		w.left[s.Host]--
	}
	if !w.fails[key(s)] {
		return nil
	}
	// What needs it will not begin: nobody waits for that.
	for _, o := range w.steps {
		if o.Host == s.Host && o.Rollout != "" && o.Container != s.Container &&
			w.needs(o, s.Container) && w.done[key(o)] == 0 {
			w.left[s.Host]--
			w.done[key(o)]-- // once
		}
	}
	return errDisk
}

// needs reports whether a step needs a container, directly or through others of its host.
func (w *rolling) needs(s plan.Step, container string) bool {
	for _, need := range s.Needs {
		if need == container {
			return true
		}
		for _, o := range w.steps {
			if o.Host == s.Host && o.Container == need && w.needs(o, container) {
				return true
			}
		}
	}
	return false
}

func (w *rolling) run(t *rapid.T) execute.Result {
	judge := stage{far: w.far, enter: w.enter, fails: w.leave}
	r := execute.Run(context.Background(), w.steps, execute.Options{Parallel: w.parallel, Tries: 1,
		Hosts: judge.hosts(w.steps), Rollouts: w.rollouts})
	for _, wrong := range w.wrong {
		t.Error(wrong)
	}
	if len(r.Outcomes) != len(w.steps) {
		t.Errorf("%d outcomes of %d containers", len(r.Outcomes), len(w.steps))
	}
	return r
}

func TestARolloutWithoutFailuresReachesEveryHost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawRolling(t, false)
		for _, o := range w.run(t).Outcomes {
			if o.Failed() {
				t.Errorf("%s/%s is not done: %+v", o.Host, o.Container, o.Steps)
			}
		}
	})
}

func TestAnyRolloutStopsInTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawRolling(t, true)
		r := w.run(t)
		for _, o := range r.Outcomes {
			s := o.Steps[0]
			doomed := slices.ContainsFunc(w.steps, func(need plan.Step) bool {
				return need.Host == o.Host && w.fails[key(need)] &&
					(need.Container == o.Container || w.needs(s.Step, need.Container))
			})
			switch {
			case s.Step.Rollout == "" && o.Failed() != doomed:
				t.Errorf("%s/%s waits for nobody: failed %v", o.Host, o.Container, o.Failed())
			case s.Status == execute.Skipped && s.Message == "":
				t.Errorf("nobody learns why %s/%s was left out", o.Host, o.Container)
			}
		}
		for _, roll := range w.rollouts {
			w.checkBudget(t, roll)
		}
	})
}

// checkBudget checks that no more hosts fail than may: those that were being changed at the same
// time as the last one fail beside it.
func (w *rolling) checkBudget(t *rapid.T, r plan.Rollout) {
	failed := 0
	for _, wave := range r.Waves {
		for _, h := range wave.Hosts {
			if wave.Kind == plan.WaveRest && w.begun[h] && w.broken(h) {
				failed++
			}
		}
	}
	if r.MaxParallel > 0 && failed > r.MaxFailures+r.MaxParallel {
		t.Errorf("%d hosts of %s are harmed, %d may fail, %d at once", failed, r.Group,
			r.MaxFailures, r.MaxParallel)
	}
}

// One host at a time: what becomes of every container depends on the waves alone, not on the order
// of the steps.
func TestTheOrderOfStepsMeansNothingToARollout(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawRolling(t, true)
		for i := range w.rollouts {
			w.rollouts[i].MaxParallel = 1
		}
		run := func(all []plan.Step) string {
			hosts := stage{far: w.far, fails: func(s plan.Step) error {
				if w.fails[key(s)] {
					return errDisk
				}
				return nil
			}}.hosts(all)
			return verdict(execute.Run(context.Background(), all, execute.Options{Tries: 1,
				Parallel: w.parallel, Hosts: hosts, Rollouts: w.rollouts}))
		}
		a, b := run(w.steps), run(rapid.Permutation(w.steps).Draw(t, "other order"))
		if a != b {
			t.Fatalf("one order gives\n%s\nanother\n%s", a, b)
		}
	})
}
