package spec

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// builtInNetwork is where a container is that does not say anything else.
const builtInNetwork = "lxcbr1"

// maxPrefix is the longest prefix of a network that has room for a gateway and a container.
const maxPrefix = 30

// networkEntry is an entry of networks while it is read.
type networkEntry struct {
	Network
	rangeAt, gatewayAt *yaml.Node
	excludeAt          []*yaml.Node
}

// builtInNetworkEntry has the values of makina-states.
func builtInNetworkEntry() *Network {
	return &Network{Name: builtInNetwork, Bridge: builtInNetwork,
		CIDR:    netip.MustParsePrefix("10.5.0.0/16"),
		Gateway: netip.MustParseAddr("10.5.0.1"),
		First:   netip.MustParseAddr("10.5.0.2"),
		Last:    netip.MustParseAddr("10.5.255.253")}
}

// readNetworks reads all entries of networks.
func (b *builder) readNetworks() {
	b.networks[builtInNetwork] = builtInNetworkEntry()
	for _, name := range sorted(b.decl.networks) {
		e := b.decl.networks[name]
		ne := &networkEntry{Network: Network{Name: name}}
		s := &section{net: ne}
		s.src = &source{file: e.file, path: "networks." + name}
		ok := b.readEntry(s, e, table.networks, InNetwork)
		s.f = &field{}
		if wrong, hint := checkEntryName(name); wrong != "" {
			s.fail(e.key, fmt.Sprintf("network %q %s", shorten(name), wrong), hint)
		}
		if ok {
			s.finishNetwork(e)
		}
		b.networks[name] = &ne.Network
	}
}

// finishNetwork fills in what follows from other keys, and checks that they fit together.
func (s *section) finishNetwork(e entry) {
	ne := s.net
	if ne.Bridge == "" {
		ne.Bridge = ne.Name
		if wrong, _ := checkBridge(ne.Name); wrong != "" {
			s.fail(e.key, fmt.Sprintf("network %q %s", shorten(ne.Name), wrong), "write bridge: NAME")
		}
	}
	if !ne.CIDR.IsValid() {
		if !s.broken(e, "cidr") {
			s.fail(e.key, fmt.Sprintf("network %q has no cidr", shorten(ne.Name)),
				"write it such as cidr: 10.5.0.0/16")
		}
		return
	}
	if ne.Gateway.IsValid() && !isHostOf(ne.CIDR, ne.Gateway) {
		s.f = table.networks["gateway"]
		s.fail(ne.gatewayAt, outside("gateway", ne.Gateway, ne.CIDR), "choose an address inside")
	}
	s.f = table.networks["range"]
	if ne.rangeAt == nil {
		ne.spread()
	} else if !isHostOf(ne.CIDR, ne.First) || !isHostOf(ne.CIDR, ne.Last) {
		s.fail(ne.rangeAt, fmt.Sprintf("range %s-%s is not inside %s", ne.First, ne.Last, ne.CIDR),
			"leave out the network and broadcast address")
	} else if ne.inRange(ne.Gateway) {
		ne.Exclude = append(ne.Exclude, netip.PrefixFrom(ne.Gateway, 32))
	}
	s.f = table.networks["exclude"]
	for i, at := range ne.excludeAt {
		if !ne.CIDR.Overlaps(ne.Exclude[i]) {
			s.fail(at, fmt.Sprintf("%s is not inside %s", ne.Exclude[i], ne.CIDR), "remove it")
		}
	}
	ne.Exclude = sortPrefixes(ne.Exclude)
}

// broken reports whether the entry has the key, so that its absence is not the problem.
func (s *section) broken(e entry, key string) bool {
	pairs := s.mapping(resolve(e.node))
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].Value == key {
			return true
		}
	}
	return false
}

// spread makes every address of the network available but its own, the broadcast address and
// the gateway.
func (n *Network) spread() {
	n.First, n.Last = n.CIDR.Addr().Next(), broadcast(n.CIDR).Prev()
	switch {
	case n.Gateway == n.First:
		n.First = n.First.Next()
	case n.Gateway == n.Last:
		n.Last = n.Last.Prev()
	case n.inRange(n.Gateway):
		n.Exclude = append(n.Exclude, netip.PrefixFrom(n.Gateway, 32))
	}
}

func (n *Network) inRange(a netip.Addr) bool {
	return a.IsValid() && n.First.Compare(a) <= 0 && a.Compare(n.Last) <= 0
}

// broadcast is the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	last := binary.BigEndian.Uint32(b[:]) | uint32(1<<(32-p.Bits())-1)
	binary.BigEndian.PutUint32(b[:], last)
	return netip.AddrFrom4(b)
}

// isHostOf reports whether a is inside p and neither its network nor its broadcast address.
func isHostOf(p netip.Prefix, a netip.Addr) bool {
	return p.Contains(a) && a != p.Masked().Addr() && a != broadcast(p)
}

func outside(what string, a netip.Addr, p netip.Prefix) string {
	switch a {
	case p.Masked().Addr():
		return fmt.Sprintf("%s %s is the address of the network %s itself", what, a, p)
	case broadcast(p):
		return fmt.Sprintf("%s %s is the broadcast address of the network %s", what, a, p)
	}
	return fmt.Sprintf("%s %s is outside the network %s", what, a, p)
}

// parseCIDR reads an IPv4 network with room for containers.
func parseCIDR(s string) (p netip.Prefix, wrong, hint string) {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return netip.Prefix{}, "is not a network", "write it such as 10.5.0.0/16"
	case !p.Addr().Is4():
		return netip.Prefix{}, "is an IPv6 network", "only IPv4 is supported"
	case p.Bits() > maxPrefix:
		return netip.Prefix{}, "has no room for containers", "use a prefix length up to 30"
	case p.Masked() != p:
		return netip.Prefix{}, "is an address inside a network", "write " + p.Masked().String()
	}
	return p, "", ""
}

func putCIDR(s *section, n *yaml.Node) {
	if p, ok := scalar(&s.cursor, n, parseCIDR); ok {
		s.net.CIDR = p
	}
}

func putBridge(s *section, n *yaml.Node) {
	if text, ok := s.texted(n, checkBridge); ok {
		s.net.Bridge = text
	}
}

func putGateway(s *section, n *yaml.Node) {
	if g, ok := scalar(&s.cursor, n, parseGateway); ok {
		s.net.Gateway, s.net.gatewayAt = g.ip, n
	}
}

func putRange(s *section, n *yaml.Node) {
	text, ok := s.text(n)
	if !ok {
		return
	}
	first, last, wrong := parseRange(text)
	if wrong != "" {
		s.fail(n, s.quote(text)+" "+wrong, "write it such as 10.5.0.2-10.5.0.99")
		return
	}
	s.net.First, s.net.Last, s.net.rangeAt = first, last, n
}

// parseRange reads two addresses, the lower one first.
func parseRange(s string) (first, last netip.Addr, wrong string) {
	a, z, isRange := strings.Cut(s, "-")
	first, wrongA, _ := parseIPv4(strings.TrimSpace(a))
	last, wrongZ, _ := parseIPv4(strings.TrimSpace(z))
	if !isRange || wrongA != "" || wrongZ != "" {
		return first, last, "is not a range"
	}
	if last.Less(first) {
		return first, last, "ends before it begins"
	}
	return first, last, ""
}

func putExclude(s *section, n *yaml.Node) {
	items, ok := s.list(n)
	if !ok {
		return
	}
	for _, item := range items {
		text, ok := s.text(item)
		if !ok {
			continue
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, errAddr := netip.ParseAddr(text)
			p, err = netip.PrefixFrom(a, 32), errAddr
		}
		if err != nil || !p.Addr().Is4() {
			s.fail(item, s.quote(text)+" is neither an IPv4 address nor a network",
				"write it such as 10.5.3.0/24 or 10.5.3.7")
			continue
		}
		s.net.Exclude = append(s.net.Exclude, p.Masked())
		s.net.excludeAt = append(s.net.excludeAt, item)
	}
}

// sortPrefixes puts prefixes in order and removes what stands twice.
func sortPrefixes(ps []netip.Prefix) []netip.Prefix {
	slices.SortFunc(ps, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	return slices.Compact(ps)
}
