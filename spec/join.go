package spec

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// join settles on which network the container is, with bridge, netmask and gateway.
func (f *finisher) join() {
	d := f.d
	n := f.network()
	if n == nil || !n.CIDR.IsValid() {
		return // reported already
	}
	d.Network = n
	f.bridge(n)
	d.PrefixLen = n.CIDR.Bits()
	if d.netmask >= 0 {
		if f.rank(keyNetmask) < f.rank(keyNetwork) && d.netmask != d.PrefixLen {
			f.fail(keyNetmask, fmt.Sprintf("netmask %d is not that of network %s", d.netmask, n.Name),
				f.beside("netmask"))
		}
		d.PrefixLen = d.netmask
	}
	switch {
	case d.noGateway:
	case !d.Gateway.IsValid():
		d.Gateway = n.Gateway
	case !isHostOf(n.CIDR, d.Gateway):
		f.fail(keyGateway, outside("gateway", d.Gateway, n.CIDR),
			"write a gateway inside it, or gateway: none")
	}
	if !d.IP.IsValid() {
		return
	}
	switch {
	case !isHostOf(n.CIDR, d.IP):
		f.fail(keyIP, outside("ip", d.IP, n.CIDR), "choose an address inside, or another network")
	case d.IP == d.Gateway || d.IP == n.Gateway:
		f.fail(keyIP, fmt.Sprintf("ip %s is the gateway of the network %s", d.IP, n.CIDR),
			"choose another address")
	}
}

// bridge settles the bridge. One from a layer further out than the network was meant for
// another network.
func (f *finisher) bridge(n *Network) {
	d := f.d
	if d.Bridge == "" {
		d.Bridge = n.Bridge
		return
	}
	if f.rank(keyBridge) < f.rank(keyNetwork) && d.Bridge != n.Bridge {
		f.fail(keyBridge, fmt.Sprintf("bridge %s is not that of network %s", d.Bridge, n.Name),
			f.beside("bridge"))
	}
}

// beside is the hint for a setting that was meant for another network.
func (f *finisher) beside(key string) string {
	return "the network is chosen in " + f.d.at[keyNetwork].src.pathTo("") + ": write " + key +
		" beside it"
}

// network finds the network by name or address; nil if there is none, which is reported.
func (f *finisher) network() *Network {
	name := f.d.network
	if name == "" {
		return f.b.networks[builtInNetwork]
	}
	if n := f.b.networks[name]; n != nil {
		return n
	}
	if isAddress(name) || strings.Contains(name, "/") {
		return f.inline(name)
	}
	f.fail(keyNetwork, fmt.Sprintf("unknown network %q", shorten(name)),
		didYouMean(name, f.b.networkNames(), "declare it under networks"))
	return nil
}

// inlineKey tells networks apart that are written as an address.
type inlineKey struct {
	cidr   netip.Prefix
	bridge string
}

// inline finds a network that is written as an address beside its netmask: the declared one
// with the same addresses, or one of its own.
func (f *finisher) inline(text string) *Network {
	d := f.d
	if !strings.Contains(text, "/") {
		if d.netmask < 0 {
			if n := f.b.networkAt(text); n != nil {
				return n
			}
			f.fail(keyNetwork, fmt.Sprintf("network %s has no netmask", text),
				"write netmask beside it, or the name of an entry of networks")
			return nil
		}
		text += "/" + strconv.Itoa(d.netmask)
	}
	cidr, wrong, hint := parseCIDR(text)
	if wrong != "" {
		f.fail(keyNetwork, fmt.Sprintf("%q %s", shorten(text), wrong), hint)
		return nil
	}
	if n := f.b.sameNetwork(cidr, d.Bridge); n != nil {
		return n
	}
	id := inlineKey{cidr, d.Bridge}
	if id.bridge == "" {
		id.bridge = builtInNetwork
	}
	n := f.b.inlined[id]
	if n == nil {
		n = &Network{Name: cidr.String() + "@" + id.bridge, Bridge: id.bridge, CIDR: cidr}
		f.b.inlined[id] = n
	}
	if d.Gateway.IsValid() && isHostOf(cidr, d.Gateway) {
		f.b.gateways[n] = append(f.b.gateways[n], netip.PrefixFrom(d.Gateway, 32))
	}
	return n
}

// networkAt returns the declared or built-in network of this address, the first by name.
func (b *builder) networkAt(addr string) *Network {
	for _, name := range b.networkNames() {
		if n := b.networks[name]; n.CIDR.IsValid() && n.CIDR.Addr().String() == addr {
			return n
		}
	}
	return nil
}

// sameNetwork returns the declared or built-in network with these addresses, before others the
// one with this bridge.
func (b *builder) sameNetwork(cidr netip.Prefix, bridge string) *Network {
	var found *Network
	for _, name := range b.networkNames() {
		n := b.networks[name]
		if n.CIDR != cidr {
			continue
		}
		if n.Bridge == bridge {
			return n
		}
		if found == nil {
			found = n
		}
	}
	return found
}

// finishInline gives the networks that were written as addresses their ranges: their gateways
// are what their containers say, and none of those is given out.
func (b *builder) finishInline() {
	for _, n := range b.inlined {
		gateways := sortPrefixes(b.gateways[n])
		if len(gateways) > 0 {
			n.Gateway = gateways[0].Addr()
		}
		n.spread()
		for _, g := range gateways {
			if n.inRange(g.Addr()) {
				n.Exclude = append(n.Exclude, g)
			}
		}
		n.Exclude = sortPrefixes(n.Exclude)
	}
}
