package prepare

import (
	"math"
	"strconv"
	"strings"
)

// release says which distribution a machine runs.
type release struct{ id, version string }

func (r release) String() string { return strings.TrimSpace(r.id + " " + r.version) }

// parseRelease reads os-release(5).
func parseRelease(text string) release {
	var r release
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "ID":
			r.id = word(value)
		case "VERSION_ID":
			r.version = word(value)
		}
	}
	return r
}

// word takes the quotes off a value of os-release. Other syntax of the shell is not read: ID and
// VERSION_ID have none.
func word(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		s = s[1 : len(s)-1]
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	return s
}

// parseCgroup reads from /proc/self/mounts which version of control groups containers get: 1 also
// if both are mounted, since the limits are then there; 0 if none is. A hierarchy of version 1 with
// a name has no limits: it is mounted for guests with an old systemd.
func parseCgroup(mounts string) int {
	version := 0
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line)
		switch {
		case len(fields) < 4:
		case fields[2] == "cgroup2":
			version = 2
		case fields[2] == "cgroup" && !strings.Contains(fields[3], "name="):
			return 1
		}
	}
	return version
}

// parseMemory reads the size of the memory from /proc/meminfo, in bytes; 0 if it is not there.
func parseMemory(meminfo string) int64 {
	for line := range strings.Lines(meminfo) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "MemTotal:" || fields[2] != "kB" {
			continue
		}
		n, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil || n < 0 || n > math.MaxInt64>>10 {
			return 0
		}
		return n << 10
	}
	return 0
}

// parseCPUs counts the processors of a list such as 0-3,8; 0 if it is not one.
func parseCPUs(list string) int {
	n := 0
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		from, to, isRange := strings.Cut(part, "-")
		if !isRange {
			to = from
		}
		a, errFrom := strconv.ParseUint(from, 10, 16)
		b, errTo := strconv.ParseUint(to, 10, 16)
		if errFrom != nil || errTo != nil || b < a {
			return 0
		}
		n += int(b-a) + 1
	}
	return n
}

// debianArchitecture returns Debian's name of an architecture that Go names.
func debianArchitecture(goarch string) string {
	switch goarch {
	case "386":
		return "i386"
	case "arm":
		return "armhf"
	case "ppc64le":
		return "ppc64el"
	case "mipsle":
		return "mipsel"
	case "mips64le":
		return "mips64el"
	default:
		return goarch
	}
}
