package spec_test

import "testing"

// onBridge is a tree whose container uses the built-in network, on a host with this bridge.
func onBridge(bridge string) string {
	return "hosts:\n  h:\n    prepare:\n      bridges:\n        " + bridge +
		"\ntargets: {h: {c: {}}}"
}

const twoNetworks = `
networks:
  n1: {cidr: 10.1.0.0/16, bridge: br, gateway: 10.1.0.1}
  n2: {cidr: 10.2.0.0/16, bridge: br}
  n3: {cidr: 10.3.0.0/16}
`

// A bridge with another address than the network's would cut off the containers that run there.
func TestBridgeOutsideOfItsNetwork(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"elsewhere", onBridge("lxcbr1: {nat: false,\n          address: 10.9.9.9/16}"), []string{
			`a.yaml:6: hosts.h.prepare.bridges.lxcbr1.address: 10.9.9.9/16 is no address of a host in ` +
				`the network of bridge "lxcbr1", 10.5.0.0/16; write 10.5.0.1/16, or another bridge`}},
		{"the broadcast address of a smaller network", `
networks: {n: {cidr: 10.1.2.0/24, gateway: 10.1.2.1}}
hosts: {h: {prepare: {bridges: {n: {address: 10.1.2.255/16}}}}}
targets: {h: {c: {network: n}}}`, []string{
			"a.yaml:2: hosts.h.prepare.bridges.n.address: 10.1.2.255/16 is no address of a host"}},
		{"nothing is there yet", twoNetworks +
			"hosts: {h: {prepare: {bridges: {n3: {address: 10.5.0.1/16}}}}}\ntargets: {h: {}}", []string{
			`a.yaml:5: hosts.h.prepare.bridges.n3.address: 10.5.0.1/16 is no address of a host in ` +
				`the network of bridge "n3", 10.3.0.0/16; write an address inside, or another bridge`}},
		{"beside two networks", twoNetworks +
			"hosts: {h: {prepare: {bridges: {br: {address: 10.3.0.1/16}}}}}\n" +
			"targets: {h: {a: {network: n1}, b: {network: n2}}}", []string{
			`a.yaml:5: hosts.h.prepare.bridges.br.address: 10.3.0.1/16 is no address of a host in ` +
				`the network of bridge "br", 10.1.0.0/16 and 10.2.0.0/16; write 10.1.0.1/16`}},
		{"a network as in the seeds", `
hosts: {h: {prepare: {bridges: {br9: {address: 10.8.0.7/24}}}}}
targets: {h: {a: {network: 10.9.0.0, netmask: 24, gateway: 10.9.0.7, bridge: br9}}}`, []string{
			`a.yaml:1: hosts.h.prepare.bridges.br9.address: 10.8.0.7/24 is no address of a host in ` +
				`the network of bridge "br9", 10.9.0.0/24; write 10.9.0.7/24`}},
	})
}

func TestBridgeThatIsNotTheGateway(t *testing.T) {
	t.Parallel()
	const warning = "a.yaml:5: hosts.h.prepare.bridges.lxcbr1.address: "
	const instead = ` is not the gateway of the network of bridge "lxcbr1", 10.5.0.1/16; ` +
		"write 10.5.0.1/16, unless another machine is the gateway"
	runOdd(t, []odd{
		{"the gateway", onBridge("lxcbr1: {address: 10.5.0.1/16}"), nil},
		{"no address", onBridge("lxcbr1: {address: none}"), nil},
		{"another bridge", onBridge("other: {address: 10.9.9.9/16}"), nil},
		{"beside the gateway", onBridge("lxcbr1: {address: 10.5.0.2/16}"),
			[]string{warning + "10.5.0.2/16" + instead}},
		{"only a part of the network", onBridge("lxcbr1: {address: 10.5.0.1/24}"),
			[]string{warning + "10.5.0.1/24" + instead}},
		{"a network without a gateway", twoNetworks +
			"hosts: {h: {prepare: {bridges: {n3: {address: 10.3.7.7/16}}}}}\n" +
			"targets: {h: {c: {network: n3}}}", nil},
		{"in the second of two networks", twoNetworks +
			"hosts: {h: {prepare: {bridges: {br: {address: 10.2.0.1/16}}}}}\n" +
			"targets: {h: {c: {network: n2}}}", nil},
		{"where containers of the host are elsewhere", `
hosts: {h: {prepare: {bridges: {lxcbr1: {address: 10.9.0.7/24}}}}}
targets: {h: {a: {network: 10.9.0.0, netmask: 24, gateway: 10.9.0.7, bridge: lxcbr1}}}`, nil},
	})
}

func TestSettingsThatContradict(t *testing.T) {
	t.Parallel()
	const wrong = "turns off what NAT of bridge \"lxcbr1\" needs; leave it out, or write " +
		"bridges: {lxcbr1: {nat: false}}"
	runBad(t, []bad{
		{"by default", `
hosts:
  h:
    prepare:
      sysctl:
        fs.x: 0
        net.ipv4.ip_forward: 0
targets: {h: {c: {}}}`, []string{
			"a.yaml:6: hosts.h.prepare.sysctl.net.ipv4.ip_forward: 0 " + wrong}},
		{"in its other form", `
hosts: {h: {prepare: {bridges: {lxcbr1: {}}, sysctl: {net/ipv4/ip_forward: "00"}}}}
targets: {h: {}}`, []string{
			"a.yaml:1: hosts.h.prepare.sysctl.net/ipv4/ip_forward: 00 " + wrong}},
		{"in both forms, with values that differ", `
hosts: {h: {prepare: {sysctl: {kernel.pid_max: 4194304, kernel/pid_max: 32768}}}}
targets: {h: {}}`, []string{`a.yaml:1: hosts.h.prepare.sysctl.kernel/pid_max: the setting has ` +
			`another value as "kernel.pid_max"; keep one of them`}},
		{"of all interfaces", `
hosts: {h: {prepare: {sysctl: {net.ipv4.conf.all.forwarding: 0}}}}
targets: {h: {c: {}}}`, []string{
			"a.yaml:1: hosts.h.prepare.sysctl.net.ipv4.conf.all.forwarding: 0 " + wrong}},
		{"of those that come later", `
hosts: {h: {prepare: {sysctl: {net/ipv4/conf/default/forwarding: 0}}}}
targets: {h: {c: {}}}`, []string{
			"a.yaml:1: hosts.h.prepare.sysctl.net/ipv4/conf/default/forwarding: 0 " + wrong}},
		{"of the bridge", `
hosts: {h: {prepare: {sysctl: {net.ipv4.conf.lxcbr1.forwarding: 0}}}}
targets: {h: {c: {}}}`, []string{
			"a.yaml:1: hosts.h.prepare.sysctl.net.ipv4.conf.lxcbr1.forwarding: 0 " + wrong}},
	})
	runOdd(t, []odd{
		{"without NAT", `
hosts: {h: {prepare: {bridges: {lxcbr1: {nat: false}}, sysctl: {net.ipv4.ip_forward: 0}}}}
targets: {h: {c: {}}}`, nil},
		{"in both forms", `
hosts: {h: {prepare: {sysctl: {net.ipv4.tcp_rmem: "1 2 3", net/ipv4/tcp_rmem: "1  2 3"}}}}
targets: {h: {}}`, nil},
		{"of another interface", `
hosts: {h: {prepare: {sysctl: {net.ipv4.conf.eth1.forwarding: 0}}}}
targets: {h: {c: {}}}`, nil},
		{"without a bridge", `
hosts: {h: {prepare: {sysctl: {net.ipv4.ip_forward: 0}}}}
targets: {h: {}}`, nil},
	})
}
