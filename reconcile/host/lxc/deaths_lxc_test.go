//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	golxc "github.com/lxc/go-lxc"
	"golang.org/x/sys/unix"

	"reconciler/reconcile/plan"
)

// watchDeaths waits for deaths until the end of the test and returns the names of the dead.
func watchDeaths(t *testing.T, h *Host, running map[string]int) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	dead, ended := make(chan string, 10+len(running)), make(chan error, 1)
	go func() { ended <- h.Deaths(ctx, running, func(name string) { dead <- name }) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-ended:
			must(t, err)
		case <-time.After(30 * time.Second):
			t.Error("the watching does not end")
		}
	})
	return dead
}

func wantDeath(t *testing.T, dead <-chan string, name string) {
	t.Helper()
	select {
	case got := <-dead:
		if got != name {
			t.Fatalf("%q is reported dead, it is %q", got, name)
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("nobody is told that %q is dead", name)
	}
}

func wantNoDeath(t *testing.T, dead <-chan string, while string) {
	t.Helper()
	select {
	case got := <-dead:
		t.Errorf("%q is reported dead, but %s", got, while)
	case <-time.After(300 * time.Millisecond):
	}
}

// running starts containers and returns their pids.
func (l *lab) running(names ...string) map[string]int {
	l.t.Helper()
	out := map[string]int{}
	for i, name := range names {
		l.do(l.want(name, 210+i), plan.Clone, plan.Configure, plan.Start)
		out[name] = l.observe(name).PID
	}
	return out
}

// object is liblxc's view of a container, for what our steps do not do.
func (l *lab) object(name string) *golxc.Container {
	l.t.Helper()
	c, err := golxc.NewContainer(name, l.path)
	must(l.t, err)
	l.t.Cleanup(func() { must(l.t, c.Release()) })
	return c
}

func TestDeathsAreToldAtOnce(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	running := l.running("killed", "stopped", "rebooted", "kept")
	dead := watchDeaths(t, l.host, running)
	wantNoDeath(t, dead, "all run")
	must(t, unix.Kill(running["killed"], unix.SIGKILL))
	wantDeath(t, dead, "killed")
	l.do(l.want("stopped", 211), plan.Stop)
	wantDeath(t, dead, "stopped")
	must(t, l.object("rebooted").Reboot())
	wantDeath(t, dead, "rebooted")
	wantNoDeath(t, dead, "it is told already, or runs")
}

func TestDeathsOfFrozenContainers(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	running := l.running("frozen")
	dead := watchDeaths(t, l.host, running)
	object := l.object("frozen")
	must(t, object.Freeze())
	wantNoDeath(t, dead, "it is frozen")
	frozen := watchDeaths(t, l.host, running)
	wantNoDeath(t, frozen, "it was frozen before")
	must(t, object.Unfreeze())
	wantNoDeath(t, dead, "it runs again")
	must(t, unix.Kill(running["frozen"], unix.SIGKILL))
	wantDeath(t, dead, "frozen")
	wantDeath(t, frozen, "frozen")
}

// Between the observation and the watching, a process may end and its number be given to another.
func TestDeathsBeforeTheWatching(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	real := l.running("one", "two")
	gone := exec.Command("true")
	must(t, gone.Run())
	zombie := exec.Command("true")
	must(t, zombie.Start())
	t.Cleanup(func() { must(t, zombie.Wait()) })
	stranger := exec.Command("sleep", "1000")
	must(t, stranger.Start())
	t.Cleanup(func() { stranger.Process.Kill(); stranger.Wait() })
	tests := []struct {
		what string
		pid  int
	}{
		{"a process that is gone", gone.Process.Pid},
		{"a process that has ended", zombie.Process.Pid},
		{"a process of somebody else", stranger.Process.Pid},
		{"a thread of this process", threadOfOurs(t)},
		{"the init of another container", real["two"]},
		{"the init of this machine", 1},
		{"another process of the container", childOf(t, l, "one")},
		{"no process", 0},
	}
	for _, tt := range tests {
		t.Run(tt.what, func(t *testing.T) {
			dead := watchDeaths(t, l.host, map[string]int{"one": tt.pid, "two": real["two"]})
			wantDeath(t, dead, "one")
			wantNoDeath(t, dead, "it runs")
		})
	}
}

// threadOfOurs returns the number of a thread that is not the first of this process.
func threadOfOurs(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	must(t, err)
	for _, e := range entries {
		var tid int
		if _, err := fmt.Sscan(e.Name(), &tid); err == nil && tid != os.Getpid() {
			return tid
		}
	}
	t.Fatal("this process has only one thread")
	return 0
}

// childOf runs a process in a container and returns its number outside of it.
func childOf(t *testing.T, l *lab, name string) int {
	t.Helper()
	options := golxc.DefaultAttachOptions
	options.ClearEnv = true
	pid, err := l.object(name).RunCommandNoWait([]string{"/bin/sleep", "1000"}, options)
	must(t, err)
	t.Cleanup(func() {
		unix.Kill(pid, unix.SIGKILL)
		unix.Wait4(pid, nil, 0, nil)
	})
	return pid
}

// The second of two containers of one name, in two directories, gets cgroups of another name. It
// must not look dead: whoever starts a pass for each death would never rest.
func TestDeathsOfTwins(t *testing.T) {
	t.Parallel()
	first, second := newLab(t), newLab(t)
	one, two := first.running("twin"), second.running("twin")
	if isPayload(two["twin"], "twin") {
		t.Fatal("its cgroups have the name of the container, so that this shows nothing")
	}
	deadOne, deadTwo := watchDeaths(t, first.host, one), watchDeaths(t, second.host, two)
	wantNoDeath(t, deadTwo, "it runs")
	must(t, unix.Kill(two["twin"], unix.SIGKILL))
	wantDeath(t, deadTwo, "twin")
	wantNoDeath(t, deadOne, "it is the other that has died")
}

// This test is not parallel: it counts what the whole process has.
func TestDeathsLeaveNoFiles(t *testing.T) {
	l := newLab(t)
	running := l.running("a", "b")
	running["gone"], running["stranger"] = 0, os.Getpid()
	before := vigilFiles(t)
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		dead, ended := make(chan string, len(running)), make(chan error, 1)
		go func() { ended <- l.host.Deaths(ctx, running, func(name string) { dead <- name }) }()
		first, second := <-dead, <-dead
		if first == second || running[first] == running["a"] || running[second] == running["a"] {
			t.Errorf("dead are %q and %q", first, second)
		}
		cancel()
		must(t, <-ended)
	}
	if after := vigilFiles(t); after != before {
		t.Errorf("%d files were open before, %d after: a program that runs on has none left",
			before, after)
	}
}

// vigilFiles counts the open files of the kinds that watching takes.
func vigilFiles(t *testing.T) (n int) {
	t.Helper()
	files, err := filepath.Glob("/proc/self/fd/*")
	must(t, err)
	for _, file := range files {
		target, err := os.Readlink(file)
		if err == nil && (strings.Contains(target, "pidfd") || strings.Contains(target, "eventpoll")) {
			n++
		}
	}
	return n
}

// This test is not parallel either.
func TestDeathsOfManyTakeOneGoroutineAndNoThread(t *testing.T) {
	v, err := newVigil()
	must(t, err)
	defer v.close()
	const many = 300
	var want []string
	var children []*exec.Cmd
	for i := range many {
		child := exec.Command("sleep", "1000")
		must(t, child.Start())
		t.Cleanup(func() { child.Process.Kill(); child.Wait() })
		children, want = append(children, child), append(want, fmt.Sprint(i))
		must(t, v.hold(fmt.Sprint(i), child.Process.Pid))
	}
	goroutines, threads := runtime.NumGoroutine(), threadCount(t)
	ctx, cancel := context.WithCancel(t.Context())
	dead, ended := make(chan string, many), make(chan error, 1)
	go func() { ended <- v.wait(ctx, func(name string) { dead <- name }) }()
	time.Sleep(50 * time.Millisecond) // let it come to rest
	if got := runtime.NumGoroutine() - goroutines; got > 2 {
		t.Errorf("%d goroutines wait for %d processes", got, many)
	}
	if got := threadCount(t) - threads; got > 3 {
		t.Errorf("%d threads wait for %d processes", got, many)
	}
	for _, child := range children {
		must(t, child.Process.Kill())
	}
	var got []string
	for range many {
		select {
		case name := <-dead:
			got = append(got, name)
		case <-time.After(30 * time.Second):
			t.Fatalf("only %d of %d deaths are told", len(got), many)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d are dead, told is %q", many, got)
	}
	cancel()
	must(t, <-ended)
}

func threadCount(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(entries)
}

func TestDeathsOfMoreThanMayBeWatched(t *testing.T) {
	t.Parallel()
	var limit unix.Rlimit
	must(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	if limit.Cur > 1<<31 {
		t.Skip("this process may open any number of files")
	}
	for files, room := range map[int]bool{
		0: limit.Cur >= spareFiles, int(limit.Cur): false, int(limit.Cur) - spareFiles + 1: false,
	} {
		if err := roomFor(files); (err == nil) != room || !room && !errors.Is(err, unix.EMFILE) {
			t.Errorf("%d of %d files: %v", files, limit.Cur, err)
		}
	}
}

func BenchmarkDeaths(b *testing.B) {
	l := newLab(b)
	l.do(l.want("one", 210), plan.Clone, plan.Configure, plan.Start)
	pid := l.observe("one").PID
	v, err := newVigil()
	must(b, err)
	defer v.close()
	for b.Loop() {
		must(b, v.hold("one", pid))
		if !l.host.isInit(b.Context(), "one", pid) {
			b.Fatal("it is not known any more")
		}
		v.release("one")
	}
}
