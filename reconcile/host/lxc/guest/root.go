//go:build linux

package guest

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ErrUnsuitable marks what trying again cannot heal: the guest lacks something that must be
// there, or has a device, a directory or a huge file in its place.
var ErrUnsuitable = errors.New("the guest is not suitable")

// Root is the open root directory of one guest. Its methods must not run at the same time; Roots
// of different guests are independent.
type Root struct {
	dir   *os.File
	owner owner // of new files: whom the guest sees as its root user
}

// owner is a user and group as the host counts them.
type owner struct{ uid, gid int }

// OpenDir opens the root file system of a stopped container that lies in the directory path. It
// refuses the root directory of this process, whatever path names it: a half-made container
// without a root file system of its own must not lead to the host's files.
func OpenDir(path string) (*Root, error) {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open guest root %q: %w", path, err)
	}
	return newRoot(fd, path)
}

// OpenProcess opens the root file system of the running container whose init has the process id
// pid, as that container sees it with all its mounts. It refuses a process that shares the mount
// namespace of this one: the container has ended and its process id was given to another process.
func OpenProcess(pid int) (*Root, error) {
	handle, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot open process %d: %w", pid, err)
	}
	defer unix.Close(handle)
	proc := "/proc/" + strconv.Itoa(pid)
	r, err := OpenDir(proc + "/root")
	if err != nil {
		return nil, err
	}
	if err := otherNamespace(proc); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	// The process lived until here, so the directory is its own and not that of a successor.
	if err := unix.PidfdSendSignal(handle, 0, nil, 0); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot reach process %d: %w", pid, err), r.Close())
	}
	return r, nil
}

// otherNamespace returns an error unless the process with the directory proc has mounts of its own.
func otherNamespace(proc string) error {
	theirs, err := os.Readlink(proc + "/ns/mnt")
	if err != nil {
		return fmt.Errorf("cannot read mount namespace: %w", err)
	}
	ours, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		return fmt.Errorf("cannot read mount namespace: %w", err)
	}
	if theirs == ours {
		return fmt.Errorf("cannot use process %q: it runs outside of any container: %w",
			proc, ErrUnsuitable)
	}
	return nil
}

// newRoot takes over the directory fd, also when it fails.
func newRoot(fd int, name string) (*Root, error) {
	r := &Root{dir: os.NewFile(uintptr(fd), name)}
	var mine, host unix.Stat_t
	err := unix.Fstat(fd, &mine)
	if err == nil {
		err = unix.Stat("/", &host)
	}
	if err == nil && mine.Dev == host.Dev && mine.Ino == host.Ino {
		err = fmt.Errorf("it is the root of the host: %w", ErrUnsuitable)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot use guest root %q: %w", name, err), r.Close())
	}
	r.owner = owner{uid: int(mine.Uid), gid: int(mine.Gid)}
	return r, nil
}

// Close gives the root directory back; an overlay is unmounted by it. Files written before stay.
func (r *Root) Close() error { return r.dir.Close() }
