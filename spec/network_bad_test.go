package spec_test

import (
	"testing"
)

func TestBadNetworks(t *testing.T) {
	t.Parallel()
	const n = "a.yaml:1: networks.n"
	tests := []struct{ entry, want string }{
		{"{}", n + `: network "n" has no cidr; write it such as cidr: 10.5.0.0/16`},
		{"", n + `: network "n" has no cidr`},
		{"x", n + ": is a single value; write a mapping"},
		{"{cidr: x}", n + `.cidr: "x" is not a network; write it such as 10.5.0.0/16`},
		{"{cidr: 10.1.0.1}", n + `.cidr: "10.1.0.1" is not a network`},
		{"{cidr: 10.1.0.1/16}", n +
			`.cidr: "10.1.0.1/16" is an address inside a network; write 10.1.0.0/16`},
		{"{cidr: 'fd00::/64'}", n +
			`.cidr: "fd00::/64" is an IPv6 network; only IPv4 is supported`},
		{"{cidr: 10.1.0.0/31}", n + `.cidr: "10.1.0.0/31" has no room for containers`},
		{"{cidr: 10.1.0.0/33}", n + `.cidr: "10.1.0.0/33" is not a network`},
		{"{cidr: [10.1.0.0/16]}", n + ".cidr: is a list"},
		{"{cidr: 10.1.0.0/16, gateway: x}", n + `.gateway: "x" is not an IPv4 address`},
		{"{cidr: 10.1.0.0/16, gateway: 'fd00::1'}", n + `.gateway: "fd00::1" is an IPv6 address`},
		{"{cidr: 10.1.0.0/16, gateway: 10.2.0.1}", n +
			".gateway: gateway 10.2.0.1 is outside the network 10.1.0.0/16"},
		{"{cidr: 10.1.0.0/16, gateway: 10.1.0.0}", n +
			".gateway: gateway 10.1.0.0 is the address of the network"},
		{"{cidr: 10.1.0.0/16, gateway: 10.1.255.255}", n +
			".gateway: gateway 10.1.255.255 is the broadcast address"},
		{"{cidr: 10.1.0.0/16, range: 10.1.0.2}", n +
			`.range: "10.1.0.2" is not a range; write it such as 10.5.0.2-10.5.0.99`},
		{"{cidr: 10.1.0.0/16, range: a-b}", n + `.range: "a-b" is not a range`},
		{"{cidr: 10.1.0.0/16, range: 10.1.0.9-10.1.0.2}", n +
			`.range: "10.1.0.9-10.1.0.2" ends before it begins`},
		{"{cidr: 10.1.0.0/16, range: 10.1.0.2-10.2.0.9}", n +
			".range: range 10.1.0.2-10.2.0.9 is not inside 10.1.0.0/16"},
		{"{cidr: 10.1.0.0/16, range: 10.1.0.0-10.1.0.9}", n +
			".range: range 10.1.0.0-10.1.0.9 is not inside"},
		{"{cidr: 10.1.0.0/16, range: 10.1.0.2-10.1.255.255}", n +
			".range: range 10.1.0.2-10.1.255.255 is not inside"},
		{"{cidr: 10.1.0.0/16, exclude: 10.1.0.5}", n + ".exclude: is a single value; write a list"},
		{"{cidr: 10.1.0.0/16, exclude: [x]}", n +
			`.exclude: "x" is neither an IPv4 address nor a network`},
		{"{cidr: 10.1.0.0/16, exclude: [10.2.0.0/24]}", n +
			".exclude: 10.2.0.0/24 is not inside 10.1.0.0/16"},
		{"{cidr: 10.1.0.0/16, exclude: ['fd00::1']}", n + `.exclude: "fd00::1" is neither an IPv4`},
		{"{cidr: 10.1.0.0/16, bridge: 'a/b'}", n + `.bridge: "a/b" is not the name of a bridge`},
	}
	for _, tt := range tests {
		text := "networks: {n: " + tt.entry + "}\ntargets: {h: {}}"
		check(t, text, problems(t, text), []string{tt.want})
	}
}

func TestBadNamesOfNetworks(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"name is an address",
			"networks: {10.1.0.0: {cidr: 10.1.0.0/16, bridge: br0}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: networks.10.1.0.0: network "10.1.0.0" is an address; give it a name`}},
		{"name is no bridge", "networks: {a-very-long-network: {cidr: 10.1.0.0/16}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: networks.a-very-long-network: network "a-very-long-network" is not the ` +
				`name of a bridge; write bridge: NAME`}},
		{"name with a slash",
			"networks: {a/b: {cidr: 10.1.0.0/16, bridge: br0}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: networks.a/b: network "a/b" is not a name`}},
		{"not a mapping", "networks: [lan]\ntargets: {h: {}}",
			[]string{"a.yaml:1: networks: is a list; write a mapping of names"}},
	})
}

func TestBadInterfaces(t *testing.T) {
	t.Parallel()
	const c = "a.yaml:1: targets.h.c"
	tests := []struct{ value, want string }{
		{"ip: 10.6.0.9", c +
			".ip: ip 10.6.0.9 is outside the network 10.5.0.0/16; choose an address inside"},
		{"ip: 10.5.0.1", c + ".ip: ip 10.5.0.1 is the gateway of the network 10.5.0.0/16"},
		{"ip: 10.5.0.0", c + ".ip: ip 10.5.0.0 is the address of the network 10.5.0.0/16 itself"},
		{"ip: 10.5.255.255", c +
			".ip: ip 10.5.255.255 is the broadcast address of the network 10.5.0.0/16"},
		{"ip: 10.5.0.9, gateway: 10.5.0.9", c + ".ip: ip 10.5.0.9 is the gateway"},
		{"ip: 10.5.0.1, gateway: 10.5.0.2", c + ".ip: ip 10.5.0.1 is the gateway"},
		{"ip: 10.5.0.1, gateway: none", c + ".ip: ip 10.5.0.1 is the gateway"},
		{"ip: 10.5.0.9/16", c + `.ip: "10.5.0.9/16" has a prefix length; write only the address`},
		{"ip: dhcp", c +
			`.ip: "dhcp" is not an IPv4 address; remove the key: an address is generated`},
		{"ip: 'fd00::1'", c + `.ip: "fd00::1" is an IPv6 address; only IPv4 is supported`},
		{"ip: 10.5.0.256", c +
			`.ip: "10.5.0.256" is not an IPv4 address; write it such as 10.5.0.10`},
		{"ip: 10.5.0", c + `.ip: "10.5.0" is not an IPv4 address`},
		{"gateway: 10.6.0.1", c + ".gateway: gateway 10.6.0.1 is outside the network 10.5.0.0/16"},
		{"gateway: 10.5.255.255", c + ".gateway: gateway 10.5.255.255 is the broadcast address"},
		{"gateway: auto", c +
			`.gateway: "auto" is not an IPv4 address; remove the key: the gateway of the network`},
		{"netmask: 33", c + `.netmask: "33" is not a netmask; write a prefix length from 0 to 32`},
		{"netmask: -1", c + `.netmask: "-1" is not a netmask`},
		{"netmask: +8", c + `.netmask: "+8" is not a netmask`},
		{"netmask: ''", c + `.netmask: "" is not a netmask`},
		{"netmask: 255.0.255.0", c + `.netmask: "255.0.255.0" is not a netmask`},
		{"netmask: 255.255", c + `.netmask: "255.255" is not a netmask`},
		{"netmask_full: 16", c +
			`.netmask_full: "16" is not a dotted netmask; write it such as 255.255.0.0`},
		{"netmask: 16, netmask_full: 255.0.0.0", c +
			".netmask_full: netmask and netmask_full contradict each other: /8 and /16"},
		{"mac: 00:16:3e:00:00", c + `.mac: "00:16:3e:00:00" is not a MAC; write six bytes`},
		{"mac: 00:16:3e:00:00:zz", c + `.mac: "00:16:3e:00:00:zz" is not a MAC`},
		{"mac: 00x16x3ex00x00x01", c + `.mac: "00x16x3ex00x00x01" is not a MAC`},
		{"mac: 01:16:3e:00:00:01", c + `.mac: "01:16:3e:00:00:01" is a multicast MAC`},
		{"mac: ff:ff:ff:ff:ff:ff", c + `.mac: "ff:ff:ff:ff:ff:ff" is a multicast MAC`},
		{"mac: 00:00:00:00:00:00", c + `.mac: "00:00:00:00:00:00" is no address`},
		{"network: lan", c + `.network: unknown network "lan"; declare it under networks`},
		{"network: lxcbr0", c + `.network: unknown network "lxcbr0"; did you mean "lxcbr1"?`},
		{"network: 10.9.0.0", c +
			".network: network 10.9.0.0 has no netmask; write netmask beside it"},
		{"network: 10.9.0.1/24", c +
			`.network: "10.9.0.1/24" is an address inside a network; write 10.9.0.0/24`},
		{"network: 10.9.0.1, netmask: 24", c +
			`.network: "10.9.0.1/24" is an address inside a network`},
		{"network: 'fd00::', netmask: 32", c + `.network: "fd00::/32" is an IPv6 network`},
		{"network: 10.9.0.0, netmask: 31", c +
			`.network: "10.9.0.0/31" has no room for containers`},
		{"network: 10.9.0.0/24, gateway: 10.5.0.1", c +
			".gateway: gateway 10.5.0.1 is outside the network 10.9.0.0/24"},
	}
	for _, tt := range tests {
		text := "targets: {h: {c: {" + tt.value + "}}}"
		check(t, text, problems(t, text), []string{tt.want})
	}
}

// A bridge, netmask or gateway of the defaults is meant for the network of the defaults.
func TestDefaultsOfAnotherNetwork(t *testing.T) {
	t.Parallel()
	const lan = "networks: {lan: {cidr: 10.1.0.0/24, bridge: br0}}\n"
	runBad(t, []bad{
		{
			"bridge",
			lan + "defaults: {bridge: lxcbr1}\ntargets: {h: {c: {network: lan}, d: {network: lan}}}",
			[]string{
				"a.yaml:2: defaults.bridge: bridge lxcbr1 is not that of network lan; the network " +
					"is chosen in targets.h.c: write bridge beside it",
			},
		},
		{
			"netmask",
			lan + "defaults: {netmask: 16}\ntargets: {h: {c: {network: lan}}}",
			[]string{
				"a.yaml:2: defaults.netmask: netmask 16 is not that of network lan; the network " +
					"is chosen in targets.h.c",
			},
		},
		{
			"gateway",
			lan + "defaults: {gateway: 10.5.0.1}\ntargets: {h: {c: {network: lan}}}",
			[]string{
				"a.yaml:2: defaults.gateway: gateway 10.5.0.1 is outside the network 10.1.0.0/24",
			},
		},
	})
}
