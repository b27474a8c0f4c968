package remote

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a sshd of a test on a port of 127.0.0.1, which lets the user of the test in.
type server struct {
	t      testing.TB
	dir    string // with everything of it
	home   string // of who logs in
	port   int
	user   string
	config string // of ssh, which knows the server and has the key for it
	log    safeBuffer
	cmd    *exec.Cmd
}

// need returns the path of a program, or ends the test.
func need(t testing.TB, program string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("RECONCILER_TEST_LXC") == "1" {
		t.Fatalf("%s is missing: install openssh-server and openssh-client", program)
	}
	t.Skipf("%s is missing: install openssh-server and openssh-client", program)
	return ""
}

// newServer starts sshd. Who logs in has a home and a PATH of the test: programs in bin come first.
func newServer(t testing.TB) *server {
	t.Helper()
	need(t, "ssh")
	sshd, keygen := need(t, "sshd"), need(t, "ssh-keygen")
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
	s.start(sshd)
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
	s.write("known_hosts", fmt.Sprintf("[127.0.0.1]:%d %s", s.port, s.read(key)))
}

// configure writes ssh's configuration, with more lines before the usual ones.
func (s *server) configure(lines string) {
	s.config = s.path("ssh_config")
	s.write("ssh_config", lines+fmt.Sprintf("\nIdentityFile %s\nIdentityAgent none\n"+
		"IdentitiesOnly yes\nGlobalKnownHostsFile /dev/null\nUserKnownHostsFile %s\n",
		s.path("user"), s.path("known_hosts")))
}

func (s *server) start(sshd string) {
	s.t.Helper()
	if os.Getuid() == 0 { // else sshd refuses to start
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	for range 5 { // between choosing a port and using it, another may take it
		s.port = freePort(s.t)
		s.write("sshd_config", fmt.Sprintf("ListenAddress 127.0.0.1:%d\nHostKey %s\n"+
			"AuthorizedKeysFile %s\nPidFile none\nUsePAM no\nStrictModes no\n"+
			"PermitRootLogin prohibit-password\nAuthenticationMethods publickey\nMaxStartups 100\n"+
			"SetEnv HOME=%s PATH=%s:%s\n", s.port, s.path("host"), s.path("authorized_keys"),
			s.home, s.path("bin"), os.Getenv("PATH")))
		s.cmd = exec.Command(sshd, "-D", "-e", "-f", s.path("sshd_config"))
		s.cmd.Stderr = &s.log
		if err := s.cmd.Start(); err != nil {
			s.t.Fatal(err)
		}
		if s.greets() {
			s.t.Cleanup(s.end)
			return
		}
		s.end()
	}
	s.t.Fatalf("cannot start sshd: %s", s.log.String())
}

func (s *server) greets() bool {
	for end := time.Now().Add(tolerance); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.address())
		if err == nil {
			greeting := make([]byte, 4)
			_, err = io.ReadFull(conn, greeting)
			_ = conn.Close()
			return err == nil && string(greeting) == "SSH-"
		}
		if strings.Contains(s.log.String(), "Address already in use") {
			return false
		}
	}
	return false
}

// end kills sshd and its sessions, which have groups of their own.
func (s *server) end() {
	for _, pid := range append(descendants(s.cmd.Process.Pid), s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = s.cmd.Wait()
}

func (s *server) address() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// options reach the server, and a fake behind the agent there if dir is where it listens.
func (s *server) options(dir string) Options {
	return Options{
		Address: fmt.Sprintf("ssh://%s@%s", s.user, s.address()),
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

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// descendants are the ids of all processes below one.
func descendants(pid int) (found []int) {
	children := map[int][]int{}
	entries, _ := os.ReadDir("/proc") // without /proc nothing can be found
	for _, e := range entries {
		child, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child)) // it may be gone already
		// pid (name) state parent …, and the name may hold anything
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		if len(fields) > 1 {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], child)
		}
	}
	found = children[pid]
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i]]...)
	}
	return found
}

// agents are the ids of the agents that run below sshd.
func (s *server) agents() (pids []int) {
	for _, pid := range descendants(s.cmd.Process.Pid) {
		line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // it may be gone already
		words := strings.Split(string(line), "\x00")
		if len(words) > 1 && words[1] == "agent" && words[0] != "sudo" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
