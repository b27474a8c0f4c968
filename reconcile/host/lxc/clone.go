//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"reconciler/reconcile/plan"
)

// clone copies, or takes a snapshot of, the container that the declaration names.
func (h *Host) clone(ctx context.Context, s plan.Step, st staging) (string, error) {
	source, err := h.source(s.Want.FromContainer)
	if err != nil {
		return "", err
	}
	switch {
	case s.Want.Backing != "dir" && s.Want.Backing != "overlayfs" && s.Want.Backing != "":
		err = permanent(fmt.Errorf("this host has no backing %q", s.Want.Backing))
	case s.Want.Backing != "overlayfs":
		err = h.copyInChild(ctx, s, "-B", "dir")
	case isPlain(source):
		err = h.snapshot(source, st)
	default:
		err = h.copyInChild(ctx, s, "-s", "-B", "overlayfs")
	}
	if err != nil {
		return "", err
	}
	return "Container cloned", nil
}

// trust is how long a source that was found whole counts as such: a hundred containers are cloned
// from one in that time, and it is not looked at a hundred times.
const trust = time.Second

// trusted is a source that was found whole.
type trusted struct {
	container
	until time.Time
}

// source returns a container that is to be cloned, and refuses one that is not whole and stopped.
// That it is stopped is asked every time.
func (h *Host) source(name string) (container, error) {
	if known, ok := h.sources.Load(name); ok && time.Now().Before(known.(trusted).until) {
		v, err := openAs(h.opt.LXCPath, name, glance)
		if err != nil {
			return container{}, err
		}
		defer h.release(v.object)
		if stateOf(v.object) == plan.Stopped {
			return known.(trusted).container, nil
		}
	}
	c, err := h.examine(name)
	if err == nil {
		h.sources.Store(name, trusted{c, time.Now().Add(trust)})
	}
	return c, err
}

func (h *Host) examine(name string) (container, error) {
	if !isComponent(name) {
		return container{}, permanent(fmt.Errorf("%q is not a name of a container", name))
	}
	c, err := h.read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return c, permanent(fmt.Errorf("its source %q does not exist", name))
	}
	if err != nil {
		return c, err
	}
	if damage := c.damage(); damage != "" {
		return c, permanent(fmt.Errorf("its source %q is damaged: %s", name, damage))
	}
	seen, err := openAs(h.opt.LXCPath, name, look)
	if err != nil {
		return c, err
	}
	defer h.release(seen.object)
	if state := stateOf(seen.object); state != plan.Stopped {
		return c, permanent(fmt.Errorf("its source %q is %s", name, state))
	}
	if err := c.confirm(seen); err != nil {
		return c, fmt.Errorf("its source %q cannot be used: %w", name, err)
	}
	return c, nil
}

// copyInChild lets lxc-copy do the work.
func (h *Host) copyInChild(ctx context.Context, s plan.Step, how ...string) error {
	st := h.staging(s)
	log := filepath.Join(st.lxcpath, logName)
	args := append([]string{
		"-P", h.opt.LXCPath, "-n", s.Want.FromContainer, "-p", st.lxcpath, "-N", s.Container,
		"-o", log, "-l", "WARN",
	}, how...)
	return child{program: "lxc-copy", args: args, log: log}.run(ctx)
}
