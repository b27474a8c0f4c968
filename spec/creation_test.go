package spec_test

import (
	"fmt"
	"testing"
)

// How a container comes into being: the closest of from_container, image and profile_type wins.
func TestSource(t *testing.T) {
	t.Parallel()
	runCreation(t, []creation{
		{"nothing declared", "targets: {h: {c: {}}}", "clone of base on dir"},
		{"null is nothing", "targets: {h: {c: }}", "clone of base on dir"},
		{"from_container", "targets: {h: {c: {from_container: gold}}}", "clone of gold on dir"},
		{"image", "targets: {h: {c: {image: busybox}}}", "create busybox map[] on dir"},
		{"image with options",
			"targets: {h: {c: {image: debian, options: {release: bookworm, --arch: amd64, quiet: }}}}",
			"create debian map[arch:amd64 quiet: release:bookworm] on dir"},
		{"closer image wins",
			"defaults: {from_container: base}\ntargets: {h: {c: {image: busybox}}}",
			"create busybox map[] on dir"},
		{"closer from_container wins",
			"defaults: {image: busybox}\ntargets: {h: {c: {from_container: gold}}}",
			"clone of gold on dir"},
		{"image of defaults", "defaults: {image: busybox, options: {a: b}}\ntargets: {h: {c: {}}}",
			"create busybox map[a:b] on dir"},
		{"both, from_container wins", "targets: {h: {c: {image: busybox, from_container: gold}}}",
			"clone of gold on dir"},
		{"scratch type", "targets: {h: {c: {profile_type: dir-scratch}}}",
			"create debian map[] on dir"},
		{"scratch type with image",
			"targets: {h: {c: {profile_type: overlayfs-scratch, image: busybox}}}",
			"create busybox map[] on overlayfs"},
		{"scratch type with image of defaults",
			"defaults: {image: busybox}\ntargets: {h: {c: {profile_type: dir-scratch}}}",
			"create busybox map[] on dir"},
		{"scratch type with declared base",
			"templates: {base: {image: busybox, options: {a: b}}}\n" +
				"targets: {h: {c: {profile_type: dir-scratch}}}", "create busybox map[a:b] on dir"},
		{"scratch type beats further from_container", "defaults: {from_container: gold}\n" +
			"targets: {h: {c: {profile_type: dir-scratch}}}", "create debian map[] on dir"},
		{"closer from_container beats scratch type", "defaults: {profile_type: dir-scratch}\n" +
			"targets: {h: {c: {from_container: gold}}}", "clone of gold on dir"},
		{"cloning type beats further image", "defaults: {image: busybox}\n" +
			"targets: {h: {c: {profile_type: overlayfs}}}", "clone of base on overlayfs snapshot"},
		{"closer image beats cloning type", "defaults: {profile_type: overlayfs}\n" +
			"targets: {h: {c: {image: busybox}}}", "create busybox map[] on overlayfs"},
	})
}

// On what it lies: the closest of backing and profile_type wins, and a size belongs to its backing.
func TestBackingAndSize(t *testing.T) {
	t.Parallel()
	runCreation(t, []creation{
		{"backing", "targets: {h: {c: {backing: overlayfs}}}",
			"clone of base on overlayfs snapshot"},
		{"old name of the backing", "targets: {h: {c: {backing: overlay}}}",
			"clone of base on overlayfs snapshot"},
		{"snapshot said", "targets: {h: {c: {backing: overlayfs, snapshot: yes}}}",
			"clone of base on overlayfs snapshot"},
		{"snapshot of other backing",
			"defaults: {backing: overlayfs, snapshot: true}\ntargets: {h: {c: {backing: dir}}}",
			"clone of base on dir"},
		{"closer backing beats type",
			"defaults: {profile_type: overlayfs}\ntargets: {h: {c: {backing: dir}}}",
			"clone of base on dir"},
		{"closer type beats backing",
			"defaults: {backing: dir}\ntargets: {h: {c: {profile_type: overlayfs}}}",
			"clone of base on overlayfs snapshot"},
		{"type and backing agree",
			"targets: {h: {c: {profile_type: overlayfs, backing: overlay}}}",
			"clone of base on overlayfs snapshot"},
		{"type of the profile",
			"profiles: {p: {profile_type: dir-scratch}}\ntargets: {h: {c: {profile: p}}}",
			"create debian map[] on dir"},
		{"lvm has a size", "targets: {h: {c: {backing: lvm}}}", "clone of base on lvm 10G"},
		{"lvm with size", "targets: {h: {c: {backing: lvm, size: 3g}}}", "clone of base on lvm 3G"},
		{"size of a size profile", "targets: {h: {c: {backing: lvm, profile: xsmall}}}",
			"clone of base on lvm 3G"},
		{"declared size beats profile",
			"targets: {h: {c: {backing: lvm, profile: xsmall, size: 4G}}}",
			"clone of base on lvm 4G"},
		{"profile beats size of defaults",
			"defaults: {backing: lvm, size: 4G}\ntargets: {h: {c: {profile: xsmall}}}",
			"clone of base on lvm 3G"},
		{"size of another backing",
			"defaults: {backing: lvm, size: 4G}\ntargets: {h: {c: {backing: dir}}}",
			"clone of base on dir"},
		{"loop", "targets: {h: {c: {backing: loop, size: 500M}}}", "clone of base on loop 500M"},
		{"btrfs has no size", "targets: {h: {c: {backing: btrfs}}}", "clone of base on btrfs"},
		{"misspelt type", "targets: {h: {c: {profile_type: lvm-sratch}}}",
			"create debian map[] on lvm 10G"},
	})
}

// creation is a tree and how its container c comes into being.
type creation struct{ name, text, want string }

func runCreation(t *testing.T, tests []creation) {
	t.Helper()
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
		{"image and from_container", "targets: {h: {c: {image: busybox, from_container: gold}}}",
			[]string{c + "image: image is not used: the container is cloned; remove it"}},
		{"image and from_container of scratch",
			"targets: {h: {c: {image: busybox, from_container: gold, profile_type: dir-scratch}}}",
			[]string{c +
				"from_container: from_container is not used: profile_type dir-scratch creates from image"}},
		{"image and cloning type", "targets: {h: {c: {image: busybox, profile_type: dir}}}",
			[]string{c +
				"image: image is not used: the container is cloned | profile_type that ends in -scratch"}},
		{"options of a clone", "targets: {h: {c: {options: {release: bookworm}}}}", []string{c +
			"options: options are not used: the container is cloned; write them at the template"}},
		{"misspelt type", "targets: {h: {c: {profile_type: lvm-sratch}}}", []string{
			c + `profile_type: "lvm-sratch" is an old spelling; write lvm-scratch`,
			c + `profile_type: backing "lvm" is not acted on yet`}},
		{"lvm", "targets: {h: {c: {backing: lvm}}}", []string{c +
			`backing: backing "lvm" is not acted on yet; such a container is blocked`}},
		{"btrfs", "targets: {h: {c: {backing: btrfs}}}", []string{c +
			`backing: backing "btrfs" is not`}},
		{"zfs of defaults, once", "defaults: {backing: zfs}\ntargets: {h: {c: {}, d: {}}}",
			[]string{`a.yaml:1: defaults.backing: backing "zfs" is not acted on yet`}},
		{"size profile on dir", "targets: {h: {c: {profile: small}}}", []string{c +
			`profile: the size of profile "small" has no effect on backing dir`}},
		{"size profile on overlayfs", "targets: {h: {c: {profile: small, backing: overlayfs}}}",
			[]string{c +
				`profile: the size of profile "small" has no effect on backing overlayfs`}},
		{"snapshot false", "targets: {h: {c: {backing: overlayfs, snapshot: false}}}", []string{c +
			"snapshot: overlayfs clones are always snapshots"}},
		{"snapshot of created",
			"targets: {h: {c: {backing: overlayfs, image: busybox, snapshot: true}}}", []string{c +
				"snapshot: snapshot has no effect: the container is created from an image"}},
		{"nothing odd", "targets: {h: {c: {snapshot: false, image: busybox, options: {a: b}}}}",
			nil},
		{"defaults of scripts do no harm to clones",
			"defaults: {image: busybox, options: {a: b}}\n" +
				"targets: {h: {c: {from_container: gold}}}", nil},
	})
}

func TestCreationProblems(t *testing.T) {
	t.Parallel()
	const c = "a.yaml:1: targets.h.c."
	runBad(t, []bad{
		{"size on dir", "targets: {h: {c: {size: 5G}}}", []string{c +
			"size: a root file system on backing dir has no size of its own; remove size"}},
		{"size on overlayfs", "targets: {h: {c: {size: 5G, backing: overlayfs}}}", []string{c +
			"size: a root file system on backing overlayfs has no size of its own"}},
		{"size on dir in defaults, once", "defaults: {size: 5G}\ntargets: {h: {c: {}, d: {}}}",
			[]string{"a.yaml:1: defaults.size: a root file system on backing dir has no size of its own"}},
		{"size zero", "targets: {h: {c: {size: 0, backing: lvm}}}", []string{c +
			"size: a root file system of size 0 holds nothing"}},
		{"size without unit", "targets: {h: {c: {size: 10, backing: lvm}}}", []string{c +
			`size: "10" is less than 1M; a number without a unit is bytes`}},
		{"snapshot on dir", "targets: {h: {c: {snapshot: true}}}", []string{c +
			"snapshot: backing dir has no snapshots; write backing: overlayfs"}},
		{"type contradicts backing", "targets: {h: {c: {profile_type: dir, backing: overlayfs}}}",
			[]string{c +
				"backing: backing overlayfs contradicts profile_type dir; keep one of them"}},
		{"scratch without image", "templates: {base: {from_container: gold}}\n" +
			"targets: {h: {c: {profile_type: dir-scratch}}}",
			[]string{"a.yaml:2: targets.h.c.profile_type: there is no image to create from: the " +
				"template base is a clone"}},
	})
}
