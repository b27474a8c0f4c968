package statetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"reconciler/state"
)

func holder(pid int) state.Holder {
	return state.Holder{
		PID: pid, Who: "root@here", Command: "reconciler run",
		Since: time.Date(2024, 5, 6, 7, 8, 9, 0, time.UTC),
	}
}

// ended returns a context that is over: Lock with it tries and does not wait.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func lock(t *testing.T, s state.Store, pid int) func() error {
	t.Helper()
	unlock, err := s.Lock(ended(), holder(pid))
	if err != nil {
		t.Fatalf("a free lock cannot be had: %v", err)
	}
	return unlock
}

func release(t *testing.T, unlock func() error) {
	t.Helper()
	if err := unlock(); err != nil {
		t.Fatalf("the lock cannot be given back: %v", err)
	}
}

func testLock(t *testing.T, s state.Store) {
	unlock := lock(t, s, 1)
	_, err := s.Lock(ended(), holder(2))
	var locked *state.LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("two hold the lock at once: error %v", err)
	}
	if locked.Holder != holder(1) {
		t.Errorf("the holder is said to be %+v, not %+v", locked.Holder, holder(1))
	}
	put(t, s, record(0)) // who holds the lock writes
	release(t, unlock)
	release(t, lock(t, s, 3))
}

func testLockWaits(t *testing.T, s state.Store) {
	unlock := lock(t, s, 1)
	type answer struct {
		unlock func() error
		err    error
	}
	got := make(chan answer)
	go func() {
		second, err := s.Lock(context.Background(), holder(2))
		got <- answer{second, err}
	}()
	release(t, unlock)
	a := <-got
	if a.err != nil {
		t.Fatalf("the one that waited did not get the lock: %v", a.err)
	}
	_, err := s.Lock(ended(), holder(3))
	var locked *state.LockedError
	if !errors.As(err, &locked) || locked.Holder.PID != 2 {
		t.Errorf("the lock of the one that waited is not seen: %v", err)
	}
	release(t, a.unlock)
}

func testUnlockTwice(t *testing.T, s state.Store) {
	first := lock(t, s, 1)
	release(t, first)
	second := lock(t, s, 2)
	release(t, first)
	_, err := s.Lock(ended(), holder(3))
	var locked *state.LockedError
	if !errors.As(err, &locked) || locked.Holder != holder(2) {
		t.Errorf("unlocking twice took the lock, or its name, from another: error %v", err)
	}
	release(t, second)
}
