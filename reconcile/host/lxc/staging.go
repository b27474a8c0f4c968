//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/plan"
)

// liblxcLocks is where liblxc, run by root, keeps the lock files of containers.
const liblxcLocks = "/run/lxc/lock"

// staging is the private lxcpath of one container that is being made or removed.
type staging struct {
	lxcpath string // the private one
	dir     string // of the container in it
}

// staging returns the place for the container of a step.
func (h *Host) staging(s plan.Step) staging {
	path := filepath.Join(h.opt.LXCPath, workDir, s.UID)
	return staging{lxcpath: path, dir: filepath.Join(path, s.Container)}
}

// makeWorkDir makes the directory of all stagings, for root alone.
func (h *Host) makeWorkDir() (string, error) {
	path := filepath.Join(h.opt.LXCPath, workDir)
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return path, nil
}

// clear removes what an earlier run left in a private lxcpath, also from the list of snapshots
// of the containers it was cloned from.
func (h *Host) clear(lxcpath string) error {
	entries, err := os.ReadDir(lxcpath)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := h.forgetDependant(lxcpath, e.Name()); err != nil {
			return err
		}
	}
	if err := removeTree(lxcpath); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(liblxcLocks, lxcpath))
}

// forgetDependant takes a container that will never arrive, or is going, out of the lists of its
// sources. A container of the same name that did arrive keeps its entry.
func (h *Host) forgetDependant(lxcpath, name string) error {
	gone := []dependant{{lxcpath, name}}
	final := filepath.Join(h.opt.LXCPath, name)
	if _, err := os.Lstat(final); errors.Is(err, fs.ErrNotExist) {
		gone = append(gone, dependant{h.opt.LXCPath, name})
	}
	sources, err := readDependants(filepath.Join(lxcpath, name, "lxc_rdepends"))
	if err != nil {
		return err
	}
	for _, source := range sources {
		for _, d := range gone {
			if err := updateSnapshots(source, d, dependant{}); err != nil {
				return err
			}
		}
	}
	return nil
}

// removeTree removes a directory with everything in it, and nothing that is mounted there. A
// dying program may still write into it for a moment, so it tries for a while.
func removeTree(path string) error {
	mounted, err := mountsBelow(path)
	if err != nil {
		return err
	}
	if len(mounted) > 0 {
		return fmt.Errorf("cannot remove %q: %q is mounted there", path, mounted[0])
	}
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := os.RemoveAll(path)
		if err == nil || !errors.Is(err, unix.ENOTEMPTY) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// mountsBelow lists the mount points at and below a directory, as this process sees them.
func mountsBelow(path string) ([]string, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	resolved, err := filepath.EvalSymlinks(path)
	if err != nil {
		resolved = path
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 5 {
			continue
		}
		point := unescapeMount(words[4])
		if point == resolved || strings.HasPrefix(point, strings.TrimSuffix(resolved, "/")+"/") {
			out = append(out, point)
		}
	}
	return out, nil
}

// unescapeMount undoes the octal escapes of /proc/self/mountinfo.
func unescapeMount(text string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(text)
}

func ownerOf(path string) (uid, gid int, err error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return 0, 0, err
	}
	return int(st.Uid), int(st.Gid), nil
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
