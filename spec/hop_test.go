package spec_test

import (
	"slices"
	"strings"
	"testing"

	"reconciler/spec"
)

// wayOf is how ssh goes to a host, on one line.
func wayOf(h *spec.Host) string {
	way := h.Connect
	if g := h.Gateway; g != nil {
		way += " over " + g.User + "@" + g.Host
		if g.Port != 0 {
			way += ":" + string(rune('0'+g.Port))
		}
		way += " " + g.KeyFile
	}
	return strings.TrimSpace(way + " " + h.Agent)
}

func TestTheWayToAHost(t *testing.T) {
	t.Parallel()
	const all = "ssh_gateway: b.net, ssh_gateway_user: u, ssh_gateway_port: 7, ssh_gateway_key: ~/k"
	const target = "\ntargets: {h: {c: {}}}"
	for text, want := range map[string]string{
		"hosts: {h: {}}":                                    "ssh://root@h",
		"hosts: {h: {ssh_gateway: b.net}}":                  "ssh://root@h over @b.net",
		"hosts: {h: {ssh_gateway: '2001:db8::1'}}":          "ssh://root@h over @2001:db8::1",
		"hosts: {h: {" + all + "}}":                         "ssh://root@h over u@b.net:7 ~/k",
		"hosts: {h: {ssh_gateway: b, ssh_gateway_key: /k}}": "ssh://root@h over @b /k",
		"hosts: {h: {agent: /usr/bin/reconciler}}":          "ssh://root@h /usr/bin/reconciler",
		"hosts: {h: {agent: reconciler-1.2}}":               "ssh://root@h reconciler-1.2",
		// As the predecessors have them, for all hosts or for those of one.
		"defaults: {" + all + "}":               "ssh://root@h over u@b.net:7 ~/k",
		"hosts: {h: {defaults: {" + all + "}}}": "ssh://root@h over u@b.net:7 ~/k",
		// Each key holds for itself, the closest layer wins.
		"defaults: {" + all + "}\nhosts: {h: {defaults: {ssh_gateway_user: v, ssh_gateway_port: 8}, " +
			"ssh_gateway_port: 9}}": "ssh://root@h over v@b.net:9 ~/k",
		"defaults: {" + all + "}\nhosts: {h: {ssh_gateway: none}}":     "ssh://root@h",
		"defaults: {" + all + "}\nhosts: {h: {ssh_gateway_key: None}}": "ssh://root@h over u@b.net:7",
		// No host is reached over itself, and this machine needs no ssh.
		"defaults: {ssh_gateway: h}": "ssh://root@h",
		"defaults: {ssh_gateway: a.net}\nhosts: {h: {connect: 'ssh://root@a.net'}}": "ssh://root@a.net",
		"defaults: {" + all + "}\nhosts: {h: {connect: local}}":                     "local",
	} {
		got := parse(t, text+target)
		if way := wayOf(got.Hosts["h"]); way != want {
			t.Errorf("the host is reached as %q, want %q by\n%s", way, want, text)
		}
		check(t, text, got.Warnings, nil)
	}
}

func TestAHostThatIsNamedByItsAddress(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"192.0.2.1": "ssh://root@192.0.2.1", "'2001:db8::1'": "ssh://root@[2001:db8::1]",
	} {
		got := parse(t, "targets: {"+name+": {}}")
		for _, h := range got.Hosts {
			if h.Connect != want {
				t.Errorf("host %s is reached as %s, want %s", name, h.Connect, want)
			}
		}
	}
	runBad(t, []bad{
		{"a zone in a name", "targets: {'fe80::1%eth0;x': {}}", []string{
			`a.yaml:1: targets.fe80::1%eth0;x: host "fe80::1%eth0;x" is an address`}},
		{"a zone in an address", "hosts: {h: {connect: 'ssh://root@[fe80::1%25eth0;x]'}}\n" +
			"targets: {h: {}}", []string{`a.yaml:1: hosts.h.connect: | names no valid host`}},
	})
}

func TestThisMachineByItsNames(t *testing.T) {
	t.Parallel()
	text := "targets: {a: {}, a.example.net: {}, b: {}, localhost: {}}"
	for _, c := range []struct {
		short, full string
		local       string
	}{
		{"", "", "localhost"},
		{"a", "", "a localhost"},
		{"a", "a.example.net", "a a.example.net localhost"},
	} {
		got, err := spec.Parse(tree("hosts: {a: {lxcpath: /a}, localhost: {lxcpath: /l}}\n"+text),
			spec.Options{Hostname: c.short, FullName: c.full})
		if err != nil {
			t.Fatal(err)
		}
		var local []string
		for name, h := range got.Hosts {
			if h.Connect == "local" {
				local = append(local, name)
			}
		}
		if slices.Sort(local); strings.Join(local, " ") != c.local {
			t.Errorf("on %q, %q these are this machine: %s; want %s", c.short, c.full, local, c.local)
		}
	}
}

func TestThisMachineNeedsNoGateway(t *testing.T) {
	t.Parallel()
	got := parse(t, `
hosts: {me.example.net: {ssh_gateway: b.net, agent: reconciler}}
targets: {me.example.net: {}}`).Hosts["me.example.net"]
	if way := wayOf(got); way != "local" {
		t.Errorf("on the host itself it is reached as %q", way)
	}
}

// One address behind two machines is two hosts; over the same one it is the same.
func TestAnAddressBehindTwoGateways(t *testing.T) {
	t.Parallel()
	const entry = "{connect: 'ssh://root@192.0.2.1', ssh_gateway: "
	parse(t, "hosts: {a: "+entry+"x.net}, b: "+entry+"y.net}}\ntargets: {a: {}, b: {}}")
	runBad(t, []bad{{"the same gateway",
		"hosts: {a: " + entry + "x.net}, b: " + entry + "x.net}}\ntargets: {a: {}, b: {}}",
		[]string{`a.yaml:2: targets.b: hosts "a" and "b" are the same directory of the same machine`}}})
}

func TestGatewaysOfContainersAreNeverSilent(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"ssh_gateway", "ssh_gateway_user", "ssh_gateway_port",
		"ssh_gateway_key"} {
		for place, text := range map[string]string{
			"targets.h.c": "targets: {h: {c: {" + key + ": x y}}}",
			"profiles.p":  "profiles: {p: {" + key + ": x y}}\ntargets: {h: {c: {profile: p}}}",
		} {
			check(t, text, parse(t, text).Warnings, []string{"a.yaml:1: " + place + "." + key + `: "` +
				key + `" is not acted on here; a container is worked on from its host; for the way to ` +
				"the host, write it under hosts or in defaults"})
		}
	}
	runOdd(t, []odd{
		{"no gateway", "defaults: {ssh_gateway_user: u}\nhosts: {h: {ssh_gateway_port: 7}}\n" +
			"targets: {h: {}, i: {}}", []string{
			"a.yaml:1: defaults.ssh_gateway_user: there is no ssh_gateway to use it for; name the machine",
			"a.yaml:2: hosts.h.ssh_gateway_port: there is no ssh_gateway to use it for"}},
		{"password", "defaults: {ssh_gateway_password: hush}\ntargets: {h: {}}", []string{
			`a.yaml:1: defaults.ssh_gateway_password: "ssh_gateway_password" is not acted on yet; ` +
				"ssh takes a key, not a password: write ssh_gateway_key"}},
	})
}

func TestBadWays(t *testing.T) {
	t.Parallel()
	const key = `.ssh_gateway_key: `
	for entry, want := range map[string]string{
		"ssh_gateway: ''":                       `.ssh_gateway: "" is not the name or address of`,
		"ssh_gateway: -oProxyCommand=x":         `.ssh_gateway: "-oProxyCommand=x" is not the name`,
		"ssh_gateway: 'root@b:22'":              `.ssh_gateway: "root@b:22" is not the name or address`,
		"ssh_gateway: 'b;touch x'":              `.ssh_gateway: "b;touch x" is not the name or address`,
		"ssh_gateway: '$(touch x)'":             `.ssh_gateway: "$(touch x)" is not the name or address`,
		"ssh_gateway: '%h'":                     `.ssh_gateway: "%h" is not the name or address`,
		"ssh_gateway: 'fe80::1%eth0;x'":         `.ssh_gateway: "fe80::1%eth0;x" is not the name`,
		"ssh_gateway: 'fe80::1%`x`'":            ".ssh_gateway: \"fe80::1%`x`\" is not the name",
		"ssh_gateway: [b]":                      `.ssh_gateway: is a list`,
		"ssh_gateway_user: '-x'":                `.ssh_gateway_user: "-x" is not a user name`,
		"ssh_gateway_user: 'a b'":               `.ssh_gateway_user: "a b" is not a user name`,
		"ssh_gateway_port: 0":                   `.ssh_gateway_port: "0" is not a port; write a port`,
		"ssh_gateway_port: 65536":               `.ssh_gateway_port: "65536" is not a port`,
		"ssh_gateway_port: '22 -oX'":            `.ssh_gateway_port: "22 -oX" is not a port`,
		"ssh_gateway_key: id_rsa":               key + `"id_rsa" is not the path of a file; write`,
		"ssh_gateway_key: ~/":                   key + `"~/" is not the path of a file`,
		"ssh_gateway_key: ~bob/k":               key + `"~bob/k" is not the path of a file`,
		"ssh_gateway_key: /etc/":                key + `"/etc/" is not the path of a file`,
		"ssh_gateway_key: '/k''; touch x'":      key + `"/k'; touch x" has a character that a shell`,
		"ssh_gateway_key: '/${TOKEN}'":          key + `"/${TOKEN}" has a character that a shell`,
		"ssh_gateway_key: '/`x`'":               key + "\"/`x`\" has a character that a shell",
		`ssh_gateway_key: "/k\nProxyCommand x"`: key + `"/k\nProxyCommand x" has a character`,
		"ssh_gateway_password: hush": `.ssh_gateway_password: "ssh_gateway_password" is not a key ` +
			"here; ssh takes a key, not a password",
		"agent: ''":                         `.agent: "" is not the path of a program`,
		"agent: '-c'":                       `.agent: "-c" is not the path of a program`,
		"agent: '/bin/sh -c x'":             `.agent: "/bin/sh -c x" is not the path of a program`,
		"agent: '$(x)'":                     `.agent: "$(x)" is not the path of a program`,
		"agent: bin/reconciler":             `.agent: "bin/reconciler" is neither an absolute path`,
		"agent: /opt/../reconciler":         `.agent: "/opt/../reconciler" is neither an absolute path`,
		"agent: ..":                         `.agent: ".." is neither an absolute path nor a name`,
		"agent: /opt/é":                     `.agent: "/opt/é" is not the path of a program`,
		"ssh_gateway: h":                    `.ssh_gateway: "h" is the host itself`,
		"ssh_gateway: b, connect: local":    `.ssh_gateway: "b" is for ssh, but connect is local`,
		"agent: reconciler, connect: local": `.agent: "reconciler" is for ssh, but connect is local`,
	} {
		text := "hosts: {h: {" + entry + "}}\ntargets: {h: {}}"
		check(t, text, problems(t, text), []string{"a.yaml:1: hosts.h" + want})
	}
	text := "defaults: {ssh_gateway: 'x y'}\nhosts: {h: {defaults: {ssh_gateway_port: x}}}\n" +
		"targets: {h: {c: {}}, i: {d: {}}}"
	check(t, text, problems(t, text), []string{`a.yaml:1: defaults.ssh_gateway: "x y" is not`,
		`a.yaml:2: hosts.h.defaults.ssh_gateway_port: "x" is not a port`})
}
