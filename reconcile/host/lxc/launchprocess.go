//go:build linux && cgo

package lxc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
)

// launchProcess is a running process of Launch. Its methods may be called from several goroutines.
type launchProcess struct {
	in   io.Closer
	done chan struct{} // closed when it has ended

	mu      sync.Mutex
	orders  *json.Encoder
	last    int
	waiting map[int]chan<- outcome
}

// startLaunchProcess starts it out of reach of the signals of our terminal: what it has begun it
// finishes, also when we are killed.
func startLaunchProcess(command []string) (*launchProcess, error) {
	cmd := &exec.Cmd{
		Path: command[0], Args: command[1:], Env: childEnvironment(), Dir: "/",
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	p := &launchProcess{done: make(chan struct{}), waiting: map[int]chan<- outcome{}}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("cannot run %q to start containers: %w", command[0], err)
	}
	p.in, p.orders = in, json.NewEncoder(in)
	go p.listen(cmd, out)
	return p, nil
}

// listen hands out the answers until the process ends.
func (p *launchProcess) listen(cmd *exec.Cmd, out io.Reader) {
	answers := json.NewDecoder(out)
	for {
		var o outcome
		if answers.Decode(&o) != nil {
			break
		}
		p.mu.Lock()
		to := p.waiting[o.ID]
		delete(p.waiting, o.ID)
		p.mu.Unlock()
		if to != nil {
			to <- o
		}
	}
	// Why it ended changes nothing for those who wait: their containers did not start.
	_ = cmd.Wait()
	close(p.done)
}

func (p *launchProcess) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *launchProcess) order(ctx context.Context, lxcpath, name string) error {
	answer := make(chan outcome, 1)
	if err := p.send(order{LXCPath: lxcpath, Name: name}, answer); err != nil {
		return fmt.Errorf("cannot order the start: %w", err)
	}
	select {
	case o := <-answer:
		return o.err()
	case <-p.done:
		return errors.New("the process that starts containers has ended")
	case <-ctx.Done():
		return fmt.Errorf("gave up waiting for liblxc: %w", context.Cause(ctx))
	}
}

func (p *launchProcess) send(o order, answer chan<- outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last++
	o.ID = p.last
	if err := p.orders.Encode(o); err != nil {
		return err
	}
	p.waiting[o.ID] = answer
	return nil
}
