package lxc

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// rootfs is what lxc.rootfs.path says.
type rootfs struct {
	backing string // dir, overlayfs, or the name liblxc has for another storage
	path    string // dir: the directory; overlayfs: empty; others: as written
	lower   string // overlayfs: the directory below
	upper   string // overlayfs: the container's own directory
}

// parseRootfs reads the value of lxc.rootfs.path.
func parseRootfs(value string) rootfs {
	kind, rest, found := strings.Cut(value, ":")
	switch {
	case value == "":
		return rootfs{}
	case strings.HasPrefix(value, "/dev/"):
		return rootfs{backing: "lvm", path: value}
	case !found || strings.HasPrefix(value, "/"):
		return rootfs{backing: "dir", path: value}
	case kind == "overlay" || kind == "overlayfs":
		i := strings.LastIndex(rest, ":")
		if i < 0 {
			return rootfs{backing: "overlayfs"}
		}
		return rootfs{backing: "overlayfs", lower: rest[:i], upper: rest[i+1:]}
	default:
		return rootfs{backing: kind, path: rest}
	}
}

// own returns the directory that holds the container's own data.
func (r rootfs) own() string {
	if r.backing == "overlayfs" {
		return r.upper
	}
	return r.path
}

// lowers returns the directories below, the topmost first.
func (r rootfs) lowers() []string {
	if r.lower == "" {
		return nil
	}
	return strings.Split(r.lower, ":")
}

// work returns the work directory that liblxc puts beside the upper one.
func (r rootfs) work() string { return filepath.Join(filepath.Dir(r.upper), "work") }

// source returns the name of the container of lxcpath whose rootfs is below, or "".
func (r rootfs) source(lxcpath string) string {
	rel, err := filepath.Rel(lxcpath, r.lower)
	if r.lower == "" || err != nil {
		return ""
	}
	name, below, _ := strings.Cut(rel, "/")
	if below != "rootfs" || strings.HasPrefix(name, ".") {
		return ""
	}
	return name
}

// damage says why a container with this root must not be started or cloned, or "".
func (r rootfs) damage() string {
	switch {
	case r.backing == "":
		return "it has no lxc.rootfs.path and would run on the root of the host"
	case r.backing != "dir" && r.backing != "overlayfs":
		return ""
	case !isDir(r.own()):
		return "its root file system " + r.own() + " is missing"
	case r.backing == "overlayfs" && !allDirs(r.lowers()):
		return "the directory " + r.lower + " that it is a snapshot of is missing"
	default:
		return ""
	}
}

func allDirs(paths []string) bool {
	return len(paths) > 0 && !slices.ContainsFunc(paths, func(p string) bool { return !isDir(p) })
}

// below reports whether path lies in dir, both by its text and after following links.
func below(dir, path string) bool {
	return lexicallyBelow(dir, path) && reallyBelow(dir, path)
}

// reallyBelow reports whether path lies in dir after following links. What is missing does not.
func reallyBelow(dir, path string) bool {
	if !filepath.IsAbs(path) {
		return false
	}
	realDir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	// Nearly always the one is the beginning of the other, which need not be followed twice.
	if rest, ok := strings.CutPrefix(path, dir+"/"); ok {
		path = realDir + "/" + rest
	}
	realPath, err := filepath.EvalSymlinks(path)
	return err == nil && lexicallyBelow(realDir, realPath)
}

func lexicallyBelow(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && rel != "." && filepath.IsLocal(rel) && filepath.IsAbs(path)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
