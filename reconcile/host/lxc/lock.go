//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Lock makes the caller, who is named by, the only writer on this host, and then removes what
// runs that were killed left half-made. It waits until ctx ends; the error says who holds the
// lock. The lock ends with unlock or with the process.
func (h *Host) Lock(ctx context.Context, by string) (unlock func() error, err error) {
	dir, err := h.makeWorkDir()
	if err != nil {
		return nil, fmt.Errorf("cannot lock host %q: %w", h.opt.Host, err)
	}
	path := filepath.Join(dir, "lock")
	lock := flock.New(path, flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		holder, readErr := os.ReadFile(path)
		if readErr != nil || len(holder) == 0 {
			holder = []byte("somebody")
		}
		return nil, fmt.Errorf("cannot lock host %q, which is held by %s: %w",
			h.opt.Host, strings.TrimSpace(string(holder)), err)
	}
	err = os.WriteFile(path, []byte(by+"\n"), 0o600)
	if err == nil {
		err = h.sweep(dir)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock host %q: %w", h.opt.Host, err), lock.Close())
	}
	return func() error { return errors.Join(os.Truncate(path, 0), lock.Close()) }, nil
}

// sweep removes everything from the work directory but the lock itself.
func (h *Host) sweep(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch {
		case e.Name() == "lock":
			continue
		case e.IsDir():
			err = h.clear(path)
		default:
			err = os.Remove(path)
		}
		if err != nil {
			return fmt.Errorf("cannot clear %q: %w", path, err)
		}
		h.opt.Log.Info("removed what a killed run had left", "path", path)
	}
	return nil
}
