//go:build linux

package guest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const fileHeader = "# reconciler: this file is made from the declaration of the container\n"

// configuration is one file of a guest before and after OwnInterface("eth0").
type configuration struct{ file, before, want string }

func TestStartScriptsRunNoClient(t *testing.T) {
	t.Parallel()
	leaves(t, map[string]configuration{
		"busybox": {
			"etc/init.d/rcS", busybox()["etc/init.d/rcS"],
			"#!/bin/sh\n/bin/syslogd\n/bin/mount -a\n: #reconciler# /bin/udhcpc\n",
		},
		"busybox, client in an if": {
			"etc/init.d/rcS", "if true; then\n\tbusybox udhcpc -b -i eth0 &\nfi\n",
			"if true; then\n: #reconciler# \tbusybox udhcpc -b -i eth0 &\nfi\n",
		},
		"client of another interface": {
			"etc/init.d/rcS", "udhcpc -i eth1\nudhcpc -ieth2\nudhcpc --interface=eth3\ndhclient eth1 &\n",
			"udhcpc -i eth1\nudhcpc -ieth2\nudhcpc --interface=eth3\ndhclient eth1 &\n",
		},
		"clients that take every interface": {
			"etc/rc.local", "dhclient -v\n/sbin/dhcpcd\ndhclient -pf /run/d.pid\necho dhclient\n\nbusybox\n",
			": #reconciler# dhclient -v\n: #reconciler# /sbin/dhcpcd\n" +
				": #reconciler# dhclient -pf /run/d.pid\necho dhclient\n\nbusybox\n",
		},
		"client kept alive by init": {
			"etc/inittab", "::sysinit:/etc/init.d/rcS\n::respawn:-/sbin/udhcpc -f -i eth0\n#::once:udhcpc\n",
			"::sysinit:/etc/init.d/rcS\n#reconciler# ::respawn:-/sbin/udhcpc -f -i eth0\n#::once:udhcpc\n",
		},
	})
}

func TestNetworkFilesLeaveTheInterfaceToLXC(t *testing.T) {
	t.Parallel()
	leaves(t, map[string]configuration{
		"ifupdown": {
			"etc/network/interfaces", debianInterfaces,
			"auto lo\niface lo inet loopback\n#reconciler# auto eth0\n#reconciler# iface eth0 inet dhcp\n",
		},
		"ifupdown, static with options": {
			"etc/network/interfaces",
			"allow-hotplug eth0\niface eth0 inet static\n\taddress 10.0.0.2/24\n\t# why\n\n" +
				"\tup a \\\n  b\niface eth0 inet6 auto\n" +
				"iface eth1 inet dhcp\n\tmetric 5\n",
			"#reconciler# allow-hotplug eth0\n#reconciler# iface eth0 inet static\n" +
				"#reconciler# \taddress 10.0.0.2/24\n\t# why\n\n#reconciler# \tup a \\\n#reconciler#   b\n" +
				"#reconciler# iface eth0 inet6 auto\niface eth1 inet dhcp\n\tmetric 5\n",
		},
		"ifupdown, several in one list": {
			"etc/network/interfaces", "auto lo eth0 eth1\niface eth1 inet dhcp\n",
			"#reconciler# auto lo eth0 eth1\nauto lo eth1\niface eth1 inet dhcp\n",
		},
		"ifupdown, list over two lines": {
			"etc/network/interfaces", "auto eth0 \\\n eth1\niface eth0 inet dhcp\nsource interfaces.d/*\n",
			"auto eth0 \\\n eth1\n#reconciler# iface eth0 inet dhcp\nsource interfaces.d/*\n",
		},
		"ifupdown, names that only look alike": {
			"etc/network/interfaces", "auto eth00 eth0:1\niface eth0:1 inet static\n\taddress 10.0.0.3",
			"auto eth00 eth0:1\niface eth0:1 inet static\n\taddress 10.0.0.3",
		},
		"ifupdown, a file of its own": {
			"etc/network/interfaces.d/50-cloud-init", "auto eth0\niface eth0 inet dhcp\n",
			"#reconciler# auto eth0\n#reconciler# iface eth0 inet dhcp\n",
		},
		"dhcpcd": {
			"etc/dhcpcd.conf", debian()["etc/dhcpcd.conf"],
			"# reconciler: begin eth0\ndenyinterfaces eth0\n# reconciler: end eth0\n" +
				debian()["etc/dhcpcd.conf"],
		},
	})
}

func leaves(t *testing.T, cases map[string]configuration) {
	t.Helper()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dir := open(t, files{c.file: c.before})
			changed, err := r.OwnInterface("eth0")
			if err != nil || changed != (c.before != c.want) {
				t.Fatalf("changed %v, error %v", changed, err)
			}
			content(t, dir, c.file, c.want)
			if changed, err := r.OwnInterface("eth0"); changed || err != nil {
				t.Errorf("second call: changed %v, error %v", changed, err)
			}
		})
	}
}

func TestScriptStaysExecutable(t *testing.T) {
	t.Parallel()
	r, dir := open(t, busybox())
	script := filepath.Join(dir, "etc/init.d/rcS")
	check(t, os.Chmod(script, 0o744))
	_, err := r.OwnInterface("eth0")
	check(t, err)
	info, err := os.Stat(script)
	check(t, err)
	if info.Mode() != 0o744 {
		t.Errorf("mode %v: the guest no longer boots", info.Mode())
	}
}

func TestDaemonsAreToldToKeepAway(t *testing.T) {
	t.Parallel()
	r, dir := open(t, debian())
	_, err := r.OwnInterface("eth0")
	check(t, err)
	content(t, dir, "etc/systemd/network/00-reconciler-eth0.network", fileHeader+
		"[Match]\nName=eth0\n\n[Network]\nKeepConfiguration=yes\nDHCP=no\nIPv6AcceptRA=no\n")
	content(t, dir, "etc/NetworkManager/conf.d/99-reconciler-eth0.conf", fileHeader+
		"[keyfile]\nunmanaged-devices+=interface-name:eth0\n")
	content(t, dir, "etc/cloud/cloud.cfg.d/99-reconciler-network.cfg", fileHeader+
		"network: {config: disabled}\n")
}

func TestDaemonsThatAreNotInstalledGetNoFile(t *testing.T) {
	t.Parallel()
	r, dir := open(t, busybox())
	_, err := r.OwnInterface("eth0")
	check(t, err)
	for name := range snapshot(t, dir) {
		if strings.Contains(name, "reconciler") {
			t.Errorf("%s appeared in a guest that cannot read it", name)
		}
	}
}

func TestTwoInterfacesDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	r, dir := open(t, debian())
	for _, name := range []string{"eth0", "eth1"} {
		_, err := r.OwnInterface(name)
		check(t, err)
	}
	before := snapshot(t, dir)
	for _, name := range []string{"eth0", "eth1"} {
		if changed, err := r.OwnInterface(name); changed || err != nil {
			t.Errorf("%s: changed %v, error %v", name, changed, err)
		}
	}
	same(t, dir, before, "the two interfaces are written again in every run")
	content(t, dir, "etc/network/interfaces.d/setup",
		"#reconciler# allow-hotplug eth0 eth1\n#reconciler# allow-hotplug eth1\n"+
			"#reconciler# iface eth1 inet dhcp\n")
	text, err := os.ReadFile(filepath.Join(dir, "etc/dhcpcd.conf"))
	check(t, err)
	for _, line := range []string{"denyinterfaces eth0\n", "denyinterfaces eth1\n"} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%q is missing in %q", line, text)
		}
	}
}
