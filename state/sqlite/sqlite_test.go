package sqlite

import (
	"context"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"

	"reconciler/state"
	"reconciler/state/statetest"
)

func mustOpen(t testing.TB, path string, opts Options) *Store {
	t.Helper()
	s, err := Open(context.Background(), path, opts)
	if err != nil {
		t.Fatalf("the store does not open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("the store does not close: %v", err)
		}
	})
	return s
}

func mustLoad(t testing.TB, s *Store) state.Snapshot {
	t.Helper()
	snap, err := s.Load(context.Background())
	if err != nil {
		t.Fatalf("the store cannot be read: %v", err)
	}
	return snap
}

func mustApply(t testing.TB, s *Store, b state.Batch) {
	t.Helper()
	if _, err := s.Apply(context.Background(), b); err != nil {
		t.Fatalf("a good batch was refused: %v", err)
	}
}

func TestConformance(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var n atomic.Int64
	statetest.Run(t, func(t *testing.T) state.Store {
		path := filepath.Join(dir, strconv.FormatInt(n.Add(1), 10), "state.db")
		return mustOpen(t, path, Options{})
	})
}
