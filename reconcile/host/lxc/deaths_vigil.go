//go:build linux && cgo

package lxc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// vigil waits for the end of processes. Only one goroutine uses it.
type vigil struct {
	epoll int
	file  *os.File // the same, waited for by Go's runtime, which takes no thread
	names map[int32]string
	files map[string]int32 // pidfds, the other way round
}

func newVigil() (*vigil, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot wait for processes: %w", err)
	}
	// Only a file that does not block is given to the runtime; without it the deadline fails.
	err = unix.SetNonblock(fd, true)
	v := &vigil{fd, os.NewFile(uintptr(fd), "epoll"), map[int32]string{}, map[string]int32{}}
	if err == nil {
		err = v.file.SetReadDeadline(time.Time{})
	}
	if err != nil {
		v.close()
		return nil, fmt.Errorf("cannot wait for processes: %w", err)
	}
	return v, nil
}

// hold opens the process of a name. The error is ESRCH if there is none of this pid.
func (v *vigil) hold(name string, pid int) error {
	if pid <= 0 {
		return unix.ESRCH
	}
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return unix.ESRCH // the number is that of a thread by now
	}
	if err != nil {
		return err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(v.epoll, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return errors.Join(err, unix.Close(fd))
	}
	v.names[int32(fd)], v.files[name] = name, int32(fd)
	return nil
}

// release closes the process of a name. Its events are unregistered first: closing our file would
// not end them while a child of liblxc still has a copy of it.
func (v *vigil) release(name string) {
	fd := v.files[name]
	_ = unix.EpollCtl(v.epoll, unix.EPOLL_CTL_DEL, int(fd), nil)
	_ = unix.Close(int(fd))
	delete(v.files, name)
	delete(v.names, fd)
}

// wait calls died for each process that ends, until ctx does.
func (v *vigil) wait(ctx context.Context, died func(name string)) error {
	stop := context.AfterFunc(ctx, func() { _ = v.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		ended, err := v.next()
		for _, name := range ended {
			v.release(name)
			if ctx.Err() == nil {
				died(name)
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("cannot wait for processes: %w", err)
		}
	}
}

// next waits until processes end, at most for as long as there is no deadline, and names some.
func (v *vigil) next() (ended []string, err error) {
	conn, err := v.file.SyscallConn()
	if err != nil {
		return nil, err
	}
	events := make([]unix.EpollEvent, 64)
	var n int
	var failed error
	err = conn.Read(func(uintptr) bool {
		n, failed = unix.EpollWait(v.epoll, events, 0)
		return n != 0 || failed != nil
	})
	if err := errors.Join(err, failed); err != nil {
		return nil, err
	}
	for _, e := range events[:n] {
		ended = append(ended, v.names[e.Fd])
	}
	return ended, nil
}

// close gives all files back.
func (v *vigil) close() {
	for name := range v.files {
		v.release(name)
	}
	_ = v.file.Close()
}
