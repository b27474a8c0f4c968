package loop_test

import (
	"fmt"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// TestEveryLineOfAPassNamesItAndItsRevision: who reads the log of a day finds out which commit it
// was that failed, also one that was never applied.
func TestEveryLineOfAPassNamesItAndItsRevision(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.declare("a.example.com: {}, bad.example.com: {}")
	w.host.Fail("bad.example.com", plan.Start, -1, errBroken)
	w.start()
	w.quiet()
	w.failFetch(fmt.Errorf("connection refused: %w", spec.ErrSourceUnreachable))
	w.loop.Wake("test")
	w.quiet()
	w.failFetch(nil)
	w.declare("a.example.com: {memori: 1}")
	w.loop.Wake("test")
	w.quiet()
	if last := w.loop.Status().Last; last.Pass.Revision.ID != "r2" {
		t.Errorf("the status says that revision %q is bad, not r2", last.Pass.Revision.ID)
	}
	told := map[string]bool{}
	for line := range strings.Lines(w.log.text()) {
		for what, revision := range map[string]string{
			"step done": "r1", "step failed": "r1", "pass ended": "r1", "source cannot": "r1",
			"memori": "r2",
		} {
			if !strings.Contains(line, what) {
				continue
			}
			told[what] = true
			if !strings.Contains(line, " pass=") || !strings.Contains(line, " revision="+revision+" ") {
				t.Errorf("this line does not name the pass and revision %s: %s", revision, line)
			}
		}
	}
	if len(told) != 5 {
		t.Errorf("the log has only lines with %v:\n%s", told, w.log.text())
	}
}
