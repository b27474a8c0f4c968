package plan_test

import (
	"net/netip"
	"slices"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

const window, suspended, backoff = plan.HeldWindow, plan.HeldSuspended, plan.HeldBackoff

func TestWhatIsHeldGetsNoSteps(t *testing.T) {
	t.Parallel()
	busy := func() *scene {
		s := changed(memory(1 << 30))
		s.in.Desired = append(s.in.Desired, declare("new"))
		return s.has(declare("gone"), declare("lost")).gone("lost")
	}
	const web, made = "web: configure(changed)\n", "new: clone(declared) " + all + "\n"
	const gone, lost = "gone: destroy(not_declared)\n", "lost: forget(not_declared)\n"
	run(t, []scenario{
		{"nothing is held", busy(), gone + lost + made + web},
		{"a change", busy().hold("window web"), gone + lost + made + "web= window change"},
		{"a creation", busy().hold("backoff new"), gone + lost + web + "new= backoff create"},
		{"a destroy", busy().hold("suspended gone"), lost + made + web + "gone= suspended destroy"},
		{"a record that would be forgotten", busy().hold("suspended lost"),
			gone + made + web + "lost= suspended change"},
		{"the whole host", busy().hold("suspended"), `
			gone= suspended destroy
			lost= suspended change
			new= suspended create
			web= suspended change`},
		{"a name that nobody has", busy().hold("window nobody"), gone + lost + made + web},
	})
}

func TestHoldsOfHosts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		hold plan.Hold
		held bool
	}{
		{plan.Hold{}, true}, {plan.Hold{Host: host}, true}, {plan.Hold{Container: "web"}, true},
		{plan.Hold{Host: host, Container: "web"}, true}, {plan.Hold{Host: "other"}, false},
		{plan.Hold{Host: "other", Container: "web"}, false}, {plan.Hold{Container: "we"}, false},
		{plan.Hold{Host: host, Container: "WEB"}, false},
	} {
		s := changed(memory(1 << 30))
		c.hold.Code, c.hold.Text = window, "opens at 22:00"
		s.Holds = []plan.Hold{c.hold}
		want := "web: configure(changed)"
		if c.held {
			want = "web= window change"
		}
		expect(t, c.hold.Host+"/"+c.hold.Container, text(plan.Compute(s.Input)), want)
	}
}

// What a reader is told is the hold that lasts longest, whatever the order.
func TestSeveralHoldsOfOneContainer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		holds []string
		want  string
	}{
		{[]string{"window web", "suspended"}, suspended},
		{[]string{"window", "suspended web"}, suspended},
		{[]string{"backoff web", "window web"}, window},
		{[]string{"backoff", "window", "backoff web"}, window},
		{[]string{"backoff web", "suspended", "window"}, suspended},
		{[]string{"other", "backoff"}, backoff},
		{[]string{"other", "another"}, "another"},
	} {
		for range 2 {
			slices.Reverse(c.holds)
			expect(t, "one of several", text(plan.Compute(changed(memory(1<<30)).hold(c.holds...).Input)),
				"web= "+c.want+" change")
		}
	}
	s := changed(memory(1 << 30))
	s.Holds = []plan.Hold{{Code: window, Text: "b"}, {Code: window, Text: "a"}}
	if got := plan.Compute(s.Input).Held[0].Text; got != "a" {
		t.Errorf("of two alike the reader is told %q, depending on their order", got)
	}
}

func TestWhatIsHeldAndAsDeclaredIsUnchanged(t *testing.T) {
	t.Parallel()
	s := onHost(template("base")).has(template("base")).both(declare("a"), declare("b")).hold("window")
	expect(t, "nothing waits", text(plan.Compute(s.Input)), "= 2")
	s.in.Desired[1].Memory = 1 << 30
	expect(t, "one waits", text(plan.Compute(s.Input)), "a= window change\n= 1")
	s.Only = func(_, name string) bool { return name == "b" }
	expect(t, "what this run leaves out does not wait", text(plan.Compute(s.Input)), "= 1")
}

func TestWhatAReaderLearnsOfWhatIsHeld(t *testing.T) {
	t.Parallel()
	s := changed(memory(1<<30), func(d *plan.Desired) {
		d.PasswordTag, d.Position = "other", spec.Position{File: "a.yaml", Line: 7}
	}).hold("window web")
	s.got("web").Config.Autostart = false
	p := plan.Compute(s.Input)
	if len(p.Held) != 1 || !p.Empty() {
		t.Fatalf("it is not held:\n%s", text(p))
	}
	h := p.Held[0]
	if h.Host != host || h.Container != "web" || h.Text != "it waits" || h.Position.Line != 7 {
		t.Errorf("the reader does not learn what waits, or why: %+v", h)
	}
	want := []plan.Change{
		{Field: "autostart", Old: "false", New: "true", Class: spec.Live, Drift: true},
		{Field: "memory", New: "1G", Class: spec.Live},
		{Field: "password", Class: spec.Once, Sensitive: true},
	}
	if !slices.Equal(h.Changes, want) {
		t.Errorf("the reader learns %+v, not %+v", h.Changes, want)
	}
	if got := p.Summary(); got != (plan.Summary{Held: 1}) {
		t.Errorf("it is counted as %+v", got)
	}
}

func TestAReplacementThatIsHeld(t *testing.T) {
	t.Parallel()
	s := changed(from("gold"), recreate, memory(1<<30)).hold("window web")
	s.in.Desired = append(s.in.Desired, template("gold"))
	p := plan.Compute(s.Input)
	expect(t, "neither it nor the template that it alone needs", text(p), "web= window replace")
	if c := p.Held[0].Changes; len(c) != 1 || c[0].Field != "from_container" || c[0].Old != "base" {
		t.Errorf("the reader does not learn why it would be replaced: %+v", c)
	}
	s.in.Desired[1].Recreate = false
	expect(t, "what is blocked stays blocked, the rest waits", text(plan.Compute(s.Input)), `
		web! recreate destroy
		web= window change`)
}

// A mistake in the declaration is told also while the container is held.
func TestAHoldHidesNoFault(t *testing.T) {
	t.Parallel()
	lost := func(d *plan.Desired) { d.Bridge = "br9" }
	run(t, []scenario{
		{"a missing bridge", onHost(declare("web", lost)).hold("suspended"),
			"web! bridge configure failed"},
		{"a missing source", onHost(declare("web", from("z"))).hold("suspended"),
			"web! source clone failed"},
		{"a name that is taken", onHost(declare("web")).foreign("web").hold("suspended"), `
			web! foreign create
			web? stopped: it carries no mark`},
		{"a protected orphan", onHost().has(declare("web", protect)).hold("suspended"),
			"web! protected destroy"},
		{"damage", func() *scene {
			s := onHost().both(declare("web")).hold("suspended")
			s.got("web").Damage = "no lxc.rootfs.path"
			return s
		}(), "web! damaged start failed"},
	})
}

func TestHeldSources(t *testing.T) {
	t.Parallel()
	off := declare("gold", stopped)
	both := func() *scene {
		return onHost(template("base"), declare("a"), declare("b"), declare("c", from("gold")), off)
	}
	const base, gold = "base: create(needed_by)\n",
		"gold <base: clone(declared) configure password dns\n"
	const a, b = "a <base: clone(declared) " + all + "\n", "b <base: clone(declared) " + all + "\n"
	const c = "c <gold: clone(declared) " + all + "\n"
	run(t, []scenario{
		{"nothing is held", both(), base + a + b + gold + c},
		{"a template: what is cloned from it waits too", both().hold("window base"), `
			a= needs create
			b= needs create
			base= window create
			c= needs create
			gold= needs create`},
		{"a source that does not exist yet", both().hold("window gold"),
			base + a + b + "c= needs create\ngold= window create"},
		{"a clone: its source is made anyway if it is declared", both().hold("window c"),
			base + a + b + gold + "c= window create"},
		{"all that need the template: it is not made for nobody",
			both().hold("window a", "window b", "window gold"), `
			a= window create
			b= window create
			c= needs create
			gold= window create`},
		{"all but one that need the template", both().hold("window a", "window gold"),
			base + b + `
			a= window create
			c= needs create
			gold= window create`},
		{"a template that exists is a source although it is held",
			onHost(declare("web")).both(template("base")).hold("suspended base"),
			"web: clone(declared) " + all},
		{"a source that exists and waits for a change", func() *scene {
			s := onHost(declare("web", from("gold"))).both(off).hold("window gold")
			s.declared("gold").Memory = 1 << 30
			return s
		}(), "web: clone(declared) " + all + "\ngold= window change"},
		{"a source that would be stopped first", func() *scene {
			s := onHost(declare("web", from("gold"))).both(off).hold("window gold")
			start(s.got("gold"))
			return s
		}(), "gold= window change\nweb= needs create"},
		{"a source that would be replaced can be cloned as it is", func() *scene {
			s := onHost(declare("web", from("gold"))).both(off, template("base"), template("new")).
				hold("window gold")
			s.declared("gold").FromContainer, s.declared("gold").Recreate = "new", true
			return s
		}(), "web: clone(declared) " + all + "\ngold= window replace"},
		{"a half-made template", func() *scene {
			s := onHost(declare("web")).both(template("base")).hold("window base")
			s.got("base").Damage = "no lxc.rootfs.path"
			s.own("base").Applied, s.own("base").Intent = nil, "create"
			return s
		}(), "base= window replace\nweb= needs create"},
		{"a source that cannot be had anyway: the mistake is told", func() *scene {
			s := onHost(declare("web")).both(template("base")).foreign("hand").hold("window web")
			s.got("base").Damage, s.got("hand").Lower = "no lxc.rootfs.path", "base"
			s.own("base").Applied, s.own("base").Intent = nil, "create"
			return s
		}(), `
			base! dependants destroy
			web! source clone failed
			hand? stopped: it carries no mark`},
		{"an orphan that a held container is cloned from stays",
			onHost(declare("web", from("gold"))).has(off).hold("window web"), `
			gold! dependants destroy
			web= window create`},
	})
}

// A template of a template is made for those that are not held, and the reader learns for whom.
func TestTemplatesOfHeldContainers(t *testing.T) {
	t.Parallel()
	scene := func(holds ...string) *scene {
		return onHost(template("base"), template("tools", func(d *plan.Desired) {
			d.Image, d.FromContainer = "", "base"
		}), declare("a", from("tools")), declare("z")).hold(holds...)
	}
	const z = "z <base: clone(declared) " + all + "\n"
	run(t, []scenario{
		{"both chains", scene(), "base: create(needed_by)\ntools <base: clone(needed_by)\n" +
			"a <tools: clone(declared) " + all + "\n" + z},
		{"the longer one is held", scene("window a"),
			"base: create(needed_by)\n" + z + "a= window create"},
		{"the shorter one is held", scene("window z"), "base: create(needed_by)\n" +
			"tools <base: clone(needed_by)\na <tools: clone(declared) " + all + "\nz= window create"},
		{"both", scene("window a", "window z"), "a= window create\nz= window create"},
		{"the one in the middle", scene("window tools"), "base: create(needed_by)\n" + z + `
			a= needs create
			tools= window create`},
	})
	p := plan.Compute(scene("window a").Input)
	if got := p.Steps[0].Reason.Text; got != "the template is needed by z" {
		t.Errorf("the reader is told that %s, which waits", got)
	}
}

func TestHeldDestroysAndTheGuard(t *testing.T) {
	t.Parallel()
	run(t, []scenario{
		{"a held destroy counts, for it will come", many(5, 2).hold("window xa"), `
			xb! guard destroy
			xa= window destroy
			= 5`},
		{"those that are left are still too many", many(4, 3).hold("window xa"), `
			xb! guard destroy
			xc! guard destroy
			xa= window destroy
			= 4`},
		{"none is left", many(2, 3).hold("suspended"), `
			xa= suspended destroy
			xb= suspended destroy
			xc= suspended destroy
			= 2`},
		{"a held replacement counts", func() *scene {
			s := many(5, 1).has(template("new")).hold("window ka")
			s.in.Desired = append(s.in.Desired, template("new"))
			s.in.Desired[0].FromContainer, s.in.Desired[0].Recreate = "new", true
			return s
		}(), `
			xa! guard destroy
			ka= window replace
			= 4`},
		{"an allowance does not lift a hold",
			many(0, 1).hold("window xa").allow(plan.Allowance{Host: host, Container: "xa"}),
			"xa= window destroy"},
	})
}

func TestSnapshotsOfHeldContainers(t *testing.T) {
	t.Parallel()
	layers := func(holds ...string) *scene {
		low := declare("low", stopped)
		s := four().both(declare("e", stopped), declare("f", stopped), declare("g", stopped)).
			has(low, declare("up", stopped, overlay, from("low")))
		return s.hold(holds...).allow(plan.Allowance{Count: 2})
	}
	run(t, []scenario{
		{"a snapshot goes first", layers(), `
			up: destroy(not_declared)
			low <up: destroy(not_declared)
			= 7`},
		{"what lies below a held snapshot waits with it", layers("window up"), `
			low= needs destroy
			up= window destroy
			= 7`},
		{"a snapshot goes although what is below it waits", layers("window low"), `
			up: destroy(not_declared)
			low= window destroy
			= 7`},
	})
	p := plan.Compute(layers("window up").Input)
	if got := p.Held[0].Text; got != `its snapshot "up" is held (window)` {
		t.Errorf("the reader is told %q", got)
	}
}

func TestAddressesOfHeldContainers(t *testing.T) {
	t.Parallel()
	first, second, third := netip.MustParseAddr("10.5.1.1"), netip.MustParseAddr("10.5.1.2"),
		netip.MustParseAddr("10.5.1.3")
	ip := func(a netip.Addr) edit { return func(d *plan.Desired) { d.IP = a } }
	base := func(done ...plan.Desired) *scene {
		return onHost(template("base")).has(template("base")).both(done...)
	}
	// moved has "a" at the first address and "b" at the second, which both shall leave.
	moved := func(a, b netip.Addr, holds ...string) *scene {
		s := base(declare("a", ip(first)), declare("b", ip(second))).hold(holds...)
		s.declared("a").IP, s.declared("b").IP = a, b
		return s
	}
	const a, b = "a: configure(changed) address dns\n",
		"b: configure(changed) address dns\n"
	run(t, []scenario{
		{"the giver of an address goes first", moved(second, third),
			b + "a <b: configure(changed) address dns"},
		{"the giver is held: the taker waits", moved(second, third, "window b"), `
			a= needs change
			b= window change`},
		{"the taker is held: the giver goes", moved(second, third, "window a"), b + "a= window change"},
		{"two that swap wait for each other", moved(second, first, "window a"), `
			a= window change
			b= needs change`},
		{"an address that nobody has", moved(third, second, "window b"), a + "= 1"},
		{"a new container waits for an orphan that is held",
			base().has(declare("old", ip(first))).hold("window old").
				with(declare("new", ip(first))), `
			new= needs create
			old= window destroy`},
		{"a chain of three", func() *scene {
			s := moved(second, third, "window c")
			s.both(declare("c", ip(third)))
			s.declared("c").IP = netip.MustParseAddr("10.5.1.4")
			return s
		}(), `
			a= needs change
			b= needs change
			c= window change`},
		{"who is held and keeps its address is in nobody's way", func() *scene {
			s := moved(third, second, "window b")
			s.declared("b").Memory = 1 << 30
			return s
		}(), a + "b= window change"},
	})
	p := plan.Compute(moved(second, third, "window b").Input)
	const want = `its address is still that of "b", which is held (window)`
	if got := p.Held[0].Text; got != want {
		t.Errorf("the reader is told %q, not %q", got, want)
	}
}

// Lifting a hold gives the plan that there would have been without it.
func TestAHoldOnlyDefers(t *testing.T) {
	t.Parallel()
	s := mixed().hold("window")
	want := text(plan.Compute(mixed().Input))
	first := plan.Compute(s.Input)
	if !first.Empty() {
		t.Fatalf("something is done:\n%s", text(first))
	}
	s.Input = mustApply(t, s.Input, first)
	s.Holds = nil
	expect(t, "afterwards", text(plan.Compute(s.Input)), want)
}

// What was begun is not finished while it is held: a hold is a word of a person, or of a clock.
func TestUnfinishedContainersAreHeldToo(t *testing.T) {
	t.Parallel()
	s := onHost(template("base")).has(template("base")).both(declare("web")).hold("backoff web")
	s.own("web").Applied, s.own("web").Intent = nil, "clone"
	expect(t, "it waits", text(plan.Compute(s.Input)), "web= backoff change")
	s.got("web").Damage = "no lxc.rootfs.path"
	expect(t, "half made", text(plan.Compute(s.Input)), "web= backoff replace")
}
