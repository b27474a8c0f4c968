package spec_test

import (
	"testing"
)

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
		{"like a size", "targets: {h: {c: {profile: smal}}}",
			[]string{`a.yaml:1: targets.h.c.profile: unknown profile "smal"; did you mean "small"?`}},
		{"like a declared one",
			"profiles: {webserver: {}}\ntargets: {h: {c: {profile: webservr}}}",
			[]string{`a.yaml:2: targets.h.c.profile: unknown profile "webservr"; did you mean "webserver"?`}},
		{"like nothing", "targets: {h: {c: {profile: database}}}",
			[]string{`a.yaml:1: targets.h.c.profile: unknown profile "database"; declare it under profiles`}},
		{"of another host", "targets: {h: {c: {profile: ms-other-dir}}}",
			[]string{`a.yaml:1: targets.h.c.profile: unknown profile "ms-other-dir" | begin with ms-h-`}},
		{"of an unknown size", "targets: {h: {c: {profile: ms-h-tiny-lvm}}}",
			[]string{`a.yaml:1: targets.h.c.profile: unknown profile "ms-h-tiny-lvm"`}},
		{"in defaults, once",
			"defaults: {profile: nope}\ntargets: {h: {c: {}, d: {}}, i: {c2: {}}}",
			[]string{`a.yaml:1: defaults.profile: unknown profile "nope"`}},
		{"list", "targets: {h: {c: {profile: [small]}}}",
			[]string{"a.yaml:1: targets.h.c.profile: is a list; write a single value"}},
		{"null", "targets: {h: {c: {profile: ~}}}",
			[]string{"a.yaml:1: targets.h.c.profile: has no value"}},
		{"null in disguise", "targets: {h: {c: {profile: !!null small}}}",
			[]string{"a.yaml:1: targets.h.c.profile: has no value"}},
		{"bad name", "profiles: {a b: {}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: profiles.a b: profile "a b" is not a name`}},
		{"not a mapping", "profiles: {p: [x]}\ntargets: {h: {}}",
			[]string{"a.yaml:1: profiles.p: is a list; write a mapping of settings"}},
		{"problems of a profile that nobody uses", "profiles: {p: {memory: x}}\ntargets: {h: {}}",
			[]string{`a.yaml:1: profiles.p.memory: "x" is not a size`}},
	})
}
