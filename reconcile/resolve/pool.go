package resolve

import (
	"net/netip"

	"reconciler/spec"
	"reconciler/state"
)

var noAddr netip.Addr

// claim says who has to do with one address of a network. The zero claim is that of somebody who
// does not matter further: a gateway, a container of ours.
type claim struct {
	declared *spec.Container // the tree gives it to this container
	recorded *state.Record   // the store has given it to this one
	foreign  int32           // 1 + index of the unmanaged container that uses it; 0: none
}

// pool is one network and its addresses.
type pool struct {
	net    *spec.Network
	claims map[netip.Addr]claim // every address in it is taken
	next   netip.Addr           // the first address that was not looked at yet; invalid at the end
	edges  [2]netip.Addr        // network and broadcast address; invalid where there is none
}

func newPool(n *spec.Network) *pool {
	p := &pool{net: n, claims: map[netip.Addr]claim{}, next: n.First}
	if host := n.CIDR.Addr().BitLen() - n.CIDR.Bits(); host > 1 {
		p.edges[0] = n.CIDR.Masked().Addr()
		if n.CIDR.Addr().Is4() {
			p.edges[1] = last(n.CIDR)
		}
	}
	return p
}

// usable reports whether a container on this network can have the address at all.
func (p *pool) usable(a netip.Addr) bool {
	return a.IsValid() && p.net.CIDR.Contains(a) &&
		a != p.net.Gateway && a != p.edges[0] && a != p.edges[1]
}

// free returns the first address of the range that nobody declares, uses or is remembered to have.
// It never answers the same twice and looks at each address once, so a whole network costs linear
// time.
func (p *pool) free() (netip.Addr, bool) {
	for p.next.IsValid() && !p.net.Last.Less(p.next) {
		a := p.next
		if e, ok := p.excluded(a); ok {
			p.next = last(e).Next()
			continue
		}
		p.next = a.Next()
		if _, taken := p.claims[a]; !taken && p.usable(a) {
			return a, true
		}
	}
	p.next = noAddr
	return noAddr, false
}

func (p *pool) excluded(a netip.Addr) (netip.Prefix, bool) {
	for _, e := range p.net.Exclude {
		if e.Contains(a) {
			return e, true
		}
	}
	return netip.Prefix{}, false
}

// last returns the highest address of a prefix: the broadcast address, for IPv4.
func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(b) // 4 or 16 bytes, as they came
	return a
}
