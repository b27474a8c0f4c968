package plan_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

const all = "configure start password address dns"

// A case is a scene and the plan that a user expects of it.
type scenario struct {
	name  string // what a user would lose if it failed
	scene *scene
	want  string
}

func run(t *testing.T, cases []scenario) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			expect(t, c.name, text(plan.Compute(c.scene.Input)), c.want)
		})
	}
}

func TestNewContainers(t *testing.T) {
	t.Parallel()
	base := template("base")
	run(t, []scenario{
		{"an empty host gets the template first, then its clone", onHost(declare("web"), base), `
			base: create(needed_by)
			web <base: clone(declared) ` + all},
		{"a template that exists is used as it is", onHost(declare("web"), base).has(base), `
			web: clone(declared) ` + all},
		{"a template that nobody needs is not made",
			onHost(base, declare("x", func(d *plan.Desired) { d.FromContainer, d.Image = "", "debian" })), `
			x: create(declared) ` + all},
		{"a template of a template is made first",
			onHost(declare("web", from("mid")), base, template("mid", from("base"))), `
			base: create(needed_by)
			mid <base: clone(needed_by)
			web <mid: clone(declared) ` + all},
		{"a stopped container is made but not started",
			onHost(declare("web", stopped), base).has(base), `
			web: clone(declared) configure password dns`},
		{"without a password none is set",
			onHost(declare("web", func(d *plan.Desired) { d.PasswordTag = "" }), base).has(base), `
			web: clone(declared) configure start address dns`},
		{"a password that will only be made in the run is set",
			onHost(declare("web", func(d *plan.Desired) {
				d.PasswordTag, d.Unknown = "", []string{"password"}
			}), base).has(base), `
			web: clone(declared) ` + all},
		{"a container that vanished from the host is made again",
			onHost(base).has(base).both(declare("web")).gone("web"), `
			web: clone(missing) ` + all},
		{"a record that was only reserved is not a vanished container", func() *scene {
			s := onHost(base).has(base).both(declare("web")).gone("web")
			s.own("web").Applied = nil
			return s
		}(), `
			web: clone(declared) ` + all},
		{"a creation that was interrupted before anything existed says so", func() *scene {
			s := onHost(base).has(base).both(declare("web")).gone("web")
			s.own("web").Applied, s.own("web").Intent = nil, "clone"
			return s
		}(), `
			web: clone(unfinished) ` + all},
		{"many clones wait for one template",
			onHost(declare("c"), declare("a"), declare("b"), base), `
			base: create(needed_by)
			a <base: clone(declared) ` + all + `
			b <base: clone(declared) ` + all + `
			c <base: clone(declared) ` + all},
	})
}

func TestWhatCannotBeMade(t *testing.T) {
	t.Parallel()
	base := template("base")
	run(t, []scenario{
		{"a backing that is not acted on is refused in words",
			onHost(base, declare("web", func(d *plan.Desired) { d.Backing = "lvm" })), `
			web! unsupported clone`},
		{"a container that exists keeps an unsupported backing",
			onHost(base).has(base).both(declare("web", func(d *plan.Desired) { d.Backing = "lvm" })), `
			= 1`},
		{"a bridge that does not exist is named before anything is made",
			onHost(base, declare("web", func(d *plan.Desired) { d.Bridge = "br9" })), `
			web! bridge configure failed`},
		{"a template whose backing is unsupported blocks its clones",
			onHost(declare("web"), template("base", func(d *plan.Desired) { d.Backing = "zfs" })), `
			base! unsupported create
			web! source clone failed`},
		{"a container of somebody else is never taken over",
			onHost(base, declare("web")).has(base).foreign("web"), `
			web! foreign create
			web? stopped: it carries no mark`},
		{"a template of somebody else is used as it is",
			onHost(base, declare("web")).foreign("base"), `
			web: clone(declared) ` + all + `
			base? stopped: it carries no mark`},
		{"what could not be resolved is left alone, and is no orphan", func() *scene {
			s := onHost(base).has(base, declare("web"))
			s.in.Problems = []plan.Blocked{{Host: host, Container: "web", Action: plan.Create,
				Code: plan.BlockedAddress, Text: "no address is free", Failed: true}}
			return s
		}(), `
			web! address create failed`},
		{"a problem without a container stands for the whole host", func() *scene {
			s := onHost(base, declare("new")).has(base, declare("orphan"))
			s.in.Problems = []plan.Blocked{{Host: host, Code: plan.BlockedAddress, Failed: true}}
			return s
		}(), `
			! address  failed`},
	})
}

func TestReaderOfANewContainerSeesWhatMatters(t *testing.T) {
	t.Parallel()
	d := declare("web", memory(512<<20), func(d *plan.Desired) {
		d.IP = netip.Addr{}
		d.CPUSet, d.CPUShare = "0-1", 512
		d.Generated, d.Unknown = []string{"ip", "mac", "password"}, []string{"ip"}
		d.MAC = "00:16:3e:00:00:07"
	})
	got := changesText(plan.Compute(onHost(d, template("base", func(d *plan.Desired) {
		d.Options = map[string]string{"release": "bookworm", "arch": "amd64"}
	})).Input), "web")
	expect(t, "the creation lists source, addresses and limits, and no password", got, `
		clone from_container: - → base (recreate)
		clone bridge: - → br0 (restart)
		clone ip*?: - → - (live)
		clone mac*: - → 00:16:3e:00:00:07 (restart)
		clone password*#: - → - (once)
		clone memory: - → 512M (live)
		clone cpuset: - → 0-1 (live)
		clone cpushare: - → 512 (live)`)
}

func TestWarningsAndHostsAreSorted(t *testing.T) {
	t.Parallel()
	at := func(file string, line, column int, text string) spec.Problem {
		return spec.Problem{Position: spec.Position{File: file, Line: line, Column: column}, Text: text}
	}
	s := onHost()
	s.Warnings = []spec.Problem{at("b", 1, 1, ""), at("a", 2, 1, ""), at("a", 1, 2, "y"),
		at("a", 1, 2, "x"), at("a", 1, 1, "")}
	s.Unreachable = []plan.Unreachable{{Host: "z"}, {Host: "y", Text: "b"}, {Host: "y", Text: "a"}}
	p := plan.Compute(s.Input)
	var b strings.Builder
	for _, w := range p.Warnings {
		fmt.Fprintf(&b, "%s:%d:%d%s\n", w.Position.File, w.Position.Line, w.Position.Column, w.Text)
	}
	expect(t, "warnings come in the order of the files", b.String(), `
		a:1:1
		a:1:2x
		a:1:2y
		a:2:1
		b:1:1`)
	expect(t, "hosts come in the order of their names", text(p), `
		y unreachable: a
		y unreachable: b
		z unreachable:`)
}

// A reader of the JSON must not have to tell null from an empty list.
func TestAnEmptyPlanHasEmptyLists(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(plan.Compute(plan.Input{}))
	const want = `{"prepare":[],"steps":[],"blocked":[],"held":[],"rollouts":[],"unmanaged":[],` +
		`"unreachable":[],` +
		`"warnings":[],"unchanged":0}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestPlansShowNoSecret(t *testing.T) {
	t.Parallel()
	secret := func(d *plan.Desired) { d.PasswordTag = "fingerprint" }
	for _, in := range []plan.Input{onHost(template("base"), declare("web", secret)).Input,
		changed(secret).Input} {
		got, err := json.Marshal(plan.Compute(in))
		if err != nil || !strings.Contains(string(got), `"sensitive":true`) {
			t.Errorf("the password is not planned: %s, %v", got, err)
		}
		if strings.Contains(string(got), "fingerprint") || strings.Contains(string(got), "tag-web") {
			t.Errorf("the plan shows the fingerprint of a password: %s", got)
		}
	}
}
