package spec_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"reconciler/spec"
)

const layered = `
networks:
  lan: {cidr: 10.1.0.0/16, gateway: 10.1.0.1, bridge: br0}
defaults: {memory: 64M, cpuset: "0", users: [root], network: lan, mode: salt}
profiles:
  web: {memory: 128M, cpushare: 10, backing: overlayfs}
hosts:
  h: {defaults: {cpuset: "1", autostart: false, sudo: true}}
targets:
  h:
    c: {profile: web, cpushare: 20, password: hush, minion: {master: [a, b]}}
    small: {profile: small, profile_type: lvm}
  i:
    plain: {}
`

// lines is the settings of a container as `show` would print them.
func lines(t *testing.T, tree *spec.Tree, host, container string) string {
	t.Helper()
	list, ok := tree.Settings(host, container)
	if !ok {
		t.Fatalf("%s/%s has no settings", host, container)
	}
	var b strings.Builder
	for _, s := range list {
		fmt.Fprintf(&b, "%s=%s [%s, %s, %s, %v]\n", s.Key, s.Value, s.Layer, s.Position, s.Class, s.Acted)
	}
	return b.String()
}

func TestSettingsSayWhereTheyComeFrom(t *testing.T) {
	t.Parallel()
	got := lines(t, parse(t, layered), "h", "c")
	want := `autostart=false [defaults of host h, a.yaml:7, live, true]
backing=overlayfs [profile web, a.yaml:5, recreate, true]
bridge=br0 [network lan, a.yaml:2, restart, true]
cpuset=1 [defaults of host h, a.yaml:7, live, true]
cpushare=20 [container, a.yaml:10, live, true]
domains=c [built in, built in, live, true]
drift=correct [built in, built in, live, true]
from_container=base [built in, built in, recreate, true]
gateway=10.1.0.1 [network lan, a.yaml:2, live, true]
memory=128M [profile web, a.yaml:5, live, true]
minion={master: [a, b]} [container, a.yaml:10, , false]
mode=salt [defaults, a.yaml:3, , false]
netmask=16 [network lan, a.yaml:2, live, true]
network=lan [defaults, a.yaml:3, restart, true]
password=*** [container, a.yaml:10, once, true]
profile=web [container, a.yaml:10, live, true]
running=true [built in, built in, live, true]
snapshot=true [built in, built in, recreate, true]
sudo=true [defaults of host h, a.yaml:7, , false]
users=root [defaults, a.yaml:3, once, true]
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSettingsOfASizeProfile(t *testing.T) {
	t.Parallel()
	got := lines(t, parse(t, layered), "h", "small")
	for _, want := range []string{
		"size=5G [profile small, a.yaml:11, recreate, true]",
		"profile=small [container, a.yaml:11, live, true]",
		"profile_type=lvm [container, a.yaml:11, recreate, true]",
		"backing=lvm [container, a.yaml:11, recreate, true]",
		"memory=64M [defaults, a.yaml:3, live, true]",
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("missing %s in\n%s", want, got)
		}
	}
}

func TestSettingsOfOtherHosts(t *testing.T) {
	t.Parallel()
	tree := parse(t, layered)
	got := lines(t, tree, "i", "plain")
	if strings.Contains(got, "host h") || !strings.Contains(got, "cpuset=0 [defaults,") {
		t.Errorf("defaults of one host reach another:\n%s", got)
	}
	for _, id := range [][2]string{{"h", "nobody"}, {"nowhere", "c"}, {"i", "c"}, {"", ""}} {
		if list, ok := tree.Settings(id[0], id[1]); ok || list != nil {
			t.Errorf("%v is not declared and has settings %v", id, list)
		}
	}
	if _, ok := (&spec.Tree{}).Settings("h", "c"); ok {
		t.Error("a tree that was not parsed has settings")
	}
}

func TestSettingsAreSortedAndKnown(t *testing.T) {
	t.Parallel()
	list, _ := parse(t, layered).Settings("h", "c")
	if !slices.IsSortedFunc(list, func(a, b spec.Setting) int {
		return strings.Compare(a.Key,
			b.Key)
	}) {
		t.Error("settings are not sorted by key")
	}
	known := map[string]bool{}
	for _, f := range spec.Fields() {
		known[f.Key] = true
	}
	for _, s := range list {
		if !known[s.Key] || s.Class != spec.ClassOf(s.Key) {
			t.Errorf("%+v does not come from the table of fields", s)
		}
	}
}

// Asking must not change what is asked, from however many goroutines.
func TestSettingsAreReadOnly(t *testing.T) {
	t.Parallel()
	tree := parse(t, layered)
	want := lines(t, tree, "h", "c")
	before := fmt.Sprintf("%+v", tree.Hosts["h"].Containers["c"].Settings)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				if list, ok := tree.Settings("h", "c"); !ok || len(list) != strings.Count(want, "\n") {
					t.Error("settings change from one question to the next")
				}
			}
		})
	}
	wg.Wait()
	if after := fmt.Sprintf("%+v", tree.Hosts["h"].Containers["c"].Settings); after != before {
		t.Errorf("the tree changed:\n%s\n%s", before, after)
	}
}

func TestLongValuesAreCutInSettings(t *testing.T) {
	t.Parallel()
	tree := parse(t, "targets: {h: {c: {minion: ["+strings.Repeat("xxxxxxxxxx, ", 15)+"x], "+
		"mounts: ["+strings.Repeat("x, ", 30)+"x], ports: [[[[[[deep]]]]]]}}}")
	list, _ := tree.Settings("h", "c")
	for _, s := range list {
		if len(s.Value) > 100 || strings.Contains(s.Value, "deep") {
			t.Errorf("%s=%s is too long for a line", s.Key, s.Value)
		}
	}
}

// Of two layers the closer one wins, for every pair of layers and for a setting of each kind.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	values := map[string][4]string{
		"memory":         {"64M", "65M", "66M", "67M"},
		"cpuset":         {"0", "1", "2", "3"},
		"cpushare":       {"10", "11", "12", "13"},
		"users":          {"a", "b", "d", "e"},
		"searchdomains":  {"a.net", "b.net", "c.net", "d.net"},
		"backing":        {"dir", "overlayfs", "dir", "overlayfs"},
		"autostart":      {"true", "false", "true", "false"},
		"protect":        {"false", "true", "false", "true"},
		"from_container": {"w", "x", "y", "z"},
		"gateway":        {"10.5.0.2", "10.5.0.3", "10.5.0.4", "10.5.0.5"},
		"lxc_conf":       {"lxc.a=1", "lxc.b=1", "lxc.c=1", "lxc.d=1"},
		"drift":          {"report", "ignore", "correct", "report"},
		"windows": {"mon 01:00-02:00", "tue 01:00-02:00", "daily 01:00-02:00",
			"mon-fri 22:00-04:00 Europe/Berlin"},
	}
	layers := [4]string{"defaults", "defaults of host h", "profile p", "container"}
	for key, vs := range values {
		for mask := 1; mask < 16; mask++ {
			var at [4]string
			top := 0
			for i := range 4 {
				if mask&(1<<i) == 0 {
					continue
				}
				top = i
				at[i] = key + ": " + vs[i]
				switch key {
				case "users", "searchdomains", "windows":
					at[i] = key + ": [" + vs[i] + "]"
				case "lxc_conf":
					at[i] = key + ": {" + strings.Replace(vs[i], "=", ": ", 1) + "}"
				}
			}
			own := "profile: p"
			if at[3] != "" {
				own += ", " + at[3]
			}
			text := fmt.Sprintf("defaults: {%s}\nhosts: {h: {defaults: {%s}}}\nprofiles: {p: {%s}}\n"+
				"targets: {h: {c: {%s}}}", at[0], at[1], at[2], own)
			list, _ := parse(t, text).Settings("h", "c")
			i := slices.IndexFunc(list, func(s spec.Setting) bool { return s.Key == key })
			if i < 0 || list[i].Value != vs[top] || list[i].Layer != layers[top] {
				t.Errorf("%s: want %s of %s in\n%s\ngot %+v", key, vs[top], layers[top], text, list)
			}
		}
	}
}
