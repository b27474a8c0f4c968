//go:build linux && cgo

package lxc

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// groups are the directories of the control groups of a process, by hierarchy. A hierarchy that is
// not mounted where it always is does not count.
type groups map[string]string

// outing brings this process back into its control groups.
//
// liblxc puts the process that starts a container into the group of the container's monitor. If it
// stayed there, the group could not be removed when the container ends: the next start would make
// another one with a number, and after a thousand starts liblxc would refuse. But every move makes
// all forks of the machine wait, so while other starts go on, which move it anyway, it stays.
type outing struct {
	mounts map[string]string // where the hierarchies are mounted
	home   groups

	mu   sync.Mutex
	away int             // starts that are under way
	seen map[string]bool // groups of monitors that this process was in since it was at home
}

// newOuting begins where this process is.
func newOuting() (*outing, error) {
	o := &outing{mounts: map[string]string{}, seen: map[string]bool{}}
	var err error
	o.home, err = o.here()
	return o, err
}

// begin is called before a start.
func (o *outing) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away++
}

// end is called after each start. The last one leads home.
func (o *outing) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.away--
	now, err := o.here()
	if err != nil {
		return
	}
	for _, dir := range now {
		if strings.HasPrefix(filepath.Base(dir), "lxc.monitor") {
			o.seen[dir] = true
		}
	}
	if o.away == 0 {
		o.enter(now)
	}
}

// close leads home although a start hangs.
func (o *outing) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now, err := o.here(); err == nil {
		o.enter(now)
	}
}

// here returns where this process is now.
func (o *outing) here() (groups, error) {
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
		mount, known := o.mounts[parts[1]]
		if !known {
			mount = hierarchyDir(parts[1])
			o.mounts[parts[1]] = mount
		}
		if mount != "" {
			out[parts[1]] = filepath.Join(mount, parts[2])
		}
	}
	return out, nil
}

// enter brings this process from now back home. What fails is left: it costs the name of a group,
// and the next start tries again.
func (o *outing) enter(now groups) {
	for hierarchy, dir := range now {
		home, known := o.home[hierarchy]
		if known && dir != home {
			// A group that we stay in cannot be removed; the others can.
			_ = os.WriteFile(filepath.Join(home, "cgroup.procs"), []byte("0"), 0)
		}
	}
	// A monitor that ended while we were in its group could not remove it. One that still is in
	// there keeps it.
	for dir := range o.seen {
		_ = unix.Rmdir(dir)
	}
	clear(o.seen)
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
