package reconcile_test

import (
	"fmt"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
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

// What the history counts is what was done, and what the report of the pass has said.
func TestTheHistoryCountsWhatWasDone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	host := w.hosts["h1"]
	for i, c := range []struct {
		tree   string
		before func()
		want   string
	}{
		{"targets: {h1: {a: {recreate: allow}, b: {}, c: {}}}", func() {},
			"Done: 3 created, 0 changed, 0 destroyed, 0 failed."},
		{"targets: {h1: {a: {recreate: allow, image: busybox}, b: {memory: 64M}, c: {protect: true}}}",
			func() {},
			"Done: 1 created, 1 changed, 1 destroyed, 0 failed. 1 only in the record."},
		{"targets: {h1: {a: {recreate: allow, image: busybox}, c: {protect: true}, d: {}}}",
			func() {
				host.DestroyByHand("b")
				host.Fail("d", plan.Configure, 3, fmt.Errorf("no: %w", execute.ErrPermanent))
			},
			"Done: 0 created, 0 changed, 0 destroyed, 1 failed. 1 only in the record, 2 unchanged."},
		{"hosts: {new: {prepare: {}}}\n" +
			"targets: {new: {e: {}}, h1: {a: {recreate: allow, image: busybox}, c: {protect: true}, d: {}}}",
			func() { w.bare("new") },
			"Done: 1 host prepared, 2 created, 0 changed, 0 destroyed, 1 failed. 2 unchanged."},
	} {
		w.declare(c.tree)
		c.before()
		o := w.options()
		o.PassID, o.SourceName = fmt.Sprintf("p%d", i), "tree"
		pass, err := w.tryRun(o)
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		err = report.ResultText(&said, *pass.Result, pass.Plan, report.TextOptions{})
		if err != nil || !strings.HasSuffix(said.String(), c.want+"\n") {
			t.Errorf("pass %d ends with %q, not %q (error %v)", i, said.String(), c.want, err)
		}
		p := w.snapshot().Passes[0]
		s := pass.Summary()
		got := report.ResultSummary{Prepared: p.Prepared, Unprepared: p.Unprepared,
			Created: p.Created, Changed: p.Changed, Destroyed: p.Destroyed, Record: p.Record,
			Failed: p.Failed, Skipped: p.Skipped, Blocked: p.Blocked, Held: p.Held}
		s.Unchanged = 0 // it was not done
		if got != s || p.ID != o.PassID {
			t.Errorf("the history has %+v of pass %d, the report %+v", got, i, s)
		}
	}
}
