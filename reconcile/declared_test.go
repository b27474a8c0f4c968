package reconcile_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
	"reconciler/spec"
)

// planDeclared plans the change from one tree to another.
func planDeclared(t *testing.T, base, now string, o reconcile.Options) reconcile.Pass {
	t.Helper()
	pass, err := reconcile.PlanDeclared(parsed(t, base), parsed(t, now), o)
	if err != nil {
		t.Fatal(err)
	}
	return pass
}

// told prints the changes of a plan, one a line.
func told(p plan.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		for _, c := range s.Changes {
			after := c.New
			if c.Unknown {
				after = "?"
			}
			fmt.Fprintf(&b, "%s/%s %s %s: %s -> %s\n",
				s.Host, s.Container, s.Action, c.Field, c.Old, after)
		}
	}
	return b.String()
}

func TestADeclaredPlanTellsWhatTheChangeDeclares(t *testing.T) {
	t.Parallel()
	const profile = "profiles: {web: {memory: %s}}\ntargets: {h: {a: {profile: web}, b: {}, c: {%s}}}"
	for name, test := range map[string]struct{ base, now, want string }{
		"nothing": {fmt.Sprintf(profile, "512M", ""), fmt.Sprintf(profile, "512M", ""), ""},
		"a profile": {fmt.Sprintf(profile, "512M", ""), fmt.Sprintf(profile, "1G", ""),
			"h/a configure memory: 512M -> 1G\n"},
		"an address is pinned": {fmt.Sprintf(profile, "1G", ""),
			fmt.Sprintf(profile, "1G", "ip: 10.5.0.2"), "h/c configure ip: generated -> 10.5.0.2/16\n"},
		"an address is no longer pinned": {fmt.Sprintf(profile, "1G", "ip: 10.5.0.2"),
			fmt.Sprintf(profile, "1G", ""), ""},
		"a mac is pinned": {fmt.Sprintf(profile, "1G", ""),
			fmt.Sprintf(profile, "1G", "mac: '00:16:3e:00:00:07'"),
			"h/c configure mac: generated -> 00:16:3e:00:00:07\n"},
		"another network": {fmt.Sprintf(profile, "1G", ""), fmt.Sprintf(profile, "1G",
			"network: 10.9.0.0/24, bridge: br9"), "h/c configure bridge: lxcbr1 -> br9\n" +
			"h/c configure ip: generated -> ?\nh/c configure gateway: 10.5.0.1 -> \n"},
		"a password": {fmt.Sprintf(profile, "1G", "password: hush"),
			fmt.Sprintf(profile, "1G", "password: loud"), "h/c password password:  -> \n"},
		"a password instead of a generated one": {fmt.Sprintf(profile, "1G", ""),
			fmt.Sprintf(profile, "1G", "password: loud"), "h/c password password:  -> \n"},
		"a password is no longer declared": {fmt.Sprintf(profile, "1G", "password: hush"),
			fmt.Sprintf(profile, "1G", ""), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := told(planDeclared(t, test.base, test.now, reconcile.Options{}).Plan)
			if got != test.want {
				t.Errorf("the change shows as\n%s\nnot\n%s", got, test.want)
			}
		})
	}
}

func TestANewContainerHasNothingGenerated(t *testing.T) {
	t.Parallel()
	const base, now = "targets: {h: {a: {}}}", "targets: {h: {a: {}, b: {memory: 1G}}}"
	got := told(planDeclared(t, base, now, reconcile.Options{}).Plan)
	for _, line := range []string{"h/b clone from_container:  -> base", "h/b clone ip:  -> ?",
		"h/b clone mac:  -> ?", "h/b clone password:  -> ?", "h/b clone memory:  -> 1G"} {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("it is not told that %s:\n%s", line, got)
		}
	}
}

// What is made up to compare with is in nothing that is shown: whoever reads it would look for a
// container with that address.
func TestNothingMadeUpIsShown(t *testing.T) {
	t.Parallel()
	const base = "targets: {h: {a: {}, b: {recreate: allow}, c: {}, d: {}, e: {}}}"
	const now = "targets: {h: {a: {mac: '00:16:3e:00:00:01'}, b: {recreate: allow, image: busybox}, " +
		"c: {ip: 10.5.9.9}, d: {}, f: {}}}"
	pass := planDeclared(t, base, now, reconcile.Options{Allow: []plan.Allowance{{Count: 9}}})
	p := pass.Plan
	var b strings.Builder
	if err := report.JSON(&b, p, report.Meta{}); err != nil {
		t.Fatal(err)
	}
	for _, made := range []string{`10\.5\.0\.[0-9]`, `"uid": "[^"]`, `"h/b"`, `"same"`, `"other"`} {
		if found := regexp.MustCompile(made).FindString(b.String()); found != "" {
			t.Errorf("%s is shown:\n%s", found, b.String())
		}
	}
	if s := p.Summary(); s.Replace != 1 || s.Destroy != 2 || s.Create != 2 || s.Change != 2 {
		t.Errorf("the plan comes to %+v: %v", s, actions(p.Steps))
	}
	if pass.Knowledge != report.KnowDeclared || pass.Base.ID != "r" || pass.Installation != "" {
		t.Errorf("the pass says %q against %q, installation %q", pass.Knowledge, pass.Base.ID,
			pass.Installation)
	}
}

func TestTheRulesOfSafetyHoldInADeclaredPlan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ base, now, code string }{
		"guard": {"targets: {h: {a: {}, b: {}, c: {}}}", "targets: {h: {a: {}}}", plan.BlockedGuard},
		"protect stays": {"targets: {h: {a: {protect: true}, b: {}}}", "targets: {h: {b: {}}}",
			plan.BlockedProtected},
		"recreate": {"targets: {h: {a: {}}}", "targets: {h: {a: {image: busybox}}}",
			plan.BlockedRecreate},
		"an address that its owner keeps": {"targets: {h: {a: {ip: 10.5.0.9}, b: {}}}",
			"targets: {h: {a: {}, b: {ip: 10.5.0.9}}}", plan.BlockedAddress},
	} {
		p := planDeclared(t, test.base, test.now, reconcile.Options{}).Plan
		if len(p.Blocked) == 0 || p.Blocked[0].Code != test.code {
			t.Errorf("%s: blocked %v, steps %v", name, p.Blocked, actions(p.Steps))
		}
	}
	p := planDeclared(t, "targets: {h: {a: {}}}", "targets: {i: {b: {}}}", reconcile.Options{}).Plan
	for _, s := range p.Steps {
		if s.Host != "i" {
			t.Errorf("a host that left the tree: %s of %s/%s", s.Action, s.Host, s.Container)
		}
	}
}

func TestADeclaredPlanOfANewTree(t *testing.T) {
	t.Parallel()
	empty := reconcile.Declaration{Tree: &spec.Tree{}}
	pass, err := reconcile.PlanDeclared(empty, parsed(t, threeContainers), reconcile.Options{})
	if err != nil || pass.Plan.Summary().Create != 4 { // with the template
		t.Errorf("the first tree of a repository: %+v, error %v", pass.Plan.Summary(), err)
	}
}

func TestADeclaredPlanKeepsToItsFilters(t *testing.T) {
	t.Parallel()
	const base = "targets: {h: {a: {}, b: {}}, i: {c: {}}}"
	const now = "defaults: {memory: 1G}\n" + base
	o := reconcile.Options{Only: []reconcile.Target{{Host: "h", Container: "b"}}}
	got := told(planDeclared(t, base, now, o).Plan)
	if got != "h/b configure memory:  -> 1G\n" {
		t.Errorf("limited to one container it shows\n%s", got)
	}
	o.Only = []reconcile.Target{{Host: "h", Container: "typo"}}
	if _, err := reconcile.PlanDeclared(parsed(t, base), parsed(t, now), o); err == nil {
		t.Error("a filter that names nothing was accepted")
	}
	// What only the base declares can be named too.
	o.Only = []reconcile.Target{{Host: "h", Container: "b"}}
	gone := planDeclared(t, base, "targets: {h: {a: {}}}", o).Plan
	if len(gone.Steps) != 1 || gone.Steps[0].Action != plan.Destroy {
		t.Errorf("a container that goes: %v", actions(gone.Steps))
	}
}

// When it may be done is not what a reviewer asks: the same plan is shown at any time of the day.
func TestWindowsDoNotHideADeclaredChange(t *testing.T) {
	t.Parallel()
	const base = "targets: {h: {a: {windows: [sun 01:00-02:00]}}}"
	const now = "targets: {h: {a: {windows: [sun 01:00-02:00], memory: 1G}}}"
	monday := reconcile.Options{Now: func() time.Time {
		return time.Date(2024, 5, 6, 12, 0, 0, 0, time.UTC)
	}}
	if got := told(planDeclared(t, base, now, monday).Plan); got != "h/a configure memory:  -> 1G\n" {
		t.Errorf("outside of the windows it shows\n%s", got)
	}
}

// A container that is cloned from one that nobody declares exists in the base as it does now.
func TestSourcesThatNobodyDeclares(t *testing.T) {
	t.Parallel()
	const base = "targets: {h: {a: {from_container: handmade}}}"
	const now = "targets: {h: {a: {from_container: handmade}, b: {from_container: another}}}"
	p := planDeclared(t, base, now, reconcile.Options{}).Plan
	if s := p.Summary(); s.Create != 1 || s.Unchanged != 1 || s.Blocked != 0 || len(p.Unmanaged) != 0 {
		t.Errorf("%+v, blocked %v, unmanaged %v", s, p.Blocked, p.Unmanaged)
	}
}

// The addresses that a change declares are not those that were generated before, even where the
// network has few.
func TestASmallNetworkMakesUpNoConflict(t *testing.T) {
	t.Parallel()
	const net = "networks: {lan: {cidr: 10.1.0.0/29, gateway: 10.1.0.1}}\ndefaults: {network: lan}\n"
	const base = net + "targets: {h: {a: {}, b: {}, c: {}}}"
	const now = net + "targets: {h: {a: {}, b: {}, c: {ip: 10.1.0.2}}}"
	p := planDeclared(t, base, now, reconcile.Options{}).Plan
	if len(p.Blocked) > 0 || told(p) != "h/c configure ip: generated -> 10.1.0.2/29\n" {
		t.Errorf("blocked %v, changes\n%s", p.Blocked, told(p))
	}
	const full = net + "targets: {h: {a: {}, b: {}, c: {}, d: {}, e: {}}}"
	p = planDeclared(t, full, full+"\nprofiles: {x: {}}", reconcile.Options{}).Plan
	if !p.Empty() || len(p.Blocked) > 0 {
		t.Errorf("a network that is full: steps %v, blocked %v", actions(p.Steps), p.Blocked)
	}
}

// Two trees are all that it takes: no store, no host, no key.
func TestADeclaredPlanOfLockedTrees(t *testing.T) {
	t.Parallel()
	sealed := func(more string) reconcile.Declaration {
		files := fstest.MapFS{
			"a.yaml":     {Data: []byte("targets: {h: {a: {" + more + "}}}")},
			"s.yaml.age": {Data: []byte("age-encryption.org/v1\n-> X25519 a\nb\n--- c\nd")},
		}
		tree, err := spec.Parse(files, spec.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return reconcile.Declaration{Tree: tree}
	}
	pass, err := reconcile.PlanDeclared(sealed(""), sealed("memory: 1G"), reconcile.Options{})
	if got := told(pass.Plan); err != nil || got != "h/a configure memory:  -> 1G\n" {
		t.Errorf("error %v, changes\n%s", err, got)
	}
}
