//go:build linux && cgo

package lxc

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// parentOf returns the pid of the parent of a process.
func parentOf(t *testing.T, pid int) int {
	t.Helper()
	_, rest, _ := strings.Cut(readFile(t, "/proc/"+strconv.Itoa(pid)+"/stat"), ") ")
	parent, err := strconv.Atoi(strings.Fields(rest)[1])
	must(t, err)
	return parent
}

// TestMonitorKnowsNothingOfUs: the process beside a container lives as long as the container. Were
// it forked from ours, it would hold a copy of the state key and our environment for years.
func TestMonitorKnowsNothingOfUs(t *testing.T) {
	t.Setenv("RECONCILER_STATE_KEY", "/secret/state.key")
	l := newLab(t)
	l.do(l.want("apart", 210), all()...)
	monitor := parentOf(t, l.observe("apart").PID)
	if monitor == os.Getpid() {
		t.Fatal("the container's monitor is a child of this process")
	}
	environment := readFile(t, "/proc/"+strconv.Itoa(monitor)+"/environ")
	if strings.Contains(environment, "RECONCILER_") {
		t.Errorf("the monitor has our environment: %q", environment)
	}
	links, err := os.ReadDir("/proc/" + strconv.Itoa(monitor) + "/fd")
	must(t, err)
	for _, link := range links {
		to, err := os.Readlink("/proc/" + strconv.Itoa(monitor) + "/fd/" + link.Name())
		if err == nil && strings.Contains(to, workDir) {
			t.Errorf("the monitor holds %s open, and with it our lock", to)
		}
	}
}

// TestContainersSurviveTheirLauncher: what runs goes on when the reconciler and its launcher end.
func TestContainersSurviveTheirLauncher(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.do(l.want("stays", 211), all()...)
	process := l.host.launcher.process
	must(t, l.host.Close())
	select {
	case <-process.done:
	case <-time.After(20 * time.Second):
		t.Fatal("the launcher stays when nobody needs it any more")
	}
	if state := l.observe("stays").State; state != plan.Running {
		t.Errorf("the container is %s after the launcher has ended", state)
	}
	l.do(l.want("stays", 211), plan.Stop, plan.Start)
	if state := l.observe("stays").State; state != plan.Running {
		t.Errorf("a new launcher did not start it: it is %s", state)
	}
}

// TestLauncherThatDiesIsAnError: the step fails and can be tried again, with a new process.
func TestLauncherThatDiesIsAnError(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("again", 212)
	l.do(want, plan.Clone)
	dying := &launcher{command: []string{"/bin/true", "true"}}
	err := dying.start(t.Context(), l.path, "again")
	if err == nil || errors.Is(err, execute.ErrPermanent) {
		t.Errorf("a start that nobody carried out gives %v", err)
	}
	missing := &launcher{command: []string{"/no/such/program", "program"}}
	if err := missing.start(t.Context(), l.path, "again"); err == nil ||
		!strings.Contains(err.Error(), "/no/such/program") {
		t.Errorf("a program that is missing gives %v", err)
	}
	without := &launcher{}
	if err := without.start(t.Context(), l.path, "again"); !errors.Is(err, execute.ErrPermanent) {
		t.Errorf("without a program: %v", err)
	}
	must(t, errors.Join(dying.close(), missing.close(), without.close()))
	l.do(want, plan.Start)
}

// TestLaunchAnswersEachOrder: errors of one order are told to who gave it, with what liblxc said.
func TestLaunchAnswersEachOrder(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.do(l.want("whole", 213), plan.Clone)
	l.do(l.want("broken", 214), plan.Clone)
	must(t, os.WriteFile(filepath.Join(l.path, "broken", "partial"), nil, 0o600))
	p, err := startLaunchProcess(launchCommand())
	must(t, err)
	t.Cleanup(func() { must(t, p.in.Close()) })
	for name, want := range map[string]string{
		"whole": "", "broken": "lxc-create did not finish", "missing": "no such file",
	} {
		err := p.order(t.Context(), l.path, name)
		if want == "" && err != nil || want != "" && (err == nil ||
			!strings.Contains(err.Error(), want)) {
			t.Errorf("order %s: %v, want %q", name, err, want)
		}
	}
	if err := p.order(t.Context(), l.path, "broken"); !errors.Is(err, execute.ErrPermanent) {
		t.Errorf("that nothing can heal it is lost on the way: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.order(ended, l.path, "whole"); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

func TestLaunchRefusesWhatIsNoOrder(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	for _, in := range []string{"x", `{"ID":"one"}`, `{`} {
		if err := Launch(strings.NewReader(in), &out); err == nil {
			t.Errorf("%q is taken for an order", in)
		}
	}
	if err := Launch(strings.NewReader(""), io.Discard); err != nil || out.Len() > 0 {
		t.Errorf("no order: %v, %q", err, out.String())
	}
}
