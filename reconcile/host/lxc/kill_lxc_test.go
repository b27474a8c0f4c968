//go:build linux && cgo

package lxc

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// victim is the container that the killed process makes.
func victim() *plan.Desired {
	return &plan.Desired{UID: uidOf("victim"), Container: spec.Container{
		Host: "here", Name: "victim", Settings: spec.Settings{FromContainer: "base", Backing: "dir"},
	}}
}

// cloneAsChild is what the process that will be killed does.
func cloneAsChild(lxcpath string) int {
	h, err := New(Options{Host: "here", LXCPath: lxcpath, Installation: "inst-1"})
	if err == nil {
		_, err = h.Do(context.Background(), stepOf(plan.Clone, victim()), someHash())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func TestKilledInTheMiddleOfAClone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	// Enough to copy that rsync is caught at work.
	big := filepath.Join(l.path, "base/rootfs/big")
	must(t, os.Mkdir(big, 0o755))
	for i := range 300 {
		must(t, os.WriteFile(filepath.Join(big, fmt.Sprint(i)), make([]byte, 1<<20), 0o644))
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+l.path)
	must(t, cmd.Start())
	copied := filepath.Join(l.path, workDir, uidOf("victim"), "victim/rootfs/big")
	waitFor(t, "rsync copies", func() bool { return isDir(copied) })
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Fatal("the clone was done before it could be killed")
	}
	if isDir(filepath.Join(l.path, "victim")) {
		t.Error("half a container has its final name")
	}
	unlock, err := l.host.Lock(t.Context(), "test")
	must(t, err)
	if got := processesWith(t, l.path); len(got) > 0 {
		t.Errorf("processes of the killed run are alive: %q", got)
	}
	if got := l.leftovers(); len(got) > 0 {
		t.Errorf("left by the killed run: %q", got)
	}
	want := victim()
	l.do(want, plan.Clone, plan.Configure)
	must(t, unlock())
	if o := l.observe("victim"); o.Damage != "" || o.Mark == nil {
		t.Errorf("the second run made %+v", o)
	}
	if _, err := os.Stat(filepath.Join(l.path, "victim/rootfs/big/299")); err != nil {
		t.Errorf("the clone is not whole: %v", err)
	}
	mounted, err := mountsBelow(l.path)
	if err != nil || len(mounted) > 0 {
		t.Errorf("mounted: %q, %v", mounted, err)
	}
}

// A kill between any two of our own actions is played by leaving the state that it would leave.
func TestLeftoversOfASnapshotAreForgotten(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("lost", 70)
	step := stepOf(plan.Clone, want)
	st := l.host.staging(step)
	must(t, os.MkdirAll(st.lxcpath, 0o700))
	source, err := l.host.source("base")
	must(t, err)
	must(t, l.host.snapshot(source, st))
	must(t, l.host.registerDependant(t.Context(), step, st))
	list := filepath.Join(l.path, "base/lxc_snapshots")
	if got := readFile(t, list); !strings.Contains(got, "lost") {
		t.Fatalf("the list is %q", got)
	}
	unlock, err := l.host.Lock(t.Context(), "test")
	must(t, err)
	must(t, unlock())
	if _, err := os.Stat(list); err == nil {
		t.Errorf("the base can never be destroyed: %q", readFile(t, list))
	}
	if got := l.leftovers(); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
	l.do(want, all()...)
	l.checkDeclared(want)
}

func TestSecondWriterIsToldWhoHoldsTheLock(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	unlock, err := l.host.Lock(t.Context(), "run 17 of alice")
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := l.open().Lock(ctx, "bob"); err == nil ||
		!strings.Contains(err.Error(), "run 17 of alice") {
		t.Errorf("the error does not say who: %v", err)
	}
	must(t, unlock())
	unlock, err = l.open().Lock(t.Context(), "bob")
	must(t, err)
	must(t, unlock())
}

// waitFor waits until the condition holds, which is for another process to bring about.
func waitFor(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(30 * time.Second)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("it never came about: %s", what)
		case <-ticker.C:
		}
	}
}

// processesWith lists the command lines that name a path, our own children apart.
func processesWith(t testing.TB, path string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(t, err)
	var out []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(text), path) {
			out = append(out, strings.ReplaceAll(string(text), "\x00", " "))
		}
	}
	return out
}
