package lxc

import (
	"flag"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

var update = flag.Bool("update", false, "write the golden files")

func testMark() plan.Mark {
	return plan.Mark{Installation: "i 1", Host: "here", Name: "web.foo.com", UID: "u-1"}
}

// declared is a container that uses every key.
func declared() *plan.Desired {
	return &plan.Desired{UID: "u-1", Container: spec.Container{
		Host: "here", Name: "web.foo.com", Settings: spec.Settings{
			Bridge: "br5", MAC: "00:16:3e:00:00:05", IP: netip.MustParseAddr("10.5.0.7"),
			PrefixLen: 16, Gateway: netip.MustParseAddr("10.5.0.1"), Autostart: true,
			Memory: 512 << 20, CPUSet: "0-1", CPUShare: 1000,
			LXCConf: []spec.ConfItem{
				{Key: "lxc.tty.max", Value: "2"},
				{Key: "lxc.mount.entry", Value: "/data data none bind 0 0"},
			},
			LXCConfUnset: []string{"lxc.cap."},
		},
	}}
}

func edited(t testing.TB, text string, want *plan.Desired, d dialect) configFile {
	t.Helper()
	w, err := wantedOf(want, testMark(), d)
	if err != nil {
		t.Fatal(err)
	}
	return parseConfig([]byte(text)).edit(w)
}

// The whole file is compared, since people read and edit it.
func TestEditedFile(t *testing.T) {
	text, err := os.ReadFile("testdata/busybox.config")
	if err != nil {
		t.Fatal(err)
	}
	for name, d := range map[string]dialect{"v1": {}, "v2": {v2: true}} {
		t.Run(name, func(t *testing.T) {
			golden := "testdata/busybox." + name + ".golden"
			got := string(edited(t, string(text), declared(), d).bytes())
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("the file differs (-golden +got):\n%s", diff)
			}
		})
	}
}

// What is written must be what is observed; else every pass finds a difference.
func TestObservedIsWhatWasWritten(t *testing.T) {
	text, err := os.ReadFile("testdata/busybox.config")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []dialect{{}, {v2: true}} {
		got := edited(t, string(text), declared(), d).config(d)
		want := plan.Config{
			Hostname: "web.foo.com", Bridge: "br5", MAC: "00:16:3e:00:00:05",
			Address: netip.MustParsePrefix("10.5.0.7/16"), Gateway: netip.MustParseAddr("10.5.0.1"),
			Autostart: true, Memory: 512 << 20, CPUSet: "0-1", CPUShare: 1000,
			Raw: map[string][]string{
				"lxc.net.0.type": {"veth"}, "lxc.net.0.flags": {"up"}, "lxc.net.1.type": {"empty"},
				"lxc.tty.max":     {"2"},
				"lxc.mount.entry": {"/lib lib none ro,bind 0 0", "/data data none bind 0 0"},
			},
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(samePrefix), cmp.Comparer(sameAddr)); diff != "" {
			t.Errorf("v2 %v: a second pass would see drift (-want +got):\n%s", d.v2, diff)
		}
	}
}

func samePrefix(a, b netip.Prefix) bool { return a == b }
func sameAddr(a, b netip.Addr) bool     { return a == b }

func TestWithdrawnSettingsLeaveTheFile(t *testing.T) {
	before := edited(t, "lxc.rootfs.path = dir:/x\nlxc.tty.max = 5\n", declared(), dialect{})
	bare := declared()
	bare.Memory, bare.CPUSet, bare.CPUShare, bare.LXCConf = 0, "", 0, nil
	bare.Gateway = netip.Addr{}
	got := string(edited(t, string(before.bytes()), bare, dialect{}).bytes())
	for _, gone := range []string{"cgroup", "lxc.mount.entry", "lxc_conf", "gateway"} {
		if strings.Contains(got, gone) {
			t.Errorf("%q is no longer declared and still there:\n%s", gone, got)
		}
	}
}

func TestRootfsPathIsNeverDropped(t *testing.T) {
	want := declared()
	want.LXCConfUnset = []string{"lxc.rootfs", "lxc.", "lxc.rootfs.path", ""}
	text := "lxc.tty.max = 1\n" + blockBegin + "\nlxc.rootfs.path = dir:/x\n" + blockEnd + "\n"
	got := edited(t, text, want, dialect{})
	if got.last(keyRootfs) != "dir:/x" {
		t.Errorf("the container would start on the root of the host:\n%s", got.bytes())
	}
	want.LXCConf = []spec.ConfItem{{Key: "lxc.rootfs.path", Value: "/"}}
	if _, err := wantedOf(want, testMark(), dialect{}); err == nil {
		t.Error("lxc_conf may replace the root file system")
	}
}

func TestConfItemCannotSmuggleLines(t *testing.T) {
	for _, item := range []spec.ConfItem{
		{Key: "lxc.tty.max", Value: "1\nlxc.rootfs.path = /"},
		{Key: "lxc.tty.max\nlxc.x", Value: "1"},
		{Key: "tty", Value: "1"},
	} {
		want := declared()
		want.LXCConf = []spec.ConfItem{item}
		if _, err := wantedOf(want, testMark(), dialect{}); err == nil {
			t.Errorf("%+v became lines of the file", item)
		}
	}
}

func TestBlockWithoutEndIsNotOurs(t *testing.T) {
	text := blockBegin + "\nlxc.tty.max = 1\nlxc.rootfs.path = dir:/x\nlxc.pty.max = 9\n"
	want := declared()
	want.LXCConf, want.LXCConfUnset = nil, nil
	got := edited(t, text, want, dialect{})
	for _, key := range []string{"lxc.tty.max", "lxc.rootfs.path", "lxc.pty.max"} {
		if got.last(key) == "" {
			t.Errorf("%s was lost with a torn block", key)
		}
	}
}

func TestCloneInheritsLinesButNoMark(t *testing.T) {
	source := edited(t, "lxc.rootfs.path = dir:/srv/u/web/rootfs\n", declared(), dialect{})
	got := source.inherit().replacePath("/srv/u", "/srv")
	if got.mark() != nil {
		t.Error("the clone carries the mark of its source")
	}
	if got.last("lxc.tty.max") != "2" || got.last(keyRootfs) != "dir:/srv/web/rootfs" {
		t.Errorf("the clone lost lines or points elsewhere:\n%s", got.bytes())
	}
}

func TestLinesAreReadAsLiblxcDoes(t *testing.T) {
	for text, want := range map[string][2]string{
		"lxc.uts.name = \"a b\"": {"lxc.uts.name", "a b"},
		" \tlxc.x=1  ":           {"lxc.x", "1"},
		"lxc.x = 'y'":            {"lxc.x", "y"},
		"lxc.x =":                {"lxc.x", ""},
		"lxc.x = a = b":          {"lxc.x", "a = b"},
		"#lxc.x = 1":             {"", ""},
		"lxc.x":                  {"", ""},
		"other = 1":              {"", ""},
	} {
		if key, value := parseLine(text); key != want[0] || value != want[1] {
			t.Errorf("%q is read as %q, %q; want %q", text, key, value, want)
		}
	}
}

func TestEmptyValueClearsAList(t *testing.T) {
	c := parseConfig([]byte("lxc.group = a\nlxc.group =\nlxc.group = b\n"))
	if got := c.values("lxc.group"); !slices.Equal(got, []string{"b"}) {
		t.Errorf("got %q, liblxc has only b", got)
	}
}

// anyFile draws configuration files, with fragments of ours in any order.
func anyFile(t *rapid.T) string {
	line := rapid.OneOf(
		rapid.SampledFrom([]string{
			"", "# remark", "junk", blockBegin, blockEnd, formatMark(testMark()), commentPrefix,
			"lxc.rootfs.path = dir:/srv/web/rootfs", "lxc.net.0.type = veth", "lxc.net.0.hwaddr = A",
			"lxc.net.0.ipv4.address = 10.0.0.1/8", "lxc.net.1.link = x", "lxc.tty.max = 5",
			"lxc.mount.entry = a", "lxc.mount.entry = /data data none bind 0 0", "lxc.cap.drop = x",
			"lxc.cgroup.memory.limit_in_bytes = 1", "lxc.cgroup2.cpu.weight = 3", "lxc.uts.name='q'",
		}),
		rapid.StringMatching(`[ -~]{0,20}`),
	)
	return strings.Join(rapid.SliceOfN(line, 0, 25).Draw(t, "lines"), "\n")
}

func TestEditingTwiceIsEditingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := dialect{v2: rapid.Bool().Draw(t, "v2")}
		w, err := wantedOf(declared(), testMark(), d)
		if err != nil {
			t.Fatal(err)
		}
		once := parseConfig([]byte(anyFile(t))).edit(w).bytes()
		twice := parseConfig(once).edit(w).bytes()
		if diff := cmp.Diff(string(once), string(twice)); diff != "" {
			t.Fatalf("the second run writes again:\n%s", diff)
		}
	})
}

func TestForeignLinesSurviveInOrder(t *testing.T) {
	w, err := wantedOf(declared(), testMark(), dialect{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		before := parseConfig([]byte(anyFile(t)))
		var foreign []string
		for _, e := range before.entries {
			owned := w.drops(e)
			for _, f := range w.fields {
				owned = owned || f.key == e.key
			}
			if !owned {
				foreign = append(foreign, e.text)
			}
		}
		after := parseConfig(before.edit(w).bytes())
		next := 0
		for _, e := range after.entries {
			if next < len(foreign) && e.text == foreign[next] {
				next++
			}
		}
		if next < len(foreign) {
			t.Fatalf("the line %q was lost or moved", foreign[next])
		}
	})
}

func TestOwnedKeysAppearOnce(t *testing.T) {
	w, err := wantedOf(declared(), testMark(), dialect{})
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		after := parseConfig(parseConfig([]byte(anyFile(t))).edit(w).bytes())
		for _, f := range w.fields {
			count := 0
			for _, e := range after.entries {
				if e.key == f.key {
					count++
				}
			}
			if wanted := min(len(f.value), 1); count != wanted {
				t.Fatalf("%s is there %d times, want %d", f.key, count, wanted)
			}
		}
		if m := after.mark(); m == nil || *m != testMark() {
			t.Fatalf("the mark is %v", m)
		}
	})
}

func TestUneditedFileKeepsItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := anyFile(t) + "\n"
		if got := string(parseConfig([]byte(text)).bytes()); got != text {
			t.Fatalf("%q became %q by reading it", text, got)
		}
	})
}
