package execute_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

var errDisk = errors.New("no space left on device")

// failing does everything but the named step.
func failing(step string) hostFunc {
	return func(_ context.Context, s plan.Step) (string, error) {
		if name(s) == step {
			return "", errDisk
		}
		return "fine", nil
	}
}

// outcomeCase is a plan, a host, and what is reported of them.
type outcomeCase struct {
	steps []plan.Step
	host  hostFunc
	want  string
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	checkOutcomes(t, map[string]outcomeCase{
		"nothing to do is done": {nil, failing(""), ""},
		"outcomes are sorted, steps are not": {
			join(steps("b", nil, plan.Start, plan.Stop), steps("a", nil, plan.Start)), failing(""),
			"h1/a: start=done\nh1/b: start=done stop=done",
		},
		"a failure ends its container and no other": {
			join(steps("a", nil, plan.Clone, plan.Configure, plan.Start),
				steps("b", nil, plan.Start)),
			failing("a configure"),
			"h1/a: clone=done configure=failed start=skipped " +
				"(not begun: step 150_conf (configure) failed)\nh1/b: start=done",
		},
		"a panic fails its container only": {
			join(steps("a", nil, plan.Clone, plan.Start), steps("b", nil, plan.Start)),
			func(ctx context.Context, s plan.Step) (string, error) {
				if s.Container == "a" {
					return buggy(ctx, s)
				}
				return "fine", nil
			},
			"h1/a: clone=failed start=skipped (not begun: step 100_creation (clone) failed)\n" +
				"h1/b: start=done",
		},
	})
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	checkOutcomes(t, map[string]outcomeCase{
		"who needs a failed container is skipped, and who needs that": {
			join(steps("app", []string{"db"}, plan.Clone, plan.Start),
				steps("db", []string{"base"}, plan.Clone), steps("base", nil, plan.Create)),
			failing("base create"),
			"h1/app: clone=skipped start=skipped " +
				"(not begun: it needs \"db\", which was skipped)\n" +
				"h1/base: create=failed\n" +
				"h1/db: clone=skipped (not begun: it needs \"base\", which failed)",
		},
		"two failed needs skip once": {
			join(steps("a", nil, plan.Start), steps("b", []string{"a"}, plan.Start),
				steps("c", []string{"a", "b", "a"}, plan.Start)),
			failing("a start"),
			"h1/a: start=failed\nh1/b: start=skipped (not begun: it needs \"a\", which failed)\n" +
				"h1/c: start=skipped (not begun: it needs \"a\", which failed)",
		},
		"a need without steps is met": {
			steps("web", []string{"base"}, plan.Clone), failing(""), "h1/web: clone=done",
		},
		"a circle is skipped, and who waits for it; others go on": {
			join(steps("a", []string{"b"}, plan.Clone), steps("b", []string{"a"}, plan.Clone),
				steps("c", []string{"b", "d"}, plan.Clone), steps("d", nil, plan.Clone)),
			failing(""),
			"h1/a: clone=skipped (not begun: \"a\" needs \"b\" needs \"a\": a circle)\n" +
				"h1/b: clone=skipped (not begun: \"b\" needs \"a\" needs \"b\": a circle)\n" +
				"h1/c: clone=skipped " +
				"(not begun: \"c\" needs \"b\" needs \"a\" needs \"b\": a circle)\n" +
				"h1/d: clone=done",
		},
		"a container that needs itself is a circle": {
			steps("a", []string{"a"}, plan.Clone), failing(""),
			"h1/a: clone=skipped (not begun: \"a\" needs \"a\": a circle)",
		},
	})
}

// checkOutcomes tries each case with several limits.
func checkOutcomes(t *testing.T, cases map[string]outcomeCase) {
	for what, c := range cases {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for parallel := range 4 { // 0 counts as 1
				for _, machines := range []map[string]execute.Host{
					hosts(c.host), oneFar(newFar(c.host)),
				} {
					r := execute.Run(t.Context(), c.steps,
						execute.Options{Parallel: parallel, Hosts: machines, Tries: 1})
					check(t, "the report is wrong", c.want, verdict(r))
					if r.Interrupted {
						t.Error("nobody interrupted")
					}
				}
			}
		})
	}
}

func TestALongCircleIsToldShort(t *testing.T) {
	t.Parallel()
	const size = 1000
	var all []plan.Step
	for i := range size {
		all = append(all, steps(fmt.Sprint(i), []string{fmt.Sprint((i + 1) % size)}, plan.Clone)...)
	}
	r := execute.Run(t.Context(), all, execute.Options{Parallel: 2, Hosts: hosts(failing(""))})
	for _, o := range r.Outcomes {
		if m := o.Steps[0].Message; o.Steps[0].Status != execute.Skipped || len(m) > 200 {
			t.Fatalf("container %s is %s: %q", o.Container, o.Steps[0].Status, m)
		}
	}
}

func TestHostsDoNotShareNames(t *testing.T) {
	t.Parallel()
	a, b := steps("web", nil, plan.Start), steps("db", []string{"web"}, plan.Start)
	b[0].Host = "h2"
	var d diary
	log := hostFunc(func(_ context.Context, s plan.Step) (string, error) {
		d.add(s.Host + " " + name(s))
		return "", errDisk
	})
	r := execute.Run(t.Context(), join(a, b),
		execute.Options{Parallel: 1, Hosts: map[string]execute.Host{"h1": log, "h2": log}})
	check(t, "the failure of h1/web must not touch h2", "h1/web: start=failed\nh2/db: start=failed",
		verdict(r))
}

func TestStepsRunInOrderAndDependantsAfterTheWholeContainer(t *testing.T) {
	t.Parallel()
	var d diary
	log := func(_ context.Context, s plan.Step) (string, error) {
		d.add(name(s))
		return "", nil
	}
	all := join(steps("web", []string{"base"}, plan.Clone, plan.Start),
		steps("base", nil, plan.Create, plan.Configure, plan.DNS))
	execute.Run(t.Context(), all, execute.Options{Parallel: 8, Hosts: hosts(log)})
	check(t, "a clone of an unfinished template is a broken container",
		"base create\nbase configure\nbase dns\nweb clone\nweb start", d.String())
}

func TestTheLimitIsUsedAndKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit, containers = 3, 10
		var inside, most atomic.Int32
		proceed := make(chan struct{})
		slow := func(context.Context, plan.Step) (string, error) {
			most.Store(max(most.Load(), inside.Add(1)))
			<-proceed
			inside.Add(-1)
			return "", nil
		}
		var all []plan.Step
		for i := range containers {
			all = append(all, steps(fmt.Sprint(i), nil, plan.Clone)...)
		}
		finished := make(chan execute.Result)
		go func() {
			finished <- execute.Run(t.Context(), all,
				execute.Options{Parallel: limit, Hosts: hosts(slow)})
		}()
		for left := containers; left > 0; left-- {
			synctest.Wait() // until nothing can move
			if got, want := int(inside.Load()), min(limit, left); got != want {
				t.Errorf("%d containers at once with %d left, want %d", got, left, want)
			}
			proceed <- struct{}{}
		}
		if r := <-finished; len(r.Outcomes) != containers || most.Load() > limit {
			t.Errorf("%d outcomes, at most %d at once", len(r.Outcomes), most.Load())
		}
	})
}

func TestInterruptFinishesWhatRuns(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	host := func(stepCtx context.Context, s plan.Step) (string, error) {
		if name(s) == "a configure" {
			cancel()
		}
		return "fine", stepCtx.Err()
	}
	all := join(steps("a", nil, plan.Clone, plan.Configure, plan.Start),
		steps("b", []string{"a"}, plan.Clone), steps("c", nil, plan.Clone))
	recorded := new(diary)
	r := execute.Run(ctx, all, execute.Options{Parallel: 1, Hosts: hosts(host),
		Journal: journalFunc(func(ctx context.Context, o execute.Outcome) error {
			recorded.add(o.Container)
			return ctx.Err()
		})})
	check(t, "Ctrl-C must let the running step finish and begin no other",
		"h1/a: clone=done configure=done start=skipped (interrupted)\n"+
			"h1/b: clone=skipped (interrupted)\nh1/c: clone=skipped (interrupted)", verdict(r))
	check(t, "only what was begun is recorded, and it is", "a", recorded.String())
	if !r.Interrupted || r.Outcomes[0].Err != nil {
		t.Errorf("interrupted %v, error of the journal %v", r.Interrupted, r.Outcomes[0].Err)
	}
}

func TestInterruptDoesNotHideAFailure(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	host := func(_ context.Context, s plan.Step) (string, error) {
		cancel()
		return "", errDisk
	}
	r := execute.Run(ctx, steps("a", nil, plan.Clone, plan.Start),
		execute.Options{Parallel: 1, Hosts: hosts(host)})
	check(t, "the container failed, whoever interrupted",
		"h1/a: clone=failed start=skipped (not begun: step 100_creation (clone) failed)",
		verdict(r))
	if r.Interrupted {
		t.Error("nothing was left that could have begun")
	}
}

func TestInterruptAfterTheLastBeginIsNone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	host := func(context.Context, plan.Step) (string, error) {
		cancel()
		return "", nil
	}
	r := execute.Run(ctx, steps("a", nil, plan.Clone),
		execute.Options{Parallel: 2, Hosts: hosts(host)})
	check(t, "all was done", "h1/a: clone=done", verdict(r))
	if r.Interrupted {
		t.Error("a complete run is reported as interrupted")
	}
}

// cancelling interrupts as soon as a step has finished.
type cancelling func()

func (c cancelling) Observe(e execute.Event) {
	if e.Kind == execute.StepFinished {
		c()
	}
}

func TestInterruptIsToldAsSuchToDependants(t *testing.T) {
	t.Parallel()
	all := join(steps("a", nil, plan.Clone, plan.Start), steps("b", []string{"a"}, plan.Clone))
	for range 2000 { // the end of the context and that of the container race
		ctx, cancel := context.WithCancel(t.Context())
		r := execute.Run(ctx, all, execute.Options{Parallel: 1, Hosts: hosts(failing("")),
			Observer: cancelling(cancel)})
		check(t, "an interrupt is reported as a failure", "h1/a: clone=done "+
			"start=skipped (interrupted)\nh1/b: clone=skipped (interrupted)", verdict(r))
	}
}

func TestWhatDidNotBeginIsNotRecorded(t *testing.T) {
	t.Parallel()
	all := join(steps("a", nil, plan.Clone), steps("b", []string{"a"}, plan.Clone))
	for range 2000 { // b is handed to a worker, or not, while the context ends
		ctx, cancel := context.WithCancel(t.Context())
		execute.Run(ctx, all, execute.Options{Parallel: 2, Hosts: hosts(failing("")),
			Journal: journalFunc(func(_ context.Context, o execute.Outcome) error {
				if o.Steps[0].Status == execute.Skipped {
					t.Errorf("the store would remember of %s what never was", o.Container)
				}
				go cancel()
				return nil
			})})
	}
}

func TestInterruptIsNotBlamedForWhatCouldNotBegin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		host := func(context.Context, plan.Step) (string, error) {
			cancel()
			<-time.After(1) // of the bubble's clock: everybody has noticed
			return "", nil
		}
		all := join(steps("circle", []string{"circle"}, plan.Clone), steps("a", nil, plan.Clone))
		r := execute.Run(ctx, all, execute.Options{Parallel: 1, Hosts: hosts(host)})
		if r.Interrupted {
			t.Error("what is left would not be done by another run either")
		}
	})
}

func TestACancelledContextBeginsNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var d diary
	host := func(_ context.Context, s plan.Step) (string, error) {
		d.add(name(s))
		return "", nil
	}
	all := join(steps("a", nil, plan.Clone), steps("b", []string{"a"}, plan.Clone))
	for range 100 {
		r := execute.Run(ctx, all, execute.Options{Parallel: 2, Hosts: hosts(host),
			Journal: journalFunc(func(_ context.Context, o execute.Outcome) error {
				d.add("journal of " + o.Container)
				return nil
			})})
		if !r.Interrupted {
			t.Fatal("nothing was done and nobody says why")
		}
	}
	check(t, "steps begin after Ctrl-C, or what did not begin is recorded", "", d.String())
}

// TestScale is not parallel: it counts goroutines.
func TestScale(t *testing.T) {
	const containers, parallel = 10_000, 8
	actions := []plan.Action{plan.Clone, plan.Configure, plan.Start, plan.Password, plan.Address,
		plan.DNS, plan.Stop, plan.Start, plan.Configure, plan.Address}
	all := steps("base", nil, plan.Create)
	for i := range containers {
		all = append(all, steps(fmt.Sprintf("c%05d", i), []string{"base"}, actions...)...)
	}
	before := runtime.NumGoroutine()
	var most, done atomic.Int64
	host := func(context.Context, plan.Step) (string, error) {
		done.Add(1)
		most.Store(max(most.Load(), int64(runtime.NumGoroutine()-before)))
		return "", nil
	}
	r := execute.Run(t.Context(), all, execute.Options{Parallel: parallel, Hosts: hosts(host),
		Secrets: secretFunc(noSecrets)})
	for _, o := range r.Outcomes {
		if o.Failed() {
			t.Fatalf("container %s failed: %+v", o.Container, o.Steps)
		}
	}
	if done.Load() != containers*int64(len(actions))+1 || len(r.Outcomes) != containers+1 {
		t.Errorf("%d steps done in %d containers", done.Load(), len(r.Outcomes))
	}
	if most.Load() > 2*parallel+1 { // as many record what others have done
		t.Errorf("%d goroutines for %d containers at once", most.Load(), parallel)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, containers := range []int{2_000, 20_000} {
		b.Run(fmt.Sprintf("steps=%d", 5*containers), func(b *testing.B) {
			all := steps("base", nil, plan.Create)
			for i := range containers {
				all = append(all, steps(strings.Repeat("c", 1+i%9)+fmt.Sprint(i), []string{"base"},
					plan.Clone, plan.Configure, plan.Start, plan.Address, plan.DNS)...)
			}
			b.ReportAllocs()
			for b.Loop() {
				execute.Run(b.Context(), all,
					execute.Options{Parallel: 4, Hosts: hosts(failing(""))})
			}
		})
	}
}
