package loop

import (
	"context"
	"io"
	"sync"

	"reconciler/reconcile"
	"reconciler/state"
)

// sharedHost is a connected host of which several passes have the lock together.
type sharedHost struct {
	reconcile.Host
	lock sharedLock
}

// Lock takes the lock as reconcile.Host says, or joins those that have it.
func (s *sharedHost) Lock(ctx context.Context, by string) (func() error, error) {
	return s.lock.take(func() (func() error, error) { return s.Host.Lock(ctx, by) })
}

func (s *sharedHost) spent() bool {
	h, ok := s.Host.(spendable)
	return ok && h.Spent()
}

// close ends the connection. It is given up, whatever it says.
func (s *sharedHost) close() {
	if c, ok := s.Host.(io.Closer); ok {
		_ = c.Close()
	}
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
	taking sync.Mutex // held by who takes or gives: that may last
	unlock func() error

	mu    sync.Mutex
	count int
}

// take calls lock if nobody has it yet.
func (s *sharedLock) take(lock func() (func() error, error)) (func() error, error) {
	s.taking.Lock()
	defer s.taking.Unlock()
	if s.join() {
		return sync.OnceValue(s.give), nil
	}
	unlock, err := lock()
	if err != nil {
		return nil, err
	}
	s.unlock = unlock
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count = 1
	return sync.OnceValue(s.give), nil
}

// join takes the lock with others that have it, and reports whether somebody has.
func (s *sharedLock) join() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == 0 {
		return false
	}
	s.count++
	return true
}

// give gives back what one taker has. Who asks whether the lock is held does not wait for it.
func (s *sharedLock) give() error {
	s.taking.Lock()
	defer s.taking.Unlock()
	s.mu.Lock()
	s.count--
	last := s.count == 0
	s.mu.Unlock()
	if !last {
		return nil
	}
	return s.unlock()
}

func (s *sharedLock) held() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count > 0
}
