//go:build linux

package prepare

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
)

// link is a network device as it is now.
type link struct {
	device    netlink.Link // nil: there is none
	kind      string       // "bridge", "dummy", …
	up        bool
	addresses []netip.Prefix // IPv4
}

// readLink looks for a device by its name.
func readLink(name string) (link, error) {
	device, err := netlink.LinkByName(name)
	if errors.As(err, new(netlink.LinkNotFoundError)) {
		return link{}, nil
	}
	if err != nil {
		return link{}, fmt.Errorf("cannot look for bridge %q: %w", name, err)
	}
	addresses, err := netlink.AddrList(device, netlink.FAMILY_V4)
	if err != nil {
		return link{}, fmt.Errorf("cannot read the addresses of bridge %q: %w", name, err)
	}
	l := link{device: device, kind: device.Type(),
		up: device.Attrs().Flags&net.FlagUp != 0}
	for _, a := range addresses {
		if p, ok := prefixOf(a.IPNet); ok {
			l.addresses = append(l.addresses, p)
		}
	}
	return l, nil
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	addr, ok := netip.AddrFromSlice(n.IP)
	bits, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), bits), ok
}

// neighbour returns a device with an address of the host in a network, other than the one of that
// name; empty if there is none.
func neighbour(name string, network netip.Prefix) (string, error) {
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return "", fmt.Errorf("cannot read the addresses of this host: %w", err)
	}
	for _, a := range addresses {
		p, ok := prefixOf(a.IPNet)
		if !ok || !network.Contains(p.Addr()) {
			continue
		}
		device, err := netlink.LinkByIndex(a.LinkIndex)
		if err == nil && device.Attrs().Name != name {
			return fmt.Sprintf("%s of this host has %s", device.Attrs().Name, p), nil
		}
	}
	return "", nil
}

// move replaces an address of ours, the new one first. With the first address of a network the
// kernel removes the others of it, which are put back.
func (l link) move(from, to netip.Prefix) error {
	keep := slices.DeleteFunc(slices.Clone(l.addresses), func(p netip.Prefix) bool {
		return p == from || p == to
	})
	if to.IsValid() {
		keep = append(keep, to)
		if err := l.add(to); err != nil {
			return err
		}
	}
	if slices.Contains(l.addresses, from) {
		if err := netlink.AddrDel(l.device, addressOf(from)); err != nil {
			return fmt.Errorf("cannot remove address %s: %w", from, err)
		}
	}
	for _, p := range keep {
		if err := l.add(p); err != nil {
			return err
		}
	}
	return nil
}

func (l link) add(p netip.Prefix) error {
	if err := netlink.AddrReplace(l.device, addressOf(p)); err != nil {
		return fmt.Errorf("cannot add address %s: %w", p, err)
	}
	return nil
}

func addressOf(p netip.Prefix) *netlink.Addr {
	return &netlink.Addr{IPNet: &net.IPNet{
		IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
	}}
}
