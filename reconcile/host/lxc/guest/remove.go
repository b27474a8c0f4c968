//go:build linux

package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

const maxDepth = 32 // directories below each other that removeAll goes down

// remove deletes a file, or a whole directory with what is in it. A symbolic link in the last
// component is deleted itself, and what it leads to stays.
func (r *Root) remove(name string) (bool, error) {
	at, err := r.locateLink(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot delete %q in the guest: %w", name, err)
	}
	defer at.close()
	err = removeAt(at.dir, at.name, maxDepth)
	if err == unix.ENOENT {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot delete %q in the guest: %w", name, err)
	}
	return true, nil
}

// empty deletes everything in a directory and keeps the directory.
func (r *Root) empty(name string) (bool, error) {
	names, err := r.list(name)
	if err != nil {
		return false, err
	}
	var changed bool
	for _, n := range names {
		removed, err := r.remove(path.Join(name, n))
		if err != nil {
			return changed, err
		}
		changed = changed || removed
	}
	return changed, nil
}

// removeAt deletes one name in an open directory, at most depth directories deep. It never follows
// a symbolic link and never goes into another file system that is mounted below.
func removeAt(dir *os.File, name string, depth int) error {
	err := unix.Unlinkat(int(dir.Fd()), name, 0)
	if err != unix.EISDIR {
		return err
	}
	if depth == 0 {
		return fmt.Errorf("too many directories below each other: %w", ErrUnsuitable)
	}
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC,
		Resolve: unlinked | unix.RESOLVE_NO_XDEV,
	}
	fd, err := unix.Openat2(int(dir.Fd()), name, &how)
	if err != nil {
		return &fs.PathError{Op: "open", Path: name, Err: err}
	}
	sub := os.NewFile(uintptr(fd), name)
	defer sub.Close()
	names, err := sub.Readdirnames(maxEntries)
	if err != nil && err != io.EOF {
		return err
	}
	for _, n := range names {
		if err := removeAt(sub, n, depth-1); err != nil && err != unix.ENOENT {
			return err
		}
	}
	return unix.Unlinkat(int(dir.Fd()), name, unix.AT_REMOVEDIR)
}
