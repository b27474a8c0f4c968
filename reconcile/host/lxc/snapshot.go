//go:build linux && cgo

package lxc

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// isPlain reports whether a snapshot of a container needs nothing but new directories and a new
// configuration. Everything else (a source that is itself an overlay, mapped users, hooks and
// mount tables in the source's directory, hooks that change the clone) is left to liblxc. The one
// hook that Debian and Ubuntu set for every container changes the host name only, which is done
// here anyway.
func isPlain(source container) bool {
	if source.root.backing != "dir" {
		return false
	}
	for _, e := range source.file.entries {
		switch {
		case e.key == keyRootfs:
			continue
		case e.key == "lxc.idmap" || e.key == "lxc.hook.clone" || e.key == "lxc.mount.fstab":
			return false
		case e.key == "lxc.include" && !strings.HasPrefix(e.value, "/usr/share/lxc/config/"):
			return false
		case e.key != "" && strings.Contains(e.value, source.dir+"/"):
			return false
		}
	}
	return !isUserNamespaced(source.file)
}

// isUserNamespaced reports whether the stock files that map users are included.
func isUserNamespaced(file configFile) bool {
	for _, path := range file.values("lxc.include") {
		if strings.HasSuffix(path, "userns.conf") {
			return true
		}
	}
	return false
}

// snapshot puts an overlay on the source's directory, with the layout of liblxc. liblxc does the
// same but for a fork of this process, and mounting the overlay once more for the host name.
func (h *Host) snapshot(source container, st staging) error {
	upper := filepath.Join(st.dir, "overlay", "delta")
	for _, d := range []struct {
		path string
		mode os.FileMode
	}{
		{st.dir, 0o770}, {filepath.Join(st.dir, "rootfs"), 0o755},
		{filepath.Dir(upper), 0o755}, {upper, 0o755}, {filepath.Join(st.dir, "overlay", "work"), 0o755},
	} {
		if err := os.Mkdir(d.path, d.mode); err != nil {
			return err
		}
	}
	if err := copyAttributes(source.root.path, upper); err != nil {
		return err
	}
	base := []dependant{{h.opt.LXCPath, source.name}}
	err := os.WriteFile(filepath.Join(st.dir, "lxc_rdepends"), formatDependants(base), 0o644)
	if err != nil {
		return err
	}
	file := source.file
	file.set(field{keyRootfs, "overlay:" + source.root.path + ":" + upper})
	config := filepath.Join(st.dir, "config")
	if err := os.WriteFile(config, file.bytes(), 0o640); err != nil {
		return err
	}
	return copyAttributes(filepath.Join(source.dir, "config"), config)
}

// copyAttributes gives a file the owner and the mode of another one.
func copyAttributes(from, to string) error {
	var st unix.Stat_t
	if err := unix.Stat(from, &st); err != nil {
		return &os.PathError{Op: "stat", Path: from, Err: err}
	}
	if err := os.Chown(to, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	return unix.Chmod(to, st.Mode&0o7777)
}
