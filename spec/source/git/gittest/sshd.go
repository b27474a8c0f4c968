package gittest

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// configure writes the settings of sshd, all but its address.
func (s *SSHServer) configure(hostKeys []string) string {
	s.t.Helper()
	dir := s.t.TempDir()
	keys := filepath.Join(dir, "authorized_keys")
	write(s.t, keys, read(s.t, s.Key+".pub")+"\n"+read(s.t, s.LockedKey+".pub")+"\n", 0o600)
	var text strings.Builder
	for _, k := range hostKeys {
		fmt.Fprintf(&text, "HostKey %s\n", k)
	}
	fmt.Fprintf(&text, "AuthorizedKeysFile %s\n", keys)
	text.WriteString("PidFile none\nUsePAM no\nStrictModes no\nLogLevel VERBOSE\n" +
		"AuthenticationMethods publickey\nPermitRootLogin prohibit-password\n" +
		"AllowTcpForwarding no\nPermitTTY no\nMaxStartups 100\nAcceptEnv GIT_PROTOCOL\n")
	// HOME keeps the user's shell from reading what the user wrote for it.
	fmt.Fprintf(&text, "SetEnv HOME=%s GIT_CONFIG_NOSYSTEM=1\n", s.t.TempDir())
	// Nothing but git: a test must not open a door.
	text.WriteString("ForceCommand exec git shell -c \"$SSH_ORIGINAL_COMMAND\"\n")
	config := filepath.Join(dir, "sshd_config")
	write(s.t, config, text.String(), 0o600)
	return config
}

// start runs sshd on a free port and returns its address.
func (s *SSHServer) start(sshd, config string) string {
	s.t.Helper()
	if os.Getuid() == 0 { // else sshd refuses to start
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	for range 5 { // between choosing a port and using it, another may take it
		addr := freeAddr(s.t)
		s.cmd = exec.Command(sshd, "-D", "-e", "-f", config, "-o", "ListenAddress="+addr)
		s.cmd.Stderr, s.cmd.Env = &s.log, []string{"PATH=" + os.Getenv("PATH")}
		if err := s.cmd.Start(); err != nil {
			s.t.Fatal(err)
		}
		s.done = make(chan struct{})
		go func(cmd *exec.Cmd, done chan struct{}) {
			defer close(done)
			_ = cmd.Wait() // a signal ends it; what went wrong is in its log
		}(s.cmd, s.done)
		if s.ready(addr) {
			return addr
		}
		s.end()
	}
	s.t.Fatalf("cannot start sshd: %s", s.log.String())
	return ""
}

func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// ready waits until sshd greets, and reports false if it ended instead.
func (s *SSHServer) ready(addr string) bool {
	err := eventually("sshd greets", func() bool {
		return s.ended() || greets(addr)
	})
	return err == nil && !s.ended()
}

func (s *SSHServer) ended() bool {
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

// Close ends sshd and all it started, and waits until they are gone. A second call does nothing.
func (s *SSHServer) Close() {
	s.once.Do(func() {
		s.close()
		s.end()
	})
}

// end kills by id, children too: sshd's sessions have groups of their own and outlive it.
func (s *SSHServer) end() {
	family := descendants(s.cmd.Process.Pid)
	_ = s.cmd.Process.Kill()
	<-s.done
	for _, pid := range family {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	gone := func() bool {
		for _, pid := range family {
			if alive(pid) {
				return false
			}
		}
		return true
	}
	if err := eventually("the sessions of sshd are gone", gone); err != nil {
		s.t.Error(err)
	}
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
