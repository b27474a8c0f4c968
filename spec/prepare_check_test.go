package spec_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reconciler/spec"
)

// fullPreparation has something of everything.
func fullPreparation() spec.Preparation {
	return spec.Preparation{
		Packages: []string{"debootstrap", "g++"},
		Bridges: []spec.PreparedBridge{
			{Name: "lxcbr1", Address: netip.MustParsePrefix("10.5.0.1/16"), NAT: true,
				DHCPFirst: netip.MustParseAddr("10.5.9.1"), DHCPLast: netip.MustParseAddr("10.5.9.9")},
			{Name: "plain"},
		},
		SubIDs:      map[string]spec.IDRange{"root": {First: 100000, Count: 65536}},
		Sysctl:      map[string]string{"net.ipv4.ip_forward": "1", "kernel/pid_max": "4194304"},
		Directories: []spec.Directory{{Path: "/srv/lxc", Mode: 0o755}},
		VolumeGroup: "lxc",
	}
}

func TestPreparationCrossesTheWireWhole(t *testing.T) {
	p := fullPreparation()
	if err := p.Validate(); err != nil {
		t.Fatalf("a host could not be prepared with what is valid: %v", err)
	}
	data, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var got spec.Preparation
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	opts := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	prefixes := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(p, got, opts, prefixes); diff != "" {
		t.Errorf("the host got something else than was declared (-declared +got):\n%s", diff)
	}
}

// broken changes a valid preparation.
type broken func(*spec.Preparation)

func withPackage(name string) broken {
	return func(p *spec.Preparation) { p.Packages = []string{name} }
}

func withBridge(name, address string, nat bool, dhcp ...string) broken {
	b := spec.PreparedBridge{Name: name, NAT: nat}
	if address != "" {
		b.Address = netip.MustParsePrefix(address)
	}
	if len(dhcp) > 0 {
		b.DHCPFirst = netip.MustParseAddr(dhcp[0])
	}
	if len(dhcp) > 1 {
		b.DHCPLast = netip.MustParseAddr(dhcp[1])
	}
	return func(p *spec.Preparation) { p.Bridges = append(p.Bridges[1:], b) }
}

func withSubID(user string, first, count uint32) broken {
	return func(p *spec.Preparation) {
		p.SubIDs = map[string]spec.IDRange{user: {First: first, Count: count}}
	}
}

func withSysctl(key, value string) broken {
	return func(p *spec.Preparation) { p.Sysctl = map[string]string{key: value} }
}

func withDirectory(path string, mode uint32) broken {
	return func(p *spec.Preparation) {
		p.Directories = []spec.Directory{{Path: path, Mode: mode}}
	}
}

func withVolumeGroup(name string) broken {
	return func(p *spec.Preparation) { p.VolumeGroup = name }
}

func TestPreparationOffTheWireIsRefused(t *testing.T) {
	const net = "10.5.0.1/24"
	for name, c := range map[string]struct {
		change broken
		want   string
	}{
		"an option as a package":   {withPackage("-oFoo=bar"), "package"},
		"a package to remove":      {withPackage("lxc-"), "package"},
		"a package with a shell":   {withPackage("a;b"), "package"},
		"a package of a version":   {withPackage("lxc=1"), "package"},
		"a bridge with a path":     {withBridge("../x", "", false), "name of a bridge"},
		"a bridge with a quote":    {withBridge(`a"b`, "", false), "name of a bridge"},
		"the loopback":             {withBridge("lo", "", false), "meaning of its own"},
		"NAT without an address":   {withBridge("b", "", true), "no address"},
		"DHCP without an address":  {withBridge("b", "", false, net[:8]), "no address"},
		"half of a range":          {withBridge("b", net, false, "10.5.0.9"), "outside"},
		"a range elsewhere":        {withBridge("b", net, true, "10.6.0.1", "10.6.0.2"), "outside"},
		"a range backwards":        {withBridge("b", net, true, "10.5.0.9", "10.5.0.2"), "begins"},
		"a range with the host":    {withBridge("b", net, true, "10.5.0.1", "10.5.0.9"), "own address"},
		"IPv6":                     {withBridge("b", "fd00::1/64", false), "IPv6"},
		"the address of a network": {withBridge("b", "10.5.0.0/16", false), "no host can have"},
		"the broadcast address":    {withBridge("b", "10.5.0.255/24", false), "no host can have"},
		"a network for nobody":     {withBridge("b", "10.5.0.1/31", false), "no room"},
		"the whole world":          {withBridge("b", "10.5.0.1/0", false), "no room"},
		"a bridge twice":           {withBridge("plain", "", false), "twice"},
		"a user with a line break": {withSubID("a\nroot", 100000, 1), "user name"},
		"ids of the host's users":  {withSubID("a", 1000, 1), "own users"},
		"no ids":                   {withSubID("a", 100000, 0), "no ids"},
		"ids beyond the last":      {withSubID("a", 1<<31, 1<<31), "last id"},
		"a sysctl that climbs":     {withSysctl("net/../../etc/passwd", "1"), "setting of the kernel"},
		"a sysctl from the root":   {withSysctl("/etc/passwd", "1"), "setting of the kernel"},
		"a sysctl with a space":    {withSysctl("net.a b", "1"), "setting of the kernel"},
		"a sysctl of two lines":    {withSysctl("net.a", "1\nkernel.x=1"), "value"},
		"a sysctl without a value": {withSysctl("net.a", ""), "value"},
		"NAT without forwarding":   {withSysctl("net/ipv4/ip_forward", "00"), "turns off"},
		"a sysctl in both forms": {func(p *spec.Preparation) {
			p.Sysctl = map[string]string{"kernel.pid_max": "1", "kernel/pid_max": "2"}
		}, "another value"},
		"a directory that climbs":   {withDirectory("/srv/../etc", 0o755), "directory"},
		"a directory of the system": {withDirectory("/etc", 0o777), "belongs to the system"},
		"a directory of the kernel": {withDirectory("/proc/x", 0o755), "not on a disk"},
		"a relative directory":      {withDirectory("srv", 0o755), "directory"},
		"a directory with a shell":  {withDirectory("/srv/$(x)", 0o755), "directory"},
		"a directory setuid":        {withDirectory("/srv/x", 0o4755), "mode"},
		"a volume group as option":  {withVolumeGroup("--all"), "volume group"},
		"two bridges on a network": {func(p *spec.Preparation) {
			p.Bridges[1].Address = netip.MustParsePrefix("10.5.7.1/24")
		}, "shares addresses"},
	} {
		t.Run(name, func(t *testing.T) {
			p := fullPreparation()
			c.change(&p)
			err := p.Validate()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("a host would carry it out, or does not say why not: %v, want %q", err, c.want)
			}
		})
	}
}
