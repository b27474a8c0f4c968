//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// spareFiles is how many files the rest of the process may have to open meanwhile.
const spareFiles = 256

// Deaths watches running containers, given as the pid of the init process by name, and calls died
// with the name of each one whose init process ends or has ended already. It returns nil when ctx
// ends, also if no container is left to watch. A process that is not, or not certainly, that
// container's init any more counts as ended; one that is frozen does not. died is called by this
// goroutine, once for a container at most, and should return soon.
//
// Waiting takes no processor time and no thread, but one open file for each container. It is an
// error if so many files cannot be opened, or if the kernel lacks pidfd_open(2).
func (h *Host) Deaths(
	ctx context.Context, running map[string]int, died func(container string),
) error {
	if err := roomFor(len(running)); err != nil {
		return err
	}
	v, err := newVigil()
	if err != nil {
		return err
	}
	defer v.close()
	var gone []string
	for name, pid := range running {
		// The process is opened before its pid is looked at: what is found out about the pid is
		// then true of this process, or the process is seen to have ended.
		err := v.hold(name, pid)
		if err == nil && !h.isInit(ctx, name, pid) {
			v.release(name)
			err = unix.ESRCH
		}
		if errors.Is(err, unix.ESRCH) {
			gone = append(gone, name)
		} else if err != nil {
			return fmt.Errorf("cannot watch container %q: %w", name, err)
		}
	}
	for _, name := range gone {
		if ctx.Err() == nil {
			died(name)
		}
	}
	return v.wait(ctx, died)
}

// roomFor makes sure that a number of files can be opened, and others beside them.
func roomFor(files int) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("cannot read the limit of open files: %w", err)
	}
	if uint64(files)+spareFiles > limit.Cur {
		return fmt.Errorf("cannot watch %d containers: this process may open %d files, "+
			"raise the limit (LimitNOFILE, ulimit -n): %w", files, limit.Cur, unix.EMFILE)
	}
	return nil
}

// isInit reports whether a process is certainly the init of a container. /proc tells of most of
// them; liblxc, which has to wake the container's monitor, is asked about the others only: those
// whose cgroups have another name, or that have no pid namespace of their own.
func (h *Host) isInit(ctx context.Context, name string, pid int) bool {
	if isFirst(pid) && isPayload(pid, name) {
		return true
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errNoAnswer)
	defer cancel()
	now, err := within(ctx, func() (int, error) {
		v, err := look(h.opt.LXCPath, name)
		if err != nil {
			return 0, err
		}
		defer h.release(v.object)
		return v.object.InitPid(), nil
	})
	return err == nil && now == pid
}

// isFirst reports whether a process is the first one of a pid namespace below ours.
func isFirst(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), "\nNSpid:")
	line, _, _ := strings.Cut(rest, "\n")
	pids := strings.Fields(line)
	return len(pids) > 1 && pids[len(pids)-1] == "1"
}

// isPayload reports whether a process is in a cgroup that liblxc made for a container of this name.
func isPayload(pid int, name string) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool {
		return slices.Contains(strings.Split(line, "/"), "lxc.payload."+name)
	})
}
