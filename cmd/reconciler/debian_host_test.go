//go:build linux && cgo

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/reconcile/host/hosttest/debian"
)

// debianHost is a machine with systemd, LXC and the reconciler of this checkout: a Debian
// container in which containers run.
type debianHost struct{ *debian.Machine }

// hostPackages are what a machine needs, besides what lxc-create -t debian puts there.
const hostPackages = "lxc busybox-static dbus cron rsync sudo"

// cgroupsV2 makes systemd mount only the unified hierarchy, whatever the machine below has.
const cgroupsV2 = `lxc.mount.auto =
lxc.mount.auto = proc:mixed sys:mixed
lxc.init.cmd = /sbin/init systemd.unified_cgroup_hierarchy=1
`

// cgroupsOfMachine gives the host the same kinds of control groups as this machine.
const cgroupsOfMachine = "lxc.mount.auto = cgroup:rw:force\n"

// newDebianHost boots a machine. binary is the program to install.
func newDebianHost(t *testing.T, binary, cgroups string) *debianHost {
	t.Helper()
	base := debianBase(t)
	h := &debianHost{debian.New(t, "rch", "rootfs",
		"journalctl --no-pager -u reconciler | tail -n 60; lxc-ls -f")}
	h.Beside("mkdir $PATH_OF/$NAME && cp -a --reflink=auto " + base + "/rootfs $PATH_OF/$NAME/ && " +
		"install " + binary + " $PATH_OF/$NAME/rootfs/usr/local/bin/reconciler")
	h.Write("../config", `lxc.include = /usr/share/lxc/config/debian.common.conf
lxc.include = /usr/share/lxc/config/nesting.conf
`+cgroups+`lxc.rootfs.path = dir:`+h.LXCPath+"/"+h.Name+`/rootfs
lxc.net.0.type = empty
lxc.uts.name = host
lxc.pty.max = 1024
`)
	h.Write("etc/network/interfaces", "auto lo\niface lo inet loopback\n")
	h.Write("etc/default/lxc-net", "USE_LXC_BRIDGE=false\n")
	h.Start()
	h.Eventually("it has booted", "systemctl is-system-running --wait")
	if out := h.Run("ldd /usr/local/bin/reconciler"); strings.Contains(out, "not found") {
		t.Fatalf("the program of this machine does not run on that one:\n%s", out)
	}
	return h
}

// debianBase returns the directory of a stopped Debian container with hostPackages. It is made
// once, from the packages that lxc-create keeps in /var/cache/lxc, and kept in the user's cache
// until liblxc here is another one.
func debianBase(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("the Debian host has no place to be kept in: %v", err)
	}
	dir := filepath.Join(cache, "reconciler-test")
	cmd := exec.Command("sh", "-euc", makeDebianBase)
	cmd.Env = append(os.Environ(), "DIR="+dir, "PACKAGES="+hostPackages)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot make the Debian host: %v\n%s", err, out)
	}
	return filepath.Join(dir, "host")
}

// makeDebianBase makes $DIR/host, if it is not there or stale. The packages come from where this
// machine takes them, through its network.
const makeDebianBase = `
umask 022
mkdir -p "$DIR"
exec 9>"$DIR/lock"
flock 9
stamp="$PACKAGES $(dpkg-query -W -f '${Version}' liblxc1)"
[ "$(cat "$DIR/host/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
rm -rf --one-file-system "$DIR/host" "$DIR/new"
mkdir "$DIR/new"
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
	sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' | head -n 1)
echo 'lxc.net.0.type = empty' >"$DIR/new/net"
lxc-create -P "$DIR/new" -n host -f "$DIR/new/net" -t debian -- -r bookworm --mirror="$mirror"
root="$DIR/new/host/rootfs"
# The template names a security archive that does not exist.
echo "deb $mirror bookworm main" >"$root/etc/apt/sources.list"
# Nothing starts while packages are unpacked.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
DEBIAN_FRONTEND=noninteractive chroot "$root" sh -ec "
	apt-get update -q
	apt-get install -y -q --no-install-recommends $PACKAGES
	apt-get clean"
rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/lib/apt/lists/*
echo "$stamp" >"$DIR/new/host/stamp"
mv "$DIR/new/host" "$DIR/host"
rm -rf "$DIR/new"
`

// bridge makes the bridge that the built-in network is on, and a container to clone.
func (h *debianHost) bridge() {
	h.T.Helper()
	h.Run(`set -e
		ip link add lxcbr1 type bridge
		ip addr add 10.5.0.1/16 dev lxcbr1
		ip link set lxcbr1 up
		lxc-create -n base -t busybox`)
}

// incarnations says of each running container which process is its init, in a form that no other
// process ever has.
func (h *debianHost) incarnations() string {
	h.T.Helper()
	return h.incarnationsIn("/var/lib/lxc")
}

func (h *debianHost) incarnationsIn(lxcpath string) string {
	h.T.Helper()
	return h.Run(`export P=` + lxcpath + `; for n in $(lxc-ls -P $P --running); do
		pid=$(lxc-info -P $P -n $n -pH) && echo $n $pid $(cut -d' ' -f22 /proc/$pid/stat)
	done`)
}

// buildReconciler builds the program as a user does.
func buildReconciler(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "reconciler")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("cannot build: %w\n%s", err, out))
	}
	return binary
}
