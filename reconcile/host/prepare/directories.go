//go:build linux

package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// directories finds the directories that are missing, or are not root's with their mode.
func directories(_ context.Context, want *spec.Preparation) ([]difference, error) {
	var out []difference
	for _, d := range want.Directories {
		found, refused, err := lookAt(d.Path)
		if err != nil {
			return nil, fmt.Errorf("cannot look at directory %q: %w", d.Path, err)
		}
		change := plan.HostChange{What: "directory " + d.Path, Old: found,
			New: describe(0, 0, d.Mode), Refused: refused}
		if refused != "" {
			out = append(out, difference{change: change})
		} else if found != change.New {
			out = append(out, difference{change, func(context.Context) error {
				return makeDirectory(d.Path, &d.Mode)
			}})
		}
	}
	return out, nil
}

// describe says whose a directory is, as a difference shows it.
func describe(uid, gid, mode uint32) string {
	if uid == 0 && gid == 0 {
		return fmt.Sprintf("mode %04o", mode)
	}
	return fmt.Sprintf("mode %04o of %d:%d", mode, uid, gid)
}

// lookAt describes a directory, or says what is in its place or on the way to it; both are empty
// if nothing is.
func lookAt(path string) (found, refused string, err error) {
	for at := path; at != "/"; at = filepath.Dir(at) {
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
			continue
		case err != nil:
			return "", "", err
		case info.Mode()&fs.ModeSymlink != 0:
			return "", at + " is a symbolic link: declare the directory that it points to", nil
		case !info.IsDir():
			return "", at + " is not a directory: move it away", nil
		}
		if at == path {
			s := info.Sys().(*syscall.Stat_t)
			found = describe(s.Uid, s.Gid, s.Mode&0o7777)
		}
	}
	return found, "", nil
}
