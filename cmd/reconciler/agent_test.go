package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"reconciler/reconcile/host/remote"
	"reconciler/spec/source/sshtest"
)

func message(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

// TestAgentTakesNothingButMessages gives the agent a configuration and an environment that every
// other command refuses, and a controller that asks for a directory that is none.
func TestAgentTakesNothingButMessages(t *testing.T) {
	t.Setenv("RECONCILER_CONFIG", "/nowhere/config.yaml")
	t.Setenv("RECONCILER_PARALLEL", "none")
	in, controller := io.Pipe()
	answer, out := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- run([]string{"agent"}, streams{in: in, out: out, err: io.Discard})
	}()
	go func() {
		_, _ = controller.Write(message(`{"id":1,"method":"hello","params":{"Major":2,"Minor":0,` +
			`"Version":"x","Target":{"Host":"h","LXCPath":"/dev/null","Installation":"i"}}}`))
	}()
	first := make([]byte, len(remote.Ready)+1)
	if _, err := io.ReadFull(answer, first); err != nil || string(first) != remote.Ready+"\n" {
		t.Fatalf("the agent begins with %q, %v", first, err)
	}
	var size [4]byte
	if _, err := io.ReadFull(answer, size[:]); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(answer, text); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(`"error"`)) {
		t.Errorf("a directory that is none is served: %s", text)
	}
	_ = controller.Close()
	if got := <-code; got != exitDone {
		t.Errorf("the agent of a controller that left ends with %d", got)
	}
}

// TestAgentSurvivesTheLossOfItsTerminal sends the signals that come with a lost connection, which
// must not cut a running step.
func TestAgentSurvivesTheLossOfItsTerminal(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("reconciler", "agent")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, len(remote.Ready)+1)
	if _, err := io.ReadFull(out, first); err != nil {
		t.Fatal(err)
	}
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGPIPE} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Errorf("after a signal the agent is gone: %v", err)
		}
	}
	if _, err := in.Write(message(`{"id":1,"method":"observe"}`)); err != nil {
		t.Fatal(err)
	}
	var size [4]byte
	if _, err := io.ReadFull(out, size[:]); err != nil {
		t.Errorf("the agent does not answer any more: %v", err)
	}
	_ = in.Close()
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the agent ends with %v", err)
	}
}

// sshHost is a sshd that lets the test in, and an ssh that knows it, found first in its PATH.
type sshHost struct {
	dir  string
	port int
}

// newSSHHost starts sshd. Who logs in is taken for a user with sudo, whose home is of the test:
// what is delivered stays below it.
func newSSHHost(t *testing.T) sshHost {
	t.Helper()
	h := sshHost{dir: t.TempDir()}
	script := fmt.Sprintf(`set -e; cd %[1]s; mkdir -p home bin client
		ssh-keygen -q -t ed25519 -N "" -f host; ssh-keygen -q -t ed25519 -N "" -f user
		printf 'HostKey %[1]s/host\nAuthorizedKeysFile %[1]s/user.pub\n' >sshd
		printf 'PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin prohibit-password\n' >>sshd
		printf 'SetEnv HOME=%[1]s/home PATH=%[1]s/bin:%[2]s\n' >>sshd
		printf '#!/bin/sh\necho 1000\n' >bin/id
		printf '#!/bin/sh\nshift 2; exec "$@"\n' >bin/sudo
		printf 'IdentityFile %[1]s/user\nIdentityAgent none\nUserKnownHostsFile %[1]s/known_hosts\n' >ssh
		printf '#!/bin/sh\nexec %[3]s -F %[1]s/ssh "$@"\n' >client/ssh
		chmod 755 bin/* client/*`, h.dir, os.Getenv("PATH")+":/usr/sbin:/sbin",
		sshtest.Need(t, "ssh", "openssh-client"))
	if err := sh(script); err != nil {
		t.Fatal(err)
	}
	h.port = sshtest.Start(t, filepath.Join(h.dir, "sshd")).Port
	known := fmt.Sprintf(`echo "[127.0.0.1]:%d $(cat %[2]s/host.pub)" >%[2]s/known_hosts`, h.port, h.dir)
	if err := sh(known); err != nil {
		t.Fatal(err)
	}
	return h
}

// TestRunOverSSH makes a container on a host that is reached through ssh, with the program that
// users have, and nothing to do the second time.
func TestRunOverSSH(t *testing.T) {
	t.Parallel()
	requireLXC(t)
	h := newSSHHost(t)
	n, bridge, err := makeBridge()
	if err != nil {
		t.Fatal(err)
	}
	lxcpath, err := os.MkdirTemp("", "rc")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tearDown(lxcpath, bridge) })
	if err := sh(fmt.Sprintf(`set -e
		chmod 755 %[1]s
		ip addr add 10.213.%[2]d.1/24 dev %[3]s; ip link set %[3]s up
		lxc-create -P %[1]s -n base -t busybox >/dev/null
		mkdir %[4]s/tree; cat >%[4]s/tree/tree.yaml <<-END
		networks: {%[3]s: {cidr: 10.213.%[2]d.0/24, gateway: 10.213.%[2]d.1}}
		hosts: {h1.example.org: {connect: "ssh://root@127.0.0.1:%[5]d", lxcpath: %[1]s}}
		defaults: {network: %[3]s, from_container: base, backing: overlayfs}
		targets: {h1.example.org: {c1.example.org: {password: secret}, c2.example.org: {}}}
		END
		CGO_ENABLED=1 go build -o %[4]s/reconciler .`, lxcpath, n, bridge, h.dir, h.port)); err != nil {
		t.Fatal(err)
	}
	first := h.run(t, "run", "--once")
	for _, name := range []string{"c1.example.org", "c2.example.org"} {
		out, err := exec.Command("lxc-info", "-P", lxcpath, "-n", name, "-s").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "RUNNING") {
			t.Errorf("container %s does not run: %s\n%s", name, out, first)
		}
	}
	if second := h.run(t, "run", "--once"); !strings.Contains(second, "No changes.") {
		t.Errorf("the second run is no no-op: %s", second)
	}
	h.run(t, "plan", "--detailed-exitcode")
	if err := waitFor(func() bool { return !running(filepath.Join(h.dir, "home")) }); err != nil {
		t.Error("an agent outlives its controller")
	}
}

// run runs a command of the program and returns what it writes.
func (h sshHost) run(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(filepath.Join(h.dir, "reconciler"), args...)
	cmd.Env = []string{
		"PATH=" + filepath.Join(h.dir, "client") + ":" + os.Getenv("PATH"), "HOME=" + h.dir,
		"RECONCILER_STATE=sqlite://" + filepath.Join(h.dir, "state.db"),
		"RECONCILER_SOURCE=" + filepath.Join(h.dir, "tree"), "RECONCILER_CONFIG=/dev/null",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("reconciler %q fails: %v\n%s", args, err, out)
	}
	if bytes.Contains(out, []byte("secret")) {
		t.Errorf("the password is shown: %s", out)
	}
	return string(out)
}

// running reports whether a process runs a program below a directory.
func running(dir string) bool {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range lines {
		text, _ := os.ReadFile(name) // it may be gone already
		if strings.HasPrefix(string(text), dir) {
			return true
		}
	}
	return false
}

func waitFor(ok func() bool) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return nil
		}
	}
	return syscall.ETIMEDOUT
}
