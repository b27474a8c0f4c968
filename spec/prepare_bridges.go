package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// prepareHost completes what a host is prepared with, once its containers are known.
func (b *builder) prepareHost(h *Host) {
	e := b.hosts[h.Name]
	if e == nil || e.prepare == nil {
		return
	}
	p := e.prepare
	h.Prepare = &p.Preparation
	declared := p.bridges
	if !p.chosen {
		declared = bridgesOf(h, p.entry)
	}
	for _, d := range declared {
		path := p.src.path
		if p.chosen {
			path += ".bridges." + d.Name
		}
		b.completeBridge(h, d, path)
		fault := func(wrong, hint string) {
			if wrong != "" && !b.quiet {
				b.sink.fail(Problem{Position: d.entry.position(), Path: shorten(path), Hint: hint,
					Text: fmt.Sprintf("bridge %q %s", d.Name, wrong)})
			}
		}
		if !p.chosen {
			fault(checkPreparedBridge(d.Name))
		}
		fault(d.check())
		b.checkBridgeNetwork(h, d, path)
		fault(besides(p.Preparation.Bridges, &d.PreparedBridge))
		p.Preparation.Bridges = append(p.Preparation.Bridges, d.PreparedBridge)
	}
	b.checkSettings(p)
}

// bridgesOf returns the bridges that the containers of a host use, sorted by name.
func bridgesOf(h *Host, at entry) []*bridgeEntry {
	names := map[string]bool{}
	for _, c := range h.Containers {
		if c.Network != nil && c.Bridge != "" {
			names[c.Bridge] = true
		}
	}
	var out []*bridgeEntry
	for name := range names {
		out = append(out, &bridgeEntry{entry: at, PreparedBridge: PreparedBridge{Name: name}})
	}
	slices.SortFunc(out, func(a, b *bridgeEntry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// completeBridge fills in what is not declared: the address is the gateway of the network.
func (b *builder) completeBridge(h *Host, d *bridgeEntry, path string) {
	if !d.Address.IsValid() && !d.noAddress {
		gateways := gatewaysOf(b.networksOn(h, d.Name))
		if len(gateways) > 1 && !b.quiet {
			b.sink.fail(Problem{Position: d.entry.position(), Path: shorten(path),
				Text: fmt.Sprintf("bridge %q is that of several networks, with the gateways %s",
					d.Name, joinPrefixes(gateways)),
				Hint: "say which address the host has: bridges: {" + d.Name + ": {address: " +
					gateways[0].String() + "}}"})
		}
		if len(gateways) > 0 {
			d.Address = gateways[0]
		}
	}
	d.NAT = d.nat == On || d.nat == Unset && d.Address.IsValid()
}

// gateway is the address that the host has on the network.
func (n *Network) gateway() netip.Prefix { return netip.PrefixFrom(n.Gateway, n.CIDR.Bits()) }

func joinPrefixes(ps []netip.Prefix) string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = p.String()
	}
	return strings.Join(texts, " and ")
}

// String says what the bridge shall be, in the words of a plan, such as "10.5.0.1/16, NAT".
func (b PreparedBridge) String() string {
	words := []string{"no address"}
	if b.Address.IsValid() {
		words[0] = b.Address.String()
	}
	if b.NAT {
		words = append(words, "NAT")
	}
	if b.DHCPFirst.IsValid() {
		words = append(words, "DHCP "+b.DHCPFirst.String()+"-"+b.DHCPLast.String())
	}
	return strings.Join(words, ", ")
}

// String says the mode as it is written: 0755.
func (d Directory) String() string { return "0" + strconv.FormatUint(uint64(d.Mode), 8) }
