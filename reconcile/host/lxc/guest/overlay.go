//go:build linux

package guest

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// OpenOverlay opens the root file system of a stopped container with the overlay backing: what
// liblxc mounts for it at its start, from the same directories with the same options (lowerdir,
// upperdir, workdir). The mount is attached nowhere: no other process sees it, and it ends with
// Close or with the process. Close before the container starts, since two mounts must not share
// an upper directory; Close makes the kernel write the file system of upper to its disk. The
// lower directory is never written to.
func OpenOverlay(lower, upper, work string) (*Root, error) {
	fd, err := mountOverlay([]layer{
		{"lowerdir", lower}, {"upperdir", upper}, {"workdir", work},
	})
	if err != nil {
		return nil, fmt.Errorf("cannot mount overlay %q on %q: %w", upper, lower, err)
	}
	return newRoot(fd, upper)
}

// layer is one directory of an overlay.
type layer struct{ option, path string }

// mountOverlay returns the root directory of a new detached mount.
func mountOverlay(layers []layer) (fd int, err error) {
	conf, err := unix.Fsopen("overlay", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen: %w", err)
	}
	defer unix.Close(conf)
	for _, l := range layers {
		dir, err := os.OpenFile(l.path, unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			return -1, err
		}
		defer dir.Close()
		// The kernel takes at most 255 bytes here and splits lowerdir at colons, so it gets a
		// short name for the open directory, whatever its path is.
		name := "/proc/self/fd/" + strconv.Itoa(int(dir.Fd()))
		if err := unix.FsconfigSetString(conf, l.option, name); err != nil {
			return -1, explain(conf, l.option, err)
		}
	}
	if err := unix.FsconfigCreate(conf); err != nil {
		return -1, explain(conf, "create", err)
	}
	fd, err = unix.Fsmount(conf, unix.FSMOUNT_CLOEXEC, 0)
	if err != nil {
		return -1, explain(conf, "fsmount", err)
	}
	return fd, nil
}

// explain adds the kernel's own words, which it keeps with the configuration, to an error number.
func explain(conf int, what string, err error) error {
	text := make([]byte, 512)
	n, readErr := unix.Read(conf, text)
	if readErr != nil || n <= 0 {
		return fmt.Errorf("%s: %w", what, err)
	}
	return errors.Join(fmt.Errorf("%s: %w", what, err), errors.New(string(text[:n])))
}
