//go:build linux && cgo

package main

import (
	"regexp"
	"strings"
	"testing"
)

// loseLXC makes a machine one on which LXC was never installed, but where apt-get has it. What else
// is needed, and not there, is taken for installed: the machine has no mirror.
const loseLXC = `set -e
mkdir /root/mirror
mv /usr/lib/*/liblxc.so.1* /root/mirror
rm -rf /var/lib/lxc
ldconfig
for p in debootstrap iproute2 lxc-templates nftables openssl rsync uidmap wget apparmor; do
	grep -qx "Package: $p" /var/lib/dpkg/status ||
		printf 'Package: %s\nStatus: install ok installed\n'\
'Version: 1\nArchitecture: all\nMaintainer: nobody\nDescription: test\n\n' $p >>/var/lib/dpkg/status
done
cat >/usr/local/bin/apt-get <<'END'
#!/bin/sh
echo "$*" >>/root/apt
case $* in *install*)
	[ ! -e /root/mirror/refuses ] || { echo "E: Unable to locate package lxc" >&2; exit 100; }
	cp -a /root/mirror/liblxc* /usr/lib/$(uname -m)-linux-gnu/
	mkdir -p /var/lib/lxc
	ldconfig ;;
esac
END
chmod 755 /usr/local/bin/apt-get
touch /root/mirror/refuses`

// A machine without LXC, on which the program that is delivered cannot even start.
func TestMachineWithoutLXC(t *testing.T) {
	requireLXC(t)
	f := newFleet(t, 1)
	m := f.machines[0]
	m.Run(loseLXC)
	hosts := func(prepare string) string {
		return "hosts: {bare: {connect: ssh://root@" + m.address + prepare + "}}\ntargets: {bare: {}}\n"
	}
	c := f.newController(t, hosts(""))
	expect := func(what string, code int, want string, args ...string) {
		t.Helper()
		got, out, errs := c.run(t, args...)
		if got != code || !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: exit code %d, want %d and %q\n%s%s", what, got, code, want, out, errs)
		}
	}
	expect("without prepare", 4, "LXC is not installed there: declare prepare", "plan")
	expect("a look at the host", 0, `LXC: not installed\n  system: debian 1[0-9](?s:.*)package lxc`,
		"host", "check")
	c.declare(t, hosts(", prepare: {bridges: {}, directories: {/srv/x: 0750}}"))
	expect("a plan", 0, `directory /srv/x(?s:.*)package lxc(?s:.*)Plan: 1 host to prepare`, "plan")
	if got := m.Run("ls /root"); strings.Contains(got, "apt") {
		t.Errorf("to look installs something: %s", m.Run("cat /root/apt"))
	}
	expect("apt-get fails", 1, `E: Unable to locate package lxc`, "run", "--once")
	m.Run("rm /root/mirror/refuses")
	expect("apt-get works", 0, `package lxc(?s:.*)Done: 1 host prepared`, "run", "--once")
	expect("the second pass", 0, `No changes\.`, "run", "--once")
	expect("by hand", 0, `bare: nothing to do`, "host", "prepare", "bare")
	if mode := strings.TrimSpace(m.Run("stat -c %a /srv/x")); mode != "750" {
		t.Errorf("the directory has mode %s", mode)
	}
	c.declare(t, hosts(", lxcpath: /srv/new/lxc"))
	expect("no directory for containers", 4, "/srv/new/lxc, does not exist: is its disk mounted", "plan")
	c.declare(t, hosts(", lxcpath: /srv/new/lxc, prepare: {bridges: {}}"))
	expect("a plan to make it", 0, `directory /srv/new/lxc(?s:.*)Plan: 1 host to prepare`, "plan")
	if got := m.Run("ls /srv"); strings.Contains(got, "new") {
		t.Errorf("to plan a directory makes it: %s", got)
	}
	expect("it is made", 0, `directory /srv/new/lxc(?s:.*)Done: 1 host prepared`, "run", "--once")
	expect("it is there", 0, `No changes\.`, "run", "--once")
}
