package reconcile_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
	"reconciler/state"
)

// declareGroup declares hosts h1 … h3, which are a group with one canary, each with a container
// of some memory.
func (w *world) declareGroup(memory string) {
	var b strings.Builder
	b.WriteString("groups: {web: {hosts: [h1, h2, h3], canary: 1}}\ntargets:\n")
	for i := range 3 {
		fmt.Fprintf(&b, "  h%d: {c%[1]d.example.com: {memory: %s}}\n", i+1, memory)
	}
	w.declare(b.String())
}

// reached says what became of each host.
func reached(r *execute.Result) string {
	var parts []string
	for _, o := range r.Outcomes {
		word := "done"
		switch {
		case o.Refused:
			word = "waits"
		case o.Failed():
			word = "failed"
		}
		parts = append(parts, o.Host+" "+word)
	}
	return strings.Join(parts, ", ")
}

// Single runs, from cron perhaps, have nothing in common but the store.
func TestABadChangeStaysOnTheCanaryRunAfterRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.declareGroup("64M")
	if got := reached(w.run().Result); got != "h1 done, h2 done, h3 done" {
		t.Fatalf("the first run: %s", got)
	}
	before := map[string]int{"h2": w.hosts["h2"].Writes(), "h3": w.hosts["h3"].Writes()}
	w.declareGroup("128M")
	w.hosts["h1"].Fail("c1.example.com", plan.Configure, 3, fmt.Errorf("no: %w", execute.ErrPermanent))
	for range 3 {
		pass := w.run()
		if got := reached(pass.Result); got != "h1 failed, h2 waits, h3 waits" {
			t.Fatalf("a run with the bad change: %s", got)
		}
		if code := report.ExitCode(pass.Plan, pass.Result, false); code != report.ExitFailed {
			t.Errorf("exit code %d", code)
		}
	}
	for h, n := range before {
		if w.hosts[h].Writes() != n {
			t.Errorf("the bad change reaches %s", h)
		}
	}
	for _, r := range w.snapshot().Records {
		if (r.Intent != "") != (r.Host == "h1") {
			t.Errorf("%s/%s: intent %q; what got no turn was not begun", r.Host, r.Name, r.Intent)
		}
	}
	if got := reached(w.run().Result); got != "h1 done, h2 done, h3 done" {
		t.Errorf("the run after the canary was mended: %s", got)
	}
	w.mustBeConverged()
}

// eventFunc is an execute.Observer.
type eventFunc func(execute.Event)

// Observe implements execute.Observer.
func (f eventFunc) Observe(e execute.Event) { f(e) }

// afterFirst makes a pass in which something happens once h1 is done.
func (w *world) afterFirst(o reconcile.Options, happens func()) string {
	w.t.Helper()
	o.Observer = func(plan.Plan) execute.Observer {
		return eventFunc(func(e execute.Event) {
			if e.Kind == execute.ContainerFinished && e.Step.Host == "h1" {
				happens()
			}
		})
	}
	pass, err := w.tryRun(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return reached(pass.Result)
}

// Who sees a rollout go wrong and suspends what comes next must not be too late, although the plan
// was made before.
func TestWhatIsSuspendedDuringARolloutGetsNoTurn(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"":   "h1 done, h2 waits, h3 waits",
		"h2": "h1 done, h2 waits, h3 done",
	} {
		w := newWorld(t, 3)
		w.declareGroup("64M")
		w.run()
		w.declareGroup("128M")
		got := w.afterFirst(w.options(), func() {
			_, err := w.store.Apply(context.Background(), state.Batch{
				Suspend: []state.Suspension{{Host: host, By: "ann@desk", Since: time.Now()}}})
			if err != nil {
				t.Error(err)
			}
		})
		if got != want {
			t.Errorf("after %q was suspended: %s", host, got)
		}
		for _, r := range w.snapshot().Records {
			if r.Intent != "" {
				t.Errorf("%s/%s: intent %q; what got no turn was not begun", r.Host, r.Name, r.Intent)
			}
		}
	}
}

// A rollout may take longer than the window in which it began.
func TestARolloutEndsWithItsWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.declareGroup("64M")
	w.run()
	w.declareGroup("128M")
	w.files["windows.yaml"] = &fstest.MapFile{
		Data: []byte(`defaults: {windows: ["daily 02:00-04:00"]}`)}
	now := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	o := w.options()
	o.Now = func() time.Time { return now }
	if got := w.afterFirst(o, func() { now = now.Add(time.Hour) }); got !=
		"h1 done, h2 waits, h3 waits" {
		t.Errorf("after the window has closed: %s", got)
	}
}

// A canary that was suspended after it failed, or left the tree, must not keep the others.
func TestACanaryThatIsTakenOutOfTheWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.declareGroup("64M")
	w.run()
	w.declareGroup("128M")
	w.hosts["h1"].Fail("c1.example.com", plan.Configure, -1,
		fmt.Errorf("no: %w", execute.ErrPermanent))
	w.run()
	w.declare("groups: {web: {hosts: [h2, h3], canary: 1}}\ntargets:\n" +
		"  h2: {c2.example.com: {memory: 128M}}\n  h3: {c3.example.com: {memory: 128M}}\n")
	if got := reached(w.run().Result); got != "h2 done, h3 done" {
		t.Errorf("without the canary: %s", got)
	}
}

// A host that nobody can reach stops a rollout in which none may fail, and only that.
func TestAHostThatCannotBeReachedStopsTheRollout(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.declareGroup("64M")
	w.run()
	delete(w.hosts, "h3")
	w.hosts["h2"].StopByHand("c2.example.com")
	w.declareGroup("128M")
	pass := w.run()
	if got := reached(pass.Result); got != "h2 done" {
		t.Errorf("the repair of h2 alone shall be done, not: %s", got)
	}
	held := 0
	for _, h := range pass.Plan.Held {
		if h.Code == plan.HeldRollout {
			held++
		}
	}
	if code := report.ExitCode(pass.Plan, pass.Result, false); held != 2 ||
		code != report.ExitUnreachable {
		t.Errorf("%d containers wait, exit code %d", held, code)
	}
}

// A container whose change failed, and that died after that, must not stay down for as long as the
// canary is bad.
func TestWhatFailedAndDiedBehindTheCanaryIsStarted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.declareGroup("64M")
	w.run()
	no := fmt.Errorf("no: %w", execute.ErrPermanent)
	w.hosts["h2"].Fail("c2.example.com", plan.Configure, 1, no)
	w.declareGroup("128M")
	if got := reached(w.run().Result); got != "h1 done, h2 failed, h3 done" {
		t.Fatalf("the run in which it fails: %s", got)
	}
	w.hosts["h2"].StopByHand("c2.example.com")
	w.hosts["h1"].Fail("c1.example.com", plan.Configure, 1, no)
	w.declareGroup("256M")
	if got := reached(w.run().Result); got != "h1 failed, h2 done, h3 waits" {
		t.Errorf("the run with a bad canary: %s", got)
	}
	w.mustRunWith("h2", 64<<20)
	if got := reached(w.run().Result); got != "h1 done, h2 done, h3 done" {
		t.Errorf("the run after the canary was mended: %s", got)
	}
	w.mustRunWith("h2", 256<<20)
}

// Whether a host gets its turn is decided in the middle of a run. A container there that has died
// must not stay down for as long as the canary is bad.
func TestWhatDiedBehindTheCanaryIsStartedInASingleRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.declareGroup("64M")
	w.run()
	w.declareGroup("128M")
	w.hosts["h1"].Fail("c1.example.com", plan.Configure, 2, fmt.Errorf("no: %w", execute.ErrPermanent))
	for range 2 {
		w.hosts["h2"].StopByHand("c2.example.com")
		if got := reached(w.run().Result); got != "h1 failed, h2 done, h3 waits" {
			t.Fatalf("a run with the bad change: %s", got)
		}
		w.mustRunWith("h2", 64<<20)
	}
	w.hosts["h2"].StopByHand("c2.example.com")
	pass := w.run()
	if got := reached(pass.Result); got != "h1 done, h2 done, h3 done" {
		t.Errorf("the run after the canary was mended: %s", got)
	}
	w.mustRunWith("h2", 64<<20)
	if code := report.ExitCode(pass.Plan, pass.Result, false); code != report.ExitBlocked {
		t.Errorf("exit code %d: nobody learns that the rollout goes on in the next run", code)
	}
	w.run()
	w.mustRunWith("h2", 128<<20)
	w.mustBeConverged()
}

// mustRunWith checks that the container of a group's host runs with some memory.
func (w *world) mustRunWith(host string, memory int64) {
	w.t.Helper()
	actual, err := w.hosts[host].Observe(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range actual.Containers {
		if c.Name == strings.Replace(host, "h", "c", 1)+".example.com" &&
			(c.State != plan.Running || c.Config.Memory != memory) {
			w.t.Errorf("%s is %s with memory %d, want it to run with %d", c.Name, c.State,
				c.Config.Memory, memory)
		}
	}
}
