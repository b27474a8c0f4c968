//go:build linux && cgo

package lxc

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sync/errgroup"

	"reconciler/reconcile/plan"
)

// Observe reads everything about all containers of the lxcpath. It changes nothing. If one cannot
// be read the whole observation is an error, since an incomplete one would look like containers
// that have gone; only one that vanishes meanwhile is left out. An lxcpath that does not exist is
// no error, but told.
func (h *Host) Observe(ctx context.Context) (plan.Actual, error) {
	links, err := readHostLinks()
	if err != nil {
		return plan.Actual{}, fmt.Errorf("cannot observe host %q: %w", h.opt.Host, err)
	}
	names, others, err := h.names()
	if errors.Is(err, fs.ErrNotExist) {
		h.met.Store(false)
		return plan.Actual{
			Host: h.opt.Host, Bridges: links.bridges, Missing: h.opt.LXCPath,
		}, nil
	}
	if err != nil {
		return plan.Actual{}, fmt.Errorf("cannot observe host %q: %w", h.opt.Host, err)
	}
	found := make([]*plan.Observed, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for i, name := range names {
		group.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			o, err := h.observeSoon(ctx, name, links)
			if errors.Is(err, fs.ErrNotExist) && h.vanished(name) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("container %q: %w", name, err)
			}
			found[i] = &o
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return plan.Actual{}, fmt.Errorf("cannot observe host %q: %w", h.opt.Host, err)
	}
	actual := plan.Actual{
		Host: h.opt.Host, Bridges: links.bridges, Others: others, Known: h.known(),
	}
	h.met.Store(actual.Known)
	for _, o := range found {
		if o != nil {
			actual.Containers = append(actual.Containers, *o)
		}
	}
	return actual, nil
}

// names lists the directories of the lxcpath that have a configuration, and all other entries that
// could be in the way of a container, both sorted. Hidden ones are no containers, as for liblxc.
func (h *Host) names() (containers, others []string, err error) {
	entries, err := os.ReadDir(h.opt.LXCPath)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if !isComponent(e.Name()) {
			continue
		}
		dir := filepath.Join(h.opt.LXCPath, e.Name())
		info, err := os.Stat(filepath.Join(dir, "config"))
		switch {
		case err == nil && info.Mode().IsRegular():
			containers = append(containers, e.Name())
		case err == nil || errors.Is(err, fs.ErrNotExist) || !isDir(dir):
			others = append(others, e.Name())
		default:
			return nil, nil, err
		}
	}
	return containers, others, nil
}

func (h *Host) vanished(name string) bool {
	_, err := h.read(name)
	return errors.Is(err, fs.ErrNotExist)
}

// observeSoon is observe, given up with an error if liblxc does not answer.
func (h *Host) observeSoon(
	ctx context.Context, name string, links hostLinks,
) (plan.Observed, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errNoAnswer)
	defer cancel()
	return within(ctx, func() (plan.Observed, error) { return h.observe(name, links) })
}

// observe reads one container.
func (h *Host) observe(name string, links hostLinks) (plan.Observed, error) {
	c, err := h.read(name)
	if err != nil {
		return plan.Observed{}, err
	}
	out := plan.Observed{
		Name: name, Mark: c.file.mark(), Damage: c.damage(), Backing: c.root.backing,
		Lower: c.root.source(h.opt.LXCPath), Config: c.file.config(h.dialect),
	}
	v, err := look(h.opt.LXCPath, name)
	if err != nil {
		return plan.Observed{}, err
	}
	defer h.release(v.object)
	if !v.loaded && !h.isOurs(c) {
		// It cannot be started or cloned. Of what is ours the tree may have made it so, and may
		// heal it; whoever starts it says which line is refused.
		out.Damage = cmp.Or(out.Damage, "liblxc cannot read its configuration")
	}
	err = h.observeState(&out, observation{v, c, links})
	if err != nil && v.object.InitPid() != out.PID {
		// It was stopped, or started again, while it was looked at.
		err = h.observeState(&out, observation{v, c, links})
	}
	return out, err
}

// isOurs reports whether a container carries a mark of this host that names it.
func (h *Host) isOurs(c container) bool {
	mark := c.file.mark()
	return mark != nil && mark.Host == h.opt.Host && mark.Name == c.name
}

// observation is the material for looking at a running container.
type observation struct {
	view
	c     container
	links hostLinks
}

// observeState reads the state and, of a running container, what really holds.
func (h *Host) observeState(out *plan.Observed, o observation) error {
	out.State, out.PID, out.Live, out.Addresses = stateOf(o.object), 0, nil, nil
	if out.State == plan.Stopped {
		return nil
	}
	if pid := o.object.InitPid(); pid > 0 {
		out.PID = pid
	}
	if out.State != plan.Running || out.PID == 0 {
		return nil
	}
	live, addresses, err := h.live(out, o)
	if err != nil {
		return fmt.Errorf("cannot look inside: %w", err)
	}
	out.Live, out.Addresses = live, addresses
	return nil
}
