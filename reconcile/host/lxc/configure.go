//go:build linux && cgo

package lxc

import (
	"bytes"
	"slices"

	golxc "github.com/lxc/go-lxc"

	"reconciler/reconcile/plan"
)

// configure brings the configuration file, the guest's network files and, in a running container,
// the limits and the address to what is declared. MAC, bridge and lxc_conf of a running container
// change with its next start. A file that liblxc refuses can be replaced, but only by one that it
// accepts.
func (h *Host) configure(s plan.Step) (string, error) {
	if done, err := h.madeSo(s); err != nil {
		return "", err
	} else if done {
		return "lxc conf ok", nil
	}
	c, seen, err := h.opened(s, look)
	if err != nil {
		return "", err
	}
	object := seen.object
	defer h.release(object)
	next, err := h.next(s, c, seen)
	if err != nil {
		return "", err
	}
	// The guest is changed before the file, so that a file as declared means a guest as declared.
	// And the file must still name the old address while that is taken away.
	running := stateOf(object) == plan.Running
	if !s.Want.Template && (running || !bytes.Equal(next.bytes(), c.file.bytes())) {
		if err := ownInterface(c, object); err != nil {
			return "", err
		}
	}
	if running {
		if err := h.configureLive(s, c, object); err != nil {
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
	return "lxc conf ok", nil
}

// madeSo reports whether a container has been made here just now with the very configuration that
// the step asks for. Then liblxc need not be asked about it: it has not run yet.
func (h *Host) madeSo(s plan.Step) (bool, error) {
	if _, fresh := h.fresh.LoadAndDelete(s.UID); !fresh {
		return false, nil
	}
	c, err := h.owned(s)
	if err != nil {
		return false, err
	}
	w, err := wantedOf(s.Want, h.markOf(s), h.dialect)
	if err != nil {
		return false, permanent(err)
	}
	return slices.Equal(c.file.edit(w).entries, c.file.entries), nil
}

// next returns the configuration file that a container shall have, which liblxc accepts: the one
// that it has and that was loaded, or one that is tried.
func (h *Host) next(s plan.Step, c container, seen view) (configFile, error) {
	w, err := wantedOf(s.Want, h.markOf(s), h.dialect)
	if err != nil {
		return configFile{}, permanent(err)
	}
	next := c.file.edit(w)
	if seen.loaded && slices.Equal(next.entries, c.file.entries) {
		return next, nil
	}
	return next, checkConfig(next)
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
	old, _ := parseAddress(c.file.last(keyAddress))
	return net.readdress(c.file.interfaceName(), readdressing{address, old, s.Want.Gateway})
}
