//go:build linux && cgo

package lxc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// order asks the process that Launch serves to start a container.
type order struct {
	ID      int
	LXCPath string
	Name    string
}

// outcome is its answer.
type outcome struct {
	ID        int
	Error     string // empty: the container runs
	Permanent bool   // trying again cannot heal it
}

// err returns what the answer says as the error that it was made of.
func (o outcome) err() error {
	switch {
	case o.Error == "":
		return nil
	case o.Permanent:
		return permanentText(o.Error)
	default:
		return errors.New(o.Error)
	}
}

// permanentText is an error of another process that wraps execute.ErrPermanent without saying so
// twice.
type permanentText string

func (p permanentText) Error() string { return string(p) }
func (permanentText) Unwrap() error   { return execute.ErrPermanent }

// linger is how long a start may go on when nobody waits for it any more: a hook that hangs must
// not keep the process for ever.
const linger = time.Minute

// Launch serves the process that starts containers: it reads orders until in ends, carries them
// out side by side, and writes an answer to each. It returns when the last start has ended, or a
// minute after in. See launcher for why it is a process.
func Launch(in io.Reader, out io.Writer) error {
	// Containers inherit both, and shall have what lxc-start would give them.
	unix.Umask(0o022)
	if err := usualFileLimit(); err != nil {
		return err
	}
	outing, err := newOuting()
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	err = serveOrders(in, out, func(o order, answer func(outcome)) {
		outing.begin()
		running.Go(func() {
			done := o.carryOut()
			outing.end()
			answer(done)
		})
	})
	idle := make(chan struct{})
	go func() {
		defer close(idle)
		running.Wait()
	}()
	select {
	case <-idle:
	case <-time.After(linger):
		outing.close()
	}
	return err
}

// usualFileLimit takes back that Go raises the limit of open files as far as it may.
func usualFileLimit() error {
	const usual = 1024
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("cannot read the limit of open files: %w", err)
	}
	limit.Cur = min(usual, limit.Max)
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("cannot set the limit of open files: %w", err)
	}
	return nil
}

// serveOrders gives each order to begin, which must not wait for it, and writes the answers.
func serveOrders(in io.Reader, out io.Writer, begin func(order, func(outcome))) error {
	orders, answers := json.NewDecoder(in), json.NewEncoder(out)
	var mu sync.Mutex
	answer := func(o outcome) {
		mu.Lock()
		defer mu.Unlock()
		// Nobody is left to be told if this fails.
		_ = answers.Encode(o)
	}
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("cannot read an order: %w", err)
		}
		begin(o, answer)
	}
}

func (o order) carryOut() outcome {
	out := outcome{ID: o.ID}
	if err := launch(o.LXCPath, o.Name); err != nil {
		out.Error, out.Permanent = err.Error(), errors.Is(err, execute.ErrPermanent)
	}
	return out
}

// launch starts a stopped container and unfreezes a frozen one.
func launch(lxcpath, name string) error {
	c, err := readContainer(filepath.Join(lxcpath, name), lxcpath)
	if err != nil {
		return err
	}
	if damage := c.damage(); damage != "" {
		return permanent(errors.New(damage))
	}
	seen, err := openAs(lxcpath, name, look)
	if err != nil {
		return err
	}
	// The process ends soon, and a failure to release changes nothing.
	defer func() { _ = seen.object.Release() }()
	switch state := stateOf(seen.object); state {
	case plan.Running:
		return nil
	case plan.Frozen:
		return seen.object.Unfreeze()
	case plan.Stopped:
		return c.start(seen)
	default:
		return fmt.Errorf("it is %s", state)
	}
}

func (c container) start(seen view) error {
	if err := c.confirm(seen); err != nil {
		return err
	}
	log := c.logOf()
	if err := logTo(seen.object, log); err != nil {
		return err
	}
	if err := seen.object.Start(); err != nil {
		why, more, _ := strings.Cut(logTail(log), "\n") // the first line is the cause of the others
		if why != "" {
			err = fmt.Errorf("%w: %s", err, why)
		}
		return explained(err, more)
	}
	return nil
}

// launcher has containers started by a process of their own. liblxc forks for every container,
// and the child lives as long as the container: it would keep a copy of our memory with its keys
// and passwords, and of our environment. And the fork of a large process that goes on allocating
// is slow. The process is started with the first order. The zero value but for command is ready.
type launcher struct {
	command []string // that runs Launch on its standard input and output

	mu      sync.Mutex
	process *launchProcess
}

// start waits until the container runs or ctx ends; then the start is left alone.
func (l *launcher) start(ctx context.Context, lxcpath, name string) error {
	p, err := l.running()
	if err != nil {
		return err
	}
	return p.order(ctx, lxcpath, name)
}

// warmUp starts the process ahead of its first order. Whoever gives that is told if it fails.
func (l *launcher) warmUp() { _, _ = l.running() }

// running returns the process, started anew if it has ended.
func (l *launcher) running() (*launchProcess, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.process != nil && !l.process.ended() {
		return l.process, nil
	}
	if len(l.command) == 0 {
		return nil, permanent(errors.New("no program is set that starts containers"))
	}
	var err error
	l.process, err = startLaunchProcess(l.command)
	return l.process, err
}

// close lets the process end after what it still does.
func (l *launcher) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.process == nil {
		return nil
	}
	err := l.process.in.Close()
	l.process = nil
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
