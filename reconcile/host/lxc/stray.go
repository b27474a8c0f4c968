//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// strayed says why a root file system is not the container's own, or "". Whoever can edit the
// configuration must not get us to start, copy or write into what belongs to somebody else.
func (c container) strayed() string {
	switch c.root.backing {
	case "":
		return ""
	case "dir":
		return c.outside(c.root.path)
	case "overlayfs":
		for _, lower := range c.root.lowers() {
			if !c.isRootOfAnother(lower) {
				return "the directory " + lower + " that it is a snapshot of is no container's root " +
					"file system in " + c.home
			}
		}
		if stray := c.outside(c.root.upper); stray != "" {
			return stray
		}
		if _, err := os.Lstat(c.root.work()); err == nil {
			return c.outside(c.root.work())
		}
		return ""
	default:
		if c.file.mark() != nil {
			return "its root file system is on " + c.root.backing + ", which is never made here"
		}
		return ""
	}
}

// outside says that a directory is not in the container's own, or "".
func (c container) outside(path string) string {
	if reallyBelow(c.dir, path) {
		return ""
	}
	return "its root file system " + path + " is not in its own directory"
}

// isRootOfAnother reports whether a directory is the whole root file system of a container of the
// same lxcpath, in that container's own directory.
func (c container) isRootOfAnother(lower string) bool {
	homes := []string{c.home}
	if resolved, err := filepath.EvalSymlinks(c.home); err == nil {
		homes = append(homes, resolved)
	}
	for _, home := range homes {
		rel, err := filepath.Rel(home, lower)
		if err != nil {
			continue
		}
		name, _, _ := strings.Cut(rel, "/")
		if !isComponent(name) {
			continue
		}
		other, err := readContainer(filepath.Join(c.home, name), c.home)
		if err == nil && other.root.backing == "dir" && sameFile(other.root.path, lower) &&
			reallyBelow(other.dir, lower) {
			return true
		}
	}
	return false
}

func sameFile(a, b string) bool {
	one, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(one, other)
}

// confirm makes sure that liblxc accepts the file, and would take the root file system that was
// looked at: a file that is included may name another one. liblxc names the path without the
// backing in front of it.
func (c container) confirm(seen view) error {
	if !seen.loaded {
		if err := checkConfig(c.file); err != nil {
			return err
		}
		return errors.New("its configuration changed while it was read")
	}
	root := c.root.path
	if c.root.backing == "overlayfs" {
		root = c.root.lower + ":" + c.root.upper
	}
	if path := one(seen.object.ConfigItem(keyRootfs)); path != root {
		return permanent(fmt.Errorf("an included file sets its root file system to %q", path))
	}
	return nil
}

// checkOwnRoot refuses a container whose root file system is not its own.
func (c container) checkOwnRoot() error {
	if stray := c.strayed(); stray != "" {
		return permanent(errors.New(stray))
	}
	return nil
}
