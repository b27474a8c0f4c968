//go:build linux

package guest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"reconciler/reconcile/host/lxc/guest"
)

// targets are the files that the operations write or delete.
func targets() []string {
	return []string{
		"etc/passwd", "etc/shadow", "etc/hostname", "etc/hosts", "etc/resolv.conf",
		"etc/network/interfaces", "etc/network/interfaces.d/setup", "etc/init.d/rcS", "etc/inittab",
		"etc/dhcpcd.conf", "etc/systemd/network/00-reconciler-eth0.network",
		"etc/NetworkManager/conf.d/99-reconciler-eth0.conf", "etc/machine-id",
		"etc/ssh/ssh_host_ed25519_key", "var/lib/dhcp/dhclient.leases",
		"var/lib/cloud/instances/i-1/x",
	}
}

// world is a guest with a directory of the host beside it, which must never change.
func world(t testing.TB, guestFiles files) (root *guest.Root, rootfs, host string) {
	t.Helper()
	base := t.TempDir()
	rootfs, host = filepath.Join(base, "rootfs"), filepath.Join(base, "host")
	check(t, os.Mkdir(rootfs, 0o755))
	for _, name := range targets() {
		build(t, host, files{name: "root:x:0:0:host's own\niface eth0 inet dhcp\n"})
	}
	build(t, rootfs, guestFiles)
	return openDir(t, rootfs), rootfs, host
}

// Every file that we write is replaced by every trap, one after the other. What the operation does
// inside the guest is its own matter; it must end, and the host's files must stay.
func TestHostileGuestNeverReachesTheHost(t *testing.T) {
	t.Parallel()
	traps := map[string]func(host, name string) string{
		"absolute link": func(host, name string) string { return "-> " + filepath.Join(host, name) },
		"relative link": func(_, name string) string {
			return "-> " + strings.Repeat("../", strings.Count(name, "/")+1) + "host/" + name
		},
		"deep relative link": func(host, name string) string {
			return "-> " + strings.Repeat("../", 40) + host + "/" + name
		},
		"magic link": func(host, name string) string { return "-> /proc/self/root" + host + "/" + name },
		"own link":   func(_, name string) string { return "-> " + filepath.Base(name) },
		"dangling":   func(_, _ string) string { return "-> /run/nothing/here" },
		"fifo":       func(_, _ string) string { return "fifo" },
		"directory":  func(_, _ string) string { return "dir" },
		"huge file":  func(_, _ string) string { return "huge" },
	}
	for trap, make := range traps {
		for _, name := range targets() {
			t.Run(trap+" as "+name, func(t *testing.T) {
				t.Parallel()
				everything := debian()
				root, rootfs, host := world(t, nil)
				delete(everything, "etc/systemd/network")
				everything[name] = make(host, name)
				build(t, rootfs, everything)
				before := snapshot(t, host)
				for _, op := range operations() {
					if _, err := op.run(root); err != nil && !allowed(err) {
						t.Errorf("%s: %v: the host would try again for ever", op.name, err)
					}
				}
				if _, err := scrub(root); err != nil && !allowed(err) {
					t.Errorf("ScrubIdentity: %v", err)
				}
				same(t, host, before, "the host lost its own files")
			})
		}
	}
}

// allowed are the errors that say what is wrong with the guest.
func allowed(err error) bool {
	return errors.Is(err, guest.ErrUnsuitable) || errors.Is(err, fs.ErrNotExist)
}

// A directory of the path, not only its last name, may be a way out.
func TestLinkedDirectoriesStayInside(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"etc", "etc/network", "etc/ssh", "var/lib", "var/lib/dhcp"} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			root, rootfs, host := world(t, nil)
			build(t, rootfs, files{dir: "-> " + filepath.Join(host, dir)})
			before := snapshot(t, host)
			for _, op := range append(operations(), operation{"ScrubIdentity", scrub}) {
				if changed, err := op.run(root); err == nil && changed && dir == "etc" {
					t.Errorf("%s says it changed files that are not there", op.name)
				}
			}
			same(t, host, before, "the host lost its own files")
		})
	}
}

// A running guest that swaps a directory for a link between our steps gains nothing.
func TestRacingGuestNeverReachesTheHost(t *testing.T) {
	t.Parallel()
	root, rootfs, host := world(t, debian())
	build(t, rootfs, files{"trap": "-> " + filepath.Join(host, "etc")})
	before := snapshot(t, host)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		etc, kept, trap := rootfs+"/etc", rootfs+"/kept", rootfs+"/trap"
		for {
			select {
			case <-stop:
				return
			default:
				_ = os.Rename(etc, kept)
				_ = os.Rename(trap, etc)
				_ = os.Rename(etc, trap)
				_ = os.Rename(kept, etc)
			}
		}
	}()
	var written int
	for i := range 3000 {
		if changed, err := root.SetHostname(fmt.Sprint("web", i)); err == nil && changed {
			written++
		}
	}
	close(stop)
	<-done
	if written == 0 {
		t.Error("no write succeeded, so the race was never run")
	}
	same(t, host, before, "the guest wrote to the host by a race")
}

// Law: whatever the guest looks like, nothing outside changes, and a second call without an error
// before it changes nothing inside.
func TestLawConfinedAndIdempotent(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	var lock sync.Mutex
	var number int
	rapid.Check(t, func(rt *rapid.T) {
		lock.Lock()
		number++
		dir := filepath.Join(base, fmt.Sprint(number))
		lock.Unlock()
		rootfs, host := filepath.Join(dir, "rootfs"), filepath.Join(dir, "host")
		for _, name := range targets() {
			build(t, host, files{name: "root:x:0:0:host's own\n"})
		}
		drawGuest(rt, rootfs, host)
		before := snapshot(t, host)
		root, err := guest.OpenDir(rootfs)
		check(t, err)
		defer root.Close()
		for _, op := range operations() {
			if _, err := op.run(root); err != nil {
				continue
			}
			settled := snapshot(t, rootfs)
			if changed, err := op.run(root); changed || err != nil {
				rt.Errorf("%s: second call: changed %v, error %v", op.name, changed, err)
			}
			same(t, rootfs, settled, op.name+" writes again although nothing changed")
		}
		_, _ = scrub(root)
		same(t, host, before, "the host lost its own files")
		check(t, os.RemoveAll(dir))
	})
}

// drawGuest makes a random guest. Paths that a file or a link already blocks are left out.
func drawGuest(rt *rapid.T, rootfs, host string) {
	places := slices.Concat(targets(), []string{
		"etc", "etc/network", "etc/systemd", "etc/NetworkManager", "etc/cloud", "var", "elsewhere",
	})
	line := rapid.SampledFrom([]string{
		"root:x:0:0:root:/:/bin/sh", "root::1", "127.0.1.1 old", "127.0.0.1 localhost", "",
		"iface eth0 inet dhcp", "auto eth0 eth1", "\taddress 10.0.0.1 \\", "/bin/udhcpc",
		"# reconciler: begin", "# reconciler: end",
		"# reconciler: begin eth0", "::respawn:udhcpc -f -i eth0", "10.5.0.9\tweb.foo.com web",
	})
	text := rapid.Map(rapid.SliceOfN(line, 0, 8), func(lines []string) string {
		return strings.Join(lines, "\n")
	})
	check := func(err error) {
		if err != nil {
			rt.Fatal(err)
		}
	}
	check(os.MkdirAll(rootfs, 0o755))
	chosen := rapid.MapOfN(rapid.SampledFrom(places), rapid.IntRange(0, 9), 0, 16).Draw(rt, "guest")
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		path := filepath.Join(rootfs, name)
		if os.MkdirAll(filepath.Dir(path), 0o755) != nil || !within(path, rootfs) {
			continue
		}
		switch chosen[name] {
		case 0:
			_ = os.Symlink(filepath.Join(host, name), path)
		case 1:
			_ = os.Symlink(strings.Repeat("../", 9)+"elsewhere", path)
		case 2:
			_ = os.Symlink(rapid.SampledFrom(places).Draw(rt, "target"), path)
		case 3:
			_ = os.Mkdir(path, 0o755)
		default:
			_ = os.WriteFile(path, []byte(text.Draw(rt, name)), 0o644)
		}
	}
}

// within keeps the generator itself from writing through a link that it has made before.
func within(path, rootfs string) bool {
	real, err := filepath.EvalSymlinks(filepath.Dir(path))
	return err == nil && strings.HasPrefix(real+"/", rootfs+"/")
}

// Reading is bounded: a guest must not fill the memory of the host.
func TestHugeFilesAreRefusedAndKept(t *testing.T) {
	t.Parallel()
	for name, op := range map[string]operation{
		"etc/hosts": operations()[2], "etc/hostname": operations()[1],
		"etc/network/interfaces": operations()[4], "etc/shadow": operations()[0],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fs := debian()
			fs[name] = "huge"
			r, dir := open(t, fs)
			if changed, err := op.run(r); changed || !errors.Is(err, guest.ErrUnsuitable) {
				t.Errorf("%s: changed %v, error %v; want ErrUnsuitable", op.name, changed, err)
			}
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() != 1<<40 {
				t.Errorf("the file was cut to what we read: %v, %v", info.Size(), err)
			}
		})
	}
}

// A directory with very many names, as a guest may make one, is not read as a whole.
func TestCrowdedDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	r, dir := open(t, busybox())
	crowd := filepath.Join(dir, "etc/network/interfaces.d")
	check(t, os.MkdirAll(crowd, 0o755))
	for i := range 4097 {
		check(t, os.Link(filepath.Join(dir, "etc/passwd"), filepath.Join(crowd, fmt.Sprint(i))))
	}
	if _, err := r.OwnInterface("eth0"); !errors.Is(err, guest.ErrUnsuitable) {
		t.Errorf("error %v, want ErrUnsuitable", err)
	}
}
