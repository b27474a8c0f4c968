package spec_test

import (
	"strings"
	"testing"
)

func TestFilesAreMerged(t *testing.T) {
	t.Parallel()
	got := parse(t, `
-- 1.yaml --
targets: {h: {a: {}}}
defaults: {memory: 64M}
networks: {x: {cidr: 10.1.0.0/16}}
profiles: {p: {cpushare: 10}}
templates: {t: {image: busybox}}
hosts: {h: {lxcpath: /one}}
---
targets: {h: {b: {}}}
defaults: {cpuset: "0"}
-- 2.yaml --
targets: {h: {c: {profile: q}}, i: {d: {profile: p}}}
defaults: {autostart: false}
networks: {y: {cidr: 10.2.0.0/16}}
profiles: {q: {cpushare: 20}}
templates: {u: {image: debian}}
hosts: {i: {lxcpath: /two}}
-- sub/3.yml --
targets.h: {e: {}}
makina-states.services.cloud.lxc.targets.i: {f: {}}
makina-states.cloud.lxc.vms.i: {g: {}}
makina-states.cloud.lxc.vms: {i: {k: {}}}
-- 4.yaml --
`)
	for host, names := range map[string]string{"h": "a b c e", "i": "d f g k"} {
		for name := range strings.FieldsSeq(names) {
			c := got.Hosts[host].Containers[name]
			if c == nil {
				t.Errorf("container %s of host %s is lost", name, host)
				continue
			}
			if c.Memory != 64<<20 || c.CPUSet != "0" || c.Autostart {
				t.Errorf("%s: defaults of some file are lost: %+v", name, c.Settings)
			}
		}
	}
	if len(got.Hosts["h"].Containers) != 4 || len(got.Hosts["i"].Containers) != 4 {
		t.Error("there are more containers than declared")
	}
	if c := got.Hosts["h"].Containers["c"]; c.CPUShare != 20 {
		t.Errorf("profile of another file: got %d", c.CPUShare)
	}
	if len(got.Networks) != 3 || len(got.Hosts["h"].Templates) != 3 {
		t.Errorf("networks %v, templates %v", got.Networks, got.Hosts["h"].Templates)
	}
	if got.Hosts["h"].LXCPath != "/one" || got.Hosts["i"].LXCPath != "/two" {
		t.Error("entries of hosts are lost")
	}
}

func TestDottedKeys(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"targets.a.b.example.net",
		"makina-states.services.cloud.lxc.targets.a.b.example.net",
		"makina-states.cloud.lxc.vms.a.b.example.net"} {
		got := parse(t, key+": {c.example.net: {}}")
		h := got.Hosts["a.b.example.net"]
		if h == nil || h.Containers["c.example.net"] == nil || len(got.Hosts) != 1 {
			t.Errorf("%s: got %v; everything behind the prefix is the host", key, got.Hosts)
		}
	}
	runBad(t, []bad{
		{
			"dot without host",
			"targets.: {}",
			[]string{`a.yaml:1: targets.: unknown section "targets."`},
		},
		{
			"no dot",
			"targetsh: {}",
			[]string{
				`a.yaml:1: targetsh: unknown section "targetsh"; did you mean "targets"?`,
			},
		},
	})
}

func TestDeclaredTwice(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"container in two files", `
-- a.yaml --
targets: {h: {c: {}}}
-- b.yaml --

targets: {h: {c: {}}}`, []string{
			`b.yaml:2: targets.h.c: container "c" is declared twice on host "h" (also at a.yaml:1); keep ` +
				`one of them`}},
		{"container, dotted and nested", "targets: {h: {c: {}}}\ntargets.h: {c: {}}",
			[]string{`a.yaml:2: targets.h.c: container "c" is declared twice on host "h" (also at a.yaml:1)`}},
		{"container in old and new form",
			"targets.h: {c: {}}\nmakina-states.cloud.lxc.vms.h: {c: {}}",
			[]string{`a.yaml:2: targets.h.c: container "c" is declared twice on host "h" (also at a.yaml:1)`}},
		{"container in two documents", "targets: {h: {c: {}}}\n---\ntargets: {h: {c: {}}}",
			[]string{`a.yaml:3: targets.h.c: container "c" is declared twice on host "h" (also at a.yaml:1)`}},
		{"three times", "targets.h: {c: {}}\n---\ntargets.h: {c: {}}\n---\ntargets.h: {c: {}}",
			[]string{`a.yaml:3: targets.h.c:`, `a.yaml:5: targets.h.c: | (also at a.yaml:1)`}},
		{"network", "-- a.yaml --\nnetworks: {n: {cidr: 10.1.0.0/16}}\ntargets: {h: {}}\n" +
			"-- b.yaml --\nnetworks: {n: {cidr: 10.1.0.0/16}}",
			[]string{`b.yaml:1: networks.n: network "n" is declared twice (also at a.yaml:1); keep one of them`}},
		{"host", "-- a.yaml --\nhosts: {n: {}}\ntargets: {h: {}}\n-- b.yaml --\nhosts: {n: {}}",
			[]string{`b.yaml:1: hosts.n: host "n" is declared twice (also at a.yaml:1)`}},
		{"profile",
			"-- a.yaml --\nprofiles: {n: {}}\ntargets: {h: {}}\n-- b.yaml --\nprofiles: {n: {}}",
			[]string{`b.yaml:1: profiles.n: profile "n" is declared twice (also at a.yaml:1)`}},
		{"template",
			"-- a.yaml --\ntemplates: {n: {}}\ntargets: {h: {}}\n-- b.yaml --\ntemplates: {n: {}}",
			[]string{`b.yaml:1: templates.n: template "n" is declared twice (also at a.yaml:1)`}},
		{"default", "-- a.yaml --\ndefaults: {memory: 1G, cpuset: '0'}\ntargets: {h: {}}\n" +
			"-- b.yaml --\ndefaults: {memory: 1G}",
			[]string{`b.yaml:1: defaults.memory: default "memory" is declared twice (also at a.yaml:1)`}},
		{"defaults is a list", "defaults: [x]\ntargets: {h: {}}",
			[]string{"a.yaml:1: defaults: is a list; write a mapping of settings"}},
	})
}

func TestEmptySections(t *testing.T) {
	t.Parallel()
	got := parse(t, "hosts:\nnetworks: ~\nprofiles:\ntemplates:\ndefaults:\ntargets: {h: {}}")
	if len(got.Hosts) != 1 || len(got.Warnings) != 0 {
		t.Errorf("sections without a value are not empty sections: %+v", got)
	}
}

func TestAnchorsAndMergeKeys(t *testing.T) {
	t.Parallel()
	got := parse(t, `
targets:
  h:
    a: &small {memory: 64M, cpushare: 10, users: &who [root, ops]}
    b: *small
    c: {<<: *small, memory: 128M}
    d: {memory: 128M, <<: [{cpushare: 20, cpuset: "0"}, *small]}
    e:
      <<: {<<: *small, cpushare: 30}
      cpuset: "1"
    f: {users: *who}
  i: &i {x: {}}
`)
	want := map[string]struct {
		mem    int64
		share  int
		cpuset string
		users  int
	}{"a": {64, 10, "", 2}, "b": {64, 10, "", 2}, "c": {128, 10, "", 2}, "d": {128, 20, "0", 2},
		"e": {64, 30, "1", 2}, "f": {0, 0, "", 2}}
	for name, w := range want {
		c := got.Hosts["h"].Containers[name]
		if c.Memory != w.mem<<20 || c.CPUShare != w.share || c.CPUSet != w.cpuset ||
			len(c.Users) != w.users {
			t.Errorf("%s: got %d %d %q %v, want %+v", name, c.Memory, c.CPUShare, c.CPUSet, c.Users, w)
		}
	}
}

func TestMergeKeysOfWholeSections(t *testing.T) {
	t.Parallel()
	got := parse(t, `
profiles: {web: {memory: 64M}}
targets:
  h: &h {a: {profile: web}}
  i: {<<: *h, a: {network: 10.9.0.0/24}, b: {}}
`)
	if c := got.Hosts["i"].Containers["a"]; c.Profile != "" || c.Network.Name != "10.9.0.0/24@lxcbr1" {
		t.Errorf("a merged container wins over the host's own: %+v", c.Settings)
	}
	if len(got.Hosts["i"].Containers) != 2 {
		t.Errorf("got %v", got.Hosts["i"].Containers)
	}
}

func TestPositionsOfContainers(t *testing.T) {
	t.Parallel()
	got := parse(t, `
-- a.yaml --
# comment
targets:
  h:

    c: {}
-- sub/b.yaml --
targets.h:
  d: {}
`)
	h := got.Hosts["h"]
	for name, want := range map[string]string{"c": "a.yaml:5", "d": "sub/b.yaml:2"} {
		if s := h.Containers[name].Position.String(); s != want {
			t.Errorf("%s is at %s, want %s", name, s, want)
		}
	}
	if s := h.Position.String(); s != "a.yaml:3" {
		t.Errorf("host is at %s, want its first place", s)
	}
}

func TestProblemsComeInFileOrder(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{{"order", `
-- b.yaml --
targets:
  h:
    z: {memory: x, ip: y}
    a: {ip: 10.6.0.9}
-- a.yaml --
profiles: {p: {memory: x}}
hosts: {h: {connect: x}}
`, []string{"a.yaml:1: profiles.p.memory", "a.yaml:2: hosts.h.connect",
		"b.yaml:3: targets.h.z.memory",
		"b.yaml:3: targets.h.z.ip", "b.yaml:4: targets.h.a.ip"}}})
}

func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", 1000)
	for _, text := range []string{
		"targets: {h: {c: {" + long + ": 1}}}",
		"targets: {h: {c: {ip: " + long + "}}}",
		"targets: {h: {" + long + ": {}}}",
		"targets: {" + long + ": {}}",
		long + ": {}",
		"profiles: {" + long + ": {}}\ntargets: {h: {}}",
	} {
		for _, p := range problems(t, text) {
			if len(p.String()) > 700 {
				t.Errorf("a problem has %d bytes: nobody can read it", len(p.String()))
			}
		}
	}
}
