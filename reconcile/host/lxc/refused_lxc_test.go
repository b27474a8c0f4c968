//go:build linux && cgo

package lxc

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// refusedItems are lines that look right and that liblxc does not load.
func refusedItems() []spec.ConfItem {
	return []spec.ConfItem{
		{Key: "lxc.stop.timeout", Value: "3"},
		{Key: "lxc.cap.drop", Value: "CAP_SYS_TIME"},
		{Key: "lxc.namespace.clone", Value: "mount pid net uts ipc"},
	}
}

func TestRefusedSettingDoesNotStopAHealthyContainer(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("healthy", 120)
	l.do(want, all()...)
	before, pid := l.config("healthy"), l.observe("healthy").PID
	for _, item := range refusedItems() {
		bad := l.want("healthy", 120)
		bad.LXCConf = []spec.ConfItem{{Key: "lxc.tty.max", Value: "3"}, item}
		for _, action := range []plan.Action{plan.Stop, plan.Configure} {
			err := l.refuse(bad, action)
			if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), item.Key) {
				t.Errorf("%s is tried again, or nobody learns that it is because of %s: %v",
					action, item.Key, err)
			}
		}
	}
	if o := l.observe("healthy"); o.PID != pid || l.config("healthy") != before {
		t.Errorf("it is %s with pid %d, it was %d; file:\n%s", o.State, o.PID, pid, l.config("healthy"))
	}
	off := l.want("healthy", 120)
	off.LXCConf, off.Running = refusedItems(), false
	l.do(off, plan.Stop)
}

func TestRefusedSettingLetsNoContainerAppear(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for _, item := range refusedItems() {
		want := l.want("never", 121)
		want.LXCConf = []spec.ConfItem{item}
		err := l.refuse(want, plan.Clone)
		if !errors.Is(err, execute.ErrPermanent) || !strings.Contains(err.Error(), item.Key) {
			t.Errorf("the error does not say that it is because of %s: %v", item.Key, err)
		}
		if isDir(filepath.Join(l.path, "never")) || len(l.leftovers()) > 0 {
			t.Errorf("something is left: %q", l.leftovers())
		}
	}
	l.do(l.want("never", 121), all()...)
}

// breakByHand puts a line that liblxc refuses into the block of lxc_conf, as an earlier version
// did.
func (l *lab) breakByHand(name, line string) {
	l.t.Helper()
	path := filepath.Join(l.path, name, "config")
	text := l.config(name) + blockBegin + "\n" + line + "\n" + blockEnd + "\n"
	must(l.t, os.WriteFile(path, []byte(text), 0o640))
}

func TestRefusedFileIsHealedByTheTree(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	stopped := l.want("off", 122)
	l.do(stopped, plan.Clone)
	l.breakByHand("off", "lxc.stop.timeout = 3")
	if o := l.observe("off"); o.State != plan.Stopped || o.Damage != "" {
		t.Errorf("the plan would never touch it: %s, damage %q", o.State, o.Damage)
	}
	if err := l.refuse(stopped, plan.Start); !strings.Contains(err.Error(), "lxc.stop.timeout") ||
		!errors.Is(err, execute.ErrPermanent) {
		t.Errorf("start does not say which line is refused: %v", err)
	}
	l.do(stopped, plan.Configure, plan.Start, plan.Address)
	l.checkDeclared(stopped)
}

func TestRunningContainerWithARefusedFileIsNotTakenForStopped(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("on", 123)
	l.do(want, all()...)
	pid := l.observe("on").PID
	l.breakByHand("on", "lxc.cap.drop = CAP_SYS_TIME")
	o := l.observe("on")
	if o.State != plan.Running || o.PID != pid || o.Live == nil || o.Live.Address != addressOf(want) {
		t.Fatalf("it is reported as %s with pid %d and live %+v", o.State, o.PID, o.Live)
	}
	l.do(want, plan.Password, plan.DNS, plan.Configure, plan.Address)
	l.checkDeclared(want)
	l.breakByHand("on", "lxc.cap.drop = CAP_SYS_TIME")
	l.do(want, plan.Destroy)
	if isDir(filepath.Join(l.path, "on")) || isDir("/proc/"+strconv.Itoa(pid)) {
		t.Error("a container with a refused file cannot be destroyed")
	}
}

func TestCheckConfigNamesTheLine(t *testing.T) {
	t.Parallel()
	good := "# a comment\nlxc.uts.name = web\n\nlxc.tty.max = 3\n"
	for name, test := range map[string]struct{ text, line string }{
		"accepted": {good, ""},
		"empty":    {"", ""},
		"unknown": {
			good + "lxc.no.such = 1\nlxc.tty.max = 4\n",
			`line 5 of its configuration: "lxc.no.such = 1"`,
		},
		"value": {
			"lxc.cap.drop = CAP_X\n" + good,
			`line 1 of its configuration: "lxc.cap.drop = CAP_X"`,
		},
		"include": {good + "lxc.include = /no/such/file\n", "/no/such/file"},
	} {
		err := checkConfig(parseConfig([]byte(test.text)))
		if test.line == "" && err != nil {
			t.Errorf("%s: a good configuration is refused: %v", name, err)
		}
		if test.line != "" && (err == nil || !strings.Contains(err.Error(), test.line) ||
			!errors.Is(err, execute.ErrPermanent)) {
			t.Errorf("%s: %v does not name %q", name, err, test.line)
		}
	}
}

func TestCheckConfigTouchesNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "made", "log")
	must(t, checkConfig(parseConfig([]byte("lxc.log.file = "+path+"\n"))))
	if isDir(filepath.Dir(path)) {
		t.Error("a mere check makes the directory of a log, perhaps where a container shall appear")
	}
}

const lookDir = "RECONCILER_TEST_LOOK_LXCPATH"

// TestLiblxcDoesNotWriteIntoOurOutput looks at the lab in a process of its own.
func TestLiblxcDoesNotWriteIntoOurOutput(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(lookDir); path != "" {
		h, err := New(Options{Host: "here", LXCPath: path, Installation: "inst-1"})
		must(t, err)
		_, err = h.Observe(t.Context())
		must(t, err)
		return
	}
	l := newLab(t)
	l.do(l.want("bad", 124), plan.Clone)
	l.breakByHand("bad", "lxc.no.such.key = 1")
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), lookDir+"="+l.path)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "PASS" {
		t.Errorf("plan and run print: %v %q", err, out)
	}
}
