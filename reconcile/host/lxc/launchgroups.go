//go:build linux && cgo

package lxc

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// groups are the directories of the control groups of a process, by hierarchy.
//
// liblxc puts the process that starts a container into the group of the container's monitor. If it
// stayed there, the group could not be removed when the container ends: the next start would make
// another one with a number, and after a thousand starts liblxc would refuse.
type groups map[string]string

// ownGroups returns those of this process. A hierarchy that is not mounted where it always is
// does not count.
func ownGroups() (groups, error) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	out := groups{}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		if dir := hierarchyDir(parts[1]); dir != "" {
			out[parts[1]] = filepath.Join(dir, parts[2])
		}
	}
	return out, nil
}

// hierarchyDir returns where a hierarchy is mounted, by its controllers; the unified one has none.
func hierarchyDir(controllers string) string {
	first, _, _ := strings.Cut(controllers, ",")
	candidates := []string{filepath.Join(cgroupRoot, strings.TrimPrefix(first, "name="))}
	if controllers == "" {
		candidates = []string{filepath.Join(cgroupRoot, "unified"), cgroupRoot}
	}
	for _, dir := range candidates {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			return dir
		}
	}
	return ""
}

// enter brings this process back into g. What fails is left: it costs the name of a group, and the
// next start tries again.
func (g groups) enter() {
	now, err := ownGroups()
	if err != nil {
		return
	}
	for hierarchy, left := range now {
		home, known := g[hierarchy]
		if !known || left == home || os.WriteFile(
			filepath.Join(home, "cgroup.procs"), []byte("0"), 0) != nil {
			continue
		}
		// A monitor that ended while we were in its group could not remove it. One that still is
		// in there keeps it.
		if strings.HasPrefix(filepath.Base(left), "lxc.monitor") {
			_ = unix.Rmdir(left)
		}
	}
}
