//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/execute"
)

const (
	lockName = "lock"

	// lockPoll is how often a taken lock is tried again: the kernel cannot wait for a lock and
	// for a context at once.
	lockPoll = 20 * time.Millisecond
)

// Lock makes the caller, who is named by, the only writer on this host, and then removes what
// runs that were killed left half-made. What cannot be removed is logged and stays; it hinders
// only the container that it belongs to. Lock tries at least once, also when ctx has ended, and
// waits until then; the error wraps execute.ErrHostInUse and says who holds the lock. The lock ends
// with unlock or with the process. Unlocking twice is harmless.
func (h *Host) Lock(ctx context.Context, by string) (unlock func() error, err error) {
	work, err := h.openWorkDir()
	if err != nil {
		return nil, fmt.Errorf("cannot lock host %q: %w", h.opt.Host, err)
	}
	defer work.Close()
	file, err := openAt(work, lockName, unix.O_RDWR|unix.O_CREAT, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock host %q: %w", h.opt.Host, err)
	}
	fd := int(file.Fd())
	err = poll(ctx, func() error { return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) })
	if err != nil {
		if errors.Is(err, context.Cause(ctx)) {
			err = fmt.Errorf("%w by %s", execute.ErrHostInUse, holderIn(file))
		}
		err = fmt.Errorf("cannot lock host %q: %w", h.opt.Host, err)
		return nil, errors.Join(err, file.Close())
	}
	if err := errors.Join(file.Truncate(0), writeStart(file, by+"\n")); err != nil {
		// The disk may be full: it is locked nevertheless, so that something can be removed.
		h.opt.Log.Warn("cannot note who holds the lock of the host", "path", file.Name(), "error", err)
	}
	h.sweep(ctx, work)
	return sync.OnceValue(func() error {
		// A child of liblxc may have inherited the file, so that closing it does not unlock.
		return errors.Join(file.Truncate(0), unix.Flock(fd, unix.LOCK_UN), file.Close())
	}), nil
}

// poll tries to take a lock until it is free or ctx ends, and at least once.
func poll(ctx context.Context, try func() error) error {
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		err := try()
		taken := errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES)
		if !taken && !errors.Is(err, unix.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

func holderIn(file *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(file, 0, 1024))
	if holder := strings.TrimSpace(string(text)); err == nil && holder != "" {
		return holder
	}
	return "somebody"
}

func writeStart(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

// sweep removes what killed runs left in the work directory: the private lxcpaths and temporary
// files. One that stays must not make the host unreachable, so it is only told; the step of its
// uid, which needs the place, will fail. What is not ours stays too.
func (h *Host) sweep(ctx context.Context, work *os.File) {
	entries, err := os.ReadDir(fdPath(work))
	if err != nil {
		h.opt.Log.Warn("cannot list the work directory", "path", work.Name(), "error", err)
	}
	for _, e := range entries {
		path := filepath.Join(work.Name(), e.Name())
		switch {
		case e.Name() == lockName || e.Name() == knownName:
			continue
		case e.IsDir() && isUID(e.Name()):
			err = h.clearIn(ctx, work, e.Name())
		case e.Type().IsRegular() && isTemporary(e.Name(), "config"):
			err = unlinkAt(work, e.Name(), 0)
		default:
			h.opt.Log.Warn("something in the work directory is not ours and stays", "path", path)
			continue
		}
		if err != nil {
			h.opt.Log.Warn("cannot remove what a killed run had left", "path", path, "error", err)
			continue
		}
		h.opt.Log.Info("removed what a killed run had left", "path", path)
	}
}
