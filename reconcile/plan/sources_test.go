package plan_test

import (
	"strings"
	"testing"

	"reconciler/reconcile/plan"
)

func TestSources(t *testing.T) {
	t.Parallel()
	off := declare("gold", stopped)
	run(t, []scenario{
		{"a stopped container is a source", onHost(declare("web", from("gold"))).both(off), `
			web: clone(declared) ` + all + `
			= 1`},
		{"a stopped container is made before its clone",
			onHost(template("base"), declare("web", from("gold")), off), `
			base: create(needed_by)
			gold <base: clone(declared) configure password dns
			web <gold: clone(declared) ` + all},
		{"a source that runs by hand is stopped first", func() *scene {
			s := onHost(declare("web", from("gold"))).both(off)
			start(s.got("gold"))
			return s
		}(), `
			gold: stop(drift)
			web <gold: clone(declared) ` + all},
		{"a source that exists is changed before it is cloned", func() *scene {
			s := onHost(declare("web", from("gold"))).both(off)
			s.got("gold").Config.Autostart = false
			return s
		}(), `
			gold: configure(drift)
			web <gold: clone(declared) ` + all},
		{"a container of somebody else that is stopped and whole is a source",
			onHost(declare("web", from("hand"))).foreign("hand"), `
			web: clone(declared) ` + all + `
			hand? stopped: it carries no mark`},
		{"a source that is replaced in the same pass comes first",
			onHost(declare("web", from("gold")), template("base"), declare("gold", stopped, recreate,
				func(d *plan.Desired) { d.Backing = "overlayfs" })).has(off, template("base")), `
			gold: destroy(recreate) clone(recreate) configure password dns
			web <gold: clone(declared) ` + all},
	})
}

func TestSourcesThatCannotBeCloned(t *testing.T) {
	t.Parallel()
	web := declare("web", from("gold"))
	outside := onHost(web, declare("gold", stopped))
	outside.Only = func(_, name string) bool { return name == "web" }
	damaged := func(s *scene) *scene {
		s.got("gold").Damage = "no lxc.rootfs.path"
		return s
	}
	for _, c := range []struct {
		name  string
		scene *scene
		text  string // of what is blocked
	}{
		{"missing", onHost(web), `source "gold" does not exist on this host and is not declared`},
		{"declared to run", onHost(web, declare("gold"), template("base")),
			`source "gold" is declared to run; a source must be stopped (running: false)`},
		{"declared to run and running", onHost(web).both(declare("gold")),
			`source "gold" is declared to run; a source must be stopped (running: false)`},
		{"an orphan that runs", onHost(web).has(declare("gold")),
			`source "gold" is running; a source must be stopped`},
		{"half made by somebody else", damaged(onHost(web).foreign("gold")),
			`source "gold" is half made: no lxc.rootfs.path`},
		{"a damaged template", damaged(onHost(web).both(template("gold"))),
			`source "gold" is half made: no lxc.rootfs.path`},
		{"cannot be made itself", onHost(web, template("gold", from("nothing"))),
			`source "gold" cannot be made: it cannot be cloned: source "nothing" does not exist`},
		{"cloned in a circle", onHost(web, declare("gold", from("web"), stopped)),
			`source "gold" is itself cloned from it`},
		{"could not be resolved", func() *scene {
			s := onHost(web)
			s.in.Problems = []plan.Blocked{{Host: host, Container: "gold", Code: plan.BlockedAddress}}
			return s
		}(), `source "gold" does not exist on this host and is not declared`},
		{"a template that could not be resolved", func() *scene {
			s := onHost(web, template("gold"))
			s.in.Problems = []plan.Blocked{{Host: host, Container: "gold", Code: plan.BlockedAddress}}
			return s
		}(), `source "gold" could not be resolved`},
		{"outside of this run", outside, `source "gold" does not exist and lies outside of this run`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := plan.Compute(c.scene.Input)
			for _, s := range p.Steps {
				if s.Container == "web" {
					t.Errorf("web gets step %s although its source cannot be cloned", s.Action)
				}
			}
			for _, b := range p.Blocked {
				if b.Container == "web" && b.Code == plan.BlockedSource && b.Failed &&
					strings.Contains(b.Text, c.text) {
					return
				}
			}
			t.Errorf("nobody is told that %s; blocked: %+v", c.text, p.Blocked)
		})
	}
}

func TestAnOrphanThatANewContainerNeedsStays(t *testing.T) {
	t.Parallel()
	s := onHost(declare("web", from("gold"))).has(declare("gold", stopped))
	expect(t, "the source of a clone is not destroyed in the same pass", text(plan.Compute(s.Input)), `
		web: clone(declared) `+all+`
		gold! dependants destroy`)
}

func TestAHalfMadeTemplateIsMadeAgainWhenNeeded(t *testing.T) {
	t.Parallel()
	s := onHost(declare("web")).both(template("base"))
	s.got("base").Damage = "no lxc.rootfs.path"
	s.own("base").Applied, s.own("base").Intent = nil, "create"
	expect(t, "an interrupted template does not block its clones", text(plan.Compute(s.Input)), `
		base: destroy(unfinished) create(unfinished)
		web <base: clone(declared) `+all)
	s.in.Desired = s.in.Desired[1:]
	expect(t, "nobody needs it: it stays", text(plan.Compute(s.Input)), ``)
}

// A half-made template cannot be made again while something lies on it; its clones must wait.
func TestAHalfMadeTemplateBelowASnapshotBlocksItsClones(t *testing.T) {
	t.Parallel()
	s := onHost(declare("web"), declare("more", from("gold")), declare("gold", stopped)).
		both(template("base")).foreign("hand")
	s.got("base").Damage, s.got("hand").Lower = "no lxc.rootfs.path", "base"
	s.own("base").Applied, s.own("base").Intent = nil, "create"
	expect(t, "nothing is cloned from a broken template", text(plan.Compute(s.Input)), `
		base! dependants destroy
		gold! source clone failed
		more! source clone failed
		web! source clone failed
		hand? stopped: it carries no mark`)
}
