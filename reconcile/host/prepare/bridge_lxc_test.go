//go:build linux

package prepare

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"reconciler/spec"
)

// withBridge is a preparation with one bridge and nothing else.
func withBridge(b spec.PreparedBridge) spec.Preparation {
	return spec.Preparation{Bridges: []spec.PreparedBridge{b}}
}

// natBridge is the bridge of most tests.
func natBridge() spec.PreparedBridge {
	return spec.PreparedBridge{Name: "lxcbr1", NAT: true,
		Address: netip.MustParsePrefix("10.5.0.1/16")}
}

// guestAndWorld puts a guest on the bridge, and a world behind another device of the machine that
// knows no way to the guests: only NAT reaches it.
const guestAndWorld = `
ip netns add guest
ip link add toguest type veth peer name eth0 netns guest
ip link set toguest master lxcbr1 up
ip -n guest addr add 10.5.0.7/16 dev eth0
ip -n guest link set eth0 up
ip -n guest route add default via 10.5.0.1
ip netns add world
ip link add toworld type veth peer name eth0 netns world
ip addr add 192.0.2.1/24 dev toworld
ip link set toworld up
ip -n world addr add 192.0.2.2/24 dev eth0
ip -n world link set eth0 up
`

// pingWorld succeeds if the guest has an answer from the world.
const pingWorld = "ip netns exec guest ping -c 1 -W 2 192.0.2.2"

func TestGuestsReachTheWorld(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.prepare(withBridge(natBridge()))
	m.Run("set -e\n" + guestAndWorld)
	m.Run(pingWorld)
	for _, c := range []struct{ what, do string }{
		{"networking is restarted", "systemctl restart networking"},
		{"the firewall is restarted", "systemctl restart nftables"},
		{"the firewall is reloaded", "systemctl reload nftables"},
		{"the firewall is stopped and started",
			"systemctl stop nftables && nft list tables && systemctl start nftables"},
		{"systemd-networkd comes and manages what it finds", networkdTakesAll},
		{"systemd-networkd is restarted", "systemctl restart systemd-networkd"},
	} {
		m.Run(c.do)
		// systemctl does not wait for what comes back with a unit.
		m.Eventually(c.what+", and guests reach the world", pingWorld)
		if a := m.ask("check", withBridge(natBridge())); len(a.Changes) > 0 || a.Error != "" {
			t.Errorf("%s, and the machine is not prepared: %+v, %s", c.what, a.Changes, a.Error)
		}
	}
	m.reboot()
	m.Run("set -e\n" + guestAndWorld)
	m.Run(pingWorld)
	if a := m.ask("check", withBridge(natBridge())); len(a.Changes) > 0 || a.Error != "" {
		t.Errorf("the machine was rebooted, and is not prepared: %+v, %s", a.Changes, a.Error)
	}
}

// networkdTakesAll is how some hosts are set up: whatever there is gets its address by DHCP. The
// devices of the test are not what it is about.
const networkdTakesAll = `set -e
printf '[Match]\nName=to* lo\n[Link]\nUnmanaged=yes\n' >/etc/systemd/network/05-test.network
printf '[Match]\nName=*\n[Network]\nDHCP=yes\n' >/etc/systemd/network/99-all.network
systemctl start systemd-networkd
networkctl status lxcbr1 --no-pager | grep -q unmanaged
`

func TestTrafficThatStaysIsNotTranslated(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.prepare(withBridge(natBridge()))
	m.Run("set -e\n" + guestAndWorld + `
ip netns add other
ip link add toother type veth peer name eth0 netns other
ip link set toother master lxcbr1 up
ip -n other addr add 10.5.0.8/16 dev eth0
ip -n other link set eth0 up
ip -n world route add 10.5.0.0/16 via 192.0.2.1
nft add table ip watch
nft add chain ip watch seen '{ type filter hook postrouting priority 300; }'
nft add rule ip watch seen icmp type echo-request ip saddr 192.0.2.2 oifname lxcbr1 counter
nft add rule ip watch seen icmp type echo-request ip saddr 10.5.0.1 oifname lxcbr1 counter
`)
	// Only pings count: a bridge also sends reports of multicast groups by itself.
	m.Run("ip netns exec guest ping -c 1 -W 5 10.5.0.8")
	m.Run("ip netns exec world ping -c 1 -W 5 10.5.0.7")
	out := m.Run("nft list table ip watch")
	if !strings.Contains(out, "ip saddr 192.0.2.2 oifname \"lxcbr1\" counter packets 1") ||
		!strings.Contains(out, "ip saddr 10.5.0.1 oifname \"lxcbr1\" counter packets 0") {
		t.Errorf("guests do not see who speaks to them:\n%s", out)
	}
}

func TestAChangedBridgeIsCorrected(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.prepare(withBridge(natBridge()))
	m.Run(`set -e
		nft add table ip others
		nft add chain ip others c '{ type filter hook forward priority 0; }'
		ip addr add 10.5.0.99/16 dev lxcbr1
		ip addr add 10.77.0.1/24 dev lxcbr1`)
	mac := m.Run("cat /sys/class/net/lxcbr1/address")
	next := natBridge()
	for _, c := range []struct {
		what   string
		change func()
	}{
		{"another address", func() { next.Address = netip.MustParsePrefix("10.5.0.254/16") }},
		{"another network", func() { next.Address = netip.MustParsePrefix("10.6.0.1/24") }},
		{"a server of addresses", func() {
			next.DHCPFirst = netip.MustParseAddr("10.6.0.10")
			next.DHCPLast = netip.MustParseAddr("10.6.0.20")
		}},
		{"other addresses", func() { next.DHCPLast = netip.MustParseAddr("10.6.0.30") }},
		{"no server", func() { next.DHCPFirst, next.DHCPLast = netip.Addr{}, netip.Addr{} }},
		{"no NAT", func() { next.NAT = false }},
		{"no address", func() { next.Address = netip.Prefix{} }},
	} {
		c.change()
		if done := m.prepare(withBridge(next)); len(done) != 1 {
			t.Errorf("%s: done is %q", c.what, done)
		}
		got := m.addresses("lxcbr1")
		want := []string{"10.5.0.99/16", "10.77.0.1/24"}
		if next.Address.IsValid() {
			want = append(want, next.Address.String())
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the bridge has %q, want %q: ours and what somebody added", c.what, got, want)
		}
		if _, err := m.Try("pgrep dnsmasq"); (err == nil) != next.DHCPFirst.IsValid() {
			t.Errorf("%s: a server runs: %v", c.what, err == nil)
		}
		if out := m.Run("nft list tables"); !strings.Contains(out, "others") ||
			strings.Contains(out, "reconciler") != next.NAT {
			t.Errorf("%s: the tables are %s", c.what, out)
		}
	}
	if now := m.Run("cat /sys/class/net/lxcbr1/address"); now != mac {
		t.Errorf("the bridge was made anew: %s, was %s", now, mac)
	}
	if left := m.Run("ls /etc/systemd/system | grep reconciler"); left != bridgeUnit("lxcbr1") {
		t.Errorf("these units are left: %s", left)
	}
	m.prepare(spec.Preparation{})
	m.Run("ip link show lxcbr1")
}

// addresses returns those of a device, sorted.
func (m *machine) addresses(device string) []string {
	m.T.Helper()
	out := strings.Fields(m.Run("ip -4 -br addr show dev " + device))
	slices.Sort(out[2:])
	return out[2:]
}

func TestGuestsGetAddresses(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	b := natBridge()
	b.DHCPFirst, b.DHCPLast = netip.MustParseAddr("10.5.9.1"), netip.MustParseAddr("10.5.9.9")
	m.prepare(withBridge(b))
	m.Run("set -e\n" + guestAndWorld + `
ip -n guest addr flush dev eth0
ip netns exec guest dhclient -1 -v -pf /run/dhclient-test.pid -lf /tmp/leases eth0`)
	if out := m.Run("ip -n guest -4 -br addr show dev eth0"); !strings.Contains(out, "10.5.9.") {
		t.Errorf("the guest has another address than it was to get: %s", out)
	}
	m.Run(pingWorld)
	m.Run("kill -9 $(cat /run/reconciler-dnsmasq-lxcbr1.pid)")
	m.Eventually("the server is back", "systemctl is-active reconciler-dhcp-lxcbr1 && pgrep dnsmasq")
	m.Run("systemctl stop reconciler-dhcp-lxcbr1")
	if done := m.prepare(withBridge(b)); len(done) != 1 {
		t.Errorf("the server was stopped, and is not started: %q", done)
	}
	m.reboot()
	if a := m.ask("check", withBridge(b)); len(a.Changes) > 0 || a.Error != "" {
		t.Errorf("the machine was rebooted, and is not prepared: %+v, %s", a.Changes, a.Error)
	}
}

func TestABridgeOfSomebodyElse(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.prepare(spec.Preparation{})
	m.Run(`set -e
		ip link add lxcbr1 type bridge
		ip addr add 10.5.0.1/16 dev lxcbr1
		ip link set lxcbr1 up
		ip link add veth1 type veth peer name veth2
		ip addr add 172.20.1.1/24 dev veth1
		ip link set veth1 up`)
	same := natBridge()
	same.NAT = false
	if done := m.prepare(withBridge(same)); len(done) != 0 {
		t.Errorf("a bridge that is as declared is changed: %q", done)
	}
	m.refuses("another address", func(b *spec.PreparedBridge) {
		b.Address = netip.MustParsePrefix("10.5.0.2/16")
	}, "somebody else made it, with 10.5.0.1/16")
	m.refuses("a device that is no bridge", func(b *spec.PreparedBridge) {
		b.Name, b.Address = "veth1", netip.MustParsePrefix("10.8.0.1/24")
	}, "there is a veth device of that name")
	m.refuses("the network of another device", func(b *spec.PreparedBridge) {
		b.Name, b.Address = "br2", netip.MustParsePrefix("172.20.0.1/16")
	}, "veth1 of this host has 172.20.1.1/24")
	m.Run("ip link set lxcbr1 down")
	m.refuses("a bridge that is down", func(*spec.PreparedBridge) {}, "is down")
	m.Run("ip link set lxcbr1 up")
	m.prepare(withBridge(natBridge()))
	if out, err := m.Try("ls /etc/systemd/system/" + bridgeUnit("lxcbr1")); err == nil {
		t.Errorf("a bridge of somebody else has become ours: %s", out)
	}
	m.Run("set -e\n" + guestAndWorld + pingWorld)
}

// refuses prepares a bridge that must not be touched.
func (m *machine) refuses(what string, change func(*spec.PreparedBridge), want string) {
	m.T.Helper()
	b := natBridge()
	b.NAT = false
	change(&b)
	const look = "ip -4 -br addr; nft list ruleset; ls -lR --time-style=full-iso /etc/systemd"
	before := m.Run(look)
	checked, a := m.ask("check", withBridge(b)), m.ask("prepare", withBridge(b))
	if len(checked.Changes) != 1 || !strings.Contains(checked.Changes[0].Refused, want) {
		m.T.Errorf("%s: announced is %+v %s, want %q", what, checked.Changes, checked.Error, want)
	}
	if !strings.Contains(a.Error, want) || len(a.Done) != 0 {
		m.T.Errorf("%s: done is %q, refused %q, want %q", what, a.Done, a.Error, want)
	}
	if after := m.Run(look); after != before {
		m.T.Errorf("%s: something was changed. Before:\n%s\nafter:\n%s", what, before, after)
	}
}

// TestTheBridgeOfLXC is not made beside those that are declared, where it could have the name and
// the addresses of one of them.
func TestTheBridgeOfLXC(t *testing.T) {
	t.Parallel()
	m := newBareMachine(t)
	m.Run(`set -e
		mkdir /etc/systemd/system/lxc-net.service.d
		printf '[Unit]\nConditionVirtualization=\n' >/etc/systemd/system/lxc-net.service.d/test.conf
		systemctl daemon-reload`)
	b := natBridge()
	b.Name, b.Address = "lxcbr0", netip.MustParsePrefix("10.0.3.254/24")
	b.DHCPFirst, b.DHCPLast = netip.MustParseAddr("10.0.3.2"), netip.MustParseAddr("10.0.3.9")
	m.prepare(withBridge(b))
	m.Run("systemctl restart lxc-net lxc")
	for range 2 {
		if got := m.addresses("lxcbr0"); !slices.Equal(got, []string{"10.0.3.254/24"}) {
			t.Errorf("the bridge has %q", got)
		}
		if a := m.ask("check", withBridge(b)); len(a.Changes) > 0 || a.Error != "" {
			t.Errorf("the machine is not prepared: %+v, %s", a.Changes, a.Error)
		}
		m.reboot()
	}
}
