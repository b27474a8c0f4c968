//go:build linux && cgo

package lxc

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

func TestDataThatOthersUseIsNotDestroyed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("owner", 70)
	want.Backing = "dir"
	l.do(want, plan.Clone)
	dir, hand := filepath.Join(l.path, "owner"), filepath.Join(l.path, "hand")
	link := l.path + ".link"
	must(t, os.Symlink(dir, link))
	t.Cleanup(func() { os.Remove(link) })
	must(t, os.Mkdir(hand, 0o755))
	base := l.path + "/base/rootfs"
	spaced := filepath.Join(dir, "a b")
	must(t, os.Mkdir(spaced, 0o755))
	for name, line := range map[string]string{
		"rootfs":                "lxc.rootfs.path = dir:" + dir + "/rootfs",
		"rootfs through a link": "lxc.rootfs.path = dir:" + link + "/rootfs",
		"upper":                 "lxc.rootfs.path = overlay:" + base + ":" + dir + "/delta",
		"first lower":           "lxc.rootfs.path = overlay:" + dir + "/rootfs:" + base + ":" + hand,
		"second lower":          "lxc.rootfs.path = overlay:" + base + ":" + dir + "/rootfs:" + hand,
		"volume":                "lxc.mount.entry = " + dir + "/rootfs/srv srv none bind 0 0",
		"whole directory":       "lxc.mount.entry = " + dir + " srv none bind 0 0",
		"volume with a space":   "lxc.mount.entry = " + dir + `/a\040b srv none bind 0 0`,
		"volume through a link": "lxc.mount.entry = " + link + "/rootfs srv none bind 0 0",
	} {
		must(t, os.WriteFile(filepath.Join(hand, "config"), []byte(line+"\n"), 0o640))
		err := l.refuse(want, plan.Destroy)
		if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), "hand") {
			t.Errorf("%s: the error does not name who uses it: %v", name, err)
		}
		if !isDir(filepath.Join(dir, "rootfs")) {
			t.Fatalf("%s: it was destroyed", name)
		}
	}
	others := "lxc.rootfs.path = dir:" + hand + "/rootfs\n" +
		"lxc.mount.entry = " + l.path + " srv none bind 0 0\n" +
		"lxc.mount.entry = " + dir + "2/x srv none bind 0 0\nlxc.mount.entry = proc proc proc\n"
	must(t, os.WriteFile(filepath.Join(hand, "config"), []byte(others), 0o640))
	l.do(want, plan.Destroy)
}

// lxc-snapshot keeps snapshots of a container in its own directory.
func TestOwnSnapshotsGoWithTheContainer(t *testing.T) {
	t.Parallel()
	for _, backing := range []string{"dir", "overlayfs"} {
		t.Run(backing, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			want := l.want("snapped", 71)
			want.Backing = backing
			l.do(want, plan.Clone, plan.Configure)
			out, err := exec.Command("lxc-snapshot", "-P", l.path, "-n", "snapped").CombinedOutput()
			if err != nil {
				t.Fatalf("lxc-snapshot: %v\n%s", err, out)
			}
			if !isDir(filepath.Join(l.path, "snapped/snaps/snap0")) {
				t.Fatal("there is no snapshot to try this with")
			}
			// As liblxc lists the snapshots of other backings.
			list := formatDependants([]dependant{{filepath.Join(l.path, "snapped/snaps"), "snap0"}})
			must(t, os.WriteFile(filepath.Join(l.path, "snapped/lxc_snapshots"), list, 0o644))
			l.do(want, plan.Destroy)
			if got := l.leftovers(); len(got) > 0 || isDir(filepath.Join(l.path, "snapped")) {
				t.Errorf("left: %q", got)
			}
			if err := l.lxcDestroy("base"); err != nil {
				t.Errorf("the base stays for ever: %v", err)
			}
		})
	}
}
