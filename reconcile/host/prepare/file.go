//go:build linux

package prepare

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// owned reads a file of ours; "" if it is not there. A file of somebody else under that name is
// an error.
func owned(path string) (string, error) {
	text, err := readPlain(path)
	if err == nil && text != "" && !strings.HasPrefix(text, header) {
		err = fmt.Errorf("%s was not written by reconciler: move it away", path)
	}
	return text, err
}

// readPlain reads a file that must not be a symbolic link or anything else; "" if it is not there.
func readPlain(path string) (string, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is not a plain file: move it away", path)
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// write replaces a file as a whole, with the mode of the old one or else the mode given. Its
// directory is made if it is missing.
func write(path, text string, mode fs.FileMode) error {
	dir, base := filepath.Split(path)
	if err := makeDirectory(filepath.Clean(dir), nil); err != nil {
		return err
	}
	if err := sweep(dir, base); err != nil {
		return err
	}
	return renameio.WriteFile(path, []byte(text), mode, renameio.WithTempDir(dir),
		renameio.IgnoreUmask())
}

// sweep removes what a killed write of the same file left: renameio's temporary names.
func sweep(dir, base string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		digits, found := strings.CutPrefix(e.Name(), "."+base)
		if found && digits != "" && strings.Trim(digits, "0123456789") == "" {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// makeDirectory makes a directory and those above it that are missing, without following a
// symbolic link anywhere. With a mode it belongs to root and has that mode in the end; those above
// are 0755 if they are made, else left alone.
func makeDirectory(path string, mode *uint32) error {
	at, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: "/", Err: err}
	}
	defer func() { _ = unix.Close(at) }() // nothing was written through it
	so := ""
	for name := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		so += "/" + name
		next, err := step(at, name)
		if err != nil {
			return &fs.PathError{Op: "open directory", Path: so, Err: err}
		}
		_ = unix.Close(at)
		at = next
	}
	if mode == nil {
		return nil
	}
	return own(path, at, *mode)
}

// step opens a directory below another one, and makes it if it is missing.
func step(at int, name string) (int, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(at, name, flags, 0)
	if err != unix.ENOENT {
		return fd, err
	}
	if err := unix.Mkdirat(at, name, 0o755); err != nil && err != unix.EEXIST {
		return -1, err
	}
	fd, err = unix.Openat(at, name, flags, 0)
	if err != nil {
		return -1, err
	}
	if err := unix.Fchmod(fd, 0o755); err != nil { // whatever our umask is
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

// own gives an open directory to root. The owner comes first: a change of it clears bits.
func own(path string, fd int, mode uint32) error {
	if err := unix.Fchown(fd, 0, 0); err != nil {
		return &fs.PathError{Op: "chown", Path: path, Err: err}
	}
	if err := unix.Fchmod(fd, mode); err != nil {
		return &fs.PathError{Op: "chmod", Path: path, Err: err}
	}
	return nil
}
