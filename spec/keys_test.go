package spec_test

import "testing"

func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{"section", "target: {h: {}}",
			[]string{`a.yaml:1: target: unknown section "target"; did you mean "targets"?`}},
		{"section without likeness", "kubernetes: {}\ntargets: {h: {}}", []string{
			`a.yaml:1: kubernetes: unknown section "kubernetes"; write one of defaults, groups, ` +
				`hosts, networks, profiles, targets, templates`}},
		{"dotted section", "makina-states.services.cloud.lxc.target: {h: {}}", []string{
			`a.yaml:1: makina-states.services.cloud.lxc.target: unknown section | ` +
				`did you mean "makina-states.services.cloud.lxc.targets"?`}},
		{"container", "targets:\n  h:\n    c:\n      memmory: 1G",
			[]string{`a.yaml:4: targets.h.c.memmory: unknown key "memmory"; did you mean "memory"?`}},
		{"two letters swapped", "targets: {h: {c: {autostrat: true}}}",
			[]string{`a.yaml:1: targets.h.c.autostrat: unknown key "autostrat"; did you mean "autostart"?`}},
		{"container without likeness", "targets: {h: {c: {xyzzy: 1}}}",
			[]string{`a.yaml:1: targets.h.c.xyzzy: unknown key "xyzzy"; reconciler schema lists the keys`}},
		{"defaults", "defaults: {usres: [root]}\ntargets: {h: {}}",
			[]string{`a.yaml:1: defaults.usres: unknown key "usres"; did you mean "users"?`}},
		{"profile", "profiles: {p: {memry: 1G}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: profiles.p.memry: unknown key "memry"; did you mean "memory"?`}},
		{"template", "templates: {t: {imgae: debian}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: templates.t.imgae: unknown key "imgae"; did you mean "image"?`}},
		{"host", "hosts: {h: {conect: local}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: hosts.h.conect: unknown key "conect"; did you mean "connect"?`}},
		{"host without likeness", "hosts: {h: {zzz: local}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: hosts.h.zzz: unknown key "zzz"; write one of agent, connect, defaults, | ` +
				"lxcpath, "}},
		{"host defaults", "hosts: {h: {defaults: {brigde: br0}}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: hosts.h.defaults.brigde: unknown key "brigde"; did you mean "bridge"?`}},
		{"network", "networks: {n: {cidr: 10.1.0.0/16, gatway: 10.1.0.1}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: networks.n.gatway: unknown key "gatway"; did you mean "gateway"?`}},
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
		{"reported once, however many containers it hits",
			"defaults: {zz: 1}\ntargets: {h: {a: {}, b: {}}, i: {c: {}}}",
			[]string{"a.yaml:1: defaults.zz:"}},
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
			"drift and windows in a template",
			"templates: {t: {drift: report, windows: []}}\ntargets: {h: {}}",
			[]string{
				`a.yaml:1: templates.t.drift: "drift" cannot stand in a template`,
				`a.yaml:1: templates.t.windows: "windows" cannot stand in a template`,
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
		"source":            "write image: SCRIPT",
		"profiles":          "write profile: NAME and declare it under profiles",
		"timeout":           "each step has a limit",

		"lxc_container_name":      "the name of a container is its key",
		"lxc_from_container":      "write from_container: NAME",
		"lxc_template":            "write image: SCRIPT",
		"lxc_host":                "a container belongs to the host that it stands under",
		"lxc_orig_host":           "a container belongs to the host that it stands under",
		"wait_for_ipv4_addresses": "every container must have its address",
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
		"refresh": "every run reads everything anew", "images_root": "lxcpath",
		"lxd_provisioning_inventory": "write targets"} {
		text := key + ": x\ntargets: {h: {}}"
		check(t, text, problems(t, text), []string{"a.yaml:1: " + key + `: "` + key +
			`" is not a section of a tree | ` + hint})
	}
}

func TestKeysThatAreNotActedOnYetAreNeverSilent(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"mode", "bootsalt_branch", "script", "script_args", "master",
		"master_port", "minion", "ssh_username", "sudo", "ssh_gateway_password",
		"ssh_reverse_proxy_port", "snmp_reverse_proxy_port", "additional_ips", "vgname", "lvname",
		"fstype", "thinpool",
		"use_bridge", "main_bridge", "fstab", "nat", "proxy"} {
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
