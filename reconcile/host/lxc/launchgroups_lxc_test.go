//go:build linux && cgo

package lxc

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"reconciler/reconcile/plan"
)

// monitorGroups lists the groups that liblxc has made for the monitors of one container, in every
// hierarchy that is mounted.
func monitorGroups(t testing.TB, name string) []string {
	t.Helper()
	var out []string
	for _, pattern := range []string{"", "*/"} {
		found, err := filepath.Glob(cgroupRoot + "/" + pattern + "lxc.monitor." + name + "*")
		must(t, err)
		out = append(out, found...)
	}
	return out
}

// A container that restarts for months would use up the names of its groups, and then not start.
func TestRestartsLeaveNoControlGroups(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	name := filepath.Base(l.path) // groups are shared by all tests that run at once
	want := l.want(name, 215)
	l.do(want, plan.Clone, plan.Configure)
	for range 3 {
		l.do(want, plan.Start)
		for _, group := range monitorGroups(t, name) {
			if strings.HasSuffix(group, "-1") {
				t.Fatalf("the group of the first start is still there at the next: %s", group)
			}
		}
		l.do(want, plan.Stop)
	}
	waitFor(t, "the monitor removes its groups", func() bool {
		return len(monitorGroups(t, name)) == 0
	})
}

// A start that fails leaves nothing either: it is tried again and again.
func TestFailedStartsLeaveNoControlGroups(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	name := filepath.Base(l.path)
	l.do(l.want(name, 216), plan.Clone, plan.Configure)
	config := filepath.Join(l.path, name, "config")
	text := readFile(t, config) + "lxc.net.7.type = veth\nlxc.net.7.link = nosuchbridge\n"
	must(t, os.WriteFile(config, []byte(text), 0o640))
	for range 5 {
		if err := l.host.launcher.start(t.Context(), l.path, name); err == nil {
			t.Fatal("a container without its bridge has started")
		}
	}
	waitFor(t, "the groups of failed starts are gone", func() bool {
		return len(monitorGroups(t, name)) == 0
	})
}

// Of many starts at once only the last one leads home; nothing of the others may stay.
func TestStartsSideBySideLeaveNoControlGroups(t *testing.T) {
	t.Parallel()
	const count = 4
	l := newLab(t)
	names := make([]string, count)
	inParallel(t, count, func(i int) error {
		names[i] = fmt.Sprintf("%s-%d", filepath.Base(l.path), i)
		want := l.want(names[i], 220+i)
		actions := []plan.Action{plan.Clone, plan.Configure, plan.Start, plan.Stop, plan.Start}
		for _, action := range actions {
			if _, err := l.host.Do(t.Context(), stepOf(action, want), someHash()); err != nil {
				return err
			}
		}
		return nil
	})
	inParallel(t, count, func(i int) error {
		_, err := l.host.Do(t.Context(), stepOf(plan.Stop, l.want(names[i], 220+i)), someHash())
		return err
	})
	waitFor(t, "the groups of all starts are gone", func() bool {
		return !slices.ContainsFunc(names, func(name string) bool {
			return len(monitorGroups(t, name)) > 0
		})
	})
}

// The process that starts containers goes back to where the reconciler is: a service accounts for
// it, and for nothing of the containers.
func TestLauncherComesHome(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.do(l.want("home", 217), all()...)
	own := readFile(t, "/proc/self/cgroup")
	launchers := childrenNamed(t, launchArg)
	if len(launchers) == 0 {
		t.Fatal("no launcher runs")
	}
	waitFor(t, "our launchers are in our control groups", func() bool {
		return !slices.ContainsFunc(launchers, func(pid string) bool {
			// Another test may have ended its launcher.
			text, err := os.ReadFile("/proc/" + pid + "/cgroup")
			return err == nil && string(text) != own
		})
	})
}

// childrenNamed returns the processes that this one has started with a last argument.
func childrenNamed(t testing.TB, argument string) []string {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	must(t, err)
	var out []string
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		for pid := range strings.FieldsSeq(string(text)) {
			line, err := os.ReadFile("/proc/" + pid + "/cmdline")
			if err == nil && strings.HasSuffix(string(line), "\x00"+argument+"\x00") {
				out = append(out, pid)
			}
		}
	}
	return out
}

// Whoever runs us may keep new files to root; the files of guests are none of that.
func TestGuestsDoNotInheritOurUmaskAndLimits(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.do(l.want("open", 218), plan.Clone, plan.Configure)
	program, err := os.Executable()
	must(t, err)
	tight := &launcher{command: []string{
		"/bin/sh", "sh", "-c", "umask 077; exec '" + program + "' " + launchArg,
	}}
	must(t, tight.start(t.Context(), l.path, "open"))
	must(t, tight.close())
	limits := readFile(t, fmt.Sprintf("/proc/%d/limits", l.observe("open").PID))
	if !regexp.MustCompile(`(?m)^Max open files +1024 `).MatchString(limits) {
		t.Errorf("the guest has not the usual limit of open files:\n%s", limits)
	}
	status := readFile(t, fmt.Sprintf("/proc/%d/status", l.observe("open").PID))
	if !strings.Contains(status, "\nUmask:\t0022\n") {
		t.Errorf("other users of the guest cannot read what its services write:\n%s", status)
	}
}
