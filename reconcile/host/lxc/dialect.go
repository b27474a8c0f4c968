package lxc

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// dialect is how a host spells limits: its version of cgroups.
type dialect struct {
	v2 bool
}

// The limits in both dialects. LXC ignores keys of the version that a host does not have.
const (
	memoryV1 = "lxc.cgroup.memory.limit_in_bytes"
	cpusetV1 = "lxc.cgroup.cpuset.cpus"
	sharesV1 = "lxc.cgroup.cpu.shares"
	memoryV2 = "lxc.cgroup2.memory.max"
	cpusetV2 = "lxc.cgroup2.cpuset.cpus"
	weightV2 = "lxc.cgroup2.cpu.weight"
)

func (d dialect) memoryKey() string {
	if d.v2 {
		return memoryV2
	}
	return memoryV1
}

func (d dialect) cpusetKey() string {
	if d.v2 {
		return cpusetV2
	}
	return cpusetV1
}

func (d dialect) cpuKey() string {
	if d.v2 {
		return weightV2
	}
	return sharesV1
}

// cpuValue returns the value of cpuKey for a number of cpu.shares.
func (d dialect) cpuValue(shares int) string {
	if d.v2 {
		shares = weight(shares)
	}
	return strconv.Itoa(shares)
}

// weight converts cpu.shares 2…262144 to cpu.weight 1…10000, the way systemd and runc do.
func weight(shares int) int {
	return 1 + (min(max(shares, 2), 262144)-2)*9999/262142
}

// shares converts cpu.weight back; several shares have the same weight, so that this is only one
// of them.
func shares(weight int) int {
	return 2 + ((min(max(weight, 1), 10000)-1)*262142+9998)/9999
}

// parseSize reads the value of a memory limit in bytes. ok is false for what is no size; no
// limit is 0.
func parseSize(text string) (size int64, ok bool) {
	if text == "-1" || text == "max" {
		return 0, true
	}
	number, shift := text, 0
	if n := len(text); n > 0 {
		if i := strings.IndexByte("kmgt", text[n-1]|0x20); i >= 0 {
			number, shift = text[:n-1], 10*(i+1)
		}
	}
	size, err := strconv.ParseInt(number, 10, 64)
	if err != nil || size < 0 || size > math.MaxInt64>>shift {
		return 0, false
	}
	return size << shift, true
}

// memoryOf returns the limit that a cgroup file states. The kernel rounds to pages, so that a
// limit may be a little below the one in the configuration file.
func memoryOf(text string, file int64) int64 {
	const page = 4096
	const huge = math.MaxInt64 / page * page
	size, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || size < 0 || size >= huge:
		return 0
	case size == file/page*page:
		return file
	default:
		return size
	}
}

// cpuOf returns the cpu.shares that a cgroup file states; 0 for the default, unless the
// configuration file asks for just that.
func (d dialect) cpuOf(text string, file int) int {
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return 0
	case file != 0 && d.cpuValue(file) == text:
		return file
	case d.v2 && n == 100, !d.v2 && n == 1024:
		return 0
	case d.v2:
		return shares(n)
	default:
		return n
	}
}

// sameCPUs reports whether two lists of cpus ("0-2,5") name the same ones.
func sameCPUs(a, b string) bool { return slices.Equal(cpus(a), cpus(b)) }

func cpus(list string) []int {
	var out []int
	for part := range strings.SplitSeq(list, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		first, err := strconv.Atoi(from)
		last := first
		if isRange && err == nil {
			last, err = strconv.Atoi(to)
		}
		if err != nil || last > 1<<16 {
			return nil
		}
		for cpu := first; cpu <= last; cpu++ {
			out = append(out, cpu)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
