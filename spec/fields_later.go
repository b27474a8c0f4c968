package spec

// laterFields are settings of the predecessors that are accepted and not acted on yet.
func laterFields() []field {
	rows := []struct{ key, doc string }{
		{"additional_ips", "further interfaces with their addresses"},
		{"approve_key", "accept the key of the minion"},
		{"bootsalt_branch", "branch of the bootstrap"},
		{"bootstrap_args", "arguments of the bootstrap script"},
		{"bootstrap_delay", "seconds to wait before the bootstrap"},
		{"bootstrap_shell", "shell of the bootstrap script"},
		{"bootstrap_url", "address of the bootstrap script"},
		{"force_install", "bootstrap again"},
		{"fstab", "mounts of the container"},
		{"fstype", "file system on a block backing"},
		{"install", "install the minion"},
		{"lvname", "name of the logical volume"},
		{"main_bridge", "bridge to the outside"},
		{"master", "salt master of the minion"},
		{"master_port", "port of the salt master"},
		{"minion", "settings of the minion"},
		{"mode", "salt or mastersalt"},
		{"mounts", "mounts of the container"},
		{"nat", "ports published on the host"},
		{"ports", "ports published on the host"},
		{"proxy", "names and paths that the HTTP proxy leads here"},
		{"script", "bootstrap script"},
		{"script_args", "arguments of the bootstrap script"},
		{"seed", "bootstrap a minion"},
		{"seed_cmd", "bootstrap command"},
		{"snmp_reverse_proxy_port", "port on the host that leads to SNMP"},
		{"ssh_reverse_proxy_port", "port on the host that leads to ssh"},
		{"ssh_username", "user of the bootstrap"},
		{"sudo", "bootstrap through sudo"},
		{"thinpool", "LVM thin pool"},
		{"unconditional_install", "bootstrap again"},
		{"use_bridge", "join the main bridge"},
		{"vgname", "LVM volume group"},
		{"volumes", "volumes of the container"},
		{"zfsroot", "ZFS data set"},
	}
	secrets := []struct{ key, doc string }{
		{"priv_key", "private key of the minion"},
		{"pub_key", "public key of the minion"},
		{"ssh_gateway_password", "password for the host to jump through"},
	}
	out := make([]field, 0, len(rows)+len(secrets))
	for _, r := range rows {
		out = append(out, laterField(r.key, r.doc, inSettings))
	}
	for _, r := range secrets {
		f := laterField(r.key, r.doc, inSettings)
		f.Sensitive = true
		if r.key == "ssh_gateway_password" {
			f.Hint = gatewayTakesKeys
		}
		out = append(out, f)
	}
	return out
}

// laterHostFields are settings of compute nodes and of their images.
func laterHostFields() []field {
	rows := []struct{ key, doc string }{
		{"builder_ref", "container that an image is made from"},
		{"cron_hour", "hour of the synchronisation of images"},
		{"cron_minute", "minute of the synchronisation of images"},
		{"cron_sync", "synchronise images by cron"},
		{"excluded_ports", "ports that are never given out"},
		{"expose", "share the containers with other nodes, completely"},
		{"expose_limited", "share the containers with other nodes, in part"},
		{"exposed", "nodes whose containers are known here"},
		{"firewall", "keep a firewall"},
		{"has", "which services the node has"},
		{"has.firewall", "keep a firewall"},
		{"http_port", "port of the HTTP proxy"},
		{"http_proxy", "options of the HTTP proxy"},
		{"http_proxy.raw_opts_post", "options behind ours"},
		{"http_proxy.raw_opts_pre", "options before ours"},
		{"http_proxy_mode", "how the proxy names its client"},
		{"https_port", "port of the HTTPS proxy"},
		{"https_proxy", "options of the HTTPS proxy"},
		{"https_proxy.raw_opts_post", "options behind ours"},
		{"https_proxy.raw_opts_pre", "options before ours"},
		{"images", "images to distribute"},
		{"port_range_end", "last port to give out"},
		{"port_range_start", "first port to give out"},
		{"ssl_certs", "certificates of the proxy"},
	}
	out := make([]field, 0, len(rows))
	for _, r := range rows {
		out = append(out, laterField(r.key, r.doc, InHost))
	}
	return out
}

func laterField(key, doc string, in Place) field {
	return field{Field: Field{Key: key, In: in, Kind: KindAny, Status: Later, Doc: doc}}
}
