//go:build linux

package prepare

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/plan"
)

// facts gathers what can be known. What cannot be read stays zero.
func (h *Host) facts(ctx context.Context) plan.Facts {
	groups := volumeGroups(ctx)
	f := plan.Facts{
		LXC:          ask(ctx, "lxc-info", "--version"),
		Kernel:       firstLine(read("/proc/sys/kernel/osrelease")),
		Architecture: debianArchitecture(runtime.GOARCH),
		Distribution: parseRelease(osRelease()).String(),
		Cgroup:       parseCgroup(read("/proc/self/mounts")),
		Memory:       parseMemory(read("/proc/meminfo")),
		CPUs:         parseCPUs(read("/sys/devices/system/cpu/online")),
		VolumeGroups: groups,
	}
	disk, err := fileSystemOf(h.lxcpath)
	if err == nil {
		f.DiskTotal, f.DiskFree = disk.total, disk.free
	}
	f.Backings = backings(ctx, disk, groups)
	return f
}

// read returns the text of a file, or nothing.
func read(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(text)
}

func osRelease() string {
	if text := read("/etc/os-release"); text != "" {
		return text
	}
	return read("/usr/lib/os-release")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimSpace(line)
}

// fileSystem is one of this machine. Sizes are in bytes.
type fileSystem struct {
	kind        int64 // its magic number; zero: not known
	total, free int64
}

// hasOverlays reports whether the kernel lets an overlay be written to this file system.
func (f fileSystem) hasOverlays() bool {
	return !slices.Contains([]int64{0, unix.OVERLAYFS_SUPER_MAGIC, unix.NFS_SUPER_MAGIC,
		unix.FUSE_SUPER_MAGIC, unix.MSDOS_SUPER_MAGIC, unix.ECRYPTFS_SUPER_MAGIC}, f.kind)
}

// fileSystemOf returns the file system that a directory is on, or would be if it were made.
func fileSystemOf(dir string) (fileSystem, error) {
	var s unix.Statfs_t
	err := unix.Statfs(dir, &s)
	for err == unix.ENOENT && dir != "/" {
		dir = filepath.Dir(dir)
		err = unix.Statfs(dir, &s)
	}
	if err != nil {
		return fileSystem{}, err
	}
	return fileSystem{
		total: int64(s.Blocks) * int64(s.Bsize),
		free:  int64(s.Bfree) * int64(s.Bsize), // containers are written by root: the reserve counts
		kind:  int64(s.Type),
	}, nil
}

// backings returns what works, sorted. What would take a package more does not.
func backings(ctx context.Context, disk fileSystem, groups []string) []string {
	out := []string{"dir"}
	if disk.hasOverlays() && hasFileSystem(ctx, "overlay") {
		out = append(out, "overlayfs")
	}
	if disk.kind == unix.BTRFS_SUPER_MAGIC {
		out = append(out, "btrfs")
	}
	if len(groups) > 0 {
		out = append(out, "lvm")
	}
	if ask(ctx, "zpool", "list", "-H", "-o", "name") != "" {
		out = append(out, "zfs")
	}
	if _, err := os.Stat("/dev/loop-control"); err == nil {
		out = append(out, "loop")
	}
	slices.Sort(out)
	return out
}

// hasFileSystem reports whether the kernel knows a file system or has a module for it.
func hasFileSystem(ctx context.Context, name string) bool {
	if slices.Contains(strings.Fields(read("/proc/filesystems")), name) {
		return true
	}
	_, err := run(ctx, "modprobe", "-n", "-q", name)
	return err == nil
}

// volumeGroups returns the volume groups of LVM, sorted; none if its tools are not there.
func volumeGroups(ctx context.Context) []string {
	groups := strings.Fields(ask(ctx, "vgs", "--noheadings", "-o", "vg_name"))
	slices.Sort(groups)
	return groups
}
