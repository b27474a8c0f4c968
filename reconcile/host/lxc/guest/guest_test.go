//go:build linux

package guest_test

import (
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reconciler/reconcile/host/lxc/guest"
)

const (
	debianInterfaces = "auto lo\niface lo inet loopback\nauto eth0\niface eth0 inet dhcp\n"

	hash      = "$6$salt$Lk0wqTq1aPHzTs0Yx1"
	machineID = "0123456789abcdef0123456789abcdef"
)

// files describes a guest: a text is a file, "-> target" a symbolic link, "dir", "fifo" and "huge"
// are what they say.
type files map[string]string

// busybox is a guest as the busybox template makes it.
func busybox() files {
	return files{
		"etc/passwd":      "root:x:0:0:root:/root:/bin/sh\n",
		"etc/shadow":      "",
		"etc/init.d/rcS":  "#!/bin/sh\n/bin/syslogd\n/bin/mount -a\n/bin/udhcpc\n",
		"etc/inittab":     "::sysinit:/etc/init.d/rcS\nconsole::askfirst:/bin/sh\n",
		"etc/resolv.conf": "",
	}
}

// debian is a guest with every program whose files we know.
func debian() files {
	return files{
		"etc/passwd":                       "root:x:0:0::/root:/bin/bash\nadmin:x:1:1::/:/bin/sh\n",
		"etc/shadow":                       "root:*:20778:0:99999:7:::\nadmin:!:20000:1:90:7:30::\n",
		"etc/hostname":                     "deb\n",
		"etc/hosts":                        "127.0.0.1 localhost\n127.0.1.1 deb\n\n::1 ip6-localhost\n",
		"etc/resolv.conf":                  "-> ../run/systemd/resolve/stub-resolv.conf",
		"etc/network/interfaces":           debianInterfaces,
		"etc/network/interfaces.d/old/eth": "iface eth0 inet dhcp\n",
		"etc/network/interfaces.d/setup":   "allow-hotplug eth0 eth1\niface eth1 inet dhcp\n",
		"etc/systemd/network":              "dir",
		"etc/NetworkManager/x.conf":        "[main]\n",
		"etc/dhcpcd.conf":                  "duid\ninterface eth1\nstatic ip_address=192.0.2.9/24\n",
		"etc/cloud/cloud.cfg":              "x: 1\n",
		"etc/machine-id":                   strings.Repeat("a", 32) + "\n",
		"var/lib/dbus/machine-id":          "-> /etc/machine-id",
		"usr/lib/os-release":               "ID=debian\n",
	}
}

// build makes the guest below dir.
func build(t testing.TB, dir string, fs files) {
	t.Helper()
	for name, content := range fs {
		path := filepath.Join(dir, name)
		check(t, os.MkdirAll(filepath.Dir(path), 0o755))
		switch target, isLink := strings.CutPrefix(content, "-> "); {
		case isLink:
			check(t, os.Symlink(target, path))
		case content == "dir":
			check(t, os.MkdirAll(path, 0o755))
		case content == "fifo":
			check(t, syscall.Mkfifo(path, 0o644))
		case content == "huge":
			check(t, os.WriteFile(path, nil, 0o644))
			check(t, os.Truncate(path, 1<<40))
		default:
			check(t, os.WriteFile(path, []byte(content), 0o644))
		}
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open makes a guest in a directory of its own and opens it.
func open(t testing.TB, fs files) (*guest.Root, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rootfs")
	check(t, os.Mkdir(dir, 0o755))
	build(t, dir, fs)
	return openDir(t, dir), dir
}

func openDir(t testing.TB, dir string) *guest.Root {
	t.Helper()
	r, err := guest.OpenDir(dir)
	check(t, err)
	t.Cleanup(func() { check(t, r.Close()) })
	return r
}

// snapshot describes everything below dir, so that two snapshots are equal only when no byte, mode,
// inode or time of modification has changed.
func snapshot(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	check(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		stat := info.Sys().(*syscall.Stat_t)
		text := fmt.Sprint(info.Mode(), stat.Ino, info.ModTime().UnixNano(), " ")
		switch {
		case info.Mode().IsRegular() && info.Size() < 1<<21:
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += string(data)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			text += target
		}
		all[strings.TrimPrefix(path, dir)] = text
		return nil
	}))
	return all
}

// same fails when anything below dir differs from the snapshot.
func same(t testing.TB, dir string, before map[string]string, lost string) {
	t.Helper()
	if d := cmp.Diff(before, snapshot(t, dir)); d != "" {
		t.Errorf("%s (-before +after):\n%s", lost, d)
	}
}

// content fails unless the file has exactly this content.
func content(t testing.TB, dir, name, want string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(dir, name))
	check(t, err)
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, d)
	}
}

// operation is one of the things that package guest does.
type operation struct {
	name string
	run  func(*guest.Root) (bool, error)
}

// operations are all that may be repeated without a change.
func operations() []operation {
	address := netip.MustParseAddr("10.5.0.9")
	return []operation{
		{"SetPassword", func(r *guest.Root) (bool, error) {
			return r.SetPassword([]string{"root"}, hash, 20800)
		}},
		{"SetHostname", func(r *guest.Root) (bool, error) { return r.SetHostname("web.foo.com") }},
		{"SetHosts", func(r *guest.Root) (bool, error) {
			return r.SetHosts(guest.Hosts{Address: address, Names: []string{"web.foo.com", "web"}})
		}},
		{"SetResolver", func(r *guest.Root) (bool, error) {
			return r.SetResolver([]netip.Addr{address}, []string{"foo.com"})
		}},
		{"OwnInterface", func(r *guest.Root) (bool, error) { return r.OwnInterface("eth0") }},
	}
}

// scrub is the one that makes new keys each time.
func scrub(r *guest.Root) (bool, error) {
	return r.ScrubIdentity(guest.Identity{MachineID: machineID, Hostname: "web.foo.com"})
}

// needRoot skips a test that mounts, or changes owners.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}
