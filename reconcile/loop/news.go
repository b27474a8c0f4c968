package loop

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// logStep tells what became of a step. What is tried again and again, and ends as before each time,
// is told once.
func (l *Loop) logStep(log *slog.Logger, r execute.StepResult) {
	log = log.With("host", r.Step.Host, "container", r.Step.Container,
		"step", execute.Checkpoint(r.Step.Action), "action", r.Step.Action, "took", r.Took)
	l.mu.Lock()
	before := l.failures.of[target{r.Step.Host, r.Step.Container}]
	l.mu.Unlock()
	level := slog.LevelDebug
	if r.Status == execute.Failed {
		if !sameBut(before.text, r.Err.Error()) {
			level = slog.LevelError
		}
		log.Log(context.Background(), level, "step failed", "error", r.Err)
		return
	}
	if !before.done[r.Step.Action] {
		level = slog.LevelInfo
	}
	log.Log(context.Background(), level, "step done", "reason", r.Step.Reason.Code)
}

// sameBut reports whether two texts of failures say the same but for their numbers: the times and
// processes in the lines of a host are others in each try.
func sameBut(a, b string) bool {
	words := func(text string) string {
		return strings.Map(func(r rune) rune {
			if '0' <= r && r <= '9' {
				return -1
			}
			return r
		}, text)
	}
	return words(a) == words(b)
}

// stoppage is why a rollout has stopped.
type stoppage struct {
	group   string
	text    string
	failed  []string // hosts, sorted
	waiting []string // hosts, sorted
}

// logRollouts tells which rollouts have stopped because something failed, and which go on.
func (l *Loop) logRollouts(log *slog.Logger, r Report) {
	planned := map[string]bool{}
	for _, x := range r.Pass.Plan.Rollouts {
		planned[x.Group] = true
		if s, stopped := stoppageOf(x, r.Pass); stopped {
			l.rolloutStopped(log, s)
		}
	}
	for _, group := range l.stoppedRollouts() {
		// While another pass works on the group nobody knows.
		if !planned[group] && !r.isBusy(r.Pass.Tree.Groups[group]) {
			l.rolloutGoesOn(log, group)
		}
	}
}

// isBusy reports whether somebody else worked on a host of a group, which may be nil, when the pass
// began.
func (r Report) isBusy(g *spec.Group) bool {
	for t := range r.busy {
		if g != nil && slices.Contains(g.Hosts, t.host) {
			return true
		}
	}
	return false
}

// stoppageOf returns what failed, if for that a rollout did not begin or come to all its hosts.
func stoppageOf(x plan.Rollout, p reconcile.Pass) (s stoppage, stopped bool) {
	s.group = x.Group
	for _, f := range x.Failed {
		s.failed = append(s.failed, f.Host)
	}
	hosts := p.Tree.Groups[x.Group].Hosts
	if x.Failing() {
		s.text = x.Stopped
		for _, h := range p.Plan.Held {
			if h.Code == plan.HeldRollout && slices.Contains(hosts, h.Host) {
				s.waiting = append(s.waiting, h.Host)
			}
		}
	} else if p.Result != nil {
		s.add(p.Result, hosts)
	}
	slices.Sort(s.failed)
	s.failed, s.waiting = slices.Compact(s.failed), slices.Compact(s.waiting)
	return s, len(s.waiting) > 0 && len(s.failed) > 0
}

// add takes in what became of the hosts of a rollout that was begun.
func (s *stoppage) add(r *execute.Result, hosts []string) {
	failure := ""
	for _, o := range r.Outcomes {
		err := errorOf(o)
		switch {
		case !slices.Contains(hosts, o.Host):
		case o.Refused:
			s.text = strings.TrimPrefix(o.Steps[0].Message, "not begun: ")
			s.waiting = append(s.waiting, o.Host)
		case err != nil:
			s.failed = append(s.failed, o.Host)
			failure = cmp.Or(failure, err.Error())
		}
	}
	if failure != "" {
		s.text += ": " + failure
	}
}

// stoppedRollouts returns the groups whose rollout was last told to have stopped.
func (l *Loop) stoppedRollouts() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(maps.Keys(l.stopped))
}

// rolloutStopped tells that a rollout has stopped, unless that was told of the same hosts.
func (l *Loop) rolloutStopped(log *slog.Logger, s stoppage) {
	l.mu.Lock()
	before, told := l.stopped[s.group]
	l.stopped[s.group] = s.failed
	l.mu.Unlock()
	if !told || !slices.Equal(before, s.failed) {
		log.Error("rollout has stopped", "group", s.group, "error", s.text,
			"waiting", someOf(s.waiting))
	}
}

// someOf names a few hosts, and counts the others.
func someOf(hosts []string) string {
	const most = 5
	if n := len(hosts) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(hosts[:most], ", "), n)
	}
	return strings.Join(hosts, ", ")
}

// rolloutGoesOn tells that a rollout does not wait any more, if it had stopped.
func (l *Loop) rolloutGoesOn(log *slog.Logger, group string) {
	l.mu.Lock()
	_, told := l.stopped[group]
	delete(l.stopped, group)
	l.mu.Unlock()
	if told {
		log.Info("rollout goes on", "group", group)
	}
}

// further returns the group of each host that a pass begins with only if those before it went well.
func further(p plan.Plan) map[string]string {
	groups := map[string]string{}
	for _, r := range p.Rollouts {
		for _, w := range r.Waves {
			for _, host := range w.Hosts {
				if w.Kind == plan.WaveRest {
					groups[host] = r.Group
				}
			}
		}
	}
	return groups
}
