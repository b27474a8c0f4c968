package spec_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reconciler/spec"
)

// prepared returns what host h is prepared with.
func prepared(t *testing.T, text string) *spec.Preparation {
	t.Helper()
	return parse(t, text).Hosts["h"].Prepare
}

// bridges are the bridges of a host in the words of a plan.
func bridges(p *spec.Preparation) string {
	var out []string
	for _, b := range p.Bridges {
		out = append(out, b.Name+": "+b.String())
	}
	return strings.Join(out, "; ")
}

func TestPrepareWhole(t *testing.T) {
	t.Parallel()
	got := prepared(t, `
hosts:
  h:
    prepare:
      packages: [g++, debootstrap, g++]
      bridges:
        plain: {address: none}
        lxcbr1: {address: 10.5.0.1/16, dhcp: 10.5.9.1 - 10.5.9.9}
      subids: {root: 100000:65536}
      sysctl: {net.ipv4.ip_forward: 1, kernel/pid_max: "4194304"}
      directories: {/srv/lxc: 0755}
      volume_group: lxc
targets: {h: {}}`)
	want := fullPreparation()
	opts := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	prefixes := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(&want, got, opts, prefixes); diff != "" {
		t.Errorf("the host is not prepared with what is declared (-want +got):\n%s", diff)
	}
}

func TestPrepareOnlyWhereItIsDeclared(t *testing.T) {
	t.Parallel()
	got := parse(t, `
hosts: {a: {prepare: {}}, b: {}}
targets: {a: {}, b: {}, c: {}}`)
	if got.Hosts["a"].Prepare == nil {
		t.Error("prepare: {} prepares nothing")
	}
	for _, name := range []string{"b", "c"} {
		if got.Hosts[name].Prepare != nil {
			t.Errorf("host %s is changed though nobody asked for it", name)
		}
	}
}

func TestPreparedBridges(t *testing.T) {
	t.Parallel()
	const networks = `
networks:
  n1: {cidr: 10.1.0.0/16, gateway: 10.1.0.1}
  n2: {cidr: 10.2.0.0/24, gateway: 10.2.0.254, bridge: br2}
  n3: {cidr: 10.3.0.0/24, bridge: br3}
`
	for _, tt := range []struct{ name, text, want string }{
		{"none without containers", "hosts: {h: {prepare: {}}}\ntargets: {h: {}}", ""},
		{"the built-in network", "hosts: {h: {prepare: {}}}\ntargets: {h: {a: {}, b: {}}}",
			"lxcbr1: 10.5.0.1/16, NAT"},
		{"each network in use, no other", networks + `
hosts: {h: {prepare: {}}}
targets: {h: {a: {network: n2}, b: {network: n1}}, other: {c: {network: n3}}}`,
			"br2: 10.2.0.254/24, NAT; n1: 10.1.0.1/16, NAT"},
		{"no gateway, no address", networks +
			"hosts: {h: {prepare: {}}}\ntargets: {h: {a: {network: n3}}}", "br3: no address"},
		{"a network as in the seeds", `
hosts: {h: {prepare: {}}}
targets: {h: {a: {network: 10.9.0.0, netmask: 24, gateway: 10.9.0.7, bridge: br9}}}`,
			"br9: 10.9.0.7/24, NAT"},
		{"of the host's defaults", networks +
			"hosts: {h: {prepare: {}, defaults: {network: n2}}}\ntargets: {h: {a: {}}}",
			"br2: 10.2.0.254/24, NAT"},
		{"none at all", "hosts: {h: {prepare: {bridges: {}}}}\ntargets: {h: {a: {}}}", ""},
		{"exactly those declared", `
hosts: {h: {prepare: {bridges: {x: {address: 10.8.0.1/24, nat: false}}}}}
targets: {h: {a: {}}}`, "x: 10.8.0.1/24"},
		{"completed from the network", `
hosts: {h: {prepare: {bridges: {lxcbr1: {dhcp: 10.5.9.1-10.5.9.9}}}}}
targets: {h: {a: {}}}`, "lxcbr1: 10.5.0.1/16, NAT, DHCP 10.5.9.1-10.5.9.9"},
		{"completed from a network that nothing uses", networks +
			"hosts: {h: {prepare: {bridges: {br2: }}}}\ntargets: {h: {}}",
			"br2: 10.2.0.254/24, NAT"},
		{"DHCP off in words", "hosts: {h: {prepare: {bridges: {lxcbr1: {dhcp: off}}}}}\n" +
			"targets: {h: {}}", "lxcbr1: 10.5.0.1/16, NAT"},
		{"no address though there is a gateway", `
hosts: {h: {prepare: {bridges: {lxcbr1: {address: none}}}}}
targets: {h: {a: {}}}`, "lxcbr1: no address"},
		{"two networks of which one has a gateway", `
networks:
  n1: {cidr: 10.1.0.0/16, bridge: br, gateway: 10.1.0.1}
  n2: {cidr: 10.2.0.0/16, bridge: br}
hosts: {h: {prepare: {}}}
targets: {h: {a: {network: n1}, b: {network: n2}}}`, "br: 10.1.0.1/16, NAT"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := prepared(t, tt.text)
			if got := bridges(p); got != tt.want {
				t.Errorf("the host gets the bridges %q, want %q", got, tt.want)
			}
			if err := p.Validate(); err != nil {
				t.Errorf("the host would refuse what the tree says: %v", err)
			}
		})
	}
}

// in is a tree whose host h is prepared with text, on line 4.
func in(text string) string {
	return "hosts:\n  h:\n    prepare:\n      " + text + "\ntargets: {h: {}}"
}

func TestBadPreparation(t *testing.T) {
	t.Parallel()
	const at = "a.yaml:4: hosts.h.prepare."
	runBad(t, []bad{
		{"no value", "hosts: {h: {prepare: }}\ntargets: {h: {}}", []string{
			"a.yaml:1: hosts.h.prepare: has no value; write {}"}},
		{"not a mapping", "hosts: {h: {prepare: yes}}\ntargets: {h: {}}", []string{
			"a.yaml:1: hosts.h.prepare: is a single value; write a mapping"}},
		{"unknown key", in("package: [lxc]"), []string{
			at + `package: unknown key "package"; did you mean "packages"?`}},
		{"unknown key of a bridge", in("bridges: {b: {adress: 10.5.0.1/16}}"), []string{
			at + `bridges.b.adress: unknown key "adress"; did you mean "address"?`}},
		{"packages", in(`packages: [--yes, "a b", "$(x)", lxc-, Lxc, lxc=1]`), []string{
			at + `packages: "--yes" is not the name of a package; use lower-case`,
			at + `packages: "a b"`, at + `packages: "$(x)"`, at + `packages: "lxc-"`,
			at + `packages: "Lxc"`, at + `packages: "lxc=1"`}},
		{"subids", in("subids: {Root: 100000:1, a: 1000:10, b: 100000, c: 100000:0, d: 4294967295:1}"),
			[]string{at + `subids: "Root" is not a user name`,
				at + `subids: "1000:10" has ids of the host's own users`,
				at + `subids: "100000" is not a stretch of ids; write first:count`,
				at + `subids: "100000:0" has no ids`, at + `subids: "4294967295:1" goes beyond`}},
		{"sysctl", in(`sysctl: {net/../x: 1, /etc/passwd: 1, "a b.c": 1, forward: 1, net.a: "", ` +
			`net.b: "1\n2", net.c: [1], net.d: }`), []string{
			at + `sysctl: "net/../x" is not a setting of the kernel; write it such as`,
			at + `sysctl: "/etc/passwd"`, at + `sysctl: "a b.c"`, at + `sysctl: "forward"`,
			at + `sysctl: "" is not a value`, at + `sysctl: "1\n2" is not a value`,
			at + `sysctl: is a list`, at + `sysctl: has no value`}},
		{"directories", in(`directories: {/etc: 0755, /srv/../x: 0755, srv: 0755, /proc/x: 0755, ` +
			`/srv/a: rwx, /srv/b: 04755, /srv/c: 9, "/srv/a b": 0755}`), []string{
			at + `directories: "/etc" belongs to the system`,
			at + `directories: "/srv/../x" is not a directory for containers`,
			at + `directories: "srv"`, at + `directories: "/proc/x" is not on a disk`,
			at + `directories: "rwx" is not the mode of a directory; write it in octal`,
			at + `directories: "04755"`, at + `directories: "9"`, at + `directories: "/srv/a b"`}},
		{"volume group", in(`volume_group: "--all"`), []string{
			at + `volume_group: "--all" is not the name of a volume group`}},
		{"encrypted", in("volume_group: !age x"), []string{
			"a.yaml:4: hosts.h.prepare.volume_group: is encrypted, but a plan must be able to show it"}},
	})
}

func TestBadBridgesOfAHost(t *testing.T) {
	t.Parallel()
	const at = "a.yaml:4: hosts.h.prepare."
	runBad(t, []bad{
		{"bridge names", in(`bridges: {"../x": {}, lo: {}, "a;b": {}}`), []string{
			at + `bridges: "../x" is not the name of a bridge`,
			at + `bridges: "lo" has a meaning of its own`, at + `bridges: "a;b"`}},
		{"bridge addresses", in("bridges: {a: {address: 10.5.0.1}, b: {address: 10.5.0.0/16}, " +
			"c: {address: fd00::1/64}, d: {address: 10.5.0.1/31}, e: {address: [1]}}"), []string{
			at + `bridges.a.address: "10.5.0.1" is not an address with a prefix length`,
			at + `bridges.b.address: "10.5.0.0/16" has an address that no host can have`,
			at + `bridges.c.address: "fd00::1/64" has an IPv6 address`,
			at + `bridges.d.address: "10.5.0.1/31" has no room for containers`,
			at + `bridges.e.address: is a list`}},
		{"NAT without an address", in("bridges: {a: {nat: true}}"), []string{
			at + `bridges.a: bridge "a" has no address; NAT and DHCP need one`}},
		{"NAT is no switch", in("bridges: {lxcbr1: {nat: maybe}}"), []string{
			at + `bridges.lxcbr1.nat: "maybe" is neither true nor false`}},
		{"DHCP", in("bridges: {lxcbr1: {dhcp: on}, b: {address: 10.6.0.1/24, " +
			"dhcp: 10.6.0.9-10.6.0.2}}"), []string{
			at + `bridges.lxcbr1.dhcp: "on" is not a range; write it such as`,
			at + `bridges.b.dhcp: "10.6.0.9-10.6.0.2" ends before it begins`}},
		{"DHCP elsewhere", in("bridges: {lxcbr1: {dhcp: 10.6.0.2-10.6.0.9}}"), []string{
			at + `bridges.lxcbr1: bridge "lxcbr1" gives out addresses outside of 10.5.0.0/16`}},
		{"DHCP with the host", in("bridges: {lxcbr1: {dhcp: 10.5.0.1-10.5.0.9}}"), []string{
			at + `bridges.lxcbr1: bridge "lxcbr1" gives out its own address 10.5.0.1`}},
		{"bridges that overlap", in("bridges: {lxcbr1: {}, b: {address: 10.5.1.1/24}}"), []string{
			at + `bridges.lxcbr1: bridge "lxcbr1" shares addresses with bridge "b"`}},
		{"a bridge that the kernel has a meaning for", `
networks: {all: {cidr: 10.1.0.0/16, gateway: 10.1.0.1}}
hosts: {h: {prepare: {}}}
targets: {h: {a: {network: all}}}`, []string{
			`a.yaml:2: hosts.h.prepare: bridge "all" has a meaning of its own to the kernel`}},
		{"one bridge with two gateways", `
networks:
  n1: {cidr: 10.1.0.0/16, bridge: br, gateway: 10.1.0.1}
  n2: {cidr: 10.2.0.0/16, bridge: br, gateway: 10.2.0.1}
hosts: {h: {prepare: {}}}
targets: {h: {a: {network: n1}, b: {network: n2}}}`, []string{
			`a.yaml:4: hosts.h.prepare: bridge "br" is that of several networks, with the gateways ` +
				`10.1.0.1/16 and 10.2.0.1/16; say which address the host has: ` +
				`bridges: {br: {address: 10.1.0.1/16}}`}},
	})
}

// Whoever prepares a host by hand gets what prepare: {} means, also where nothing is declared.
func TestPreparationOnRequest(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"undeclared": "targets: {h: {a: {}, b: {}}}",
		"empty":      "hosts: {h: {prepare: {}}}\ntargets: {h: {a: {}, b: {}}}",
		"whole":      "hosts: {h: {prepare: {bridges: {lxcbr1: {}}}}}\ntargets: {h: {}}",
	} {
		p := parse(t, text).Hosts["h"].Preparation()
		if got := bridges(&p); got != "lxcbr1: 10.5.0.1/16, NAT" {
			t.Errorf("%s: the host gets %q", name, got)
		}
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The defaults of a host hold for the host itself.
func TestHostHasItsDefaults(t *testing.T) {
	t.Parallel()
	h := parse(t, `
defaults: {drift: report}
hosts: {a: {defaults: {windows: [daily 02:00-03:00]}}, b: {defaults: {drift: ignore}}}
targets: {a: {}, b: {}}`).Hosts
	if h["a"].Drift != spec.DriftReport || len(h["a"].Windows) != 1 ||
		h["b"].Drift != spec.DriftIgnore || len(h["b"].Windows) != 0 {
		t.Errorf("hosts are changed when nothing of theirs may be: %+v, %+v", h["a"], h["b"])
	}
}
