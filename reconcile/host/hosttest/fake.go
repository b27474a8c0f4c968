// Package hosttest models a host for tests: Fake is a small state machine that behaves as an LXC
// host does and prints itself. A test can also act as a person on the host would, and inject
// faults. Run is the suite that every host driver passes, the Fake included.
//
// It promises that the Fake refuses what a real host refuses, changes nothing when nothing is to
// change, and prints the same text for the same host whatever the order of work was. It never
// reads a clock, a file or a random number.
package hosttest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// Config describes a fake host.
type Config struct {
	Host         string   // required: its name
	Installation string   // required: identity of the state store, for marks
	Bridges      []string // that exist
	Images       []string // template scripts that are installed
	Bare         bool     // LXC is not installed yet: only Prepare does something
}

// Fake is a host in memory. Do, Observe and Lock behave as a driver's do; the methods that end in
// ByHand are what a person does on the host, behind our back. All methods may be called from
// several goroutines. A hand action on a container that does not exist panics.
type Fake struct {
	config Config

	mu         sync.Mutex
	bridges    map[string]bool
	containers map[string]*container
	leftovers  map[string]string // what killed creations left: container by uid
	writes     int
	pids       int
	faults     []*fault
	crashed    bool
	diskLost   bool
	unseen     error // why the host cannot be reached
	machine    machine
	holder     *string
	released   chan struct{} // closed when holder gives the lock back
}

var _ Driver = (*Fake)(nil)

// container is one container of a Fake.
type container struct {
	name      string
	mark      *plan.Mark
	config    plan.Config
	owned     map[string]int // by raw key: how many of its last values a configure step wrote
	live      *plan.Config   // nil unless running
	pid       int
	addresses []netip.Addr
	backing   string
	lower     string
	rootfs    *Guest // nil: lost, or never made
	image     string
	hidden    error // why it cannot be observed
}

// Guest is what matters of a root file system.
type Guest struct {
	MachineID string            // 32 hex digits, of this container only unless copied by hand
	Shadow    map[string]string // password hash by user
	Hosts     string            // content of /etc/hosts
	Resolv    string            // content of /etc/resolv.conf
}

// New returns a host without containers.
func New(c Config) *Fake {
	f := &Fake{
		config:     c,
		bridges:    make(map[string]bool),
		containers: make(map[string]*container),
		leftovers:  make(map[string]string),
	}
	for _, b := range c.Bridges {
		f.bridges[b] = true
	}
	f.machine = newMachine(c)
	return f
}

// Writes counts the changes of files, root file systems and running containers so far. A step
// that has nothing to do adds nothing.
func (f *Fake) Writes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.writes
}

// Guest returns a copy of what is in the root file system of a container, false if it has none.
func (f *Fake) Guest(name string) (Guest, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.containers[name]
	if !ok || c.rootfs == nil {
		return Guest{}, false
	}
	return *c.rootfs.clone(), true
}

// Observe implements Driver. What it returns is a copy.
func (f *Fake) Observe(ctx context.Context) (plan.Actual, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(context.Cause(ctx), f.deadLocked()); err != nil {
		return plan.Actual{}, fmt.Errorf("cannot observe host %q: %w", f.config.Host, err)
	}
	actual := plan.Actual{
		Host: f.config.Host, Bridges: slices.Sorted(maps.Keys(f.bridges)), Known: !f.diskLost,
		Missing: f.machine.missing,
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(f.containers)) {
		c := f.containers[name]
		if c.hidden != nil {
			errs = append(errs, fmt.Errorf("cannot observe container %q: %w", name, c.hidden))
			continue
		}
		actual.Containers = append(actual.Containers, f.observedLocked(c))
	}
	return actual, errors.Join(errs...)
}

func (f *Fake) observedLocked(c *container) plan.Observed {
	o := plan.Observed{
		Name: c.name, State: plan.Stopped, PID: c.pid, Damage: f.damageLocked(c),
		Backing: c.backing, Lower: c.lower, Config: cloneConfig(c.config),
	}
	if c.mark != nil {
		o.Mark = new(*c.mark)
	}
	if c.live != nil {
		o.State = plan.Running
		o.Live = new(cloneConfig(*c.live))
	}
	for _, a := range c.addresses {
		o.Addresses = append(o.Addresses, a.String())
	}
	return o
}

// damageLocked says why a container must not be started or cloned.
func (f *Fake) damageLocked(c *container) string {
	if c.rootfs == nil {
		return "it has no root file system"
	}
	if c.lower != "" && f.containers[c.lower] == nil {
		return fmt.Sprintf("container %q, of which it is a snapshot, is gone", c.lower)
	}
	return ""
}

// Lock implements Driver. It removes what killed creations left.
func (f *Fake) Lock(ctx context.Context, by string) (func() error, error) {
	for {
		unlock, released, err := f.tryLock(by)
		if err != nil || unlock != nil {
			return unlock, err
		}
		select {
		case <-released:
		case <-ctx.Done():
			return nil, f.lockedBy()
		}
	}
}

// tryLock returns unlock, or the channel to wait for before the next try.
func (f *Fake) tryLock(by string) (unlock func() error, released <-chan struct{}, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.deadLocked(); err != nil {
		return nil, nil, fmt.Errorf("cannot lock host %q: %w", f.config.Host, err)
	}
	if f.holder != nil {
		return nil, f.released, nil
	}
	mine := new(by)
	f.holder, f.released = mine, make(chan struct{})
	f.writes += len(f.leftovers)
	clear(f.leftovers)
	return func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.holder != mine {
			return fmt.Errorf("cannot unlock host %q: the lock is not held", f.config.Host)
		}
		f.releaseLocked()
		return nil
	}, nil, nil
}

func (f *Fake) lockedBy() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	holder := "somebody"
	if f.holder != nil {
		holder = *f.holder
	}
	return fmt.Errorf("cannot lock host %q: %w by %s", f.config.Host, execute.ErrHostInUse, holder)
}

func (f *Fake) releaseLocked() {
	if f.holder != nil {
		close(f.released)
	}
	f.holder, f.released = nil, nil
}

// deadLocked says why nothing can be done on the host at all.
func (f *Fake) deadLocked() error {
	if f.crashed {
		return ErrCrashed
	}
	return f.unseen
}

func refuse(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), execute.ErrPermanent)
}
