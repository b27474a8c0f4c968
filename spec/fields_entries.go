package spec

// sectionFields are the outermost keys.
func sectionFields() []field {
	section := func(key, doc string) field {
		return field{Field: Field{Key: key, In: InRoot, Kind: KindSection, Status: Acted, Doc: doc}}
	}
	return []field{
		section("targets", "containers by host; a container exists because it stands here"),
		section("hosts", "how a host is reached, and defaults of its containers"),
		section("groups", "hosts of which a change reaches a few first"),
		section("networks", "segments with the addresses that may be given out"),
		section("profiles", "named collections of settings"),
		section("templates", "containers that others are cloned from, made when needed"),
		section("defaults", "settings of every container that does not say otherwise"),
	}
}

// hostFields are the keys of an entry of hosts.
func hostFields() []field {
	return []field{
		{Field: Field{Key: "connect", In: InHost, Kind: KindText, Status: Acted,
			Default: "ssh://root@HOST", Doc: "local, or ssh://user@host[:port]"}, put: putConnect},
		{Field: Field{Key: "lxcpath", In: InHost, Kind: KindText, Status: Acted,
			Default: defaultLXCPath, Doc: "directory of the containers, absolute"},
			put: putLXCPath},
		{Field: Field{Key: "defaults", In: InHost, Kind: KindSection, Status: Acted,
			Doc: "settings of every container of this host that does not say otherwise"},
			put: putDefaults},
		{Field: Field{Key: "prepare", In: InHost, Kind: KindSection, Status: Acted,
			Doc: "what the host itself shall have; {} is LXC and the bridges of its networks"},
			put: putPrepare},
	}
}

// networkEntryFields are the keys of an entry of networks.
func networkEntryFields() []field {
	return []field{
		{Field: Field{Key: "cidr", In: InNetwork, Kind: KindText, Status: Acted,
			Doc: "address and prefix length, such as 10.5.0.0/16; required"}, put: putCIDR},
		{Field: Field{Key: "bridge", In: InNetwork, Kind: KindText, Status: Acted,
			Doc: "bridge on the hosts; without it the name of the entry"}, put: putBridge},
		{Field: Field{Key: "gateway", In: InNetwork, Kind: KindText, Status: Acted,
			Default: "none", Doc: "default route of its containers, or none"},
			put: putGateway},
		{Field: Field{Key: "range", In: InNetwork, Kind: KindText, Status: Acted,
			Doc: "first-last address that may be generated; without it all"},
			put: putRange},
		{Field: Field{Key: "exclude", In: InNetwork, Kind: KindList, Status: Acted,
			Doc: "addresses and networks that are never generated"}, put: putExclude},
	}
}

// groupFields are the keys of an entry of groups.
func groupFields() []field {
	return []field{
		{Field: Field{Key: "hosts", In: InGroup, Kind: KindList, Status: Acted,
			Doc: "names and patterns (web-*) in the order in which they are changed; required"},
			put: putGroupHosts},
		{Field: Field{Key: "canary", In: InGroup, Kind: KindInt, Status: Acted, Default: "0",
			Doc: "so many hosts are changed first, the others only if that went well"},
			put: putCanary},
		{Field: Field{Key: "max_parallel", In: InGroup, Kind: KindInt, Status: Acted,
			Default: "no limit", Doc: "so many hosts are changed at once"}, put: putMaxParallel},
		{Field: Field{Key: "max_failures", In: InGroup, Kind: KindInt, Status: Acted, Default: "0",
			Doc: "so many hosts may fail before no further one begins"}, put: putMaxFailures},
	}
}
