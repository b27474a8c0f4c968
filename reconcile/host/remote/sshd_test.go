package remote

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/spec/source/sshtest"
)

// server is a sshd of a test on a port of 127.0.0.1, which lets the user of the test in.
type server struct {
	t      testing.TB
	dir    string // with everything of it
	home   string // of who logs in
	user   string
	config string // of ssh, which knows the server and has the key for it
	sshd   *sshtest.Server
}

// newServer starts sshd. Who logs in has a home and a PATH of the test: programs in bin come first.
func newServer(t testing.TB) *server {
	t.Helper()
	sshtest.Need(t, "ssh", "openssh-client")
	keygen := sshtest.Need(t, "ssh-keygen", "openssh-client")
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, dir: t.TempDir(), home: t.TempDir(), user: who.Username}
	for _, key := range []string{"host", "user"} {
		cmd := exec.Command(keygen, "-q", "-t", "ed25519", "-N", "", "-f", s.path(key))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("cannot make a key: %v: %s", err, out)
		}
	}
	s.write("authorized_keys", s.read("user.pub"))
	s.mkdir("bin")
	s.start()
	s.know("host.pub")
	s.configure("")
	return s
}

func (s *server) path(name string) string { return filepath.Join(s.dir, name) }

func (s *server) write(name, text string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *server) mkdir(name string) {
	s.t.Helper()
	if err := os.MkdirAll(s.path(name), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// program puts a script before the programs of the system, for those who log in.
func (s *server) program(name, script string) {
	s.t.Helper()
	s.write("bin/"+name, "#!/bin/sh\n"+script+"\n")
	if err := os.Chmod(s.path("bin/"+name), 0o755); err != nil {
		s.t.Fatal(err)
	}
}

// know makes a host key the one that is expected; without a name none is.
func (s *server) know(key string) {
	if key == "" {
		s.write("known_hosts", "")
		return
	}
	s.write("known_hosts", fmt.Sprintf("[127.0.0.1]:%d %s", s.sshd.Port, s.read(key)))
}

// configure writes ssh's configuration, with more lines before the usual ones.
func (s *server) configure(lines string) {
	s.config = s.path("ssh_config")
	s.write("ssh_config", lines+fmt.Sprintf("\nIdentityFile %s\nIdentityAgent none\n"+
		"IdentitiesOnly yes\nGlobalKnownHostsFile /dev/null\nUserKnownHostsFile %s\n",
		s.path("user"), s.path("known_hosts")))
}

func (s *server) start() {
	s.t.Helper()
	s.write("sshd_config", fmt.Sprintf("HostKey %s\nAuthorizedKeysFile %s\n"+
		"PidFile none\nUsePAM no\nStrictModes no\n"+
		"PermitRootLogin prohibit-password\nAuthenticationMethods publickey\nMaxStartups 100\n"+
		"SetEnv HOME=%s PATH=%s:%s\n", s.path("host"), s.path("authorized_keys"),
		s.home, s.path("bin"), os.Getenv("PATH")))
	s.sshd = sshtest.Start(s.t, s.path("sshd_config"))
}

// options reach the server, and a fake behind the agent there if dir is where it listens.
func (s *server) options(dir string) Options {
	return Options{
		Address: fmt.Sprintf("ssh://%s@%s", s.user, s.sshd.Addr),
		Target:  Target{Host: testHost, LXCPath: dir, Installation: testInstallation},
		Version: "test", Program: Self(), SSHConfig: s.config, Log: quiet(),
		directory: s.path("agents"), timing: quick(),
	}
}

// dial connects, and disconnects when the test ends.
func dial(t testing.TB, o Options) *Host {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tolerance)
	defer cancel()
	h, err := Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// agents are the ids of the agents that run below sshd.
func (s *server) agents() (pids []int) {
	for _, pid := range sshtest.Descendants(s.sshd.PID()) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may be gone already
		words := strings.Split(string(line), "\x00")
		if len(words) > 1 && words[1] == "agent" && words[0] != "sudo" {
			pids = append(pids, pid)
		}
	}
	return pids
}
