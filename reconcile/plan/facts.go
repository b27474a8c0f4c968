package plan

import (
	"strconv"
	"strings"
)

// Facts are what a host can do. A zero value means that the host does not say.
type Facts struct {
	LXC          string   `json:"lxc,omitempty"`          // version of liblxc; empty: not installed
	Kernel       string   `json:"kernel,omitempty"`       // release, such as 6.1.0-40-amd64
	Architecture string   `json:"architecture,omitempty"` // as Debian names it: amd64, arm64
	Distribution string   `json:"distribution,omitempty"` // ID and VERSION_ID: "debian 12"
	Cgroup       int      `json:"cgroup,omitempty"`       // 1 or 2; 1 also if both are mounted
	Backings     []string `json:"backings,omitempty"`     // that work in the lxcpath; sorted
	Memory       int64    `json:"memory,omitempty"`       // bytes
	DiskTotal    int64    `json:"disk_total,omitempty"`   // bytes, of where the lxcpath is or will be
	DiskFree     int64    `json:"disk_free,omitempty"`    // bytes of it that root may still write
	CPUs         int      `json:"cpus,omitempty"`
	VolumeGroups []string `json:"volume_groups,omitempty"` // LVM; sorted
}

// HostChange is one thing of a host that preparing it makes or changes.
type HostChange struct {
	// What names it in words: "package lxc", "bridge lxcbr1", "sysctl net.ipv4.ip_forward",
	// "directory /srv/lxc", "subordinate ids of root".
	What string `json:"what"`
	Old  string `json:"old,omitempty"` // how it is; empty: it is not there
	New  string `json:"new,omitempty"` // how it shall be, such as "10.5.0.1/16, NAT"

	// Refused says why it cannot be made, and what to do instead; empty: it can.
	Refused string `json:"refused,omitempty"`
}

// BytesText is a number of bytes, rounded as people write it: 512M, 1.5G.
func BytesText(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return strconv.FormatInt(n, 10)
	}
	v, u := float64(n)/1024, 0
	for v >= 1024 {
		v, u = v/1024, u+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0") + units[u:u+1]
}
