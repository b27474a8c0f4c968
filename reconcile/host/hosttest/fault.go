package hosttest

import (
	"errors"
	"fmt"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// ErrCrashed is what a Fake answers between a Crash and Restart: the process that drove the host
// is gone. It is permanent.
var ErrCrashed = fmt.Errorf("the driver was killed: %w", execute.ErrPermanent)

// Left is what a killed action leaves on the host.
type Left int

// The leftovers of a killed action.
const (
	LeftNothing Left = iota // killed before the first effect
	LeftStaging             // create, clone: something under a temporary name, invisible to Observe
	LeftHalf                // create, clone, destroy: our mark, but no root file system
	LeftAll                 // everything was done, only the answer is lost
)

// fault is one thing that will go wrong.
type fault struct {
	container string // empty: any
	action    plan.Action
	times     int // how often it still happens; below 0: for ever

	err    error
	hangs  chan struct{} // closed when the step hangs
	panics any
	crash  bool
	left   Left
}

// Fail makes an action of a container fail with err before it has any effect, the given number of
// times, or for ever if times is below 0. An empty container means any.
func (f *Fake) Fail(container string, a plan.Action, times int, err error) {
	f.plant(&fault{container: container, action: a, times: times, err: err})
}

// Hang makes the next such action wait for the end of its context. The channel is closed once it
// waits.
func (f *Fake) Hang(container string, a plan.Action) <-chan struct{} {
	hangs := make(chan struct{})
	f.plant(&fault{container: container, action: a, times: 1, hangs: hangs})
	return hangs
}

// Panic makes the next such action panic with value.
func (f *Fake) Panic(container string, a plan.Action, value any) {
	f.plant(&fault{container: container, action: a, times: 1, panics: value})
}

// Crash kills the driver in the middle of the next such action: what was left stays on the host,
// the lock is free, and everything answers ErrCrashed until Restart. left must be one that the
// action knows.
func (f *Fake) Crash(container string, a plan.Action, left Left) {
	f.plant(&fault{container: container, action: a, times: 1, crash: true, left: left})
}

// Restart brings the driver back after a Crash.
func (f *Fake) Restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.crashed = false
}

// Unreachable makes everything fail with err, until it is called with nil.
func (f *Fake) Unreachable(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unseen = err
}

// Unreadable makes Observe fail for one container with err: it then returns the others beside the
// error. nil makes the container readable again.
func (f *Fake) Unreadable(name string, err error) {
	f.mustHave(name, func(c *container) { c.hidden = err })
}

func (f *Fake) plant(planted *fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, planted)
}

// meet returns the first fault that a step runs into, nil for none, and counts it.
func (f *Fake) meet(s plan.Step) *fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, p := range f.faults {
		if p.times == 0 || p.action != s.Action {
			continue
		}
		if p.container != "" && p.container != s.Container {
			continue
		}
		p.times--
		return p
	}
	return nil
}

// strikeLocked is what the fault does to a step.
func (p *fault) strikeLocked(f *Fake, s plan.Step, secrets execute.Secrets) error {
	if p.panics != nil {
		panic(p.panics)
	}
	if !p.crash {
		return p.err
	}
	err := p.left.leaveLocked(f, s, secrets)
	f.crashed = true
	f.releaseLocked()
	return errors.Join(ErrCrashed, err)
}

// leaveLocked brings the host where a driver killed in the middle of a step leaves it.
func (l Left) leaveLocked(f *Fake, s plan.Step, secrets execute.Secrets) error {
	switch l {
	case LeftStaging:
		f.leftovers[s.UID] = s.Container
		f.writes++
		return nil
	case LeftHalf:
		return f.halveLocked(s)
	case LeftAll:
		_, err := f.doLocked(s, secrets)
		return err
	}
	return nil
}

func (f *Fake) halveLocked(s plan.Step) error {
	if s.Action != plan.Destroy {
		if _, err := f.doLocked(s, execute.Secrets{}); err != nil {
			return err
		}
	}
	c, err := f.ownLocked(s)
	if err != nil {
		return err
	}
	f.stopLocked(c)
	c.rootfs = nil
	f.writes++
	return nil
}
