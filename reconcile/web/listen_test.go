package web_test

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"reconciler/reconcile/web"
)

// socketDir returns a directory whose name is short enough for sockets.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "web")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := web.Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestASocketIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	path := filepath.Join(dir, "s")
	l := listen(t, "unix:"+path)
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("others can use the socket: %v, %v", info.Mode(), err)
	}
	if got := l.Addr().String(); got != path {
		t.Errorf("the address is %q", got)
	}
	if web.Exposed(l.Addr()) {
		t.Error("a socket is taken for a port")
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("after the end there is %v, %v", left, err)
	}
}

// A daemon that was killed leaves its socket, and must start again.
func TestTheSocketOfADeadProcessIsReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	l := listen(t, "unix:"+path)
	go func() {
		if c, err := l.Accept(); err == nil {
			_ = c.Close()
		}
	}()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("nobody listens: %v", err)
	}
	_ = c.Close()
}

func TestASecondDaemonDoesNotTakeTheSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "s")
	first := listen(t, "unix:"+path)
	_, err := web.Listen("unix:" + path)
	if err == nil || !strings.Contains(err.Error(), "another process listens on it") ||
		strings.Count(err.Error(), path) != 1 {
		t.Fatalf("the second one got %v", err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the first one lost its socket: %v", err)
	}
	_ = c.Close()
	_ = first.Close()
}

func TestOfManyThatStartAtOnceOneListens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "s")
	var all sync.WaitGroup
	listeners := make(chan net.Listener, 20)
	for range cap(listeners) {
		all.Go(func() {
			if l, err := web.Listen("unix:" + path); err == nil {
				listeners <- l
			}
		})
	}
	all.Wait()
	if n := len(listeners); n != 1 {
		t.Errorf("%d daemons believe to listen", n)
	}
	for range len(listeners) {
		_ = (<-listeners).Close()
	}
}

// A daemon that ends late must not take the socket of its successor away.
func TestOnlyTheOwnSocketIsRemoved(t *testing.T) {
	t.Parallel()
	path := filepath.Join(socketDir(t), "s")
	first := listen(t, "unix:"+path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	listen(t, "unix:"+path)
	_ = first.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the successor lost its socket: %v", err)
	}
	_ = c.Close()
}

func TestBadAddressesAreRefused(t *testing.T) {
	t.Parallel()
	dir := socketDir(t)
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	taken := listen(t, "127.0.0.1:0").Addr().String()
	for address, want := range map[string]string{
		"":                              "address is missing",
		"9464":                          "missing port",
		"127.0.0.1:port":                "port",
		taken:                           "address already in use",
		"unix:":                         "the path of the socket is missing",
		"unix:" + file:                  "no socket",
		"unix:" + link:                  "no socket",
		"unix:" + dir:                   "no socket",
		"unix:" + dir + "/no/such/s":    "cannot open its directory: no such file",
		"unix:" + dir + "/" + long("s"): "at most 107 bytes",
		"unix:" + file + "/s":           "not a directory",
	} {
		l, err := web.Listen(address)
		if err == nil {
			_ = l.Close()
			t.Errorf("%q is listened on", address)
			continue
		}
		if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "cannot listen on") {
			t.Errorf("%q: %v", address, err)
		}
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("the file is gone: %q, %v", text, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".new*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func long(s string) string { return strings.Repeat(s, 200) }

func TestAPortIsListenedOn(t *testing.T) {
	t.Parallel()
	l := listen(t, "localhost:0")
	if web.Exposed(l.Addr()) {
		t.Errorf("%v is exposed", l.Addr())
	}
	if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
