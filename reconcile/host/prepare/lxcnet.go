//go:build linux

package prepare

import (
	"reconciler/spec"
)

// lxcNetFile is what Debian's lxc-net service reads, which would make a bridge lxcbr0 of its own
// with a DHCP server as soon as LXC is installed.
const lxcNetFile = "/etc/default/lxc-net"

// keepOffBridgeOfLXC keeps that bridge from being made if bridges are declared: it could have the
// name or the addresses of one of them. It is for a host that never had LXC: a file that is there
// already is somebody's choice.
func keepOffBridgeOfLXC(want *spec.Preparation) error {
	if len(want.Bridges) == 0 || isInstalled("lxc-start") {
		return nil
	}
	text, err := readPlain(lxcNetFile)
	if err != nil || text != "" {
		return err
	}
	return write(lxcNetFile, header+"USE_LXC_BRIDGE=\"false\"\n", 0o644)
}
