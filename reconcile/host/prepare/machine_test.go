//go:build linux

package prepare

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/reconcile/host/hosttest/debian"
	"reconciler/spec"
)

// machine is a Debian with systemd and without LXC, to be prepared: a container with a network of
// its own, a mirror of packages on its own disk, and the test binary.
type machine struct{ *debian.Machine }

const machineConfig = `lxc.include = /usr/share/lxc/config/debian.common.conf
lxc.include = /usr/share/lxc/config/nesting.conf
lxc.mount.auto = cgroup:rw:force
lxc.rootfs.path = overlay:BASE:DELTA
lxc.net.0.type = empty
lxc.uts.name = host
lxc.pty.max = 1024
`

// newMachine boots a machine that nothing was done to, and on which LXC is installed.
func newMachine(t *testing.T) *machine { return bootMachine(t, "full") }

// newBareMachine boots a machine that nothing was done to.
func newBareMachine(t *testing.T) *machine { return bootMachine(t, "bare") }

func bootMachine(t *testing.T, kind string) *machine {
	t.Helper()
	requireMachines(t)
	base := filepath.Join(machineBase(t), kind)
	m := &machine{debian.New(t, "rcp", "delta",
		"journalctl --no-pager -u 'reconciler-*' | tail -n 40; ip -br addr; nft list ruleset")}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	delta := filepath.Join(m.LXCPath, m.Name, m.Root)
	m.Beside("install -D -m 755 " + program + " " + delta + "/usr/local/bin/prepare")
	m.Write("../config", strings.NewReplacer("BASE", base, "DELTA", delta).Replace(machineConfig))
	m.boot()
	return m
}

func requireMachines(t *testing.T) {
	t.Helper()
	missing := ""
	if os.Geteuid() != 0 {
		missing = "root"
	}
	for _, program := range []string{"lxc-create", "lxc-attach", "debootstrap", "dpkg-scanpackages"} {
		if !isInstalled(program) {
			missing = program
		}
	}
	if missing == "" {
		return
	}
	if os.Getenv("RECONCILER_TEST_LXC") == "1" {
		t.Fatalf("no machine can be prepared here without %s", missing)
	}
	t.Skipf("preparing a machine takes %s, which is not here", missing)
}

// machinePackages are in the mirror of every machine, with what they depend on.
const machinePackages = "debootstrap dnsmasq-base iproute2 lxc lxc-templates nftables openssl " +
	"rsync uidmap wget tree"

// makeMachineBase makes $DIR, if it is not there or stale: bare is a Debian and a mirror of what it
// lacks, taken from where this machine takes its packages; full is the same with LXC.
const makeMachineBase = `
umask 022
mkdir -p "$(dirname "$DIR")"
exec 9>"$DIR.lock"
flock 9
stamp="$PACKAGES $(dpkg-query -W -f '${Version}' liblxc1)"
[ "$(cat "$DIR/stamp" 2>/dev/null)" = "$stamp" ] && exit 0
rm -rf --one-file-system "$DIR" "$DIR.new"
mkdir "$DIR.new"
mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
	sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\) .*/\2/p' | head -n 1)
echo 'lxc.net.0.type = empty' >"$DIR.new/net"
lxc-create -P "$DIR.new" -n base -f "$DIR.new/net" -t debian -- -r bookworm --mirror="$mirror"
mv "$DIR.new/base/rootfs" "$DIR.new/bare"
root="$DIR.new/bare"
echo "deb $mirror bookworm main" >"$root/etc/apt/sources.list"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
DEBIAN_FRONTEND=noninteractive chroot "$root" sh -ec "
	apt-get update -q
	apt-get install -y -q --no-install-recommends dbus iproute2 iputils-ping isc-dhcp-client
	apt-get clean
	apt-get install -y -q --no-install-recommends --download-only $PACKAGES"
mkdir "$root/srv/mirror"
mv "$root"/var/cache/apt/archives/*.deb "$root/srv/mirror/"
(cd "$root/srv/mirror" && dpkg-scanpackages -m . >Packages)
echo 'deb [trusted=yes] file:/srv/mirror ./' >"$root/etc/apt/sources.list"
printf 'auto lo\niface lo inet loopback\n' >"$root/etc/network/interfaces"
cp -a "$root" "$DIR.new/full"
DEBIAN_FRONTEND=noninteractive chroot "$DIR.new/full" sh -ec "
	apt-get update -q
	apt-get install -y -q --no-install-recommends $PACKAGES
	apt-get purge -y -q tree"
echo 'USE_LXC_BRIDGE="false"' >"$DIR.new/full/etc/default/lxc-net"
for root in "$DIR.new/bare" "$DIR.new/full"; do
	rm -rf "$root/usr/sbin/policy-rc.d" "$root"/var/lib/apt/lists/*
done
echo "$stamp" >"$DIR.new/stamp"
mv "$DIR.new" "$DIR"
`

// machineBase returns the directory of what machines begin as. It is kept in the user's cache.
func machineBase(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatalf("a machine has no place to be kept in: %v", err)
	}
	dir := filepath.Join(cache, "reconciler-test", "prepare")
	cmd := exec.Command("sh", "-euc", makeMachineBase)
	cmd.Env = append(os.Environ(), "DIR="+dir, "PACKAGES="+machinePackages)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot make a machine: %v\n%s", err, out)
	}
	return dir
}

// boot starts the machine and waits until it has.
func (m *machine) boot() {
	m.T.Helper()
	m.Start()
	m.Eventually("it has booted", "systemctl is-system-running --wait || "+
		"{ systemctl --failed --no-legend; exit 1; }")
}

// reboot ends the machine the hard way and starts it again: its network is a new one.
func (m *machine) reboot() {
	m.T.Helper()
	m.Beside("lxc-stop -k -P $PATH_OF -n $NAME")
	m.boot()
}

// reset is reboot for a machine of which some services may not start.
func (m *machine) reset() {
	m.T.Helper()
	m.Beside("lxc-stop -k -P $PATH_OF -n $NAME")
	m.Start()
	m.Eventually("it has booted", "systemctl is-system-running --wait | grep -E 'running|degraded'")
}

// program returns check or prepare on the machine, with its input.
func (m *machine) program(verb string, want spec.Preparation) *exec.Cmd {
	m.T.Helper()
	input, err := json.Marshal(want)
	if err != nil {
		m.T.Fatal(err)
	}
	cmd := m.Command("env", asProgram+"="+verb, "prepare")
	cmd.Stdin = bytes.NewReader(input)
	return cmd
}

// ask runs check or prepare on the machine.
func (m *machine) ask(verb string, want spec.Preparation) answer {
	m.T.Helper()
	cmd := m.program(verb, want)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		m.T.Fatalf("%s: %v\n%s", verb, err, said.String())
	}
	var a answer
	if err := json.Unmarshal(out, &a); err != nil {
		m.T.Fatalf("%s: %v\n%s", verb, err, out)
	}
	return a
}

// prepare prepares the machine, which must work, and leave nothing to do.
func (m *machine) prepare(want spec.Preparation) []string {
	m.T.Helper()
	a := m.ask("prepare", want)
	if a.Error != "" {
		m.T.Fatalf("the machine cannot be prepared: %s\nafter %q", a.Error, a.Done)
	}
	if left := m.ask("check", want); left.Error != "" || len(left.Changes) > 0 {
		m.T.Fatalf("the prepared machine is not prepared: %+v, %s", left.Changes, left.Error)
	}
	return a.Done
}
