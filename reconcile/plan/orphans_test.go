package plan_test

import (
	"strings"
	"testing"

	"reconciler/reconcile/plan"
)

// four is a host with four containers that are as declared, and more edits of the scene.
func four() *scene {
	return onHost().both(declare("a", stopped), declare("b", stopped), declare("c", stopped),
		declare("d", stopped))
}

// marked is a host with an orphan "x" whose mark somebody changed.
func marked(f func(*plan.Mark)) *scene {
	s := four().has(declare("x"))
	m := *s.got("x").Mark
	f(&m)
	s.got("x").Mark = &m
	return s
}

func TestOrphans(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{"what is not declared any more is destroyed", four().has(declare("x")), `
			x: destroy(not_declared)
			= 4`},
		{"what has vanished is forgotten", four().has(declare("x")).gone("x"), `
			x: forget(not_declared)
			= 4`},
		{"a template that nobody needs stays", four().has(template("base")), `= 4`},
		{"a record of another host orphans nothing", func() *scene {
			s := four().has(declare("x"))
			s.own("x").Host = "elsewhere"
			return s
		}(), `
			x? running: it has no record
			= 4`},
	})
}

func TestOrphansThatMayStillBeThere(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{"what lost its configuration keeps its record and its address", func() *scene {
			s := four().has(declare("x")).gone("x")
			s.in.Actual.Others = []string{"lost+found", "x"}
			return s
		}(), `
			x! damaged forget failed
			= 4`},
		{"and is not made a second time where it is declared", func() *scene {
			s := four().both(declare("x")).gone("x")
			s.in.Actual.Others = []string{"x"}
			return s
		}(), `
			x! damaged create failed
			= 4`},
		{"a protected one that vanished keeps its record", func() *scene {
			s := four().has(declare("x", protect)).gone("x")
			return s
		}(), `
			x! protected destroy
			= 4`},
	})
}

func TestOrphansWithoutBothWitnesses(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{"without our mark it is left, and its record stays", func() *scene {
			s := four().has(declare("x"))
			s.got("x").Mark = nil
			return s
		}(), `
			x? running: it carries no mark
			= 4`},
		{"the mark of another installation", marked(func(m *plan.Mark) { m.Installation = "other" }), `
			x? running: its mark is of another installation
			= 4`},
		{"a copy made by hand under the name of an orphan", marked(func(m *plan.Mark) { m.Name = "y" }), `
			x? running: it is a copy: its mark is of h/y
			= 4`},
		{"a container moved here from another host", marked(func(m *plan.Mark) { m.Host = "other" }), `
			x? running: it is a copy: its mark is of other/x
			= 4`},
		{"another uid", marked(func(m *plan.Mark) { m.UID = "uid-other" }), `
			x? running: its record is of another uid
			= 4`},
		{"no uid on either side is no witness", func() *scene {
			s := marked(func(m *plan.Mark) { m.UID = "" })
			s.own("x").UID = ""
			return s
		}(), `
			x? running: its record is of another uid
			= 4`},
		{"a store without identity owns nothing", func() *scene {
			s := marked(func(m *plan.Mark) { m.Installation = "" })
			s.Installation = ""
			for _, name := range []string{"a", "b", "c", "d"} {
				s.gone(name)
			}
			s.in.Desired, s.in.Owned = nil, s.in.Owned[4:]
			return s
		}(), `
			x? running: its mark is of another installation`},
		{"a copy made by hand of a managed container survives", func() *scene {
			s := four().foreign("copy")
			s.got("copy").Mark = s.got("a").Mark
			return s
		}(), `
			copy? stopped: it is a copy: its mark is of h/a
			= 4`},
		{"a half-made orphan is cleared away", func() *scene {
			s := four().has(declare("x"))
			s.got("x").Damage, s.own("x").Applied, s.own("x").Intent = "broken", nil, "clone"
			return s
		}(), `
			x: destroy(not_declared)
			= 4`},
	})
}

func TestForeignContainersUnderDeclaredNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*scene)
		text string
	}{
		{"no mark", func(s *scene) { s.got("a").Mark = nil }, "it carries no mark"},
		{"no record", func(s *scene) { s.in.Owned = s.in.Owned[1:] }, "it has no record"},
		{"another uid recorded", func(s *scene) { s.own("a").UID = "u" }, "its record is of another uid"},
		{"another uid declared", func(s *scene) { s.in.Desired[0].UID = "u" },
			"it is declared under another uid"},
		{"another installation", func(s *scene) { s.Installation = "i" },
			"its mark is of another installation"},
		{"another host", func(s *scene) { s.got("a").Mark.Host = "i" },
			"it is a copy: its mark is of i/a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := onHost().both(declare("a"))
			s.in.Desired[0].Memory = 1 << 30 // something to do, if it were ours
			c.edit(s)
			expect(t, "it is named and not touched", text(plan.Compute(s.Input)), `
				a! foreign create
				a? running: `+c.text)
		})
	}
}

func TestProtection(t *testing.T) {
	t.Parallel()
	lost := four().has(declare("x", protect))
	expect(t, "removing the declaration does not remove the protection",
		text(plan.Compute(lost.Input)), `
		x! protected destroy
		= 4`)
	lost.allow(plan.Allowance{Host: host, Container: "x"}, plan.Allowance{Count: 9})
	expect(t, "nor does --allow-destroy", text(plan.Compute(lost.Input)), `
		x! protected destroy
		= 4`)
	s := four().both(declare("x", protect))
	s.in.Desired[4].Protect = 0
	expect(t, "removing the line from the tree is noted", text(plan.Compute(s.Input)), `
		x: note(changed)
		= 4`)
	s.Input = mustApply(t, s.Input, plan.Compute(s.Input))
	unprotect(&s.Hosts[0].Desired[4])
	p := plan.Compute(s.Input)
	expect(t, "protect: false is noted", text(p), `
		x: note(changed)
		= 4`)
	if p.Steps[0].Changes[0].Drift {
		t.Error("a change of the declaration is called drift")
	}
	s.Input = mustApply(t, s.Input, p)
	s.Hosts[0].Desired = s.Hosts[0].Desired[:4]
	expect(t, "after it the container may go", text(plan.Compute(s.Input)), `
		x: destroy(not_declared)
		= 4`)
}

func TestSnapshots(t *testing.T) {
	t.Parallel()
	snap := func(name, lower string) plan.Desired {
		return declare(name, overlay, from(lower), stopped)
	}
	gold := declare("gold", stopped)
	two := plan.Allowance{Count: 9}
	run(t, []scenario{
		{"what a snapshot lies on stays", four().has(gold).both(snap("up", "gold")), `
			gold! dependants destroy
			= 5`},
		{"a snapshot of somebody else counts too", func() *scene {
			s := four().has(gold).foreign("hand")
			s.got("hand").Lower = "gold"
			return s
		}(), `
			gold! dependants destroy
			hand? stopped: it carries no mark
			= 4`},
		{"the snapshot goes first",
			four().has(gold, snap("up", "gold"), snap("top", "up")).allow(two), `
			top: destroy(not_declared)
			up <top: destroy(not_declared)
			gold <up: destroy(not_declared)
			= 4`},
		{"a protected snapshot keeps everything below it", func() *scene {
			s := four().has(gold, snap("up", "gold"), snap("top", "up")).allow(two)
			s.own("top").Protect = true
			return s
		}(), `
			gold! dependants destroy
			top! protected destroy
			up! dependants destroy
			= 4`},
		{"a snapshot that the guard keeps, keeps what was allowed by name",
			four().has(gold, snap("up", "gold"), declare("x")).
				allow(plan.Allowance{Host: host, Container: "gold"}), `
			gold! dependants destroy
			up! guard destroy
			x! guard destroy
			= 4`},
		{"a source is not replaced under its snapshot", func() *scene {
			s := four().both(gold, snap("up", "gold"))
			s.in.Desired = append(s.in.Desired, template("base"), template("new"))
			s.in.Desired[4].FromContainer, s.in.Desired[4].Recreate = "new", true
			return s
		}(), `
			new: create(needed_by)
			gold! dependants destroy
			= 5`},
	})
}

func TestAnAddressIsFreedBeforeItIsTaken(t *testing.T) {
	t.Parallel()
	s := four().has(declare("old"))
	s.in.Desired = append(s.in.Desired, template("base"), declare("new", func(d *plan.Desired) {
		d.IP = declare("old").IP
	}))
	expect(t, "a container renamed in the tree keeps its address", text(plan.Compute(s.Input)), `
		base: create(needed_by)
		old: destroy(not_declared)
		new <base,old: clone(declared) `+all+`
		= 4`)
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	edited := func(edits ...edit) *scene {
		s := onHost().both(template("base"))
		for _, e := range edits {
			e(&s.in.Desired[0])
		}
		return s
	}
	release := func(d *plan.Desired) { d.Options = map[string]string{"release": "trixie"} }
	run(t, []scenario{
		{"a changed template is not replaced without a word", edited(release),
			`base! recreate destroy`},
		{"with recreate: allow it is", edited(release, recreate),
			`base: destroy(recreate) create(recreate)`},
		{"not below a snapshot", func() *scene {
			s := edited(release, recreate)
			return s.both(declare("web", overlay))
		}(), `
			base! dependants destroy
			= 1`},
		{"hand edits of a template are its owner's business", func() *scene {
			s := edited()
			s.got("base").Config.Autostart = true
			return s
		}(), ``},
		{"its protection is recorded", edited(protect), `base: note(changed)`},
	})
	got := changesText(plan.Compute(func() plan.Input {
		s := onHost().both(template("base", func(d *plan.Desired) {
			d.Options = map[string]string{"arch": "amd64", "release": "bookworm"}
		}))
		s.in.Desired[0].Recreate = true
		release(&s.in.Desired[0])
		return s.Input
	}()), "base")
	expect(t, "each option that changed is named", got, `
		destroy options.arch: amd64 → - (recreate)
		destroy options.release: bookworm → trixie (recreate)
		create image: - → busybox (recreate)
		create options.release: - → trixie (recreate)`)
}

func TestOnly(t *testing.T) {
	t.Parallel()
	s := onHost(template("base"), declare("web"), declare("other"), template("idle", from("x"))).
		has(declare("orphan")).both(declare("changed"))
	s.in.Desired[4].Memory = 1 << 30
	s.Only = func(h, name string) bool { return h == host && name == "web" }
	expect(t, "only web and the template that it needs are made", text(plan.Compute(s.Input)), `
		base: create(needed_by)
		web <base: clone(declared) `+all)
	s.Only = func(_, name string) bool { return name == "orphan" }
	expect(t, "an orphan can be named", text(plan.Compute(s.Input)), `orphan: destroy(not_declared)`)
}

func TestHostsOfWhichNothingIsKnown(t *testing.T) {
	t.Parallel()
	s := onHost(template("base"), declare("web")).has(declare("orphan"))
	s.Unreachable = []plan.Unreachable{{Host: host, Text: "no route"}}
	expect(t, "unreachable is not empty", text(plan.Compute(s.Input)), `h unreachable: no route`)
	s.Unreachable = nil
	s.in.Actual = plan.Actual{}
	expect(t, "an observation that is missing is not an empty host", text(plan.Compute(s.Input)),
		`h unreachable: its observation is of host ""`)
}

func TestSummary(t *testing.T) {
	t.Parallel()
	s := four().has(template("base"), declare("x"))
	s.in.Desired[0].Memory = 1 << 30
	s.in.Desired[1].FromContainer, s.in.Desired[1].Recreate = "new", true
	s.in.Desired = append(s.in.Desired, template("new"), declare("fresh", from("new")))
	s.allow(plan.Allowance{Count: 2})
	s.got("d").Mark = nil
	p := plan.Compute(s.Input)
	want := plan.Summary{Create: 3, Change: 1, Destroy: 2, Replace: 1, Blocked: 1, Unchanged: 1}
	if got := p.Summary(); got != want || p.Empty() {
		t.Errorf("counted %+v, not %+v in\n%s", got, want, text(p))
	}
	var kinds []string
	for _, it := range p.Containers() {
		kinds = append(kinds, it.Container+" "+string(it.Kind))
	}
	if got := strings.Join(kinds, ", "); got !=
		"a change, new create, b replace, fresh create, x destroy" {
		t.Errorf("the items are %s", got)
	}
	if none := plan.Compute(four().Input); !none.Empty() || none.Summary().Unchanged != 4 {
		t.Errorf("a host that is as declared gets %s", text(none))
	}
}
