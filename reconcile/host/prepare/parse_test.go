package prepare

import (
	"strings"
	"testing"
)

// TestRelease: what a host runs is said as the host says it, and never guessed.
func TestRelease(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"Debian 12": {`PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
NAME="Debian GNU/Linux"
VERSION_ID="12"
VERSION="12 (bookworm)"
VERSION_CODENAME=bookworm
ID=debian
HOME_URL="https://www.debian.org/"
`, "debian 12"},
		"Debian testing, without a version": {"PRETTY_NAME=\"Debian trixie/sid\"\nID=debian\n", "debian"},
		"Ubuntu 24.04": {`PRETTY_NAME="Ubuntu 24.04.2 LTS"
NAME="Ubuntu"
VERSION_ID="24.04"
VERSION="24.04.2 LTS (Noble Numbat)"
ID=ubuntu
ID_LIKE=debian
UBUNTU_CODENAME=noble
`, "ubuntu 24.04"},
		"Ubuntu 22.04":          {"VERSION_ID=\"22.04\"\nID=ubuntu\nID_LIKE=debian\n", "ubuntu 22.04"},
		"single quotes":         {"ID='debian'\nVERSION_ID='11'\n", "debian 11"},
		"another one":           {"ID=\"rocky\"\nVERSION_ID=\"9.4\"\n", "rocky 9.4"},
		"line ends of Windows":  {"ID=debian\r\nVERSION_ID=\"12\"\r\n", "debian 12"},
		"nothing":               {"", ""},
		"half a quote":          {"ID=\"\nVERSION_ID=", `"`},
		"several words":         {"ID=debian or not\nVERSION_ID=12\n", "12"},
		"the codes of terminal": {"ID=\x1b[31mdebian\nVERSION_ID=12\n", "12"},
	} {
		if got := parseRelease(c.text).String(); got != c.want {
			t.Errorf("%s: the host runs %q, want %q", name, got, c.want)
		}
	}
}

func TestCgroup(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mounts string
		want   int
	}{
		"unified": {"cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nodev,noexec,relatime 0 0\n", 2},
		"unified, with a systemd of old guests": {"cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n" +
			"cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\n", 2},
		"hybrid": {"tmpfs /sys/fs/cgroup tmpfs ro 0 0\n" +
			"cgroup2 /sys/fs/cgroup/unified cgroup2 rw,nsdelegate 0 0\n" +
			"cgroup /sys/fs/cgroup/systemd cgroup rw,xattr,name=systemd 0 0\n" +
			"cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n", 1},
		"old":         {"cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n", 1},
		"none":        {"proc /proc proc rw 0 0\n/dev/sda1 / ext4 rw 0 0\n", 0},
		"unreadable":  {"", 0},
		"lines short": {"cgroup2\ncgroup /x\n", 0},
	} {
		if got := parseCgroup(c.mounts); got != c.want {
			t.Errorf("%s: limits are in version %d, want %d", name, got, c.want)
		}
	}
}

func TestMemory(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meminfo string
		want    int64
	}{
		"a machine":      {"MemTotal:       24684084 kB\nMemFree:        100 kB\n", 24684084 << 10},
		"not first":      {"MemFree: 1 kB\nMemTotal: 2 kB\n", 2048},
		"nothing":        {"", 0},
		"another unit":   {"MemTotal: 24684084 MB\n", 0},
		"no number":      {"MemTotal: lots kB\n", 0},
		"less than none": {"MemTotal: -1 kB\n", 0},
		"too much":       {"MemTotal: 9223372036854775807 kB\n", 0},
	} {
		if got := parseMemory(c.meminfo); got != c.want {
			t.Errorf("%s: the host has %d bytes, want %d", name, got, c.want)
		}
	}
}

func TestCPUs(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]int{
		"0\n": 1, "0-3\n": 4, "0-3,8,10-11\n": 7, "": 0, "\n": 0, "3-1": 0, "x": 0, "0-": 0, "0,": 0,
		"99999999": 0,
	} {
		if got := parseCPUs(list); got != want {
			t.Errorf("%q are %d processors, want %d", list, got, want)
		}
	}
}

func TestArchitecture(t *testing.T) {
	t.Parallel()
	for goarch, want := range map[string]string{
		"amd64": "amd64", "arm64": "arm64", "386": "i386", "arm": "armhf", "ppc64le": "ppc64el",
		"riscv64": "riscv64", "s390x": "s390x",
	} {
		if got := debianArchitecture(goarch); got != want {
			t.Errorf("%s is %s to Debian, want %s", goarch, got, want)
		}
	}
}

// FuzzFacts: whatever a host's files say, nothing breaks, and no fact is less than nothing.
func FuzzFacts(f *testing.F) {
	f.Add("ID=debian\nVERSION_ID=\"12\"\n")
	f.Add("MemTotal: 24684084 kB\n")
	f.Add("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n")
	f.Add("0-3,8")
	f.Fuzz(func(t *testing.T, text string) {
		if parseMemory(text) < 0 || parseCPUs(text) < 0 {
			t.Errorf("%q: a host has less than nothing", text)
		}
		if v := parseCgroup(text); v < 0 || v > 2 {
			t.Errorf("%q: version %d of control groups", text, v)
		}
		name := parseRelease(text).String()
		if strings.Count(name, " ") > 1 || strings.ContainsFunc(name, func(r rune) bool {
			return r < ' ' || r > '~'
		}) {
			t.Errorf("%q: %q is printed as the name of a distribution", text, name)
		}
	})
}
