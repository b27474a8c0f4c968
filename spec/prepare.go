package spec

import "net/netip"

// Preparation is what a host needs before containers can live on it, beside what LXC brings: the
// packages of LXC themselves are part of every Preparation and not listed here. It goes over the
// wire to the host, so whoever carries it out calls Validate first.
type Preparation struct {
	Packages    []string           `json:"packages,omitempty"`    // Debian packages; sorted
	Bridges     []PreparedBridge   `json:"bridges,omitempty"`     // sorted by name
	SubIDs      map[string]IDRange `json:"subids,omitempty"`      // by user
	Sysctl      map[string]string  `json:"sysctl,omitempty"`      // by key
	Directories []Directory        `json:"directories,omitempty"` // sorted by path

	// VolumeGroup must exist; nothing makes one. Empty: none is needed.
	VolumeGroup string `json:"volume_group,omitempty"`
}

// PreparedBridge is a bridge of a host with its own address on it.
type PreparedBridge struct {
	Name    string       `json:"name"`
	Address netip.Prefix `json:"address,omitzero"` // of the host, not masked; invalid: none
	NAT     bool         `json:"nat,omitempty"`    // its containers reach what the host reaches

	// The addresses that a DHCP server gives out, both included; both invalid: there is none.
	DHCPFirst netip.Addr `json:"dhcp_first,omitzero"`
	DHCPLast  netip.Addr `json:"dhcp_last,omitzero"`
}

// IDRange is a stretch of subordinate user and group ids.
type IDRange struct {
	First uint32 `json:"first"`
	Count uint32 `json:"count"` // at least one
}

// Directory is a directory that belongs to root.
type Directory struct {
	Path string `json:"path"` // absolute and clean, never /
	Mode uint32 `json:"mode"` // permission bits, at most 0o1777
}
