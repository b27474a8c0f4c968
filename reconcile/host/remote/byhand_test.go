package remote

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestHowToReachAHostByHand(t *testing.T) {
	t.Parallel()
	to := address{"root", "h1", 2222}
	jump := &Gateway{Host: "gw", User: "u", Port: 7}
	locked := &Gateway{Host: "gw", User: "u", Port: 7, KeyFile: "/k"}
	const proxied = `"ProxyCommand=ssh -o IdentitiesOnly=yes -i /k -W '[%h]:%p' -p 7 u@gw"`
	for want, r := range map[string]route{
		"ssh -p 2222 root@h1":                   {to, nil, ""},
		"ssh h1":                                {address{"", "h1", 0}, nil, ""},
		"ssh -F /etc/ssh_hosts -p 2222 root@h1": {to, nil, "/etc/ssh_hosts"},
		"ssh -F '/my ssh' -p 2222 root@h1":      {to, nil, "/my ssh"},
		"ssh -J gw -p 2222 root@h1":             {to, &Gateway{Host: "gw"}, ""},
		"ssh -F /c -J u@gw:7 -p 2222 root@h1":   {to, jump, "/c"},
		"ssh -J u@[2001:db8::1]:7 -p 2222 root@h1": {to,
			&Gateway{Host: "2001:db8::1", User: "u", Port: 7}, ""},
		`ssh -F '/my ssh' -o "ProxyCommand=ssh -F '/my ssh' -W '[%h]:%p' gw" -p 2222 root@h1`: {
			to, &Gateway{Host: "gw"}, "/my ssh"},
		"ssh -o " + proxied + " -p 2222 root@h1": {to, locked, ""},
	} {
		if got, _ := adviceFor(nil, 255, r); got != "see what "+want+" says" {
			t.Errorf("the user is told: %s; want %s", got, want)
		}
	}
	r := route{to, &Gateway{Host: "gw", User: "u", KeyFile: "~/id"}, "/c"}
	said := []string{"Host key verification failed", "kex_exchange_identification"}
	got, _ := adviceFor(said, 255, r)
	if want := "with ssh -F /c -o IdentitiesOnly=yes -i '~/id' u@gw and"; !strings.Contains(got, want) {
		t.Errorf("of the gateway the user is told: %s; want %s", got, want)
	}
}

// What a user is told to type must go the way that the program goes, with the same files: else it
// works by hand, and nobody learns why the program fails.
func TestTheCommandToTypeGoesTheSameWay(t *testing.T) {
	t.Parallel()
	host, gateway, o := behind(t)
	odd := "a 100%d `key` #&;"
	key, config := gateway.path(odd), host.path("my ssh 50%")
	for from, to := range map[string]string{gateway.path("user"): key, host.config: config} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	to, err := parseAddress(o.Address)
	if err != nil {
		t.Fatal(err)
	}
	o.Gateway.KeyFile = key
	r := route{to, o.Gateway, config}
	for where, line := range map[string]string{"host": r.byHand(),
		"gateway": commandLine(append(r.toGateway(), o.Gateway.address().words()...))} {
		out, err := exec.Command("sh", "-c", line+" echo there").CombinedOutput()
		if err != nil || strings.TrimSpace(string(out)) != "there" {
			t.Errorf("%s does not reach the %s: %v: %s", line, where, err, out)
		}
	}
}

func TestALongGreetingIsCutToWhatFollowsIt(t *testing.T) {
	t.Parallel()
	r := route{to: address{"root", "h1", 0}}
	text := strings.Repeat("*****\nWelcome to this host.\n\n", 200) +
		"@@@@@@@@\r\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@@\n" +
		strings.Repeat("x", 5000) + "\nOffending ED25519 key in /my known_hosts:1\n" +
		"Host key verification failed.\n"
	lines := linesOf(text)
	advice, telling := adviceFor(lines, 255, r)
	e := &ConnectError{Host: "h1", Address: "ssh://root@h1", Advice: advice}
	e.Said, e.Also = lastWords(lines, telling)
	first, rest, _ := strings.Cut(e.Error(), "\n")
	if want := `cannot reach host "h1" at ssh://root@h1: ssh says "WARNING: REMOTE HOST IDENTIFICATION ` +
		`HAS CHANGED!": if you know why the host has another key, remove the old one with ` +
		`ssh-keygen -R 'h1' -f '/my known_hosts', log in once with ssh root@h1 and `; !strings.HasPrefix(
		first, want) {
		t.Errorf("the first line is %s; want %s", first, want)
	}
	want := "ssh also says:\n  …\n" + strings.Repeat("  Welcome to this host.\n", 11) +
		"  " + strings.Repeat("x", 300) + "…\n" +
		"  Offending ED25519 key in /my known_hosts:1\n  Host key verification failed."
	if rest != want {
		t.Errorf("below it stands %s; want %s", rest, want)
	}
	if lines := linesOf("\n---\n\x1b[2J\n"); len(lines) > 1 {
		t.Errorf("what says nothing is told: %q", lines)
	}
}
