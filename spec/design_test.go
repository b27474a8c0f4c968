package spec_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reconciler/spec"
)

// The tree that the documentation begins with, completed.
const designTree = `
networks:
  lxcbr1:
    cidr: 10.5.0.0/16
    gateway: 10.5.0.1
    range: 10.5.0.2-10.5.255.253
    exclude: [10.5.3.0/24]
defaults: {network: lxcbr1, from_container: base, users: [root]}
profiles: {web: {memory: 512M, autostart: true}}
templates: {base: {image: debian, options: {release: bookworm}}}
hosts:
  devhost10.local:
    connect: ssh://root@192.0.2.10
    lxcpath: /var/lib/lxc
    defaults: {backing: overlayfs}
targets:
  devhost10.local:
    mysupertest3.foo.com: {}
    gfoobar.test.com: {profile: small, profile_type: lvm, password: foobar, ip: 10.5.10.16}
    web.test.com:
      profile: web
      domains: [www.test.com, shop.test.com]
      mac: 00:16:3E:0A:0B:0C
      dnsservers: [10.5.0.1]
      searchdomains: [test.com]
      lxc_conf: [lxc.cap.drop: sys_module, lxc.cap.drop: sys_time]
      lxc_conf_unset: [lxc.apparmor.profile]
      cpuset: 0-1
      cpushare: 512
      protect: true
      recreate: allow
`

func compare(t *testing.T, what string, got, want any) {
	t.Helper()
	diff := cmp.Diff(want, got,
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b spec.Secret) bool { return a.Reveal() == b.Reveal() }))
	if diff != "" {
		t.Errorf("%s is not what is declared (-want +got):\n%s", what, diff)
	}
}

// designSettings are what the three containers have in common.
func designSettings(n *spec.Network, domains ...string) spec.Settings {
	return spec.Settings{
		FromContainer: "base",
		Backing:       "overlayfs",
		Snapshot:      true,
		Network:       n,
		Bridge:        "lxcbr1",
		PrefixLen:     16,
		Gateway:       netip.MustParseAddr("10.5.0.1"),
		Domains:       domains,
		Users:         []string{"root"},
		Autostart:     true,
		Running:       true,
	}
}

func TestTheTreeOfTheDesign(t *testing.T) {
	t.Parallel()
	got := parse(t, designTree)
	n := &spec.Network{
		Name:    "lxcbr1",
		Bridge:  "lxcbr1",
		CIDR:    netip.MustParsePrefix("10.5.0.0/16"),
		Gateway: netip.MustParseAddr("10.5.0.1"),
		First:   netip.MustParseAddr("10.5.0.2"),
		Last:    netip.MustParseAddr("10.5.255.253"),
		Exclude: []netip.Prefix{netip.MustParsePrefix("10.5.3.0/24")},
	}
	compare(t, "networks", got.Networks, map[string]*spec.Network{"lxcbr1": n})

	const host = "devhost10.local"
	at := func(line int) spec.Position {
		return spec.Position{File: "a.yaml", Line: line, Column: 5}
	}
	plain := designSettings(n, "mysupertest3.foo.com")
	lvm := designSettings(n, "gfoobar.test.com")
	lvm.Profile, lvm.ProfileType, lvm.Backing = "small", "lvm", "lvm"
	lvm.Size, lvm.Snapshot = 5<<30, false
	lvm.Password, lvm.IP = spec.NewSecret("foobar"), netip.MustParseAddr("10.5.10.16")
	web := designSettings(n, "web.test.com", "shop.test.com", "www.test.com")
	web.Profile, web.Memory, web.MAC = "web", 512<<20, "00:16:3e:0a:0b:0c"
	web.DNSServers = []netip.Addr{netip.MustParseAddr("10.5.0.1")}
	web.SearchDomains = []string{"test.com"}
	web.LXCConf = []spec.ConfItem{{Key: "lxc.cap.drop", Value: "sys_module"},
		{Key: "lxc.cap.drop", Value: "sys_time"}}
	web.LXCConfUnset = []string{"lxc.apparmor.profile"}
	web.CPUSet, web.CPUShare, web.Protect, web.Recreate = "0-1", 512, spec.On, true
	want := &spec.Host{
		Name:     host,
		Connect:  "ssh://root@192.0.2.10",
		LXCPath:  "/var/lib/lxc",
		Position: spec.Position{File: "a.yaml", Line: 16, Column: 3},
		Containers: map[string]*spec.Container{
			"mysupertest3.foo.com": {Host: host, Name: "mysupertest3.foo.com", Position: at(17),
				Settings: plain},
			"gfoobar.test.com": {Host: host, Name: "gfoobar.test.com", Position: at(18),
				Settings: lvm},
			"web.test.com": {Host: host, Name: "web.test.com", Position: at(19), Settings: web},
		},
		Templates: map[string]*spec.Container{
			"base": {Host: host, Name: "base", Template: true,
				Position: spec.Position{File: "a.yaml", Line: 9, Column: 13},
				Settings: spec.Settings{
					Image:   "debian",
					Options: map[string]string{"release": "bookworm"},
					Backing: "dir",
					Domains: []string{"base"},
				}},
		},
	}
	compare(t, "the host", got.Hosts, map[string]*spec.Host{host: want})
	check(t, designTree, got.Warnings, []string{
		`a.yaml:18: targets.devhost10.local.gfoobar.test.com.profile: a size on backing lvm is not`,
		`a.yaml:18: targets.devhost10.local.gfoobar.test.com.profile_type: backing "lvm" is not`})
}

// The documentation's tree in other notations is the same tree.
func TestTheTreeOfTheDesignInOtherWords(t *testing.T) {
	t.Parallel()
	want := parse(t, designTree)
	for name, text := range map[string]string{
		"networks by address": `
networks:
  lxcbr1: {cidr: 10.5.0.0/16, gateway: 10.5.0.1, exclude: [10.5.3.0/24],
    range: 10.5.0.2-10.5.255.253}
defaults: {network: 10.5.0.0, netmask_full: 255.255.0.0, bridge: lxcbr1, gateway: 10.5.0.1}
templates: {base: {image: debian, options: {--release: bookworm}}}
hosts:
  devhost10.local: {connect: "ssh://root@192.0.2.10", defaults: {profile_type: overlayfs}}
profiles: {web: {memory: 536870912}}
makina-states.cloud.lxc.vms.devhost10.local:
  mysupertest3.foo.com:
  web.test.com: &web
    profile: web
    name: web.test.com
    domains: [shop.test.com, www.test.com, web.test.com]
    mac: 00-16-3e-0a-0b-0c
    dnsservers: [10.5.0.1]
    searchdomains: [Test.com.]
    lxc_conf: [{lxc.cap.drop: sys_module}, {lxc.cap.drop: sys_time}]
    lxc_conf_unset: [lxc.apparmor.profile]
    cpuset: 0-1
    cpushare: 512
    protect: yes
    recreate: allow
---
targets:
  devhost10.local:
    gfoobar.test.com:
      profile: ms-devhost10-local-small-lvm
      password: foobar
      ip: 10.5.10.16
`} {
		got := parse(t, text)
		for _, c := range got.Hosts["devhost10.local"].Containers {
			switch c.Name { // how it was said is part of the settings
			case "gfoobar.test.com":
				c.Profile, c.ProfileType = "small", "lvm"
			default:
				c.ProfileType = ""
			}
		}
		if diff := sameTree(want, got); diff != "" {
			t.Errorf("%s: the meaning changed:\n%s", name, diff)
		}
	}
}

// Positions and classes that the plan shows come from the same tree.
func TestSettingsOfTheDesign(t *testing.T) {
	t.Parallel()
	tree := parse(t, designTree)
	tests := []struct {
		container, key, value, layer string
		line                         int
	}{
		{"mysupertest3.foo.com", "from_container", "base", "defaults", 7},
		{"mysupertest3.foo.com", "backing", "overlayfs", "defaults of host devhost10.local", 14},
		{"mysupertest3.foo.com", "gateway", "10.5.0.1", "network lxcbr1", 2},
		{"mysupertest3.foo.com", "running", "true", "built in", 0},
		{"gfoobar.test.com", "size", "5G", "profile small", 18},
		{"gfoobar.test.com", "backing", "lvm", "container", 18},
		{"gfoobar.test.com", "password", "***", "container", 18},
		{"gfoobar.test.com", "ip", "10.5.10.16", "container", 18},
		{"web.test.com", "memory", "512M", "profile web", 8},
		{"web.test.com", "mac", "00:16:3e:0a:0b:0c", "container", 22},
		{"web.test.com", "domains", "web.test.com shop.test.com www.test.com", "container", 21},
		{"web.test.com", "users", "root", "defaults", 7},
		{"web.test.com", "recreate", "allow", "container", 30},
	}
	for _, tt := range tests {
		list, _ := tree.Settings("devhost10.local", tt.container)
		found := false
		for _, s := range list {
			if s.Key != tt.key {
				continue
			}
			found = true
			if s.Value != tt.value || s.Layer != tt.layer || s.Position.Line != tt.line || !s.Acted {
				t.Errorf("%s of %s: got %+v, want %+v", tt.key, tt.container, s, tt)
			}
		}
		if !found {
			t.Errorf("%s of %s is not shown", tt.key, tt.container)
		}
	}
}
