//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// nic is the state of one interface of a running container, and what else the kernel says of its
// network.
type nic struct {
	mac       string
	peer      int            // index of its other end, on the host
	addresses []netip.Prefix // global IPv4 ones of the interface
	gateway   netip.Addr
	all       []string // addresses of all interfaces, without those of no use to others
}

// network is the network namespace of a running container. It is not safe for concurrent use.
type network struct{ handle *netlink.Handle }

// enter opens the network of the process pid, without moving this process into it.
func enter(pid int) (network, error) {
	ns, err := netns.GetFromPid(pid)
	if err != nil {
		return network{}, err
	}
	defer ns.Close()
	handle, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		return network{}, err
	}
	return network{handle: handle}, nil
}

// inspect reads everything about the interface with a name. A missing interface is no error: mac
// is empty then.
func (n network) inspect(name string) (nic, error) {
	links, err := whole(n.handle.LinkList)
	if err != nil {
		return nic{}, err
	}
	var out nic
	index := -1
	for _, l := range links {
		if a := l.Attrs(); a.Name == name {
			index, out.mac, out.peer = a.Index, a.HardwareAddr.String(), a.ParentIndex
		}
	}
	addresses, err := whole(func() ([]netlink.Addr, error) {
		return n.handle.AddrList(nil, unix.AF_UNSPEC)
	})
	if err != nil {
		return nic{}, err
	}
	for _, a := range addresses {
		prefix, ok := prefixOf(a.IPNet)
		if !ok || a.Scope != unix.RT_SCOPE_UNIVERSE || prefix.Addr().IsLoopback() {
			continue
		}
		out.all = append(out.all, prefix.Addr().String())
		if a.LinkIndex == index && prefix.Addr().Is4() {
			out.addresses = append(out.addresses, prefix)
		}
	}
	slices.Sort(out.all)
	out.gateway, err = n.gateway(index)
	return out, err
}

// gateway returns where the default route through an interface leads, if there is one.
func (n network) gateway(index int) (netip.Addr, error) {
	routes, err := whole(func() ([]netlink.Route, error) {
		return n.handle.RouteList(nil, unix.AF_INET)
	})
	if err != nil {
		return netip.Addr{}, err
	}
	for _, r := range routes {
		isDefault := r.Dst == nil || r.Dst.IP.IsUnspecified()
		if addr, ok := netip.AddrFromSlice(r.Gw); ok && isDefault && r.LinkIndex == index {
			return addr.Unmap(), nil
		}
	}
	return netip.Addr{}, nil
}

// readdressing is what the address and the default route of an interface shall become.
type readdressing struct {
	address netip.Prefix
	old     netip.Prefix // what address was before, perhaps invalid
	gateway netip.Addr
}

// readdress gives a running interface the wanted address and default route. The new address comes
// before the old ones go; then the route, which the kernel drops with its address. Addresses that
// somebody else has added stay, as long as the wanted one was there all the time.
func (n network) readdress(name string, r readdressing) error {
	link, err := n.handle.LinkByName(name)
	if err != nil {
		return fmt.Errorf("it has no interface %q: %w", name, err)
	}
	present, err := whole(func() ([]netlink.Addr, error) {
		return n.handle.AddrList(link, unix.AF_INET)
	})
	if err != nil {
		return err
	}
	isWanted := func(a netlink.Addr) bool { return isAddress(a, r.address) }
	missing := !slices.ContainsFunc(present, isWanted)
	if missing {
		err := n.handle.AddrAdd(link, &netlink.Addr{IPNet: netOf(r.address)})
		if err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("cannot add address %s: %w", r.address, err)
		}
	}
	for _, a := range present {
		if !r.replaces(a, missing) {
			continue
		}
		// A secondary address goes with its primary one, hence the second error.
		err := n.handle.AddrDel(link, &a)
		if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return fmt.Errorf("cannot remove address %s: %w", a.IPNet, err)
		}
	}
	return n.reroute(link, r.address, r.gateway)
}

// replaces reports whether the wanted address takes the place of another: of the one that was
// declared before and, if it is new, of all in its network.
func (r readdressing) replaces(a netlink.Addr, missing bool) bool {
	prefix, ok := prefixOf(a.IPNet)
	if !ok || prefix == r.address || a.Scope != unix.RT_SCOPE_UNIVERSE {
		return false
	}
	isNew := missing || r.old != r.address
	return isNew && (prefix == r.old || r.address.Contains(prefix.Addr()))
}

// reroute makes gateway the only default route of an interface. It also puts an address back that
// has gone as a secondary one of an old one.
func (n network) reroute(link netlink.Link, address netip.Prefix, gateway netip.Addr) error {
	err := n.handle.AddrReplace(link, &netlink.Addr{IPNet: netOf(address)})
	if err != nil {
		return fmt.Errorf("cannot set address %s: %w", address, err)
	}
	present, err := n.gateway(link.Attrs().Index)
	if err != nil || present == gateway {
		return err
	}
	route := netlink.Route{LinkIndex: link.Attrs().Index, Dst: netOf(anywhere())}
	if !gateway.IsValid() {
		return n.handle.RouteDel(&route)
	}
	route.Gw = gateway.AsSlice()
	if err := n.handle.RouteReplace(&route); err != nil {
		return fmt.Errorf("cannot set default route %s: %w", gateway, err)
	}
	return nil
}

func anywhere() netip.Prefix { return netip.PrefixFrom(netip.IPv4Unspecified(), 0) }

func isAddress(a netlink.Addr, want netip.Prefix) bool {
	prefix, ok := prefixOf(a.IPNet)
	return ok && prefix == want
}

func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), ones), ok
}

func netOf(p netip.Prefix) *net.IPNet {
	return &net.IPNet{
		IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
	}
}

// maxDumps is far above what a busy host needs: a dump takes microseconds.
const maxDumps = 100

// whole asks the kernel for a list until it was not changed while it was being read
// (NLM_F_DUMP_INTR of netlink(7)): half a list must not be taken for all of it.
func whole[T any](dump func() ([]T, error)) (list []T, err error) {
	for range maxDumps {
		if list, err = dump(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return list, err
		}
	}
	return nil, err
}

// hostLinks are the interfaces of the host: which bridge each belongs to.
type hostLinks struct {
	bridges []string       // sorted
	master  map[int]string // by index of the interface
}

func readHostLinks() (hostLinks, error) {
	links, err := whole(netlink.LinkList)
	if err != nil {
		return hostLinks{}, fmt.Errorf("cannot list the interfaces of the host: %w", err)
	}
	out := hostLinks{master: map[int]string{}}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
		if l.Type() == "bridge" || l.Type() == "openvswitch" {
			out.bridges = append(out.bridges, l.Attrs().Name)
		}
	}
	for _, l := range links {
		out.master[l.Attrs().Index] = names[l.Attrs().MasterIndex]
	}
	slices.Sort(out.bridges)
	return out, nil
}
