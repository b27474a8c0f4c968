package spec_test

import (
	"fmt"
	"testing"
)

// How a container comes into being: the closest of from_container, image and profile_type wins.
func TestSourceAndBacking(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nothing declared", "targets: {h: {c: {}}}", "clone of base on dir"},
		{"null is nothing", "targets: {h: {c: }}", "clone of base on dir"},
		{"from_container", "targets: {h: {c: {from_container: gold}}}", "clone of gold on dir"},
		{"image", "targets: {h: {c: {image: busybox}}}", "create busybox map[] on dir"},
		{
			"image with options",
			"targets: {h: {c: {image: debian, options: {release: bookworm, --arch: amd64, quiet: }}}}",
			"create debian map[arch:amd64 quiet: release:bookworm] on dir",
		},
		{
			"closer image wins",
			"defaults: {from_container: base}\ntargets: {h: {c: {image: busybox}}}",
			"create busybox map[] on dir",
		},
		{
			"closer from_container wins",
			"defaults: {image: busybox}\ntargets: {h: {c: {from_container: gold}}}",
			"clone of gold on dir",
		},
		{
			"image of defaults",
			"defaults: {image: busybox, options: {a: b}}\ntargets: {h: {c: {}}}",
			"create busybox map[a:b] on dir",
		},
		{
			"both, from_container wins",
			"targets: {h: {c: {image: busybox, from_container: gold}}}",
			"clone of gold on dir",
		},
		{
			"scratch type",
			"targets: {h: {c: {profile_type: dir-scratch}}}",
			"create debian map[] on dir",
		},
		{
			"scratch type with image",
			"targets: {h: {c: {profile_type: overlayfs-scratch, image: busybox}}}",
			"create busybox map[] on overlayfs",
		},
		{
			"scratch type with image of defaults",
			"defaults: {image: busybox}\ntargets: {h: {c: {profile_type: dir-scratch}}}",
			"create busybox map[] on dir",
		},
		{
			"scratch type with declared base",
			"templates: {base: {image: busybox, options: {a: b}}}\n" +
				"targets: {h: {c: {profile_type: dir-scratch}}}",
			"create busybox map[a:b] on dir",
		},
		{
			"scratch type beats further from_container",
			"defaults: {from_container: gold}\n" +
				"targets: {h: {c: {profile_type: dir-scratch}}}",
			"create debian map[] on dir",
		},
		{
			"closer from_container beats scratch type",
			"defaults: {profile_type: dir-scratch}\n" +
				"targets: {h: {c: {from_container: gold}}}",
			"clone of gold on dir",
		},
		{
			"cloning type beats further image",
			"defaults: {image: busybox}\n" +
				"targets: {h: {c: {profile_type: overlayfs}}}",
			"clone of base on overlayfs snapshot",
		},
		{
			"closer image beats cloning type",
			"defaults: {profile_type: overlayfs}\n" +
				"targets: {h: {c: {image: busybox}}}",
			"create busybox map[] on overlayfs",
		},
		{
			"backing",
			"targets: {h: {c: {backing: overlayfs}}}",
			"clone of base on overlayfs snapshot",
		},
		{
			"old name of the backing",
			"targets: {h: {c: {backing: overlay}}}",
			"clone of base on overlayfs snapshot",
		},
		{
			"snapshot said",
			"targets: {h: {c: {backing: overlayfs, snapshot: yes}}}",
			"clone of base on overlayfs snapshot",
		},
		{
			"snapshot of other backing",
			"defaults: {backing: overlayfs, snapshot: true}\ntargets: {h: {c: {backing: dir}}}",
			"clone of base on dir",
		},
		{
			"closer backing beats type",
			"defaults: {profile_type: overlayfs}\ntargets: {h: {c: {backing: dir}}}",
			"clone of base on dir",
		},
		{
			"closer type beats backing",
			"defaults: {backing: dir}\ntargets: {h: {c: {profile_type: overlayfs}}}",
			"clone of base on overlayfs snapshot",
		},
		{
			"type and backing agree",
			"targets: {h: {c: {profile_type: overlayfs, backing: overlay}}}",
			"clone of base on overlayfs snapshot",
		},
		{
			"type of the profile",
			"profiles: {p: {profile_type: dir-scratch}}\ntargets: {h: {c: {profile: p}}}",
			"create debian map[] on dir",
		},
		{"lvm has a size", "targets: {h: {c: {backing: lvm}}}", "clone of base on lvm 10G"},
		{"lvm with size", "targets: {h: {c: {backing: lvm, size: 3g}}}", "clone of base on lvm 3G"},
		{
			"size of a size profile",
			"targets: {h: {c: {backing: lvm, profile: xsmall}}}",
			"clone of base on lvm 3G",
		},
		{
			"declared size beats profile",
			"targets: {h: {c: {backing: lvm, profile: xsmall, size: 4G}}}",
			"clone of base on lvm 4G",
		},
		{
			"profile beats size of defaults",
			"defaults: {backing: lvm, size: 4G}\ntargets: {h: {c: {profile: xsmall}}}",
			"clone of base on lvm 3G",
		},
		{
			"size of another backing",
			"defaults: {backing: lvm, size: 4G}\ntargets: {h: {c: {backing: dir}}}",
			"clone of base on dir",
		},
		{"loop", "targets: {h: {c: {backing: loop, size: 500M}}}", "clone of base on loop 500M"},
		{"btrfs has no size", "targets: {h: {c: {backing: btrfs}}}", "clone of base on btrfs"},
		{
			"misspelt type",
			"targets: {h: {c: {profile_type: lvm-sratch}}}",
			"create debian map[] on lvm 10G",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := one(t, tt.text)
			got := "clone of " + c.FromContainer
			if c.FromContainer == "" {
				got = fmt.Sprintf("create %s %v", c.Image, c.Options)
			} else if c.Image != "" || c.Options != nil {
				t.Errorf("a clone has an image: %s %v", c.Image, c.Options)
			}
			got += " on " + c.Backing
			if c.Size > 0 && c.Size%(1<<30) == 0 {
				got += fmt.Sprintf(" %dG", c.Size>>30)
			} else if c.Size > 0 {
				got += fmt.Sprintf(" %dM", c.Size>>20)
			}
			if c.Snapshot {
				got += " snapshot"
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestCreationWarnings(t *testing.T) {
	t.Parallel()
	const c = "a.yaml:1: targets.h.c."
	runOdd(t, []odd{
		{
			"image and from_container",
			"targets: {h: {c: {image: busybox, from_container: gold}}}",
			[]string{
				c + "image: image is not used: the container is cloned; remove it",
			},
		},
		{
			"image and from_container of scratch",
			"targets: {h: {c: {image: busybox, from_container: gold, profile_type: dir-scratch}}}",
			[]string{
				c + "from_container: from_container is not used: profile_type dir-scratch creates from image",
			},
		},
		{
			"image and cloning type",
			"targets: {h: {c: {image: busybox, profile_type: dir}}}",
			[]string{
				c + "image: image is not used: the container is cloned | profile_type that ends in -scratch",
			},
		},
		{
			"options of a clone",
			"targets: {h: {c: {options: {release: bookworm}}}}",
			[]string{
				c + "options: options are not used: the container is cloned; write them at the template",
			},
		},
		{"misspelt type", "targets: {h: {c: {profile_type: lvm-sratch}}}", []string{
			c + `profile_type: "lvm-sratch" is an old spelling; write lvm-scratch`,
			c + `profile_type: backing "lvm" is not acted on yet`}},
		{
			"lvm",
			"targets: {h: {c: {backing: lvm}}}",
			[]string{
				c + `backing: backing "lvm" is not acted on yet; such a container is blocked`,
			},
		},
		{
			"btrfs",
			"targets: {h: {c: {backing: btrfs}}}",
			[]string{c + `backing: backing "btrfs" is not`},
		},
		{
			"zfs of defaults, once",
			"defaults: {backing: zfs}\ntargets: {h: {c: {}, d: {}}}",
			[]string{`a.yaml:1: defaults.backing: backing "zfs" is not acted on yet`},
		},
		{
			"size profile on dir",
			"targets: {h: {c: {profile: small}}}",
			[]string{
				c + `profile: the size of profile "small" has no effect on backing dir`,
			},
		},
		{
			"size profile on overlayfs",
			"targets: {h: {c: {profile: small, backing: overlayfs}}}",
			[]string{
				c + `profile: the size of profile "small" has no effect on backing overlayfs`,
			},
		},
		{
			"snapshot false",
			"targets: {h: {c: {backing: overlayfs, snapshot: false}}}",
			[]string{c + "snapshot: overlayfs clones are always snapshots"},
		},
		{
			"snapshot of created",
			"targets: {h: {c: {backing: overlayfs, image: busybox, snapshot: true}}}",
			[]string{
				c + "snapshot: snapshot has no effect: the container is created from an image",
			},
		},
		{
			"nothing odd",
			"targets: {h: {c: {snapshot: false, image: busybox, options: {a: b}}}}",
			nil,
		},
		{
			"defaults of scripts do no harm to clones",
			"defaults: {image: busybox, options: {a: b}}\n" +
				"targets: {h: {c: {from_container: gold}}}",
			nil,
		},
	})
}

func TestCreationProblems(t *testing.T) {
	t.Parallel()
	const c = "a.yaml:1: targets.h.c."
	runBad(t, []bad{
		{
			"size on dir",
			"targets: {h: {c: {size: 5G}}}",
			[]string{
				c + "size: a root file system on backing dir has no size of its own; remove size",
			},
		},
		{
			"size on overlayfs",
			"targets: {h: {c: {size: 5G, backing: overlayfs}}}",
			[]string{
				c + "size: a root file system on backing overlayfs has no size of its own",
			},
		},
		{
			"size on dir in defaults, once",
			"defaults: {size: 5G}\ntargets: {h: {c: {}, d: {}}}",
			[]string{
				"a.yaml:1: defaults.size: a root file system on backing dir has no size of its own",
			},
		},
		{
			"size zero",
			"targets: {h: {c: {size: 0, backing: lvm}}}",
			[]string{c + "size: a root file system of size 0 holds nothing"},
		},
		{
			"size without unit",
			"targets: {h: {c: {size: 10, backing: lvm}}}",
			[]string{
				c + `size: "10" is less than 1M; a number without a unit is bytes`,
			},
		},
		{
			"snapshot on dir",
			"targets: {h: {c: {snapshot: true}}}",
			[]string{
				c + "snapshot: backing dir has no snapshots; write backing: overlayfs",
			},
		},
		{
			"type contradicts backing",
			"targets: {h: {c: {profile_type: dir, backing: overlayfs}}}",
			[]string{
				c + "backing: backing overlayfs contradicts profile_type dir; keep one of them",
			},
		},
		{
			"scratch without image",
			"templates: {base: {from_container: gold}}\n" +
				"targets: {h: {c: {profile_type: dir-scratch}}}",
			[]string{
				"a.yaml:2: targets.h.c.profile_type: there is no image to create from: the " +
					"template base is a clone",
			},
		},
	})
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	for name, gib := range map[string]float64{"xxxtrem": 2000, "xxtrem": 1000, "xtrem": 500,
		"xxxlarge": 100, "xxlarge": 50, "large": 20, "medium": 10, "small": 5, "xsmall": 3,
		"xxsmall": 1, "xxxsmall": 500.0 / 1024} {
		c := one(t, "targets: {h: {c: {backing: lvm, profile: "+name+"}}}")
		if c.Size != int64(gib*(1<<30)) || c.Profile != name {
			t.Errorf("profile %s: got %d bytes, want %g GiB", name, c.Size, gib)
		}
	}
	c := one(t, "profiles: {small: {memory: 64M}}\ntargets: {h: {c: {profile: small, backing: lvm}}}")
	if c.Memory != 64<<20 || c.Size != 10<<30 {
		t.Errorf("a declared profile does not replace the size of its name: %+v", c.Settings)
	}
}

func TestProfileNamesOfSalt(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, backing string
		size          int64
		scratch       bool
	}{
		{"ms-dev-example-net-dir", "dir", 0, false},
		{"ms-dev-example-net-dir-scratch", "dir", 0, true},
		{"ms-dev-example-net-overlayfs", "overlayfs", 0, false},
		{"ms-dev-example-net-lvm", "lvm", 10 << 30, false},
		{"ms-dev-example-net-small-lvm-scratch", "lvm", 5 << 30, true},
		{"ms-dev-example-net-xxlarge-lvm", "lvm", 50 << 30, false},
		{"ms-dev-example-net-medium-lvm-sratch", "lvm", 10 << 30, true},
	}
	for _, tt := range tests {
		got := parse(t, "targets.dev.example.net: {c: {profile: "+tt.name+"}}")
		c := got.Hosts["dev.example.net"].Containers["c"]
		if c.Backing != tt.backing || c.Size != tt.size || (c.FromContainer == "") != tt.scratch {
			t.Errorf("%s: got %s, %d bytes, clone of %q", tt.name, c.Backing, c.Size, c.FromContainer)
		}
	}
	c := one(t, "targets: {h: {c: {profile: ms-h-lvm, profile_type: dir}}}")
	if c.Backing != "dir" {
		t.Errorf("the container's own profile_type does not beat its profile: %s", c.Backing)
	}
	c = one(t, "defaults: {profile_type: lvm}\ntargets: {h: {c: {profile: ms-h-dir}}}")
	if c.Backing != "dir" {
		t.Errorf("the profile does not beat the defaults: %s", c.Backing)
	}
}

func TestUnknownProfiles(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{
			"like a size",
			"targets: {h: {c: {profile: smal}}}",
			[]string{
				`a.yaml:1: targets.h.c.profile: unknown profile "smal"; did you mean "small"?`,
			},
		},
		{
			"like a declared one",
			"profiles: {webserver: {}}\ntargets: {h: {c: {profile: webservr}}}",
			[]string{
				`a.yaml:2: targets.h.c.profile: unknown profile "webservr"; did you mean "webserver"?`,
			},
		},
		{
			"like nothing",
			"targets: {h: {c: {profile: database}}}",
			[]string{
				`a.yaml:1: targets.h.c.profile: unknown profile "database"; declare it under profiles`,
			},
		},
		{
			"of another host",
			"targets: {h: {c: {profile: ms-other-dir}}}",
			[]string{
				`a.yaml:1: targets.h.c.profile: unknown profile "ms-other-dir" | begin with ms-h-`,
			},
		},
		{
			"of an unknown size",
			"targets: {h: {c: {profile: ms-h-tiny-lvm}}}",
			[]string{`a.yaml:1: targets.h.c.profile: unknown profile "ms-h-tiny-lvm"`},
		},
		{
			"in defaults, once",
			"defaults: {profile: nope}\ntargets: {h: {c: {}, d: {}}, i: {c2: {}}}",
			[]string{`a.yaml:1: defaults.profile: unknown profile "nope"`},
		},
		{
			"list",
			"targets: {h: {c: {profile: [small]}}}",
			[]string{"a.yaml:1: targets.h.c.profile: is a list; write a single value"},
		},
		{
			"null",
			"targets: {h: {c: {profile: ~}}}",
			[]string{"a.yaml:1: targets.h.c.profile: has no value"},
		},
		{
			"null in disguise",
			"targets: {h: {c: {profile: !!null small}}}",
			[]string{"a.yaml:1: targets.h.c.profile: has no value"},
		},
		{
			"bad name",
			"profiles: {a b: {}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: profiles.a b: profile "a b" is not a name`},
		},
		{
			"not a mapping",
			"profiles: {p: [x]}\ntargets: {h: {}}",
			[]string{"a.yaml:1: profiles.p: is a list; write a mapping of settings"},
		},
		{
			"problems of a profile that nobody uses",
			"profiles: {p: {memory: x}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: profiles.p.memory: "x" is not a size`},
		},
	})
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	got := parse(t, `
templates:
  base: {image: busybox, options: {a: b}, lxc_conf: [lxc.cap.drop: x], recreate: allow}
  gold: {from_container: base}
  plain: {}
hosts: {i: {defaults: {image: alpine, options: {release: edge}, memory: 1G, backing: overlayfs}}}
targets: {h: {c: {from_container: gold}}, i: {}}
`)
	tests := []struct{ host, name, from, image, options, pos string }{
		{"h", "base", "", "busybox", "map[a:b]", "a.yaml:2"},
		{"h", "gold", "base", "", "map[]", "a.yaml:3"},
		{"h", "plain", "", "debian", "map[]", "a.yaml:4"},
		{"i", "base", "", "busybox", "map[a:b]", "a.yaml:2"},
		{"i", "gold", "base", "", "map[]", "a.yaml:3"},
		{"i", "plain", "", "alpine", "map[release:edge]", "a.yaml:4"},
	}
	for _, tt := range tests {
		c := got.Hosts[tt.host].Templates[tt.name]
		if c == nil || len(got.Hosts[tt.host].Templates) != 3 {
			t.Fatalf("template %s of host %s is missing: %v", tt.name, tt.host, got.Hosts[tt.host].Templates)
		}
		if c.FromContainer != tt.from || c.Image != tt.image || c.Position.String() != tt.pos ||
			fmt.Sprint(c.Options) != tt.options {
			t.Errorf("%s of %s: got %+v, want %+v", tt.name, tt.host, c.Settings, tt)
		}
		if !c.Template || c.Host != tt.host || c.Name != tt.name || c.Backing != "dir" ||
			c.Running || c.Autostart || c.Network != nil || c.Memory != 0 {
			t.Errorf("%s of %s would not be a stopped directory: %+v", tt.name, tt.host, c)
		}
	}
	b := got.Hosts["h"].Templates["base"]
	if !b.Recreate || len(b.LXCConf) != 1 {
		t.Errorf("settings of the template are lost: %+v", b.Settings)
	}
	if b := parse(t, "targets: {h: {}}").Hosts["h"].Templates["base"]; b == nil ||
		b.Image != "debian" ||
		b.Position.File != "" {
		t.Errorf("the built-in template is %+v, want debian", b)
	}
}

func TestBadTemplates(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{
			"bad name",
			"templates: {a_b: {}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: templates.a_b: template "a_b" is not a DNS name`},
		},
		{
			"bad value",
			"templates: {t: {image: a/b}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: templates.t.image: "a/b" is not a template script`},
		},
		{
			"name of a container",
			"templates: {gold: {}}\ntargets: {h: {gold: {}}}",
			[]string{
				`a.yaml:2: targets.h.gold: container "gold" has the name of a template (a.yaml:1)`,
			},
		},
		{
			"name of the built-in one",
			"targets: {h: {base: {image: debian}}}",
			[]string{
				`a.yaml:1: targets.h.base: container "base" has the name of a template (built in)`,
			},
		},
		{
			"cycle, once for all hosts",
			"templates:\n  a: {from_container: b}\n  b: {from_container: a}\n" +
				"targets: {h: {}, i: {}}",
			[]string{
				"a.yaml:2: templates.a.from_container: clone cycle: a from b from a; create one " +
					"of them from image",
			},
		},
		{
			"itself",
			"templates: {a: {from_container: a}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: templates.a.from_container: "a" is cloned from itself`},
		},
		{
			"running container",
			"templates: {a: {from_container: c}}\ntargets: {h: {c: {image: debian}}}",
			[]string{
				`a.yaml:1: templates.a.from_container: "a" is cloned from "c", which is declared running`,
			},
		},
	})
	runOdd(t, []odd{{"image and from_container",
		"templates: {a: {image: x, from_container: base}}\ntargets: {h: {}}",
		[]string{"a.yaml:1: templates.a.image: image is not used: the template is cloned"}}})
}

func TestCloneSources(t *testing.T) {
	t.Parallel()
	runBad(t, []bad{
		{
			"itself",
			"targets: {h: {c: {from_container: c, running: false}}}",
			[]string{
				`a.yaml:1: targets.h.c.from_container: "c" is cloned from itself; name another container`,
			},
		},
		{"running", "targets:\n  h:\n    c: {from_container: gold}\n    gold: {}", []string{
			`a.yaml:3: targets.h.c.from_container: "c" is cloned from "gold", which is declared running; ` +
				`write running: false at gold, or make it a template`}},
		{
			"running by profile",
			"profiles: {p: {from_container: gold}}\ntargets: {h: {c: {profile: p}, gold: {}}}",
			[]string{
				`a.yaml:2: targets.h.c: "c" is cloned from "gold", which is declared running`,
			},
		},
		{"cycle of three", `
targets:
  h:
    z: {from_container: m, running: false}
    m: {from_container: a, running: false}
    a: {from_container: z, running: false}
    outside: {from_container: m}`, []string{
			"a.yaml:5: targets.h.a.from_container: clone cycle: a from z from m from a"}},
		{"through a template", `
templates: {gold: {from_container: c}}
targets:
  h:
    c: {from_container: gold, running: false}`, []string{
			"a.yaml:4: targets.h.c.from_container: clone cycle: c from gold from c"}},
		{"two cycles", `
targets:
  h:
    a: {from_container: b, running: false}
    b: {from_container: a, running: false}
  i:
    x: {from_container: y, running: false}
    y: {from_container: x, running: false}`,
			[]string{"a.yaml:3: targets.h.a.from_container: clone cycle",
				"a.yaml:6: targets.i.x.from_container: clone cycle"}},
	})
	for _, text := range []string{
		"targets: {h: {c: {from_container: gold}, gold: {running: false}}}",
		"targets: {h: {c: {from_container: elsewhere}}}",
		"targets: {h: {c: {from_container: gold}}, i: {gold: {}}}",
		"targets: {h: {c: {from_container: a}, a: {from_container: b, running: no}, b: {running: off}}}",
	} {
		if got := parse(t, text); len(got.Warnings) != 0 {
			t.Errorf("%s: got %v", text, got.Warnings)
		}
	}
}
