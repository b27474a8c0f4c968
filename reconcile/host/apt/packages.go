package apt

import (
	"slices"

	"reconciler/spec"
)

// lxcPackages are what a host of containers has, besides what they depend on. The others are only
// recommended by lxc and its templates, and taken one by one since the rest of what is recommended
// does nothing for containers of root: debootstrap, wget and openssl for the template of Debian,
// rsync for clones of directories, uidmap for containers of other users.
func lxcPackages() []string {
	return []string{"debootstrap", "iproute2", "lxc", "lxc-templates", "openssl", "rsync", "uidmap",
		"wget"}
}

// Packages returns all that a preparation takes, sorted. apparmor says that the kernel has it on:
// liblxc then starts no container without its parser.
func Packages(want *spec.Preparation, apparmor bool) []string {
	all := append(lxcPackages(), want.Packages...)
	for _, b := range want.Bridges {
		if b.NAT {
			all = append(all, "nftables")
		}
		if b.DHCPFirst.IsValid() {
			all = append(all, "dnsmasq-base")
		}
	}
	if apparmor {
		all = append(all, "apparmor")
	}
	slices.Sort(all)
	return slices.Compact(all)
}
