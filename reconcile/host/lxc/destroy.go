//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/plan"
)

// destroyGrace is how long a guest that is to be destroyed may take to halt: its data goes, so
// that only what it does to others matters.
const destroyGrace = 5 * time.Second

// destroy stops a container and removes it with its data. It does not use liblxc's destroy: that
// follows lxc.rootfs.path wherever it leads, and cannot be repeated when it is killed.
func (h *Host) destroy(ctx context.Context, s plan.Step) (string, error) {
	st := h.staging(s)
	dir := filepath.Join(h.opt.LXCPath, s.Container)
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) && !h.known() {
		return "", fmt.Errorf("nothing in %q says that a container ever was there: is its disk mounted?",
			h.opt.LXCPath)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "Container destroyed", h.clear(ctx, st)
	}
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", permanent(fmt.Errorf("%q is not a directory", dir))
	}
	if err := h.mayDestroy(s); err != nil {
		return "", err
	}
	if err := h.haltForGood(ctx, s); err != nil {
		return "", err
	}
	if err := h.withdraw(ctx, s, st); err != nil {
		return "", err
	}
	return "Container destroyed", h.clear(ctx, st)
}

// mayDestroy checks everything that forbids to remove a container's directory.
func (h *Host) mayDestroy(s plan.Step) error {
	c, err := h.owned(s)
	if err != nil {
		return err
	}
	switch backing := c.root.backing; backing {
	case "dir", "overlayfs":
		if !lexicallyBelow(c.dir, c.root.own()) {
			return permanent(fmt.Errorf("its data is outside its own directory, in %q", c.root.own()))
		}
		if isDir(c.root.own()) && !below(c.dir, c.root.own()) {
			return permanent(fmt.Errorf("its data %q leads out of its own directory", c.root.own()))
		}
	case "":
		return permanent(errors.New("it has no lxc.rootfs.path, so where its data is, is not known"))
	default:
		return permanent(fmt.Errorf("its data is in a backing %q", backing))
	}
	mounted, err := mountsBelow(c.dir)
	if err != nil {
		return err
	}
	if len(mounted) > 0 {
		return permanent(fmt.Errorf("%q is mounted in its directory", mounted[0]))
	}
	names, err := h.dependants(c)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return permanent(fmt.Errorf("its data is used by %s", strings.Join(names, ", ")))
	}
	return nil
}

func (h *Host) haltForGood(ctx context.Context, s plan.Step) error {
	object, err := open(h.opt.LXCPath, s.Container)
	if err != nil {
		return err
	}
	return h.halt(ctx, object, min(destroyGrace, h.opt.Grace))
}

// withdraw moves a container out of sight at once, into the work directory, from where whoever
// comes next clears it: after a kill the container is not there, and the next Lock removes it.
func (h *Host) withdraw(ctx context.Context, s plan.Step, st staging) error {
	if err := h.prepare(ctx, st); err != nil {
		return err
	}
	work, err := h.openWorkDir()
	if err != nil {
		return err
	}
	defer work.Close()
	private, err := openAt(work, st.uid, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer private.Close()
	path := filepath.Join(h.opt.LXCPath, s.Container)
	err = unix.Renameat2(unix.AT_FDCWD, path, int(private.Fd()), s.Container, unix.RENAME_NOREPLACE)
	if err != nil {
		return fmt.Errorf("cannot rename %q into %q: %w", path, private.Name(), err)
	}
	return syncDir(h.opt.LXCPath)
}
