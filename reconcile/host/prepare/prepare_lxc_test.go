//go:build linux

package prepare

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"reconciler/spec"
)

// declared is something of everything.
func declared() spec.Preparation {
	return spec.Preparation{
		Packages: []string{"tree"},
		Bridges: []spec.PreparedBridge{{Name: "lxcbr1",
			Address: netip.MustParsePrefix("10.5.0.1/16"), NAT: true,
			DHCPFirst: netip.MustParseAddr("10.5.9.1"), DHCPLast: netip.MustParseAddr("10.5.9.9")}},
		SubIDs:      map[string]spec.IDRange{"root": {First: 1000000, Count: 65536}},
		Sysctl:      map[string]string{"net.ipv4.tcp_rmem": "4096 131072 4194304"},
		Directories: []spec.Directory{{Path: "/srv/lxc/a", Mode: 0o1750}},
	}
}

// files lists what is below the directories of configuration, with the times of all of it.
const files = "find /etc /srv/lxc /var/lib/misc -printf '%p %T@ %C@ %m %U %l\\n' | sort; " +
	"cat /etc/sub*id"

// TestAMachineThatWasNeverPrepared is prepared once, and never again.
func TestAMachineThatWasNeverPrepared(t *testing.T) {
	t.Parallel()
	m := newBareMachine(t)
	before := m.Run(files)
	a := m.ask("check", declared())
	if a.Error != "" || a.Facts.LXC != "" {
		t.Fatalf("a machine without LXC cannot be checked: %+v, %s", a.Facts, a.Error)
	}
	if after := m.Run(files); after != before {
		t.Errorf("checking a machine changed it. Before:\n%s\nafter:\n%s", before, after)
	}
	if done := m.prepare(declared()); len(done) != len(a.Changes) {
		t.Errorf("%d things were announced, and others were done: %q", len(a.Changes), done)
	}
	before = m.Run(files)
	if done := m.prepare(declared()); len(done) != 0 {
		t.Errorf("a prepared machine is prepared once more: %q", done)
	}
	if after := m.Run(files); after != before {
		t.Errorf("preparing a prepared machine changed it. Before:\n%s\nafter:\n%s", before, after)
	}
	if a := m.ask("check", declared()); a.Facts.LXC == "" {
		t.Error("LXC was installed, and the facts do not say so")
	}
}

// TestWhatIsInTheWayIsLeftAlone: what cannot be made is refused before anything of it is done, and
// does not keep the rest from being made.
func TestWhatIsInTheWayIsLeftAlone(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.Run(`set -e
		useradd --no-create-home someone
		printf '# by hand\nroot:1000000:10' >/etc/subuid
		mkdir -p /srv/real /srv/busy
		touch /srv/file /srv/busy/file
		chmod 700 /srv/busy
		ln -s /srv/real /srv/link
		echo 'net.ipv4.ip_forward = 0' >/etc/sysctl.d/99-zz-reconciler.conf`)
	for name, c := range map[string]struct {
		want spec.Preparation
		says string
	}{
		"ids that are taken in part": {spec.Preparation{SubIDs: map[string]spec.IDRange{
			"root": {First: 1000000, Count: 65536}}}, "/etc/subuid has root:1000000:10"},
		"ids of two users": {spec.Preparation{SubIDs: map[string]spec.IDRange{
			"a": {First: 3000000, Count: 10}, "b": {First: 3000005, Count: 10}}}, "has a:3000000:10"},
		"a symbolic link": {spec.Preparation{Directories: []spec.Directory{
			{Path: "/srv/link", Mode: 0o700}}}, "/srv/link is a symbolic link"},
		"below a symbolic link": {spec.Preparation{Directories: []spec.Directory{
			{Path: "/srv/link/x", Mode: 0o700}}}, "/srv/link is a symbolic link"},
		"a file": {spec.Preparation{Directories: []spec.Directory{
			{Path: "/srv/file", Mode: 0o700}}}, "/srv/file is not a directory"},
		"below a file": {spec.Preparation{Directories: []spec.Directory{
			{Path: "/srv/file/x", Mode: 0o700}}}, "/srv/file is not a directory"},
		"a file of somebody else under our name": {spec.Preparation{Sysctl: map[string]string{
			"net.ipv4.ip_forward": "1"}}, "was not written by reconciler"},
		"no such volume group": {spec.Preparation{VolumeGroup: "lxc"}, `volume group "lxc"`},
		"no such package": {spec.Preparation{Packages: []string{"no-such-package"}},
			"Unable to locate package no-such-package"},
	} {
		a := m.ask("prepare", c.want)
		if !strings.Contains(a.Error, c.says) {
			t.Errorf("%s: the error is %q, want %q", name, a.Error, c.says)
		}
	}
	m.Run(`set -e
		[ "$(head -n 2 /etc/subuid)" = "$(printf '# by hand\nroot:1000000:10')" ]
		[ -L /srv/link ] && [ -f /srv/file ] && [ -z "$(ls -A /srv/real)" ]`)
	m.Run("rm /etc/sysctl.d/99-zz-reconciler.conf")
	a := m.ask("prepare", spec.Preparation{Sysctl: map[string]string{
		"net.nothing.x": "1", "net.ipv4.ip_forward": "1"}})
	if !strings.Contains(a.Error, "no such setting") || len(a.Done) != 1 {
		t.Errorf("what the kernel does not have keeps the rest from being made: %+v", a)
	}
	want := spec.Preparation{
		SubIDs:      map[string]spec.IDRange{"root": {First: 2000000, Count: 65536}},
		Directories: []spec.Directory{{Path: "/srv/busy", Mode: 0o711}},
	}
	if done := m.prepare(want); len(done) != 2 {
		t.Errorf("done is %q", done)
	}
	m.Run(`set -e
		[ "$(stat -c %a /srv/busy)" = 711 ] && [ -f /srv/busy/file ]
		grep -qx '# by hand' /etc/subuid && grep -qx root:1000000:10 /etc/subuid
		grep -qx root:2000000:65536 /etc/subuid && grep -qx root:2000000:65536 /etc/subgid
		[ "$(stat -c '%a %U' /etc/subuid)" = "644 root" ]`)
}

// TestMirrorThatIsNotReached: apt-get itself ends with nothing but packages that it does not know.
func TestMirrorThatIsNotReached(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	m.Run("echo 'deb http://mirror.invalid/debian bookworm main' >/etc/apt/sources.list")
	a := m.ask("prepare", spec.Preparation{Packages: []string{"tree"}})
	cause := strings.Index(a.Error, "resolv")
	verdict := strings.LastIndex(a.Error, "E: Unable to locate package tree")
	if cause < 0 || verdict < cause || strings.Contains(a.Error, "Reading package lists") {
		t.Errorf("people do not read first why packages cannot be installed:\n%s", a.Error)
	}
}

// TestAnotherAptIsWaitedFor: hosts install updates on their own.
func TestAnotherAptIsWaitedFor(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	other := m.program("lock", spec.Preparation{})
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // it has the lock
		t.Fatal(err)
	}
	m.prepare(spec.Preparation{Packages: []string{"tree"}})
	if err := other.Wait(); err != nil {
		t.Error(err)
	}
}

// TestPrepareIsKilled at any moment, and the machine with it: the next one ends prepared, and
// nothing else is left.
func TestPrepareIsKilled(t *testing.T) {
	t.Parallel()
	m := newBareMachine(t)
	want, random := declared(), rand.New(rand.NewPCG(1, 2))
	for i := range 16 {
		limit := 400 * time.Millisecond
		if i%6 == 0 { // all is to be done, or again: packages take longer than the rest
			m.Run("apt-get purge -y lxc nftables uidmap tree; rm -rf /srv/lxc /etc/subgid")
			limit = 5 * time.Second
		}
		if i%2 == 1 {
			want.Bridges[0].Address = netip.PrefixFrom(
				netip.AddrFrom4([4]byte{10, 5, 7, byte(1 + i)}), 16)
			want.Bridges[0].DHCPLast = netip.AddrFrom4([4]byte{10, 5, 9, byte(100 + i)})
			m.Run("rm -f /etc/sysctl.d/*reconciler* && sysctl -q net.ipv4.ip_forward=0")
		}
		cmd := m.program("prepare", want)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(limit))))
		if i%12 == 0 {
			m.reset()
		} else {
			m.Run("pkill -9 -x prepare || true")
		}
		_ = cmd.Wait() // killed, or done before
		m.prepare(want)
		m.isClean(want)
	}
}

// isClean: nothing of an earlier declaration and of an earlier run is left.
func (m *machine) isClean(want spec.Preparation) {
	m.T.Helper()
	if left, err := m.Try("find /etc /run /tmp /srv -name '.?*reconciler*' -o -name '.sub?id?*' " +
		"-o -name 'reconciler-apt*' | grep ."); err == nil {
		m.T.Fatalf("files are left: %s", left)
	}
	if got := m.addresses("lxcbr1"); len(got) != 1 || got[0] != want.Bridges[0].Address.String() {
		m.T.Fatalf("the bridge has %q, want %s", got, want.Bridges[0].Address)
	}
	if out := m.Run("pgrep -a dnsmasq"); strings.Count(out, "\n") > 1 ||
		!strings.Contains(out, want.Bridges[0].DHCPLast.String()) {
		m.T.Fatalf("these servers run:\n%s", out)
	}
	out := m.Run("dpkg --audit; dpkg --configure -a; cat /etc/subuid")
	if out != "root:1000000:65536" {
		m.T.Fatalf("packages are half done, or ids are there twice: %s", out)
	}
}
