//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

func TestSourceMustBeWholeAndStopped(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	running := l.want("running", 30)
	l.do(running, plan.Clone, plan.Start)
	must(t, os.MkdirAll(filepath.Join(l.path, "half", "rootfs"), 0o755))
	must(t, os.WriteFile(filepath.Join(l.path, "half", "config"), []byte("lxc.tty.max = 1\n"), 0o640))
	l.copyByHand(filepath.Join(l.path, "base"), "partial")
	must(t, os.WriteFile(filepath.Join(l.path, "partial", "partial"), nil, 0o600))
	for _, source := range []string{"running", "half", "partial", "missing"} {
		for _, backing := range []string{"dir", "overlayfs"} {
			want := l.want("clone-of-"+source, 31)
			want.FromContainer, want.Backing = source, backing
			err := l.refuse(want, plan.Clone)
			if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), source) {
				t.Errorf("%s of %s: %v", backing, source, err)
			}
			if isDir(filepath.Join(l.path, want.Name)) {
				t.Errorf("%s of %s left something", backing, source)
			}
		}
	}
}

func TestParallelSnapshotsAreAllListed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("c%d", i))
	}
	inParallel(t, len(names), func(i int) error {
		want := l.want(names[i], 40+i)
		for _, action := range all() {
			if _, err := l.host.Do(t.Context(), stepOf(action, want), someHash()); err != nil {
				return err
			}
		}
		return nil
	})
	for i, name := range names {
		l.checkDeclared(l.want(name, 40+i))
	}
	list, err := readDependants(filepath.Join(l.path, "base", "lxc_snapshots"))
	must(t, err)
	var listed []string
	for _, d := range list {
		if d.lxcpath != l.path {
			t.Errorf("%+v: the base could not be destroyed by liblxc", d)
		}
		listed = append(listed, d.name)
	}
	slices.Sort(listed)
	slices.Sort(names)
	if !slices.Equal(listed, names) {
		t.Errorf("liblxc's list has %q", listed)
	}
}

// liblxc's own tools must see our snapshots as theirs.
func TestLiblxcKnowsTheSnapshots(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.do(l.want("snap", 60), plan.Clone)
	if err := l.lxcDestroy("base"); err == nil {
		t.Error("lxc-destroy removed the base of a snapshot")
	}
	if err := l.lxcDestroy("snap"); err != nil {
		t.Errorf("lxc-destroy fails: %v", err)
	}
	if err := l.lxcDestroy("base"); err != nil {
		t.Errorf("the base stays for ever: %v", err)
	}
}

func (l *lab) lxcDestroy(name string) error {
	out, err := exec.Command("lxc-destroy", "-P", l.path, "-n", name).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func TestSnapshotOfASnapshot(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	first := l.want("first", 61)
	l.do(first, plan.Clone, plan.Password)
	second := l.want("second", 62)
	second.FromContainer = "first"
	l.do(second, all()...)
	l.checkDeclared(second)
	if got := readFile(t, l.rootPath("second", "etc/shadow")); !strings.Contains(got, "root:") {
		t.Errorf("what the first had written is missing: %q", got)
	}
	full := l.want("full", 63)
	full.FromContainer, full.Backing = "first", "dir"
	l.do(full, all()...)
	l.checkDeclared(full)
}

func TestCreateFromTemplateScript(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("made", 64)
	want.FromContainer, want.Image, want.Template, want.Backing = "", "busybox", true, "dir"
	if got := l.do(want, plan.Create); got != "Container created" {
		t.Errorf("it says %q", got)
	}
	l.do(want, plan.Create)
	o := l.observe("made")
	if o.Damage != "" || o.Mark == nil || o.Backing != "dir" || len(l.leftovers()) > 0 {
		t.Errorf("%+v, left: %q", o, l.leftovers())
	}
	child := l.want("child", 65)
	child.FromContainer = "made"
	l.do(child, all()...)
	l.checkDeclared(child)
}

func TestCreateFailures(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("unmade", 66)
	want.Image = "no-such-script"
	err := l.refuse(want, plan.Create)
	if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), "no-such-script") {
		t.Errorf("a missing template script: %v", err)
	}
	script := filepath.Join(l.path, "fails")
	text := "#!/bin/sh\necho the disk is made of cheese >&2\nexit 3\n"
	must(t, os.WriteFile(script, []byte(text), 0o755))
	want.Image = script
	if err := l.refuse(want, plan.Create); !strings.Contains(err.Error(), "made of cheese") {
		t.Errorf("what the script said is lost: %v", err)
	}
	if got := l.leftovers(); len(got) > 0 || isDir(filepath.Join(l.path, "unmade")) {
		t.Errorf("a failed creation left %q", got)
	}
}

func TestTemplateOptionsAreSortedArguments(t *testing.T) {
	got := templateOptions(map[string]string{"release": "bookworm", "a": "amd64", "flush-cache": ""})
	want := []string{"-a", "amd64", "--flush-cache", "--release", "bookworm"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCancelKillsTheTemplateScript(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	script, sign := filepath.Join(l.path, "script"), filepath.Join(l.path, "sign")
	text := "#!/bin/sh\nmkfifo " + sign + "\nread x < " + sign + "\n"
	must(t, os.WriteFile(script, []byte(text), 0o755))
	want := l.want("slow", 67)
	want.Image = script
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := l.host.Do(ctx, stepOf(plan.Create, want), someHash())
		failed <- err
	}()
	waitFor(t, "the script runs", func() bool { _, err := os.Lstat(sign); return err == nil })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	if got := processesWith(t, script); len(got) > 0 {
		t.Errorf("the script still runs: %q", got)
	}
	if got := l.leftovers(); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
}

func TestNameInTheWayIsNotTouched(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	path := filepath.Join(l.path, "taken")
	must(t, os.Mkdir(path, 0o755))
	must(t, os.WriteFile(filepath.Join(path, "precious"), []byte("x"), 0o600))
	if err := l.refuse(l.want("taken", 68), plan.Clone); !errors.Is(err, execute.ErrPermanent) {
		t.Errorf("it would be tried again: %v", err)
	}
	if got := readFile(t, filepath.Join(path, "precious")); got != "x" {
		t.Error("the directory of somebody was changed")
	}
}
