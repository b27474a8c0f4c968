package gittest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/spec/source/sshtest"
)

func TestSSHRoundTrip(t *testing.T) {
	for _, kind := range []string{"ed25519", "rsa", "ecdsa"} {
		t.Run(kind, func(t *testing.T) {
			_, root, _ := served(t)
			s := ServeSSH(t, root, SSHOptions{HostKeys: []string{kind}})
			if known := read(t, s.KnownHosts); strings.Count(known, "\n") != 0 ||
				!strings.Contains(known, kind) {
				t.Errorf("with one host key of kind %s, known_hosts is %q", kind, known)
			}
			roundTrip(t, s.URL("tree.git"), "-c", "core.sshCommand="+s.Command(s.Key, s.KnownHosts))
		})
	}
}

func TestSSHKeys(t *testing.T) {
	r, root, head := served(t)
	s := ServeSSH(t, root, SSHOptions{HostKeys: []string{"ed25519", "rsa", "ecdsa"}})
	list := func(command string) (string, error) {
		return r.Try("-c", "core.sshCommand="+command, "ls-remote", s.URL("tree.git"), "main")
	}
	t.Run("agent", func(t *testing.T) {
		out, err := list(s.AgentCommand(StartAgent(t, s.Key), s.KnownHosts))
		if err != nil || !strings.HasPrefix(out, head) {
			t.Errorf("the key of the agent: %q, %v; want %s", out, err, head)
		}
	})
	t.Run("locked", func(t *testing.T) {
		ask := filepath.Join(t.TempDir(), "ask")
		write(t, ask, "#!/bin/sh\necho '"+s.Passphrase+"'\n", 0o755)
		asking := strings.Replace(s.Command(s.LockedKey, s.KnownHosts), "BatchMode=yes",
			"BatchMode=no", 1)
		out, err := list("SSH_ASKPASS_REQUIRE=force SSH_ASKPASS=" + ask + " " + asking)
		if err != nil || !strings.HasPrefix(out, head) {
			t.Errorf("the key with its passphrase: %q, %v; want %s", out, err, head)
		}
	})
	refused := map[string]struct{ command, want string }{
		"stranger":        {s.Command(s.StrangerKey, s.KnownHosts), "Permission denied (publickey)"},
		"no passphrase":   {s.Command(s.LockedKey, s.KnownHosts), "Permission denied (publickey)"},
		"empty agent":     {s.AgentCommand(StartAgent(t), s.KnownHosts), "Permission denied (publickey)"},
		"other host keys": {s.Command(s.Key, s.WrongKnownHosts), "Host key verification failed"},
		"unknown host":    {s.Command(s.Key, "/dev/null"), "Host key verification failed"},
	}
	for name, c := range refused {
		if _, err := list(c.command); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: a test of this failure would prove nothing: %v; want %q", name, err, c.want)
		}
	}
	if !strings.Contains(s.Log(), "Accepted publickey for "+s.User) {
		t.Errorf("the log does not tell who logged in: %s", s.Log())
	}
}

// The server of a test must not be a door into the machine.
func TestSSHRunsNothingButGit(t *testing.T) {
	_, root, _ := served(t)
	s := ServeSSH(t, root, SSHOptions{})
	host, port, _ := strings.Cut(s.addr, ":")
	args := strings.Fields(s.Command(s.Key, s.KnownHosts))
	for _, command := range []string{"echo hello", "git-upload-pack '/'; echo hello", ""} {
		cmd := exec.Command(args[0], append(args[1:len(args):len(args)], "-p", port,
			s.User+"@"+host, command)...)
		if out, err := run(cmd); err == nil || strings.Contains(out, "hello") {
			t.Errorf("the command %q ran: %q, %v", command, out, err)
		}
	}
}

func TestSSHCuts(t *testing.T) {
	r, root, _ := served(t)
	s := ServeSSH(t, root, SSHOptions{})
	r.Setenv("GIT_SSH_COMMAND=" + s.Command(s.Key, s.KnownHosts))
	testCuts(t, r, s.Gate, s.URL("tree.git"))
	s.Close()
	s.Unblock()
	if _, err := r.Try("ls-remote", s.URL("tree.git")); err == nil {
		t.Error("a closed server answers")
	}
}

// A session that is busy when the test ends must end with it.
func TestSSHEndsSessions(t *testing.T) {
	_, root, _ := served(t)
	s := ServeSSH(t, root, SSHOptions{})
	host, port, _ := strings.Cut(s.addr, ":")
	args := strings.Fields(s.Command(s.Key, s.KnownHosts))
	cmd := exec.Command(args[0], append(args[1:], "-p", port, s.User+"@"+host,
		"git-upload-pack '"+filepath.Join(root, "tree.git")+"'")...)
	stdin, err := cmd.StdinPipe() // git waits for what we want, and gets nothing
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if err := eventually("git runs", func() bool {
		return sshtest.Mentioned("git-upload-pack\x00"+root) ||
			sshtest.Mentioned("upload-pack\x00"+root)
	}); err != nil {
		t.Fatal(err)
	}
	s.Close()
	_ = cmd.Wait() // ssh fails when its connection ends
	gone := func() bool { return !sshtest.Mentioned(root) }
	if err := eventually("its sessions end", gone); err != nil {
		t.Errorf("a session outlives its server: %v", err)
	}
}
