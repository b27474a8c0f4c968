//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"reconciler/reconcile/host/environ"

	"golang.org/x/sys/unix"
)

// tailSize is how much of the end of an output or a log goes into an error.
const tailSize = 2048

// child is a program that does what must not be done in this process: liblxc's rsync and
// template children hang in a process with threads.
type child struct {
	program string
	args    []string
	log     string // where the program writes liblxc's log, or empty
}

// run waits for the program until ctx ends, whose cause is then the error. The program has process
// ids of its own, so that everything it has started dies with it, and it dies with this process,
// even by SIGKILL.
func (c child) run(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, c.program, c.args...)
	var output tail
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.Env = childEnvironment()
	cmd.Dir = "/"
	cmd.WaitDelay = 5 * time.Second
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL, Setpgid: true,
	}
	// The death signal is tied to the thread that starts the child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := cmd.Run()
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if errors.Is(err, exec.ErrNotFound) {
		return permanent(fmt.Errorf("%s is not installed", c.program))
	}
	return explained(fmt.Errorf("%s: %w", c.program, err), output.String(), logTail(c.log))
}

// childEnvironment is what the programs get that we start. Guests have files with names in UTF-8.
func childEnvironment() []string { return environ.Clean("LANG=C.UTF-8") }

// explained adds what a program and liblxc's log said to an error.
func explained(err error, said ...string) error {
	for _, text := range said {
		if text = strings.TrimSpace(text); text != "" {
			err = fmt.Errorf("%w\n%s", err, text)
		}
	}
	return err
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailSize; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.ToValidUTF8(string(t.kept), "?") }
