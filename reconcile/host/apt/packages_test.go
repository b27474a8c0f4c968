package apt

import (
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"reconciler/spec"
)

func TestNeededPackages(t *testing.T) {
	t.Parallel()
	address := netip.MustParsePrefix("10.5.0.1/16")
	for name, c := range map[string]struct {
		want     spec.Preparation
		has, not []string
	}{
		"LXC alone": {spec.Preparation{}, []string{"lxc", "debootstrap", "rsync", "uidmap"},
			[]string{"nftables", "dnsmasq-base"}},
		"NAT": {spec.Preparation{Bridges: []spec.PreparedBridge{{Address: address, NAT: true}}},
			[]string{"nftables"}, []string{"dnsmasq-base"}},
		"DHCP": {spec.Preparation{Bridges: []spec.PreparedBridge{{Address: address,
			DHCPFirst: address.Addr()}}}, []string{"dnsmasq-base"}, []string{"nftables"}},
		"more": {spec.Preparation{Packages: []string{"zip", "lxc", "atop"}},
			[]string{"zip", "atop", "lxc"}, nil},
	} {
		got := Packages(&c.want, false)
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("%s: packages are not sorted, or there twice: %q", name, got)
		}
		for _, p := range c.has {
			if !slices.Contains(got, p) {
				t.Errorf("%s: %s is not installed", name, p)
			}
		}
		for _, p := range c.not {
			if slices.Contains(got, p) {
				t.Errorf("%s: %s is installed, and nothing needs it", name, p)
			}
		}
	}
}

// What comes onto a host is no secret.
func TestManualNamesEveryPackage(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	everything := Packages(&spec.Preparation{Bridges: []spec.PreparedBridge{
		{NAT: true, DHCPFirst: netip.MustParseAddr("10.5.0.2")}}}, true)
	for _, name := range everything {
		if !strings.Contains(string(manual), "`"+name+"`") {
			t.Errorf("%s is installed, and the manual does not say so", name)
		}
	}
}
