//go:build linux && cgo

package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// behindGateway is a machine without a route to the controller, which another one leads to. Users
// log in to both that are not root.
type behindGateway struct {
	*fleet
	host, gateway *machine
	key           string // for the gateway alone
}

// hidden is a network of machines that the controller has no route to.
const hidden = "10.217.99"

func newBehindGateway(t *testing.T) *behindGateway {
	t.Helper()
	f := newFleet(t, 2)
	b := &behindGateway{fleet: f, gateway: f.machines[0], host: f.machines[1],
		key: filepath.Join(f.dir, "client", "jump")}
	f.sh(`set -e
		ssh-keygen -q -t ed25519 -N "" -f "$KEY"
		sed -n "s/^$ADDRESS /$HIDDEN.2 /p" "$DIR/client/known_hosts" >"$DIR/hidden"
		cat "$DIR/hidden" >>"$DIR/client/known_hosts"
		install -m 644 "$KEY.pub" "$SHARED_OF_GATEWAY/key"
		install -m 644 "$DIR/client/user.pub" "$SHARED_OF_HOST/key"
		install -m 755 "$BINARY" "$SHARED_OF_HOST/reconciler"`,
		"KEY="+b.key, "ADDRESS="+b.host.address, "HIDDEN="+hidden, "BINARY="+f.binary,
		"SHARED_OF_GATEWAY="+b.gateway.shared, "SHARED_OF_HOST="+b.host.shared)
	for i, m := range []*machine{b.gateway, b.host} {
		m.Run(fmt.Sprintf(`set -e
			useradd -m -s /bin/sh %[1]s
			install -d -m 700 -o %[1]s /home/%[1]s/.ssh
			install -m 600 -o %[1]s %[2]s/key /home/%[1]s/.ssh/authorized_keys
			rm -f /root/.ssh/authorized_keys
			ip addr add %[3]s.%[4]d/24 dev eth0`,
			[]string{"jump", "ops"}[i], m.shared, hidden, i+1))
	}
	b.host.Run("install -m 755 " + b.host.shared + "/reconciler /usr/local/bin/ && ip addr del " +
		b.host.address + "/24 dev eth0")
	if _, err := b.host.makeLXCPath("way", "10.214.0.1/16"); err != nil {
		t.Fatal(err)
	}
	return b
}

// tree declares one container on the host, which has more keys.
func (b *behindGateway) tree(keys string) string {
	return fmt.Sprintf(`networks: {way: {cidr: 10.214.0.0/16, gateway: 10.214.0.1}}
defaults:
  network: way
  from_container: base
  backing: overlayfs
  ssh_gateway: %s
  ssh_gateway_user: jump
  ssh_gateway_key: %s
hosts:
  host: {connect: 'ssh://ops@%s.2', lxcpath: %s, %s}
targets:
  host: {a.example.com: {}}
`, b.gateway.address, b.key, hidden, filepath.Join(b.host.shared, "way"), keys)
}

// TestOverAGateway reaches a host over a gateway, as a user who may use sudo there: with every
// setting of sudo that stands in the way the user is told what to change, and nothing happens.
func TestOverAGateway(t *testing.T) {
	t.Parallel()
	requireLXC(t)
	b := newBehindGateway(t)
	const all, only = "ops ALL=(root) NOPASSWD: ALL\n",
		"ops ALL=(root) NOPASSWD: /usr/local/bin/reconciler agent\n"
	const installed = "agent: /usr/local/bin/reconciler"
	for _, c := range []struct {
		name, sudoers, keys string
		told                []string // nil: the host is reached
	}{
		{"nobody may use sudo", "", "", []string{"NOPASSWD"}},
		{"sudo wants a password", "ops ALL=(root) ALL\n", "", []string{"a password is required",
			"NOPASSWD"}},
		{"sudo wants a terminal", "Defaults:ops requiretty\n" + all, "",
			[]string{"Defaults:ops !requiretty"}},
		{"sudo allows the agent only", only, "", []string{"NOPASSWD"}},
		{"sudo does not find the agent", "Defaults secure_path=/usr/bin\n" + all,
			"agent: reconciler", []string{"secure_path"}},
		{"no agent there", all, "agent: /opt/reconciler",
			[]string{"/opt/reconciler", "of a program that is there"}},
		{"no environment", "Defaults env_reset, use_pty\nDefaults secure_path=/usr/bin:/bin\n" + all,
			"", nil},
		{"the agent only, installed", only, installed, nil},
		{"all", all, "", nil},
	} {
		b.host.Run("cat >/etc/sudoers.d/ops <<'END'\n" + c.sudoers + "END")
		ctl := b.newController(t, b.tree(c.keys))
		if c.told == nil {
			ctl.converges(t, c.name)
			if got := b.host.running("way"); got != "a.example.com" {
				t.Errorf("%s: on the host runs %q", c.name, got)
			}
			ctl.declare(t, strings.Replace(b.tree(c.keys), "{a.example.com: {}}", "{}", 1))
			ctl.converges(t, c.name)
			continue
		}
		code, out, _ := ctl.run(t, "run", "--once")
		if code != 4 {
			t.Errorf("%s: a pass ends with %d:\n%s", c.name, code, out)
		}
		for _, word := range c.told {
			if !strings.Contains(out, word) {
				t.Errorf("%s: the user is not told %q:\n%s", c.name, word, out)
			}
		}
		if got := b.host.running("way"); got != "" {
			t.Errorf("%s: on the host runs %q", c.name, got)
		}
	}
}
