package execute_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// stage is hosts on which steps are carried out under the eyes of a test.
type stage struct {
	far   bool                  // the hosts take batches
	fails func(plan.Step) error // nil: nothing does
	enter func(plan.Step)       // optional
}

// hosts returns the hosts of some steps.
func (g stage) hosts(all []plan.Step) map[string]execute.Host {
	var h execute.Host = hostFunc(func(_ context.Context, s plan.Step) (string, error) {
		if g.enter != nil {
			g.enter(s)
		}
		if g.fails != nil {
			return "", g.fails(s)
		}
		return "", nil
	})
	if g.far {
		h = newFar(h)
	}
	out := map[string]execute.Host{}
	for _, s := range all {
		out[s.Host] = h
	}
	return out
}

// web is the steps of one container on a host, which wait for the rollout of group web.
func web(host string, more ...plan.Step) []plan.Step {
	return append([]plan.Step{{Host: host, Container: "web", Action: plan.Configure, Rollout: "web"},
		{Host: host, Container: "web", Action: plan.Address, Rollout: "web"}}, more...)
}

func webs(hosts ...string) (all []plan.Step) {
	for _, h := range hosts {
		all = append(all, web(h)...)
	}
	return all
}

// waves reads waves such as "canary h1 | rest h2 h3".
func waves(text string) (list []plan.Wave) {
	for part := range strings.SplitSeq(text, " | ") {
		words := strings.Fields(part)
		list = append(list, plan.Wave{Kind: plan.WaveKind(words[0]), Hosts: words[1:]})
	}
	return list
}

func failOn(hosts ...string) func(plan.Step) error {
	return func(s plan.Step) error {
		if slices.Contains(hosts, s.Host) && s.Container == "web" {
			return errDisk
		}
		return nil
	}
}

// reached returns the hosts on which a step was begun, in the order of their first.
func reached(steps []plan.Step, o execute.Options, g stage) (string, execute.Result) {
	var mu sync.Mutex
	var order []string
	g.enter = func(s plan.Step) {
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(order, s.Host) {
			order = append(order, s.Host)
		}
	}
	o.Hosts, o.Tries = g.hosts(steps), 1
	r := execute.Run(context.Background(), steps, o)
	return strings.Join(order, " "), r
}

func TestWhichHostsOfARolloutBegin(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, waves  string
		max, failing int
		fails        []string
		before       []string // failed before the first step
		want         string
	}{
		{"all, one after the other", "rest h1 h2 h3 h4", 1, 0, nil, nil, "h1 h2 h3 h4"},
		{"the canary first", "canary h3 | rest h1 h2 h4", 1, 0, nil, nil, "h3 h1 h2 h4"},
		{"nobody after a canary", "canary h1 | rest h2 h3 h4", 0, 3, []string{"h1"}, nil, "h1"},
		{"nobody after one of two canaries", "canary h1 h2 | rest h3 h4", 1, 3, []string{"h1"}, nil,
			"h1"},
		{"nobody after a failure", "rest h1 h2 h3 h4", 1, 0, []string{"h2"}, nil, "h1 h2"},
		{"one may fail", "rest h1 h2 h3 h4", 1, 1, []string{"h1"}, nil, "h1 h2 h3 h4"},
		{"one may fail, two do", "rest h1 h2 h3 h4", 1, 1, []string{"h1", "h2"}, nil, "h1 h2"},
		{"one failed before", "rest h2 h3 h4", 1, 1, []string{"h2"}, []string{"h1"}, "h2"},
		{"one that failed before counts once", "again h1 | rest h2 h3", 1, 1, []string{"h1"},
			[]string{"h1"}, "h1 h2 h3"},
		{"what failed is tried again in any case", "again h1 h2", 1, 0, []string{"h1"},
			[]string{"h3"}, "h1 h2"},
		{"nobody after those that fail again", "again h1 | rest h2", 1, 0, []string{"h1"}, nil, "h1"},
		{"not even they after a canary", "canary h1 | again h2 | rest h3", 1, 9, []string{"h1"}, nil,
			"h1"},
	}
	for _, tt := range tests {
		for _, far := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, batches %v", tt.name, far), func(t *testing.T) {
				t.Parallel()
				r := plan.Rollout{Group: "web", Waves: waves(tt.waves), MaxParallel: tt.max,
					MaxFailures: tt.failing}
				for _, h := range tt.before {
					r.Failed = append(r.Failed, plan.FailedHost{Host: h})
				}
				var all []plan.Step
				for _, w := range r.Waves {
					all = append(all, webs(w.Hosts...)...)
				}
				got, _ := reached(all, execute.Options{Parallel: 4, Rollouts: []plan.Rollout{r}},
					stage{far: far, fails: failOn(tt.fails...)})
				if got != tt.want {
					t.Errorf("the change reaches %s, want %s", got, tt.want)
				}
			})
		}
	}
}

func TestWhyAHostDidNotBegin(t *testing.T) {
	t.Parallel()
	rollout := func(text string) execute.Options {
		return execute.Options{Parallel: 2,
			Rollouts: []plan.Rollout{{Group: "web", Waves: waves(text), MaxParallel: 1}}}
	}
	_, r := reached(webs("h1", "h2"), rollout("canary h1 | rest h2"), stage{fails: failOn("h1")})
	check(t, "nobody learns why h2 was left out", `
h1/web: configure=failed address=skipped (not begun: step 150_conf (configure) failed)
h2/web: configure=skipped address=skipped (not begun: canary host "h1" of group "web" failed)`,
		verdict(r))
	_, r = reached(webs("h1", "h2"), rollout("rest h1 h2"), stage{fails: failOn("h1")})
	check(t, "nobody learns why h2 was left out", `
h1/web: configure=failed address=skipped (not begun: step 150_conf (configure) failed)
h2/web: configure=skipped address=skipped (not begun: hosts of group "web" failed: 1, at most 0 may)`,
		verdict(r))
	left := rollout("canary h1 | rest h2")
	left.Held = func(context.Context) func(host, container string) string {
		return func(host, container string) string {
			return map[string]string{"h1/web": "suspended"}[host+"/"+container]
		}
	}
	_, r = reached(webs("h1", "h2"), left, stage{})
	check(t, "a host begins without its canary", `
h1/web: configure=skipped address=skipped (not begun: container "web": suspended)
h2/web: configure=skipped address=skipped (not begun: canary host "h1" of group "web" is left alone now)`,
		verdict(r))
	_, r = reached(webs("h1", "h2"), rollout("rest h1"), stage{})
	check(t, "a host that no wave has is lost", `
h1/web: configure=done address=done
h2/web: configure=skipped address=skipped (not begun: no rollout has its host)`, verdict(r))
}

// A repair of a host that waits, and everything on hosts in no group, is done at once, also while
// the canary takes its time.
func TestWhatIsNotRolledOutDoesNotWait(t *testing.T) {
	t.Parallel()
	for _, far := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			all := append(webs("h1", "h2"), plan.Step{Host: "h2", Container: "dead", Action: plan.Start},
				plan.Step{Host: "free", Container: "web", Action: plan.Configure})
			done, canary := &diary{}, make(chan struct{})
			g := stage{far: far, enter: func(s plan.Step) {
				if s.Host == "h1" {
					<-canary
				}
				done.add(s.Host + " " + name(s))
			}}
			go execute.Run(t.Context(), all, execute.Options{Parallel: 4, Hosts: g.hosts(all),
				Rollouts: []plan.Rollout{{Group: "web", Waves: waves("canary h1 | rest h2")}}})
			synctest.Wait()
			got := strings.Split(done.String(), "\n")
			slices.Sort(got)
			if want := "free web configure|h2 dead start"; strings.Join(got, "|") != want {
				t.Errorf("while the canary works, done is %q, want %q", got, want)
			}
			close(canary)
			synctest.Wait()
		})
	}
}

// What waits may need what does not: it begins after that, and not at all if that failed.
func TestATurnBeginsAfterWhatItNeeds(t *testing.T) {
	t.Parallel()
	all := webs("h1", "h2")
	all[0].Needs = []string{"base"}
	all = append(all, plan.Step{Host: "h1", Container: "base", Action: plan.Create},
		plan.Step{Host: "h1", Container: "other", Action: plan.Configure, Needs: []string{"web"}})
	for _, far := range []bool{false, true} {
		o := execute.Options{Parallel: 1, Tries: 1, Rollouts: []plan.Rollout{
			{Group: "web", Waves: waves("canary h1 | rest h2")}}}
		done := &diary{}
		g := stage{far: far, enter: func(s plan.Step) { done.add(s.Host + " " + name(s)) }}
		o.Hosts = g.hosts(all)
		execute.Run(t.Context(), all, o)
		check(t, "the order is wrong", `
h1 base create
h1 web configure
h1 web address
h1 other configure
h2 web configure
h2 web address`, done.String())
		g.fails = func(s plan.Step) error {
			if s.Container == "base" {
				return errors.New("no image")
			}
			return nil
		}
		o.Hosts = g.hosts(all)
		check(t, "a canary that could not begin lets the others begin", `
h1/base: create=failed
h1/other: configure=skipped (not begun: it needs "web", which was skipped)
h1/web: configure=skipped address=skipped (not begun: it needs "base", which failed)
h2/web: configure=skipped address=skipped (not begun: canary host "h1" of group "web" failed)`,
			verdict(execute.Run(t.Context(), all, o)))
	}
}

func TestARolloutThatIsInterrupted(t *testing.T) {
	t.Parallel()
	for _, far := range []bool{false, true} {
		all := webs("h1", "h2", "h3")
		ctx, cancel := context.WithCancel(t.Context())
		g := stage{far: far, enter: func(plan.Step) { cancel() }}
		r := execute.Run(ctx, all, execute.Options{Parallel: 4, Hosts: g.hosts(all),
			Rollouts: []plan.Rollout{{Group: "web", Waves: waves("canary h1 | rest h2 h3")}}})
		if !r.Interrupted {
			t.Error("nobody learns that it was interrupted")
		}
		check(t, "a host begins after the end", `
h1/web: configure=done address=skipped (interrupted)
h2/web: configure=skipped address=skipped (interrupted)
h3/web: configure=skipped address=skipped (interrupted)`, verdict(r))
	}
}

// A host that is lost in the middle counts as failed.
func TestACanaryThatIsLostStopsTheRollout(t *testing.T) {
	t.Parallel()
	all := webs("h1", "h2")
	lost := newFar(hostFunc(func(context.Context, plan.Step) (string, error) { return "", nil }))
	lost.says = 1
	fine := newFar(lost.Host)
	r := execute.Run(t.Context(), all, execute.Options{Parallel: 1, Tries: 1,
		Hosts:    map[string]execute.Host{"h1": lost, "h2": fine},
		Rollouts: []plan.Rollout{{Group: "web", Waves: waves("canary h1 | rest h2")}}})
	if fine.batches.Load() != 0 || len(r.Outcomes) != 2 || r.Outcomes[1].Steps[0].Status !=
		execute.Skipped {
		t.Errorf("h2 begins after the canary was lost:\n%s", verdict(r))
	}
}
