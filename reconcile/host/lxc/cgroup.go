//go:build linux && cgo

package lxc

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"reconciler/reconcile/plan"
)

const cgroupRoot = "/sys/fs/cgroup"

// cgroups are the control groups of one running container, by controller. The empty controller is
// the unified hierarchy.
type cgroups struct {
	dialect dialect
	paths   map[string]string
}

// readCgroups finds the groups of the process pid. What the container has put its init into, a
// scope of its own systemd perhaps, is below the group that has the limits.
func readCgroups(d dialect, pid int) (cgroups, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return cgroups{}, err
	}
	out := cgroups{dialect: d, paths: map[string]string{}}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		for controller := range strings.SplitSeq(parts[1], ",") {
			out.paths[controller] = payload(parts[2])
		}
	}
	return out, nil
}

// payload cuts a group off after the element that liblxc made for the container.
func payload(path string) string {
	elements := strings.Split(path, "/")
	for i, e := range elements {
		if strings.HasPrefix(e, "lxc.payload") || (i > 0 && elements[i-1] == "lxc") {
			return strings.Join(elements[:i+1], "/")
		}
	}
	return path
}

// path returns the directory of a controller.
func (g cgroups) path(controller string) string {
	if g.dialect.v2 {
		return filepath.Join(cgroupRoot, g.paths[""])
	}
	return filepath.Join(cgroupRoot, controller, g.paths[controller])
}

// limit names the file of one limit.
type limit struct{ controller, v1, v2, unlimited string }

func memoryLimit(d dialect) limit {
	return limit{"memory", "memory.limit_in_bytes", "memory.max", pick(d, "-1", "max")}
}

func cpusetLimit() limit { return limit{"cpuset", "cpuset.cpus", "cpuset.cpus", ""} }

func cpuLimit(d dialect) limit {
	return limit{"cpu", "cpu.shares", "cpu.weight", pick(d, "1024", "100")}
}

func pick(d dialect, v1, v2 string) string {
	if d.v2 {
		return v2
	}
	return v1
}

func (g cgroups) file(l limit) string {
	return filepath.Join(g.path(l.controller), pick(g.dialect, l.v1, l.v2))
}

// read returns the value of a limit, "" where the controller is not there.
func (g cgroups) read(l limit) (string, error) {
	return readLimit(g.file(l))
}

func readLimit(path string) (string, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return strings.TrimSpace(string(text)), err
}

// inherited returns the value that the group above has.
func (g cgroups) inherited(l limit) (string, error) {
	dir := filepath.Dir(g.path(l.controller))
	name := pick(g.dialect, l.v1, l.v2)
	if g.dialect.v2 && name == "cpuset.cpus" {
		name = "cpuset.cpus.effective"
	}
	return readLimit(filepath.Join(dir, name))
}

// write changes a limit, if it differs.
func (g cgroups) write(l limit, value string) error {
	present, err := g.read(l)
	if err != nil || present == value {
		return err
	}
	// The directory of the group ends with the container; O_CREATE would make no sense there.
	f, err := os.OpenFile(g.file(l), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if _, err = f.WriteString(value); err != nil {
		err = fmt.Errorf("cannot set %s to %q: %w", f.Name(), value, err)
	}
	return errors.Join(err, f.Close())
}

// limits fills the limits that really hold into live. What says the same as the file is spelled as
// there, and what is the default is no limit, unless the file has it.
func (g cgroups) limits(live *plan.Config, file plan.Config) error {
	memory, err := g.read(memoryLimit(g.dialect))
	if err != nil {
		return err
	}
	live.Memory = memoryOf(memory, file.Memory)
	if live.CPUSet, err = g.cpuset(file.CPUSet); err != nil {
		return err
	}
	cpu, err := g.read(cpuLimit(g.dialect))
	if err != nil {
		return err
	}
	live.CPUShare = g.dialect.cpuOf(cpu, file.CPUShare)
	return nil
}

func (g cgroups) cpuset(file string) (string, error) {
	now, err := g.read(cpusetLimit())
	if err != nil || now == file {
		return now, err
	}
	if file != "" && sameCPUs(now, file) {
		return file, nil
	}
	above, err := g.inherited(cpusetLimit())
	if err != nil || now == above {
		return "", err
	}
	return now, nil
}

// apply makes the declared limits hold now.
func (g cgroups) apply(want *plan.Desired) error {
	d := g.dialect
	memory, cpu, cpuset := memoryLimit(d).unlimited, cpuLimit(d).unlimited, want.CPUSet
	if want.Memory != 0 {
		memory = strconv.FormatInt(want.Memory, 10)
	}
	if want.CPUShare != 0 {
		cpu = d.cpuValue(want.CPUShare)
	}
	if cpuset == "" && !d.v2 {
		above, err := g.inherited(cpusetLimit())
		if err != nil {
			return err
		}
		cpuset = above
	}
	now := plan.Config{}
	asked := plan.Config{Memory: want.Memory, CPUSet: want.CPUSet, CPUShare: want.CPUShare}
	if err := g.limits(&now, asked); err != nil {
		return err
	}
	if now.Memory != want.Memory {
		if err := g.write(memoryLimit(d), memory); err != nil {
			return err
		}
	}
	if now.CPUSet != want.CPUSet {
		if err := g.write(cpusetLimit(), cpuset); err != nil {
			return err
		}
	}
	if now.CPUShare != want.CPUShare {
		return g.write(cpuLimit(d), cpu)
	}
	return nil
}
