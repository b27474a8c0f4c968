package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"reconciler/spec"
)

// show is a network on one line.
func show(n *spec.Network) string {
	if n == nil {
		return "none"
	}
	var ex []string
	for _, p := range n.Exclude {
		ex = append(ex, p.String())
	}
	return strings.TrimSpace(fmt.Sprintf("%s on %s: %s gw %s, %s-%s %s", n.Name, n.Bridge, n.CIDR,
		n.Gateway, n.First, n.Last, strings.Join(ex, " ")))
}

const lan = "networks: {lan: {cidr: 10.1.0.0/24, gateway: 10.1.0.1, bridge: br0}}\n"

func TestNetworks(t *testing.T) {
	t.Parallel()
	runNetworks(t, []networkOf{
		{"built in", "targets: {h: {c: {}}}",
			"lxcbr1 on lxcbr1: 10.5.0.0/16 gw 10.5.0.1, 10.5.0.2-10.5.255.253"},
		{"built in is replaced", "networks: {lxcbr1: {cidr: 10.7.0.0/24}}\ntargets: {h: {c: {}}}",
			"lxcbr1 on lxcbr1: 10.7.0.0/24 gw invalid IP, 10.7.0.1-10.7.0.254"},
		{"of the design", `
networks:
  lxcbr1:
    cidr: 10.5.0.0/16
    gateway: 10.5.0.1
    range: 10.5.0.2-10.5.255.253
    exclude: [10.5.3.0/24]
targets: {h: {c: {}}}`,
			"lxcbr1 on lxcbr1: 10.5.0.0/16 gw 10.5.0.1, 10.5.0.2-10.5.255.253 10.5.3.0/24"},
		{"by name", lan + "targets: {h: {c: {network: lan}}}",
			"lan on br0: 10.1.0.0/24 gw 10.1.0.1, 10.1.0.2-10.1.0.254"},
		{"gateway at the end",
			"networks: {n: {cidr: 10.1.0.0/24, gateway: 10.1.0.254}}\ntargets: {h: {c: {network: n}}}",
			"n on n: 10.1.0.0/24 gw 10.1.0.254, 10.1.0.1-10.1.0.253"},
		{"gateway in the middle",
			"networks: {n: {cidr: 10.1.0.0/24, gateway: 10.1.0.9}}\ntargets: {h: {c: {network: n}}}",
			"n on n: 10.1.0.0/24 gw 10.1.0.9, 10.1.0.1-10.1.0.254 10.1.0.9/32"},
		{"gateway in the range",
			"networks: {n: {cidr: 10.1.0.0/24, gateway: 10.1.0.9, range: 10.1.0.5-10.1.0.20}}\n" +
				"targets: {h: {c: {network: n}}}",
			"n on n: 10.1.0.0/24 gw 10.1.0.9, 10.1.0.5-10.1.0.20 10.1.0.9/32"},
		{"gateway none",
			"networks: {n: {cidr: 10.1.0.0/30, gateway: none}}\ntargets: {h: {c: {network: n}}}",
			"n on n: 10.1.0.0/30 gw invalid IP, 10.1.0.1-10.1.0.2"},
		{"exclusions are sorted",
			"networks: {n: {cidr: 10.1.0.0/16, exclude: [10.1.9.0/24, 10.1.2.3, 10.1.2.3]}}\n" +
				"targets: {h: {c: {network: n}}}",
			"n on n: 10.1.0.0/16 gw invalid IP, 10.1.0.1-10.1.255.254 10.1.2.3/32 10.1.9.0/24"},
	})
}

func TestNetworksWrittenAsAddresses(t *testing.T) {
	t.Parallel()
	runNetworks(t, []networkOf{
		{"address of the built-in one", "targets: {h: {c: {network: 10.5.0.0, netmask: 16}}}",
			"lxcbr1 on lxcbr1: 10.5.0.0/16 gw 10.5.0.1, 10.5.0.2-10.5.255.253"},
		{"address without netmask", "targets: {h: {c: {network: 10.5.0.0}}}",
			"lxcbr1 on lxcbr1: 10.5.0.0/16 gw 10.5.0.1, 10.5.0.2-10.5.255.253"},
		{"dotted netmask", "targets: {h: {c: {network: 10.5.0.0, netmask_full: 255.255.0.0}}}",
			"lxcbr1 on lxcbr1: 10.5.0.0/16 gw 10.5.0.1, 10.5.0.2-10.5.255.253"},
		{"address of a declared one", lan + "targets: {h: {c: {network: 10.1.0.0/24}}}",
			"lan on br0: 10.1.0.0/24 gw 10.1.0.1, 10.1.0.2-10.1.0.254"},
		{"in line",
			"targets: {h: {c: {network: 10.9.0.0, netmask: 24, bridge: br9, gateway: 10.9.0.1}}}",
			"10.9.0.0/24@br9 on br9: 10.9.0.0/24 gw 10.9.0.1, 10.9.0.2-10.9.0.254"},
		{"in line without bridge", "targets: {h: {c: {network: 10.9.0.0/24}}}",
			"10.9.0.0/24@lxcbr1 on lxcbr1: 10.9.0.0/24 gw invalid IP, 10.9.0.1-10.9.0.254"},
		{"two gateways in line", "targets: {h: {a: {network: 10.9.0.0/24, gateway: 10.9.0.2}, " +
			"c: {network: 10.9.0.0/24, gateway: 10.9.0.1}}}",
			"10.9.0.0/24@lxcbr1 on lxcbr1: 10.9.0.0/24 gw 10.9.0.1, 10.9.0.2-10.9.0.254 10.9.0.2/32"},
		{"same addresses, bridge decides", "networks: {a: {cidr: 10.1.0.0/24, bridge: br0}, " +
			"b: {cidr: 10.1.0.0/24, bridge: br1}}\ntargets: {h: {c: {network: 10.1.0.0/24, bridge: br1}}}",
			"b on br1: 10.1.0.0/24 gw invalid IP, 10.1.0.1-10.1.0.254"},
	})
}

// networkOf is a tree and the network that its container c is on.
type networkOf struct{ name, text, want string }

func runNetworks(t *testing.T, tests []networkOf) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := parse(t, tt.text)
			n := got.Hosts["h"].Containers["c"].Network
			if show(n) != tt.want {
				t.Errorf("got  %s\nwant %s", show(n), tt.want)
			}
			if got.Networks[n.Name] != n {
				t.Error("the network of the container is not in the tree: addresses could be given out twice")
			}
		})
	}
}

func TestInlineNetworksAreShared(t *testing.T) {
	t.Parallel()
	got := parse(t, "targets: {h: {a: {network: 10.9.0.0/24}, b: {network: 10.9.0.0, netmask: 24}}, "+
		"i: {c: {network: 10.9.0.0, netmask_full: 255.255.255.0}}}")
	a, b := got.Hosts["h"].Containers["a"].Network, got.Hosts["h"].Containers["b"].Network
	if c := got.Hosts["i"].Containers["c"].Network; a != b || b != c {
		t.Errorf("one network became several: %s, %s, %s", show(a), show(b), show(c))
	}
	if len(got.Networks) != 1 {
		t.Errorf("networks that nobody uses are in the tree: %v", got.Networks)
	}
}

func TestDeclaredNetworksStayInTheTree(t *testing.T) {
	t.Parallel()
	got := parse(t, "networks: {lan: {cidr: 10.1.0.0/24}}\ntargets: {h: {}}")
	if got.Networks["lan"] == nil || len(got.Networks) != 1 {
		t.Errorf("got %v, want only lan", got.Networks)
	}
}

func TestInterfaceSettings(t *testing.T) {
	t.Parallel()
	const lan = "networks: {lan: {cidr: 10.1.0.0/16, gateway: 10.1.0.1, bridge: br0}}\n"
	tests := []struct{ name, text, want string }{
		{"from the network", lan + "targets: {h: {c: {network: lan}}}",
			"br0 invalid IP/16 gw 10.1.0.1 mac "},
		{"declared", lan +
			"targets: {h: {c: {network: lan, ip: 10.1.2.3, mac: 00:16:3E:AB:CD:EF}}}",
			"br0 10.1.2.3/16 gw 10.1.0.1 mac 00:16:3e:ab:cd:ef"},
		{"MAC with hyphens", "targets: {h: {c: {mac: 00-16-3e-ab-cd-ef}}}",
			"lxcbr1 invalid IP/16 gw 10.5.0.1 mac 00:16:3e:ab:cd:ef"},
		{"MAC of digits", "targets: {h: {c: {mac: 10:20:30:40:50:10}}}",
			"lxcbr1 invalid IP/16 gw 10.5.0.1 mac 10:20:30:40:50:10"},
		{"other bridge", lan + "targets: {h: {c: {network: lan, bridge: br7}}}",
			"br7 invalid IP/16 gw 10.1.0.1 mac "},
		{"bridge everywhere", lan + "defaults: {network: lan, bridge: br7}\ntargets: {h: {c: {}}}",
			"br7 invalid IP/16 gw 10.1.0.1 mac "},
		{"bridge of the host", lan +
			"defaults: {network: lan}\nhosts: {h: {defaults: {bridge: br7}}}\ntargets: {h: {c: {}}}",
			"br7 invalid IP/16 gw 10.1.0.1 mac "},
		{"no gateway", lan + "targets: {h: {c: {network: lan, gateway: none}}}",
			"br0 invalid IP/16 gw invalid IP mac "},
		{"no gateway, as Python writes it", lan +
			"targets: {h: {c: {network: lan, gateway: None}}}",
			"br0 invalid IP/16 gw invalid IP mac "},
		{"gateway again", lan +
			"defaults: {gateway: none}\ntargets: {h: {c: {network: lan, gateway: 10.1.0.9}}}",
			"br0 invalid IP/16 gw 10.1.0.9 mac "},
		{"none again", lan +
			"defaults: {gateway: 10.1.0.9}\ntargets: {h: {c: {network: lan, gateway: none}}}",
			"br0 invalid IP/16 gw invalid IP mac "},
		{"netmask", lan + "targets: {h: {c: {network: lan, netmask: 32}}}",
			"br0 invalid IP/32 gw 10.1.0.1 mac "},
		{"dotted", lan + "targets: {h: {c: {network: lan, netmask: 255.255.255.0}}}",
			"br0 invalid IP/24 gw 10.1.0.1 mac "},
		{"full", lan + "targets: {h: {c: {network: lan, netmask_full: 255.255.255.0}}}",
			"br0 invalid IP/24 gw 10.1.0.1 mac "},
		{"both agree", lan +
			"targets: {h: {c: {network: lan, netmask: 24, netmask_full: 255.255.255.0}}}",
			"br0 invalid IP/24 gw 10.1.0.1 mac "},
		{"equal default does no harm", lan +
			"defaults: {bridge: br0, netmask: 16}\ntargets: {h: {c: {network: lan}}}",
			"br0 invalid IP/16 gw 10.1.0.1 mac "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := one(t, tt.text)
			got := fmt.Sprintf("%s %s/%d gw %s mac %s", c.Bridge, c.IP, c.PrefixLen, c.Gateway, c.MAC)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
