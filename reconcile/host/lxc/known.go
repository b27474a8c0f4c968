//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// knownName is the file in the work directory that says that a container was made below this
// lxcpath. Where it is missing although containers are on record, the disk may not be mounted.
const knownName = "known"

const knownText = "reconciler has made containers here: without this file it would take them for " +
	"lost with a disk that is not mounted\n"

// remember leaves the file, which also survives a power failure; it writes nothing if it is there.
func (h *Host) remember() error {
	work, err := h.openWorkDir()
	if err != nil {
		return err
	}
	defer work.Close()
	file, err := openAt(work, knownName, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(writeStart(file, knownText), file.Sync(), file.Close(), work.Sync())
}

// known reports whether the file is there. It reports false if that cannot be found out: a host
// that is taken for unknown loses nothing.
func (h *Host) known() bool {
	_, err := os.Lstat(filepath.Join(h.opt.LXCPath, workDir, knownName))
	return err == nil
}

// checkDisk returns an error if the file has gone since the host was observed: the containers have
// gone with it, and what is made now would be in the way when their disk comes back.
func (h *Host) checkDisk() error {
	if h.met.Load() && !h.known() {
		return fmt.Errorf("what was in %q has gone: is its disk mounted?", h.opt.LXCPath)
	}
	return nil
}
