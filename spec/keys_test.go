package spec_test

import "testing"

func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{
			"section",
			"target: {h: {}}",
			[]string{
				`a.yaml:1: target: unknown section "target"; did you mean "targets"?`,
			},
		},
		{"section without likeness", "kubernetes: {}\ntargets: {h: {}}", []string{
			`a.yaml:1: kubernetes: unknown section "kubernetes"; write one of defaults, hosts, ` +
				`networks, profiles, targets, templates`}},
		{"dotted section", "makina-states.services.cloud.lxc.target: {h: {}}", []string{
			`a.yaml:1: makina-states.services.cloud.lxc.target: unknown section | ` +
				`did you mean "makina-states.services.cloud.lxc.targets"?`}},
		{
			"container",
			"targets:\n  h:\n    c:\n      memmory: 1G",
			[]string{
				`a.yaml:4: targets.h.c.memmory: unknown key "memmory"; did you mean "memory"?`,
			},
		},
		{
			"two letters swapped",
			"targets: {h: {c: {autostrat: true}}}",
			[]string{
				`a.yaml:1: targets.h.c.autostrat: unknown key "autostrat"; did you mean "autostart"?`,
			},
		},
		{
			"container without likeness",
			"targets: {h: {c: {xyzzy: 1}}}",
			[]string{
				`a.yaml:1: targets.h.c.xyzzy: unknown key "xyzzy"; reconciler schema lists the keys`,
			},
		},
		{
			"defaults",
			"defaults: {usres: [root]}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: defaults.usres: unknown key "usres"; did you mean "users"?`,
			},
		},
		{
			"profile",
			"profiles: {p: {memry: 1G}}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: profiles.p.memry: unknown key "memry"; did you mean "memory"?`,
			},
		},
		{
			"template",
			"templates: {t: {imgae: debian}}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: templates.t.imgae: unknown key "imgae"; did you mean "image"?`,
			},
		},
		{
			"host",
			"hosts: {h: {conect: local}}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: hosts.h.conect: unknown key "conect"; did you mean "connect"?`,
			},
		},
		{
			"host without likeness",
			"hosts: {h: {zzz: local}}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: hosts.h.zzz: unknown key "zzz"; write one of connect, defaults, lxcpath`,
			},
		},
		{
			"host defaults",
			"hosts: {h: {defaults: {brigde: br0}}}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: hosts.h.defaults.brigde: unknown key "brigde"; did you mean "bridge"?`,
			},
		},
		{
			"network",
			"networks: {n: {cidr: 10.1.0.0/16, gatway: 10.1.0.1}}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: networks.n.gatway: unknown key "gatway"; did you mean "gateway"?`,
			},
		},
		{"every level at once", `
defaults: {a1: 1}
hosts: {h: {b2: 1, defaults: {c3: 1}}}
networks: {n: {cidr: 10.1.0.0/16, d4: 1}}
profiles: {p: {e5: 1}}
templates: {t: {f6: 1}}
targets: {h: {c: {g7: 1}}}
zz: 1`, []string{
			`a.yaml:1: defaults.a1:`, `a.yaml:2: hosts.h.b2:`, `a.yaml:2: hosts.h.defaults.c3:`,
			`a.yaml:3: networks.n.d4:`, `a.yaml:4: profiles.p.e5:`, `a.yaml:5: templates.t.f6:`,
			`a.yaml:6: targets.h.c.g7:`, `a.yaml:7: zz:`}},
		{
			"reported once, however many containers it hits",
			"defaults: {zz: 1}\ntargets: {h: {a: {}, b: {}}, i: {c: {}}}",
			[]string{"a.yaml:1: defaults.zz:"},
		},
	})
}

func TestKeysInTheWrongPlace(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{
			"ip in defaults",
			"defaults: {ip: 10.5.0.9}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: defaults.ip: "ip" cannot stand in defaults; it can stand in a ` +
					`container, a profile`,
			},
		},
		{
			"mac in host defaults",
			"hosts: {h: {defaults: {mac: 00:16:3e:00:00:01}}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: hosts.h.defaults.mac: "mac" cannot stand in defaults`},
		},
		{
			"profile in a profile",
			"profiles: {p: {profile: q}, q: {}}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: profiles.p.profile: "profile" cannot stand in a profile`,
			},
		},
		{
			"memory in a template",
			"templates: {t: {memory: 1G}}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: templates.t.memory: "memory" cannot stand in a template`,
			},
		},
		{
			"backing in a template",
			"templates: {t: {backing: overlayfs}}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: templates.t.backing: "backing" cannot stand in a template`,
			},
		},
		{
			"name in a profile",
			"profiles: {p: {name: p}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: profiles.p.name: "name" cannot stand in a profile`},
		},
		{
			"domains in defaults",
			"defaults: {domains: [x.net]}\ntargets: {h: {}}",
			[]string{`a.yaml:1: defaults.domains: "domains" cannot stand in defaults`},
		},
	})
}

func TestRejectedKeysSayWhatToWrite(t *testing.T) {
	t.Parallel()
	for key, hint := range map[string]string{
		"target":            "a container belongs to the host that it stands under",
		"provider":          "a container belongs to the host that it stands under",
		"driver":            "a container belongs to the host that it stands under",
		"lxc_profile":       "write profile: NAME and declare it under profiles",
		"container_profile": "write profile: NAME and declare it under profiles",
		"network_profile":   "write network, ip, mac, bridge and gateway",
		"nic_opts":          "write network, ip, mac, bridge and gateway",
		"stopped":           "write running: false",
		"clone_from":        "write from_container: NAME",
		"clone_snapshot":    "write snapshot: true with backing: overlayfs",
		"template":          "write image: SCRIPT",
		"image_options":     "write options as a map",
		"path":              "write lxcpath at the entry of the host",
		"cpu":               "write cpuset",
		"config":            "write raw lines under lxc_conf",
	} {
		for place, text := range map[string]string{
			"targets.h.c":      "targets: {h: {c: {" + key + ": x}}}",
			"defaults":         "defaults: {" + key + ": x}\ntargets: {h: {}}",
			"profiles.p":       "profiles: {p: {" + key + ": x}}\ntargets: {h: {}}",
			"hosts.h.defaults": "hosts: {h: {defaults: {" + key + ": x}}}\ntargets: {h: {}}",
		} {
			check(t, text, problems(t, text), []string{"a.yaml:1: " + place + "." + key + `: "` + key +
				`" is not a key here; ` + hint})
		}
	}
}

func TestControllerSwitchesAreOptionsOfARun(t *testing.T) {
	t.Parallel()
	for key, hint := range map[string]string{"only": "--host", "only_vms": "--only",
		"skip": "--host", "skip_vms": "--only", "no_vms": "--only", "no_provision": "--only",
		"refresh": "every run reads everything anew", "images_root": "lxcpath"} {
		text := key + ": x\ntargets: {h: {}}"
		check(t, text, problems(t, text), []string{"a.yaml:1: " + key + `: "` + key +
			`" is not a section of a tree | ` + hint})
	}
}

func TestKeysThatAreNotActedOnYetAreNeverSilent(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"mode", "bootsalt_branch", "script", "script_args", "master",
		"master_port", "minion", "ssh_username", "sudo", "ssh_gateway", "ssh_gateway_port",
		"ssh_gateway_user", "ssh_gateway_key", "ssh_gateway_password", "ssh_reverse_proxy_port",
		"snmp_reverse_proxy_port", "additional_ips", "vgname", "lvname", "fstype", "thinpool",
		"use_bridge", "main_bridge", "fstab"} {
		for place, text := range map[string]string{
			"targets.h.c":      "targets: {h: {c: {" + key + ": x}}}",
			"defaults":         "defaults: {" + key + ": x}\ntargets: {h: {c: {}, d: {}}}",
			"profiles.p":       "profiles: {p: {" + key + ": x}}\ntargets: {h: {c: {profile: p}}}",
			"hosts.h.defaults": "hosts: {h: {defaults: {" + key + ": x}}}\ntargets: {h: {c: {}}}",
		} {
			check(t, text, parse(t, text).Warnings, []string{"a.yaml:1: " + place + "." + key +
				`: "` + key + `" is not acted on yet`})
		}
	}
}

func TestComputeNodeSettingsAreNeverSilent(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"port_range_start", "port_range_end", "has.firewall", "http_port",
		"https_port", "excluded_ports", "expose", "expose_limited", "exposed", "http_proxy_mode",
		"http_proxy.raw_opts_pre", "http_proxy.raw_opts_post", "https_proxy.raw_opts_pre",
		"https_proxy.raw_opts_post", "ssl_certs", "images", "cron_sync", "cron_hour", "cron_minute"} {
		text := "hosts: {h: {" + key + ": {a: [b]}}}\ntargets: {h: {}}"
		check(t, text, parse(t, text).Warnings, []string{"a.yaml:1: hosts.h." + key + `: "` + key +
			`" is not acted on yet`})
	}
}

func TestWarningsComeInFileOrder(t *testing.T) {
	t.Parallel()
	runOdd(t, []odd{{"order", `
-- b.yaml --
targets:
  h:
    z: {sudo: true}
    a: {mode: salt}
-- a.yaml --
defaults: {mode: salt}
`, []string{"a.yaml:1: defaults.mode", "b.yaml:3: targets.h.z.sudo",
		"b.yaml:4: targets.h.a.mode"}}})
}

func TestShapesOfValues(t *testing.T) {
	t.Parallel()
	const begin = "a.yaml:1: targets.h.c."
	tests := []struct{ value, want string }{
		{"ip: [10.5.0.9]", "ip: is a list; write a single value"},
		{"ip: {a: b}", "ip: is a mapping; write a single value"},
		{"ip: ", "ip: has no value; remove the key, or write the value"},
		{"memory: ~", "memory: has no value"},
		{"memory: []", "memory: is a list"},
		{"memory: lots", `memory: "lots" is not a size; write a whole number with a unit`},
		{"memory: 1.5G", `memory: "1.5G" is not a size`},
		{"memory: -1G", `memory: "-1G" is not a size`},
		{"memory: 512", `memory: "512" is less than 4M; a number without a unit is bytes`},
		{"memory: 9999P", `memory: "9999P" is more than 1P`},
		{"memory: 99999999999999999999G", `memory: "99999999999999999999G" is not a size`},
		{"memory: 1X", `memory: "1X" is not a size`},
		{"memory: G", `memory: "G" is not a size`},
		{"autostart: maybe", `autostart: "maybe" is neither true nor false; write true or false`},
		{"autostart: 1", `autostart: "1" is neither true nor false`},
		{"running: []", "running: is a list"},
		{"protect: maybe", `protect: "maybe" is neither`},
		{"snapshot: 2", `snapshot: "2" is neither`},
		{"cpushare: 1", `cpushare: "1" is not a weight; write a number from 2 to 262144`},
		{"cpushare: 262145", `cpushare: "262145" is not a weight`},
		{"cpushare: many", `cpushare: "many" is not a weight`},
		{"cpuset: all", `cpuset: "all" is not a list of processors; write it such as 0-3,5`},
		{"cpuset: 3-1", `cpuset: "3-1" is not`},
		{"cpuset: '1,,2'", `cpuset: "1,,2" is not`},
		{"cpuset: 0-9999", `cpuset: "0-9999" is not`},
		{"users: root", "users: is a single value; write a list, such as [a, b]"},
		{"users: [Root]", `users: "Root" is not a user name`},
		{"users: ['a:b']", `users: "a:b" is not a user name`},
		{"users: [-x]", `users: "-x" is not a user name`},
		{"users: ['']", `users: "" is not a user name`},
		{"users: [[a]]", "users: is a list"},
		{"dnsservers: [dns.example.net]", `dnsservers: "dns.example.net" is not an address`},
		{"dnsservers: 8.8.8.8", "dnsservers: is a single value"},
		{"searchdomains: [a_b]", `searchdomains: "a_b" is not a DNS name`},
		{"domains: [a..b]", `domains: "a..b" is not a DNS name: a part between dots is empty`},
		{
			"domains: [-a.b]",
			`domains: "-a.b" is not a DNS name: a part begins or ends with a hyphen`,
		},
		{"domains: [10.5.0.1]", `domains: "10.5.0.1" is an address; write a DNS name`},
		{"domains: {a: b}", "domains: is a mapping; write a list"},
		{"options: [a]", "options: is a list; write a mapping"},
		{"options: {a b: c}", `options: "a b" is not the name of an option`},
		{"options: {a: [b]}", "options: is a list; write a single value"},
		{`image: debian, options: {a: "b\nc"}`, "options: has a control character"},
		{"image: /usr/share/x", `image: "/usr/share/x" is not a template script`},
		{
			"image: https://example.net/x.tar.xz",
			"image: \"https://example.net/x.tar.xz\" is not a template script",
		},
		{"from_container: a/b", `from_container: "a/b" is not a DNS name`},
		{"recreate: true", `recreate: "true" is not a value of recreate; write recreate: allow`},
		{"recreate: alow", `recreate: "alow" is not a value of recreate`},
		{"backing: overlayf", `backing: unknown backing "overlayf"; did you mean "overlayfs"?`},
		{"backing: aufs", `backing: unknown backing "aufs"`},
		{"backing: ceph", `backing: unknown backing "ceph"; write one of dir, overlayfs, lvm`},
		{"profile_type: overlay", `profile_type: unknown profile_type "overlay"`},
		{
			"profile_type: zfs",
			`profile_type: unknown profile_type "zfs"; write dir, overlayfs or lvm`,
		},
		{
			"profile_type: lvm-scrath",
			`profile_type: unknown profile_type "lvm-scrath"; did you mean "lvm-scratch"?`,
		},
		{"name: other", `name: "other" is not the key of the container; remove it`},
		{"bridge: 'a b'", `bridge: "a b" is not the name of a bridge`},
		{"bridge: sixteen-letters-", `bridge: "sixteen-letters-" is not the name of a bridge`},
		{"bridge: ../x", `bridge: "../x" is not the name of a bridge`},
	}
	for _, tt := range tests {
		text := "targets: {h: {c: {" + tt.value + "}}}"
		check(t, text, problems(t, text), []string{begin + tt.want})
	}
}

func TestPasswordsAreCheckedAndNeverShown(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{
			"empty",
			"targets: {h: {c: {password: ''}}}",
			[]string{
				"a.yaml:1: targets.h.c.password: the value is empty; remove the key: a password " +
					"is generated",
			},
		},
		{
			"line break",
			`targets: {h: {c: {password: "hush\nroot:x"}}}`,
			[]string{
				"a.yaml:1: targets.h.c.password: the value has a line break or another control character",
			},
		},
		{
			"NUL",
			`targets: {h: {c: {password: "hush\0"}}}`,
			[]string{
				"a.yaml:1: targets.h.c.password: the value has a line break or another control character",
			},
		},
		{
			"list",
			"targets: {h: {c: {password: [hush]}}}",
			[]string{"a.yaml:1: targets.h.c.password: is a list"},
		},
		{
			"long",
			"targets: {h: {c: {password: " + string(make256()) + "}}}",
			[]string{
				"a.yaml:1: targets.h.c.password: the value has more than 255 bytes",
			},
		},
	})
}

func make256() []byte {
	out := make([]byte, 256)
	for i := range out {
		out[i] = 'x'
	}
	return out
}

func TestRawConfiguration(t *testing.T) {
	t.Parallel()
	const begin = "a.yaml:1: targets.h.c.lxc_conf: "
	tests := []struct{ value, want string }{
		{"x", begin + "is a single value; write a mapping or a list of mappings"},
		{"[lxc.a = b]", begin + "is not a map with one key; write - lxc.KEY: VALUE"},
		{"[{lxc.a: b, lxc.c: d}]", begin + "is not a map with one key"},
		{"[{}]", begin + "is not a map with one key"},
		{
			"{cap.drop: x}",
			begin + `"cap.drop" is not a key of an LXC configuration; its keys begin with lxc.`,
		},
		{"{lxc.: x}", begin + `"lxc." is not a key`},
		{"{'lxc.a b': x}", begin + `"lxc.a b" is not a key`},
		{"{lxc.a: [x]}", begin + "is a list; write a single value"},
		{"{lxc.a: }", begin + "has no value"},
		{`{lxc.a: "x\nlxc.rootfs.path = /"}`, begin + `the value of "lxc.a" has a line break`},
		{
			"{lxc.net.0.hwaddr: x}",
			begin + `"lxc.net.0.hwaddr" is set by the program itself; write mac`,
		},
		{
			"{lxc.net.0.link: x}",
			begin + `"lxc.net.0.link" is set by the program itself; write bridge`,
		},
		{
			"{lxc.net.0.mtu: 1}",
			begin + `"lxc.net.0.mtu" is set by the program itself; write network, bridge`,
		},
		{"{lxc.net.0.ipv4.address: x}", begin + `"lxc.net.0.ipv4.address" is set by | write ip`},
		{
			"{lxc.net.0.ipv4.gateway: x}",
			begin + `"lxc.net.0.ipv4.gateway" is set by | write gateway`,
		},
		{
			"{lxc.network.type: x}",
			begin + `"lxc.network.type" is set by | LXC 3 dropped lxc.network`,
		},
		{
			"{lxc.uts.name: x}",
			begin + `"lxc.uts.name" is set by | the host name of a container is its name`,
		},
		{"{lxc.utsname: x}", begin + `"lxc.utsname" is set by`},
		{"{lxc.rootfs.path: /}", begin + `"lxc.rootfs.path" is set by`},
		{"{lxc.rootfs: /}", begin + `"lxc.rootfs" is set by`},
		{"{lxc.start.auto: 1}", begin + `"lxc.start.auto" is set by | write autostart`},
		{"{lxc.include: /etc/x}", begin + `"lxc.include" is set by | write the lines of the file`},
		{
			"{lxc.cgroup2.memory.max: 1G}",
			begin + `"lxc.cgroup2.memory.max" is set by | write memory`,
		},
		{
			"{lxc.cgroup.cpu.shares: 5}",
			begin + `"lxc.cgroup.cpu.shares" is set by | write cpushare`,
		},
	}
	for _, tt := range tests {
		text := "targets: {h: {c: {lxc_conf: " + tt.value + "}}}"
		check(t, text, problems(t, text), []string{tt.want})
	}
	const unset = "a.yaml:1: targets.h.c.lxc_conf_unset: "
	for value, want := range map[string]string{
		"lxc.cap.drop":     unset + "is a single value; write a list",
		"[cap]":            unset + `"cap" is not a key`,
		"[lxc.net.0.link]": unset + `"lxc.net.0.link" is set by the program itself`,
		"[lxc.start]":      unset + `"lxc.start" would remove what the program itself sets`,
		"[lxc.cgroup2.]":   unset + `"lxc.cgroup2." would remove what the program itself sets`,
		"[lxc.uts]":        unset + `"lxc.uts" would remove`,
	} {
		text := "targets: {h: {c: {lxc_conf_unset: " + value + "}}}"
		check(t, text, problems(t, text), []string{want})
	}
}
