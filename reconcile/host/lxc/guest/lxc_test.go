//go:build linux

package guest_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/host/lxc/guest"
)

// The control: without OwnInterface the stock busybox guest has another address, or none, seconds
// after its start. When this no longer happens, OwnInterface has lost a reason.
func TestRealStockBusyboxLosesItsAddress(t *testing.T) {
	l := newLab(t, 0)
	l.offerLeases()
	l.create("stock", "busybox")
	l.network("stock", 10)
	pid := l.start("stock")
	l.eventually("the DHCP client took the address away", func() bool {
		return !slices.Equal(l.addresses(pid), []string{l.address(10)})
	})
}

func TestRealBusyboxKeepsItsAddress(t *testing.T) {
	l := newLab(t, 1)
	l.offerLeases()
	l.create("web", "busybox")
	l.network("web", 10)
	r, _ := l.rootfs("web")
	configure(l, r, l.address(10))
	check(t, r.Close())
	l.keeps("web", l.start("web"), 10)
}

// The overlay that we mount is the one that liblxc mounts: what we write before the start is there
// after it, and the template is as it was.
func TestRealOverlayCloneKeepsWhatWasWritten(t *testing.T) {
	l := newLab(t, 2)
	l.offerLeases()
	l.create("base", "busybox")
	lower := filepath.Join(l.path, "base/rootfs")
	before := snapshot(t, lower)
	l.clone("base", "web", "-s", "-B", "overlayfs")
	l.network("web", 10)
	config, err := os.ReadFile(filepath.Join(l.path, "web/config"))
	check(t, err)
	upper := filepath.Join(l.path, "web/overlay/delta")
	if !strings.Contains(string(config), "overlay:"+lower+":"+upper) {
		t.Fatalf("this LXC lays an overlay out in another way:\n%s", config)
	}

	r, err := guest.OpenOverlay(lower, upper, filepath.Join(l.path, "web/overlay/work"))
	check(t, err)
	configure(l, r, l.address(10))
	check(t, r.Close())
	pid := l.start("web")
	if got := l.inside("web", "cat /etc/hostname"); got != "web.foo.com" {
		t.Errorf("inside, /etc/hostname is %q", got)
	}
	l.keeps("web", pid, 10)

	running, err := guest.OpenProcess(pid)
	check(t, err)
	defer running.Close()
	if changed, err := running.SetHostname("renamed.foo.com"); err != nil || !changed {
		t.Errorf("running: changed %v, error %v", changed, err)
	}
	if got := l.inside("web", "cat /etc/hostname"); got != "renamed.foo.com" {
		t.Errorf("inside the running guest, /etc/hostname is %q", got)
	}
	same(t, lower, before, "the template has changed")
}

// configure is what a reconciler does with a new container.
func configure(l *lab, r *guest.Root, address string) {
	l.Helper()
	names := []string{"web.foo.com", "web"}
	for what, do := range map[string]func() (bool, error){
		"interface": func() (bool, error) { return r.OwnInterface("eth0") },
		"host name": func() (bool, error) { return r.SetHostname(names[0]) },
		"password":  func() (bool, error) { return r.SetPassword([]string{"root"}, realHash, 20800) },
		"hosts": func() (bool, error) {
			return r.SetHosts(guest.Hosts{Address: netip.MustParseAddr(address), Names: names})
		},
		"resolver": func() (bool, error) {
			return r.SetResolver([]netip.Addr{netip.MustParseAddr(l.subnet + ".1")}, nil)
		},
	} {
		if changed, err := do(); err != nil || !changed {
			l.Errorf("%s: changed %v, error %v", what, changed, err)
		}
	}
}

const (
	realPassword = "correct horse"
	realHash     = "$6$guesttest$K68tw0jnncGGhV9VRgtQBiiY1NrW4hZA9PMGbRjs9jHAKbm5D9UYe7EScD" +
		".dGkdK3SOAFFN.sUNhqtdXsUG3h."
)

// waiting is a service that, as many do, starts only when the network is said to be online.
const waiting = "[Unit]\nAfter=network-online.target\nWants=network-online.target\n" +
	"[Service]\nType=oneshot\nExecStart=/bin/true\nRemainAfterExit=yes\n" +
	"[Install]\nWantedBy=multi-user.target\n"

func TestRealDebian(t *testing.T) {
	l := newLab(t, 3)
	l.offerLeases()
	l.create("deb", "debian", "-r", "bookworm", "--mirror="+l.mirror())
	t.Run("ifupdown", func(t *testing.T) {
		debianKeeps(&lab{t, l.path, l.bridge, l.subnet}, "ifupdown", 20, "networking")
	})
	t.Run("networkd", func(t *testing.T) {
		debianKeeps(&lab{t, l.path, l.bridge, l.subnet}, "networkd", 30, "systemd-networkd")
	})
}

// debianKeeps clones the container "deb", configures the clone, and watches it through a boot and a
// restart of the service that would manage the network.
func debianKeeps(l *lab, name string, number int, service string) {
	l.Helper()
	l.clone("deb", name)
	l.network(name, number)
	r, dir := l.rootfs(name)
	if name == "networkd" {
		useNetworkd(l, dir)
	}
	build(l, dir, files{
		"etc/systemd/system/waiting.service":                         waiting,
		"etc/systemd/system/multi-user.target.wants/waiting.service": "-> ../waiting.service",
	})
	oldKey, err := os.ReadFile(filepath.Join(dir, "etc/ssh/ssh_host_ed25519_key.pub"))
	check(l, err)
	configure(l, r, l.address(number))
	if _, err := r.ScrubIdentity(guest.Identity{MachineID: machineID, Hostname: name}); err != nil {
		l.Fatal(err)
	}
	check(l, r.Close())

	pid := l.start(name)
	l.eventually("the guest has booted, also what waits for the network", func() bool {
		return l.inside(name, "systemctl is-system-running || true") == "running"
	})
	l.keeps(name, pid, number)
	l.inside(name, "systemctl restart "+service)
	l.keeps(name, pid, number)

	if got := l.inside(name, "cat /etc/machine-id"); got != machineID {
		l.Errorf("the clone has the machine id %q", got)
	}
	l.inside(name, "systemctl is-active ssh && mkdir -p /run/sshd && /usr/sbin/sshd -t")
	if got := l.inside(name, "cat /etc/ssh/ssh_host_ed25519_key.pub"); got == string(oldKey) {
		l.Error("the clone has the ssh key of its origin")
	}
	l.inside(name, fmt.Sprintf(`printf '%s\000' | unix_chkpwd root nonull`, realPassword))
	if out := l.inside(name, `printf 'wrong\000' | unix_chkpwd root nonull || echo no`); out != "no" {
		l.Errorf("the guest takes any password: %q", out)
	}
}

// useNetworkd makes a Debian guest use systemd-networkd, with DHCP, in place of ifupdown.
func useNetworkd(l *lab, dir string) {
	l.Helper()
	units := filepath.Join(dir, "etc/systemd/system")
	for _, target := range []string{"multi-user", "network-online"} {
		check(l, os.Remove(filepath.Join(units, target+".target.wants/networking.service")))
	}
	check(l, os.WriteFile(filepath.Join(dir, "etc/network/interfaces"), nil, 0o644))
	const lib = "-> /lib/systemd/system/systemd-networkd"
	build(l, units, files{
		"multi-user.target.wants/systemd-networkd.service":                 lib + ".service",
		"sockets.target.wants/systemd-networkd.socket":                     lib + ".socket",
		"network-online.target.wants/systemd-networkd-wait-online.service": lib + "-wait-online.service",
	})
	build(l, dir, files{
		"etc/systemd/network/80-dhcp.network": "[Match]\nName=eth0\n\n[Network]\nDHCP=yes\n",
	})
}
