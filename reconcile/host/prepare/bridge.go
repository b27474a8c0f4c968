//go:build linux

package prepare

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// bridge is one that is declared, and all that is there of it.
type bridge struct {
	want spec.PreparedBridge
	link link

	made    unit   // makes it at boot: that this unit is there says that the bridge is ours
	nat     unit   //
	dhcp    unit   //
	network string // our file for systemd-networkd

	beside  string // which other device has an address in its network
	hasNAT  bool   // the table is in the kernel, and as it shall be
	hasDHCP bool   // the server runs
}

// bridges finds the bridges that are not as declared, now or after a reboot.
func bridges(ctx context.Context, want *spec.Preparation) ([]difference, error) {
	var out []difference
	for _, w := range want.Bridges {
		b, err := lookAtBridge(ctx, w)
		if err != nil {
			return nil, err
		}
		change := plan.HostChange{What: "bridge " + w.Name, Old: b.found(), New: w.String(),
			Refused: b.refused()}
		switch {
		case change.Refused != "":
			out = append(out, difference{change: change})
		case change.Old != change.New:
			out = append(out, difference{change, b.put})
		}
	}
	return out, nil
}

func lookAtBridge(ctx context.Context, want spec.PreparedBridge) (*bridge, error) {
	b := &bridge{want: want}
	var err error
	if b.link, err = readLink(want.Name); err != nil {
		return nil, err
	}
	if want.Address.IsValid() {
		if b.beside, err = neighbour(want.Name, want.Address.Masked()); err != nil {
			return nil, err
		}
	}
	if b.made, err = loadUnit(bridgeUnit(want.Name), bridgeText(want)); err != nil {
		return nil, err
	}
	if b.network, err = owned(networkFile(want.Name)); err != nil {
		return nil, err
	}
	if b.nat, err = loadUnit(natUnit(want.Name), textIf(want.NAT, natText, want)); err != nil {
		return nil, err
	}
	if b.dhcp, err = loadUnit(dhcpUnit(want.Name),
		textIf(want.DHCPFirst.IsValid(), dhcpText, want)); err != nil {
		return nil, err
	}
	if b.hasNAT, err = readNAT(ctx, want); err != nil {
		return nil, err
	}
	b.hasDHCP = b.dhcp.old != "" && isActive(ctx, b.dhcp.name)
	return b, nil
}

func textIf(is bool, text func(spec.PreparedBridge) string, b spec.PreparedBridge) string {
	if !is {
		return ""
	}
	return text(b)
}

// readNAT looks into the kernel for the table of a bridge. Without nft there is none of ours.
func readNAT(ctx context.Context, want spec.PreparedBridge) (bool, error) {
	if !want.NAT || !isInstalled("nft") {
		return false, nil
	}
	listing, err := run(ctx, "nft", "-j", "list", "table", "ip", natTable(want.Name))
	if err != nil {
		if strings.Contains(err.Error(), "No such file or directory") {
			return false, nil
		}
		return false, fmt.Errorf("cannot look for the NAT of bridge %q: %w", want.Name, err)
	}
	return hasNAT(listing, want)
}

// isOurs reports whether the bridge is there because of us, or will be.
func (b *bridge) isOurs() bool { return b.link.device == nil || b.made.old != "" }

// refused says what keeps the bridge from being made, and what to do; empty: nothing does.
func (b *bridge) refused() string {
	name, address := b.want.Name, b.want.Address
	switch {
	case b.link.device != nil && b.link.kind != "bridge":
		return fmt.Sprintf("there is a %s device of that name: declare another name", b.link.kind)
	case !b.isOurs() && address.IsValid() && !slices.Contains(b.link.addresses, address):
		return fmt.Sprintf("somebody else made it, with %s instead of %s: declare what it has, "+
			"or another name", listed(b.link.addresses), address)
	case b.beside != "" && !slices.Contains(b.link.addresses, address):
		return b.beside + ", in the same network: declare an address of another one"
	case !b.isOurs() && !b.link.up:
		return "somebody else made it, and it is down: bring it up with ip link set " + name + " up"
	case !hasSystemd() && b.found() != b.want.String():
		return "this host does not run systemd, which keeps it over a reboot"
	}
	return ""
}

// found says what the bridge is, in the words of what it shall be if that is the same; empty if
// there is none.
func (b *bridge) found() string {
	if b.link.device == nil {
		return ""
	}
	parts := []string{b.foundAddress()}
	if !b.link.up {
		parts = append(parts, "down")
	}
	switch {
	case b.want.NAT && b.hasNAT, !b.want.NAT && b.nat.old != "":
		parts = append(parts, "NAT")
	case b.nat.old != "" && b.nat.old != b.nat.text:
		parts = append(parts, "other NAT")
	}
	switch {
	case b.dhcp.old != "" && !b.hasDHCP:
		parts = append(parts, "DHCP stopped")
	case b.dhcp.old != "" && b.dhcp.old != b.dhcp.text:
		parts = append(parts, "other DHCP")
	case b.dhcp.old != "":
		parts = append(parts, fmt.Sprintf("DHCP %s-%s", b.want.DHCPFirst, b.want.DHCPLast))
	}
	text := strings.Join(parts, ", ")
	if text == b.want.String() && !b.isKept() {
		text += ", not after a reboot"
	}
	return text
}

// foundAddress says which address the bridge has. Others besides the declared one do not matter.
func (b *bridge) foundAddress() string {
	switch {
	case !b.want.Address.IsValid() && recordedAddress(b.made.old).IsValid():
		return recordedAddress(b.made.old).String()
	case !b.want.Address.IsValid():
		return "no address"
	case slices.Contains(b.link.addresses, b.want.Address):
		return b.want.Address.String()
	default:
		return listed(b.link.addresses)
	}
}

func listed(addresses []netip.Prefix) string {
	if len(addresses) == 0 {
		return "no address"
	}
	texts := make([]string, len(addresses))
	for i, a := range addresses {
		texts[i] = a.String()
	}
	return strings.Join(texts, " and ")
}

// isKept reports whether the bridge will be the same after a reboot, as far as it is ours.
func (b *bridge) isKept() bool {
	if !b.nat.isKept() || !b.dhcp.isKept() {
		return false
	}
	return !b.isOurs() || b.made.isKept() && b.network == networkText(b.want.Name)
}
