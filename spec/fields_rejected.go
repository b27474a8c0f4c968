package spec

// rejectedFields are settings of the predecessors that would mean something else here, or
// nothing. Each names what to write instead.
func rejectedFields() []field {
	const host, cloned = "a container belongs to the host that it stands under",
		"write from_container: NAME"
	const made = "write image: SCRIPT, or from_container: NAME for an entry of templates"
	rows := []struct{ key, hint string }{
		{"clone", cloned},
		{"clone_from", cloned},
		{"clone_snapshot", "write snapshot: true with backing: overlayfs"},
		{"config", "write raw lines under lxc_conf"},
		{"container_profile", "write profile: NAME and declare it under profiles"},
		{"cpu", "write cpuset for which processors, cpushare for how much of them"},
		{"driver", host},
		{"host", host},
		{"id", "the name of a container is its key"},
		{"image_options", "write options as a map, such as options: {release: bookworm}"},
		{"lxc_container_name", "the name of a container is its key"},
		{"lxc_from_container", cloned},
		{"lxc_host", host},
		{"lxc_orig_host", host},
		{"lxc_profile", "write profile: NAME and declare it under profiles"},
		{"lxc_template", made},
		{"network_profile", "write network, ip, mac, bridge and gateway"},
		{"nic_opts", "write network, ip, mac, bridge and gateway"},
		{"password_encrypted", "write the password itself: the guest only gets a hash of it"},
		{"path", "write lxcpath at the entry of the host under hosts"},
		{"profiles", "write profile: NAME and declare it under profiles"},
		{"provider", host},
		{"source", made},
		{"start", "write running: true or running: false"},
		{"state", "write running: true or running: false"},
		{"stopped", "write running: false"},
		{"target", host},
		{"template", made},
		{"timeout", "each step has a limit of its own"},
		{"wait_for_ipv4_addresses", "every container must have its address at the end"},
	}
	out := make([]field, 0, len(rows))
	for _, r := range rows {
		out = append(out, rejectedField(r.key, r.hint, inSettings|InTemplate))
	}
	return out
}

// rejectedRootFields are switches of the predecessors' controller: options of a run, not of a
// tree.
func rejectedRootFields() []field {
	const host, container = "use the option --host HOST", "use the option --only HOST/CONTAINER"
	const partly = "a run always makes the whole declaration true; use --only to limit it"
	rows := []struct{ key, hint string }{
		{"images_root", "write lxcpath at the entry of the host under hosts"},
		{"lxd_provisioning_inventory", "write targets: {HOST: {CONTAINER: {}}}"},
		{"no_compute_node_provision", partly},
		{"no_configure", partly},
		{"no_dns_conf", partly},
		{"no_post_provision", partly},
		{"no_provision", partly},
		{"no_saltify", partly},
		{"no_vms", partly},
		{"no_vms_post_provision", partly},
		{"only", host},
		{"only_vms", container},
		{"refresh", "every run reads everything anew"},
		{"skip", "use the option --host for each of the other hosts"},
		{"skip_vms", "use the option --only for each of the other containers"},
	}
	out := make([]field, 0, len(rows))
	for _, r := range rows {
		out = append(out, rejectedField(r.key, r.hint, InRoot))
	}
	return out
}

func rejectedField(key, hint string, in Place) field {
	return field{Field: Field{Key: key, In: in, Kind: KindAny, Status: Rejected, Hint: hint,
		Doc: "not a key here: " + hint}}
}
