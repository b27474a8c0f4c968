package remote

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reconciler/spec/source/sshtest"
)

// proxied is how ssh and a shell read a ProxyCommand: the words that arrive at the ssh of the
// gateway. Nothing else may have been run.
func proxied(t *testing.T, shell string, g Gateway, config string) []string {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "my ssh")
	script := "#!/bin/sh\nprintf '%s\\0' \"$@\" >'" + dir + "/words'\n"
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	args, err := sshArgs(Options{SSH: program, SSHConfig: config, Gateway: &g},
		address{"root", "h1", 2222}, "agent")
	if err != nil {
		t.Fatalf("%+v is refused: %v", g, err)
	}
	option := args[slices.IndexFunc(args, func(a string) bool {
		return strings.HasPrefix(a, "ProxyCommand=")
	})]
	cmd := exec.Command("ssh", "-F", "none", "-o", "BatchMode=yes", "-o", option, "-p", "2222", "h1")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SHELL="+shell, "HOME="+dir)
	out, err := cmd.CombinedOutput() // the script ends without a word to ssh, which complains
	words, readErr := os.ReadFile(filepath.Join(dir, "words"))
	if readErr != nil {
		t.Fatalf("%+v is not reached with %s: %v: %s", g, option, err, out)
	}
	if found, err := filepath.Glob(filepath.Join(dir, "touched*")); err != nil || len(found) > 0 {
		t.Errorf("%s runs a command", option)
	}
	return strings.Split(strings.TrimSuffix(string(words), "\x00"), "\x00")
}

// keyIn returns the key that ssh reads in its arguments.
func keyIn(t *testing.T, args []string) (path string) {
	t.Helper()
	at := slices.IndexFunc(args, func(a string) bool { return strings.HasPrefix(a, "IdentityFile=") })
	if at < 0 {
		return ""
	}
	out, err := exec.Command("ssh", "-F", "none", "-G", "-o", args[at], "gw").Output()
	if err != nil {
		t.Fatalf("ssh cannot read %q: %v", args[at], err)
	}
	for line := range strings.Lines(string(out)) {
		if p, found := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "identityfile "); found {
			path = p
		}
	}
	return path
}

// The words for the gateway go through ssh, a shell, and ssh again. Each must arrive as the tree
// has it, whatever is in it and whichever shell the user has; what cannot is refused.
func TestEachWordForTheGatewayArrives(t *testing.T) {
	t.Parallel()
	sshtest.Need(t, "ssh", "openssh-client")
	for _, c := range []struct {
		config string
		g      Gateway
		end    []string // of the words
	}{
		{"", Gateway{Host: "gw"}, []string{"--", "gw"}},
		{"", Gateway{Host: "gw.example.org", User: "jump", Port: 2200},
			[]string{"-l", "jump", "-p", "2200", "--", "gw.example.org"}},
		{"", Gateway{Host: "2001:db8::1", User: "a.b-c_d+e@f"},
			[]string{"-l", "a.b-c_d+e@f", "--", "2001:db8::1"}},
		{"/etc/ssh_hosts", Gateway{Host: "gw", KeyFile: "/k/id_ed25519"}, []string{"--", "gw"}},
		{"/my ssh/100%h", Gateway{Host: "gw", KeyFile: "/my keys/a  b "}, []string{"--", "gw"}},
		{"a;b", Gateway{Host: "gw", KeyFile: "/k/%h %%n 100%"}, []string{"--", "gw"}},
		{"~/x", Gateway{Host: "gw", KeyFile: "/k/`touch touched`;touch touched&"}, []string{"--", "gw"}},
		{"$HOME", Gateway{Host: "gw", KeyFile: "/k/*?[a-z]{b,c}~#=^|<>()"}, []string{"--", "gw"}},
		{"$(touch touched)", Gateway{Host: "gw", KeyFile: "/k/é\tü #"}, []string{"--", "gw"}},
	} {
		for _, name := range []string{"sh", "bash", "dash", "zsh", "ksh", "tcsh", "fish"} {
			shell, err := exec.LookPath(name)
			if err != nil {
				continue
			}
			words := proxied(t, shell, c.g, c.config)
			if !slices.Equal(words[len(words)-len(c.end):], c.end) ||
				!slices.Equal(words[len(words)-len(c.end)-2:][:2], []string{"-W", "[h1]:2222"}) {
				t.Errorf("%s: the gateway %+v is reached with %q", name, c.g, words)
			}
			if c.config != "" && !slices.Equal(words[:2], []string{"-F", c.config}) {
				t.Errorf("%s: the configuration %q arrives as %q", name, c.config, words[:2])
			}
			if got, want := keyIn(t, words), percent(c.g.KeyFile); got != want {
				t.Errorf("%s: ssh takes the key %q for %q", name, want, got)
			}
		}
	}
}
