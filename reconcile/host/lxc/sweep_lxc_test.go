//go:build linux && cgo

package lxc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// lockAndRelease takes the lock and gives it back. It returns what was logged.
func (l *lab) lockAndRelease() string {
	l.t.Helper()
	var log bytes.Buffer
	h, err := New(Options{
		Host: "here", LXCPath: l.path, Installation: "inst-1",
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	must(l.t, err)
	unlock, err := h.Lock(l.t.Context(), "test")
	if err != nil {
		l.t.Fatalf("the host cannot be worked on: %v", err)
	}
	must(l.t, unlock())
	return log.String()
}

// leftover makes what a killed run leaves of a container, and returns its directory.
func (l *lab) leftover(name string) string {
	l.t.Helper()
	work := filepath.Join(l.path, workDir)
	if err := os.Mkdir(work, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		l.t.Fatal(err)
	}
	dir := filepath.Join(work, uidOf(name), name)
	must(l.t, os.MkdirAll(filepath.Join(dir, "rootfs", "etc"), 0o755))
	must(l.t, os.WriteFile(filepath.Join(dir, "rootfs", "etc", "passwd"), []byte("x"), 0o600))
	return dir
}

func bindMount(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("mount", "--bind", from, to).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", to).Run() })
}

// One leftover that stays must cost its own container only.
func TestUndeletableLeftover(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(t *testing.T, l *lab, dir string) (named string){
		"mount": func(t *testing.T, l *lab, dir string) string {
			precious, point := filepath.Join(l.path, "precious"), filepath.Join(dir, "rootfs", "etc")
			must(t, os.MkdirAll(precious, 0o755))
			must(t, os.WriteFile(filepath.Join(precious, "file"), []byte("x"), 0o600))
			bindMount(t, precious, point)
			t.Cleanup(func() {
				if _, err := os.Stat(filepath.Join(precious, "file")); err != nil {
					t.Error("files outside were removed through a mount")
				}
			})
			return point
		},
		"list of sources": func(t *testing.T, _ *lab, dir string) string {
			path := filepath.Join(dir, "lxc_rdepends")
			must(t, os.WriteFile(path, []byte("2\n"), 0o644))
			return path
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			named := spoil(t, l, l.leftover("bad"))
			good := l.leftover("good")
			log := l.lockAndRelease()
			if !strings.Contains(log, named) || !strings.Contains(log, "cannot remove") {
				t.Errorf("nobody is told what stays and why:\n%s", log)
			}
			if isDir(filepath.Dir(good)) {
				t.Error("the leftovers of others stay as well")
			}
			if err := l.refuse(l.want("bad", 20), plan.Clone); !strings.Contains(err.Error(), named) {
				t.Errorf("the container in need of the place is not told why: %v", err)
			}
			l.do(l.want("good", 21), plan.Clone)
		})
	}
}

// A privileged guest may make its files immutable; its container must still go.
func TestImmutableFilesAreRemoved(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("frozen", 22)
	want.Backing = "dir"
	l.do(want, plan.Clone)
	root := filepath.Join(l.path, "frozen", "rootfs")
	for path, flag := range map[string]int{
		"etc/passwd": flagImmutable, "etc/group": flagAppend, "etc": flagImmutable, "": flagAppend,
	} {
		setFlag(t, filepath.Join(root, path), flag)
	}
	l.do(want, plan.Destroy)
	if got := l.leftovers(); len(got) > 0 {
		t.Errorf("the data of a destroyed container stays: %q", got)
	}
}

func setFlag(t *testing.T, path string, flag int) {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	err = unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, flag)
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip("this file system has no immutable files")
	}
	must(t, err)
}

func TestRemovalFollowsNoLink(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	outside := filepath.Join(l.path, "outside")
	must(t, os.MkdirAll(filepath.Join(outside, "data"), 0o755))
	dir := l.leftover("linked")
	must(t, os.Symlink(outside, filepath.Join(dir, "rootfs", "link")))
	must(t, os.Symlink(outside, filepath.Join(filepath.Dir(dir), "other")))
	l.lockAndRelease()
	if !isDir(filepath.Join(outside, "data")) {
		t.Error("data was removed through a link")
	}
	if got := l.leftovers(); len(got) > 0 {
		t.Errorf("left: %q", got)
	}
}

func TestWorkDirectoryThatIsNotOurs(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(t *testing.T, work, outside string){
		"link": func(t *testing.T, work, outside string) {
			must(t, os.Chmod(outside, 0o700))
			must(t, os.Symlink(outside, work))
		},
		"file": func(t *testing.T, work, _ string) { must(t, os.WriteFile(work, nil, 0o600)) },
		"open to a group": func(t *testing.T, work, outside string) {
			must(t, os.Rename(outside, work))
			must(t, os.Chmod(work, 0o770))
		},
		"of another user": func(t *testing.T, work, outside string) {
			must(t, os.Rename(outside, work))
			must(t, os.Chmod(work, 0o700))
			must(t, os.Chown(work, 1000, 0))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			work, outside := filepath.Join(l.path, workDir), filepath.Join(l.path, "outside")
			must(t, os.MkdirAll(filepath.Join(outside, uidOf("x"), "data"), 0o755))
			put(t, work, outside)
			_, err := l.host.Lock(t.Context(), "test")
			if err == nil || !strings.Contains(err.Error(), work) {
				t.Errorf("the error does not name what is in the way: %v", err)
			}
			l.refuse(l.want("new", 23), plan.Clone)
			kept := isDir(filepath.Join(outside, uidOf("x"), "data")) ||
				isDir(filepath.Join(work, uidOf("x"), "data"))
			if !kept {
				t.Error("the data of somebody else was removed")
			}
		})
	}
}

func TestSweepKeepsWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.leftover("gone")
	work, outside := filepath.Join(l.path, workDir), filepath.Join(l.path, "outside")
	must(t, os.Mkdir(outside, 0o755))
	must(t, os.Mkdir(filepath.Join(work, "backup"), 0o755))
	must(t, os.WriteFile(filepath.Join(work, "notes"), []byte("x"), 0o600))
	must(t, os.WriteFile(filepath.Join(work, uidOf("file")), []byte("x"), 0o600))
	must(t, os.Symlink(outside, filepath.Join(work, uidOf("link"))))
	must(t, os.WriteFile(filepath.Join(work, ".config123"), []byte("x"), 0o600))
	log := l.lockAndRelease()
	for _, name := range []string{"backup", "notes", uidOf("file"), uidOf("link")} {
		path := filepath.Join(work, name)
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s, which we have not made, was removed", name)
		}
		if !strings.Contains(log, path) {
			t.Errorf("nobody is told of %s:\n%s", name, log)
		}
	}
	if got := l.leftovers(); len(got) != 4 {
		t.Errorf("what a killed run had left is still there: %q", got)
	}
}

// The next plan takes the container for vanished; only the log can tell that its data went too.
func TestKilledInTheMiddleOfADestroy(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("gone", 24)
	l.do(want, plan.Clone)
	step := stepOf(plan.Destroy, want)
	st := l.host.staging(step)
	must(t, l.host.withdraw(t.Context(), step, st))
	if !isDir(st.dir) {
		t.Fatal("the container is not in the work directory")
	}
	if log := l.lockAndRelease(); !strings.Contains(log, st.lxcpath) {
		t.Errorf("nobody is told what was removed:\n%s", log)
	}
	if got := l.leftovers(); len(got) > 0 {
		t.Errorf("the data stays for ever: %q", got)
	}
	if list := filepath.Join(l.path, "base/lxc_snapshots"); exists(list) {
		t.Errorf("the base can never be destroyed: %q", readFile(t, list))
	}
	l.do(want, plan.Destroy)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func TestLockWithoutTimeToWait(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	unlock, err := l.host.Lock(ctx, "first")
	if err != nil {
		t.Fatalf("a free lock is not taken: %v", err)
	}
	_, err = l.open().Lock(ctx, "second")
	if !errors.Is(err, execute.ErrHostInUse) || !strings.Contains(err.Error(), "in use by first") {
		t.Errorf("a taken lock gives %v", err)
	}
	must(t, unlock())
	must(t, unlock())
	unlock, err = l.open().Lock(ctx, "third")
	must(t, err)
	must(t, unlock())
}

// A stopped lxc-copy holds the lock of its source as long as it likes.
func TestWaitingForLiblxcEndsWithTheContext(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	d := dependant{l.path, "base"}
	unlock, err := lockContainer(t.Context(), d)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := lockContainer(ctx, d)
		ended <- err
	}()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
	unlock()
	unlock, err = lockContainer(ctx, d)
	if err != nil {
		t.Fatalf("a free lock is not taken: %v", err)
	}
	unlock()
}

// Clones of one source, all at once: the source is destroyed under a snapshot that is not listed.
func TestListOfSnapshotsLosesNobody(t *testing.T) {
	t.Parallel()
	const count = 20
	l := newLab(t)
	source := dependant{l.path, "base"}
	unlock, err := lockContainer(t.Context(), source)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error)
	for i := range 2 { // one waits for liblxc, the other for the first
		go func() {
			d := dependant{l.path, fmt.Sprintf("late%d", i)}
			gaveUp <- l.host.updateSnapshots(ctx, source, d, d)
		}()
	}
	cancel()
	for range 2 {
		if err := <-gaveUp; !errors.Is(err, context.Canceled) {
			t.Errorf("a clone that is given up waits for ever, or ends with %v", err)
		}
	}
	unlock()
	inParallel(t, count, func(i int) error {
		d := dependant{l.path, fmt.Sprintf("c%d", i)}
		return l.host.updateSnapshots(t.Context(), source, d, d)
	})
	listed, err := readDependants(filepath.Join(l.path, "base", "lxc_snapshots"))
	must(t, err)
	if len(listed) != count {
		t.Errorf("%d of %d snapshots are listed: %v", len(listed), count, listed)
	}
}

// A controller was killed while it wrote the list: the base would collect such files.
func TestHalfWrittenListOfSnapshotsGoes(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("snap", 25)
	l.do(want, plan.Clone)
	base := filepath.Join(l.path, "base")
	half := filepath.Join(base, ".lxc_snapshots5141720641266846381")
	kept := []string{".lxc_snapshots", ".lxc_snapshots.bak", ".lxc_snapshots1x"}
	must(t, os.WriteFile(half, []byte(l.path), 0o600))
	for _, name := range kept {
		must(t, os.WriteFile(filepath.Join(base, name), []byte("x"), 0o600))
	}
	must(t, l.host.withdraw(t.Context(), stepOf(plan.Destroy, want),
		l.host.staging(stepOf(plan.Destroy, want))))
	l.lockAndRelease()
	if exists(half) {
		t.Error("what was half written stays in the base for ever")
	}
	for _, name := range kept {
		if !exists(filepath.Join(base, name)) {
			t.Errorf("%s, which we have not made, was removed", name)
		}
	}
}

func TestHostIsKnownOnceItHasAContainer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	known := func() bool {
		actual, err := l.host.Observe(t.Context())
		must(t, err)
		return actual.Known
	}
	l.lockAndRelease()
	if known() {
		t.Error("a disk that is not mounted looks like one that lost all its containers")
	}
	l.do(l.want("one", 25), plan.Clone)
	path := filepath.Join(l.path, workDir, knownName)
	info, err := os.Stat(path)
	if err != nil || info.Mode() != 0o600 || !known() {
		t.Fatalf("the host is not known after it got a container: %v, %v", info, err)
	}
	l.do(l.want("one", 25), plan.Clone)
	l.do(l.want("two", 26), plan.Clone)
	l.lockAndRelease()
	again, err := os.Stat(path)
	must(t, err)
	if !os.SameFile(info, again) || !info.ModTime().Equal(again.ModTime()) {
		t.Error("the file was written again")
	}
}
