//go:build linux

package guest_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/host/lxc/guest"
)

// lab is a bridge and an lxcpath for the real containers of one test.
type lab struct {
	*testing.T
	path   string // of the containers
	bridge string
	subnet string // first three numbers of the bridge's addresses
}

// newLab skips unless RECONCILER_TEST_LXC=1; from then on whatever is missing is a failure. number
// keeps the bridges of the tests apart; the process id those of several runs.
func newLab(t *testing.T, number int) *lab {
	t.Helper()
	if os.Getenv("RECONCILER_TEST_LXC") != "1" {
		t.Skip("runs real containers as root: set RECONCILER_TEST_LXC=1")
	}
	run := os.Getpid()
	l := &lab{
		T: t, path: t.TempDir(),
		bridge: fmt.Sprintf("rg%x.%d", run, number),
		subnet: fmt.Sprintf("198.%d.%d", 18+number%2, (run+number*37)%256),
	}
	l.do("ip", "link", "add", l.bridge, "type", "bridge")
	t.Cleanup(func() { l.do("ip", "link", "delete", l.bridge) })
	l.do("ip", "address", "add", l.subnet+".1/24", "dev", l.bridge)
	l.do("ip", "link", "set", l.bridge, "up")
	return l
}

// do runs a command that must succeed, and returns what it printed.
func (l *lab) do(name string, args ...string) string {
	l.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		l.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// address is the one that LXC gives to the container with this number.
func (l *lab) address(number int) string { return fmt.Sprintf("%s.%d", l.subnet, number) }

// config returns the network part of a container's configuration.
func (l *lab) config(number int) string {
	return fmt.Sprintf("lxc.net.0.type = veth\nlxc.net.0.link = %s\nlxc.net.0.flags = up\n"+
		"lxc.net.0.ipv4.address = %s/24\nlxc.net.0.ipv4.gateway = %s.1\n",
		l.bridge, l.address(number), l.subnet)
}

// create makes a container from an installed template script.
func (l *lab) create(name, template string, args ...string) {
	l.Helper()
	empty := filepath.Join(l.TempDir(), "empty")
	check(l, os.WriteFile(empty, []byte("lxc.net.0.type = empty\n"), 0o644))
	l.do("lxc-create", append([]string{"-P", l.path, "-n", name, "-f", empty, "-t", template, "--"},
		args...)...)
	l.Cleanup(func() { l.do("lxc-destroy", "-P", l.path, "-n", name, "-f") })
}

// network replaces the network part of the configuration.
func (l *lab) network(name string, number int) {
	l.Helper()
	file := filepath.Join(l.path, name, "config")
	text, err := os.ReadFile(file)
	check(l, err)
	var kept []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "lxc.net.") {
			kept = append(kept, line)
		}
	}
	check(l, os.WriteFile(file, []byte(strings.Join(kept, "")+l.config(number)), 0o644))
}

// clone copies a stopped container.
func (l *lab) clone(from, to string, args ...string) {
	l.Helper()
	l.do("lxc-copy", append([]string{"-P", l.path, "-n", from, "-N", to}, args...)...)
	l.Cleanup(func() { l.do("lxc-destroy", "-P", l.path, "-n", to, "-f") })
}

// start returns the process id of the container's init.
func (l *lab) start(name string) (pid int) {
	l.Helper()
	l.do("lxc-start", "-P", l.path, "-n", name)
	pid, err := strconv.Atoi(l.do("lxc-info", "-P", l.path, "-n", name, "-p", "-H"))
	check(l, err)
	return pid
}

// inside runs a shell command in a container; it must succeed.
func (l *lab) inside(name, command string) string {
	l.Helper()
	return l.do("lxc-attach", "-P", l.path, "-n", name, "--clear-env", "--", "/bin/sh", "-c", command)
}

// addresses are the IPv4 addresses of eth0 in a container, as the kernel says.
func (l *lab) addresses(pid int) []string {
	l.Helper()
	out := l.do("nsenter", "-t", strconv.Itoa(pid), "-n", "ip", "-4", "-o", "address", "show", "eth0")
	var found []string
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		address, _, _ := strings.Cut(fields[3], "/")
		found = append(found, address)
	}
	return found
}

// gateway is the default route of a container.
func (l *lab) gateway(pid int) string {
	l.Helper()
	return l.do("nsenter", "-t", strconv.Itoa(pid), "-n", "ip", "-4", "route", "show", "default")
}

// clients are the DHCP clients that run in the network namespace of a process.
func (l *lab) clients(pid int) []string {
	l.Helper()
	namespace, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	check(l, err)
	all, err := filepath.Glob("/proc/[0-9]*")
	check(l, err)
	var found []string
	for _, proc := range all {
		if ns, err := os.Readlink(proc + "/ns/net"); err != nil || ns != namespace {
			continue
		}
		name, err := os.ReadFile(proc + "/comm")
		known := []string{"udhcpc", "dhclient", "dhcpcd"}
		if err == nil && slices.Contains(known, strings.TrimSpace(string(name))) {
			found = append(found, strings.TrimSpace(string(name)))
		}
	}
	return found
}

// eventually polls until the condition holds.
func (l *lab) eventually(what string, condition func() bool) {
	l.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if condition() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	l.Fatalf("after a minute still not: %s", what)
}

// keeps watches for 20 seconds that the container has its one address and its route. The time is
// the requirement itself: the stock guests lose the address seconds after the start.
func (l *lab) keeps(name string, pid, number int) {
	l.Helper()
	want := []string{l.address(number)}
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(time.Second / 2) {
		if got := l.addresses(pid); !slices.Equal(got, want) {
			l.Fatalf("%s has the addresses %v, declared is %v", name, got, want)
		}
		if got := l.gateway(pid); !strings.Contains(got, "via "+l.subnet+".1 ") {
			l.Fatalf("%s has the default route %q", name, got)
		}
		if got := l.clients(pid); len(got) > 0 {
			l.Fatalf("%s runs %v, which will take the address away", name, got)
		}
	}
}

// rootfs opens a stopped container with the directory backing.
func (l *lab) rootfs(name string) (*guest.Root, string) {
	l.Helper()
	dir := filepath.Join(l.path, name, "rootfs")
	r, err := guest.OpenDir(dir)
	check(l, err)
	return r, dir
}

// offerLeases runs a DHCP server on the bridge, so that a client which still runs gets an address
// that is not the declared one.
func (l *lab) offerLeases() {
	l.Helper()
	if out, err := exec.Command("busybox", "udhcpd", "--help").CombinedOutput(); err != nil &&
		strings.Contains(string(out), "applet not found") {
		l.Fatal("needs a busybox with udhcpd")
	}
	dir := l.TempDir()
	conf := filepath.Join(dir, "udhcpd.conf")
	check(l, os.WriteFile(filepath.Join(dir, "leases"), nil, 0o644))
	check(l, os.WriteFile(conf, fmt.Appendf(nil, "start %s\nend %s\ninterface %s\n"+
		"lease_file %s/leases\npidfile %s/pid\noption subnet 255.255.255.0\noption router %s\n",
		l.address(200), l.address(250), l.bridge, dir, dir, l.address(1)), 0o644))
	server := exec.Command("busybox", "udhcpd", "-f", conf)
	check(l, server.Start())
	l.Cleanup(func() {
		check(l, server.Process.Kill())
		_ = server.Wait() // says "killed"
	})
}

// mirror is the first Debian archive among the machine's own package sources.
func (l *lab) mirror() string {
	l.Helper()
	files, err := filepath.Glob("/etc/apt/sources.list.d/*")
	check(l, err)
	for _, name := range append([]string{"/etc/apt/sources.list"}, files...) {
		if address := debianArchive(name); address != "" {
			return address
		}
	}
	l.Fatal("no Debian archive among the machine's package sources")
	return ""
}

// debianArchive finds "URIs: <address>" or "deb [options] <address>" in a file.
func debianArchive(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Fields(lines.Text())
		if len(words) < 2 || words[0] != "URIs:" && words[0] != "deb" {
			continue
		}
		for _, word := range words[1:] {
			if strings.Contains(word, "://") && strings.HasSuffix(strings.TrimSuffix(word, "/"), "/debian") {
				return word
			}
		}
	}
	return ""
}
