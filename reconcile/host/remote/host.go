package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/sourcegraph/jsonrpc2"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// Host is a connected host. Its methods may be called from several goroutines. When the connection
// ends, every open call and every later one fails with an error that says why: connect anew. The
// agent then gives the lock back by itself, after the steps that run.
type Host struct {
	name  string
	peer  *peer
	agent Agent
	lost  func(error) error // tells more of why the connection has ended
	close func() error      // waits for what carries the connection

	mu     sync.Mutex
	fresh  *plan.Actual // came with the lock
	seen   time.Time    // when
	deaths map[uint64]*vigil
	tasks  map[uint64]*task
}

// connect greets the agent that has written Ready to pipe.
func connect(
	ctx context.Context, pipe io.ReadWriteCloser, g greeting, t timing,
) (*Host, error) {
	h := &Host{
		name: g.Target.Host, deaths: map[uint64]*vigil{}, tasks: map[uint64]*task{},
		lost: func(err error) error { return err },
	}
	h.peer = newPeer(pipe, maxAnswer, t, h.handle)
	h.close = func() error { return nil }
	answer, err := h.peer.call(ctx, methodHello, g)
	if err == nil {
		h.agent, err = decodeAnswer[Agent](answer)
	}
	if err == nil {
		err = h.agent.check(g)
	}
	if err != nil {
		err = h.explain(err)
		h.peer.giveUp(nil)
		return nil, err
	}
	return h, nil
}

// check compares the versions.
func (a Agent) check(g greeting) error {
	if a.Major == g.Major && a.Minor >= g.Minor {
		return nil
	}
	return fmt.Errorf("its agent is of version %q and speaks protocol %d.%d, this program of "+
		"version %q and %d.%d: install the same version there, or let it be delivered",
		clean(a.Version), a.Major, a.Minor, g.Version, g.Major, g.Minor)
}

// Close ends the connection and waits for a while until the agent is gone; it goes when the steps
// that run have ended.
func (h *Host) Close() error {
	h.peer.giveUp(nil)
	return h.close()
}

// Observe reports every container of the host; see reconcile.Host.
func (h *Host) Observe(ctx context.Context) (plan.Actual, error) {
	if actual := h.takeFresh(); actual != nil {
		return *actual, nil
	}
	answer, err := h.peer.call(ctx, methodObserve, nil)
	if err == nil {
		var actual plan.Actual
		if actual, err = h.actualOf(answer); err == nil {
			return actual, nil
		}
	}
	return plan.Actual{}, h.explain(err)
}

// actualOf reads an observation, which must be that of this host.
func (h *Host) actualOf(answer json.RawMessage) (plan.Actual, error) {
	actual, err := decodeAnswer[plan.Actual](answer)
	if err == nil {
		err = h.checkActual(actual)
	}
	return actual, err
}

func (h *Host) checkActual(actual plan.Actual) error {
	if actual.Host != h.name {
		return &badAnswer{fmt.Errorf("it is about host %q", clean(actual.Host))}
	}
	return nil
}

// Lock makes the caller the only writer on the host; see reconcile.Host. The answer brings the next
// observation along, so that a pass costs one question less. unlock returns nil if the connection
// has ended, since then the agent gives the lock back.
func (h *Host) Lock(ctx context.Context, by string) (unlock func() error, err error) {
	answer, err := h.peer.call(ctx, methodLock, lockRequest{By: by, Observe: true})
	if err != nil {
		return nil, h.explain(err)
	}
	locked, err := decodeAnswer[lockAnswer](answer)
	if err == nil && locked.Actual != nil {
		err = h.checkActual(*locked.Actual)
	}
	if err != nil {
		h.peer.giveUp(err) // it may hold the lock
		return nil, h.explain(err)
	}
	h.mu.Lock()
	h.fresh, h.seen = locked.Actual, time.Now()
	h.mu.Unlock()
	return sync.OnceValue(func() error { return h.unlock(locked.lockID) }), nil
}

// unlockLimit is how long giving back a lock may take.
const unlockLimit = 10 * time.Second

func (h *Host) unlock(id lockID) error {
	h.forget()
	ctx, cancel := context.WithTimeout(context.Background(), unlockLimit)
	defer cancel()
	_, err := h.peer.call(ctx, methodUnlock, id)
	if err == nil || errors.Is(err, errEnded) {
		return nil
	}
	return h.explain(err)
}

// takeFresh returns the observation that came with the lock, once and only if it is of just now.
func (h *Host) takeFresh() *plan.Actual {
	h.mu.Lock()
	defer h.mu.Unlock()
	actual := h.fresh
	h.fresh = nil
	select {
	case <-h.peer.ended():
		return nil
	default:
	}
	if time.Since(h.seen) > freshFor {
		return nil
	}
	return actual
}

// forget drops the observation that came with the lock: it is not true any more.
func (h *Host) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fresh = nil
}

// explain makes the error of a call that of its caller.
func (h *Host) explain(err error) error {
	if answer := (*jsonrpc2.Error)(nil); errors.As(err, &answer) {
		return errorOf(answer)
	}
	if errors.Is(err, errEnded) {
		if why := h.peer.why(); why != nil {
			err = fmt.Errorf("%w: %w", errEnded, why)
		}
		return lostError{h.lost(err)}
	}
	return err
}

// lostError says that the connection has ended. Only another one helps.
type lostError struct{ error }

// Unwrap makes it permanent.
func (l lostError) Unwrap() []error { return []error{l.error, execute.ErrPermanent} }

// badAnswer is an answer that the agent of this program would not give.
type badAnswer struct{ error }

// Error implements error.
func (b *badAnswer) Error() string { return "the agent answers nonsense: " + b.error.Error() }

func decodeAnswer[T any](answer json.RawMessage) (T, error) {
	v, err := decode[T](answer)
	if err != nil {
		return v, &badAnswer{err}
	}
	return v, nil
}

// handle takes what an agent sends unasked.
func (h *Host) handle(r *jsonrpc2.Request) {
	switch {
	case !r.Notif:
		// It fails only if the connection ends.
		_ = h.peer.conn.ReplyWithError(context.Background(), r.ID, &jsonrpc2.Error{
			Code: jsonrpc2.CodeMethodNotFound, Message: "nothing is to be asked here"})
	case r.Method == noticeDied && r.Params != nil:
		if n, err := decode[deathNotice](*r.Params); err == nil {
			h.died(n)
		}
	case r.Method == noticeProgress && r.Params != nil:
		if n, err := decode[progressNotice](*r.Params); err == nil {
			h.progress(n)
		}
	}
}
