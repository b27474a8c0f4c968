package remote

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

// behind returns two servers, and how the first is reached over the second, which both know.
func behind(t *testing.T) (host, gateway *server, o Options) {
	t.Helper()
	host, gateway = newServer(t), newServer(t)
	host.write("known_hosts", host.read("known_hosts")+gateway.read("known_hosts"))
	o = host.options(listen(t, newFake()))
	o.Gateway = &Gateway{Host: "127.0.0.1", Port: gateway.sshd.Port, User: gateway.user,
		KeyFile: gateway.path("user")}
	return host, gateway, o
}

func TestGatewayErrorsSayWhichMachineIsToBlame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(host, gateway *server, o *Options)
		words []string
	}{
		"no key": {func(_, _ *server, o *Options) { o.Gateway.KeyFile = "/nowhere/id_ed25519" },
			[]string{"/nowhere/id_ed25519: no such file", "ssh_gateway_key"}},
		"no key at home": {func(_, _ *server, o *Options) { o.Gateway.KeyFile = "~/nowhere/id" },
			[]string{"/nowhere/id: no such file", "ssh_gateway_key"}},
		"a key that is none": {func(host, _ *server, o *Options) { o.Gateway.KeyFile = host.dir },
			[]string{"is not a regular file"}},
		"gateway is unknown": {func(host, gateway *server, _ *Options) { host.know("host.pub") },
			[]string{"Host key verification failed", "log in once with BY and compare"}},
		"host is unknown": {func(host, gateway *server, _ *Options) {
			host.write("known_hosts", gateway.read("known_hosts"))
		}, []string{"Host key verification failed", "-o IdentitiesOnly=yes -i ", "THROUGH and compare"}},
		"gateway refuses the key": {func(_, gateway *server, _ *Options) {
			gateway.write("authorized_keys", "")
		}, []string{"Permission denied (publickey)", "see that BY logs in"}},
		"gateway is down": {func(_, gateway *server, _ *Options) { gateway.sshd.Close() },
			[]string{"Connection refused"}},
		"host is down": {func(host, _ *server, _ *Options) { host.sshd.Close() },
			[]string{"forwarding failed", "the gateway reaches the host"}},
		"gateway forwards nothing": {func(_, gateway *server, _ *Options) {
			gateway.write("authorized_keys", "no-port-forwarding "+gateway.read("authorized_keys"))
		}, []string{"forwarding failed", "AllowTcpForwarding"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host, gateway, o := behind(t)
			c.spoil(host, gateway, &o)
			var words []string
			for _, w := range c.words {
				words = append(words, strings.NewReplacer(
					"BY", fmt.Sprintf("ssh -F %s -o IdentitiesOnly=yes -i %s -p %d %s@127.0.0.1",
						o.SSHConfig, gateway.path("user"), gateway.sshd.Port, gateway.user),
					"THROUGH", fmt.Sprintf("-p %d %s@127.0.0.1", host.sshd.Port, host.user)).Replace(w))
			}
			refusedWith(t, o, words...)
			var unreachable *ConnectError
			if _, err := Dial(t.Context(), o); !errors.As(err, &unreachable) {
				t.Errorf("the host does not count as unreachable: %v", err)
			}
		})
	}
}

func TestAKeyAtHome(t *testing.T) {
	t.Parallel()
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	inHome, err := filepath.Rel(who.HomeDir, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	g := Gateway{Host: "gw", KeyFile: "~/" + inHome + "/id"}
	if err := g.checkKey(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key that does not exist: %v", err)
	}
	path, err := g.keyFile()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.checkKey(); err != nil {
		t.Errorf("a key in the home directory is not found: %v", err)
	}
}
