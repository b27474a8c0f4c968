//go:build linux

package prepare

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// directories finds the directories that are missing, or are not root's with their mode. That of
// the containers is one of them, but keeps the mode that somebody gave it unless one is declared.
func (h *Host) directories(_ context.Context, want *spec.Preparation) ([]difference, error) {
	var out []difference
	for _, d := range append(h.missing(want), want.Directories...) {
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

// packagedPath is the directory of containers that comes with the package lxc, usualMode the mode
// of others unless one is declared.
const (
	packagedPath = "/var/lib/lxc"
	usualMode    = 0o755
)

// missing returns the directory of the containers if it is not there, nothing declares it and no
// package brings it.
func (h *Host) missing(want *spec.Preparation) []spec.Directory {
	declared := slices.ContainsFunc(want.Directories, h.isRoom)
	comes := h.lxcpath == packagedPath && !isInstalled("lxc-start")
	if declared || comes || h.hasRoom() {
		return nil
	}
	return []spec.Directory{{Path: h.lxcpath, Mode: usualMode}}
}

func (h *Host) isRoom(d spec.Directory) bool { return d.Path == h.lxcpath }

func (h *Host) hasRoom() bool {
	_, err := os.Stat(h.lxcpath)
	return !errors.Is(err, fs.ErrNotExist)
}

// MakeRoom makes the directory of the containers if it is missing, as Prepare does, so that the
// host can be locked before anything else is prepared. done says that it did.
func (h *Host) MakeRoom(ctx context.Context, want spec.Preparation) (done []string, err error) {
	if h.hasRoom() {
		return nil, nil
	}
	room := []spec.Directory{{Path: h.lxcpath, Mode: usualMode}}
	if i := slices.IndexFunc(want.Directories, h.isRoom); i >= 0 {
		room[0] = want.Directories[i]
	}
	done, refused, err := carryOut(ctx, h.directories, &spec.Preparation{Directories: room})
	return done, errors.Join(append(refused, err)...)
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
