//go:build linux && cgo

package lxc

import (
	"bytes"

	golxc "github.com/lxc/go-lxc"

	"reconciler/reconcile/plan"
)

// configure makes the configuration file, the guest's network files and, of a running container,
// the limits and the address what is declared. MAC, bridge and lxc_conf of a running container
// change with its next start.
func (h *Host) configure(s plan.Step) (string, error) {
	c, object, err := h.opened(s)
	if err != nil {
		return "", err
	}
	defer h.release(object)
	w, err := wantedOf(s.Want, h.markOf(s), h.dialect)
	if err != nil {
		return "", permanent(err)
	}
	// The guest comes before the file: where the file is right, the guest is.
	next := c.file.edit(w)
	running := stateOf(object) == plan.Running
	if !s.Want.Template && (running || !bytes.Equal(next.bytes(), c.file.bytes())) {
		if err := ownInterface(c, object); err != nil {
			return "", err
		}
	}
	dir, err := h.makeWorkDir()
	if err != nil {
		return "", err
	}
	if err := c.write(next, dir); err != nil {
		return "", err
	}
	if running {
		if err := h.configureLive(s, c, object); err != nil {
			return "", err
		}
	}
	return "lxc conf ok", nil
}

// configureLive changes what can be changed in a running container.
func (h *Host) configureLive(s plan.Step, c container, object *golxc.Container) error {
	pid := object.InitPid()
	groups, err := readCgroups(h.dialect, pid)
	if err != nil {
		return err
	}
	if err := groups.apply(s.Want); err != nil {
		return err
	}
	address := addressOf(s.Want)
	if !address.IsValid() {
		return nil
	}
	net, err := enter(pid)
	if err != nil {
		return err
	}
	defer net.handle.Close()
	return net.readdress(c.file.interfaceName(), address, s.Want.Gateway)
}
