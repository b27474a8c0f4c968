package lxc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseRootfs(t *testing.T) {
	for value, want := range map[string]rootfs{
		"":                    {},
		"/srv/a/rootfs":       {backing: "dir", path: "/srv/a/rootfs"},
		"dir:/srv/a/rootfs":   {backing: "dir", path: "/srv/a/rootfs"},
		"overlay:/l:/u/delta": {backing: "overlayfs", lower: "/l", upper: "/u/delta"},
		"overlayfs:/l:/u":     {backing: "overlayfs", lower: "/l", upper: "/u"},
		"overlay:/l":          {backing: "overlayfs"},
		"/dev/vg/a":           {backing: "lvm", path: "/dev/vg/a"},
		"btrfs:/srv/a":        {backing: "btrfs", path: "/srv/a"},
		"/srv/a:b/rootfs":     {backing: "dir", path: "/srv/a:b/rootfs"},
	} {
		if got := parseRootfs(value); got != want {
			t.Errorf("%q is %+v, want %+v", value, got, want)
		}
	}
}

func TestSourceOfASnapshot(t *testing.T) {
	for lower, want := range map[string]string{
		"/srv/lxc/base/rootfs":         "base",
		"/srv/lxc/base/rootfs/etc":     "",
		"/srv/lxc/.reconciler/rootfs":  "",
		"/elsewhere/base/rootfs":       "",
		"/srv/lxc/rootfs":              "",
		"/srv/lxc/base/overlay/delta0": "",
	} {
		if got := (rootfs{lower: lower}).source("/srv/lxc"); got != want {
			t.Errorf("%q is a snapshot of %q, want %q", lower, got, want)
		}
	}
}

func TestDamageIsSeen(t *testing.T) {
	dir := t.TempDir()
	for value, want := range map[string]string{
		"":                                   "root of the host",
		"dir:" + dir:                         "",
		"dir:" + dir + "/gone":               "missing",
		"overlay:" + dir + ":" + dir:         "",
		"overlay:" + dir + "/gone:" + dir:    "snapshot",
		"overlay:" + dir + ":" + dir + "/no": "missing",
		"overlay:" + dir:                     "missing",
		"lvm:vg/a":                           "",
	} {
		got := parseRootfs(value).damage()
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%q: damage is %q, want %q", value, got, want)
		}
	}
}

func TestNothingOutsideIsBelow(t *testing.T) {
	dir := t.TempDir()
	own := filepath.Join(dir, "c")
	for _, d := range []string{"c/rootfs", "c2/rootfs", "outside"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../outside", filepath.Join(own, "link")); err != nil {
		t.Fatal(err)
	}
	if !below(own, filepath.Join(own, "rootfs")) {
		t.Error("its own rootfs counts as outside: nothing could be destroyed")
	}
	for _, path := range []string{
		own, own + "/../c2/rootfs", own + "2/rootfs", "/", dir, own + "/link", "rootfs", "",
		own + "/missing",
	} {
		if below(own, path) {
			t.Errorf("%q counts as inside %q: it would be removed", path, own)
		}
	}
}
