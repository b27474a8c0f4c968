package spec_test

import (
	"fmt"
	"strings"
	"testing"

	"reconciler/spec"
)

// value is one setting as text.
func value(t *testing.T, text, key string) string {
	t.Helper()
	one(t, text)
	got := parse(t, text)
	list, ok := got.Settings("h", "c")
	if !ok {
		t.Fatal("container c of host h has no settings")
	}
	for _, s := range list {
		if s.Key == key {
			return s.Value
		}
	}
	return "-"
}

// Each setting, as declared and as it comes out.
func TestEffectiveLimits(t *testing.T) {
	t.Parallel()
	runEffective(t, []effective{
		{"memory", "512M", "512M"},
		{"memory", "512m", "512M"},
		{"memory", "1G", "1G"},
		{"memory", "1024M", "1G"},
		{"memory", "1 GiB", "1G"},
		{"memory", "10g", "10G"},
		{"memory", "2T", "2T"},
		{"memory", "536870912", "512M"},
		{"memory", "536870913", "536870913"},
		{"memory", "536870912b", "512M"},
		{"memory", "6144K", "6M"},
		{"memory", "0", ""},
		{"cpuset", "0-3,5", "0-3,5"},
		{"cpuset", "0", "0"},
		{"cpuset", "0,1", "0,1"},
		{"cpushare", "512", "512"},
		{"cpushare", "0", ""},
		{"cpushare", "262144", "262144"},
		{"autostart", "false", "false"},
		{"autostart", "True", "true"},
		{"autostart", "off", "false"},
		{"autostart", "'YES'", "true"},
		{"running", "no", "false"},
		{"running", "true", "true"},
		{"protect", "true", "true"},
		{"protect", "false", "false"},
		{"recreate", "allow", "allow"},
		{"drift", "correct", "correct"},
		{"drift", "report", "report"},
		{"drift", "ignore", "ignore"},
		{"windows", "[daily 02:00-05:00]", "daily 02:00-05:00"},
		{"windows", "['sat,sun 00:00-24:00', mon 01:00-02:00 UTC, 'SUN,Sat  00:00-24:00']",
			"mon 01:00-02:00; sat,sun 00:00-24:00"},
		{"windows", "[]", ""},
	})
}

func TestEffectiveNames(t *testing.T) {
	t.Parallel()
	runEffective(t, []effective{
		{"users", "[root, ops, root]", "ops root"},
		{"users", "[www-data, _x, a.b]", "_x a.b www-data"},
		{"users", "[]", ""},
		{"users", "", ""},
		{"dnsservers", "[9.9.9.9, 8.8.8.8]", "9.9.9.9 8.8.8.8"},
		{"dnsservers", "['2001:db8::1']", "2001:db8::1"},
		{"searchdomains", "[Z.example.net, a.example.net.]", "z.example.net a.example.net"},
		{"domains", "[z.net, a.net]", "c a.net z.net"},
		{"domains", "[C, c]", "c"},
		{"domains", "", "c"},
		{"password", "hush", "***"},
		{"password", "12345", "***"},
		{"password", "'a:b'", "***"},
		{"ip", "10.5.0.9", "10.5.0.9"},
		{"mac", "00:16:3E:00:00:01", "00:16:3e:00:00:01"},
		{"gateway", "none", "none"},
		{"gateway", "10.5.0.9", "10.5.0.9"},
		{"netmask", "24", "24"},
		{"netmask", "0", "0"},
		{"netmask", "255.255.255.255", "32"},
		{"netmask", "0.0.0.0", "0"},
		{"bridge", "br_0.1", "br_0.1"},
		{"network", "10.5.0.0", "lxcbr1"},
		{"image", "busybox", "busybox"},
		{"from_container", "gold.example.net", "gold.example.net"},
		{"backing", "overlay", "overlayfs"},
		{"profile_type", "dir-scratch", "dir-scratch"},
		{"profile_type", "lvm-sratch", "lvm-scratch"},
		{"profile", "small", "small"},
		{"lxc_conf", "{lxc.b: 2, lxc.a: 1}", "lxc.a=1; lxc.b=2"},
		{"lxc_conf", "[lxc.b: 2, lxc.a: 1, lxc.b: 3]", "lxc.b=2; lxc.a=1; lxc.b=3"},
		{"lxc_conf", "[{lxc.b: yes}, {lxc.a: ''}]", "lxc.b=yes; lxc.a="},
		{"lxc_conf", "{lxc.net.1.type: veth, lxc.cgroup2.pids.max: 5}",
			"lxc.cgroup2.pids.max=5; lxc.net.1.type=veth"},
		{"lxc_conf", "", ""},
		{"lxc_conf_unset", "[lxc.cap.drop, lxc.apparmor, lxc.cap.drop]",
			"lxc.apparmor lxc.cap.drop"},
		{"lxc_conf_unset", "[lxc.net.1]", "lxc.net.1"},
	})
}

// effective is a setting as it is declared, and as it comes out.
type effective struct{ key, declared, want string }

func runEffective(t *testing.T, tests []effective) {
	t.Helper()
	for _, tt := range tests {
		text := "targets:\n  h:\n    c:\n      " + tt.key + ": " + tt.declared
		if got := value(t, text, tt.key); got != tt.want {
			t.Errorf("%s: %s comes out as %q, want %q", tt.key, tt.declared, got, tt.want)
		}
	}
}

func TestBuiltInValues(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"autostart": "true", "backing": "dir", "bridge": "lxcbr1", "domains": "c",
		"from_container": "base", "gateway": "10.5.0.1", "netmask": "16", "network": "lxcbr1",
		"running": "true", "snapshot": "false", "users": "root",
		"ip": "-", "mac": "-", "password": "-", "memory": "-", "cpuset": "-", "cpushare": "-",
		"image": "-", "options": "-", "size": "-", "profile": "-", "profile_type": "-",
		"drift": "correct", "windows": "-", "protect": "-", "recreate": "-", "lxc_conf": "-", "lxc_conf_unset": "-",
		"dnsservers": "-", "searchdomains": "-", "name": "-", "netmask_full": "-",
	} {
		if got := value(t, "targets: {h: {c: {}}}", key); got != want {
			t.Errorf("%s is %q without a declaration, want %q", key, got, want)
		}
	}
}

func TestSwitchHasThreeAnswers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]spec.Switch{"": spec.Unset, "protect: true": spec.On,
		"protect: false": spec.Off} {
		if c := one(t, "targets: {h: {c: {"+text+"}}}"); c.Protect != want {
			t.Errorf("%q: got %v, want %v", text, c.Protect, want)
		}
	}
}

func TestNameMayBeRepeated(t *testing.T) {
	t.Parallel()
	if got := parse(t, "targets: {h: {c: {name: c}}}"); len(got.Warnings) != 0 {
		t.Errorf("got %v", got.Warnings)
	}
}

func TestPasswordIsInNothingThatIsPrinted(t *testing.T) {
	t.Parallel()
	got := parse(t, "targets: {h: {c: {password: hush, ssh_gateway_password: hush, priv_key: hush}}}")
	settings, _ := got.Settings("h", "c")
	c := got.Hosts["h"].Containers["c"]
	for _, s := range []string{fmt.Sprintf("%v %+v", settings, got.Warnings),
		fmt.Sprintf("%v", *c), fmt.Sprintf("%+v", *c), fmt.Sprintf("%#v", c.Password)} {
		if strings.Contains(s, "hush") {
			t.Errorf("a secret is printed: %s", s)
		}
	}
	if c.Password.Reveal() != "hush" {
		t.Error("the password is lost")
	}
}
