package gittest

import (
	"os/exec"
	"path/filepath"
	"testing"

	"reconciler/spec/source/sshtest"
)

// NewSSHKey makes a key with ssh-keygen and returns the file of the private one; beside it is the
// public one, with ".pub". Kinds are "ed25519", "rsa" and "ecdsa". An empty passphrase leaves it
// unlocked.
func NewSSHKey(t testing.TB, kind, passphrase string) string {
	t.Helper()
	keygen := sshtest.Need(t, "ssh-keygen", "openssh-client")
	file := filepath.Join(t.TempDir(), "id_"+kind)
	must(t, exec.Command(keygen, "-q", "-t", kind, "-N", passphrase, "-C", "gittest", "-f", file))
	return file
}

// StartAgent starts an ssh-agent that holds the keys, which must be unlocked, and returns its
// socket. It ends with the test.
func StartAgent(t testing.TB, keys ...string) (socket string) {
	t.Helper()
	agent := sshtest.Need(t, "ssh-agent", "openssh-client")
	add := sshtest.Need(t, "ssh-add", "openssh-client")
	socket = filepath.Join(shortDir(t), "agent")
	cmd := exec.Command(agent, "-D", "-a", socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	list := func() bool { // 1: it answers, and holds nothing
		err := withAgent(socket, exec.Command(add, "-l")).Run()
		exit, ok := err.(*exec.ExitError)
		return ok && exit.ExitCode() == 1
	}
	if err := eventually("the ssh-agent answers", list); err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		must(t, withAgent(socket, exec.Command(add, "-q", key)))
	}
	return socket
}

func withAgent(socket string, cmd *exec.Cmd) *exec.Cmd {
	cmd.Env = []string{"SSH_AUTH_SOCK=" + socket}
	return cmd
}
