package remote

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/host/hosttest"
	"reconciler/spec/source/sshtest"
)

func TestAHostOverSSHPassesTheSuite(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	hosttest.Run(t, func(t *testing.T) hosttest.Subject {
		f := newFake()
		return subjectOf(f, dial(t, s.options(listen(t, f))), "dir")
	})
	eventually(t, "the agents are gone", func() bool { return len(s.agents()) == 0 })
}

func TestTheAgentIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	o := s.options(listen(t, newFake()))
	hash, err := o.Program.Hash()
	if err != nil {
		t.Fatal(err)
	}
	h := dial(t, o)
	if h.agent.Hash != hash || h.agent.Hostname != "there" {
		t.Errorf("the agent says of itself %+v", h.agent)
	}
	first := stat(t, filepath.Join(o.directory, hash))
	if first.Mode().Perm() != 0o700 {
		t.Errorf("others may use the agent: %s", first.Mode())
	}
	dial(t, o)
	if second := stat(t, filepath.Join(o.directory, hash)); !os.SameFile(first, second) {
		t.Error("the agent is delivered although it is there")
	}
	if names := list(t, o.directory); len(names) != 1 {
		t.Errorf("beside the agent there is %q", names)
	}
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestADamagedAgentIsReplacedAndOldOnesGo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	o := s.options(listen(t, newFake()))
	hash, err := o.Program.Hash()
	if err != nil {
		t.Fatal(err)
	}
	s.mkdir("agents")
	s.write("agents/"+hash, "half")
	old, recent := strings.Repeat("a", 64), strings.Repeat("b", 64)
	s.write("agents/"+old, "")
	s.write("agents/"+recent, "")
	s.write("agents/.new.abc", "")
	s.write("agents/notes", "")
	longAgo := time.Now().Add(-2 * keepDays * 24 * time.Hour)
	for _, name := range []string{old, ".new.abc", "notes"} {
		if err := os.Chtimes(s.path("agents/"+name), longAgo, longAgo); err != nil {
			t.Fatal(err)
		}
	}
	dial(t, o)
	for name, stays := range map[string]bool{
		hash: true, recent: true, "notes": true, old: false, ".new.abc": false,
	} {
		if _, err := os.Stat(s.path("agents/" + name)); (err == nil) != stays {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnotherUserNeedsSudo has who logs in taken for another user than root.
func TestAnotherUserNeedsSudo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.program("id", "echo 1000")
	s.program("sudo", `echo "sudo $*" >>`+s.path("calls")+`
		[ "$1 $2" = "-n --" ] && shift 2 && exec "$@"`)
	o := s.options(listen(t, newFake()))
	if _, err := dial(t, o).Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
	hash, _ := o.Program.Hash()
	agent := filepath.Join(s.home, ".cache/reconciler/agent", hash)
	if calls := s.read("calls"); !strings.HasSuffix(calls, "sudo -n -- "+agent+" agent\n") {
		t.Errorf("sudo is asked for %q", calls)
	}
	if _, err := os.Stat(o.directory); err == nil {
		t.Error("the directory of root is used")
	}
	s.program("sudo", `echo "sudo: a password is required" >&2; exit 1`)
	refusedWith(t, o, "a password is required", "NOPASSWD")
}

// refusedWith checks that there is no connection, and what the user is told.
func refusedWith(t *testing.T, o Options, words ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tolerance)
	defer cancel()
	h, err := Dial(ctx, o)
	if err == nil {
		_ = h.Close()
		t.Fatalf("the host is reached; the user should be told of %q", words)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error does not tell %q: %v", word, err)
		}
	}
	if strings.ContainsAny(err.Error(), "\r\x1b") || len(err.Error()) > 3000 {
		t.Errorf("the error has no clean lines: %q", err)
	}
}

func TestSSHErrorsComeWithWhatToDo(t *testing.T) {
	t.Parallel()
	newTestKey := func(s *server) {
		other := newServer(t)
		s.write("other.pub", other.read("host.pub"))
		s.write("stranger", other.read("user"))
	}
	for name, c := range map[string]struct {
		spoil func(s *server, o *Options)
		words []string
	}{
		"unknown host key": {func(s *server, o *Options) { s.know("") },
			[]string{"Host key verification failed", "compare the fingerprint", "ssh -F /"}},
		"unknown host key that ssh is configured to believe": {func(s *server, o *Options) {
			s.know("")
			s.configure("StrictHostKeyChecking no\n")
		}, []string{"Host key verification failed"}},
		"changed host key": {func(s *server, o *Options) { newTestKey(s); s.know("other.pub") },
			[]string{`ssh says "WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!"`,
				"ssh-keygen -R '[127.0.0.1]:", "' -f /", "/known_hosts, log in once",
				"\n  Host key verification failed."}},
		"key not accepted": {func(s *server, o *Options) {
			newTestKey(s)
			s.write("user", s.read("stranger"))
		}, []string{"Permission denied (publickey)", "authorized_keys"}},
		"nobody listens": {func(s *server, o *Options) { s.sshd.Close() },
			[]string{"Connection refused", "sshd runs there"}},
		"no such name": {func(s *server, o *Options) { o.Address = "ssh://root@nowhere.invalid" },
			[]string{"Could not resolve hostname", "its address"}},
		"no agent": {func(s *server, o *Options) { o.Command = "/nowhere/reconciler" },
			[]string{"not found", "not installed there"}},
		"not an agent": {func(s *server, o *Options) { o.Command = "/bin/true" },
			[]string{"the connection has ended"}},
		"a library is missing": {func(s *server, o *Options) {
			s.program("agent", "echo error while loading shared libraries: liblxc.so.1 >&2; exit 127")
			o.Command = s.path("bin/agent")
		}, []string{"install LXC there"}},
		"another architecture": {func(s *server, o *Options) { s.program("uname", "echo Plan9") },
			[]string{"Plan9", "install a build"}},
		"the disk is full": {func(s *server, o *Options) {
			s.program("head", "echo head: write error: No space left on device >&2; exit 1")
		}, []string{"No space left on device", "make room"}},
		"damaged on the way": {func(s *server, o *Options) { s.program("sha256sum", "echo 00") },
			[]string{"arrived damaged"}},
		"a shell that talks": {func(s *server, o *Options) { s.program("sh", "yes") },
			[]string{"no agent", `y y y`}},
		"the host does not open": {func(s *server, o *Options) { o.Target.LXCPath = "/nowhere" },
			[]string{"/nowhere/host"}},
		"bad configuration of ssh": {func(s *server, o *Options) { s.configure("Nonsense yes\n") },
			[]string{"Bad configuration option", "mend"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			o := s.options(listen(t, newFake()))
			c.spoil(s, &o)
			refusedWith(t, o, c.words...)
		})
	}
}

func TestASilentServerIsGivenUp(t *testing.T) {
	t.Parallel()
	sshtest.Need(t, "ssh", "openssh-client")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	o := Options{Address: "ssh://root@" + l.Addr().String(), Target: testTarget(), Program: Self(),
		SSHConfig: "/dev/null", Log: quiet()}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the dial ends with %v", err)
	}
	ctx, cancel = context.WithTimeoutCause(t.Context(), 200*time.Millisecond, errLate)
	defer cancel()
	if _, err := Dial(ctx, o); err == nil || !strings.Contains(err.Error(), "the host is up") {
		t.Errorf("nobody is told what to do when the dial ends with %v", err)
	}
}

func TestWhatALoginShellSaysIsNoHarm(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	rc := "echo welcome; printf 'no newline'; echo noise >&2\n"
	for _, name := range []string{".bashrc", ".profile", ".zshenv"} {
		if err := os.WriteFile(filepath.Join(s.home, name), []byte(rc), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := dial(t, s.options(listen(t, newFake()))).Observe(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAGatewayWithItsOwnKey(t *testing.T) {
	t.Parallel()
	host, gateway := newServer(t), newServer(t)
	key := gateway.path("a key 100%d %%h")
	if err := os.Rename(gateway.path("user"), key); err != nil {
		t.Fatal(err)
	}
	host.write("known_hosts", host.read("known_hosts")+gateway.read("known_hosts"))
	o := host.options(listen(t, newFake()))
	o.Gateway = &Gateway{Host: "127.0.0.1", Port: gateway.sshd.Port, User: gateway.user, KeyFile: key}
	if _, err := dial(t, o).Observe(t.Context()); err != nil {
		t.Error(err)
	}
	if !strings.Contains(gateway.sshd.Log(), "Accepted publickey") &&
		!strings.Contains(gateway.sshd.Log(), "Accepted key") {
		t.Errorf("the gateway was passed by: %s", gateway.sshd.Log())
	}
	host.write("known_hosts", strings.Split(host.read("known_hosts"), "\n")[0]+"\n")
	refusedWith(t, o, "Host key verification failed")
}

func TestAConnectionThatIsSharedIsNoHarm(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	dir, err := os.MkdirTemp("", "rc") // short: the path of a socket must be
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s.configure("ControlMaster auto\nControlPersist 2\nControlPath " + dir + "/%C\n")
	o := s.options(listen(t, newFake()))
	for range 3 {
		h := dial(t, o)
		if _, err := h.Observe(t.Context()); err != nil {
			t.Error(err)
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := strings.Count(s.sshd.Log(), "Accepted publickey"); n > 1 {
		t.Errorf("ssh logs in %d times, although it may share one connection", n)
	}
}

func TestTheAgentGoesWithItsConnection(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	f := newFake()
	h := dial(t, s.options(listen(t, f)))
	if _, err := h.Lock(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the agent is gone", func() bool { return len(s.agents()) == 0 })
	unlock, err := f.Lock(t.Context(), "second")
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
	if _, err := h.Observe(t.Context()); err == nil {
		t.Error("a closed connection still shows the host")
	}
}
