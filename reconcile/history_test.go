package reconcile_test

import (
	"fmt"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// A container that fails for a day must not fill the history: what was done before would be
// forgotten. Who only waits behind it has not failed.
func TestTheHistoryHasAFailureOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	pass := 0
	run := func() {
		t.Helper()
		pass++
		o := w.options()
		o.PassID, o.SourceName = fmt.Sprintf("p%d", pass), "tree"
		if _, err := w.tryRun(o); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(want ...string) {
		t.Helper()
		var got []string
		for _, p := range w.snapshot().Passes {
			got = append(got, fmt.Sprintf("%s: created %d, changed %d, failed %d, held %d",
				p.ID, p.Created, p.Changed, p.Failed, p.Held))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("the history has %q, not %q", got, want)
		}
	}
	w.declareGroup("64M")
	run()
	w.declareGroup("128M")
	w.hosts["h1"].Fail("c1.example.com", plan.Configure, 3,
		fmt.Errorf("no: %w", execute.ErrPermanent))
	const made = "p1: created 3, changed 0, failed 0, held 0"
	const failed = "p2: created 0, changed 0, failed 1, held 2"
	for range 3 {
		run()
		expect(failed, made)
	}
	run()
	expect("p5: created 0, changed 3, failed 0, held 0", failed, made)
}
