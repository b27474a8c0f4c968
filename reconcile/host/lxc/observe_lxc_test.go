//go:build linux && cgo

package lxc

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

func TestObserveListsWhatLiblxcLists(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.do(l.want("one", 90), all()...)
	must(t, os.Mkdir(filepath.Join(l.path, "no-config"), 0o755))
	must(t, os.WriteFile(filepath.Join(l.path, "a-file"), nil, 0o644))
	must(t, os.MkdirAll(filepath.Join(l.path, ".hidden"), 0o755))
	must(t, os.WriteFile(filepath.Join(l.path, ".hidden", "config"), nil, 0o644))
	actual, err := l.host.Observe(t.Context())
	must(t, err)
	var names []string
	for _, o := range actual.Containers {
		names = append(names, o.Name)
	}
	if !slices.Equal(names, []string{"base", "one"}) {
		t.Errorf("it sees %q", names)
	}
	if !slices.Contains(actual.Bridges, l.bridge) || !slices.IsSorted(actual.Bridges) {
		t.Errorf("bridges are %q, %s is missing", actual.Bridges, l.bridge)
	}
	if actual.Host != "here" {
		t.Errorf("the host is %q", actual.Host)
	}
	if o := l.observe("one"); o.Lower != "base" || o.State != plan.Running || o.PID == 0 {
		t.Errorf("one is %+v", o)
	}
}

func TestObserveChangesNothing(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.do(l.want("still", 91), all()...)
	before := snapshotOf(t, l.path)
	for range 3 {
		_, err := l.host.Observe(t.Context())
		must(t, err)
	}
	if after := snapshotOf(t, l.path); after != before {
		t.Errorf("files changed from\n%s\nto\n%s", before, after)
	}
}

// snapshotOf lists the files beside the root file systems with their times.
func snapshotOf(t testing.TB, dir string) string {
	t.Helper()
	var out strings.Builder
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	must(t, err)
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			out.WriteString(file + " " + info.ModTime().String() + "\n")
		}
	}
	return out.String()
}

func TestUnreadableContainerIsAnError(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	// Root may read everything, so that a file which is too large to be one must do.
	config := filepath.Join(l.path, "broken", "config")
	must(t, os.Mkdir(filepath.Dir(config), 0o755))
	must(t, os.WriteFile(config, make([]byte, maxConfig+1), 0o644))
	actual, err := l.host.Observe(t.Context())
	if err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("%v: the container looks as if it were gone: %+v", err, actual)
	}
}

func TestConfigurationThatLiblxcRefusesIsDamage(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.copyByHand(filepath.Join(l.path, "base"), "legacy")
	path := filepath.Join(l.path, "legacy", "config")
	text := readFile(t, path) + "lxc.network.type = veth\nlxc.no.such.key = 1\n"
	must(t, os.WriteFile(path, []byte(text), 0o640))
	if o := l.observe("legacy"); o.Damage == "" || o.State != plan.Stopped {
		t.Errorf("it looks whole: %+v", o)
	}
	if o := l.observe("base"); o.Damage != "" {
		t.Errorf("its neighbour is damaged: %s", o.Damage)
	}
}

func TestMissingLXCPathIsNotAnEmptyHost(t *testing.T) {
	none := filepath.Join(t.TempDir(), "none")
	missing, err := New(Options{Host: "here", Installation: "i", LXCPath: none})
	must(t, err)
	if _, err := missing.Lock(t.Context(), "me"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there can be locked: %v", err)
	}
	if a, err := missing.Observe(t.Context()); err != nil || a.Missing != none || a.Known {
		t.Errorf("a missing lxcpath looks like a host without containers: %+v, %v", a, err)
	}
	must(t, os.Mkdir(none, 0o755))
	if a, err := missing.Observe(t.Context()); err != nil || a.Missing != "" {
		t.Errorf("an lxcpath that was made is not seen: %+v, %v", a, err)
	}
	for _, opt := range []Options{
		{Host: "", Installation: "i", LXCPath: "/"},
		{Host: "h", Installation: "i", LXCPath: "relative"},
	} {
		if _, err := New(opt); err == nil {
			t.Errorf("%+v is accepted", opt)
		}
	}
	path := t.TempDir()
	looker, err := New(Options{Host: "here", LXCPath: path})
	must(t, err)
	step := plan.Step{Host: "here", Container: "c", UID: "u", Action: plan.Start}
	if _, err := looker.Do(t.Context(), step, someHash()); !errors.Is(err, execute.ErrPermanent) {
		t.Errorf("without an installation a step is tried: %v", err)
	}
	h, err := New(Options{Host: "here", Installation: "i", LXCPath: path})
	must(t, err)
	must(t, os.Remove(path))
	if a, err := h.Observe(t.Context()); err != nil || a.Missing != path {
		t.Errorf("an lxcpath that has gone looks like a host without containers: %+v, %v", a, err)
	}
	must(t, h.Close())
}

func TestDriftByHandIsSeen(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("drift", 92)
	l.do(want, all()...)
	net, err := enter(l.observe("drift").PID)
	must(t, err)
	defer net.handle.Close()
	other := l.want("drift", 93)
	must(t, net.readdress("eth0", readdressing{address: addressOf(other), gateway: other.Gateway}))
	path := filepath.Join(l.path, "drift", "config")
	text := strings.ReplaceAll(l.config("drift"), want.MAC, "00:16:3e:ff:ff:ff")
	text = strings.ReplaceAll(text, "lxc.start.auto = 1", "lxc.start.auto = 0")
	must(t, os.WriteFile(path, []byte(text), 0o640))
	o := l.observe("drift")
	if o.Config.MAC != "00:16:3e:ff:ff:ff" || o.Config.Autostart || o.Live.MAC != want.MAC {
		t.Errorf("the edited file is not seen: %+v %+v", o.Config, o.Live)
	}
	if o.Live.Address != addressOf(other) || o.Config.Address != addressOf(want) {
		t.Errorf("the address is %v, in the file %v", o.Live.Address, o.Config.Address)
	}
	l.do(want, plan.Configure, plan.Address)
	l.checkDeclared(want)
}

func TestObserveKeepsNoFiles(t *testing.T) {
	l := newLab(t)
	l.do(l.want("fds", 94), all()...)
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		must(t, err)
		return len(entries)
	}
	l.observe("fds")
	before := count()
	for range 50 {
		l.observe("fds")
		l.do(l.want("fds", 94), all()...)
	}
	if after := count(); after > before+5 {
		t.Errorf("open files grew from %d to %d", before, after)
	}
}

// What lost its configuration may still run under its address: it is not gone, and a FIFO in the
// place of the configuration must not hold everything up.
func TestObserveNamesWhatIsNoContainer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, name := range []string{"empty", "fifo", "folder"} {
		if err := os.Mkdir(filepath.Join(l.path, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	fifo := filepath.Join(l.path, "fifo", "config")
	must(t, unix.Mkfifo(fifo, 0o600))
	// liblxc, with which the lab clears up, would wait for it.
	t.Cleanup(func() { must(t, os.Remove(fifo)) })
	if err := os.Mkdir(filepath.Join(l.path, "folder", "config"), 0o755); err != nil {
		t.Fatal(err)
	}
	actual, err := l.host.Observe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"empty", "fifo", "folder"} {
		if !slices.Contains(actual.Others, name) {
			t.Errorf("%s is not reported: %v", name, actual.Others)
		}
	}
	if slices.Contains(actual.Others, "base") {
		t.Error("a container is reported as something else")
	}
}
