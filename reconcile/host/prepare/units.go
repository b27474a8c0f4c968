package prepare

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"reconciler/spec"
)

// header opens every file that is all ours.
const header = "# Written by reconciler, from what the tree declares as prepare of this host.\n" +
	"# Change it there: this file is replaced.\n"

// The files of ours for one bridge. They need no program of ours at boot, and each is there only
// if what it makes is.
func bridgeUnit(bridge string) string { return "reconciler-bridge-" + bridge + ".service" }
func natUnit(bridge string) string    { return "reconciler-nat-" + bridge + ".service" }
func dhcpUnit(bridge string) string   { return "reconciler-dhcp-" + bridge + ".service" }
func natTable(bridge string) string   { return "reconciler_" + bridge }

// addressKey precedes the address in a unit, so that a changed declaration finds the old one.
const addressKey = "# Address: "

// bridgeText is the unit that makes a bridge and its address. It takes nothing away, when it is
// stopped neither. The address of its hardware is fixed, or it would change with each container
// that comes or goes, and guests would lose their gateway for a while.
func bridgeText(b spec.PreparedBridge) string {
	commands := []string{
		"ip link show dev %[1]s >/dev/null 2>&1 || ip link add name %[1]s type bridge",
		"ip link set dev %[1]s address $$(cat /sys/class/net/%[1]s/address)",
	}
	address := ""
	if b.Address.IsValid() {
		address = addressKey + b.Address.String() + "\n"
		commands = append(commands, "ip address replace "+b.Address.String()+" brd + dev %[1]s")
	}
	commands = append(commands, "ip link set dev %[1]s up")
	return header + address + fmt.Sprintf(`
[Unit]
Description=Bridge %[1]s of containers
Before=network.target lxc.service lxc-net.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -ec '`+strings.Join(commands, "; ")+`'

[Install]
WantedBy=multi-user.target
`, b.Name)
}

// recordedAddress returns the address that a unit of ours gave its bridge; invalid if none.
func recordedAddress(unit string) netip.Prefix {
	for line := range strings.Lines(unit) {
		if text, found := strings.CutPrefix(line, addressKey); found {
			address, err := netip.ParsePrefix(strings.TrimSpace(text))
			if err == nil {
				return address
			}
		}
	}
	return netip.Prefix{}
}

// natText is the unit that makes the table of a bridge. Debian's nftables.service throws away all
// tables when it is started, reloaded or stopped: ours comes back with it.
func natText(b spec.PreparedBridge) string {
	table := natTable(b.Name)
	rules := strings.Join([]string{
		"add table ip " + table,
		"delete table ip " + table,
		"add table ip " + table,
		"add chain ip " + table + " postrouting { type nat hook postrouting priority 100; }",
		"add rule ip " + table + " postrouting " +
			fmt.Sprintf(`ip saddr %[1]s ip daddr != %[1]s oifname != "%[2]s" masquerade`,
				b.Address.Masked(), b.Name),
	}, "; ")
	return header + fmt.Sprintf(`
[Unit]
Description=NAT for containers on bridge %[1]s
After=nftables.service %[2]s
Before=lxc.service lxc-net.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft '%[3]s'
ExecReload=/usr/sbin/nft '%[3]s'
ExecStop=-/usr/sbin/nft 'delete table ip %[4]s'

[Install]
WantedBy=multi-user.target nftables.service
`, b.Name, bridgeUnit(b.Name), rules, table)
}

// dhcpText is the unit of the server that gives out addresses on a bridge, and names with them.
// It serves that bridge alone, beside others on the host, and daemonizes when it is ready, so that
// a start that fails is seen. The names of its files are among those that Ubuntu's AppArmor profile
// lets it write.
func dhcpText(b spec.PreparedBridge) string {
	mask := net.IP(net.CIDRMask(b.Address.Bits(), 32)).String()
	return header + fmt.Sprintf(`
[Unit]
Description=DHCP for containers on bridge %[1]s
After=network.target %[2]s
Before=lxc.service lxc-net.service

[Service]
Type=forking
PIDFile=/run/reconciler-dnsmasq-%[1]s.pid
ExecStart=/usr/sbin/dnsmasq --conf-file=/dev/null --pid-file=/run/reconciler-dnsmasq-%[1]s.pid \
	--bind-dynamic --interface=%[1]s --except-interface=lo --no-hosts \
	--dhcp-range=%[3]s,%[4]s,%[5]s,1h --dhcp-authoritative --dhcp-no-override \
	--dhcp-leasefile=/var/lib/misc/dnsmasq.reconciler-%[1]s.leases
Restart=on-failure

[Install]
WantedBy=multi-user.target
`, b.Name, bridgeUnit(b.Name), b.DHCPFirst, b.DHCPLast, mask)
}

// networkFile keeps systemd-networkd off a bridge of ours, also if it manages whatever it finds.
// The first file that matches counts.
func networkFile(bridge string) string {
	return "/etc/systemd/network/00-reconciler-" + bridge + ".network"
}

func networkText(bridge string) string {
	return header + "\n[Match]\nName=" + bridge + "\n\n[Link]\nUnmanaged=yes\n"
}
