package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
)

// crowd is a host with so many owned containers; of these the first are orphans, and the next
// are to be replaced with leave.
func crowd(owned, orphans, replaced int) *scene {
	s := onHost(template("base"), template("gold")).has(template("base"), template("gold"))
	for i := range owned {
		d := declare(fmt.Sprintf("c%03d", i), stopped)
		if i < orphans {
			s.has(d)
			continue
		}
		s.both(d)
		if i < orphans+replaced {
			now := &s.in.Desired[len(s.in.Desired)-1]
			now.FromContainer, now.Recreate = "gold", true
		}
	}
	return s
}

// destroyed counts the containers that a plan destroys, and those that the guard keeps.
func destroyed(p plan.Plan) (gone, kept int) {
	for _, s := range p.Steps {
		if s.Action == plan.Destroy {
			gone++
		}
	}
	for _, b := range p.Blocked {
		if b.Code == plan.BlockedGuard {
			kept++
		}
	}
	return gone, kept
}

// Rule of safety 4, number by number: at most max(1, 25 %) of the owned containers go in a pass.
func TestHowManyMayGo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ owned, limit int }{
		{1, 1}, {2, 1}, {3, 1}, {4, 1}, {5, 1}, {6, 1}, {7, 1}, {8, 2}, {9, 2}, {11, 2}, {12, 3},
		{13, 3}, {15, 3}, {16, 4}, {99, 24}, {100, 25}, {101, 25},
	} {
		for doomed := 1; doomed <= min(c.owned, c.limit+2); doomed++ {
			for replaced := range doomed + 1 {
				gone, kept := destroyed(plan.Compute(crowd(c.owned, doomed-replaced, replaced).Input))
				if doomed <= c.limit && (gone != doomed || kept != 0) {
					t.Errorf("%d of %d (%d replaced) may go, but %d go and %d are kept", doomed,
						c.owned, replaced, gone, kept)
				}
				if doomed > c.limit && (gone != 0 || kept != doomed) {
					t.Errorf("%d of %d (%d replaced) are too many, but %d go and %d are kept", doomed,
						c.owned, replaced, gone, kept)
				}
			}
		}
	}
}

func TestMostOfAHostIsNeverDestroyedAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ owned, orphans, replaced int }{
		{2, 2, 0}, {2, 1, 1}, {2, 0, 2}, {3, 3, 0}, {4, 4, 0}, {4, 2, 2}, {5, 5, 0}, {8, 8, 0},
		{9, 4, 5}, {12, 12, 0}, {100, 100, 0}, {100, 50, 50}, {100, 0, 100}, {100, 26, 0},
		{100, 13, 13}, {100, 0, 26},
	} {
		p := plan.Compute(crowd(c.owned, c.orphans, c.replaced).Input)
		gone, kept := destroyed(p)
		if gone != 0 || kept != c.orphans+c.replaced {
			t.Errorf("of %+v %d are destroyed and %d kept", c, gone, kept)
		}
		want := fmt.Sprintf("%d of %d containers would be destroyed in one pass, at most %d may",
			c.orphans+c.replaced, c.owned, max(1, c.owned/4))
		if got := p.Blocked[0].Text; got != want {
			t.Errorf("the reader is told %q, not %q", got, want)
		}
	}
}

// What the guard counts, one line for each kind of thing on a host. Each scene has two orphans of
// four containers, of which one may go, and something else.
func TestTheGuardCountsOnlyWhatIsOursAndHoldsData(t *testing.T) {
	t.Parallel()
	const kept, go2 = "c000! guard\nc001! guard\n", "c000: destroy\nc001: destroy\n"
	more := func(n int, add func(*scene, string)) *scene {
		s := crowd(4, 2, 0)
		for i := range n {
			add(s, fmt.Sprintf("m%d", i))
		}
		return s
	}
	for _, c := range []struct {
		name  string
		scene *scene
		want  string
	}{
		{"nothing else", more(0, nil), kept},
		{"declared ones raise the limit", more(4, func(s *scene, n string) {
			s.both(declare(n, stopped))
		}), go2},
		{"three more are too few", more(3, func(s *scene, n string) {
			s.both(declare(n, stopped))
		}), kept},
		{"new ones do not raise it", more(4, func(s *scene, n string) {
			s.in.Desired = append(s.in.Desired, declare(n, stopped))
		}), kept},
		{"vanished ones do not", more(4, func(s *scene, n string) { s.both(declare(n)).gone(n) }), kept},
		{"forgotten ones do not", more(4, func(s *scene, n string) { s.has(declare(n)).gone(n) }), kept},
		{"templates do not", more(4, func(s *scene, n string) { s.both(template(n)) }), kept},
		{"containers of others do not", more(4, func(s *scene, n string) { s.foreign(n) }), kept},
		{"copies do not", more(4, func(s *scene, n string) {
			s.foreign(n).got(n).Mark = s.got("c003").Mark
		}), kept},
		{"ones without a record do not", more(4, func(s *scene, n string) {
			s.has(declare(n))
			s.in.Owned = s.in.Owned[:len(s.in.Owned)-1]
		}), kept},
		{"protected ones raise it", more(4, func(s *scene, n string) {
			s.both(declare(n, stopped, protect))
		}), go2},
		{"protected orphans raise it and are not counted", more(4, func(s *scene, n string) {
			s.has(declare(n, stopped, protect))
		}), go2 + "m0! protected\nm1! protected\nm2! protected\nm3! protected\n"},
		{"damaged ones raise it", more(4, func(s *scene, n string) {
			s.both(declare(n, stopped)).got(n).Damage = "broken"
		}), go2 + "m0! damaged\nm1! damaged\nm2! damaged\nm3! damaged\n"},
		{"orphans that no run ever finished count, for somebody may use them", more(1, func(s *scene, n string) {
			w := s.has(declare(n, stopped)).own(n)
			w.Applied, w.Intent = nil, "clone"
		}), kept + "m0! guard\n"},
		{"a half-made one that was finished once counts", more(1, func(s *scene, n string) {
			s.has(declare(n, stopped)).own(n).Intent = "clone"
		}), kept + "m0! guard\n"},
		{"a record that was never begun is no proof of emptiness", more(1, func(s *scene, n string) {
			s.has(declare(n, stopped)).own(n).Applied = nil
		}), kept + "m0! guard\n"},
		{"a blocked recreate is not counted", more(4, func(s *scene, n string) {
			s.both(declare(n, stopped))
			s.in.Desired[len(s.in.Desired)-1].FromContainer = "gold"
		}), go2 + "m0! recreate\nm1! recreate\nm2! recreate\nm3! recreate\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expect(t, c.name, destroysText(plan.Compute(c.scene.Input)), c.want)
		})
	}
}

// destroysText names what a plan destroys and what it does not destroy, and why not.
func destroysText(p plan.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		if s.Action == plan.Destroy {
			fmt.Fprintf(&b, "%s: destroy\n", at(s.Host, s.Container))
		}
	}
	for _, x := range p.Blocked {
		fmt.Fprintf(&b, "%s! %s\n", at(x.Host, x.Container), x.Code)
	}
	return b.String()
}

// --allow-destroy, exact and by count. On the host are four containers: a, b and c are orphans.
func TestEveryAllowance(t *testing.T) {
	t.Parallel()
	const none = "a! guard\nb! guard\nc! guard\n"
	const everything = "a: destroy\nb: destroy\nc: destroy\n"
	exact := func(names ...string) []plan.Allowance {
		var all []plan.Allowance
		for _, n := range names {
			all = append(all, plan.Allowance{Host: host, Container: n})
		}
		return all
	}
	count := func(n int) []plan.Allowance { return []plan.Allowance{{Count: n}} }
	for _, c := range []struct {
		name  string
		allow []plan.Allowance
		want  string
	}{
		{"none", nil, none},
		{"one by name leaves two, which are too many", exact("a"), "a: destroy\nb! guard\nc! guard\n"},
		{"another one by name", exact("c"), "c: destroy\na! guard\nb! guard\n"},
		{"two by name leave one, which may go", exact("a", "b"), everything},
		{"all by name", exact("a", "b", "c"), everything},
		{"the same name twice counts once", exact("a", "a"), "a: destroy\nb! guard\nc! guard\n"},
		{"a name that is declared allows nothing else", exact("d"), none},
		{"a name that does not exist", exact("z"), none},
		{"the name on another host", []plan.Allowance{{Host: "i", Container: "a"}}, none},
		{"a name without a host is none", []plan.Allowance{{Container: "a"}}, none},
		{"the beginning of a name is none", exact(""), none},
		{"count 0", count(0), none},
		{"count 1 is what is allowed anyway", count(1), none},
		{"count 2 is too few for three", count(2), none},
		{"count 3", count(3), everything},
		{"count 99", count(99), everything},
		{"a negative count forbids nothing more", count(-1), none},
		{"two counts: the larger holds, they do not add up", append(count(1), count(2)...), none},
		{"two counts in another order", append(count(3), count(1)...), everything},
		{"a count for this host", []plan.Allowance{{Host: host, Count: 3}}, everything},
		{"a count for another host", []plan.Allowance{{Host: "i", Count: 3}}, none},
		{"a count beside a name is not a count",
			[]plan.Allowance{{Host: host, Container: "z", Count: 99}}, none},
		{"one by name and a count for the rest", append(exact("a"), count(2)...), everything},
		{"one by name and too small a count", append(exact("a"), count(1)...),
			"a: destroy\nb! guard\nc! guard\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := onHost().both(declare("d", stopped)).allow(c.allow...)
			s.has(declare("a", stopped), declare("b", stopped), declare("c", stopped))
			expect(t, c.name, destroysText(plan.Compute(s.Input)), c.want)
		})
	}
}

// An allowance lifts the guard, and no other rule.
func TestWhatNoAllowanceLifts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*scene)
		want string
	}{
		{"protected by the record", func(s *scene) { s.own("x").Protect = true }, "x! protected"},
		{"a mark of another installation", func(s *scene) { s.got("x").Mark.Installation = "o" }, ""},
		{"a mark of another host", func(s *scene) { s.got("x").Mark.Host = "o" }, ""},
		{"a mark of another name", func(s *scene) { s.got("x").Mark.Name = "o" }, ""},
		{"a mark of another uid", func(s *scene) { s.got("x").Mark.UID = "o" }, ""},
		{"no mark", func(s *scene) { s.got("x").Mark = nil }, ""},
		{"no record", func(s *scene) { s.in.Owned = s.in.Owned[:4] }, ""},
		{"the record of another host", func(s *scene) { s.own("x").Host = "o" }, ""},
		{"a snapshot that lies on it", func(s *scene) { s.got("a").Lower = "x" }, "x! dependants"},
		{"a snapshot of somebody else", func(s *scene) {
			s.foreign("hand").got("hand").Lower = "x"
		}, "x! dependants"},
		{"a new container that needs it as a source", func(s *scene) {
			s.got("x").State = plan.Stopped
			s.in.Desired = append(s.in.Desired, declare("new", from("x")))
		}, "x! dependants"},
		{"a name that could not be resolved", func(s *scene) {
			s.in.Problems = []plan.Blocked{{Host: host, Container: "x", Code: plan.BlockedAddress}}
		}, "x! address"},
		{"a host that could not be resolved", func(s *scene) {
			s.in.Problems = []plan.Blocked{{Host: host, Code: plan.BlockedAddress}}
		}, "! address"},
		{"a run that does not include it", func(s *scene) {
			s.Only = func(_, name string) bool { return name != "x" }
		}, ""},
		{"a template", func(s *scene) { s.own("x").Template = true }, ""},
		{"an unreachable host", func(s *scene) {
			s.Unreachable = []plan.Unreachable{{Host: host}}
		}, ""},
		{"an observation of another host", func(s *scene) { s.in.Actual.Host = "o" }, ""},
		{"a host that left the tree", func(s *scene) { s.Hosts = nil }, ""},
		{"nothing: it may go", func(*scene) {}, "x: destroy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := four().has(declare("x")).allow(plan.Allowance{Host: host, Container: "x"},
				plan.Allowance{Count: 99})
			c.edit(s)
			expect(t, c.name, destroysText(plan.Compute(s.Input)), c.want)
		})
	}
}

// Rule of safety 6: protection, wherever it comes from, against everything that destroys.
func TestEveryProtection(t *testing.T) {
	t.Parallel()
	doomed := map[string]func(*scene, *plan.Desired){
		"replaced": func(_ *scene, d *plan.Desired) { d.FromContainer, d.Recreate = "gold", true },
		"half made": func(s *scene, _ *plan.Desired) {
			s.own("x").Applied, s.own("x").Intent, s.got("x").Damage = nil, "clone", "no rootfs"
		},
		"damaged while it was replaced": func(s *scene, _ *plan.Desired) {
			s.own("x").Intent, s.got("x").Damage = "destroy", "no rootfs"
		},
	}
	for _, c := range []struct {
		declared edit
		recorded bool
		want     string
	}{
		{nil, false, "x: destroy"},
		{nil, true, "x! protected"},
		{protect, false, "x! protected"},
		{protect, true, "x! protected"},
		{unprotect, false, "x: destroy"},
		{unprotect, true, "x: destroy"},
	} {
		for how, doom := range doomed {
			s := crowd(4, 0, 0).both(declare("x", stopped))
			d := &s.in.Desired[len(s.in.Desired)-1]
			orNot(c.declared)(d)
			s.own("x").Protect = c.recorded
			doom(s, d)
			expect(t, fmt.Sprintf("%s, recorded as protected: %v", how, c.recorded),
				destroysText(plan.Compute(s.Input)), c.want)
		}
	}
	for recorded, want := range map[bool]string{true: "x! protected", false: "x: destroy"} {
		s := crowd(4, 0, 0).has(declare("x", stopped))
		s.own("x").Protect = recorded
		expect(t, fmt.Sprintf("orphan, recorded as protected: %v", recorded),
			destroysText(plan.Compute(s.Input)), want)
	}
}
