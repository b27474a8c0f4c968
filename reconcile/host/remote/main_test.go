package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"reconciler/reconcile/host/hosttest"
)

const (
	testHost         = "h1.example.org"
	testInstallation = "inst"

	// tolerance is how long a test waits for what must happen.
	tolerance = 60 * time.Second
)

// TestMain makes this program its own agent: ssh, and what is delivered, run it as "agent". Tests
// run it as a pool of agents, and as a controller.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "agent" {
		os.Exit(runAgent())
	}
	if len(os.Args) == 3 && os.Args[1] == "pool" {
		os.Exit(servePool(os.Args[2]))
	}
	if len(os.Args) == 3 && os.Args[1] == "controller" {
		os.Exit(runController(os.Args[2]))
	}
	os.Exit(m.Run())
}

// runAgent serves the fake of the test process, whose socket is in the lxcpath: a host outlives
// its agents.
func runAgent() int {
	self := Self()
	err := Serve(stdio{}, ServeOptions{
		Hash: self.Hash, Version: "test", Hostname: "there", Log: slog.New(slog.DiscardHandler),
		Open: func(t Target) (Driver, error) {
			conn, err := net.Dial("unix", filepath.Join(t.LXCPath, "host"))
			if err != nil {
				return nil, err
			}
			return greetOver(conn, t, quick())
		},
		timing: quick(),
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

type stdio struct{}

func (stdio) Read(p []byte) (int, error)  { return os.Stdin.Read(p) }
func (stdio) Write(p []byte) (int, error) { return os.Stdout.Write(p) }
func (stdio) Close() error {
	return errors.Join(os.Stdin.Close(), os.Stdout.Close())
}

// quick notices within a second or two that a peer is gone.
func quick() timing {
	return timing{beat: 100 * time.Millisecond, patience: 2 * time.Second, grace: 5 * time.Second}
}

// slow never thinks that a peer is gone.
func slow() timing { return timing{beat: time.Hour, patience: time.Hour, grace: tolerance} }

func testTarget() Target {
	return Target{Host: testHost, LXCPath: "/var/lib/lxc", Installation: testInstallation}
}

// greetOver makes a client of a pipe to an agent.
func greetOver(pipe io.ReadWriteCloser, t Target, timing timing) (*Host, error) {
	line := make([]byte, len(Ready)+1)
	if _, err := io.ReadFull(pipe, line); err != nil {
		return nil, err
	}
	g := greeting{Major: major, Minor: minor, Version: "test", Target: t}
	return connect(context.Background(), pipe, g, timing)
}

// serving is an agent in this process.
type serving struct {
	client net.Conn
	ended  chan struct{} // closed when Serve has returned
	err    error         // what it returned
}

// serve serves a driver at the other end of a pipe.
func serve(t testing.TB, d Driver, timing timing) *serving {
	t.Helper()
	here, there := net.Pipe()
	s := &serving{client: here, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		s.err = Serve(there, serveOptions(d, timing))
	}()
	t.Cleanup(func() {
		_ = here.Close()
		s.wait(t)
	})
	return s
}

func serveOptions(d Driver, timing timing) ServeOptions {
	return ServeOptions{
		Open:    func(Target) (Driver, error) { return d, nil },
		Hash:    func() (string, error) { return "00", nil },
		Version: "test", Log: quiet(), timing: timing,
	}
}

func (s *serving) wait(t testing.TB) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(tolerance):
		t.Error("the agent outlives its connection")
	}
}

// over returns a client of a driver that is served over a pipe.
func over(t testing.TB, d Driver, timing timing) *Host {
	t.Helper()
	h, err := greetOver(serve(t, d, timing).client, testTarget(), timing)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

func newFake() *hosttest.Fake {
	f := hosttest.New(hosttest.Config{
		Host: testHost, Installation: testInstallation,
		Bridges: []string{"br0"}, Images: []string{"busybox"},
	})
	f.CreateByHand("base")
	return f
}

// listen serves a fake at a socket, to any number of agents at once, and returns its directory.
func listen(t testing.TB, d Driver) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "rc") // short: the path of a socket must be
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", filepath.Join(dir, "host"))
	if err != nil {
		t.Fatal(err)
	}
	var agents sync.WaitGroup
	go func() {
		for {
			conn, err := socket.Accept()
			if err != nil {
				return
			}
			agents.Go(func() { _ = Serve(conn, serveOptions(d, quick())) })
		}
	}()
	t.Cleanup(func() {
		_ = socket.Close()
		agents.Wait()
		_ = os.RemoveAll(dir)
	})
	return dir
}

// eventually waits until something holds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(tolerance); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited in vain until %s", what)
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// socketPair is a connection with buffers, as a pipe to ssh has them.
func socketPair(t testing.TB) (here, there net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ends := make([]net.Conn, 2)
	for i, fd := range fds {
		file := os.NewFile(uintptr(fd), "socket")
		if ends[i], err = net.FileConn(file); err != nil {
			t.Fatal(err)
		}
		_ = file.Close() // net has a copy
	}
	return ends[0], ends[1]
}
