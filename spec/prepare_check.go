package spec

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
)

// Validate says all that keeps p from being carried out, as Parse would. It is for what came over
// a wire: what Parse returns is valid.
func (p *Preparation) Validate() error {
	var all []error
	check := func(what, name, wrong string) {
		if wrong != "" {
			all = append(all, fmt.Errorf("%s %q %s", what, shorten(name), wrong))
		}
	}
	for _, name := range p.Packages {
		wrong, _ := checkPackage(name)
		check("package", name, wrong)
	}
	for i := range p.Bridges {
		b := &p.Bridges[i]
		wrong, _ := checkPreparedBridge(b.Name)
		check("bridge", b.Name, wrong)
		wrong, _ = b.check()
		check("bridge", b.Name, wrong)
		wrong, _ = besides(p.Bridges[:i], b)
		check("bridge", b.Name, wrong)
	}
	for _, user := range slices.Sorted(maps.Keys(p.SubIDs)) {
		wrong, _ := checkUser(user)
		check("user", user, wrong)
		wrong, _ = p.SubIDs[user].check()
		check("subordinate ids of", user, wrong)
	}
	for _, key := range slices.Sorted(maps.Keys(p.Sysctl)) {
		wrong, _ := checkSysctl(key)
		check("sysctl", key, wrong)
		wrong, _ = checkSysctlValue(p.Sysctl[key])
		check("value of sysctl", key, wrong)
	}
	key, wrong, _ := p.checkSettings()
	check("sysctl", key, wrong)
	for _, d := range p.Directories {
		wrong, _ := checkDirectory(d.Path)
		check("directory", d.Path, wrong)
		if d.Mode > maxMode {
			check("directory", d.Path, "has no valid mode")
		}
	}
	if p.VolumeGroup != "" {
		wrong, _ := checkVolumeGroup(p.VolumeGroup)
		check("volume group", p.VolumeGroup, wrong)
	}
	return errors.Join(all...)
}

// check says what is wrong with the values of a bridge together.
func (b *PreparedBridge) check() (wrong, hint string) {
	if !b.Address.IsValid() {
		if b.NAT || b.DHCPFirst.IsValid() || b.DHCPLast.IsValid() {
			return "has no address", "NAT and DHCP need one: write address: 10.5.0.1/16"
		}
		return "", ""
	}
	if wrong, hint = checkBridgeAddress(b.Address); wrong != "" {
		return wrong, hint
	}
	first, last := b.DHCPFirst, b.DHCPLast
	if !first.IsValid() && !last.IsValid() {
		return "", ""
	}
	n := Network{First: first, Last: last}
	switch p := b.Address.Masked(); {
	case !isHostOf(p, first) || !isHostOf(p, last):
		return "gives out addresses outside of " + p.String(),
			"leave out the network and broadcast address"
	case last.Less(first):
		return "has a range that ends before it begins", "write the lower address first"
	case n.inRange(b.Address.Addr()):
		return "gives out its own address " + b.Address.Addr().String(), "leave it out of the range"
	}
	return "", ""
}

// checkBridgeAddress says what is wrong with the address of a bridge.
func checkBridgeAddress(p netip.Prefix) (wrong, hint string) {
	const use = "write the address of the host with its prefix length, such as 10.5.0.1/16"
	switch {
	case !p.Addr().Is4():
		return "has an IPv6 address", "only IPv4 is supported"
	case p.Bits() > maxPrefix || p.Bits() == 0:
		return "has no room for containers", "use a prefix length from 1 to 30"
	case !isHostOf(p.Masked(), p.Addr()):
		return "has an address that no host can have", use
	}
	return "", ""
}

// besides says what keeps a bridge from being there beside others.
func besides(others []PreparedBridge, b *PreparedBridge) (wrong, hint string) {
	for i := range others {
		o := &others[i]
		if o.Name == b.Name {
			return "is there twice", "keep one of them"
		}
		if o.Address.IsValid() && b.Address.IsValid() && o.Address.Overlaps(b.Address) {
			return fmt.Sprintf("shares addresses with bridge %q", o.Name),
				"give each bridge a network of its own"
		}
	}
	return "", ""
}
