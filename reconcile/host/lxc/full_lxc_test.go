//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// fill writes until the file system of a directory is full.
func fill(t testing.TB, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, ".ballast"))
	must(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, unix.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// Where the disk is full something must go, and that can be told to nobody but us.
func TestAFullDiskCanBeMadeEmptier(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	mount := exec.Command("mount", "-t", "tmpfs", "-o", "size=64m", "none", l.path)
	if out, err := mount.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", l.path).Run() })
	base, err := busyboxBase()
	must(t, err)
	l.copyByHand(base, "base")
	want := l.want("gone", 87)
	l.do(want, plan.Clone, plan.Configure)
	unlock, err := l.host.Lock(t.Context(), "before")
	must(t, err)
	must(t, unlock())
	fill(t, l.path)
	unlock, err = l.host.Lock(t.Context(), "first")
	if err != nil {
		t.Fatalf("nobody can work on a host whose disk is full: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = l.open().Lock(ended, "second")
	if !errors.Is(err, execute.ErrHostInUse) || strings.Contains(err.Error(), "before") {
		t.Errorf("a taken lock gives %v", err)
	}
	l.do(want, plan.Destroy)
	must(t, unlock())
}
