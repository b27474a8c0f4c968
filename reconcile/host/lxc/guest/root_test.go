//go:build linux

package guest_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/host/lxc/guest"
)

func TestHostIsNeverTakenForAGuest(t *testing.T) {
	t.Parallel()
	link := filepath.Join(t.TempDir(), "rootfs")
	check(t, os.Symlink("/", link))
	for name, open := range map[string]func() (*guest.Root, error){
		"root directory":     func() (*guest.Root, error) { return guest.OpenDir("/") },
		"link to it":         func() (*guest.Root, error) { return guest.OpenDir(link) },
		"process of ours":    func() (*guest.Root, error) { return guest.OpenProcess(os.Getpid()) },
		"process of nobody":  func() (*guest.Root, error) { return guest.OpenProcess(1 << 30) },
		"missing directory":  func() (*guest.Root, error) { return guest.OpenDir(link + "/none") },
		"no path at all":     func() (*guest.Root, error) { return guest.OpenDir("") },
		"a file":             func() (*guest.Root, error) { return guest.OpenDir("/etc/passwd") },
		"overlay of nothing": func() (*guest.Root, error) { return guest.OpenOverlay("", "", "") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := open()
			if err == nil {
				check(t, r.Close())
				t.Fatal("opened: a password would be set on the host itself")
			}
		})
	}
}

// A process of the host that is only chrooted is no container: its files are the host's.
func TestChrootedHostProcessIsRefused(t *testing.T) {
	needRoot(t)
	t.Parallel()
	pid := sleeper(t, &syscall.SysProcAttr{})
	if r, err := guest.OpenProcess(pid); !errors.Is(err, guest.ErrUnsuitable) {
		t.Errorf("OpenProcess = %v, %v; want ErrUnsuitable", r, err)
	}
}

func TestRunningGuestIsReachedThroughItsProcess(t *testing.T) {
	needRoot(t)
	t.Parallel()
	pid := sleeper(t, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS})
	r, err := guest.OpenProcess(pid)
	check(t, err)
	defer r.Close()
	if changed, err := r.SetHostname("web"); err != nil || !changed {
		t.Fatalf("SetHostname = %v, %v", changed, err)
	}
	content(t, "/proc/"+itoa(pid)+"/root", "etc/hostname", "web\n")
}

// sleeper starts a process with a root directory of its own, which ends when the test does.
func sleeper(t *testing.T, attr *syscall.SysProcAttr) (pid int) {
	t.Helper()
	cat, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("needs a static busybox")
	}
	dir := t.TempDir()
	binary, err := os.ReadFile(cat)
	check(t, err)
	check(t, os.WriteFile(filepath.Join(dir, "busybox"), binary, 0o755))
	check(t, os.Mkdir(filepath.Join(dir, "etc"), 0o755))
	attr.Chroot = dir
	cmd := exec.Command("/busybox", "cat")
	cmd.Dir, cmd.SysProcAttr = "/", attr
	in, err := cmd.StdinPipe()
	check(t, err)
	check(t, cmd.Start())
	t.Cleanup(func() {
		in.Close()
		check(t, cmd.Wait())
	})
	return cmd.Process.Pid
}

// What is replaced keeps what the guest gave it: mode, owner, attributes.
func TestReplacedFileKeepsItsMetadata(t *testing.T) {
	needRoot(t)
	t.Parallel()
	r, dir := open(t, debian())
	shadow := filepath.Join(dir, "etc/shadow")
	check(t, os.Chmod(shadow, 0o640))
	check(t, os.Chown(shadow, 0, 42))
	labelled := unix.Setxattr(shadow, "user.label", []byte("secret"), 0) == nil
	_, err := r.SetPassword([]string{"root"}, hash, 20800)
	check(t, err)
	info, err := os.Stat(shadow)
	check(t, err)
	if info.Mode() != 0o640 || info.Sys().(*syscall.Stat_t).Gid != 42 {
		t.Errorf("mode %v, group %d: programs of the guest can no longer read the file",
			info.Mode(), info.Sys().(*syscall.Stat_t).Gid)
	}
	value := make([]byte, 64)
	n, err := unix.Getxattr(shadow, "user.label", value)
	if labelled && string(value[:max(n, 0)]) != "secret" {
		t.Errorf("attribute is %q, %v", value[:max(n, 0)], err)
	}
}

// In an unprivileged container root is another user of the host.
func TestNewFilesBelongToTheGuestsRoot(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir := t.TempDir()
	build(t, dir, files{"etc/systemd/network": "dir"})
	check(t, os.Chown(dir, 100000, 100000))
	r := openDir(t, dir)
	for _, op := range operations()[1:] {
		_, err := op.run(r)
		check(t, err)
	}
	for _, name := range []string{"etc/hostname", "etc/systemd/network/00-reconciler-eth0.network"} {
		info, err := os.Stat(filepath.Join(dir, name))
		check(t, err)
		if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 100000 {
			t.Errorf("%s belongs to user %d of the host", name, uid)
		}
	}
}

// A killed process leaves its temporary file; the next one must not stumble over it or keep it.
func TestLeftoverOfAKilledProcessGoesAway(t *testing.T) {
	t.Parallel()
	fs := debian()
	fs["etc/.reconciler.hostname"] = "half"
	r, dir := open(t, fs)
	_, err := r.SetHostname("web")
	check(t, err)
	names, err := os.ReadDir(filepath.Join(dir, "etc"))
	check(t, err)
	for _, name := range names {
		if strings.HasPrefix(name.Name(), ".reconciler") {
			t.Errorf("%s stays in the guest", name.Name())
		}
	}
}

func TestSecondCallChangesNothing(t *testing.T) {
	t.Parallel()
	for name, fs := range map[string]files{"busybox": busybox(), "debian": debian(), "bare": {
		"etc/passwd": "root::0:0:root:/root:/bin/sh",
	}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dir := open(t, fs)
			for _, op := range operations() {
				_, err := op.run(r)
				check(t, err)
			}
			before := snapshot(t, dir)
			for _, op := range operations() {
				if changed, err := op.run(r); changed || err != nil {
					t.Errorf("%s: changed %v, error %v", op.name, changed, err)
				}
			}
			same(t, dir, before, "a run without changes writes to the guest")
		})
	}
}

func TestGuestWithoutEtcStaysEmpty(t *testing.T) {
	t.Parallel()
	r, dir := open(t, nil)
	for _, op := range append(operations()[1:], operation{"ScrubIdentity", scrub}) {
		if changed, err := op.run(r); changed || err != nil {
			t.Errorf("%s: changed %v, error %v", op.name, changed, err)
		}
	}
	if got := snapshot(t, dir); len(got) != 1 {
		t.Errorf("files appeared in an empty guest: %v", got)
	}
}
