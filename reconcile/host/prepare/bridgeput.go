//go:build linux

package prepare

import (
	"context"
	"slices"
)

// put makes the bridge what is declared: what is wrong of it, and nothing else.
func (b *bridge) put(ctx context.Context) error {
	if b.isOurs() {
		if err := b.putLink(ctx); err != nil {
			return err
		}
	}
	if !b.nat.isKept() || b.want.NAT != b.hasNAT {
		if err := b.nat.put(ctx); err != nil {
			return err
		}
	}
	if !b.dhcp.isKept() || b.want.DHCPFirst.IsValid() != b.hasDHCP {
		return b.dhcp.put(ctx)
	}
	return nil
}

// putLink makes the device and its address. An address that we gave it before goes first, while
// our unit still says which one it was.
func (b *bridge) putLink(ctx context.Context) error {
	address := b.want.Address
	if old := recordedAddress(b.made.old); b.link.device != nil && old.IsValid() && old != address {
		if err := b.link.move(old, address); err != nil {
			return err
		}
	}
	if b.network != networkText(b.want.Name) {
		if err := b.leaveToUs(ctx); err != nil {
			return err
		}
	}
	isThere := b.link.device != nil && b.link.up &&
		(!address.IsValid() || slices.Contains(b.link.addresses, address))
	if isThere && b.made.isKept() {
		return nil
	}
	return b.made.put(ctx)
}

// leaveToUs tells systemd-networkd that the bridge is not its own, before there is one.
func (b *bridge) leaveToUs(ctx context.Context) error {
	err := write(networkFile(b.want.Name), networkText(b.want.Name), 0o644)
	if err != nil || !isActive(ctx, "systemd-networkd.service") {
		return err
	}
	_, err = run(ctx, "networkctl", "reload")
	return err
}
