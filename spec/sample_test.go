package spec_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"reconciler/spec"
)

func sample(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "makina-states-lxc.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The sample of the predecessor's documentation declares one address twice. Nobody noticed for
// ten years.
func TestSampleIsRejectedForItsOneMistake(t *testing.T) {
	t.Parallel()
	_, err := spec.Parse(fstest.MapFS{"database.yaml": {Data: sample(t)}}, spec.Options{})
	ps, _ := err.(spec.Problems)
	check(t, "the sample", ps, []string{"database.yaml:27: " +
		"targets.devhost10.local.gfoobar2.test.coma.ip: ip 10.5.10.17 is declared twice on " +
		"network lxcbr1 (also at database.yaml:20); gfoobar3.test.com on devhost10.local has it"})
}

func TestSampleWithoutItsMistake(t *testing.T) {
	t.Parallel()
	data := bytes.Replace(sample(t), []byte("10.5.10.17"), []byte("10.5.10.18"), 1)
	got, err := spec.Parse(fstest.MapFS{"database.yaml": {Data: data}}, spec.Options{})
	if err != nil {
		t.Fatalf("the predecessor's tree is refused: %v", err)
	}
	h := got.Hosts["devhost10.local"]
	if h == nil || len(h.Containers) != 5 {
		t.Fatalf("the host with its five containers is missing: %+v", got.Hosts)
	}
	if h.Connect != "ssh://root@devhost10.local" || h.LXCPath != "/var/lib/lxc" {
		t.Errorf("host is reached as %s, %s", h.Connect, h.LXCPath)
	}
	want := map[string]struct {
		ip, from, image, backing string
		size                     int64
	}{
		"mysupertest3.foo.com": {"invalid IP", "base", "", "dir", 0},
		"gfoobar.test.com":     {"10.5.10.16", "base", "", "lvm", 5 << 30},
		"gfoobar4.test.com":    {"10.5.10.15", "base", "", "lvm", 5 << 30},
		"gfoobar3.test.com":    {"10.5.10.18", "base", "", "dir", 0},
		"gfoobar2.test.coma":   {"10.5.10.17", "", "debian", "dir", 0},
	}
	for name, w := range want {
		c := h.Containers[name]
		if c == nil {
			t.Errorf("container %s is missing", name)
			continue
		}
		if c.IP.String() != w.ip || c.FromContainer != w.from || c.Image != w.image ||
			c.Backing != w.backing || c.Size != w.size {
			t.Errorf("%s: got %s %q %q %s %d, want %+v", name, c.IP, c.FromContainer, c.Image,
				c.Backing, c.Size, w)
		}
		if c.Network != got.Networks["lxcbr1"] || c.Bridge != "lxcbr1" || c.PrefixLen != 16 ||
			c.Gateway.String() != "10.5.0.1" || !c.Autostart || !c.Running {
			t.Errorf("%s is not on the predecessor's network: %+v", name, c.Settings)
		}
	}
	check(t, "the sample", got.Warnings, []string{
		`database.yaml:7: targets.devhost10.local.gfoobar.test.com.profile: a size on backing lvm is not`,
		`database.yaml:8: targets.devhost10.local.gfoobar.test.com.profile_type: backing "lvm" is not ` +
			`acted on yet`,
		`database.yaml:14: targets.devhost10.local.gfoobar4.test.com.profile: a size on backing lvm is not`,
		`database.yaml:15: targets.devhost10.local.gfoobar4.test.com.mode: "mode" is not acted on yet`,
		`database.yaml:16: targets.devhost10.local.gfoobar4.test.com.profile_type: backing "lvm"`,
		`database.yaml:23: targets.devhost10.local.gfoobar3.test.com.mode: "mode"`,
		`database.yaml:25: targets.devhost10.local.gfoobar3.test.com.bootsalt_branch: "bootsalt_branch"`,
		`database.yaml:30: targets.devhost10.local.gfoobar2.test.coma.mode: "mode"`,
	})
}

// What `get_settings_for_vm` of the predecessor printed is a set of known keys: written into a
// tree, each works or says that it does not.
func TestEffectiveSettingsOfThePredecessor(t *testing.T) {
	t.Parallel()
	const text = `
targets.devhost10.local:
  nmdcarto51.test.com:
    autostart: True
    backing: overlayfs
    bootsalt_branch: master
    bridge: lxcbr1
    dnsservers: [8.8.8.8, 4.4.4.4]
    domains: [nmdcarto51.test.com]
    from_container: makina-states-precise
    gateway: 10.5.0.1
    image: ubuntu
    ip: 10.5.0.12
    lxc_conf:
    lxc_conf_unset:
    mac: 00:16:3e:00:f1:81
    master: 10.5.0.1
    master_port: 4606
    mode: mastersalt
    name: nmdcarto51.test.com
    netmask: 16
    network: 10.5.0.0
    password: balh
    profile: ms-devhost10-local-overlayfs
    script_args: -C --from-salt-cloud --mastersalt-minion -b master
    snapshot: True
    ssh_gateway: devhost10.local
    ssh_gateway_key: /root/.ssh/id_dsa
    ssh_gateway_password: None
    ssh_gateway_port: 22
    ssh_gateway_user: root
    ssh_reverse_proxy_port: 40000
    ssh_username: ubuntu
    sudo: True
    users: [root, sysadmin]
`
	got := parse(t, text)
	c := got.Hosts["devhost10.local"].Containers["nmdcarto51.test.com"]
	if c.Network != got.Networks["lxcbr1"] || c.FromContainer != "makina-states-precise" ||
		!c.Snapshot || c.Backing != "overlayfs" || c.MAC != "00:16:3e:00:f1:81" ||
		c.Password.Reveal() != "balh" || len(c.Users) != 2 || len(c.DNSServers) != 2 {
		t.Errorf("got %+v", c.Settings)
	}
	var keys []string
	for _, w := range got.Warnings {
		keys = append(keys, w.String())
	}
	if len(keys) != 14 {
		t.Errorf("want a warning for image and each of 13 keys that nothing acts on, got %d:\n%q",
			len(keys), keys)
	}
}
