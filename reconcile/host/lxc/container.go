//go:build linux && cgo

package lxc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	golxc "github.com/lxc/go-lxc"
	"golang.org/x/sys/unix"

	"reconciler/reconcile/plan"
)

// container is what the disk says of one container.
type container struct {
	name string
	dir  string // its own directory
	home string // the lxcpath of the containers that it may be a snapshot of
	file configFile
	root rootfs
}

// read reads a container's directory. A container that does not exist gives fs.ErrNotExist.
func (h *Host) read(name string) (container, error) {
	return readContainer(filepath.Join(h.opt.LXCPath, name), h.opt.LXCPath)
}

func readContainer(dir, home string) (container, error) {
	text, err := readConfig(filepath.Join(dir, "config"))
	if err != nil {
		return container{}, err
	}
	file := parseConfig(text)
	return container{
		name: filepath.Base(dir), dir: dir, home: home, file: file,
		root: parseRootfs(file.last(keyRootfs)),
	}, nil
}

// maxConfig is far more than a configuration has.
const maxConfig = 1 << 20

// readConfig reads a regular file of bounded size; it does not wait for a FIFO.
func readConfig(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxConfig {
		return nil, fmt.Errorf("%q is no configuration: it is no regular file, or has more than %d MiB",
			path, maxConfig>>20)
	}
	// Room for the whole file, so that it is not copied while it is read.
	text := bytes.NewBuffer(make([]byte, 0, info.Size()+bytes.MinRead))
	_, err = text.ReadFrom(io.LimitReader(f, maxConfig))
	return text.Bytes(), err
}

// damage says why the container must not be started or cloned, or "".
func (c container) damage() string {
	if _, err := os.Lstat(filepath.Join(c.dir, "partial")); err == nil {
		return "lxc-create did not finish it"
	}
	if damage := c.root.damage(); damage != "" {
		return damage
	}
	return c.strayed()
}

// write replaces the configuration file if it differs, with its mode and owner.
func (c container) write(file configFile, tempDir string) error {
	path := filepath.Join(c.dir, "config")
	text := file.bytes()
	old, err := os.ReadFile(path)
	if err != nil || string(old) == string(text) {
		return err
	}
	uid, gid, err := ownerOf(path)
	if err != nil {
		return err
	}
	next, err := renameio.NewPendingFile(path,
		renameio.WithTempDir(tempDir), renameio.WithExistingPermissions())
	if err != nil {
		return err
	}
	defer next.Cleanup()
	if err := next.Chown(uid, gid); err != nil {
		return err
	}
	if _, err := next.Write(text); err != nil {
		return err
	}
	return next.CloseAtomicallyReplace()
}

// owned reads the container of a step and makes sure that it is ours: the mark in its file names
// this installation, this host, itself and the uid of the step.
func (h *Host) owned(s plan.Step) (container, error) {
	c, err := h.read(s.Container)
	if errors.Is(err, fs.ErrNotExist) {
		return c, permanent(fmt.Errorf("it does not exist: %w", err))
	}
	if err != nil {
		return c, err
	}
	if mark := c.file.mark(); mark == nil || *mark != h.markOf(s) {
		return c, permanent(errors.New("it does not carry the mark of this container"))
	}
	return c, nil
}

// opened is owned, together with liblxc's view of the same container; see openAs.
func (h *Host) opened(s plan.Step, how opening) (container, view, error) {
	c, err := h.owned(s)
	if err != nil {
		return c, view{}, err
	}
	v, err := openAs(h.opt.LXCPath, s.Container, how)
	return c, v, err
}

// stateOf translates liblxc's word.
func stateOf(object *golxc.Container) plan.State {
	switch state := object.State(); state {
	case golxc.RUNNING:
		return plan.Running
	case golxc.STOPPED:
		return plan.Stopped
	case golxc.FROZEN:
		return plan.Frozen
	case golxc.STARTING:
		return "starting"
	case golxc.STOPPING:
		return "stopping"
	case golxc.ABORTING:
		return "aborting"
	default:
		return "changing"
	}
}
