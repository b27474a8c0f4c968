//go:build linux

package prepare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/host/apt"
)

const (
	lockLimit = 5 * time.Minute // how long another apt-get or dpkg is waited for
	lockPause = time.Second
	aptLimit  = 30 * time.Minute // for one run, over a slow line
	aptGrace  = time.Minute      // to end cleanly after that

	mostOutput = 1 << 20 // of it that is searched for what went wrong
)

// aptGet runs apt-get without questions, and waits while another one holds a lock. It returns what
// apt-get warned of, as it takes some failures lightly.
func aptGet(ctx context.Context, args ...string) (warned string, err error) {
	all := append([]string{"-q", "-o", "Dpkg::Options::=--force-confdef",
		"-o", "Dpkg::Options::=--force-confold", "-o", "APT::Color=0",
		"-o", "Dpkg::Use-Pty=0"}, args...)
	err = unlocked(ctx, func() (err error) {
		warned, err = dpkgTool(ctx, "apt-get", all...)
		return err
	})
	return warned, err
}

// configurePending finishes what an interrupted dpkg left half done; it does nothing otherwise.
func configurePending(ctx context.Context) error {
	return unlocked(ctx, func() error {
		_, err := dpkgTool(ctx, "dpkg", "--force-confdef", "--force-confold", "--configure", "-a")
		return err
	})
}

// unlocked repeats do while it fails because of somebody else's lock.
func unlocked(ctx context.Context, do func() error) error {
	end := time.Now().Add(lockLimit)
	for {
		err := do()
		if err == nil || !isLocked(err.Error()) {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the packages are locked since %v: %w", lockLimit, err)
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), err)
		case <-time.After(lockPause):
		}
	}
}

// isLocked reports whether apt-get or dpkg says that another one is at work.
func isLocked(said string) bool {
	for _, text := range []string{"Could not get lock", "Unable to acquire the dpkg frontend lock",
		"Unable to lock", "locked by another process", "is another process using it"} {
		if strings.Contains(said, text) {
			return true
		}
	}
	return false
}

// dpkgTool runs a program that changes packages, and returns what it warned of. It does not begin
// when ctx has ended, but once it has begun only its own limit ends it. Its output goes to a file,
// not to us: if we are killed it finishes instead of breaking off in the middle of a package.
func dpkgTool(ctx context.Context, program string, args ...string) (warned string, err error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), aptLimit)
	defer cancel()
	output, err := unnamedFile()
	if err != nil {
		return "", err
	}
	defer func() { _ = output.Close() }() // it has no name: nothing of it stays
	cmd := exec.CommandContext(ctx, locate(program), args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Dir = "/"
	cmd.Env = append(environment(), "DEBIAN_FRONTEND=noninteractive", "DEBIAN_PRIORITY=critical",
		"APT_LISTCHANGES_FRONTEND=none", "NEEDRESTART_SUSPEND=1", "UCF_FORCE_CONFFOLD=1")
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGTERM) }
	cmd.WaitDelay = aptGrace
	err = cmd.Run()
	said := endOf(output)
	telling := apt.Telling(said)
	if err == nil {
		return telling, nil
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return telling, failed(program, err, cmp.Or(telling, said))
}

// unnamedFile returns a file that is gone when the last one has closed it.
func unnamedFile() (*os.File, error) {
	f, err := os.CreateTemp("", "reconciler-apt-")
	if err != nil {
		return nil, fmt.Errorf("cannot keep the output of apt-get: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot keep the output of apt-get: %w", err), f.Close())
	}
	return f, nil
}

// endOf returns the last of what is in a file.
func endOf(f *os.File) string {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	text := make([]byte, min(size, mostOutput))
	if _, err := f.ReadAt(text, size-int64(len(text))); err != nil {
		return ""
	}
	return string(text)
}
