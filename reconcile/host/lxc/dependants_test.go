package lxc

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestDependantsFile(t *testing.T) {
	for name, text := range map[string]string{
		"count of old liblxc": "2\n", "odd": "/srv\na\n/srv\n", "no path": "srv\na\n",
		"no name": "/srv\n\n",
	} {
		if list, err := parseDependants([]byte(text)); err == nil {
			t.Errorf("%s: %q is read as %v and would be overwritten", name, text, list)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		list := anyDependants(t)
		got, err := parseDependants(formatDependants(list))
		if err != nil || !slices.Equal(got, list) {
			t.Fatalf("wrote %v, read %v, %v", list, got, err)
		}
	})
}

func anyDependants(t *rapid.T) []dependant {
	one := rapid.Custom(func(t *rapid.T) dependant {
		return dependant{
			lxcpath: rapid.SampledFrom([]string{"/srv/lxc", "/srv/lxc/.reconciler/u1"}).Draw(t, "path"),
			name:    rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"),
		}
	})
	return rapid.SliceOfN(one, 0, 8).Draw(t, "list")
}

func TestReplacingADependant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := anyDependants(t)
		old, wanted := dependant{"/srv/lxc/.reconciler/u1", "a"}, dependant{"/srv/lxc", "a"}
		if rapid.Bool().Draw(t, "remove") {
			wanted = dependant{}
		}
		got := replaceDependant(list, old, wanted)
		if slices.Contains(got, old) {
			t.Fatalf("%v: the old entry stays: the base could never be destroyed", got)
		}
		count := 0
		for _, d := range got {
			if d == wanted {
				count++
			}
		}
		if want := 1; wanted != (dependant{}) && count != want {
			t.Fatalf("%v: the entry is there %d times", got, count)
		}
		others := func(d dependant) bool { return d == old || d == wanted }
		before, after := slices.DeleteFunc(list, others), slices.DeleteFunc(got, others)
		if !slices.Equal(before, after) {
			t.Fatalf("entries of others changed from %v to %v", before, after)
		}
	})
}
