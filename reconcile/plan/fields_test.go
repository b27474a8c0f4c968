package plan_test

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// A setting has two values that a tree may declare, and where a host can tell it, two ways in
// which somebody may change it there.
type setting struct {
	key      string
	old, now edit
	file     func(*plan.Config)   // edits the configuration file by hand
	inside   func(*plan.Observed) // changes what holds in the running guest
}

func settings() []setting {
	return append(settingsOfTheConfig(), settingsOfTheRecord()...)
}

// settingsOfTheConfig are those that a host can tell.
func settingsOfTheConfig() []setting {
	ip := func(text string) edit {
		return func(d *plan.Desired) { d.IP = netip.MustParseAddr(text) }
	}
	gateway := func(text string) edit {
		return func(d *plan.Desired) { d.Gateway = netip.MustParseAddr(text) }
	}
	return []setting{
		{"bridge", func(d *plan.Desired) { d.Bridge = "br0" },
			func(d *plan.Desired) { d.Bridge = "br1" },
			func(c *plan.Config) { c.Bridge = "hand0" },
			func(o *plan.Observed) { o.Live.Bridge = "hand0" }},
		{"ip", ip("10.5.1.1"), ip("10.5.1.2"),
			func(c *plan.Config) { c.Address = netip.MustParsePrefix("10.5.9.9/16") },
			func(o *plan.Observed) { o.Addresses = []string{"10.5.9.9"} }},
		{"gateway", gateway("10.5.0.1"), gateway("10.5.0.2"),
			func(c *plan.Config) { c.Gateway = netip.MustParseAddr("10.5.0.9") },
			func(o *plan.Observed) { o.Live.Gateway = netip.MustParseAddr("10.5.0.9") }},
		{"mac", func(d *plan.Desired) { d.MAC = "00:16:3e:00:00:01" },
			func(d *plan.Desired) { d.MAC = "00:16:3e:00:00:02" },
			func(c *plan.Config) { c.MAC = "00:16:3e:00:00:09" },
			func(o *plan.Observed) { o.Live.MAC = "00:16:3e:00:00:09" }},
		{"autostart", nil, func(d *plan.Desired) { d.Autostart = false },
			func(c *plan.Config) { c.Autostart = !c.Autostart }, nil},
		{"running", nil, stopped, nil, stop},
		{"memory", memory(512 << 20), memory(1 << 30),
			func(c *plan.Config) { c.Memory = 9 << 20 },
			func(o *plan.Observed) { o.Live.Memory = 9 << 20 }},
		{"cpuset", func(d *plan.Desired) { d.CPUSet = "0" }, func(d *plan.Desired) { d.CPUSet = "1" },
			func(c *plan.Config) { c.CPUSet = "9" }, func(o *plan.Observed) { o.Live.CPUSet = "9" }},
		{"cpushare", func(d *plan.Desired) { d.CPUShare = 100 },
			func(d *plan.Desired) { d.CPUShare = 200 },
			func(c *plan.Config) { c.CPUShare = 900 }, func(o *plan.Observed) { o.Live.CPUShare = 900 }},
		{"lxc_conf", conf("lxc.a=1", "lxc.b=1"), conf("lxc.a=2", "lxc.c=1"),
			func(c *plan.Config) { c.Raw = raw("lxc.a=9", "lxc.b=1") },
			func(o *plan.Observed) { o.Live.Raw = raw("lxc.a=9", "lxc.b=1") }},
		{"lxc_conf_unset", func(d *plan.Desired) { d.LXCConfUnset = []string{"lxc.old"} },
			func(d *plan.Desired) { d.LXCConfUnset = []string{"lxc.new"} },
			func(c *plan.Config) { c.Raw = raw("lxc.old=9", "lxc.old.x=9", "lxc.kept=9") },
			func(o *plan.Observed) { o.Live.Raw = raw("lxc.old=9", "lxc.kept=9") }},
		{"hostname", nil, nil, func(c *plan.Config) { c.Hostname = "hand" },
			func(o *plan.Observed) { o.Live.Hostname = "hand" }},
	}
}

// settingsOfTheRecord are those that only the record remembers.
func settingsOfTheRecord() []setting {
	addrs := func(texts ...string) edit {
		return func(d *plan.Desired) {
			d.DNSServers = nil
			for _, text := range texts {
				d.DNSServers = append(d.DNSServers, netip.MustParseAddr(text))
			}
		}
	}
	options := func(o map[string]string) edit { return func(d *plan.Desired) { d.Options = o } }
	return []setting{
		{"from_container", from("base"), from("gold"), nil, nil},
		{"image", func(d *plan.Desired) { d.FromContainer, d.Image = "", "busybox" },
			func(d *plan.Desired) { d.FromContainer, d.Image = "", "debian" }, nil, nil},
		{"options", options(map[string]string{"arch": "amd64", "release": "bookworm"}),
			options(map[string]string{"release": "trixie", "variant": "minbase"}), nil, nil},
		{"backing", nil, func(d *plan.Desired) { d.Backing = "overlayfs" }, nil, nil},
		{"snapshot", nil, func(d *plan.Desired) { d.Snapshot = true }, nil, nil},
		{"protect", unprotect, protect, nil, nil},
		{"network", nil, func(d *plan.Desired) {
			n := network()
			n.Name = "dmz"
			d.Network = n
		}, nil, nil},
		{"domains", nil, func(d *plan.Desired) { d.Domains = []string{"web.lan", "www"} }, nil, nil},
		{"dnsservers", addrs("10.5.0.1"), addrs("10.5.0.2", "10.5.0.3"), nil, nil},
		{"searchdomains", func(d *plan.Desired) { d.SearchDomains = []string{"lan"} },
			func(d *plan.Desired) { d.SearchDomains = []string{"corp", "lan"} }, nil, nil},
		{"password", nil, func(d *plan.Desired) { d.PasswordTag = "another" }, nil, nil},
		{"users", nil, func(d *plan.Desired) { d.Users = []string{"joe", "root"} }, nil, nil},
	}
}

// world returns a host on which "web" is as the old value of a setting declares it.
func (f setting) world(also ...edit) *scene {
	s := onHost(template("base"), template("gold")).has(template("base"), template("gold"))
	return s.both(declare("web", append([]edit{orNot(f.old)}, also...)...))
}

// declareNow changes the declaration of "web".
func (f setting) declareNow(s *scene) *scene {
	d := &s.in.Desired[len(s.in.Desired)-1]
	if f.key == "lxc_conf" {
		d.LXCConf = nil
	}
	orNot(f.now)(d)
	return s
}

func orNot(e edit) edit {
	if e == nil {
		return func(*plan.Desired) {}
	}
	return e
}

// situations are all that can have happened to a setting since the last pass.
func (f setting) situations() []scenario {
	pending := f.world()
	f.declareNow(pending)
	web := pending.got("web")
	live, addresses, state := web.Live, web.Addresses, web.State
	*web = observe(pending.in.Desired[2])
	web.Live, web.Addresses, web.State = live, addresses, state
	pending.own("web").Applied = pending.in.Desired[2].Applied()
	list := []scenario{{name: "nothing", scene: f.world()}}
	if f.now != nil {
		off := f.declareNow(f.world(stopped))
		allowed := f.declareNow(f.world())
		allowed.in.Desired[2].Recreate = true
		fresh := f.declareNow(f.world()).gone("web")
		fresh.in.Owned = fresh.in.Owned[:2]
		unknown := f.declareNow(f.world())
		unknown.in.Desired[2].Unknown = []string{f.key}
		list = append(list, scenario{name: "the declaration changed", scene: f.declareNow(f.world())},
			scenario{name: "the declaration changed while it is stopped", scene: off},
			scenario{name: "the declaration changed, recreate is allowed", scene: allowed},
			scenario{name: "the declaration changed to what the run will find", scene: unknown},
			scenario{name: "written and recorded, not yet in force", scene: pending},
			scenario{name: "a new container", scene: fresh})
	}
	if f.file != nil {
		hand := f.world()
		f.file(&hand.got("web").Config)
		list = append(list, scenario{name: "the file was edited", scene: hand})
	}
	if f.file != nil && f.now != nil {
		both := f.declareNow(f.world())
		f.file(&both.got("web").Config)
		list = append(list,
			scenario{name: "the file was edited and the declaration changed", scene: both})
	}
	if f.inside != nil {
		hand := f.world()
		f.inside(hand.got("web"))
		list = append(list, scenario{name: "it was changed inside", scene: hand})
	}
	if f.inside != nil && f.file != nil {
		both := f.world()
		f.inside(both.got("web"))
		f.file(&both.got("web").Config)
		list = append(list, scenario{name: "it was changed inside and in the file", scene: both})
	}
	return list
}

// story renders everything that a reader is told of a plan.
func story(p plan.Plan) string {
	var b strings.Builder
	for _, s := range p.Steps {
		fmt.Fprintf(&b, "%s %s (%s) %s: %s", at(s.Host, s.Container), s.Action,
			cmp.Or(s.Class, "-"), s.Reason.Code, s.Reason.Text)
		if len(s.Needs) > 0 {
			b.WriteString(" [after " + strings.Join(s.Needs, ", ") + "]")
		}
		b.WriteString("\n")
		for line := range strings.Lines(changesText(plan.Plan{Steps: []plan.Step{s}}, s.Container)) {
			b.WriteString("    " + strings.TrimPrefix(line, string(s.Action)+" "))
		}
	}
	for _, x := range p.Blocked {
		fmt.Fprintf(&b, "%s blocked (%s) %s: %s", at(x.Host, x.Container), x.Code, x.Action, x.Text)
		if x.Unblock != "" {
			b.WriteString(" [" + x.Unblock + "]")
		}
		b.WriteString("\n")
	}
	for _, x := range p.Held {
		fmt.Fprintf(&b, "%s held (%s) %s: %s\n", at(x.Host, x.Container), x.Code, x.Kind, x.Text)
		held := plan.Step{Container: x.Container, Action: "held", Changes: x.Changes}
		for line := range strings.Lines(changesText(plan.Plan{Steps: []plan.Step{held}}, x.Container)) {
			b.WriteString("    " + strings.TrimPrefix(line, "held "))
		}
	}
	for _, u := range p.Unmanaged {
		fmt.Fprintf(&b, "%s unmanaged (%s): %s\n", at(u.Host, u.Container), u.State, u.Text)
	}
	fmt.Fprintf(&b, "%+v\n", p.Summary())
	return b.String()
}

// What becomes of each setting, whoever changed it: the golden files are the reference.
func TestEverySettingInEverySituation(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, f := range settings() {
		known[f.key] = true
		t.Run(f.key, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			for _, c := range f.situations() {
				fmt.Fprintf(&b, "== %s\n%s", c.name, story(plan.Compute(c.scene.Input)))
			}
			golden(t, "fields/"+f.key+".txt", b.String())
		})
	}
	for _, f := range spec.Fields() {
		elsewhere := slices.Contains([]string{"drift", "name", "netmask", "netmask_full", "profile",
			"profile_type", "recreate", "size", "ssh_gateway", "ssh_gateway_key", "ssh_gateway_port",
			"ssh_gateway_user", "windows"}, f.Key)
		if f.Status == spec.Acted && f.In&spec.InContainer != 0 && !elsewhere && !known[f.Key] {
			t.Errorf("nothing says what becomes of a change of %s", f.Key)
		}
	}
}

// The same with drift that is only reported, for what a host can tell.
func TestEverySettingInEverySituationWithDriftReported(t *testing.T) {
	t.Parallel()
	for _, f := range settingsOfTheConfig() {
		var b strings.Builder
		for _, c := range f.situations() {
			c.scene.drift(spec.DriftReport)
			fmt.Fprintf(&b, "== %s\n%s", c.name, story(plan.Compute(c.scene.Input)))
		}
		golden(t, "reported/"+f.key+".txt", b.String())
	}
}

// A plan of each setting leads to what is declared, and to nothing to do after it.
func TestEverySettingSettlesAfterOnePass(t *testing.T) {
	t.Parallel()
	for _, mode := range []spec.Drift{spec.DriftCorrect, spec.DriftReport, spec.DriftIgnore} {
		for _, f := range settings() {
			for _, c := range f.situations() {
				c.scene.drift(mode)
				p := plan.Compute(c.scene.Input)
				if c.name == "the declaration changed to what the run will find" {
					continue // resolved before the next pass
				}
				if rest := plan.Compute(mustApply(t, c.scene.Input, p)); !rest.Empty() {
					t.Errorf("%s, %s, drift: %s: after a run there remains\n%s", f.key, c.name, mode,
						text(rest))
				}
			}
		}
	}
}

// golden compares a text with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s differs (run with -update if that is meant):\n%s", name, got)
	}
}
