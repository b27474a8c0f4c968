//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"reconciler/reconcile/plan"
)

// maker makes the container of a step in an empty private lxcpath and says so.
type maker func(ctx context.Context, s plan.Step, st staging) (message string, err error)

// make lets a container come into being: made in private, verified, configured, marked, and then
// renamed to its place. Before the rename there is nothing under its name, after it everything.
func (h *Host) make(ctx context.Context, s plan.Step, m maker) (string, error) {
	there, err := h.arrived(s)
	if err != nil {
		return "", err
	}
	st := h.staging(s)
	if there {
		return "Container already exists", errors.Join(h.clear(ctx, st), h.remember())
	}
	if s.Want.Running {
		h.launcher.warmUp()
	}
	if err := h.prepare(ctx, st); err != nil {
		return "", err
	}
	message, err := m(ctx, s, st)
	if err == nil {
		err = h.arrive(ctx, s, st)
	}
	if err != nil {
		return "", errors.Join(err, h.clear(ctx, st))
	}
	h.fresh.Store(s.UID, true)
	return message, h.clear(ctx, st)
}

// arrived reports whether an earlier run has already made the container. One that is not ours
// is in the way.
func (h *Host) arrived(s plan.Step) (bool, error) {
	_, err := os.Lstat(filepath.Join(h.opt.LXCPath, s.Container))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err = h.owned(s); err != nil {
		return false, fmt.Errorf("something with this name is in the way: %w", err)
	}
	return true, nil
}

// arrive turns what was made in private into the container.
func (h *Host) arrive(ctx context.Context, s plan.Step, st staging) error {
	made, err := readContainer(st.dir, h.opt.LXCPath)
	if err != nil {
		return fmt.Errorf("it was made without a configuration: %w", err)
	}
	if err := verify(made, st); err != nil {
		return err
	}
	w, err := wantedOf(s.Want, h.markOf(s), h.dialect)
	if err != nil {
		return permanent(err)
	}
	if err := checkConfig(made.file.inherit().edit(w)); err != nil {
		return err
	}
	file := made.file.inherit().replacePath(st.lxcpath, h.opt.LXCPath).edit(w)
	if err := os.WriteFile(filepath.Join(st.dir, "config"), file.bytes(), 0o640); err != nil {
		return err
	}
	// Both wait for the disk.
	var aside errgroup.Group
	aside.Go(func() error { return h.registerDependant(ctx, s, st) })
	err = h.settle(s, made, st)
	if err := errors.Join(err, aside.Wait()); err != nil {
		return err
	}
	if err := h.remember(); err != nil {
		return err
	}
	return h.publish(s, st)
}

// settle makes a copy a machine of its own, and everything of it durable, before the rename says
// that it is whole.
func (h *Host) settle(s plan.Step, made container, st staging) error {
	if s.Want.Template {
		return flushTree(st.lxcpath)
	}
	if err := h.personalise(s, made); err != nil || made.root.backing == "overlayfs" {
		// The kernel flushes the upper file system when the overlay is unmounted.
		return err
	}
	return flushTree(st.lxcpath)
}

// registerDependant lets the sources' lists name the place where the container will be. It comes
// before the rename: an entry too many is cleared by the next run, one too few would let the
// source be destroyed under its snapshot.
func (h *Host) registerDependant(ctx context.Context, s plan.Step, st staging) error {
	sources, err := readDependants(filepath.Join(st.dir, "lxc_rdepends"))
	if err != nil {
		return err
	}
	old := dependant{st.lxcpath, s.Container}
	for _, source := range sources {
		err := h.updateSnapshots(ctx, source, old, dependant{h.opt.LXCPath, s.Container})
		if err != nil {
			return err
		}
	}
	return nil
}

// publish renames the container to its place, where nothing may be. The rename itself need not be
// durable: if a power failure undoes it, the container is missing and is made again.
func (h *Host) publish(s plan.Step, st staging) error {
	target := filepath.Join(h.opt.LXCPath, s.Container)
	err := unix.Renameat2(unix.AT_FDCWD, st.dir, unix.AT_FDCWD, target, unix.RENAME_NOREPLACE)
	if errors.Is(err, unix.EEXIST) {
		return permanent(fmt.Errorf("something with this name is in the way: %w", err))
	}
	if err != nil {
		return fmt.Errorf("cannot rename to %q: %w", target, err)
	}
	return nil
}

// verify makes sure that a container is whole and has its data in its own directory.
func verify(c container, st staging) error {
	if damage := c.damage(); damage != "" {
		return fmt.Errorf("it was made but %s", damage)
	}
	if !below(st.dir, c.root.own()) {
		return fmt.Errorf("it was made but its data is in %q", c.root.own())
	}
	system := c.root.path
	if c.root.backing == "overlayfs" {
		system = c.root.lower
	}
	return checkSystem(system)
}

// checkSystem makes sure that a directory has a system in it that can start.
func checkSystem(root string) error {
	if _, err := os.Lstat(filepath.Join(root, "etc")); err != nil {
		return fmt.Errorf("the root file system has no etc: %w", err)
	}
	for _, path := range []string{"sbin/init", "etc/init", "bin/init", "init"} {
		if _, err := os.Lstat(filepath.Join(root, path)); err == nil {
			return nil
		}
	}
	// sbin may be an absolute link, which would lead to the host's.
	for _, path := range []string{"usr/sbin/init", "usr/bin/init", "lib/systemd/systemd"} {
		if _, err := os.Lstat(filepath.Join(root, path)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("the root file system %q has no init", root)
}

// flushTree makes everything that a program has copied durable, before the rename says it is.
func flushTree(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return unix.Syncfs(int(dir.Fd()))
}
