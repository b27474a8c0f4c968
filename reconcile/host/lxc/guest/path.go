//go:build linux

package guest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	maxLinks = 40  // as many symbolic links as the kernel follows in one path
	maxTries = 100 // against a guest that renames directories all the time

	// confined keeps the kernel inside the root; unlinked is for paths that are already free of
	// symbolic links, so that one which appears in between is an error and not a detour.
	confined = unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS
	unlinked = confined | unix.RESOLVE_NO_SYMLINKS
)

// place is one name in one open directory of the guest. The name may be free.
type place struct {
	path string // without symbolic links, for messages
	dir  *os.File
	name string
}

func (p place) close() { p.dir.Close() }

// openAt opens a path relative to the root, with the kernel's confinement. The kernel gets it
// without the leading slash: a name that is relative by itself is a second wall, should the first
// one ever be left out.
func (r *Root) openAt(name string, flags, resolve uint64) (*os.File, error) {
	name = path.Join(".", strings.TrimLeft(name, "/"))
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve}
	for try := 1; ; try++ {
		fd, err := unix.Openat2(int(r.dir.Fd()), name, &how)
		// EAGAIN: somewhere a directory was renamed while the kernel walked over "..".
		if (err == unix.EINTR || err == unix.EAGAIN) && try < maxTries {
			continue
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: name, Err: err}
		}
		return os.NewFile(uintptr(fd), name), nil
	}
}

// locate finds the place that a path leads to, following symbolic links in all its components.
func (r *Root) locate(name string) (place, error) {
	real, err := r.follow(name)
	if err != nil {
		return place{}, err
	}
	return r.placeOf(real)
}

// locateLink is locate, except that a symbolic link in the last component is the place itself.
func (r *Root) locateLink(name string) (place, error) {
	parent, err := r.follow(path.Dir(name))
	if err != nil {
		return place{}, err
	}
	return r.placeOf(path.Join(parent, path.Base(name)))
}

// placeOf opens the directory of a path without symbolic links.
func (r *Root) placeOf(real string) (place, error) {
	if real == "/" {
		return place{}, fmt.Errorf("cannot use %q as a file: %w", real, ErrUnsuitable)
	}
	dir, err := r.openAt(path.Dir(real), unix.O_PATH|unix.O_DIRECTORY, unlinked)
	if err != nil {
		return place{}, permanent(err)
	}
	return place{path: real, dir: dir, name: path.Base(real)}, nil
}

// follow returns the absolute path without symbolic links, "." and ".." that name leads to. The
// last component may be missing. The answer is only a text: whoever opens it forbids symbolic
// links, so that a guest which changes them meanwhile gets an error and no way out.
func (r *Root) follow(name string) (string, error) {
	done, rest, links := "/", strings.Split(name, "/"), 0
	if dir := path.Dir(name); r.isPlain(dir) { // nearly always, and cheaper than each component
		done, rest = dir, []string{path.Base(name)}
	}
	for len(rest) > 0 {
		next := path.Join(done, rest[0])
		rest = rest[1:]
		target, err := r.readLink(next)
		switch {
		case errors.Is(err, fs.ErrNotExist) && len(rest) == 0:
			return next, nil
		case err != nil:
			return "", permanent(err)
		case target == "":
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", permanent(&fs.PathError{Op: "follow", Path: name, Err: unix.ELOOP})
		}
		if strings.HasPrefix(target, "/") {
			done = "/"
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return done, nil
}

// readLink returns the target of a symbolic link, or "" for everything else.
func (r *Root) readLink(name string) (string, error) {
	f, err := r.openAt(name, unix.O_PATH|unix.O_NOFOLLOW, unlinked)
	if err != nil {
		return "", err
	}
	defer f.Close()
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.Fd()), "", target)
	if err == unix.ENOENT || err == unix.EINVAL { // what readlinkat says of no symbolic link
		return "", nil
	}
	if err != nil {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: err}
	}
	return string(target[:n]), nil
}

// isPlain reports whether there is a directory with this path and no symbolic link in it.
func (r *Root) isPlain(dir string) bool {
	f, err := r.openAt(dir, unix.O_PATH|unix.O_DIRECTORY, unlinked)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// exists reports whether a path leads to anything.
func (r *Root) exists(name string) bool {
	f, err := r.openAt(name, unix.O_PATH, confined)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// isDir reports whether a path leads to a directory.
func (r *Root) isDir(name string) bool {
	f, err := r.openAt(name, unix.O_PATH|unix.O_DIRECTORY, confined)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// permanent marks the errors that come from what the guest looks like.
func permanent(err error) error {
	for _, e := range []error{unix.ELOOP, unix.ENOTDIR, unix.EISDIR, unix.ENAMETOOLONG} {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", ErrUnsuitable, err)
		}
	}
	return err
}
