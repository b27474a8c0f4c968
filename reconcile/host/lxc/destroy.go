//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"reconciler/reconcile/plan"
)

// destroyGrace is how long a guest that is to be destroyed may take to halt: its data goes, so
// that only what it does to others matters.
const destroyGrace = 5 * time.Second

// destroy stops a container and removes it with its data. It does not use liblxc's destroy: that
// follows lxc.rootfs.path wherever it leads, and cannot be repeated when it is killed.
func (h *Host) destroy(s plan.Step) (string, error) {
	st := h.staging(s)
	dir := filepath.Join(h.opt.LXCPath, s.Container)
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "Container destroyed", h.clear(st.lxcpath)
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
	if err := h.haltForGood(s); err != nil {
		return "", err
	}
	if err := h.withdraw(s, st); err != nil {
		return "", err
	}
	return "Container destroyed", h.clear(st.lxcpath)
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
		return permanent(fmt.Errorf("it is the base of %s", strings.Join(names, ", ")))
	}
	return nil
}

// dependants returns who is a snapshot of a container: by liblxc's list, and by the files of all
// containers here.
func (h *Host) dependants(c container) ([]string, error) {
	listed, err := readDependants(filepath.Join(c.dir, "lxc_snapshots"))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, d := range listed {
		inWork := strings.HasPrefix(d.lxcpath, filepath.Join(h.opt.LXCPath, workDir)+"/")
		if !inWork && d.lxcpath != h.opt.LXCPath && isDir(filepath.Join(d.lxcpath, d.name)) {
			out = append(out, d.name)
		}
	}
	names, err := h.names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		other, err := h.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if other.root.lower != "" && lexicallyBelow(c.dir, other.root.lower) {
			out = append(out, name)
		}
	}
	return out, nil
}

func (h *Host) haltForGood(s plan.Step) error {
	object, err := open(h.opt.LXCPath, s.Container)
	if err != nil {
		return err
	}
	defer h.release(object)
	return halt(object, min(destroyGrace, h.opt.Grace))
}

// withdraw moves a container out of sight at once, into the work directory, from where whoever
// comes next clears it.
func (h *Host) withdraw(s plan.Step, st staging) error {
	if err := h.clear(st.lxcpath); err != nil {
		return err
	}
	if _, err := h.makeWorkDir(); err != nil {
		return err
	}
	if err := os.Mkdir(st.lxcpath, 0o700); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(h.opt.LXCPath, s.Container), st.dir); err != nil {
		return err
	}
	return syncDir(h.opt.LXCPath)
}
