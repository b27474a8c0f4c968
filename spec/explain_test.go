package spec_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"reconciler/spec"
	"reconciler/spec/decrypt/decrypttest"
)

// layersOf is what `explain` would print about one setting: the closest layer first.
func layersOf(t *testing.T, tree *spec.Tree, address, key string) string {
	t.Helper()
	host, container, _ := strings.Cut(address, "/")
	all, ok := tree.Explain(host, container)
	if !ok {
		t.Fatalf("%s is not explained", address)
	}
	var b strings.Builder
	for _, e := range all {
		for _, l := range e.Layers {
			if e.Key != key {
				continue
			}
			mark := ""
			if l.Wins {
				mark = "*"
			}
			fmt.Fprintf(&b, "%s%s=%s @%s; ", mark, l.Name, l.Value, l.Position)
		}
	}
	return strings.TrimSuffix(b.String(), "; ")
}

func TestExplain(t *testing.T) {
	t.Parallel()
	text := layered + `  j:
    all: {profile: all, memory: 3G, cpuset: "3", image: x, network: 10.9.0.0/24, gateway: 10.9.0.9}
    derived: {profile: small, profile_type: lvm}
    size: {profile: small, profile_type: lvm, size: 7G}
-- b.yaml --
profiles:
  all: {memory: 2G, password: hush, users: [a, b], backing: overlayfs, minion: {a: 1}}
hosts:
  j: {defaults: {memory: 1G, password: hush2, profile_type: dir, minion: {b: 2}, autostart: false}}
`
	tree := parse(t, text)
	tests := map[string]string{
		"h/c memory":   "*profile web=128M @a.yaml:5; defaults=64M @a.yaml:3",
		"h/c cpushare": "*container=20 @a.yaml:10; profile web=10 @a.yaml:5",
		"h/c cpuset":   "*defaults of host h=1 @a.yaml:7; defaults=0 @a.yaml:3",
		"h/c users":    "*defaults=root @a.yaml:3; built in=root @built in",
		"h/c running":  "*built in=true @built in",
		"h/c bridge":   "*network lan=br0 @a.yaml:2",
		"h/c gateway":  "*network lan=10.1.0.1 @a.yaml:2",
		"h/c network":  "*defaults=lan @a.yaml:3; built in=lxcbr1 @built in",
		"h/c password": "*container=*** @a.yaml:10",
		"h/c mode":     "*defaults=salt @a.yaml:3",
		"h/c size":     "",
		"j/all memory": "*container=3G @a.yaml:15; profile all=2G @b.yaml:2; " +
			"defaults of host j=1G @b.yaml:4; defaults=64M @a.yaml:3",
		"j/all password":  "*profile all=*** @b.yaml:2; defaults of host j=*** @b.yaml:4",
		"j/all minion":    "*profile all={a: 1} @b.yaml:2; defaults of host j={b: 2} @b.yaml:4",
		"j/all autostart": "*defaults of host j=false @b.yaml:4; built in=true @built in",
		// What another setting decides wins in its place, or makes a layer lose all.
		"j/all backing":     "*profile all=overlayfs @b.yaml:2; built in=dir @built in",
		"j/all image":       "*container=x @a.yaml:15",
		"j/all gateway":     "*container=10.9.0.9 @a.yaml:15",
		"j/derived size":    "*profile small=5G @a.yaml:16",
		"j/derived backing": "*container=lvm @a.yaml:16; built in=dir @built in",
		"j/size size":       "*container=7G @a.yaml:17",
	}
	for name, want := range tests {
		address, key, _ := strings.Cut(name, " ")
		if got := layersOf(t, tree, address, key); got != want {
			t.Errorf("%s\n got %s\nwant %s", name, got, want)
		}
	}
}

// A layer that another setting makes useless is shown, and does not win.
func TestExplainWhatHasNoEffect(t *testing.T) {
	t.Parallel()
	tree := parse(t, "defaults: {image: busybox}\ntargets: {h: {c: {from_container: gold}}}")
	if got := layersOf(t, tree, "h/c", "image"); got != "defaults=busybox @a.yaml:1" {
		t.Errorf("got %s", got)
	}
	all, _ := tree.Explain("h", "c")
	i := slices.IndexFunc(all, func(e spec.Explanation) bool { return e.Key == "image" })
	for _, l := range all[i].Layers {
		if l.Wins {
			t.Errorf("%+v wins", l)
		}
	}
	for _, id := range [][2]string{{"h", "nobody"}, {"nowhere", "c"}} {
		if _, ok := tree.Explain(id[0], id[1]); ok {
			t.Errorf("%v is explained", id)
		}
	}
}

// The lines of a value are known to its end: a change of its last line is a change of it.
func TestExplainLastLine(t *testing.T) {
	t.Parallel()
	tree := parse(t, `
targets:
  h:
    c:
      users:
        - a
        - b
      lxc_conf:
        lxc.a: 1
        lxc.b: 2
      memory: 64M
      mode: |
        one
        two
`)
	all, _ := tree.Explain("h", "c")
	want := map[string][2]int{"users": {5, 6}, "lxc_conf": {8, 9}, "memory": {10, 10},
		"mode": {11, 13}}
	for _, e := range all {
		l := e.Layers[0]
		if lines, asked := want[e.Key]; asked && (l.Position.Line != lines[0] || l.LastLine != lines[1]) {
			t.Errorf("%s is said to be from line %d to %d, want %v", e.Key, l.Position.Line, l.LastLine,
				lines)
		}
	}
}

// What explain says holds is what show says, for any tree; and no layer tells a secret.
func TestWinnerIsTheSetting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		pieces := drawPieces(rt)
		at := rapid.SliceOfN(rapid.IntRange(0, 3), len(pieces), len(pieces)).Draw(rt, "files")
		tree, err := spec.Parse(files(pieces, at), spec.Options{})
		if err != nil {
			rt.Skip("the tree is refused")
		}
		for _, h := range tree.Hosts {
			for name := range h.Containers {
				winnersAreSettings(rt, tree, h.Name, name)
			}
		}
	})
}

func winnersAreSettings(t *rapid.T, tree *spec.Tree, host, container string) {
	settings, _ := tree.Settings(host, container)
	explained, ok := tree.Explain(host, container)
	if !ok {
		t.Fatalf("%s/%s is not explained", host, container)
	}
	holds := map[string]spec.Setting{}
	for _, s := range settings {
		holds[s.Key] = s
	}
	for _, e := range explained {
		var winners []spec.Layer
		for _, l := range e.Layers {
			if strings.Contains(l.Value, "hush") {
				t.Fatalf("%s tells a secret: %+v", e.Key, l)
			}
			if l.Wins {
				winners = append(winners, l)
			}
		}
		s, shown := holds[e.Key]
		delete(holds, e.Key)
		if len(winners) > 1 || len(winners) == 1 != shown {
			t.Fatalf("%d layers of %s win, but it is shown: %v\n%+v", len(winners), e.Key, shown, e.Layers)
		}
		if !shown {
			continue
		}
		if l := winners[0]; l.Value != s.Value || l.Name != s.Layer || l.Position != s.Position ||
			e.Class != s.Class || e.Acted != s.Acted {
			t.Fatalf("%s: %+v wins, but shown is %+v", e.Key, l, s)
		}
	}
	if len(holds) > 0 {
		t.Fatalf("not explained: %+v", holds)
	}
}

func TestSettingKey(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"memory": "memory", "netmask_full": "netmask",
		"mode": "mode", "password": "password"} {
		if got, err := spec.SettingKey(name); got != want || err != nil {
			t.Errorf("%s is shown as %q (%v), want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]string{"memroy": `did you mean "memory"`,
		"frobnicate": "reconciler schema", "cidr": "no setting", "": "no setting",
		"ssh_gateway": "the way to a host"} {
		if got, err := spec.SettingKey(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is %q (%v), want an error with %q", name, got, err, want)
		}
	}
}

// With and without its key, an encrypted file is a layer as any other, and tells nothing.
func TestExplainOfSecrets(t *testing.T) {
	t.Parallel()
	const text = "defaults: {password: hush0}\nprofiles: {p: {}}\ntargets: {h: {c: {profile: p}}}\n" +
		"-- b.yaml.age --\nprofiles: {p:\n  {password: hush}}"
	for want, o := range map[string]spec.Options{
		"*profile p=*** @b.yaml.age:2; defaults=*** @a.yaml:1": withKey(decrypttest.Key),
		"*defaults=(sensitive) @a.yaml:1":                      {},
	} {
		tree, err := sealed(t, text, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := layersOf(t, tree, "h/c", "password"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
