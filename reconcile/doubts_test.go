package reconcile_test

import (
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
	"reconciler/state/statetest"
)

// warnings are those of a plan that do not come from the tree, as a person reads them.
func (w *world) warnings() string {
	w.t.Helper()
	return warningText(w.plan().Warnings)
}

func warningText(warnings []spec.Problem) string {
	var b strings.Builder
	for _, p := range warnings {
		if p.Position == (spec.Position{}) {
			b.WriteString(p.Text + "; " + p.Hint + "\n")
		}
	}
	return b.String()
}

// Who names the wrong state is told so, and not only that the containers are somebody else's: what
// a run makes with the wrong one is lost to the right one.
func TestAWrongStateIsSuspected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare(threeContainers)
	w.run()
	if got := w.warnings(); got != "" {
		t.Fatalf("with the right state there is a warning: %s", got)
	}

	for _, name := range []string{"a.example.com", "b.example.com", "c.example.com"} {
		w.hosts["h1"].EditMark(name, &plan.Mark{
			Installation: "another", Host: "h1", Name: name, UID: "u-" + name})
	}
	const others = "but h1/a.example.com and 2 more carry the mark of another installation: " +
		"most likely another state was meant; name the right one with --state"
	if got := w.warnings(); !strings.Contains(got, "the state has 3 records, "+others) {
		t.Errorf("with the state of others there is no warning of it: %q", got)
	}
	w.store = statetest.NewMemory()
	if got := w.warnings(); !strings.Contains(got, "the state is new, "+others) {
		t.Errorf("with a new state there is no warning of it: %q", got)
	}
	if got := warningText(w.run().Plan.Warnings); !strings.Contains(got, others) {
		t.Errorf("a run with a new state does not warn of it: %q", got)
	}
	for _, b := range w.plan().Blocked {
		if strings.Contains(b.Unblock, "remove") || !strings.Contains(b.Unblock, "--state") {
			t.Errorf("%s: what another state remembers is to be removed: %q", b.Container, b.Unblock)
		}
	}
}

// Containers of others beside ours are no sign of a wrong state; copies by hand never are.
func TestNeighboursAreNoSignOfAWrongState(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare(threeContainers)
	w.hosts["h1"].CopyByHand("base", "copy.example.com")
	w.hosts["h1"].EditMark("copy.example.com",
		&plan.Mark{Installation: "another", Host: "h1", Name: "it", UID: "u"})
	if got := w.warnings(); got != "" {
		t.Errorf("a copy of a container of others is taken for a sign: %s", got)
	}
	w.run()
	w.hosts["h1"].EditMark("copy.example.com",
		&plan.Mark{Installation: "another", Host: "h1", Name: "copy.example.com", UID: "u"})
	if got := w.warnings(); got != "" {
		t.Errorf("a container of others is taken for a sign: %s", got)
	}
}

// A host that leaves the tree keeps its containers, and they are not forgotten: without a word its
// addresses would be taken for ever.
func TestAHostThatLeftTheTreeIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.declare(`
targets:
  h1: {a.example.com: {}}
  h2: {b.example.com: {}, c.example.com: {}}`)
	w.run()
	w.declare("targets: {h1: {a.example.com: {}}}")
	for range 2 {
		got := warningText(w.run().Plan.Warnings)
		if strings.Count(got, `host "h2" is not in the tree any more`) != 1 ||
			!strings.Contains(got, "targets: {h2: {}}") || !strings.Contains(got, "2") {
			t.Errorf("the host that left is not told of once: %q", got)
		}
	}
	o := w.options()
	o.Hosts = []string{"h1"}
	if pass, err := w.tryRun(o); err != nil || warningText(pass.Plan.Warnings) != "" {
		t.Errorf("a pass about another host tells of it: %v, error %v", pass.Plan.Warnings, err)
	}
	w.declare("targets: {h1: {a.example.com: {}}, h2: {}}")
	o = w.options()
	o.Allow = []plan.Allowance{{Count: 2}}
	if _, err := w.tryRun(o); err != nil {
		t.Fatal(err)
	}
	w.declare("targets: {h1: {a.example.com: {}}}")
	left := func(r state.Record) bool { return r.Host == "h2" && !r.Template }
	for _, r := range w.snapshot().Records {
		if left(r) {
			t.Errorf("%s is still remembered", r.Name)
		}
	}
	if got := w.warnings(); got != "" {
		t.Errorf("a host without containers is told of: %s", got)
	}
}
