package loop

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// dial is the type of reconcile.Options.Dial.
type dial func(context.Context, *spec.Host, string) (reconcile.Host, error)

// hosts keeps the hosts connected and shares their locks among the passes of this process: while
// one pass waits for a slow container, the next ones work beside it.
type hosts struct {
	dialer dial
	store  sharedLock

	mu    sync.Mutex
	known map[string]*sharedHost // by name
}

func newHosts(d dial) *hosts {
	return &hosts{dialer: d, known: map[string]*sharedHost{}}
}

// dial returns the connected host. One whose declaration changed, or that could not be observed,
// is connected anew as soon as nobody works on it.
func (h *hosts) dial(
	ctx context.Context, declared *spec.Host, installation string,
) (reconcile.Host, error) {
	key := keyOf(declared, installation)
	h.mu.Lock()
	old := h.known[declared.Name]
	h.mu.Unlock()
	if old != nil && old.key == key && !old.isBroken() {
		return old, nil
	}
	if old != nil && !old.retire() {
		if old.key == key {
			return old, nil // what failed once need not fail again
		}
		return nil, errors.New("it is still being worked on over an older connection")
	}
	inner, err := h.dialer(ctx, declared, installation)
	if err != nil {
		return nil, err
	}
	shared := &sharedHost{Host: inner, key: key}
	h.mu.Lock()
	h.known[declared.Name] = shared
	h.mu.Unlock()
	return shared, nil
}

// keep ends the connections to hosts that are not declared.
func (h *hosts) keep(t *spec.Tree) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, s := range h.known {
		if t.Hosts[name] == nil && s.retire() {
			delete(h.known, name)
		}
	}
}

// close ends all connections.
func (h *hosts) close(log *slog.Logger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, s := range h.known {
		if !s.retire() {
			log.Error("a host is still being worked on", "host", name)
		}
	}
}

// sharing returns the store with its lock shared.
func (h *hosts) sharing(s state.Store) state.Store { return sharedStore{s, &h.store} }

// hostKey is what a connection depends on.
type hostKey struct {
	connect, lxcpath, agent, installation string
	gateway                               spec.SSHGateway
}

func keyOf(h *spec.Host, installation string) hostKey {
	key := hostKey{connect: h.Connect, lxcpath: h.LXCPath, agent: h.Agent, installation: installation}
	if h.Gateway != nil {
		key.gateway = *h.Gateway
	}
	return key
}

// sharedHost is a connected host that several passes use at once. It is no io.Closer: a pass does
// not end the connection.
type sharedHost struct {
	reconcile.Host
	key  hostKey
	lock sharedLock

	mu     sync.Mutex
	broken bool
}

// Observe implements reconcile.Host.
func (s *sharedHost) Observe(ctx context.Context) (plan.Actual, error) {
	actual, err := s.Host.Observe(ctx)
	s.judge(err)
	return actual, err
}

// Lock implements reconcile.Host.
func (s *sharedHost) Lock(ctx context.Context, by string) (func() error, error) {
	unlock, err := s.lock.take(func() (func() error, error) { return s.Host.Lock(ctx, by) })
	s.judge(err)
	return unlock, err
}

// judge takes an error for the end of the connection: a new one costs little, a dead one all.
func (s *sharedHost) judge(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err != nil
}

func (s *sharedHost) isBroken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// retire ends the connection and reports true, or false if somebody works on the host.
func (s *sharedHost) retire() bool {
	if s.lock.held() {
		return false
	}
	if c, ok := s.Host.(io.Closer); ok {
		// The connection is given up, whatever it says.
		_ = c.Close()
	}
	return true
}

// sharedStore is a store whose lock is taken once for all passes.
type sharedStore struct {
	state.Store
	lock *sharedLock
}

// Lock implements state.Store.
func (s sharedStore) Lock(ctx context.Context, by state.Holder) (func() error, error) {
	return s.lock.take(func() (func() error, error) { return s.Store.Lock(ctx, by) })
}

// sharedLock is held from the first taker to the last. The zero value is ready.
type sharedLock struct {
	mu     sync.Mutex
	count  int
	unlock func() error
}

// take calls lock if nobody has it yet.
func (s *sharedLock) take(lock func() (func() error, error)) (func() error, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		unlock, err := lock()
		if err != nil {
			return nil, err
		}
		s.unlock = unlock
	}
	s.count++
	return sync.OnceValue(s.give), nil
}

func (s *sharedLock) give() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count--; s.count > 0 {
		return nil
	}
	return s.unlock()
}

func (s *sharedLock) held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count > 0
}
