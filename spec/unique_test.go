package spec_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestAddressesMustBeUnique(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"ip on one host", `
targets:
  h:
    a: {ip: 10.5.0.9}
    b: {ip: 10.5.0.9}`, []string{
			"a.yaml:4: targets.h.b.ip: ip 10.5.0.9 is declared twice on network lxcbr1 (also at " +
				"a.yaml:3); " +
				"a on h has it: give one of them another, or remove the key to have one generated"}},
		{"ip across hosts and files", `
-- a.yaml --
targets.h: {a: {ip: 10.5.0.9}}
-- b.yaml --
targets.i: {b: {ip: 10.5.0.9}}`, []string{
			"b.yaml:1: targets.i.b.ip: ip 10.5.0.9 is declared twice on network lxcbr1 (also at " +
				"a.yaml:1); a on h has it"}},
		{"ip three times",
			"targets:\n  h:\n    a: {ip: 10.5.0.9}\n    b: {ip: 10.5.0.9}\n    c: {ip: 10.5.0.9}",
			[]string{"a.yaml:4: targets.h.b.ip: ip 10.5.0.9 is",
				"a.yaml:5: targets.h.c.ip: ip 10.5.0.9 is"}},
		{"ip of a profile", `
profiles: {p: {ip: 10.5.0.9}}
targets:
  h:
    a: {profile: p}
    b: {profile: p}`, []string{
			"a.yaml:5: targets.h.b: ip 10.5.0.9 is declared twice on network lxcbr1 (also at a.yaml:4)"}},
		{"ip behind an alias", `
targets:
  h:
    a: &a {ip: 10.5.0.9}
    b: *a`, []string{"a.yaml:4: targets.h.b.ip: ip 10.5.0.9 is declared twice on network lxcbr1 " +
			"(also at a.yaml:3)"}},
		{"ip on a network that is written twice", `
targets:
  h:
    a: {ip: 10.9.0.9, network: 10.9.0.0/24}
    b: {ip: 10.9.0.9, network: 10.9.0.0, netmask: 24}`, []string{
			"a.yaml:4: targets.h.b.ip: ip 10.9.0.9 is declared twice on network 10.9.0.0/24@lxcbr1 (also " +
				"at a.yaml:3)"}},
		{"mac, whatever the network", `
networks: {lan: {cidr: 10.1.0.0/16}}
targets:
  h: {a: {mac: 00:16:3e:00:00:01}}
  i: {b: {mac: 00:16:3E:00:00:01, network: lan}}`, []string{
			"a.yaml:4: targets.i.b.mac: mac 00:16:3e:00:00:01 is declared twice (also at a.yaml:3); a on " +
				"h has it"}},
	})
}

func TestNamesMustBeUnique(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"name on two hosts", "targets:\n  h: {web: {}}\n  i: {web: {}}",
			[]string{`a.yaml:3: targets.i.web: container "web" is declared twice on network lxcbr1 ` +
				`(also at a.yaml:2); web on h has it`}},
		{"name in other letters", "targets:\n  h:\n    web: {}\n    Web: {}",
			[]string{`a.yaml:4: targets.h.Web: container "Web" is declared twice on network lxcbr1 ` +
				`(also at a.yaml:3)`}},
		{"domain",
			"targets:\n  h:\n    a: {domains: [www.example.net]}\n    b: {domains: [WWW.example.net.]}",
			[]string{`a.yaml:4: targets.h.b.domains: domain "www.example.net" is declared twice on ` +
				`network lxcbr1 (also at a.yaml:3)`}},
		{"domain and name", "targets:\n  h:\n    a: {}\n    b: {domains: [a]}",
			[]string{`a.yaml:4: targets.h.b.domains: domain "a" is declared twice on network lxcbr1 ` +
				`(also at a.yaml:3)`}},
		{"later in the file is to blame", "targets:\n  h:\n    b: {domains: [a]}\n    a: {}",
			[]string{`a.yaml:4: targets.h.a: domain "a" is declared twice on network lxcbr1 (also at ` +
				`a.yaml:3); b on h has it`}},
	})
}

func TestValuesThatMayRepeat(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		// Each host has its own network with the same addresses behind its own bridge.
		`
networks: {a: {cidr: 10.5.0.0/16, bridge: lxcbr1}, b: {cidr: 10.5.0.0/16, bridge: lxcbr1}}
hosts: {h: {defaults: {network: a}}, i: {defaults: {network: b}}}
targets: {h: {web: {ip: 10.5.0.9, domains: [x.net]}}, i: {web: {ip: 10.5.0.9, domains: [x.net]}}}`,
		`targets: {h: {a: {domains: [a, x.net, x.net]}}}`,
	} {
		parse(t, text)
	}
}

func TestNetworksThatShareABridge(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"two declared", `
networks: {a: {cidr: 10.1.0.0/16, bridge: br0}, b: {cidr: 10.1.2.0/24, bridge: br0}}
targets:
  h:
    x: {network: a}
    y: {network: b}`, []string{
			"a.yaml:5: targets.h.y.network: networks a and b share the bridge br0 and addresses (also at " +
				"a.yaml:4)"}},
		{"declared and built in", `
networks: {lan: {cidr: 10.5.0.0/24, bridge: lxcbr1}}
targets:
  h:
    x: {}
    y: {network: lan}`, []string{
			"a.yaml:5: targets.h.y.network: networks lan and lxcbr1 share the bridge lxcbr1 and addresses"}},
	})
	parse(t, `
networks: {a: {cidr: 10.1.0.0/16, bridge: br0}, b: {cidr: 10.2.0.0/16, bridge: br0}}
targets: {h: {x: {network: a}, y: {network: b}}}`)
}

func TestNamesOfContainers(t *testing.T) {
	t.Parallel()
	label := strings.Repeat("x", 63)
	for _, name := range []string{"a", "web-1", "mysupertest3.foo.com", "1", "0a.b", "A", "x--y",
		label, "xn--bcher-kva.example", strings.Repeat("a.", 31) + "aa"} {
		if c := parse(t, "targets: {h: {? "+name+" : {}}}").Hosts["h"].Containers[name]; c == nil ||
			c.Domains[0] != name {
			t.Errorf("container %q is missing or does not answer to its name: %+v", name, c)
		}
	}
	for name, want := range map[string]string{
		"a_b":                    "is not a DNS name; use letters, digits, hyphens and dots",
		"lost+found":             "is not a DNS name",
		"a/b":                    "is not a DNS name",
		"..":                     "is not a DNS name: a part between dots is empty",
		".hidden":                "is not a DNS name: a part between dots is empty",
		"a.":                     "is not a DNS name: a part between dots is empty",
		"-a":                     "is not a DNS name: a part begins or ends with a hyphen",
		"a-.b":                   "is not a DNS name: a part begins or ends with a hyphen",
		"a b":                    "is not a DNS name",
		"bücher":                 "is not a DNS name",
		"10.5.0.9":               "is an address; write a DNS name",
		"":                       "is empty",
		label + "x":              "is not a DNS name: a part has more than 63 characters",
		label + "." + label:      "is longer than 64 characters; it becomes the host name of the guest",
		"$(reboot)":              "is not a DNS name",
		"a\\nb":                  "is not a DNS name",
		strings.Repeat("a", 300): "is longer than 64 characters",
	} {
		text := fmt.Sprintf("targets: {h: {\"%s\": {}}}", name)
		ps := problems(t, text)
		if len(ps) != 1 || !strings.HasPrefix(ps[0].Text, "container name ") ||
			!strings.Contains(ps[0].String(), want) || ps[0].Position.Line != 1 {
			t.Errorf("container %q: got %v, want %q", name, ps, want)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	got := parse(t, `
hosts:
  devhost10.local:
    connect: "ssh://root@192.0.2.10"
    lxcpath: /srv/lxc/
    defaults: {backing: overlayfs}
  port: {connect: "ssh://admin@example.net:2222"}
  six: {connect: "ssh://root@[2001:db8::1]:22"}
  here: {connect: local, lxcpath: /tmp/lxc}
  only-here: {}
  nothing:
targets:
  devhost10.local: {c: {}}
  port: {}
  six: {}
  here: {}
  nothing: {}
  bare.example.net: {}
  192.0.2.99: {}
  me.example.net: {}
`)
	want := map[string]string{
		"devhost10.local":  "ssh://root@192.0.2.10 /srv/lxc",
		"port":             "ssh://admin@example.net:2222 /var/lib/lxc",
		"six":              "ssh://root@[2001:db8::1]:22 /var/lib/lxc",
		"here":             "local /tmp/lxc",
		"nothing":          "ssh://root@nothing /var/lib/lxc",
		"bare.example.net": "ssh://root@bare.example.net /var/lib/lxc",
		"192.0.2.99":       "ssh://root@192.0.2.99 /var/lib/lxc",
		"me.example.net":   "local /var/lib/lxc",
	}
	for name, h := range got.Hosts {
		if s := h.Connect + " " + h.LXCPath; s != want[name] || h.Name != name {
			t.Errorf("host %s: got %q, want %q", name, s, want[name])
		}
	}
	if len(got.Hosts) != len(want) {
		t.Errorf("got %d hosts; one that only hosts names would lose all its containers", len(got.Hosts))
	}
	if h := got.Hosts["devhost10.local"]; h.Containers["c"].Backing != "overlayfs" ||
		h.Position.String() != "a.yaml:12" {
		t.Errorf("got %+v", h)
	}
	if got := parse(t, "targets: {localhost: {}}").Hosts["localhost"].Connect; got != "local" {
		t.Errorf("localhost is reached as %s", got)
	}
}

func TestBadHosts(t *testing.T) {
	t.Parallel()
	const at = "a.yaml:1: hosts.h"
	tests := []struct{ entry, want string }{
		{"[]", at + ": is a list; write a mapping"},
		{"{connect: 192.0.2.1}", at +
			`.connect: "192.0.2.1" is not a way to a host; write local, or ssh://`},
		{"{connect: https://h}", at + `.connect: "https://h" is not a way to a host`},
		{"{connect: 'ssh://h'}", at + `.connect: "ssh://h" names no user; write ssh://root@h`},
		{"{connect: 'ssh://root:pw@h'}", at + `.connect: "ssh://root:xxxxx@h" has a password`},
		{"{connect: 'ssh://root:p w@h'}", at + `.connect: "…@h" is not a way to a host`},
		{"{connect: 'ssh://-oX@h'}", at + `.connect: "ssh://-oX@h" is not a user name`},
		{"{connect: 'ssh://root@-oProxyCommand=x'}", at +
			`.connect: "ssh://root@-oProxyCommand=x" names no valid host`},
		{"{connect: 'ssh://root@h/var'}", at +
			`.connect: "ssh://root@h/var" has something behind the host`},
		{"{connect: 'ssh://root@h?x'}", at +
			`.connect: "ssh://root@h?x" has something behind the host`},
		{"{connect: 'ssh://root@h:0'}", at + `.connect: "ssh://root@h:0" has no valid port`},
		{"{connect: 'ssh://root@h:70000'}", at +
			`.connect: "ssh://root@h:70000" has no valid port`},
		{"{connect: 'ssh://root@h:'}", at + `.connect: "ssh://root@h:" has no valid port`},
		{"{connect: 'ssh://root@'}", at + `.connect: "ssh://root@" names no valid host`},
		{"{connect: [local]}", at + ".connect: is a list"},
		{"{lxcpath: lxc}", at + `.lxcpath: "lxc" is not absolute; write it such as /var/lib/lxc`},
		{"{lxcpath: /}", at + `.lxcpath: "/" is not a directory for containers`},
		{"{lxcpath: /var/../etc}", at +
			`.lxcpath: "/var/../etc" is not a directory for containers`},
		{"{lxcpath: ''}", at + `.lxcpath: "" is not absolute`},
		{"{defaults: [x]}", at + ".defaults: is a list; write a mapping of settings"},
		{"{defaults: {memory: x}}", at + `.defaults.memory: "x" is not a size`},
	}
	for _, tt := range tests {
		text := "hosts: {h: " + tt.entry + "}\ntargets: {i: {}}"
		check(t, text, problems(t, text), []string{tt.want})
	}
	runBad(t, []bad{
		{"name of an entry", "hosts: {a_b: {}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: hosts.a_b: host "a_b" is not a DNS name`}},
		{"name in targets", "targets: {-x: {}}",
			[]string{`a.yaml:1: targets.-x: host "-x" is not a DNS name: a part begins or ends with a hyphen`}},
		{"dotted name in targets", "targets.a..b: {}",
			[]string{`a.yaml:1: targets.a..b: host "a..b" is not a DNS name: a part between dots is empty`}},
		{"not a mapping", "targets: {h: [c]}",
			[]string{"a.yaml:1: targets.h: is a list; write a mapping of names"}},
		{"one machine twice", "targets:\n  localhost: {}\n  me.example.net: {}", []string{
			`a.yaml:3: targets.me.example.net: hosts "localhost" and "me.example.net" are the same ` +
				`directory ` +
				`of the same machine (also at a.yaml:2); put their containers under one host`}},
		{"container is no mapping", "targets: {h: {c: [x]}}",
			[]string{"a.yaml:1: targets.h.c: a container is a list; write a mapping of settings, or {}"}},
		{"container is a text", "targets: {h: {c: x}}",
			[]string{"a.yaml:1: targets.h.c: a container is a single value"}},
	})
}
