// Package sshtest runs OpenSSH's sshd for tests of whatever is reached through ssh, and tells which
// processes a test has started.
//
// It promises that a server listens on loopback only and is gone with all its sessions when its
// test ends, and that a program which is missing skips the test with a sentence, or fails it where
// RECONCILER_TEST_LXC=1 forbids skipping. It never decides who may log in or what may be run: the
// configuration is the caller's. It is never part of the program: only tests import it.
package sshtest

import (
	"bytes"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what must happen.
const patience = 60 * time.Second

// Need returns the path of a program, which may be one for root. Where it is missing the test ends
// with a sentence that names the Debian package to install.
func Need(t testing.TB, program, packageName string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("RECONCILER_TEST_LXC") == "1" {
		t.Fatalf("%s is missing: install the package %s", program, packageName)
	}
	t.Skipf("%s is missing: install the package %s", program, packageName)
	return ""
}

// Server is a running sshd.
type Server struct {
	Addr string // such as 127.0.0.1:40022
	Port int

	t    testing.TB
	cmd  *exec.Cmd
	done chan struct{} // closed when sshd has ended
	log  safeBuffer
	once sync.Once
}

// Start runs sshd on a free port of 127.0.0.1 until the test ends, and returns when it answers.
// The file config holds its settings, all but the address.
func Start(t testing.TB, config string) *Server {
	t.Helper()
	sshd := Need(t, "sshd", "openssh-server")
	if os.Getuid() == 0 { // else sshd refuses to start
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := &Server{t: t}
	for range 5 { // between choosing a port and using it, another may take it
		s.Port = freePort(t)
		s.Addr = "127.0.0.1:" + strconv.Itoa(s.Port)
		s.run(exec.Command(sshd, "-D", "-e", "-f", config, "-o", "ListenAddress="+s.Addr))
		if s.answers() {
			t.Cleanup(s.Close)
			return s
		}
		s.end()
	}
	t.Fatalf("cannot start sshd: %s", s.Log())
	return nil
}

func freePort(t testing.TB) int {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().(*net.TCPAddr).Port
}

func (s *Server) run(cmd *exec.Cmd) {
	s.t.Helper()
	cmd.Stderr, cmd.Env = &s.log, []string{"PATH=" + os.Getenv("PATH")}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	done := make(chan struct{})
	s.cmd, s.done = cmd, done
	go func() {
		defer close(done)
		_ = cmd.Wait() // a signal ends it; what went wrong is in its log
	}()
}

// answers waits until sshd greets, and reports false if it ended instead.
func (s *Server) answers() bool {
	return eventually(func() bool { return s.ended() || greets(s.Addr) }) && !s.ended()
}

func (s *Server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

func greets(addr string) bool {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(patience))
	greeting := make([]byte, 4)
	_, err = io.ReadFull(c, greeting)
	return err == nil && string(greeting) == "SSH-"
}

// PID is the process id of sshd; its sessions are among the Descendants.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Log returns what sshd has written so far.
func (s *Server) Log() string { return s.log.String() }

// Close ends sshd and all it started, and waits until they are gone. A second call does nothing.
func (s *Server) Close() { s.once.Do(s.end) }

// end kills by id, children too: sshd's sessions have groups of their own and outlive it.
func (s *Server) end() {
	family := Descendants(s.PID())
	_ = s.cmd.Process.Kill()
	<-s.done
	for _, pid := range family {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	gone := eventually(func() bool {
		for _, pid := range family {
			if Alive(pid) {
				return false
			}
		}
		return true
	})
	if !gone {
		s.t.Errorf("sessions of sshd are left: %v", family)
	}
}

// eventually waits until a condition holds, and reports whether it did.
func eventually(ok func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}

// safeBuffer is a bytes.Buffer for several goroutines.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

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
