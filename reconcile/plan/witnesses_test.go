package plan_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
)

// A witness says in which way one of the two witnesses (the mark in the container, the record in
// the store) is wrong, and what a reader is told of the container.
type witness struct {
	name string
	edit func(*scene) // of the scene's container "x"
	text string
}

func witnessesThatFail() []witness {
	mark := func(f func(*plan.Mark)) func(*scene) {
		return func(s *scene) {
			m := *s.got("x").Mark
			f(&m)
			s.got("x").Mark = &m
		}
	}
	return []witness{
		{"no mark", func(s *scene) { s.got("x").Mark = nil }, "it carries no mark"},
		{"an empty mark", func(s *scene) { s.got("x").Mark = &plan.Mark{} },
			"its mark is of another installation"},
		{"another installation", mark(func(m *plan.Mark) { m.Installation = "inst-2" }),
			"its mark is of another installation"},
		{"no installation", mark(func(m *plan.Mark) { m.Installation = "" }),
			"its mark is of another installation"},
		{"the installation in other letters", mark(func(m *plan.Mark) { m.Installation = "INST-1" }),
			"its mark is of another installation"},
		{"another host", mark(func(m *plan.Mark) { m.Host = "i" }),
			"it is a copy: its mark is of i/x"},
		{"no host", mark(func(m *plan.Mark) { m.Host = "" }), "it is a copy: its mark is of /x"},
		{"another name", mark(func(m *plan.Mark) { m.Name = "y" }),
			"it is a copy: its mark is of h/y"},
		{"the beginning of its name", mark(func(m *plan.Mark) { m.Name = "" }),
			"it is a copy: its mark is of h/"},
		{"a copy of a container that exists", func(s *scene) { s.got("x").Mark = s.got("a").Mark },
			"it is a copy: its mark is of h/a"},
		{"another uid in the mark", mark(func(m *plan.Mark) { m.UID = "uid-2" }),
			"its record is of another uid"},
		{"no uid in the mark", mark(func(m *plan.Mark) { m.UID = "" }),
			"its record is of another uid"},
		{"another uid in the record", func(s *scene) { s.own("x").UID = "uid-2" },
			"its record is of another uid"},
		{"no uid in the record", func(s *scene) { s.own("x").UID = "" },
			"its record is of another uid"},
		{"no uid in both", func(s *scene) {
			mark(func(m *plan.Mark) { m.UID = "" })(s)
			s.own("x").UID = ""
		}, "its record is of another uid"},
		{"no record", func(s *scene) {
			s.in.Owned = slices.DeleteFunc(s.in.Owned, func(o plan.Owned) bool { return o.Name == "x" })
		}, "it has no record"},
		{"a record of another host", func(s *scene) { s.own("x").Host = "i" },
			"it has no record"},
		{"a record of another name", func(s *scene) { s.own("x").Name = "w" },
			"it has no record"},
	}
}

// Rule of safety 3 for a container that is declared: whatever there would be to do, nothing is.
func TestADeclaredContainerWithoutBothWitnesses(t *testing.T) {
	t.Parallel()
	jobs := map[string]func(*scene, *plan.Desired){
		"as declared":    func(*scene, *plan.Desired) {},
		"to configure":   func(_ *scene, d *plan.Desired) { d.Memory = 1 << 30 },
		"to restart":     func(_ *scene, d *plan.Desired) { d.MAC = "00:16:3e:00:00:01" },
		"to stop":        func(_ *scene, d *plan.Desired) { d.Running = false },
		"to start":       func(s *scene, _ *plan.Desired) { stop(s.got("x")) },
		"to replace":     func(_ *scene, d *plan.Desired) { d.FromContainer, d.Recreate = "gold", true },
		"to give a name": func(_ *scene, d *plan.Desired) { d.Domains = []string{"www"} },
		"to make again": func(s *scene, _ *plan.Desired) {
			s.got("x").Damage, s.own("x").Intent = "no rootfs", "clone"
		},
	}
	for _, w := range witnessesThatFail() {
		for job, prepare := range jobs {
			s := four().both(declare("x"))
			s.in.Desired = append(s.in.Desired, template("base"), template("gold"))
			prepare(s, &s.in.Desired[4])
			w.edit(s)
			p := plan.Compute(s.Input)
			for _, step := range p.Steps {
				if step.Container != "w" || step.Action != plan.Forget {
					t.Errorf("%s, %s: %s gets %s", w.name, job, step.Container, step.Action)
				}
			}
			if len(p.Blocked) != 1 || p.Blocked[0].Code != plan.BlockedForeign ||
				!strings.HasSuffix(p.Blocked[0].Text, w.text) || p.Unchanged != 4 {
				t.Errorf("%s, %s: the reader is told %+v, not %q", w.name, job, p.Blocked, w.text)
			}
			if len(p.Unmanaged) != 1 || p.Unmanaged[0].Text != w.text {
				t.Errorf("%s, %s: it is listed as %+v", w.name, job, p.Unmanaged)
			}
		}
	}
}

// The same for what is not declared: it stays, whatever it looks like.
func TestAnUndeclaredContainerWithoutBothWitnesses(t *testing.T) {
	t.Parallel()
	looks := map[string]func(*plan.Observed){
		"running": func(*plan.Observed) {},
		"stopped": stop,
		"frozen":  func(o *plan.Observed) { o.State = plan.Frozen },
		"broken":  func(o *plan.Observed) { o.Damage = "no rootfs" },
	}
	for _, w := range witnessesThatFail() {
		for look, change := range looks {
			s := four().has(declare("x"))
			change(s.got("x"))
			w.edit(s)
			want := fmt.Sprintf("x? %s: %s\n= 4", s.got("x").State, w.text)
			if w.name == "a record of another name" {
				want = "w: forget(not_declared)\n" + want
			}
			expect(t, w.name+", "+look, text(plan.Compute(s.Input)), want)
		}
	}
}

// A container that is not ours may be a source, since cloning changes nothing of it.
func TestASourceWithoutBothWitnessesIsOnlyRead(t *testing.T) {
	t.Parallel()
	for _, w := range witnessesThatFail() {
		for _, state := range []plan.State{plan.Stopped, plan.Running, plan.Frozen} {
			s := four().has(declare("x"))
			s.got("x").State = state
			w.edit(s)
			s.in.Desired = append(s.in.Desired, declare("new", from("x")))
			touched := false
			made := false
			for _, step := range plan.Compute(s.Input).Steps {
				touched = touched || step.Container == "x" && step.Action != plan.Forget
				made = made || step.Container == "new" && step.Action == plan.Clone
			}
			if touched || made != (state == plan.Stopped) {
				t.Errorf("%s, %s: touched: %v, cloned: %v", w.name, state, touched, made)
			}
		}
	}
}

// A template that is not ours is never replaced, not even if it is broken and needed.
func TestATemplateWithoutBothWitnessesIsNotReplaced(t *testing.T) {
	t.Parallel()
	for _, w := range witnessesThatFail() {
		for _, damage := range []string{"", "no rootfs"} {
			s := four().both(template("x"))
			s.own("x").Intent, s.own("x").Applied, s.got("x").Damage = "create", nil, damage
			s.in.Desired[4].Recreate, s.in.Desired[4].Image = true, "debian"
			w.edit(s)
			s.in.Desired = append(s.in.Desired, declare("new", from("x")))
			for _, step := range plan.Compute(s.Input).Steps {
				if step.Container == "x" {
					t.Errorf("%s, damage %q: the template gets %s", w.name, damage, step.Action)
				}
				if step.Container == "new" && damage != "" {
					t.Errorf("%s: a broken template is cloned", w.name)
				}
			}
		}
	}
}

// What is not ours is listed in any case, so that nobody wonders where it went.
func TestUnmanagedContainersAreListedWhateverElseHappens(t *testing.T) {
	t.Parallel()
	const hands = `
		hand1? stopped: it carries no mark
		hand2? running: it carries no mark`
	base := func() *scene {
		s := onHost().both(declare("web")).foreign("hand2", "hand1")
		s.got("hand2").State = plan.Running
		return s
	}
	only := base()
	only.Only = func(string, string) bool { return false }
	broken := base()
	broken.in.Problems = []plan.Blocked{{Host: host, Code: plan.BlockedAddress, Failed: true}}
	empty := base()
	empty.in.Desired = nil
	alone := base()
	alone.in.Desired, alone.in.Owned = nil, nil
	alone.gone("web")
	run(t, []scenario{
		{"beside what is as declared", base(), hands + "\n= 1"},
		{"when the run is limited to nothing", only, hands},
		{"when the host could not be resolved", broken, "! address  failed" + hands},
		{"beside an orphan", empty, "web: destroy(not_declared)" + hands},
		{"alone", alone, hands},
	})
}
