//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	golxc "github.com/lxc/go-lxc"

	"reconciler/reconcile/plan"
)

// start starts a stopped container and unfreezes a frozen one.
func (h *Host) start(ctx context.Context, s plan.Step) (string, error) {
	if _, err := h.owned(s); err != nil {
		return "", err
	}
	if err := h.launcher.start(ctx, h.opt.LXCPath, s.Container); err != nil {
		return "", err
	}
	return "started", nil
}

// stop lets the guest halt and kills it if it does not. A container that does not exist or does
// not run is stopped already. One that is to be started again is not stopped before it is certain
// that liblxc accepts the configuration that it shall start with.
func (h *Host) stop(ctx context.Context, s plan.Step) (string, error) {
	c, seen, err := h.opened(s, look)
	if errors.Is(err, fs.ErrNotExist) {
		return "stopped", nil
	}
	if err != nil {
		return "", err
	}
	if s.Want != nil && s.Want.Running {
		if _, err := h.next(s, c, seen); err != nil {
			h.release(seen.object)
			return "", err
		}
	}
	if err := h.halt(ctx, seen.object, h.opt.Grace); err != nil {
		return "", explained(err, logTail(c.logOf()))
	}
	return "stopped", nil
}

// halt makes sure that a container does not run. It takes object over and releases it.
func (h *Host) halt(ctx context.Context, object *golxc.Container, grace time.Duration) error {
	_, err := within(ctx, func() (plan.State, error) {
		defer h.release(object)
		return plan.Stopped, halt(ctx, object, grace)
	})
	return err
}

// halt may take longer than ctx, but does nothing more after its end.
func halt(ctx context.Context, object *golxc.Container, grace time.Duration) error {
	state := stateOf(object)
	if state == plan.Stopped {
		return nil
	}
	if state == plan.Frozen {
		if err := object.Unfreeze(); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := object.Shutdown(grace); err != nil && stateOf(object) != plan.Stopped {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := object.Stop(); err != nil && stateOf(object) != plan.Stopped {
			return err
		}
	}
	if !object.Wait(golxc.STOPPED, 10*time.Second) {
		return fmt.Errorf("it is still %s", stateOf(object))
	}
	return nil
}
