package gittest

import (
	"fmt"
	"net"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"reconciler/spec/source/sshtest"
)

// SSHOptions say how a server shows itself.
type SSHOptions struct {
	HostKeys []string // kinds as for NewSSHKey; empty for "ed25519"
}

// SSHServer serves all repositories below a directory with sshd, and nothing but git. It runs
// as the user of the test, who needs a shell, and as root a password that is not locked.
type SSHServer struct {
	*Gate
	User            string // who logs in
	Key             string // file of a private key that may log in
	LockedKey       string // file of another one, with Passphrase
	Passphrase      string
	StrangerKey     string // file of a private key that may not log in
	KnownHosts      string // file with all host keys of the server
	WrongKnownHosts string // file with other host keys of the same kinds for its address

	t    testing.TB
	root string
	sshd *sshtest.Server
	once sync.Once
}

// ServeSSH starts sshd on a free port of 127.0.0.1; it ends with the test.
func ServeSSH(t testing.TB, root string, o SSHOptions) *SSHServer {
	t.Helper()
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &SSHServer{t: t, root: root, User: who.Username, Passphrase: "open sesame"}
	s.Key, s.StrangerKey = NewSSHKey(t, "ed25519", ""), NewSSHKey(t, "ed25519", "")
	s.LockedKey = NewSSHKey(t, "ed25519", s.Passphrase)
	if len(o.HostKeys) == 0 {
		o.HostKeys = []string{"ed25519"}
	}
	var hostKeys, otherKeys []string
	for _, kind := range o.HostKeys {
		hostKeys = append(hostKeys, NewSSHKey(t, kind, ""))
		otherKeys = append(otherKeys, NewSSHKey(t, kind, ""))
	}
	s.sshd = sshtest.Start(t, s.configure(hostKeys))
	s.Gate = newGate(t, s.sshd.Addr)
	t.Cleanup(s.Close)
	s.KnownHosts = s.knownHosts("known_hosts", hostKeys)
	s.WrongKnownHosts = s.knownHosts("wrong_known_hosts", otherKeys)
	return s
}

// URL is the address of a repository, given by its path below the root.
func (s *SSHServer) URL(repo string) string {
	return "ssh://" + s.User + "@" + s.addr + filepath.Join(s.root, repo)
}

// Command is a value for GIT_SSH_COMMAND with which the git binary logs in with the key of a file,
// knows the hosts of a file, and uses nothing else.
func (s *SSHServer) Command(key, knownHosts string) string {
	return command(knownHosts) + " -o IdentityAgent=none -o IdentitiesOnly=yes -i " + key
}

// AgentCommand is like Command with the keys of an agent.
func (s *SSHServer) AgentCommand(socket, knownHosts string) string {
	return command(knownHosts) + " -o IdentityAgent=" + socket
}

func command(knownHosts string) string {
	return "ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=yes " +
		"-o GlobalKnownHostsFile=/dev/null -o UserKnownHostsFile=" + knownHosts
}

// Log is what sshd wrote so far.
func (s *SSHServer) Log() string { return s.sshd.Log() }

func (s *SSHServer) knownHosts(name string, hostKeys []string) string {
	s.t.Helper()
	host, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	var text strings.Builder
	for _, k := range hostKeys {
		fields := strings.Fields(read(s.t, k+".pub"))
		fmt.Fprintf(&text, "[%s]:%s %s %s\n", host, port, fields[0], fields[1])
	}
	file := filepath.Join(s.t.TempDir(), name)
	write(s.t, file, text.String(), 0o600)
	return file
}
