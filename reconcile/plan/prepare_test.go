package plan_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

const package_, bridge9, room = "package lxc", "bridge br9", "directory /srv/lxc"

func onBridge(name string) edit { return func(d *plan.Desired) { d.Bridge = name } }

func noLXC(f *plan.Facts) { f.LXC = "" }

// new9 is a new container on a bridge that only preparation makes.
func new9() plan.Desired { return declare("web", onBridge("br9")) }

func TestPreparation(t *testing.T) {
	t.Parallel()
	base := template("base")
	const made = "base: create(needed_by)\nweb <base: clone(declared) " + all + "\n"
	br9 := []string{"br9"}
	run(t, []scenario{
		{"nothing is declared", onHost(), ""},
		{"nothing is missing", onHost().prepare(br9), ""},
		{"what is missing comes in order", onHost().prepare(br9, package_, bridge9),
			"h> bridge br9, package lxc"},
		{"a bridge that it makes is one for the containers",
			onHost(new9(), base).prepare(br9, bridge9), "h> bridge br9\n" + made},
		{"a bridge that nobody makes is none", onHost(new9(), base).prepare(nil, package_),
			"h> package lxc\nweb! bridge configure failed"},
		{"a bridge that is declared and neither there nor missing", onHost(new9(), base).prepare(br9),
			"web! bridge configure failed"},
		{"LXC that it installs is there for the containers",
			onHost(declare("web"), base).can(noLXC).prepare(nil, package_), "h> package lxc\n" + made},
		{"a directory for containers that it makes is there for them",
			onHost(declare("web"), base).without("/srv/lxc").prepare(nil, room),
			"h> directory /srv/lxc\n" + made},
		{"one that is refused is not", onHost(declare("web"), base).without("/srv/lxc").
			prepare(nil, package_).refuses(room), "h> package lxc\n! prepare  failed\n" +
			"web! prepare clone failed"},
		{"LXC that is refused is not", onHost(declare("web"), base).can(noLXC).
			prepare(br9, bridge9).refuses(package_), "h> bridge br9\n! prepare  failed\n" +
			"web! lxc clone failed"},
		{"what the host refuses is told, and the rest is made",
			onHost().prepare(br9, package_).refuses(bridge9), "h> package lxc\n! prepare  failed"},
		{"a bridge that is refused is none for the containers",
			onHost(new9(), base).prepare(br9, package_).refuses(bridge9),
			"h> package lxc\n! prepare  failed\nweb! bridge configure failed"},
		{"nothing but a refusal is nothing to do", onHost().prepare(br9).refuses(bridge9),
			"! prepare  failed"},
		{"a container moves to a new bridge", onHost().with(new9()).has(declare("web")).
			prepare(br9, bridge9), "h> bridge br9\nweb: stop(changed) configure(changed) start address"},
	})
}

func TestPreparationIsHeldWithItsHost(t *testing.T) {
	t.Parallel()
	br9 := []string{"br9"}
	base := template("base")
	ownWindow := func(s *scene) *scene {
		s.in.Prepare.Hold = &plan.Hold{Code: window, Text: "opens at 22:00"}
		return s
	}
	onlyThis := func(s *scene) *scene {
		s.Holds = append(s.Holds, plan.Hold{Host: "h", Preparation: true, Code: plan.HeldBackoff})
		return s
	}
	driftOf := func(mode spec.Drift, s *scene) *scene {
		s.in.Prepare.Drift = mode
		return s
	}
	run(t, []scenario{
		{"a suspended host", onHost(declare("web"), base).prepare(br9, bridge9).hold("suspended"),
			"= suspended change\nbase= suspended create\nweb= suspended create"},
		{"outside the windows of the host, what does not need it goes on",
			ownWindow(onHost(declare("web"), base).has(base).prepare(br9, bridge9)),
			"web: clone(declared) " + all + "\n= window change"},
		{"what needs the bridge waits with it",
			ownWindow(onHost(new9(), base).prepare(br9, bridge9)),
			"= window change\nweb= needs create"},
		{"what needs LXC waits with it",
			ownWindow(onHost(declare("web"), base).can(noLXC).prepare(nil, package_)),
			"= window change\nbase= needs create\nweb= needs create"},
		{"where only the preparation is held, what does not need it goes on",
			onlyThis(onHost(declare("web"), base).has(base).prepare(br9, bridge9)),
			"web: clone(declared) " + all + "\n= backoff change"},
		{"where only the preparation is held, what needs it waits with it",
			onlyThis(onHost(new9(), base).prepare(br9, bridge9)),
			"= backoff change\nweb= needs create"},
		{"a container that is held does not hold its host",
			onHost(new9(), base).prepare(br9, bridge9).hold("window web"),
			"h> bridge br9\nweb= window create"},
		{"what needs the directory for containers waits with it",
			ownWindow(onHost(declare("web"), base).without("/srv/lxc").prepare(nil, room)),
			"= window change\nbase= needs create\nweb= needs create"},
		{"what waits for nothing is not held", ownWindow(onHost().prepare(br9)), ""},
		{"drift that is reported is left", driftOf(spec.DriftReport, onHost().prepare(br9, bridge9)),
			"= drift change"},
		{"what would need it then is told", driftOf(spec.DriftReport,
			onHost(new9(), base).prepare(br9, bridge9)),
			"web! bridge configure failed\n= drift change"},
		{"drift that is ignored is not even told",
			driftOf(spec.DriftIgnore, onHost().prepare(br9, bridge9)), ""},
	})
}

func TestPreparationHasNoPartInOneContainer(t *testing.T) {
	t.Parallel()
	s := onHost(declare("web"), template("base")).prepare([]string{"br9"}, bridge9)
	s.Only = func(_, container string) bool { return container == "web" }
	expect(t, "a pass over one container changes its host", text(plan.Compute(s.Input)),
		"base: create(needed_by)\nweb <base: clone(declared) "+all)
}

func TestHeldPreparationSaysWhatItWouldDo(t *testing.T) {
	t.Parallel()
	s := onHost().prepare(nil, package_, bridge9).hold("suspended")
	p := plan.Compute(s.Input)
	if len(p.Held) != 1 || len(p.Held[0].Changes) != 2 || p.Held[0].Changes[0].Field != bridge9 ||
		p.Held[0].Changes[0].New != "made" {
		t.Errorf("what waits on the host is not told: %+v", p.Held)
	}
	if !p.Empty() || p.Summary().Held != 1 {
		t.Errorf("a held preparation is something to do: %+v", p.Summary())
	}
}

func TestPreparationAloneIsAPlan(t *testing.T) {
	t.Parallel()
	p := plan.Compute(onHost().prepare(nil, package_).Input)
	if p.Empty() {
		t.Error("a host to prepare counts as nothing to do")
	}
}

func TestVolumeGroupThatIsMissing(t *testing.T) {
	t.Parallel()
	want := func(s *scene, name string) *scene {
		s.in.Prepare.Want.VolumeGroup = name
		return s
	}
	has := func(f *plan.Facts) { f.VolumeGroups = []string{"data"} }
	run(t, []scenario{
		{"it is told, and nothing else is kept from being done",
			want(onHost(declare("web")).has(template("base")).with(template("base")).can(has).
				prepare(nil, package_), "lxc"),
			"h> package lxc\nweb: clone(declared) " + all + "\n! volume_group  failed"},
		{"one that is there is not", want(onHost().can(has).prepare(nil), "data"), ""},
		{"without facts nothing is refused", want(onHost().prepare(nil), "lxc"), ""},
	})
}

func TestPreparationLaws(t *testing.T) {
	t.Parallel()
	law(t, "a host is prepared with all that is missing, or that is told", checkPreparation)
	law(t, "nothing is made on a host without LXC before it is installed",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			for _, s := range p.Steps {
				f := hostOf(in, s.Host).Facts
				if (s.Action == plan.Create || s.Action == plan.Clone) && f != nil && f.LXC == "" &&
					!prepares(p, s.Host) {
					t.Fatalf("%s/%s\n%s", s.Host, s.Container, text(p))
				}
			}
		})
	law(t, "no container is made on a bridge that is not there by then",
		func(t *rapid.T, in plan.Input, p plan.Plan) {
			for _, s := range p.Steps {
				h := hostOf(in, s.Host)
				if s.Action != plan.Clone || slices.Contains(h.Actual.Bridges, s.Want.Bridge) {
					continue
				}
				if h.Prepare == nil || !prepares(p, s.Host) ||
					!slices.ContainsFunc(h.Prepare.Want.Bridges, func(b spec.PreparedBridge) bool {
						return b.Name == s.Want.Bridge
					}) {
					t.Fatalf("%s/%s on %s\n%s", s.Host, s.Container, s.Want.Bridge, text(p))
				}
			}
		})
}

func prepares(p plan.Plan, host string) bool {
	return slices.ContainsFunc(p.Prepare, func(x plan.HostPreparation) bool {
		return x.Host == host
	})
}

func checkPreparation(t *rapid.T, in plan.Input, p plan.Plan) {
	if !slices.IsSortedFunc(p.Prepare, func(a, b plan.HostPreparation) int {
		return slices.Compare([]string{a.Host}, []string{b.Host})
	}) {
		t.Fatalf("not in order\n%s", text(p))
	}
	for _, h := range in.Hosts {
		held := slices.ContainsFunc(p.Held, func(x plan.Held) bool {
			return x.Host == h.Host && x.Container == "" && len(x.Changes) == len(h.Prepare.Changes)
		})
		missing := h.Prepare != nil && len(h.Prepare.Changes) > 0
		ignored := missing && h.Prepare.Drift == spec.DriftIgnore
		if done := prepares(p, h.Host); done && (!missing || held || ignored) ||
			missing && !done && !held && !ignored {
			t.Fatalf("host %s: missing %v, held %v, prepared %v\n%s", h.Host, missing, held, done, text(p))
		}
	}
}
