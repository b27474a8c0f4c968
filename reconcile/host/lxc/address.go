//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"reconciler/reconcile/plan"
)

// pollInterval is how often a starting guest is asked for its address. liblxc sets it before the
// first process runs, so that the first answer is nearly always the last.
const pollInterval = 5 * time.Millisecond

// endedText is what is seen of a container that does not run any more.
const endedText = "it is stopped"

// address waits until the container runs and its interface has the declared address and route,
// and says so only then. Other addresses, of a service of the guest perhaps, do not matter.
func (h *Host) address(ctx context.Context, s plan.Step) (string, error) {
	c, err := h.owned(s)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, h.opt.Wait)
	defer cancel()
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		got, seen, err := h.lookForAddress(s, c)
		if err == nil && got.IsValid() {
			return "Got ip " + got.String(), nil
		}
		if err == nil && seen == endedText {
			return "", explained(errors.New("it did not get its address: "+endedText),
				logTail(c.logOf()))
		}
		select {
		case <-ctx.Done():
			if err == nil {
				err = errors.New(seen)
			}
			return "", explained(fmt.Errorf("it did not get its address: %w", err), logTail(c.logOf()))
		case <-ticker.C:
		}
	}
}

// lookForAddress returns the address if all is as declared, else what was seen.
func (h *Host) lookForAddress(s plan.Step, c container) (netip.Addr, string, error) {
	v, err := openAs(h.opt.LXCPath, s.Container, glance)
	if err != nil {
		return netip.Addr{}, "", err
	}
	object := v.object
	defer h.release(object)
	switch state := stateOf(object); state {
	case plan.Running:
	case plan.Stopped: // it was started before this step: waiting does not bring it back
		return netip.Addr{}, endedText, nil
	default:
		return netip.Addr{}, "it is " + string(state), nil
	}
	net, err := enter(object.InitPid())
	if err != nil {
		return netip.Addr{}, "", err
	}
	defer net.handle.Close()
	name := c.file.interfaceName()
	nic, err := net.inspect(name)
	if err != nil {
		return netip.Addr{}, "", err
	}
	want := addressOf(s.Want)
	seen := fmt.Sprintf("%s has %v and the gateway %v", name, nic.addresses, nic.gateway)
	switch {
	case len(nic.addresses) == 0:
		return netip.Addr{}, name + " has no address", nil
	case !want.IsValid():
		return nic.addresses[0].Addr(), seen, nil
	case slices.Contains(nic.addresses, want) && nic.gateway == s.Want.Gateway:
		return want.Addr(), seen, nil
	default:
		return netip.Addr{}, seen, nil
	}
}
