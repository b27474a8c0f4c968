//go:build linux && cgo

package lxc

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

func TestNewContainerIsWhatWasDeclared(t *testing.T) {
	t.Parallel()
	for _, backing := range []string{"overlayfs", "dir"} {
		t.Run(backing, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			want := l.want("web.foo.com", 7)
			want.Backing, want.Memory, want.CPUShare, want.CPUSet = backing, 64<<20, 512, "0"
			want.DNSServers = []netip.Addr{netip.MustParseAddr("10.9.9.9")}
			for i, message := range []string{
				"Container cloned", "lxc conf ok", "started", "Password updated",
				"Got ip " + want.IP.String(), "DNS updated",
			} {
				if got := l.do(want, all()[i]); got != message {
					t.Errorf("%s says %q, want %q", all()[i], got, message)
				}
			}
			l.checkDeclared(want)
			if got := l.leftovers(); len(got) > 0 {
				t.Errorf("left in the work directory: %q", got)
			}
		})
	}
}

// checkDeclared compares what is observed with what was declared, in the file and live.
func (l *lab) checkDeclared(want *plan.Desired) {
	l.t.Helper()
	o := l.observe(want.Name)
	expect := plan.Config{
		Hostname: want.Name, Bridge: want.Bridge, MAC: want.MAC, Address: addressOf(want),
		Gateway: want.Gateway, Autostart: want.Autostart, Memory: want.Memory,
		CPUSet: want.CPUSet, CPUShare: want.CPUShare,
	}
	if o.Live == nil {
		l.t.Fatalf("it is %s, not running", o.State)
	}
	for name, got := range map[string]plan.Config{"file": o.Config, "live": *o.Live} {
		got.Raw = nil
		opts := cmp.Options{cmp.Comparer(samePrefix), cmp.Comparer(sameAddr)}
		if diff := cmp.Diff(expect, got, opts); diff != "" {
			l.t.Errorf("the %s differs (-want +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(o.Config.Raw, o.Live.Raw); diff != "" {
		l.t.Errorf("a restart seems to be pending (-file +live):\n%s", diff)
	}
	if !slices.Equal(o.Addresses, []string{want.IP.String()}) {
		l.t.Errorf("addresses are %q, want %s alone", o.Addresses, want.IP)
	}
	mark := plan.Mark{Installation: "inst-1", Host: "here", Name: want.Name, UID: want.UID}
	if o.Mark == nil || *o.Mark != mark || o.Damage != "" || o.Backing != want.Backing {
		l.t.Errorf("mark %+v, damage %q, backing %q", o.Mark, o.Damage, o.Backing)
	}
	if out, err := exec.Command("ping", "-c1", "-W3", want.IP.String()).CombinedOutput(); err != nil {
		l.t.Errorf("it does not answer on the bridge: %v\n%s", err, out)
	}
}

func TestStepsDoneTwiceChangeNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("twice", 8)
	want.LXCConf = []spec.ConfItem{{Key: "lxc.tty.max", Value: "3"}}
	l.do(want, all()...)
	config := filepath.Join(l.path, want.Name, "config")
	before, err := os.Stat(config)
	must(t, err)
	pid := l.observe(want.Name).PID
	l.do(want, all()...)
	after, err := os.Stat(config)
	must(t, err)
	if !after.ModTime().Equal(before.ModTime()) || !os.SameFile(before, after) {
		t.Error("the second run wrote the configuration file")
	}
	if got := l.observe(want.Name).PID; got != pid {
		t.Error("the second run restarted the container")
	}
}

func TestLiveChanges(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("live", 9)
	l.do(want, all()...)
	pid := l.observe(want.Name).PID
	moved := l.want("live", 10)
	moved.MAC, moved.Memory, moved.CPUShare, moved.CPUSet = want.MAC, 32<<20, 300, "0"
	moved.Autostart = false
	l.do(moved, plan.Configure, plan.Address)
	l.checkDeclared(moved)
	if got := l.observe(want.Name).PID; got != pid {
		t.Error("a live change restarted the container")
	}
	free := l.want("live", 10)
	free.MAC, free.Autostart = want.MAC, false
	l.do(free, plan.Configure, plan.Address)
	l.checkDeclared(free)
}

func TestRestartPendingIsSeen(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("pending", 11)
	want.LXCConf = []spec.ConfItem{{Key: "lxc.mount.entry", Value: "tmpfs mnt tmpfs rw 0 0"}}
	l.do(want, all()...)
	want.LXCConf[0].Value = "tmpfs home tmpfs rw 0 0"
	l.do(want, plan.Configure)
	o := l.observe(want.Name)
	if slices.Equal(o.Config.Raw["lxc.mount.entry"], o.Live.Raw["lxc.mount.entry"]) {
		t.Error("the running container seems to have the new mount")
	}
	l.do(want, plan.Stop, plan.Start, plan.Address)
	l.checkDeclared(want)
}

func TestFrozenContainerIsThawed(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("ice", 12)
	l.do(want, all()...)
	object, err := open(l.path, want.Name)
	must(t, err)
	must(t, object.Freeze())
	l.host.release(object)
	if got := l.observe(want.Name).State; got != plan.Frozen {
		t.Fatalf("state is %q", got)
	}
	l.do(want, plan.Start, plan.Address)
	l.checkDeclared(want)
}

func TestStopIsVerifiedAndRepeatable(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("halt", 13)
	l.do(want, plan.Clone, plan.Start, plan.Stop)
	if got := l.observe(want.Name).State; got != plan.Stopped {
		t.Errorf("state is %q after stop", got)
	}
	l.do(want, plan.Stop)
	l.do(l.want("never-made", 14), plan.Stop)
}

func TestPasswordIsHashedInTheGuest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("pass", 15)
	l.do(want, plan.Clone, plan.Password)
	l.do(want, plan.Start)
	got := readFile(t, l.rootPath("pass", "etc/shadow"))
	if !strings.Contains(got, "root:$6$salt$hash:") {
		t.Errorf("a password set while it was stopped is lost: %q", got)
	}
	_, err := l.host.Do(t.Context(), stepOf(plan.Password, want),
		execute.Secrets{PasswordHash: "$6$other$hash"})
	must(t, err)
	if got := readFile(t, l.rootPath("pass", "etc/shadow")); !strings.Contains(got, "$6$other$hash") {
		t.Errorf("the running guest has %q", got)
	}
	if got := readFile(t, filepath.Join(l.path, "base/rootfs/etc/shadow")); got != "" {
		t.Errorf("the template has the password: %q", got)
	}
}

func TestNamesInTheGuest(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("ns.foo.com", 16)
	want.Domains = []string{"ns.foo.com", "www.foo.com"}
	want.DNSServers = []netip.Addr{netip.MustParseAddr("10.9.9.9")}
	want.SearchDomains = []string{"foo.com"}
	l.do(want, all()...)
	for path, text := range map[string]string{
		"etc/hosts": "www.foo.com", "etc/resolv.conf": "nameserver 10.9.9.9",
		"etc/hostname": "ns.foo.com",
	} {
		if got := readFile(t, l.rootPath(want.Name, path)); !strings.Contains(got, text) {
			t.Errorf("%s has no %q: %q", path, text, got)
		}
	}
}

func TestStartFailureSaysWhy(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("nobridge", 17)
	want.Bridge = "rlnone" + strconv.Itoa(os.Getpid()%1000)
	l.do(want, plan.Clone)
	err := l.refuse(want, plan.Start)
	if !strings.Contains(err.Error(), want.Bridge) {
		t.Errorf("the error does not name the bridge: %v", err)
	}
	if errors.Is(err, execute.ErrPermanent) {
		t.Error("a bridge can be made later, but the error says that it cannot heal")
	}
}

func TestDamagedContainerIsNeverStarted(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for i, line := range []string{"", "lxc.rootfs.path = dir:" + l.path + "/gone"} {
		want := l.want("hurt"+strconv.Itoa(i), 18+i)
		l.do(want, plan.Clone)
		path := filepath.Join(l.path, want.Name, "config")
		var kept []string
		for text := range strings.Lines(readFile(t, path)) {
			if !strings.HasPrefix(text, keyRootfs) {
				kept = append(kept, text)
			}
		}
		must(t, os.WriteFile(path, []byte(strings.Join(kept, "")+line+"\n"), 0o640))
		if err := l.refuse(want, plan.Start); !errors.Is(err, execute.ErrPermanent) {
			t.Errorf("it would be tried again: %v", err)
		}
		o := l.observe(want.Name)
		if o.Damage == "" || o.State != plan.Stopped {
			t.Errorf("damage %q, state %q", o.Damage, o.State)
		}
		l.refuse(want, plan.Password)
	}
}

func TestStrangersAreLeftAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("mine", 20)
	want.Backing = "dir"
	l.do(want, plan.Clone)
	out, err := exec.Command("lxc-copy", "-P", l.path, "-n", "mine", "-N", "copy").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if mark := l.observe("copy").Mark; mark == nil || mark.Name != "mine" {
		t.Fatalf("the copy's mark is %+v: the case is not the one that is meant", mark)
	}
	copied := l.want("copy", 21)
	copied.UID = want.UID
	before := l.config("copy")
	for _, action := range append(all(), plan.Destroy, plan.Stop) {
		if err := l.refuse(copied, action); !errors.Is(err, execute.ErrPermanent) {
			t.Errorf("%s would be tried again: %v", action, err)
		}
	}
	if l.config("copy") != before {
		t.Error("the copy was changed")
	}
	other := l.want("mine", 20)
	other.UID = "uid-other"
	l.refuse(other, plan.Destroy)
	l.refuse(l.want("base", 22), plan.Configure)
}

func TestWrongAddressIsAnErrorThatSaysWhatIsThere(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("wrong", 23)
	l.do(want, plan.Clone, plan.Start)
	l.host.opt.Wait = 1
	other := l.want("wrong", 24)
	if err := l.refuse(other, plan.Address); !strings.Contains(err.Error(), want.IP.String()) {
		t.Errorf("the error does not say which address it has: %v", err)
	}
	l.do(want, plan.Stop)
	if err := l.refuse(want, plan.Address); !strings.Contains(err.Error(), "stopped") {
		t.Errorf("the error does not say that it is stopped: %v", err)
	}
}

func TestImpossibleSteps(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for name, change := range map[string]func(*plan.Step){
		"other host":    func(s *plan.Step) { s.Host = "elsewhere" },
		"path as name":  func(s *plan.Step) { s.Container = "../etc" },
		"hidden name":   func(s *plan.Step) { s.Container = ".reconciler" },
		"no uid":        func(s *plan.Step) { s.UID = "" },
		"path as uid":   func(s *plan.Step) { s.UID = "../.." },
		"nothing asked": func(s *plan.Step) { s.Want = nil },
		"no action":     func(s *plan.Step) { s.Action = "dance" },
	} {
		step := stepOf(plan.Clone, l.want("odd", 25))
		change(&step)
		if _, err := l.host.Do(t.Context(), step, someHash()); !errors.Is(err, execute.ErrPermanent) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, action := range []plan.Action{plan.Note, plan.Forget} {
		if got := l.do(l.want("odd", 25), action); got != "" {
			t.Errorf("%s says %q, it has nothing to do", action, got)
		}
	}
}
