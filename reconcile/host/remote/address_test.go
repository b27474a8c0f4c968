package remote

import (
	"slices"
	"strings"
	"testing"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]address{
		"ssh://root@h1.example.org":      {"root", "h1.example.org", 0},
		"ssh://root@h1.example.org:2222": {"root", "h1.example.org", 2222},
		"ssh://alias":                    {"", "alias", 0},
		"ssh://a.b-c_d@192.0.2.1:22":     {"a.b-c_d", "192.0.2.1", 22},
		"ssh://root@[2001:db8::1]:2222":  {"root", "2001:db8::1", 2222},
	} {
		if got, err := parseAddress(text); err != nil || got != want {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
	}
}

func TestAddressesThatCouldBeOptionsOrCommands(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "root@h", "http://root@h", "ssh://", "ssh://root@", "ssh://-oProxyCommand=id@h",
		"ssh://root@-oProxyCommand=id", "ssh://%2dl@h", "ssh://root@h/path", "ssh://root@h?x=1",
		"ssh://root:secret@h", "ssh://root@h:0", "ssh://root@h:70000", "ssh://root@h:port",
		"ssh://ro%20ot@h", "ssh://root@h%3bid", "ssh://ro;ot@h", "ssh://$(id)@h", "ssh://root@a%0ab",
		"ssh://`id`@h", "ssh://root@%25h", "ssh:root@h", "ssh://a%27b@h", "ssh://root@[fe80::1%25eth0]",
	} {
		a, err := parseAddress(text)
		if err == nil {
			t.Errorf("%q is taken for %+v", text, a)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

// FuzzAddress looks for an address whose parts mean something else to ssh or a shell.
func FuzzAddress(f *testing.F) {
	f.Add("ssh://root@h1.example.org:22")
	f.Add("ssh://-l@-p:1")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAddress(text)
		if err != nil {
			return
		}
		args := a.args()
		at := slices.Index(args, "--")
		if at != len(args)-2 || strings.HasPrefix(a.user, "-") || strings.HasPrefix(a.host, "-") {
			t.Errorf("%q gives ssh the arguments %q", text, args)
		}
		if strings.ContainsAny(a.user+a.host, " \t\n'\"\\$`;&|<>(){}*?!#%/") {
			t.Errorf("%q gives a shell %q", text, args)
		}
	})
}

func TestSSHNeverAsksAndNeverBelieves(t *testing.T) {
	t.Parallel()
	o := Options{SSH: "ssh", Gateway: &Gateway{Host: "gw.example.org", User: "jump", Port: 2200,
		KeyFile: "/srv/a key%"}}
	args, err := sshArgs(o, address{"root", "h1", 22}, "exec agent")
	if err != nil {
		t.Fatal(err)
	}
	proxy := args[slices.IndexFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "ProxyCommand=")
	})]
	for _, option := range []string{"BatchMode=yes", "StrictHostKeyChecking=yes"} {
		if !slices.Contains(args, option) || !strings.Contains(proxy, "'"+option+"'") {
			t.Errorf("%s is not demanded of the host and the gateway: %q", option, args)
		}
	}
	const end = ` '-o' 'IdentitiesOnly=yes' '-o' 'IdentityFile="/srv/a key%%%%"' '-W' '[%h]:%p' ` +
		`'-l' 'jump' '-p' '2200' '--' 'gw.example.org'`
	if !strings.HasSuffix(proxy, end) {
		t.Errorf("the gateway is reached by %s", proxy)
	}
	if got := args[len(args)-3:]; !slices.Equal(got, []string{"--", "h1", "exec agent"}) {
		t.Errorf("ssh's last arguments are %q", got)
	}
}

func TestGatewaysThatCannotBePassedToAShell(t *testing.T) {
	t.Parallel()
	for _, g := range []Gateway{
		{}, {Host: "-oProxyCommand=id"}, {Host: "gw", User: "-l"}, {Host: "gw", Port: -1},
		{Host: "gw;id"}, {Host: "gw", KeyFile: "a'b"}, {Host: "gw", KeyFile: "a\nb"},
		{Host: "gw", KeyFile: `a"b`}, {Host: "gw", KeyFile: "/${HOME}"},
		{Host: "fe80::1%eth0;id"}, {Host: "gw", KeyFile: `a\b`},
	} {
		if got, err := g.proxyCommand([]string{"ssh"}); err == nil {
			t.Errorf("%+v becomes %s", g, got)
		}
	}
}

func TestTheCommandThereIsQuoted(t *testing.T) {
	t.Parallel()
	o := Options{Command: "/opt/my tools/reconciler;id"}
	command, err := remoteCommand(o)
	if err != nil || !strings.HasSuffix(command, " 'reconciler' '/opt/my tools/reconciler;id'") {
		t.Errorf("the host is told to run %s, %v", command, err)
	}
	for _, bad := range []string{"a'b", "a\nb", "-x", "a!b", "a\x1bb"} {
		if command, err := remoteCommand(Options{Command: bad}); err == nil {
			t.Errorf("the host is told to run %s", command)
		}
	}
	if strings.ContainsAny(deliverScript()+runScript(), "'\\!\n") {
		t.Error("a script holds what some login shell does not pass on")
	}
}

func TestAdvice(t *testing.T) {
	t.Parallel()
	r := route{to: address{"root", "h1", 2222}}
	for said, want := range map[string]string{
		"ssh: connect to host h1 port 22: Connection refused":                   "sshd runs there",
		"ssh: connect to host h1 port 22: Connection timed out":                 "firewall",
		"ssh: connect to host h1 port 22: No route to host":                     "is up",
		"ssh: connect to host h1 port 22: Network is unreachable":               "has a route",
		"sudo: a password is required":                                          "NOPASSWD",
		"sudo: a terminal is required to read the password":                     "NOPASSWD",
		"sudo: sorry, you must have a tty to run sudo":                          "Defaults:root !requiretty",
		"bob is not in the sudoers file":                                        "NOPASSWD",
		"Sorry, user bob is not allowed to execute '/bin/true' as root on h1.":  "agent: /",
		"Sorry, user bob may not run sudo on h1.":                               "NOPASSWD",
		"sudo: reconciler: command not found":                                   "secure_path",
		"sudo: unable to execute /home/bob/x: Permission denied":                "noexec",
		"sudo: effective uid is not 0, is /usr/bin/sudo on a file system with":  "nosuid",
		"sudo: PAM account management error: Permission denied":                 "account",
		"sudo: account validation failure, is your account locked?":             "account",
		"REMOTE HOST IDENTIFICATION HAS CHANGED! Host key verification failed.": "-R '[h1]:2222'",
		"version `GLIBC_2.38' not found":                                        "older",
		"kex_exchange_identification: Connection closed by remote host":         "MaxStartups",
	} {
		if got, _ := adviceFor([]string{said}, 255, r); !strings.Contains(got, want) {
			t.Errorf("about %q the user is told %q", said, got)
		}
	}
	for code, want := range map[int]string{
		126: "noexec", 127: "not installed", 255: "ssh -p 2222 root@h1", 1: "",
	} {
		if got, _ := adviceFor(nil, code, r); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("about exit code %d the user is told %q", code, got)
		}
	}
}

func TestWhatAHostSaysCannotPlayTricks(t *testing.T) {
	t.Parallel()
	if got := clean("a\x1b[2J\r\nb\xff\t c"); got != "a [2J b? c" {
		t.Errorf("a terminal gets %q", got)
	}
	if got := clean(strings.Repeat("x", 5000)); len(got) > 1100 {
		t.Errorf("%d bytes are shown", len(got))
	}
	var lines []string
	said := &tail{log: func(line string) { lines = append(lines, line) }}
	for _, part := range []string{"one\ntw", "o\n", strings.Repeat("y", 3*maxTail), "\nlast"} {
		if _, err := said.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if len(lines) != 3 || lines[1] != "two" {
		t.Errorf("the log has %d lines", len(lines))
	}
	if got := said.raw(); !strings.HasSuffix(got, "\nlast") || len(said.text) > maxTail {
		t.Errorf("%d bytes are kept, %q last", len(said.text), got[max(0, len(got)-10):])
	}
}

func TestOurOwnSettingsStayHere(t *testing.T) {
	t.Parallel()
	got := childEnvironment([]string{"HOME=/root", "RECONCILER_STATE=sqlite:///x", "SSH_AUTH_SOCK=s"})
	if !slices.Equal(got, []string{"HOME=/root", "SSH_AUTH_SOCK=s"}) {
		t.Errorf("ssh gets %q", got)
	}
}

func TestVersionsThatDoNotFit(t *testing.T) {
	t.Parallel()
	g := greeting{Major: 2, Minor: 3, Version: "mine"}
	for _, c := range []struct {
		major, minor int
		fits         bool
	}{{2, 3, true}, {2, 4, true}, {2, 2, false}, {1, 9, false}, {3, 0, false}} {
		err := Agent{Major: c.major, Minor: c.minor, Version: "theirs"}.check(g)
		if (err == nil) != c.fits {
			t.Errorf("protocol %d.%d: %v", c.major, c.minor, err)
		}
		if err == nil {
			continue
		}
		if text := err.Error(); !strings.Contains(text, "theirs") || !strings.Contains(text, "mine") {
			t.Errorf("the error does not name both versions: %v", err)
		}
	}
	s := serve(t, newFake(), slow())
	old := g
	old.Target = testTarget()
	line := make([]byte, len(Ready)+1)
	if _, err := s.client.Read(line); err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t.Context(), s.client, old, slow()); err == nil ||
		!strings.Contains(err.Error(), "install the same version") {
		t.Errorf("a client of another major is told %v", err)
	}
}

func TestOnlyBuildsForTheMachineAreDelivered(t *testing.T) {
	t.Parallel()
	if runsOn("FreeBSD", "amd64") == nil || runsOn("Linux", "vax") == nil {
		t.Error("a program is delivered that cannot run there")
	}
	for arch, machine := range map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i686",
		"arm": "armv7l", "riscv64": "riscv64"} {
		if got := machineOf(arch); got != machine {
			t.Errorf("%s runs on %q", arch, got)
		}
	}
}
