package spec_test

import "testing"

func TestShapesOfValues(t *testing.T) {
	t.Parallel()
	runShapes(t, []shape{
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
	})
}

func TestShapesOfLists(t *testing.T) {
	t.Parallel()
	runShapes(t, []shape{
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
		{"domains: [-a.b]",
			`domains: "-a.b" is not a DNS name: a part begins or ends with a hyphen`},
		{"domains: [10.5.0.1]", `domains: "10.5.0.1" is an address; write a DNS name`},
		{"domains: {a: b}", "domains: is a mapping; write a list"},
	})
}

func TestShapesOfNames(t *testing.T) {
	t.Parallel()
	runShapes(t, []shape{
		{"options: [a]", "options: is a list; write a mapping"},
		{"options: {a b: c}", `options: "a b" is not the name of an option`},
		{"options: {a: [b]}", "options: is a list; write a single value"},
		{`image: debian, options: {a: "b\nc"}`, "options: has a control character"},
		{"image: /usr/share/x", `image: "/usr/share/x" is not a template script`},
		{"image: https://example.net/x.tar.xz",
			"image: \"https://example.net/x.tar.xz\" is not a template script"},
		{"from_container: a/b", `from_container: "a/b" is not a DNS name`},
		{"recreate: true", `recreate: "true" is not a value of recreate; write recreate: allow`},
		{"recreate: alow", `recreate: "alow" is not a value of recreate`},
		{"drift: reprot", `drift: "reprot" is not a value of drift; did you mean "report"?`},
		{"drift: true", `drift: "true" is not a value of drift; write one of correct, report, ignore`},
		{"drift: [report]", "drift: is a list; write a single value"},
		{"windows: daily 02:00-05:00", "windows: is a single value; write a list"},
		{"windows: [22:00-04:00]", `windows: "22:00-04:00" is not a window of days and times; ` +
			`write it such as "mon-fri 22:00-04:00 Europe/Berlin", in quotes`},
		{"windows: [daily 02:00-05:00 Europe/Brelin]",
			`windows: "daily 02:00-05:00 Europe/Brelin" has an unknown time zone; write a name`},
		{"backing: overlayf", `backing: unknown backing "overlayf"; did you mean "overlayfs"?`},
		{"backing: aufs", `backing: unknown backing "aufs"`},
		{"backing: ceph", `backing: unknown backing "ceph"; write one of dir, overlayfs, lvm`},
		{"profile_type: overlay", `profile_type: unknown profile_type "overlay"`},
		{"profile_type: zfs",
			`profile_type: unknown profile_type "zfs"; write dir, overlayfs or lvm`},
		{"profile_type: lvm-scrath",
			`profile_type: unknown profile_type "lvm-scrath"; did you mean "lvm-scratch"?`},
		{"name: other", `name: "other" is not the key of the container; remove it`},
		{"bridge: 'a b'", `bridge: "a b" is not the name of a bridge`},
		{"bridge: sixteen-letters-", `bridge: "sixteen-letters-" is not the name of a bridge`},
		{"bridge: ../x", `bridge: "../x" is not the name of a bridge`},
	})
}

// shape is a setting of a container, and what is wrong with it.
type shape struct{ value, want string }

func runShapes(t *testing.T, tests []shape) {
	t.Helper()
	for _, tt := range tests {
		text := "targets: {h: {c: {" + tt.value + "}}}"
		check(t, text, problems(t, text), []string{"a.yaml:1: targets.h.c." + tt.want})
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
		{"{cap.drop: x}", begin +
			`"cap.drop" is not a key of an LXC configuration; its keys begin with lxc.`},
		{"{lxc.: x}", begin + `"lxc." is not a key`},
		{"{'lxc.a b': x}", begin + `"lxc.a b" is not a key`},
		{"{lxc.a: [x]}", begin + "is a list; write a single value"},
		{"{lxc.a: }", begin + "has no value"},
		{`{lxc.a: "x\nlxc.rootfs.path = /"}`, begin + `the value of "lxc.a" has a line break`},
		{"{lxc.net.0.hwaddr: x}", begin +
			`"lxc.net.0.hwaddr" is set by the program itself; write mac`},
		{"{lxc.net.0.link: x}", begin +
			`"lxc.net.0.link" is set by the program itself; write bridge`},
		{"{lxc.net.0.mtu: 1}", begin +
			`"lxc.net.0.mtu" is set by the program itself; write network, bridge`},
		{"{lxc.net.0.ipv4.address: x}", begin + `"lxc.net.0.ipv4.address" is set by | write ip`},
		{"{lxc.net.0.ipv4.gateway: x}", begin +
			`"lxc.net.0.ipv4.gateway" is set by | write gateway`},
		{"{lxc.network.type: x}", begin +
			`"lxc.network.type" is set by | LXC 3 dropped lxc.network`},
		{"{lxc.uts.name: x}", begin +
			`"lxc.uts.name" is set by | the host name of a container is its name`},
		{"{lxc.utsname: x}", begin + `"lxc.utsname" is set by`},
		{"{lxc.rootfs.path: /}", begin + `"lxc.rootfs.path" is set by`},
		{"{lxc.rootfs: /}", begin + `"lxc.rootfs" is set by`},
		{"{lxc.start.auto: 1}", begin + `"lxc.start.auto" is set by | write autostart`},
		{"{lxc.include: /etc/x}", begin + `"lxc.include" is set by | write the lines of the file`},
		{"{lxc.cgroup2.memory.max: 1G}", begin +
			`"lxc.cgroup2.memory.max" is set by | write memory`},
		{"{lxc.cgroup.cpu.shares: 5}", begin +
			`"lxc.cgroup.cpu.shares" is set by | write cpushare`},
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
