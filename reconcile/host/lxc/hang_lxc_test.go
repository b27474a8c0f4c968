//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// freezeMonitor stops the monitor of a running container: liblxc waits for its answer for ever.
func (l *lab) freezeMonitor(name string) {
	l.t.Helper()
	text := readFile(l.t, "/proc/"+strconv.Itoa(l.observe(name).PID)+"/stat")
	_, rest, _ := strings.Cut(text, ") ")
	monitor, err := strconv.Atoi(strings.Fields(rest)[1])
	must(l.t, err)
	must(l.t, unix.Kill(monitor, unix.SIGSTOP))
	l.t.Cleanup(func() { unix.Kill(monitor, unix.SIGCONT) })
}

func TestMonitorThatDoesNotAnswerIsAnError(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	want := l.want("dumb", 200)
	l.do(want, all()...)
	before := l.config("dumb")
	changed := l.want("dumb", 201)
	l.freezeMonitor("dumb")
	var group sync.WaitGroup
	group.Go(func() {
		actual, err := l.host.Observe(t.Context())
		if err == nil || !strings.Contains(err.Error(), `"dumb"`) ||
			!errors.Is(err, errNoAnswer) || len(actual.Containers) > 0 {
			t.Errorf("what is unknown is taken for %+v, error %v", actual, err)
		}
	})
	for _, action := range []plan.Action{
		plan.Configure, plan.Start, plan.Stop, plan.Password, plan.Address, plan.DNS, plan.Destroy,
	} {
		group.Go(func() {
			_, err := l.host.Do(t.Context(), stepOf(action, changed), someHash())
			if err == nil || !strings.Contains(err.Error(), errNoAnswer.Error()) {
				t.Errorf("%s does not say that liblxc hangs: %v", action, err)
			}
		})
	}
	group.Wait()
	if l.config("dumb") != before {
		t.Error("a step that gave up has changed the file")
	}
}

func TestHookThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	hook, pidFile := filepath.Join(l.path, "pre-start"), filepath.Join(l.path, "pid")
	script := "#!/bin/sh\necho $$ >" + pidFile + ".new\nmv " + pidFile + ".new " + pidFile +
		"\nexec sleep 1000\n"
	must(t, os.WriteFile(hook, []byte(script), 0o755))
	want := l.want("hook", 202)
	want.LXCConf = []spec.ConfItem{{Key: "lxc.hook.pre-start", Value: hook}}
	l.do(want, plan.Clone)
	t.Cleanup(func() {
		pid, err := strconv.Atoi(strings.TrimSpace(readFile(t, pidFile)))
		must(t, err)
		must(t, unix.Kill(pid, unix.SIGKILL))
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	late := errors.New("the limit of the step")
	result := make(chan error, 1)
	go func() {
		_, err := l.host.Do(ctx, stepOf(plan.Start, want), someHash())
		result <- err
	}()
	waitFor(t, "the hook runs", func() bool { _, err := os.Stat(pidFile); return err == nil })
	cancel(late)
	select {
	case err := <-result:
		if !errors.Is(err, late) {
			t.Errorf("the error does not say that the time is over: %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("start waits for ever, with the lock of the host held")
	}
}

func TestWithinReturnsWhatWorkReturns(t *testing.T) {
	t.Parallel()
	failed := errors.New("failed")
	got, err := within(t.Context(), func() (int, error) { return 7, failed })
	if got != 7 || !errors.Is(err, failed) {
		t.Errorf("got %d, %v", got, err)
	}
	defer func() {
		if recover() != "broken" {
			t.Error("a panic in liblxc's goroutine ends the whole process")
		}
	}()
	within(t.Context(), func() (int, error) { panic("broken") })
}
