package plan_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// Two settings that change together need no more than each of them alone, and both are told.
func TestEveryPairOfSettings(t *testing.T) {
	t.Parallel()
	actions := func(p plan.Plan) (all []plan.Action) {
		for _, s := range p.Steps {
			if s.Container == "web" {
				all = append(all, s.Action)
			}
		}
		return all
	}
	for _, f := range settings() {
		for _, g := range settings() {
			apart := f.key == "running" || g.key == "running" || f.key == "image" || g.key == "image"
			if f.now == nil || g.now == nil || f.key >= g.key || apart {
				continue // running decides about the steps of others; an image excludes a source
			}
			s := f.world(orNot(g.old))
			g.declareNow(f.declareNow(s))
			p := plan.Compute(s.Input)
			one, other := f.declareNow(f.world(orNot(g.old))), g.declareNow(f.world(orNot(g.old)))
			want := append(actions(plan.Compute(one.Input)), actions(plan.Compute(other.Input))...)
			got := actions(p)
			if len(want) > 1 && slices.ContainsFunc(want, func(a plan.Action) bool {
				return a != plan.Note
			}) {
				want = slices.DeleteFunc(want, func(a plan.Action) bool { return a == plan.Note })
			}
			for _, a := range got {
				if !slices.Contains(want, a) {
					t.Errorf("%s and %s together need %s, which neither needs alone", f.key, g.key, a)
				}
			}
			for _, a := range want {
				if !slices.Contains(got, a) {
					t.Errorf("%s and %s together miss %s", f.key, g.key, a)
				}
			}
			if again := slices.Compact(slices.Sorted(slices.Values(got))); len(again) != len(got) {
				t.Errorf("%s and %s together repeat a step: %v", f.key, g.key, got)
			}
		}
	}
}

// A restart that is due anyway takes every other change along: one stop, one start.
func TestARestartIsNeverRepeated(t *testing.T) {
	t.Parallel()
	needsRestart := map[string]edit{
		"mac":      func(d *plan.Desired) { d.MAC = "00:16:3e:00:00:01" },
		"bridge":   func(d *plan.Desired) { d.Bridge = "br1" },
		"lxc_conf": conf("lxc.tty.max=4"),
	}
	along := map[string]edit{
		"memory":   memory(1 << 30),
		"ip":       func(d *plan.Desired) { d.IP = netip.MustParseAddr("10.5.9.9") },
		"password": func(d *plan.Desired) { d.PasswordTag = "other" },
		"domains":  func(d *plan.Desired) { d.Domains = []string{"www"} },
		"protect":  protect,
		"source":   from("gold"),
	}
	want := map[string]string{
		"memory":   "web: stop(changed) configure(changed) start address",
		"ip":       "web: stop(changed) configure(changed) start address dns",
		"password": "web: stop(changed) configure(changed) start password(changed) address",
		"domains":  "web: stop(changed) configure(changed) start address dns(changed)",
		"protect":  "web: stop(changed) configure(changed) start address",
		"source":   "web: stop(changed) configure(changed) start address\nweb! recreate destroy",
	}
	for restart, a := range needsRestart {
		for other, b := range along {
			expect(t, restart+" and "+other, text(plan.Compute(changed(a, b).Input)), want[other])
		}
	}
}

func TestChainsOfTemplates(t *testing.T) {
	t.Parallel()
	chain := []plan.Desired{declare("web", from("t3")), template("t3", from("t2")),
		template("t2", from("t1")), template("t1")}
	with := func(f func(*scene)) *scene {
		s := onHost(slices.Clone(chain)...)
		f(s)
		return s
	}
	const all1 = "t1: create(needed_by)\n"
	const all2 = "t2 <t1: clone(needed_by)\n"
	const all3 = "t3 <t2: clone(needed_by)\nweb <t3: clone(declared) " + all
	run(t, []scenario{
		{"an empty host gets them in order", with(func(*scene) {}), all1 + all2 + all3},
		{"what is there is not made again", with(func(s *scene) { s.has(chain[3]) }),
			"t2: clone(needed_by)\n" + all3},
		{"a hole is filled from what is there", with(func(s *scene) { s.has(chain[3], chain[2]) }),
			"t3: clone(needed_by)\nweb <t3: clone(declared) " + all},
		{"the first of them is not needed once the last is there",
			with(func(s *scene) { s.has(chain[1]) }), "web: clone(declared) " + all},
		{"nothing is made for a container that is there",
			with(func(s *scene) { s.has(chain[0]) }), "= 1"},
		{"a broken link stops everything after it, and nothing before", with(func(s *scene) {
			s.in.Desired[2].Backing = "zfs"
		}), `
			t2! unsupported clone
			t3! source clone failed
			web! source clone failed`},
		{"a broken first link", with(func(s *scene) { s.in.Desired = s.in.Desired[:3] }), `
			t2! source clone failed
			t3! source clone failed
			web! source clone failed`},
		{"a circle of templates", with(func(s *scene) {
			s.in.Desired[3].Image, s.in.Desired[3].FromContainer = "", "t3"
		}), `
			t1! source clone failed
			t2! source clone failed
			t3! source clone failed
			web! source clone failed`},
		{"a running template in the middle", with(func(s *scene) {
			s.has(chain[3], chain[2])
			s.got("t2").State = plan.Running
		}), `
			t3! source clone failed
			web! source clone failed`},
		{"only what is in the run is made, and what it needs", with(func(s *scene) {
			s.in.Desired = append(s.in.Desired, declare("x", from("t1")))
			s.Only = func(_, name string) bool { return name == "x" }
		}), all1 + "x <t1: clone(declared) " + all},
		{"half-made links are made again in order", with(func(s *scene) {
			s.has(chain[3], chain[2])
			for _, name := range []string{"t1", "t2"} {
				s.own(name).Applied, s.own(name).Intent = nil, "create"
				s.got(name).Damage = "no rootfs"
			}
			s.Allow = []plan.Allowance{{Count: 2}}
		}), `
			t1: destroy(unfinished) create(unfinished)
			t2 <t1: destroy(unfinished) clone(unfinished)
			t3 <t2: clone(needed_by)
			web <t3: clone(declared) ` + all},
	})
}

// Whoever leaves an address goes before whoever takes it.
func TestWhoTakesTheAddressOfAnOrphan(t *testing.T) {
	t.Parallel()
	old := declare("old").IP
	take := func(d *plan.Desired) { d.IP = old }
	lived := func() *scene { return four().has(declare("old")) }
	base := template("base")
	run(t, []scenario{
		{"a new container", func() *scene {
			s := lived().has(base)
			s.in.Desired = append(s.in.Desired, base, declare("new", take))
			return s
		}(), `
			old: destroy(not_declared)
			new <old: clone(declared) ` + all + `
			= 4`},
		{"one that exists", func() *scene {
			s := lived()
			take(&s.in.Desired[0])
			return s
		}(), `
			old: destroy(not_declared)
			a <old: configure(changed) dns
			= 3`},
		{"one that is replaced", func() *scene {
			s := lived().has(base).allow(plan.Allowance{Count: 2})
			take(&s.in.Desired[0])
			s.in.Desired[0].Backing, s.in.Desired[0].Recreate = "overlayfs", true
			return s
		}(), `
			old: destroy(not_declared)
			a <old: destroy(recreate) clone(recreate) configure password dns
			= 3`},
		{"nobody", lived(), `
			old: destroy(not_declared)
			= 4`},
		{"another address is no reason to wait", func() *scene {
			s := lived()
			s.in.Desired[0].IP = old.Next()
			return s
		}(), `
			a: configure(changed) dns
			old: destroy(not_declared)
			= 3`},
		{"an orphan that stays frees nothing", func() *scene {
			s := lived()
			s.own("old").Protect = true
			take(&s.in.Desired[0])
			return s
		}(), `
			a: configure(changed) dns
			old! protected destroy
			= 3`},
		{"both at once, and the template too", func() *scene {
			s := lived()
			s.in.Desired = append(s.in.Desired, base, declare("new", take))
			return s
		}(), `
			base: create(needed_by)
			old: destroy(not_declared)
			new <base,old: clone(declared) ` + all + `
			= 4`},
	})
}

// A snapshot keeps what it lies on; the deepest goes last.
func TestTowersOfSnapshots(t *testing.T) {
	t.Parallel()
	for height := 1; height <= 6; height++ {
		tower := func() *scene {
			s := onHost().has(declare("s0", stopped))
			for i := 1; i <= height; i++ {
				s.has(declare(fmt.Sprintf("s%d", i), stopped, overlay, from(fmt.Sprintf("s%d", i-1))))
			}
			return s.allow(plan.Allowance{Count: 99})
		}
		var order []string
		for _, step := range plan.Compute(tower().Input).Steps {
			order = append(order, step.Container)
		}
		if len(order) != height+1 || !slices.IsSortedFunc(order, func(a, b string) int {
			return strings.Compare(b, a)
		}) {
			t.Errorf("a tower of %d goes in the order %v", height, order)
		}
		for stays := 0; stays <= height; stays++ {
			s := tower()
			s.own(fmt.Sprintf("s%d", stays)).Protect = true
			gone, _ := destroyed(plan.Compute(s.Input))
			if gone != height-stays {
				t.Errorf("of a tower of %d whose floor %d is protected %d go", height, stays, gone)
			}
		}
	}
}

// Values that the run will find are planned like declared ones, and never told.
func TestValuesThatTheRunWillFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keys []string
		want string
	}{
		{nil, `= 1`},
		{[]string{"ip"}, `web: configure(changed) address dns`},
		{[]string{"mac"}, `web: stop(changed) configure(changed) start address`},
		{[]string{"password"}, `web: password(changed)`},
		{[]string{"ip", "password"}, `web: configure(changed) password(changed) address dns`},
		{[]string{"ports"}, `= 1`},
		{[]string{""}, `= 1`},
	} {
		p := plan.Compute(changed(func(d *plan.Desired) {
			d.Unknown = c.keys
			if slices.Contains(c.keys, "ip") {
				d.IP = netip.Addr{}
			}
			if slices.Contains(c.keys, "mac") {
				d.MAC = ""
			}
		}).Input)
		expect(t, fmt.Sprint(c.keys), text(p), c.want)
		for _, s := range p.Steps {
			for _, change := range s.Changes {
				if !change.Unknown || change.New != "" || change.Drift {
					t.Errorf("%v: the reader is told %+v", c.keys, change)
				}
			}
		}
	}
}

// The class that a step says is what a reader decides by whether it may run at noon.
func TestTheClassOfEachStep(t *testing.T) {
	t.Parallel()
	mac := func(d *plan.Desired) { d.MAC = "00:16:3e:00:00:01" }
	for _, c := range []struct {
		name  string
		scene *scene
		want  map[plan.Action]spec.Class
	}{
		{"a live change", changed(memory(1)), map[plan.Action]spec.Class{plan.Configure: spec.Live}},
		{"a restart", changed(mac), map[plan.Action]spec.Class{plan.Stop: spec.Restart,
			plan.Configure: spec.Restart, plan.Start: spec.Live, plan.Address: ""}},
		{"a live change with a restart", changed(mac, memory(1)), map[plan.Action]spec.Class{
			plan.Stop: spec.Restart, plan.Configure: spec.Restart, plan.Start: spec.Live,
			plan.Address: ""}},
		{"a password", changed(func(d *plan.Desired) { d.PasswordTag = "x" }),
			map[plan.Action]spec.Class{plan.Password: spec.Once}},
		{"a name", changed(func(d *plan.Desired) { d.Domains = nil }),
			map[plan.Action]spec.Class{plan.DNS: spec.Live}},
		{"a stop for good", changed(stopped), map[plan.Action]spec.Class{plan.Stop: spec.Live}},
		{"a replacement", func() *scene {
			s := changed(from("gold"), recreate)
			return s.has(template("gold"))
		}(), map[plan.Action]spec.Class{plan.Destroy: spec.Recreate, plan.Clone: spec.Recreate,
			plan.Configure: "", plan.Start: "", plan.Password: "", plan.Address: "", plan.DNS: ""}},
		{"a new container", onHost(declare("web")).has(template("base")), map[plan.Action]spec.Class{
			plan.Clone: "", plan.Configure: "", plan.Start: "", plan.Password: "", plan.Address: "",
			plan.DNS: ""}},
		{"a record", changed(protect), map[plan.Action]spec.Class{plan.Note: ""}},
		{"an orphan", onHost().has(declare("web")), map[plan.Action]spec.Class{plan.Destroy: ""}},
		{"a vanished orphan", onHost().has(declare("web")).gone("web"),
			map[plan.Action]spec.Class{plan.Forget: ""}},
	} {
		got := map[plan.Action]spec.Class{}
		for _, s := range plan.Compute(c.scene.Input).Steps {
			got[s.Action] = s.Class
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: the classes are %q, not %q", c.name, got, c.want)
		}
	}
}
