package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"reconciler/reconcile/host/lxc"
	"reconciler/reconcile/host/prepare"
	"reconciler/spec"
)

// containers is what drives the containers of this machine, preparer what makes it fit for them.
type (
	containers = lxc.Host
	preparer   = prepare.Host
)

// localHost is this machine: its containers, and all that they need of it.
type localHost struct {
	*containers
	*preparer

	mu     sync.Mutex
	by     string       // who locked it while there was nothing to lock; empty: nobody
	unlock func() error // of the lock that was taken for them since; nil: there is none
}

// openLocal returns the driver of this machine.
func openLocal(host, lxcpath, installation string, log *slog.Logger) (*localHost, error) {
	driver, err := lxc.New(lxc.Options{
		Host: host, LXCPath: lxcpath, Installation: installation, Log: log,
		// This very program, also after another version took its place on the disk.
		Launcher: []string{"/proc/self/exe", "reconciler", "launch"},
	})
	if err != nil {
		return nil, err
	}
	return &localHost{containers: driver, preparer: prepare.New(lxcpath)}, nil
}

// Lock implements reconcile.Host. The lock lies in the directory of the containers: where that is
// missing there is nothing to lock, and Prepare locks as soon as it has made it.
func (h *localHost) Lock(ctx context.Context, by string) (unlock func() error, err error) {
	unlock, err = h.containers.Lock(ctx, by)
	if !errors.Is(err, fs.ErrNotExist) {
		return unlock, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.by = by
	return h.leave, nil
}

// leave gives back what Lock, or Prepare after it, has taken.
func (h *localHost) leave() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	unlock := h.unlock
	h.by, h.unlock = "", nil
	if unlock == nil {
		return nil
	}
	return unlock()
}

// Prepare implements reconcile.Preparer.
func (h *localHost) Prepare(
	ctx context.Context, want spec.Preparation,
) (done []string, err error) {
	if done, err = h.makeRoom(ctx, want); err != nil {
		return done, err
	}
	more, err := h.preparer.Prepare(ctx, want)
	return append(done, more...), err
}

// roomLimit is how long somebody else may have the lock of a directory that was just made.
const roomLimit = time.Minute

// makeRoom makes the directory of the containers and locks it, if Lock could not.
func (h *localHost) makeRoom(
	ctx context.Context, want spec.Preparation,
) (done []string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.by == "" || h.unlock != nil {
		return nil, nil
	}
	if done, err = h.MakeRoom(ctx, want); err != nil {
		return done, err
	}
	ctx, cancel := context.WithTimeout(ctx, roomLimit)
	defer cancel()
	h.unlock, err = h.containers.Lock(ctx, h.by)
	return done, err
}
