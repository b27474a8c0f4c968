//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The flags of linux/fs.h, which x/sys does not have.
const (
	flagImmutable = 0x10 // FS_IMMUTABLE_FL
	flagAppend    = 0x20 // FS_APPEND_FL
)

// openAt opens name in an open directory. Neither a symbolic link nor a mount point leads it out.
func openAt(dir *os.File, name string, flags int, mode os.FileMode) (*os.File, error) {
	path := filepath.Join(dir.Name(), name)
	fd, err := unix.Openat2(int(dir.Fd()), name, &unix.OpenHow{
		Flags: uint64(flags) | unix.O_CLOEXEC | unix.O_NOFOLLOW, Mode: uint64(mode),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return os.NewFile(uintptr(fd), path), nil
}

// fdPath is a path to an open directory that holds whatever happens to its name.
func fdPath(dir *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) }

// removeTree removes a directory with everything in it, and nothing that is mounted there. A
// dying program may still write into it for a moment, so it tries for a while.
func removeTree(parent *os.File, name string) error {
	path := filepath.Join(parent.Name(), name)
	mounted, err := mountsBelow(path)
	if err != nil {
		return err
	}
	if len(mounted) > 0 {
		return fmt.Errorf("cannot remove %q: %q is mounted there", path, mounted[0])
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := removeAt(parent, name)
		if err == nil || !errors.Is(err, unix.ENOTEMPTY) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(lockPoll)
	}
}

// removeAt removes name from an open directory, with everything in it if it is a directory. It
// follows no link and enters no mount. What does not exist is removed.
func removeAt(dir *os.File, name string) error {
	err := unlinkAt(dir, name, 0)
	if !errors.Is(err, unix.EISDIR) {
		return err
	}
	if err := emptyAt(dir, name); err != nil {
		return err
	}
	return unlinkAt(dir, name, unix.AT_REMOVEDIR)
}

// emptyAt removes everything in a directory.
func emptyAt(parent *os.File, name string) error {
	dir, err := openAt(parent, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	for {
		names, err := dir.Readdirnames(1024)
		if len(names) == 0 && (err == nil || err == io.EOF) {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		for _, name := range names {
			if err := removeAt(dir, name); err != nil {
				return err
			}
		}
		// A file system may lose its place in a directory that is changed meanwhile.
		if _, err := dir.Seek(0, io.SeekStart); err != nil {
			return err
		}
	}
}

// unlinkAt removes one name, even if it is immutable: a guest may set that on its files.
func unlinkAt(dir *os.File, name string, flags int) error {
	err := unix.Unlinkat(int(dir.Fd()), name, flags)
	if errors.Is(err, unix.EPERM) && thaw(dir, name) == nil {
		err = unix.Unlinkat(int(dir.Fd()), name, flags)
	}
	if err == nil || errors.Is(err, unix.ENOENT) {
		return nil
	}
	return &fs.PathError{Op: "remove", Path: filepath.Join(dir.Name(), name), Err: err}
}

// thaw takes the flags immutable and append-only (chattr(1)) from a file or directory. It opens
// nothing else: opening a device already does something.
func thaw(dir *os.File, name string) error {
	var stat unix.Stat_t
	if err := unix.Fstatat(int(dir.Fd()), name, &stat, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return err
	}
	if kind := stat.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return unix.EPERM
	}
	f, err := openAt(dir, name, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	flags, err := unix.IoctlGetUint32(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	if err != nil {
		return err
	}
	flags &^= flagImmutable | flagAppend
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, int(flags))
}

// mountsBelow lists the mount points at and below a directory, as this process sees them.
func mountsBelow(path string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		resolved = path
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 5 {
			continue
		}
		point := unescapeMount(words[4])
		if point == resolved || strings.HasPrefix(point, strings.TrimSuffix(resolved, "/")+"/") {
			out = append(out, point)
		}
	}
	return out, nil
}

// unescapeMount undoes the octal escapes of /proc/self/mountinfo and of fstab(5).
func unescapeMount(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}
