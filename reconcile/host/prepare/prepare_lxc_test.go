//go:build linux

package prepare

import (
	"net/netip"
	"testing"

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
const files = "find /etc /srv/lxc /var/lib/misc -printf '%p %T@ %C@ %m %U %l\\n' | sort; cat /etc/sub*id"

// TestAMachineThatWasNeverPrepared is prepared once, and never again.
func TestAMachineThatWasNeverPrepared(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	before := m.run(files)
	a := m.ask("check", declared())
	if a.Error != "" || a.Facts.LXC != "" {
		t.Fatalf("a machine without LXC cannot be checked: %+v, %s", a.Facts, a.Error)
	}
	if after := m.run(files); after != before {
		t.Errorf("checking a machine changed it. Before:\n%s\nafter:\n%s", before, after)
	}
	if done := m.prepare(declared()); len(done) != len(a.Changes) {
		t.Errorf("%d things were announced, and others were done: %q", len(a.Changes), done)
	}
	before = m.run(files)
	if done := m.prepare(declared()); len(done) != 0 {
		t.Errorf("a prepared machine is prepared once more: %q", done)
	}
	if after := m.run(files); after != before {
		t.Errorf("preparing a prepared machine changed it. Before:\n%s\nafter:\n%s", before, after)
	}
	if a := m.ask("check", declared()); a.Facts.LXC == "" {
		t.Error("LXC was installed, and the facts do not say so")
	}
}
