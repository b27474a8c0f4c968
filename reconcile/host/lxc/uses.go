//go:build linux && cgo

package lxc

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// dependants returns the containers that use data of c: by liblxc's list of its snapshots, and by
// the files of all containers here.
func (h *Host) dependants(c container) ([]string, error) {
	listed, err := readDependants(filepath.Join(c.dir, snapshotsName))
	if err != nil {
		return nil, err
	}
	var out []string
	for _, d := range listed {
		if !h.looksAfter(c, d.lxcpath) && isDir(filepath.Join(d.lxcpath, d.name)) {
			out = append(out, d.name)
		}
	}
	names, _, err := h.names()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if name == c.name {
			continue
		}
		other, err := h.read(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(other.uses(), c.holds) {
			out = append(out, name)
		}
	}
	return out, nil
}

// looksAfter reports whether what liblxc's list says of the containers of an lxcpath can be left
// out: ours are read one by one, those in the work directory are cleared, and c's own snapshots
// (lxc-snapshot) are removed with it.
func (h *Host) looksAfter(c container, lxcpath string) bool {
	lxcpath = filepath.Clean(lxcpath)
	return lxcpath == h.opt.LXCPath || lxcpath == filepath.Join(c.dir, "snaps") ||
		lexicallyBelow(filepath.Join(h.opt.LXCPath, workDir), lxcpath)
}

// uses lists the paths of the host that a container needs for its root and its mounts.
func (c container) uses() []string {
	out := append(c.root.lowers(), c.root.own())
	for _, entry := range c.file.values("lxc.mount.entry") {
		if words := strings.Fields(entry); len(words) > 0 {
			out = append(out, unescapeMount(words[0]))
		}
	}
	return out
}

// holds reports whether a path is c's directory or in it, by its text or after following links.
func (c container) holds(path string) bool {
	return filepath.Clean(path) == c.dir || sameFile(path, c.dir) ||
		lexicallyBelow(c.dir, path) || reallyBelow(c.dir, path)
}
