package spec

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// networksOn returns the networks on a bridge: those that containers of the host use, else all that
// are declared.
func (b *builder) networksOn(h *Host, bridge string) []*Network {
	if used := h.networksOn(bridge); len(used) > 0 {
		return used
	}
	var declared []*Network
	for _, n := range b.networks {
		if n.Bridge == bridge && n.CIDR.IsValid() {
			declared = append(declared, n)
		}
	}
	return declared
}

// networksOn returns the networks that containers of the host have on a bridge.
func (h *Host) networksOn(bridge string) []*Network {
	var used []*Network
	for _, c := range h.Containers {
		n := c.Network
		if n != nil && c.Bridge == bridge && n.CIDR.IsValid() && !slices.Contains(used, n) {
			used = append(used, n)
		}
	}
	return used
}

// gatewaysOf returns the addresses that a host has as the gateway of networks.
func gatewaysOf(networks []*Network) []netip.Prefix {
	var out []netip.Prefix
	for _, n := range networks {
		if n.Gateway.IsValid() {
			out = append(out, n.gateway())
		}
	}
	return sortPrefixes(out)
}

// checkBridgeNetwork compares the address that is declared for a bridge with the networks there:
// outside of them it would take the host away from its containers.
func (b *builder) checkBridgeNetwork(h *Host, d *bridgeEntry, path string) {
	networks := b.networksOn(h, d.Name)
	if d.addressAt == nil || !d.Address.IsValid() || len(networks) == 0 || b.quiet {
		return
	}
	p := Problem{Position: positionOf(d.entry.file, d.addressAt), Path: shorten(path + ".address")}
	gateways := gatewaysOf(networks)
	instead := "write an address inside"
	if len(gateways) > 0 {
		instead = "write " + gateways[0].String()
	}
	if !slices.ContainsFunc(networks, func(n *Network) bool {
		return isHostOf(n.CIDR, d.Address.Addr())
	}) {
		p.Text = fmt.Sprintf("%s is no address of a host in the network of bridge %q, %s",
			d.Address, d.Name, joinPrefixes(cidrsOf(networks)))
		p.Hint = instead + ", or another bridge"
		b.sink.fail(p)
		return
	}
	if len(gateways) > 0 && !slices.Contains(gateways, d.Address) {
		p.Text = fmt.Sprintf("%s is not the gateway of the network of bridge %q, %s", d.Address,
			d.Name, joinPrefixes(gateways))
		p.Hint = instead + ", unless another machine is the gateway"
		b.sink.warn(p)
	}
}

func cidrsOf(networks []*Network) []netip.Prefix {
	var out []netip.Prefix
	for _, n := range networks {
		out = append(out, n.CIDR)
	}
	return sortPrefixes(out)
}

// checkSettings refuses settings of the kernel that cannot hold together.
func (b *builder) checkSettings(p *prepareEntry) {
	key, wrong, hint := p.checkSettings()
	if wrong == "" || b.quiet {
		return
	}
	at := resolve(p.sysctlAt)
	for i := 0; i+1 < len(at.Content); i += 2 {
		if at.Content[i].Value == key {
			at = at.Content[i+1]
			break
		}
	}
	b.sink.fail(Problem{Position: positionOf(p.src.file, at),
		Path: shorten(p.src.path + ".sysctl." + key), Text: wrong, Hint: hint})
}

// checkSettings says which setting of the kernel contradicts another one, or a bridge.
func (p *Preparation) checkSettings() (key, wrong, hint string) {
	first := map[string]string{} // key by path
	for _, key := range slices.Sorted(maps.Keys(p.Sysctl)) {
		path := SysctlPath(key)
		other, twice := first[path]
		if twice && !slices.Equal(strings.Fields(p.Sysctl[other]), strings.Fields(p.Sysctl[key])) {
			return key, fmt.Sprintf("the setting has another value as %q", shorten(other)),
				"keep one of them"
		}
		first[path] = key
	}
	return p.checkForwarding()
}

// checkForwarding says which setting of the kernel keeps a bridge from having NAT.
func (p *Preparation) checkForwarding() (key, wrong, hint string) {
	for _, key := range slices.Sorted(maps.Keys(p.Sysctl)) {
		value := p.Sysctl[key]
		if n, err := strconv.ParseInt(value, 0, 64); err != nil || n != 0 {
			continue
		}
		for i := range p.Bridges {
			b := &p.Bridges[i]
			if b.NAT && slices.Contains(forwardingOf(b.Name), SysctlPath(key)) {
				return key, fmt.Sprintf("%s turns off what NAT of bridge %q needs", value, b.Name),
					"leave it out, or write bridges: {" + b.Name + ": {nat: false}}"
			}
		}
	}
	return "", "", ""
}

// forwardingOf are the settings that must be on for a bridge, by path. The kernel sets those of all
// interfaces, and of new ones, with the first.
func forwardingOf(bridge string) []string {
	return []string{"net/ipv4/ip_forward", "net/ipv4/conf/all/forwarding",
		"net/ipv4/conf/default/forwarding", "net/ipv4/conf/" + bridge + "/forwarding"}
}
