//go:build linux && cgo

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/reconcile/host/hosttest/debian"
)

// fleet is a number of machines on a bridge of their own, each a debianHost that sshd lets root in
// to, and a controller here that has the keys.
type fleet struct {
	t        *testing.T
	dir      string
	bridge   string
	net      string // the first three numbers of its /24; the bridge is .1
	binary   string // the program of this checkout
	machines []*machine
}

// machine is one host of a fleet. Its root is an overlay of what all have in common. Its lxcpaths
// are below shared, which is the same directory here and there: overlays cannot be stacked, and a
// test can look at files as if they were its own.
type machine struct {
	debianHost
	f       *fleet
	address string
	link    string // of its network card, on this side
	shared  string
}

// newFleet boots a number of machines.
func newFleet(t *testing.T, size int) *fleet {
	t.Helper()
	base := debianBase(t)
	dir, err := os.MkdirTemp("", "rcf")
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, dir: dir, binary: buildReconciler(t)}
	t.Cleanup(f.remove)
	n, bridge, err := makeBridge()
	if err != nil {
		t.Fatal(err)
	}
	f.bridge, f.net = bridge, fmt.Sprintf("10.213.%d", n)
	f.sh(makeFleetBase, "BASE="+base, "BRIDGE="+bridge, "NET="+f.net)
	for i := range size {
		m := &machine{
			f: f,
			debianHost: debianHost{&debian.Machine{T: t, LXCPath: dir, Root: "rootfs",
				Name: fmt.Sprintf("%s-%d", filepath.Base(dir), i+1)}},
			address: fmt.Sprintf("%s.%d", f.net, i+11), link: fmt.Sprintf("rcf%d-%d", n, i+1),
		}
		m.shared = filepath.Join(dir, m.Name, "shared")
		f.machines = append(f.machines, m)
		f.sh(makeMachine, "BRIDGE="+bridge, "NAME="+m.Name, "ADDRESS="+m.address, "LINK="+m.link)
		m.boot()
	}
	for _, m := range f.machines {
		m.awaitSSH()
	}
	return f
}

// makeFleetBase makes what all machines have in common, and ssh's files for the controller.
const makeFleetBase = `set -eu
cd "$DIR"
chmod 755 .
mkdir client lower
flock "$BASE/../lock" cp -a --reflink=auto "$BASE/rootfs/." lower/
rm -f lower/etc/ssh/ssh_host_*
: >lower/etc/machine-id
printf 'auto lo\niface lo inet loopback\n' >lower/etc/network/interfaces
echo USE_LXC_BRIDGE=false >lower/etc/default/lxc-net
ssh-keygen -q -t ed25519 -N "" -f client/user
install -D -m 600 client/user.pub lower/root/.ssh/authorized_keys
cat >client/config <<END
IdentityFile $DIR/client/user
IdentityAgent none
UserKnownHostsFile $DIR/client/known_hosts
END
mkdir client/bin
printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$(command -v ssh)" "$DIR/client/config" >client/bin/ssh
chmod 755 client/bin/ssh
ip addr add "$NET.1/24" dev "$BRIDGE"
ip link set "$BRIDGE" up
`

// makeMachine makes one machine, with a host key of its own that the controller knows.
const makeMachine = `set -eu
cd "$DIR"
mkdir -p "$NAME/rootfs" "$NAME/shared" "$NAME/upper/etc/ssh"
chmod 755 "$NAME" "$NAME/upper"
ssh-keygen -q -t ed25519 -N "" -f "$NAME/upper/etc/ssh/ssh_host_ed25519_key"
echo "$ADDRESS $(cat "$NAME/upper/etc/ssh/ssh_host_ed25519_key.pub")" >>client/known_hosts
cat >"$NAME/config" <<END
lxc.include = /usr/share/lxc/config/debian.common.conf
lxc.include = /usr/share/lxc/config/nesting.conf
` + cgroupsOfMachine + `lxc.rootfs.path = overlay:$DIR/lower:$DIR/$NAME/upper
lxc.net.0.type = veth
lxc.net.0.link = $BRIDGE
lxc.net.0.flags = up
lxc.net.0.name = eth0
lxc.net.0.veth.pair = $LINK
lxc.net.0.ipv4.address = $ADDRESS/24
lxc.uts.name = $NAME
lxc.pty.max = 1024
lxc.mount.entry = $DIR/$NAME/shared $(echo "$DIR/$NAME/shared" | cut -c2-) none bind,create=dir 0 0
END
`

// sh runs a script beside the machines; $DIR is the directory of the fleet.
func (f *fleet) sh(script string, env ...string) string {
	f.t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = append(append(os.Environ(), "DIR="+f.dir, "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin"),
		env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		f.t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

// remove ends all machines and what runs on them.
func (f *fleet) remove() {
	for _, m := range f.machines {
		m.halt()
	}
	// Deleting it fails only if it was not made.
	_ = exec.Command("ip", "link", "del", f.bridge).Run()
	f.sh(`rm -rf --one-file-system "$DIR"`)
}

// halt ends a machine as a power cut does. What is frozen dies as well.
func (m *machine) halt() {
	// Not running is as good as stopped.
	_ = exec.Command("lxc-unfreeze", "-P", m.LXCPath, "-n", m.Name).Run()
	_ = exec.Command("lxc-stop", "-k", "-P", m.LXCPath, "-n", m.Name).Run()
}

func (m *machine) boot() {
	m.T.Helper()
	m.Beside("lxc-start -P $PATH_OF -n $NAME -o $PATH_OF/$NAME/start.log -l INFO || " +
		"{ cat $PATH_OF/$NAME/start.log; exit 1; }")
}

// awaitSSH waits until somebody can log in.
func (m *machine) awaitSSH() {
	m.T.Helper()
	m.Eventually("sshd listens", "test -S /run/dbus/system_bus_socket && systemctl -q is-active ssh")
}

// makeLXCPath makes an lxcpath with a stopped busybox container "base", and a bridge with an
// address, both of one name. The directory may be there.
func (m *machine) makeLXCPath(name, address string) (lxcpath string, err error) {
	lxcpath = filepath.Join(m.shared, name)
	out, err := m.Try(makeBridgeThere(name, address) + fmt.Sprintf(`
		mkdir -p -m 755 %[1]s
		lxc-create -P %[1]s -n base -t busybox >/dev/null
		sed -i 's/^lxc.net.0.link.*/lxc.net.0.link = %[2]s/' %[1]s/base/config`, lxcpath, name))
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return lxcpath, nil
}

// makeBridgeThere is a script that makes a bridge of a machine; it is gone after a reboot.
func makeBridgeThere(name, address string) string {
	return fmt.Sprintf(`set -e
		ip link add %[1]s type bridge
		ip addr add %[2]s dev %[1]s
		ip link set %[1]s up`, name, address)
}

// sshBin is the directory of an ssh that knows the machines, for a PATH.
func (f *fleet) sshBin() string { return filepath.Join(f.dir, "client", "bin") }

// controller is a checkout of a tree and a state, here.
type controller struct {
	f   *fleet
	dir string
}

func (f *fleet) newController(t *testing.T, tree string) *controller {
	t.Helper()
	c := &controller{f: f, dir: t.TempDir()}
	c.declare(t, tree)
	return c
}

// declare replaces the tree.
func (c *controller) declare(t *testing.T, tree string) {
	t.Helper()
	dir := filepath.Join(c.dir, "tree")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tree.yaml"), []byte(tree), 0o644); err != nil {
		t.Fatal(err)
	}
}

// command is a command of the program as a user of the controller runs it.
func (c *controller) command(args ...string) *exec.Cmd {
	cmd := exec.Command(c.f.binary, args...)
	cmd.Dir = c.dir
	cmd.Env = []string{
		"PATH=" + c.f.sshBin() + ":" + os.Getenv("PATH"), "HOME=" + c.dir,
		"RECONCILER_STATE=sqlite://" + filepath.Join(c.dir, "state.db"),
		"RECONCILER_SOURCE=" + filepath.Join(c.dir, "tree"), "RECONCILER_CONFIG=/dev/null",
	}
	return cmd
}

// run runs a command to its end.
func (c *controller) run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := c.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// runWhile runs a pass to its end while something happens.
func (c *controller) runWhile(
	t *testing.T, happens func(running func() bool),
) (code int, out string) {
	t.Helper()
	cmd := c.command("run", "--once")
	var both bytes.Buffer
	cmd.Stdout, cmd.Stderr = &both, &both
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // how it ended is in ProcessState
	}()
	happens(func() bool {
		select {
		case <-done:
			return false
		default:
			return true
		}
	})
	<-done
	return cmd.ProcessState.ExitCode(), both.String()
}

// converges fails unless a pass ends well and the one after it finds nothing to do.
func (c *controller) converges(t *testing.T, what string) {
	t.Helper()
	if code, out, errs := c.run(t, "run", "--once"); code != exitDone {
		t.Fatalf("%s: a pass ends with %d:\n%s\n%s", what, code, out, errs)
	}
	if code, out, errs := c.run(t, "run", "--once"); code != exitDone ||
		!strings.Contains(out, "No changes.") {
		t.Fatalf("%s: the second pass ends with %d:\n%s\n%s", what, code, out, errs)
	}
}
