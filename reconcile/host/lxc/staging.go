//go:build linux && cgo

package lxc

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/plan"
)

// liblxcLocks is where liblxc, run by root, keeps the lock files of containers.
const liblxcLocks = "/run/lxc/lock"

// staging is the private lxcpath of one container that is being made or removed.
type staging struct {
	uid     string
	lxcpath string // the private one
	dir     string // of the container in it
}

// staging returns the place for the container of a step.
func (h *Host) staging(s plan.Step) staging {
	path := filepath.Join(h.opt.LXCPath, workDir, s.UID)
	return staging{uid: s.UID, lxcpath: path, dir: filepath.Join(path, s.Container)}
}

// isUID reports whether a name in the work directory is one that only we give.
func isUID(name string) bool {
	_, err := hex.DecodeString(name)
	return err == nil && len(name) == 32
}

// openWorkDir opens the directory of all stagings and makes it if need be. It must be root's
// alone and no link: things are deleted in there.
func (h *Host) openWorkDir() (*os.File, error) {
	path := filepath.Join(h.opt.LXCPath, workDir)
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	dir, err := os.OpenFile(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
		return nil, permanent(fmt.Errorf("%q is no directory, or a link to one", path))
	}
	if err != nil {
		return nil, err
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &stat); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	if stat.Uid != 0 || stat.Mode&0o077 != 0 {
		err := fmt.Errorf("%q must be root's alone; it has owner %d and mode %04o",
			path, stat.Uid, stat.Mode&0o7777)
		return nil, errors.Join(permanent(err), dir.Close())
	}
	return dir, nil
}

// makeWorkDir returns the path of the directory of all stagings, which exists then and is root's
// alone.
func (h *Host) makeWorkDir() (string, error) {
	dir, err := h.openWorkDir()
	if err != nil {
		return "", err
	}
	return dir.Name(), dir.Close()
}

// prepare makes an empty private lxcpath, in place of what an earlier run may have left.
func (h *Host) prepare(ctx context.Context, st staging) error {
	if err := h.checkDisk(); err != nil {
		return err
	}
	work, err := h.openWorkDir()
	if err != nil {
		return err
	}
	defer work.Close()
	if err := h.clearIn(ctx, work, st.uid); err != nil {
		return err
	}
	if err := unix.Mkdirat(int(work.Fd()), st.uid, 0o700); err != nil {
		return &fs.PathError{Op: "mkdir", Path: st.lxcpath, Err: err}
	}
	return nil
}

// clear removes a private lxcpath with everything in it, also from the list of snapshots of the
// containers it was cloned from.
func (h *Host) clear(ctx context.Context, st staging) error {
	work, err := h.openWorkDir()
	if err != nil {
		return err
	}
	defer work.Close()
	return h.clearIn(ctx, work, st.uid)
}

// clearIn is clear in the open work directory.
func (h *Host) clearIn(ctx context.Context, work *os.File, uid string) error {
	lxcpath := filepath.Join(work.Name(), uid)
	if !isUID(uid) {
		return permanent(fmt.Errorf("cannot clear %q: %q is not a uid", lxcpath, uid))
	}
	private, err := openAt(work, uid, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot clear %q: %w", lxcpath, err)
	}
	defer private.Close()
	entries, err := os.ReadDir(fdPath(private))
	if err != nil {
		return fmt.Errorf("cannot clear %q: %w", lxcpath, err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := h.forgetDependant(ctx, private, e.Name()); err != nil {
			return fmt.Errorf("cannot clear %q: %w", lxcpath, err)
		}
	}
	// Mostly nothing is left in there, and to look at all mounts of the host takes long.
	if unlinkAt(work, uid, unix.AT_REMOVEDIR) != nil {
		if err := removeTree(work, uid); err != nil {
			return fmt.Errorf("cannot clear %q: %w", lxcpath, err)
		}
	}
	return os.RemoveAll(filepath.Join(liblxcLocks, lxcpath))
}

// forgetDependant takes a container that will never arrive, or is going, out of the lists of its
// sources. A container of the same name that did arrive keeps its entry.
func (h *Host) forgetDependant(ctx context.Context, private *os.File, name string) error {
	gone := []dependant{{private.Name(), name}}
	final := filepath.Join(h.opt.LXCPath, name)
	if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
		gone = append(gone, dependant{h.opt.LXCPath, name})
		// lxc-snapshot's snapshots, which are in the directory, are in the same lists.
		snaps, err := os.ReadDir(filepath.Join(fdPath(private), name, "snaps"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
			return err
		}
		for _, snap := range snaps {
			gone = append(gone, dependant{filepath.Join(final, "snaps"), snap.Name()})
		}
	}
	sources, err := readSources(private, name)
	if err != nil {
		return err
	}
	for _, source := range sources {
		for _, d := range gone {
			if err := h.updateSnapshots(ctx, source, d, dependant{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// readSources reads what a container in a private lxcpath is a snapshot of.
func readSources(private *os.File, name string) ([]dependant, error) {
	f, err := openAt(private, filepath.Join(name, "lxc_rdepends"), unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	list, err := parseDependants(text)
	if err != nil {
		return nil, fmt.Errorf("cannot understand %q: %w", f.Name(), err)
	}
	return list, nil
}

func ownerOf(path string) (uid, gid int, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, 0, err
	}
	return int(st.Uid), int(st.Gid), nil
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
