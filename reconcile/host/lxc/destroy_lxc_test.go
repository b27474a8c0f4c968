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

func TestDestroyedContainerLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, backing := range []string{"overlayfs", "dir"} {
		t.Run(backing, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			want := l.want("gone", 80)
			want.Backing = backing
			l.do(want, all()...)
			l.do(want, plan.Destroy)
			l.do(want, plan.Destroy)
			for _, path := range []string{"gone", "base/lxc_snapshots", workDir + "/" + want.UID} {
				if _, err := os.Lstat(filepath.Join(l.path, path)); err == nil {
					t.Errorf("%s is still there", path)
				}
			}
			if o := l.observe("base"); o.Damage != "" {
				t.Errorf("the base is damaged: %s", o.Damage)
			}
			l.do(want, all()...)
			l.checkDeclared(want)
		})
	}
}

func TestDestroyNeverLeavesItsDirectory(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	outside := filepath.Join(l.path, "outside-data")
	must(t, os.MkdirAll(filepath.Join(outside, "etc"), 0o755))
	for name, tamper := range map[string]func(dir string){
		"rootfs elsewhere":   func(dir string) { setRootfs(t, dir, "dir:"+outside) },
		"rootfs of the host": func(dir string) { setRootfs(t, dir, "/") },
		"rootfs of the base": func(dir string) { setRootfs(t, dir, "dir:"+l.path+"/base/rootfs") },
		"upper elsewhere": func(dir string) {
			setRootfs(t, dir, "overlay:"+l.path+"/base/rootfs:"+outside)
		},
		"no rootfs": func(dir string) { setRootfs(t, dir, "") },
		"link": func(dir string) {
			must(t, os.RemoveAll(filepath.Join(dir, "overlay")))
			must(t, os.MkdirAll(filepath.Join(outside, "delta"), 0o755))
			must(t, os.Symlink(outside, filepath.Join(dir, "overlay")))
		},
		"block device": func(dir string) { setRootfs(t, dir, "/dev/vg/x") },
	} {
		want := l.want("tampered", 81)
		l.do(want, plan.Clone)
		dir := filepath.Join(l.path, want.Name)
		tamper(dir)
		if err := l.refuse(want, plan.Destroy); !errors.Is(err, execute.ErrPermanent) {
			t.Errorf("%s: it would be tried again: %v", name, err)
		}
		for _, path := range []string{filepath.Join(outside, "etc"), dir, l.path + "/base/rootfs/etc"} {
			if !isDir(path) {
				t.Errorf("%s: %s was removed", name, path)
			}
		}
		must(t, os.RemoveAll(dir))
		must(t, os.RemoveAll(filepath.Join(outside, "delta")))
	}
}

// setRootfs changes the path of the root file system by hand; an empty one takes it out.
func setRootfs(t testing.TB, dir, value string) {
	t.Helper()
	path := filepath.Join(dir, "config")
	c := parseConfig([]byte(readFile(t, path)))
	c.set(field{keyRootfs, value})
	must(t, os.WriteFile(path, c.bytes(), 0o640))
}

func TestBaseOfSnapshotsIsNotDestroyed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	base := l.want("mybase", 82)
	base.Backing, base.Template = "dir", true
	l.do(base, plan.Clone)
	child := l.want("leaf", 83)
	child.FromContainer = "mybase"
	l.do(child, plan.Clone)
	must(t, os.Remove(filepath.Join(l.path, "mybase/lxc_snapshots")))
	err := l.refuse(base, plan.Destroy)
	if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), "leaf") {
		t.Errorf("the error does not name the snapshot: %v", err)
	}
	l.do(child, plan.Destroy)
	l.do(base, plan.Destroy)
}

func TestDestroyStopsAtAMount(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("mounted", 84)
	l.do(want, plan.Clone)
	precious, point := filepath.Join(l.path, "precious"), filepath.Join(l.path, "mounted/rootfs")
	must(t, os.MkdirAll(filepath.Join(precious, "data"), 0o755))
	if out, err := exec.Command("mount", "--bind", precious, point).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", point).Run() })
	l.refuse(want, plan.Destroy)
	if !isDir(filepath.Join(precious, "data")) {
		t.Error("data was removed through a mount")
	}
	must(t, exec.Command("umount", point).Run())
	l.do(want, plan.Destroy)
}

// A disk that is gone takes no container with it: told that it is destroyed, the caller would
// forget the container, which nobody manages any more when the disk comes back.
func TestDestroyDoesNotTakeALostDiskForSuccess(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("away", 86)
	l.do(want, plan.Clone)
	if out, err := exec.Command("mount", "-t", "tmpfs", "none", l.path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", l.path).Run() })
	l.refuse(want, plan.Destroy)
	must(t, exec.Command("umount", l.path).Run())
	l.do(want, plan.Destroy)
}

// What was made where the disk should be would hide what is on it, and say that the host is known.
func TestNothingIsMadeInPlaceOfALostDisk(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.do(l.want("there", 88), plan.Clone)
	l.observe("there")
	if out, err := exec.Command("mount", "-t", "tmpfs", "none", l.path).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", l.path).Run() })
	want := l.want("new", 89)
	want.FromContainer, want.Image, want.Backing = "", "busybox", "dir"
	l.refuse(want, plan.Create)
	must(t, exec.Command("umount", l.path).Run())
	l.do(want, plan.Create)
}

func TestLinkInPlaceOfAContainerIsNotFollowed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("real", 85)
	want.Backing = "dir"
	l.do(want, plan.Clone)
	must(t, os.Rename(filepath.Join(l.path, "real"), filepath.Join(l.path, "moved")))
	must(t, os.Symlink("moved", filepath.Join(l.path, "real")))
	l.refuse(want, plan.Destroy)
	if !isDir(filepath.Join(l.path, "moved/rootfs/etc")) {
		t.Error("a directory was removed through a link")
	}
}
