package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"gopkg.in/yaml.v3"

	"reconciler/reconcile/host/remote"
	"reconciler/spec"
)

// fakeSSH writes its arguments to a file, and does with ProxyCommand what ssh does: it puts in the
// host and the port, and has a shell run it.
const fakeSSH = `#!/bin/sh
cd "${0%/*}"
printf '%s\n' "$@" "" >>said
for word; do
	case $word in ProxyCommand=*)
		command=$(printf '%s' "${word#ProxyCommand=}" |
			sed 's/%%/\x01/g; s/%h/h1/g; s/%p/22/g; s/\x01/%/g')
		sh -c "exec $command"
	esac
done
echo 'ssh: no' >&2
exit 255
`

// reach has ssh go to the host of a tree, and returns the arguments of all that are called ssh
// then. A tree that is refused has none.
func reach(t *testing.T, entry map[string]any) (calls [][]string, refused error) {
	t.Helper()
	dir := t.TempDir()
	ssh := filepath.Join(dir, "ssh")
	if err := os.WriteFile(ssh, []byte(fakeSSH), 0o755); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(map[string]any{"hosts": map[string]any{"h1": entry},
		"targets": map[string]any{"h1": map[string]any{}}})
	if err != nil {
		t.Fatal(err)
	}
	tree, err := spec.Parse(fstest.MapFS{"t.yaml": {Data: text}}, spec.Options{})
	if err != nil {
		return nil, err
	}
	o := newDialer(&app{}, slog.New(slog.DiscardHandler)).options(tree.Hosts["h1"], "i1")
	o.SSH = ssh
	_, err = remote.Dial(t.Context(), o)
	var unreachable *remote.ConnectError
	if !errors.As(err, &unreachable) {
		t.Errorf("%v is accepted in a tree, and then: %v", entry, err)
	}
	if found, err := filepath.Glob(filepath.Join(dir, "touched*")); err != nil || len(found) > 0 {
		t.Errorf("%v runs a command", entry)
	}
	said, err := os.ReadFile(filepath.Join(dir, "said"))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		t.Fatal(err)
	}
	for call := range strings.SplitSeq(strings.TrimSuffix(string(said), "\n\n"), "\n\n") {
		calls = append(calls, strings.Split(call, "\n"))
	}
	return calls, nil
}

func TestTheTreeDecidesHowSSHGoesToAHost(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "a key %h")
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	calls, err := reach(t, map[string]any{"connect": "ssh://ops@192.0.2.1:2222",
		"ssh_gateway": "bastion.example.net", "ssh_gateway_user": "jump", "ssh_gateway_port": 2200,
		"ssh_gateway_key": key, "agent": "/opt/reconciler"})
	if err != nil || len(calls) != 2 {
		t.Fatalf("ssh is called for the host and the gateway with %q, %v", calls, err)
	}
	host, gateway := calls[0], calls[1]
	if want := []string{"-l", "ops", "-p", "2222", "--", "192.0.2.1"}; !slices.Equal(
		host[len(host)-len(want)-1:len(host)-1], want) ||
		!strings.HasSuffix(host[len(host)-1], " 'reconciler' '/opt/reconciler'") {
		t.Errorf("the host is reached with %q", host)
	}
	want := []string{"-W", "[h1]:22", "-l", "jump", "-p", "2200", "--", "bastion.example.net"}
	if !slices.Equal(gateway[len(gateway)-len(want):], want) ||
		!slices.Contains(gateway, `IdentityFile="`+strings.ReplaceAll(key, "%", "%%")+`"`) {
		t.Errorf("the gateway is reached with %q", gateway)
	}
}

func TestTheConfigurationOfSSHIsForGatewaysToo(t *testing.T) {
	t.Parallel()
	tree, err := spec.Parse(fstest.MapFS{"t.yaml": {Data: []byte(
		"hosts: {h1: {ssh_gateway: gw}}\ntargets: {h1: {}}")}}, spec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	o := newDialer(&app{sshConfig: "/etc/my ssh_config"}, slog.New(slog.DiscardHandler)).
		options(tree.Hosts["h1"], "i1")
	o.SSH = filepath.Join(dir, "ssh")
	if err := os.WriteFile(o.SSH, []byte(fakeSSH), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Dial(t.Context(), o); !errors.As(err, new(*remote.ConnectError)) {
		t.Fatal(err)
	}
	said, err := os.ReadFile(filepath.Join(dir, "said"))
	if n := strings.Count(string(said), "-F\n/etc/my ssh_config\n"); n != 2 || err != nil {
		t.Errorf("the configuration is used %d times, want 2: %v\n%s", n, err, said)
	}
}

// A tree may be of anybody who can open a pull request: whatever it says of the way to a host is
// refused, or is a single word for ssh and for every shell in between.
func TestHostileWaysRunNothing(t *testing.T) {
	t.Parallel()
	words := []string{"$(touch touched)", "`touch touched`", "x;touch touched;", "x\ntouch touched\n",
		"'; touch touched; '", `"; touch touched; "`, "x|touch touched", "x&touch touched&",
		"-oProxyCommand=touch touched", "-F/etc/passwd", "%h;touch touched", "${HOME}", "~root/x",
		"x y", "x\ttouched", "é", "\x1b[2J", "x>touched", "!!", "%%n", "x\\\ntouch touched"}
	keys := t.TempDir() + "/"
	through := 0
	for key, shape := range map[string][]string{
		"ssh_gateway":      {"", "fe80::1%", "gw."},
		"ssh_gateway_user": {"", "u"},
		"ssh_gateway_port": {"", "22"},
		"ssh_gateway_key":  {"", keys, "~/"},
		"agent":            {"", "/opt/", "rec"},
		"connect":          {"", "ssh://root@", "ssh://", "ssh://root@h1:22", "ssh://root@[fe80::1%25"},
	} {
		for _, begin := range shape {
			for _, word := range words {
				entry := map[string]any{"ssh_gateway": "gw"}
				entry[key] = begin + word
				if begin == keys {
					// Not every word is the name of a file; those that are not need no check.
					_ = os.WriteFile(begin+word, nil, 0o600)
				}
				calls, _ := reach(t, entry)
				through += len(calls)
				for _, call := range calls {
					if last := call[len(call)-1]; last == "" || slices.Contains(call, "touched") {
						t.Errorf("%v has ssh called with %q", entry, call)
					}
				}
			}
		}
	}
	if through == 0 {
		t.Error("no tree has got as far as ssh")
	}
}
