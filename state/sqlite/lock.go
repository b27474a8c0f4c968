package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"

	"reconciler/state"
)

// lockPoll is how often a waiting process looks whether the lock is free: flock(2) cannot wait
// for a lock and for a context at once.
const lockPoll = 50 * time.Millisecond

// Lock implements state.Store. The lock is an flock(2) on the file <path>.lock, so the kernel
// drops it when the process ends, however it ends. It tries at least once, even if ctx is done.
// Unlocking twice is harmless.
func (s *Store) Lock(ctx context.Context, by state.Holder) (func() error, error) {
	if s.readOnly {
		return nil, s.explain("lock", ErrReadOnly)
	}
	path := s.path + ".lock"
	l := flock.New(path)
	ok, err := l.TryLock()
	if err == nil && !ok {
		ok, err = l.TryLockContext(ctx, lockPoll)
	}
	if !ok {
		if err == nil || ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil, &state.LockedError{What: s.path, Holder: readHolder(path)}
		}
		return nil, s.explain("lock", err)
	}
	if err := writeHolder(path, by); err != nil {
		return nil, errors.Join(s.explain("lock", err), l.Unlock())
	}
	return func() error {
		if !l.Locked() {
			return nil
		}
		// Whoever looks must not find the name of somebody who has left.
		if err := errors.Join(os.Truncate(path, 0), l.Unlock()); err != nil {
			return s.explain("unlock", err)
		}
		return nil
	}, nil
}

func writeHolder(path string, by state.Holder) error {
	text, err := json.Marshal(by)
	if err != nil {
		return fmt.Errorf("cannot encode the holder of the lock: %w", err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// readHolder returns who holds the lock, as far as that can be read: the holder writes its name
// just after it has the lock.
func readHolder(path string) state.Holder {
	unknown := state.Holder{Who: "an unknown process"}
	text, err := os.ReadFile(path)
	if err != nil {
		return unknown
	}
	h := unknown
	if json.Unmarshal(text, &h) != nil {
		return unknown
	}
	return h
}
