//go:build linux && cgo

package lxc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// Who edits a configuration file must not get us to write into, start or copy what is not the
// container's own.
func TestRootOfSomebodyElseIsNotTouched(t *testing.T) {
	t.Parallel()
	for name, tamper := range map[string]func(t *testing.T, l *lab, dir string){
		"rootfs of another": func(t *testing.T, l *lab, dir string) {
			setRootfs(t, dir, "dir:"+l.path+"/other/rootfs")
		},
		"rootfs of the host": func(t *testing.T, _ *lab, dir string) { setRootfs(t, dir, "dir:/") },
		"backing of no ours": func(t *testing.T, l *lab, dir string) {
			setRootfs(t, dir, "btrfs:"+l.path+"/other/rootfs")
		},
		"rootfs is a link": func(t *testing.T, l *lab, dir string) {
			must(t, os.Symlink(l.path+"/other/rootfs", filepath.Join(dir, "link")))
			setRootfs(t, dir, "dir:"+dir+"/link")
		},
		"upper of another": func(t *testing.T, l *lab, dir string) {
			setRootfs(t, dir, "overlay:"+l.path+"/base/rootfs:"+l.path+"/other/rootfs")
		},
		"work of another": func(t *testing.T, l *lab, dir string) {
			must(t, os.RemoveAll(filepath.Join(dir, "overlay/work")))
			must(t, os.Symlink(l.path+"/other/rootfs", filepath.Join(dir, "overlay/work")))
		},
		"lower of the host": func(t *testing.T, _ *lab, dir string) {
			setRootfs(t, dir, "overlay:/etc:"+dir+"/overlay/delta")
		},
		"lower of a container and the host": func(t *testing.T, l *lab, dir string) {
			setRootfs(t, dir, "overlay:"+l.path+"/base/rootfs:/etc:"+dir+"/overlay/delta")
		},
		"lower is a part of a container": func(t *testing.T, l *lab, dir string) {
			setRootfs(t, dir, "overlay:"+l.path+"/base/rootfs/etc:"+dir+"/overlay/delta")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leftAlone(t, tamper)
		})
	}
}

// leftAlone checks that nothing is done with a container that somebody has tampered with, nor to
// the other one that it points to.
func leftAlone(t *testing.T, tamper func(t *testing.T, l *lab, dir string)) {
	t.Helper()
	l := newLab(t)
	l.copyByHand(filepath.Join(l.path, "base"), "other")
	shadow := filepath.Join(l.path, "other/rootfs/etc/shadow")
	must(t, os.WriteFile(shadow, []byte("root:ORIGINAL:1::::::\n"), 0o600))
	want := l.want("tampered", 30)
	l.do(want, plan.Clone, plan.Configure)
	tamper(t, l, filepath.Join(l.path, "tampered"))
	before := snapshotOf(t, filepath.Join(l.path, "other"))
	if o := l.observe("tampered"); o.Damage == "" {
		t.Error("the plan does not know that it must be left alone")
	}
	want.Memory = 64 << 20
	for _, action := range []plan.Action{plan.Configure, plan.Password, plan.DNS, plan.Start} {
		if err := l.refuse(want, action); !errors.Is(err, execute.ErrPermanent) {
			t.Errorf("%s would be tried again: %v", action, err)
		}
	}
	copied := l.want("copy", 31)
	copied.FromContainer, copied.Backing = "tampered", "dir"
	if err := l.refuse(copied, plan.Clone); !errors.Is(err, execute.ErrPermanent) {
		t.Errorf("a clone of it would be tried again: %v", err)
	}
	if after := snapshotOf(t, filepath.Join(l.path, "other")); after != before {
		t.Error("another container was changed")
	}
	if got := readFile(t, shadow); !strings.Contains(got, "ORIGINAL") {
		t.Errorf("another container has our password now: %q", got)
	}
	if o := l.observe("tampered"); o.State != plan.Stopped {
		t.Errorf("it is %s, with the root of somebody else", o.State)
	}
}

func TestIncludedFileDoesNotChangeTheRoot(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.copyByHand(filepath.Join(l.path, "base"), "other")
	want := l.want("tampered", 32)
	l.do(want, plan.Clone, plan.Configure)
	included := filepath.Join(l.path, "included")
	text := "lxc.rootfs.path = dir:" + l.path + "/other/rootfs\n"
	must(t, os.WriteFile(included, []byte(text), 0o644))
	path := filepath.Join(l.path, "tampered/config")
	config := l.config("tampered") + "lxc.include = " + included + "\n"
	must(t, os.WriteFile(path, []byte(config), 0o640))
	copied := l.want("copy", 35)
	copied.FromContainer, copied.Backing = "tampered", "dir"
	for _, err := range []error{l.refuse(want, plan.Start), l.refuse(copied, plan.Clone)} {
		if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), "included") {
			t.Errorf("it is not told what is wrong for good: %v", err)
		}
	}
}

// What runs may have been started by hand with the root that its file names.
func TestRunningContainerWithTheRootOfAnother(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("tampered", 33)
	l.do(want, all()...)
	setRootfs(t, filepath.Join(l.path, "tampered"), "dir:"+l.path+"/base/rootfs")
	for _, action := range []plan.Action{plan.Configure, plan.Password, plan.DNS} {
		if err := l.refuse(want, action); !errors.Is(err, execute.ErrPermanent) {
			t.Errorf("%s would be tried again: %v", action, err)
		}
	}
}

// A disk is often mounted elsewhere and linked to.
func TestLinkedLxcpathHasWholeContainers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.do(l.want("snap", 34), plan.Clone)
	link := l.path + ".link"
	must(t, os.Symlink(l.path, link))
	t.Cleanup(func() { os.Remove(link) })
	h, err := New(Options{Host: "here", LXCPath: link, Installation: "inst-1"})
	must(t, err)
	actual, err := h.Observe(t.Context())
	must(t, err)
	if len(actual.Containers) != 2 {
		t.Fatalf("it has %d containers", len(actual.Containers))
	}
	for _, o := range actual.Containers {
		if o.Damage != "" {
			t.Errorf("%s would not be started: %s", o.Name, o.Damage)
		}
	}
}
