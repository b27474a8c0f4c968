//go:build linux && cgo

package lxc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// snapshotsName is liblxc's file in the directory of a source, with those who are its snapshots.
const snapshotsName = "lxc_snapshots"

// readDependants reads one of liblxc's files of pairs; a missing one is empty.
func readDependants(path string) ([]dependant, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := parseDependants(text)
	if err != nil {
		return nil, fmt.Errorf("cannot understand %q: %w", path, err)
	}
	return list, nil
}

// updateSnapshots replaces an entry in the list of those who are snapshots of source; a zero
// wanted only removes. It takes the lock that liblxc takes for the same file. A source that no
// longer exists is nothing to do.
func (h *Host) updateSnapshots(ctx context.Context, source, old, wanted dependant) error {
	done, err := h.turns.take(ctx, source)
	if err != nil {
		return err
	}
	defer done()
	unlock, err := lockContainer(ctx, source)
	if err != nil {
		return err
	}
	defer unlock()
	dir := filepath.Join(source.lxcpath, source.name)
	if !isDir(dir) {
		return nil
	}
	if err := sweepTemporary(dir, snapshotsName); err != nil {
		return err
	}
	path := filepath.Join(dir, snapshotsName)
	before, err := readDependants(path)
	if err != nil {
		return err
	}
	after := replaceDependant(before, old, wanted)
	if bytes.Equal(formatDependants(before), formatDependants(after)) {
		return nil
	}
	if len(after) == 0 {
		return os.Remove(path)
	}
	return renameio.WriteFile(path, formatDependants(after), 0o644,
		renameio.WithTempDir(dir), renameio.WithExistingPermissions())
}

// sweepTemporary removes what killed writes of a file left in its directory. The caller holds the
// lock of the file: nobody writes it now.
func sweepTemporary(dir, name string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && isTemporary(e.Name(), name) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// isTemporary reports whether found is a name that renameio writes a file under before it renames
// it to name: with a dot before it and digits behind it.
func isTemporary(found, name string) bool {
	digits, ok := strings.CutPrefix(found, "."+name)
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

// turns lets the goroutines of this process come one after the other to the list of a source. They
// would get in each other's way at liblxc's lock, which is polled for: a clone would wait for the
// next poll, and not for the microseconds that another holds the lock. The zero value is ready.
type turns struct {
	lists sync.Map // dependant → chan struct{}
}

// take waits for its turn until ctx ends.
func (t *turns) take(ctx context.Context, source dependant) (done func(), err error) {
	list, _ := t.lists.LoadOrStore(source, make(chan struct{}, 1))
	turn := list.(chan struct{})
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("cannot change the list of snapshots of %q: %w",
			source.name, context.Cause(ctx))
	}
}

// lockContainer takes liblxc's own lock on a container's files. liblxc holds it only while it
// rewrites them, but a stopped process holds it as long as it likes: it waits until ctx ends.
func lockContainer(ctx context.Context, d dependant) (unlock func(), err error) {
	dir := filepath.Join(liblxcLocks, d.lxcpath)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "."+d.name)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NOCTTY, 0o600)
	if err != nil {
		return nil, err
	}
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	err = poll(ctx, func() error { return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock) })
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot lock %q: %w", path, err), f.Close())
	}
	return func() { f.Close() }, nil
}
