package spec

import "gopkg.in/yaml.v3"

// prepareFields are the keys of what a host is prepared with.
func prepareFields() []field {
	row := func(key string, kind Kind, doc string, put func(*section, *yaml.Node)) field {
		return field{Field: Field{Key: key, In: InPrepare, Kind: kind, Status: Acted, Doc: doc},
			put: put}
	}
	return []field{
		row("packages", KindList, "further Debian packages, beside those of LXC", putPackages),
		row("bridges", KindSection, "all bridges to make, by name; without it those of the "+
			"networks of its containers", putBridges),
		row("subids", KindMap, "subordinate ids by user, such as {root: 100000:65536}", putSubIDs),
		row("sysctl", KindMap, "settings of the kernel, such as {net.ipv4.ip_forward: 1}", putSysctl),
		row("directories", KindMap, `directories of root with their modes, such as `+
			`{/srv/lxc: "0755"}`, putDirectories),
		row("volume_group", KindText, "LVM volume group that must exist; none is made",
			putVolumeGroup),
	}
}

// preparedBridgeFields are the keys of a bridge that a host is prepared with.
func preparedBridgeFields() []field {
	row := func(key string, kind Kind, doc string, put func(*section, *yaml.Node)) field {
		return field{Field: Field{Key: key, In: InPreparedBridge, Kind: kind, Status: Acted, Doc: doc},
			put: put}
	}
	address := row("address", KindText, "of the host on it, such as 10.5.0.1/16, or none",
		putBridgeAddress)
	address.Default = "the gateway of its network"
	nat := row("nat", KindBool, "whether its containers reach what the host reaches", putNAT)
	nat.Default = "true if it has an address"
	dhcp := row("dhcp", KindText, "first-last address that is given out, or off", putDHCP)
	dhcp.Default = "off"
	return []field{address, nat, dhcp}
}
