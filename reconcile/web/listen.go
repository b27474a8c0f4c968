package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Listen opens an address: "127.0.0.1:9464" or "unix:/run/reconciler/control.sock". See Exposed
// for addresses that are not of this machine alone.
//
// A socket is 0600 from its first moment, in a directory that exists. What a dead process left in
// its place is replaced; one that a process listens on, and a file of another kind, are refused.
// Closing the listener removes the socket.
func Listen(address string) (net.Listener, error) {
	var l net.Listener
	var err error
	path, isPath := strings.CutPrefix(address, "unix:")
	switch {
	case isPath:
		l, err = listenUnix(path)
	case address == "":
		err = errors.New("the address is missing") // net would take any port of any address
	default:
		l, err = net.Listen("tcp", address)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %q: %w", address, cause(err))
	}
	return l, nil
}

// cause is an error without the address, which the message names already.
func cause(err error) error {
	var oe *net.OpError
	if errors.As(err, &oe) {
		return oe.Err
	}
	return withoutPath(err)
}

// socket is a listener on a path.
type socket struct {
	*net.UnixListener
	path  string
	file  fs.FileInfo
	close func() error
}

func listenUnix(path string) (l net.Listener, err error) {
	if path == "" {
		return nil, errors.New("the path of the socket is missing")
	}
	if err := checkLength(path); err != nil {
		return nil, err
	}
	err = alone(filepath.Dir(path), func() error {
		if err := checkFree(path); err != nil {
			return err
		}
		l, err = bind(path)
		return err
	})
	return l, err
}

// checkLength refuses a path to which nobody could connect.
func checkLength(path string) error {
	if most := len(syscall.RawSockaddrUnix{}.Path) - 1; len(path) > most {
		return fmt.Errorf("the path of a socket has at most %d bytes, this one has %d", most,
			len(path))
	}
	return nil
}

// checkFree returns an error unless nobody listens on a path.
func checkFree(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("there is a file that is no socket")
	}
	const patience = 2 * time.Second
	c, err := net.DialTimeout("unix", path, patience)
	if err == nil {
		_ = c.Close()
		return errors.New("another process listens on it; is the daemon running already?")
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil // its process has ended
	}
	return err
}

// bind makes the socket where nobody else can come, and then puts it in its place: at no moment
// there is one that others may use.
func bind(path string) (net.Listener, error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), ".new")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	hidden := filepath.Join(dir, "s")
	if err := checkLength(hidden); err != nil {
		return nil, fmt.Errorf("its directory is too deep: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: hidden, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	info, err := reveal(hidden, path)
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	s := &socket{UnixListener: l, path: path, file: info}
	s.close = sync.OnceValue(s.remove)
	return s, nil
}

func reveal(hidden, path string) (fs.FileInfo, error) {
	if err := os.Chmod(hidden, 0o600); err != nil {
		return nil, err
	}
	info, err := os.Lstat(hidden)
	if err != nil {
		return nil, err
	}
	return info, os.Rename(hidden, path)
}

// Addr implements net.Listener. The listener itself knows only where it was made.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// Close implements net.Listener.
func (s *socket) Close() error { return s.close() }

// remove closes the socket and removes it, unless there is one of another process by now.
func (s *socket) remove() error {
	return errors.Join(s.UnixListener.Close(), alone(filepath.Dir(s.path), func() error {
		if info, err := os.Lstat(s.path); err != nil || !os.SameFile(info, s.file) {
			return nil
		}
		return os.Remove(s.path)
	}))
}

// alone runs do while no other process does so in the same directory.
func alone(dir string, do func() error) error {
	f, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("cannot open its directory: %w", withoutPath(err))
	}
	defer func() { _ = f.Close() }()
	const tries, pause = 100, 50 * time.Millisecond
	for range tries {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return do()
		}
		time.Sleep(pause)
	}
	return fmt.Errorf("cannot lock its directory: %w", err)
}
