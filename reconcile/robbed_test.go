package reconcile_test

import (
	"context"
	"strings"
	"testing"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
)

// What the store would refuse is told beforehand: a plan that shows a step which run then blocks
// was reviewed for nothing.
func TestPlanTellsWhoseAddressIsKept(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		declare string // for b, which moves away
		heir    string // for c, which takes over
		damage  bool   // of b: it cannot move
		want    string // in the text of the block; empty: none
	}{
		"the owner moves":         {"ip: 10.5.0.7", "ip: 10.5.0.9", false, ""},
		"the owner is damaged":    {"ip: 10.5.0.7", "ip: 10.5.0.9", true, "ip 10.5.0.9 on network"},
		"the mac of a damaged":    {"mac: '00:16:3e:00:00:07'", "mac: '00:16:3e:00:00:09'", true, "mac 00"},
		"two values of a damaged": {"ip: 10.5.0.7", "ip: 10.5.0.9, memory: 1G", true, "h1/b.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.declare("targets: {h1: {b.example.com: {ip: 10.5.0.9, mac: '00:16:3e:00:00:09'}}}")
			w.run()
			if test.damage {
				w.hosts["h1"].DamageByHand("b.example.com")
			}
			w.declare("targets: {h1: {b.example.com: {" + test.declare + "}, c.example.com: {" +
				test.heir + "}, d.example.com: {}}}")
			shown, run := w.plan(), w.run()
			if diff := diffPlans(known(shown), known(run.Plan)); diff != "" {
				t.Errorf("plan showed another plan than run made (-plan +run):\n%s", diff)
			}
			text := ""
			for _, b := range shown.Blocked {
				if b.Container == "c.example.com" && b.Code == plan.BlockedAddress && b.Failed {
					text = b.Text
				}
			}
			if !strings.Contains(text, test.want) || (text == "") != (test.want == "") {
				t.Errorf("the plan says of c %q, it should tell of %q", text, test.want)
			}
			if run.Result == nil || len(run.Result.Outcomes) == 0 {
				t.Error("one address that cannot be had stopped the others")
			}
		})
	}
}

// A recorded plan tells it too.
func TestRecordedPlanTellsWhoseAddressIsKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declare("targets: {h1: {b.example.com: {ip: 10.5.0.9}}}")
	w.run()
	o := w.options()
	o.Only = []reconcile.Target{{Host: "h1", Container: "c.example.com"}}
	const next = "targets: {h1: {b.example.com: {ip: 10.5.0.7}, c.example.com: {ip: 10.5.0.9}}}"
	full, err := reconcile.Plan(context.Background(), parsed(t, next), o)
	if err != nil {
		t.Fatal(err)
	}
	for name, p := range map[string]plan.Plan{"full": full.Plan,
		"recorded": w.planRecorded(w.recorded(), next, o).Plan} {
		if len(p.Steps) != 0 || len(p.Blocked) != 1 || p.Blocked[0].Code != plan.BlockedAddress {
			t.Errorf("%s: steps %v, blocked %v", name, actions(p.Steps), p.Blocked)
		}
	}
}
