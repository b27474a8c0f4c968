package spec

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// Limits of what a host is prepared with.
const (
	maxPackage     = 128
	maxSysctl      = 128  // key
	maxSysctlValue = 256  //
	maxDirectory   = 1024 // path
	maxVolumeGroup = 127  // lvm(8)
	maxMode        = 0o1777
	firstSubID     = 1 << 16 // below are the users of the host itself
)

// madeOf reports whether all of s is lower-case letters, digits and the others given.
func madeOf(s, others string) bool {
	for i := range len(s) {
		if !isLower(s[i]) && !isDigit(s[i]) && strings.IndexByte(others, s[i]) < 0 {
			return false
		}
	}
	return true
}

// checkPackage says what is wrong with the name of a Debian package. To apt-get a hyphen at the
// end would mean to remove it.
func checkPackage(s string) (wrong, hint string) {
	if len(s) < 2 || len(s) > maxPackage || !isLower(s[0]) && !isDigit(s[0]) ||
		!madeOf(s, "+.-") || s[len(s)-1] == '-' {
		return "is not the name of a package",
			"use lower-case letters, digits, +, . and -, a letter or digit first"
	}
	return "", ""
}

// checkPreparedBridge is checkBridge for one that is to be made.
func checkPreparedBridge(s string) (wrong, hint string) {
	if s == "lo" || s == "all" || s == "default" {
		return "has a meaning of its own to the kernel", "choose another name"
	}
	return checkBridge(s)
}

// checkSysctl says what is wrong with a key of the kernel's settings. It becomes a path below
// /proc/sys, so none of its parts may be empty, which also rules out "..".
func checkSysctl(s string) (wrong, hint string) {
	const use = "write it such as net.ipv4.ip_forward"
	parts := strings.FieldsFunc(s, isSysctlSeparator)
	if len(s) > maxSysctl || !madeOf(strings.ToLower(s), "._-/") || len(parts) < 2 || s[0] == '-' ||
		len(parts) != strings.Count(s, ".")+strings.Count(s, "/")+1 {
		return "is not a setting of the kernel", use
	}
	return "", ""
}

func isSysctlSeparator(r rune) bool { return r == '.' || r == '/' }

// SysctlPath turns the key of a setting into its path below /proc/sys. As in sysctl(8), the first
// separator is the one that counts: net.ipv4.conf.eth0/1.forwarding is
// net/ipv4/conf/eth0.1/forwarding.
func SysctlPath(key string) string {
	if i := strings.IndexFunc(key, isSysctlSeparator); i < 0 || key[i] == '/' {
		return key
	}
	return SysctlKey(key)
}

// SysctlKey is the usual form of a path, the reverse of SysctlPath.
func SysctlKey(path string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '.':
			return '/'
		case '/':
			return '.'
		default:
			return r
		}
	}, path)
}

// checkSysctlValue says what is wrong with a value. It becomes a line of a file.
func checkSysctlValue(s string) (wrong, hint string) {
	if s == "" || len(s) > maxSysctlValue || strings.TrimSpace(s) != s || hasControl(s) {
		return "is not a value for the kernel", "write one line, such as 1"
	}
	return "", ""
}

// checkDirectory says what is wrong with a directory that is to be made. The mode of those that
// a system needs is not ours to change.
func checkDirectory(p string) (wrong, hint string) {
	const use = "write it such as /srv/lxc, of letters, digits and . _ - + @"
	if !path.IsAbs(p) || p == "/" || path.Clean(p) != p || len(p) > maxDirectory ||
		!madeOf(strings.ToLower(p), "/._-+@") {
		return "is not a directory for containers", use
	}
	top, rest, _ := strings.Cut(p[1:], "/")
	if slices.Contains([]string{"proc", "sys", "dev"}, top) {
		return "is not on a disk", use
	}
	if system := strings.Fields("bin boot etc home lib lib32 lib64 libx32 media mnt opt root run " +
		"sbin srv tmp usr var"); rest == "" && slices.Contains(system, top) {
		return "belongs to the system", "use a directory of its own below it"
	}
	return "", ""
}

// checkVolumeGroup says what is wrong with the name of a volume group, by the rules of lvm(8).
func checkVolumeGroup(s string) (wrong, hint string) {
	if s == "" || s == "." || s == ".." || len(s) > maxVolumeGroup || s[0] == '-' ||
		!madeOf(strings.ToLower(s), "+_.-") {
		return "is not the name of a volume group", "use letters, digits, +, _, . and -"
	}
	return "", ""
}

// parseMode reads the permission bits of a directory, in octal.
func parseMode(s string) (mode uint32, wrong, hint string) {
	m, err := strconv.ParseUint(s, 8, 32)
	if err != nil || len(s) < 3 || m > maxMode {
		return 0, "is not the mode of a directory", `write it in octal, such as "0755"`
	}
	return uint32(m), "", ""
}

// parseIDRange reads first:count, as in /etc/subuid.
func parseIDRange(s string) (r IDRange, wrong, hint string) {
	first, count, _ := strings.Cut(s, ":")
	f, errFirst := strconv.ParseUint(first, 10, 32)
	n, errCount := strconv.ParseUint(count, 10, 32)
	if errFirst != nil || errCount != nil {
		return IDRange{}, "is not a stretch of ids", "write first:count, such as 100000:65536"
	}
	r = IDRange{First: uint32(f), Count: uint32(n)}
	wrong, hint = r.check()
	return r, wrong, hint
}

func (r IDRange) check() (wrong, hint string) {
	switch {
	case r.Count == 0:
		return "has no ids", "the count comes second: 100000:65536"
	case r.First < firstSubID:
		return "has ids of the host's own users", "begin with 65536 or above, such as 100000:65536"
	case uint64(r.First)+uint64(r.Count) > 1<<32-1:
		return "goes beyond the last id", "ids end at 4294967294"
	}
	return "", ""
}

// String returns the form that is declared.
func (r IDRange) String() string {
	return strconv.FormatUint(uint64(r.First), 10) + ":" + strconv.FormatUint(uint64(r.Count), 10)
}
