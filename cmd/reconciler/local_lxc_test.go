//go:build linux && cgo

package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"reconciler/spec"
)

// Where the directory of the containers is missing, with its lock, two controllers must not prepare
// a host at once any more than elsewhere.
func TestHostIsLockedAsSoonAsThereIsADirectory(t *testing.T) {
	requireLXC(t)
	path := filepath.Join(t.TempDir(), "srv", "lxc")
	open := func() *localHost {
		h, err := openLocal("here", path, "inst-1", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Close() }) // it has only looked
		return h
	}
	first, second := open(), open()
	unlock, err := first.Lock(t.Context(), "the first")
	if err != nil {
		t.Fatal(err)
	}
	if done, err := first.makeRoom(t.Context(), spec.Preparation{}); err != nil || len(done) != 1 {
		t.Fatalf("done %q, %v", done, err)
	}
	ended, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("no patience"))
	if _, err := second.Lock(ended, "the second"); err == nil ||
		!strings.Contains(err.Error(), "by the first") {
		t.Errorf("two prepare one host at once: %v", err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	unlock, err = second.Lock(ended, "the second")
	if err != nil {
		t.Fatalf("the lock is never given back: %v", err)
	}
	if err := unlock(); err != nil {
		t.Error(err)
	}
}
