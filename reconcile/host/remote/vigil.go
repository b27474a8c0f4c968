package remote

import (
	"context"
	"errors"
	"slices"
)

// errNoDeaths says what the driver of a host cannot do.
var errNoDeaths = errors.New("the host cannot tell when containers end")

// vigil is a running call of Deaths.
type vigil struct {
	waiting map[string]int // who has not died yet
	died    chan string    // has room for all of them
}

// Deaths calls died for each of the running containers whose init ends, until ctx ends; see
// lxc.Host. It also returns, with an error, when the connection does. died is called by this
// goroutine.
func (h *Host) Deaths(
	ctx context.Context, running map[string]int, died func(container string),
) error {
	if !slices.Contains(h.agent.Capabilities, methodDeaths) {
		return errNoDeaths
	}
	v := &vigil{waiting: map[string]int{}, died: make(chan string, len(running))}
	for name, pid := range running {
		v.waiting[name] = pid
	}
	ended := make(chan error, 1)
	go func() { ended <- h.watch(ctx, running, v) }()
	for {
		select {
		case name := <-v.died:
			if ctx.Err() == nil {
				died(name)
			}
		case err := <-ended:
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

func (h *Host) watch(ctx context.Context, running map[string]int, v *vigil) error {
	enter := func(id uint64) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.deaths[id] = v
	}
	id, _, err := h.peer.ask(ctx, question{
		method: methodDeaths, params: deathsRequest{running}, before: enter,
	})
	h.mu.Lock()
	delete(h.deaths, id)
	h.mu.Unlock()
	if err != nil {
		return h.explain(err)
	}
	return errors.New("the host does not tell any more when containers end")
}

// died passes on a notice about a container that was asked about and is not known to be dead.
func (h *Host) died(n deathNotice) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v := h.deaths[n.Call]
	if v == nil {
		return
	}
	if _, waiting := v.waiting[n.Container]; waiting {
		delete(v.waiting, n.Container)
		v.died <- n.Container
	}
}
