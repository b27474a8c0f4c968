package spec_test

import (
	"fmt"
	"testing"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	got := parse(t, `
templates:
  base: {image: busybox, options: {a: b}, lxc_conf: [lxc.cap.drop: x], recreate: allow}
  gold: {from_container: base}
  plain: {}
hosts: {i: {defaults: {image: alpine, options: {release: edge}, memory: 1G, backing: overlayfs}}}
targets: {h: {c: {from_container: gold}}, i: {}}
`)
	tests := []struct{ host, name, from, image, options, pos string }{
		{"h", "base", "", "busybox", "map[a:b]", "a.yaml:2"},
		{"h", "gold", "base", "", "map[]", "a.yaml:3"},
		{"h", "plain", "", "debian", "map[]", "a.yaml:4"},
		{"i", "base", "", "busybox", "map[a:b]", "a.yaml:2"},
		{"i", "gold", "base", "", "map[]", "a.yaml:3"},
		{"i", "plain", "", "alpine", "map[release:edge]", "a.yaml:4"},
	}
	for _, tt := range tests {
		c := got.Hosts[tt.host].Templates[tt.name]
		if c == nil || len(got.Hosts[tt.host].Templates) != 3 {
			t.Fatalf("template %s of host %s is missing: %v", tt.name, tt.host, got.Hosts[tt.host].Templates)
		}
		if c.FromContainer != tt.from || c.Image != tt.image || c.Position.String() != tt.pos ||
			fmt.Sprint(c.Options) != tt.options {
			t.Errorf("%s of %s: got %+v, want %+v", tt.name, tt.host, c.Settings, tt)
		}
		if !c.Template || c.Host != tt.host || c.Name != tt.name || c.Backing != "dir" ||
			c.Running || c.Autostart || c.Network != nil || c.Memory != 0 {
			t.Errorf("%s of %s would not be a stopped directory: %+v", tt.name, tt.host, c)
		}
	}
	b := got.Hosts["h"].Templates["base"]
	if !b.Recreate || len(b.LXCConf) != 1 {
		t.Errorf("settings of the template are lost: %+v", b.Settings)
	}
	if b := parse(t, "targets: {h: {}}").Hosts["h"].Templates["base"]; b == nil ||
		b.Image != "debian" ||
		b.Position.File != "" {
		t.Errorf("the built-in template is %+v, want debian", b)
	}
}

func TestBadTemplates(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{
			"bad name",
			"templates: {a_b: {}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: templates.a_b: template "a_b" is not a DNS name`},
		},
		{
			"bad value",
			"templates: {t: {image: a/b}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: templates.t.image: "a/b" is not a template script`},
		},
		{
			"name of a container",
			"templates: {gold: {}}\ntargets: {h: {gold: {}}}",
			[]string{
				`a.yaml:2: targets.h.gold: container "gold" has the name of a template (a.yaml:1)`,
			},
		},
		{
			"name of the built-in one",
			"targets: {h: {base: {image: debian}}}",
			[]string{
				`a.yaml:1: targets.h.base: container "base" has the name of a template (built in)`,
			},
		},
		{
			"cycle, once for all hosts",
			"templates:\n  a: {from_container: b}\n  b: {from_container: a}\n" +
				"targets: {h: {}, i: {}}",
			[]string{
				"a.yaml:2: templates.a.from_container: clone cycle: a from b from a; create one " +
					"of them from image",
			},
		},
		{
			"itself",
			"templates: {a: {from_container: a}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: templates.a.from_container: "a" is cloned from itself`},
		},
		{
			"running container",
			"templates: {a: {from_container: c}}\ntargets: {h: {c: {image: debian}}}",
			[]string{
				`a.yaml:1: templates.a.from_container: "a" is cloned from "c", which is declared running`,
			},
		},
	})
	runOdd(t, []odd{{"image and from_container",
		"templates: {a: {image: x, from_container: base}}\ntargets: {h: {}}",
		[]string{"a.yaml:1: templates.a.image: image is not used: the template is cloned"}}})
}

func TestCloneSources(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{
			"itself",
			"targets: {h: {c: {from_container: c, running: false}}}",
			[]string{
				`a.yaml:1: targets.h.c.from_container: "c" is cloned from itself; name another container`,
			},
		},
		{"running", "targets:\n  h:\n    c: {from_container: gold}\n    gold: {}", []string{
			`a.yaml:3: targets.h.c.from_container: "c" is cloned from "gold", which is declared running; ` +
				`write running: false at gold, or make it a template`}},
		{
			"running by profile",
			"profiles: {p: {from_container: gold}}\ntargets: {h: {c: {profile: p}, gold: {}}}",
			[]string{
				`a.yaml:2: targets.h.c: "c" is cloned from "gold", which is declared running`,
			},
		},
		{"cycle of three", `
targets:
  h:
    z: {from_container: m, running: false}
    m: {from_container: a, running: false}
    a: {from_container: z, running: false}
    outside: {from_container: m}`, []string{
			"a.yaml:5: targets.h.a.from_container: clone cycle: a from z from m from a"}},
		{"through a template", `
templates: {gold: {from_container: c}}
targets:
  h:
    c: {from_container: gold, running: false}`, []string{
			"a.yaml:4: targets.h.c.from_container: clone cycle: c from gold from c"}},
		{"two cycles", `
targets:
  h:
    a: {from_container: b, running: false}
    b: {from_container: a, running: false}
  i:
    x: {from_container: y, running: false}
    y: {from_container: x, running: false}`,
			[]string{"a.yaml:3: targets.h.a.from_container: clone cycle",
				"a.yaml:6: targets.i.x.from_container: clone cycle"}},
	})
	for _, text := range []string{
		"targets: {h: {c: {from_container: gold}, gold: {running: false}}}",
		"targets: {h: {c: {from_container: elsewhere}}}",
		"targets: {h: {c: {from_container: gold}}, i: {gold: {}}}",
		"targets: {h: {c: {from_container: a}, a: {from_container: b, running: no}, b: {running: off}}}",
	} {
		if got := parse(t, text); len(got.Warnings) != 0 {
			t.Errorf("%s: got %v", text, got.Warnings)
		}
	}
}
