//go:build linux

package prepare

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// passwdLock is what lckpwdf(3) locks: useradd and its like hold it while they write.
const (
	passwdLock  = "/etc/.pwd.lock"
	passwdLimit = 15 * time.Second
	passwdPause = 50 * time.Millisecond
)

func idFiles() []string { return []string{"/etc/subuid", "/etc/subgid"} }

// subordinateIDs finds the ranges that are not in both files. One that another user has, or that
// would be there in part, is refused: containers of two users would own each other's files.
func subordinateIDs(_ context.Context, want *spec.Preparation) ([]difference, error) {
	var out []difference
	texts := map[string]string{}
	for _, path := range idFiles() {
		text, err := readPlain(path)
		if err != nil {
			return nil, fmt.Errorf("cannot read the subordinate ids: %w", err)
		}
		texts[path] = text
	}
	for _, user := range slices.Sorted(maps.Keys(want.SubIDs)) {
		r := rangeOf(user, want.SubIDs[user])
		if d, differs := lookForRange(texts, r); differs {
			out = append(out, d)
		}
		for path, text := range texts { // two that are declared must not overlap either
			if found, clash := fits(parseRanges(text), r); !found && clash == "" {
				texts[path] = withRange(text, r)
			}
		}
	}
	return out, nil
}

// lookForRange compares one range with both files, by path.
func lookForRange(texts map[string]string, want idRange) (difference, bool) {
	change := plan.HostChange{What: "subordinate ids of " + want.user,
		New: spec.IDRange{First: uint32(want.first), Count: uint32(want.count)}.String()}
	var missing, refused []string
	for _, path := range idFiles() {
		found, clash := fits(parseRanges(texts[path]), want)
		if clash != "" {
			refused = append(refused, fmt.Sprintf("%s has %s, which overlaps", path, clash))
		} else if !found {
			missing = append(missing, path)
		}
	}
	switch {
	case len(refused) > 0:
		change.Refused = strings.Join(refused, "; ") + ": declare ids that are free"
		return difference{change: change}, true
	case len(missing) == 1:
		change.Old = "missing in " + missing[0]
	case len(missing) == 0:
		return difference{}, false
	}
	return difference{change, func(ctx context.Context) error {
		return addRange(ctx, missing, want)
	}}, true
}

// addRange adds a line to files while nobody else writes them, if it still fits.
func addRange(ctx context.Context, paths []string, r idRange) error {
	unlock, err := lockPasswd(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, path := range paths {
		text, err := readPlain(path)
		if err != nil {
			return err
		}
		found, clash := fits(parseRanges(text), r)
		if clash != "" {
			return fmt.Errorf("%s has %s, which overlaps", path, clash)
		}
		if found {
			continue
		}
		if err := write(path, withRange(text, r), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// lockPasswd keeps useradd and its like away until unlock is called.
func lockPasswd(ctx context.Context) (unlock func(), err error) {
	f, err := os.OpenFile(passwdLock, os.O_CREATE|os.O_WRONLY|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	end := time.Now().Add(passwdLimit)
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	for {
		err := unix.FcntlFlock(f.Fd(), unix.F_SETLK, &lock)
		if err == nil {
			return func() { _ = f.Close() }, nil // closing it is unlocking it
		}
		if err != unix.EAGAIN && err != unix.EACCES || time.Now().After(end) {
			return nil, errors.Join(fmt.Errorf("cannot lock %s: %w", passwdLock, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-time.After(passwdPause):
		}
	}
}
