package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/host/hosttest"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
	"reconciler/state"
)

const threeContainers = `
targets:
  h1:
    a.example.com: {ip: 10.5.0.9}
    b.example.com: {memory: 64M}
    c.example.com: {password: foobar}
`

func TestRunConvergesAndThenDoesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare(threeContainers)
	pass := w.run()
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != report.ExitDone {
		t.Fatalf("exit code %d after %+v", code, pass.Result)
	}
	w.mustBeConverged()
	writes, serial := w.writes(), w.snapshot().Serial
	if again := w.run(); again.Result != nil {
		t.Errorf("a second run executed %v", actions(again.Plan.Steps))
	}
	if w.writes() != writes {
		t.Errorf("a second run wrote %d times to the host", w.writes()-writes)
	}
	if now := w.snapshot().Serial; now != serial {
		t.Errorf("a second run moved the serial from %d to %d", serial, now)
	}
}

func TestAnIncompleteSourceTouchesNoHost(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		tree  string
		fetch error
	}{
		"invalid":    {tree: "targets: {h1: {a.example.com: {ip: 10.6.0.1}}}"},
		"empty":      {tree: ""},
		"unreadable": {tree: "targets: {h1: {}}", fetch: errors.New("object not found")},
		"broken":     {tree: "targets: {h1: {"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.declare(threeContainers)
			w.run()
			dials, host := w.dials.Load(), w.hosts["h1"].String()
			w.declare(tt.tree)
			w.fetch = tt.fetch
			if _, err := w.tryRun(w.options()); err == nil {
				t.Error("the run succeeded")
			}
			if w.dials.Load() != dials || w.hosts["h1"].String() != host {
				t.Error("a host was touched")
			}
		})
	}
}

func TestAnUnreachableHostHarmsNobodyAndLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	tree := "targets: {h1: {a.example.com: {}}, h2: {b.example.com: {}}}"
	w.declare(tree)
	w.run()
	before := w.hosts["h2"].String()
	w.hosts["h2"].Unreachable(errors.New("connection timed out"))
	w.declare("targets: {h1: {a.example.com: {}, c.example.com: {}}, h2: {}}")
	pass := w.run()
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != report.ExitUnreachable {
		t.Errorf("exit code %d", code)
	}
	if u := pass.Plan.Unreachable; len(u) != 1 || u[0].Host != "h2" ||
		!strings.Contains(u[0].Text, "connection timed out") {
		t.Errorf("unreachable: %v", u)
	}
	if got := w.hosts["h2"].String(); got != before {
		t.Errorf("the unreachable host changed:\n%s", got)
	}
	w.hosts["h2"].Unreachable(nil)
	w.declare(strings.Replace(tree, "a.example.com: {}", "a.example.com: {}, c.example.com: {}", 1))
	w.mustBeConverged()
}

func TestOneFailureStopsOnlyItsOwnContainer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare(threeContainers)
	w.hosts["h1"].Fail("b.example.com", plan.Start, -1,
		fmt.Errorf("no such bridge: %w", execute.ErrPermanent))
	pass := w.run()
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != report.ExitFailed {
		t.Errorf("exit code %d", code)
	}
	for _, o := range pass.Result.Outcomes {
		if failed := o.Container == "b.example.com"; o.Failed() != failed {
			t.Errorf("%s: failed %v", o.Container, o.Failed())
		}
	}
	i := slices.IndexFunc(w.snapshot().Records,
		func(r state.Record) bool { return r.Name == "b.example.com" })
	if r := w.snapshot().Records[i]; !strings.Contains(r.Failure, "no such bridge") || r.Intent == "" {
		t.Errorf("the failure is not remembered: %+v", r)
	}
	// A later plan still knows that there is work.
	if w.plan().Empty() {
		t.Error("the failed container counts as converged")
	}
}

// failingStore is a store that cannot write any more.
type failingStore struct{ state.Store }

func (failingStore) Apply(context.Context, state.Batch) (int64, error) {
	return 0, errors.New("disk full")
}

func TestNothingIsDoneThatCannotBeRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare(threeContainers)
	writes := w.writes()
	w.store = failingStore{w.store}
	if _, err := w.tryRun(w.options()); err == nil {
		t.Error("the run succeeded without storing what it generated")
	}
	if w.writes() != writes {
		t.Error("the host was changed before anything was stored")
	}
}

func TestAMisspelledFilterIsNotSuccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare(threeContainers)
	for _, set := range []func(*reconcile.Options){
		func(o *reconcile.Options) { o.Hosts = []string{"h9"} },
		func(o *reconcile.Options) { o.Only = []reconcile.Target{{Host: "h9", Container: "a"}} },
		func(o *reconcile.Options) { o.Only = []reconcile.Target{{Host: "h1", Container: "typo"}} },
	} {
		o := w.options()
		set(&o)
		if _, err := w.tryRun(o); err == nil {
			t.Error("a filter that names nothing was accepted")
		}
	}
}

func TestOnlyTheNamedContainersAreTouched(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare("targets: {h1: {a.example.com: {}, b.example.com: {}}, h2: {c.example.com: {}}}")
	o := w.options()
	o.Only = []reconcile.Target{{Host: "h1", Container: "b.example.com"}}
	pass, err := w.tryRun(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(pass.Result.Outcomes) != 1 || pass.Result.Outcomes[0].Container != "b.example.com" {
		t.Errorf("worked on %v", pass.Result.Outcomes)
	}
	if records := w.snapshot().Records; len(records) != 1 {
		t.Errorf("values were generated for containers outside the filter: %v", records)
	}
}

// TestAKillAtAnyPointConverges is rule of safety 7: the driver is killed in the middle of any
// action with any leftover, over and over; then a run without faults converges, and what was
// generated before the kill is still what is used.
func TestAKillAtAnyPointConverges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, 1)
		host := w.hosts["h1"]
		w.declare(threeContainers)
		seen := map[string]state.Record{}
		for range rapid.IntRange(1, 4).Draw(rt, "kills") {
			action := rapid.SampledFrom([]plan.Action{plan.Clone, plan.Configure, plan.Start,
				plan.Password, plan.Address, plan.DNS}).Draw(rt, "action")
			left := []hosttest.Left{hosttest.LeftNothing, hosttest.LeftAll}
			if action == plan.Clone {
				left = append(left, hosttest.LeftStaging, hosttest.LeftHalf)
			}
			host.Crash("", action, rapid.SampledFrom(left).Draw(rt, "left"))
			w.run()
			host.Restart()
			for _, r := range w.snapshot().Records {
				if old, ok := seen[r.Name]; ok && (old.UID != r.UID || old.IP != r.IP || old.MAC != r.MAC) {
					rt.Fatalf("%s was generated again: %+v, then %+v", r.Name, old, r)
				}
				seen[r.Name] = r
			}
		}
		// A planted kill that was not met yet is met now.
		w.run()
		host.Restart()
		pass := w.run()
		if pass.Result != nil && report.ExitCode(pass.Plan, pass.Result, false) != report.ExitDone {
			rt.Fatalf("did not converge: %v\n%s", pass.Result, host)
		}
		w.mustBeConverged()
		if n := strings.Count(host.String(), "running"); n < 3 {
			rt.Fatalf("only %d running:\n%s", n, host)
		}
	})
}

func TestAnAddressThatItsOwnerKeepsIsNotTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare("targets: {h1: {a.example.com: {ip: 10.5.0.9}, b.example.com: {ip: 10.5.0.8}}}")
	w.run()
	w.declare("targets: {h1: {a.example.com: {ip: 10.5.0.7}, b.example.com: {ip: 10.5.0.9}," +
		" c.example.com: {}}}")
	o := w.options()
	o.Only = []reconcile.Target{
		{Host: "h1", Container: "b.example.com"}, {Host: "h1", Container: "c.example.com"},
	}
	pass, err := w.tryRun(o)
	if err != nil {
		t.Fatalf("one address that cannot be had stopped the whole pass: %v", err)
	}
	if len(pass.Plan.Blocked) != 1 || pass.Plan.Blocked[0].Container != "b.example.com" ||
		pass.Plan.Blocked[0].Code != plan.BlockedAddress {
		t.Errorf("blocked: %v", pass.Plan.Blocked)
	}
	if n := len(pass.Result.Outcomes); n != 1 {
		t.Errorf("worked on %d containers, want c only", n)
	}
	// Without the filter both move.
	w.run()
	w.mustBeConverged()
}

// Protection counts from when it is declared, also of what cannot be worked on, or must not be now.
func TestWhatIsDeclaredProtectedStaysSo(t *testing.T) {
	t.Parallel()
	const declared = "targets: {h1: {a: {image: busybox}, b: {image: busybox}}}"
	const protected = "targets: {h1: {a: {image: busybox, protect: true}, b: {image: busybox}}}"
	for name, hinder := range map[string]func(*world, *reconcile.Options){
		"damaged": func(w *world, _ *reconcile.Options) { w.hosts["h1"].DamageByHand("a") },
		"without bridge": func(w *world, _ *reconcile.Options) {
			w.hosts["h1"].StopByHand("a")
			w.hosts["h1"].RemoveBridge("lxcbr1")
		},
		"held": func(_ *world, o *reconcile.Options) {
			o.Holds = []plan.Hold{{Host: "h1", Code: plan.HeldSuspended}}
		},
		"outside": func(_ *world, o *reconcile.Options) { o.Only = []reconcile.Target{{"h1", "b"}} },
	} {
		w := newWorld(t, 1)
		w.declare(declared)
		w.run()
		w.declare(protected)
		o := w.options()
		hinder(w, &o)
		if _, err := w.tryRun(o); err != nil {
			t.Fatal(err)
		}
		w.declare("targets: {h1: {b: {image: busybox}}}")
		w.run()
		actual, err := w.hosts["h1"].Observe(context.Background())
		has := func(o plan.Observed) bool { return o.Name == "a" }
		if err != nil || !slices.ContainsFunc(actual.Containers, has) {
			t.Errorf("%s: a container that was declared to be protected is destroyed: %v", name, err)
		}
	}
}
