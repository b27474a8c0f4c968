package plan_test

import (
	"testing"

	"reconciler/reconcile/plan"
)

// many is a host with containers that stay and orphans.
func many(keep, lose int) *scene {
	s := onHost()
	for i := range keep {
		s.both(declare("k"+string(rune('a'+i)), stopped))
	}
	for i := range lose {
		s.has(declare("x"+string(rune('a'+i)), stopped))
	}
	return s
}

func TestGuard(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{"one of one may go", many(0, 1), `xa: destroy(not_declared)`},
		{"one of two may go", many(1, 1), `
			xa: destroy(not_declared)
			= 1`},
		{"two of seven may not", many(5, 2), `
			xa! guard destroy
			xb! guard destroy
			= 5`},
		{"two of eight may", many(6, 2), `
			xa: destroy(not_declared)
			xb: destroy(not_declared)
			= 6`},
		{"an empty declaration destroys nothing", many(0, 3), `
			xa! guard destroy
			xb! guard destroy
			xc! guard destroy`},
	})
}

func TestAllowances(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{"what is allowed by name goes and does not count",
			many(0, 3).allow(plan.Allowance{Host: host, Container: "xa"},
				plan.Allowance{Host: host, Container: "xb"}), `
			xa: destroy(not_declared)
			xb: destroy(not_declared)
			xc: destroy(not_declared)`},
		{"an allowance for another host is none",
			many(0, 2).allow(plan.Allowance{Host: "other", Container: "xa"}), `
			xa! guard destroy
			xb! guard destroy`},
		{"a number allows that many", many(0, 3).allow(plan.Allowance{Count: 3}), `
			xa: destroy(not_declared)
			xb: destroy(not_declared)
			xc: destroy(not_declared)`},
		{"a smaller number does not", many(0, 3).allow(plan.Allowance{Count: 2}), `
			xa! guard destroy
			xb! guard destroy
			xc! guard destroy`},
	})
}

func TestWhatTheGuardCounts(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{"templates do not raise the limit", many(5, 2).both(template("t1"), template("t2")), `
			xa! guard destroy
			xb! guard destroy
			= 5`},
		{"the rest of the plan goes on", func() *scene {
			s := many(2, 3)
			s.in.Desired[0].Memory = 1 << 30
			return s
		}(), `
			ka: configure(changed)
			xa! guard destroy
			xb! guard destroy
			xc! guard destroy
			= 1`},
		{"recreating counts as destroying", func() *scene {
			s := many(2, 0).has(template("new"))
			s.in.Desired = append(s.in.Desired, template("new"))
			for i := range 2 {
				s.in.Desired[i].FromContainer, s.in.Desired[i].Recreate = "new", true
			}
			s.in.Desired[1].Memory = 1 << 30
			return s
		}(), `
			kb: configure(changed)
			ka! guard destroy
			kb! guard destroy`},
		{"a host that left the tree orphans nothing", func() *scene {
			s := many(0, 3)
			s.Hosts = nil
			return s
		}(), ``},
	})
}

func TestGuardSaysHowToGoOn(t *testing.T) {
	t.Parallel()
	p := plan.Compute(four().has(declare("x"), declare("y")).Input)
	if len(p.Blocked) != 2 {
		t.Fatalf("nothing is blocked: %s", text(p))
	}
	b := p.Blocked[1]
	if want := "2 of 6 containers would be destroyed in one pass, at most 1 may"; b.Text != want {
		t.Errorf("said %q, not %q", b.Text, want)
	}
	if want := "--allow-destroy h/y or --allow-destroy 2"; b.Unblock != want {
		t.Errorf("said %q, not %q", b.Unblock, want)
	}
	if b.Failed {
		t.Error("a guard is called a failure, and the exit code would be 1 instead of 3")
	}
}
