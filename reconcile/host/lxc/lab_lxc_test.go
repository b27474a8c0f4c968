//go:build linux && cgo

package lxc

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	golxc "github.com/lxc/go-lxc"
	"github.com/vishvananda/netlink"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

const (
	childDir  = "RECONCILER_TEST_CHILD_LXCPATH"
	demandLXC = "RECONCILER_TEST_LXC"
	launchArg = "launch"
)

// launchCommand makes this test binary start containers.
func launchCommand() []string { return []string{"/proc/self/exe", "lxc.test", launchArg} }

// TestMain also plays the process that starts containers, and the one that is killed in
// the middle of its work.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == launchArg {
		if err := Launch(os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		return
	}
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(cloneAsChild(dir))
	}
	code := m.Run()
	if dir, err := busyboxBase(); err == nil {
		os.RemoveAll(filepath.Dir(dir))
	}
	os.Exit(code)
}

// busyboxBase makes one busybox container for all tests and returns its directory.
var busyboxBase = sync.OnceValues(func() (string, error) {
	if os.Geteuid() != 0 {
		return "", fmt.Errorf("only root can run containers")
	}
	for _, program := range []string{"lxc-create", "lxc-copy", "busybox", "rsync"} {
		if _, err := exec.LookPath(program); err != nil {
			return "", err
		}
	}
	dir, err := os.MkdirTemp("", "rlb")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("lxc-create", "-P", dir, "-n", "base", "-t", "busybox").CombinedOutput()
	if err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("cannot make the busybox container: %w\n%s", err, out)
	}
	return filepath.Join(dir, "base"), nil
})

// lab is an lxcpath with a stopped container "base", and a bridge.
type lab struct {
	t      testing.TB
	path   string
	bridge string
	subnet netip.Prefix
	host   *Host
}

func newLab(t testing.TB) *lab {
	t.Helper()
	base, err := busyboxBase()
	if err != nil && os.Getenv(demandLXC) == "1" {
		t.Fatalf("real containers are demanded: %v", err)
	}
	if err != nil {
		t.Skipf("needs real LXC: %v", err)
	}
	path, err := os.MkdirTemp("", "rl")
	must(t, err)
	l := &lab{t: t, path: path}
	t.Cleanup(l.close)
	must(t, os.Chmod(path, 0o755))
	l.addBridge()
	l.copyByHand(base, "base")
	l.host = l.open()
	return l
}

func (l *lab) open() *Host {
	l.t.Helper()
	h, err := New(Options{
		Host: "here", LXCPath: l.path, Installation: "inst-1",
		Grace: 5 * time.Second, Wait: 5 * time.Second, Launcher: launchCommand(),
	})
	must(l.t, err)
	l.t.Cleanup(func() { must(l.t, h.Close()) })
	return h
}

// copyByHand puts a container's directory into the lab under a new name, mended by text.
func (l *lab) copyByHand(from, name string) {
	l.t.Helper()
	to := filepath.Join(l.path, name)
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		l.t.Fatalf("cannot copy: %v\n%s", err, out)
	}
	text := readFile(l.t, filepath.Join(to, "config"))
	text = strings.ReplaceAll(text, from+"/", to+"/")
	text = strings.ReplaceAll(text, "lxc.net.0.link = lxcbr0", "lxc.net.0.link = "+l.bridge)
	must(l.t, os.WriteFile(filepath.Join(to, "config"), []byte(text), 0o640))
}

// addBridge makes a bridge with a subnet that nobody on this machine uses.
func (l *lab) addBridge() {
	l.t.Helper()
	for range 20 {
		n := rand.IntN(1 << 14)
		addr := netip.AddrFrom4([4]byte{10, byte(192 + n>>8), byte(n), 1})
		if taken(addr) {
			continue
		}
		l.bridge, l.subnet = fmt.Sprintf("rl%04x", n), netip.PrefixFrom(addr, 24)
		link := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: l.bridge}}
		if netlink.LinkAdd(link) != nil {
			continue
		}
		must(l.t, netlink.AddrAdd(link, &netlink.Addr{IPNet: netOf(l.subnet)}))
		must(l.t, netlink.LinkSetUp(link))
		return
	}
	l.t.Fatal("cannot find a free subnet")
}

func taken(addr netip.Addr) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, a := range addresses {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Contains(addr) {
			return true
		}
	}
	return false
}

func (l *lab) close() {
	for _, name := range golxc.DefinedContainerNames(l.path) {
		if c, err := golxc.NewContainer(name, l.path); err == nil {
			if c.Running() {
				c.Stop()
			}
			c.Release()
		}
	}
	os.RemoveAll(l.path)
	os.RemoveAll(filepath.Join(liblxcLocks, l.path))
	if link, err := netlink.LinkByName(l.bridge); err == nil {
		netlink.LinkDel(link)
	}
}

// want is a declared container with the n-th address of the lab.
func (l *lab) want(name string, n int) *plan.Desired {
	addr := l.subnet.Addr().As4()
	addr[3] = byte(n)
	mac := fmt.Sprintf("00:16:3e:%02x:%02x:%02x", addr[1], addr[2], n)
	return &plan.Desired{
		UID: uidOf(name),
		Container: spec.Container{Host: "here", Name: name, Settings: spec.Settings{
			FromContainer: "base", Backing: "overlayfs", Bridge: l.bridge,
			Network: &spec.Network{Name: l.bridge, Bridge: l.bridge, CIDR: l.subnet.Masked()},
			IP:      netip.AddrFrom4(addr), PrefixLen: 24, Gateway: l.subnet.Addr(), MAC: mac,
			Domains: []string{name}, Users: []string{"root"}, Autostart: true, Running: true,
		}},
	}
}

// uidOf is a uid as the state store gives it, the same for the same name.
func uidOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

func stepOf(action plan.Action, want *plan.Desired) plan.Step {
	return plan.Step{
		Host: want.Host, Container: want.Name, UID: want.UID, Action: action, Want: want,
	}
}

// do carries out actions in order and returns the last message.
func (l *lab) do(want *plan.Desired, actions ...plan.Action) string {
	l.t.Helper()
	var last string
	for _, action := range actions {
		message, err := l.host.Do(l.t.Context(), stepOf(action, want), someHash())
		if err != nil {
			l.t.Fatalf("%s: %v", action, err)
		}
		last = message
	}
	return last
}

// refuse carries out one action and returns the text of the error that it must give.
func (l *lab) refuse(want *plan.Desired, action plan.Action) error {
	l.t.Helper()
	message, err := l.host.Do(l.t.Context(), stepOf(action, want), someHash())
	if err == nil {
		l.t.Fatalf("%s of %s was done (%q), it must be refused", action, want.Name, message)
	}
	return err
}

func someHash() execute.Secrets { return execute.Secrets{PasswordHash: "$6$salt$hash"} }

// all are the steps of a new container.
func all() []plan.Action {
	return []plan.Action{
		plan.Clone, plan.Configure, plan.Start, plan.Password, plan.Address, plan.DNS,
	}
}

// observe returns what the host reports of one container.
func (l *lab) observe(name string) plan.Observed {
	l.t.Helper()
	actual, err := l.host.Observe(l.t.Context())
	must(l.t, err)
	for _, o := range actual.Containers {
		if o.Name == name {
			return o
		}
	}
	l.t.Fatalf("container %q is not reported", name)
	return plan.Observed{}
}

// rootPath is a path inside a running container.
func (l *lab) rootPath(name, path string) string {
	return filepath.Join("/proc", strconv.Itoa(l.observe(name).PID), "root", path)
}

// leftovers lists what is in the work directory besides the lock and the file that it is known.
func (l *lab) leftovers() []string {
	entries, err := os.ReadDir(filepath.Join(l.path, workDir))
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if e.Name() != lockName && e.Name() != knownName {
			out = append(out, e.Name())
		}
	}
	return out
}

func (l *lab) config(name string) string {
	return readFile(l.t, filepath.Join(l.path, name, "config"))
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
