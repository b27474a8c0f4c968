//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	golxc "github.com/lxc/go-lxc"

	"reconciler/reconcile/plan"
)

// start starts a stopped container and unfreezes a frozen one.
func (h *Host) start(s plan.Step) (string, error) {
	c, object, err := h.opened(s)
	if err != nil {
		return "", err
	}
	defer h.release(object)
	if damage := c.damage(); damage != "" {
		return "", permanent(errors.New(damage))
	}
	switch state := stateOf(object); state {
	case plan.Running:
		return "started", nil
	case plan.Frozen:
		if err := object.Unfreeze(); err != nil {
			return "", err
		}
		return "started", nil
	case plan.Stopped:
	default:
		return "", fmt.Errorf("it is %s", state)
	}
	log := c.logOf()
	if err := logTo(object, log); err != nil {
		return "", err
	}
	if err := object.Start(); err != nil {
		return "", explained(err, logTail(log))
	}
	return "started", nil
}

// stop lets the guest halt and kills it if it does not. A container that does not exist or does
// not run is stopped already.
func (h *Host) stop(s plan.Step) (string, error) {
	c, object, err := h.opened(s)
	if errors.Is(err, fs.ErrNotExist) {
		return "stopped", nil
	}
	if err != nil {
		return "", err
	}
	defer h.release(object)
	if err := halt(object, h.opt.Grace); err != nil {
		return "", explained(err, logTail(c.logOf()))
	}
	return "stopped", nil
}

// halt makes sure that a container does not run.
func halt(object *golxc.Container, grace time.Duration) error {
	state := stateOf(object)
	if state == plan.Stopped {
		return nil
	}
	if state == plan.Frozen {
		if err := object.Unfreeze(); err != nil {
			return err
		}
	}
	if err := object.Shutdown(grace); err != nil && stateOf(object) != plan.Stopped {
		if err := object.Stop(); err != nil && stateOf(object) != plan.Stopped {
			return err
		}
	}
	if !object.Wait(golxc.STOPPED, 10*time.Second) {
		return fmt.Errorf("it is still %s", stateOf(object))
	}
	return nil
}
