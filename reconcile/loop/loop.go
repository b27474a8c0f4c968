// Package loop makes passes for as long as it runs: the daemon.
//
// It promises that every wake is followed by a pass that begins after it, that a container or host
// which is slow, or fails again and again, delays no other, and that stopping the loop leaves every
// container as it is. What wakes it says nothing about what to do: each pass looks at everything
// anew. Nothing is lost when what it remembers is lost.
package loop

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/spec"
)

// Options are what a Loop works with.
type Options struct {
	Source reconcile.Source
	Parse  spec.Options
	Pass   reconcile.Options // Dial is called once for each host; see Loop.Run. No Visit

	Interval time.Duration // between passes when nothing wakes it, ± 5 %
	Backoff  Backoff       // optional
	Patience time.Duration // optional: how long a pass waits for a host; default 5 s
	Recorder Recorder      // optional
	Beat     func()        // optional: called every few seconds while the loop is not stuck
	Log      *slog.Logger
}

// Recorder is told what the loop does. Calls may overlap.
type Recorder interface {
	Passed(Report)
	Observe(execute.Event)
}

// Report is what became of one pass.
type Report struct {
	ID      string
	Reasons []string // what woke it; not empty
	Began   time.Time
	Ended   time.Time
	Pass    reconcile.Pass
	Err     error // no host was touched

	busy map[target]string // what others worked on when it began
	// looked is when it began with its tree. Began may be long before: meanwhile the source was
	// read, and passes with the tree before came and went.
	looked time.Time

	// SourceErr is why the tree is not the present one, but the last that could be read.
	SourceErr error
}

// Loop is a running daemon without its connections to the outside. Its methods may be called from
// several goroutines.
type Loop struct {
	o      Options
	hosts  *hosts
	wake   chan struct{} // has an element while reasons is not empty
	passes sync.WaitGroup
	limit  chan struct{} // passes that are carried out now

	mu       sync.Mutex
	reasons  []string
	busy     map[target]string // the pass that works on a target, by its ID
	failures failures
	flaps    flaps
	repeats  repeats
	status   Status
	good     reconcile.Declaration // the last tree that could be read
	readErr  error                 // why the source could not be read since
	watches  map[string]watch      // by host

	complaints map[complaint]string // what is wrong now, so that it is told once
	stopped    map[string][]string  // failed hosts of rollouts that have stopped, by group, likewise
}

// target names a container, or without one the host itself, which is prepared.
type target struct{ host, container string }

// beatInterval is how often Beat is called.
const beatInterval = 5 * time.Second

// mostPasses bounds how many passes are carried out at once. More than one is only needed while
// containers are slow.
const mostPasses = 32

// New returns a loop that has not begun.
func New(o Options) *Loop {
	if o.Beat == nil {
		o.Beat = func() {}
	}
	l := &Loop{
		o: o, wake: make(chan struct{}, 1),
		limit: make(chan struct{}, mostPasses), busy: map[target]string{},
		failures: failures{backoff: o.Backoff.orDefault()},
		flaps:    flaps{backoff: o.Backoff.orDefault()},
		repeats:  repeats{backoff: o.Backoff.orDefault()}, watches: map[string]watch{},
		complaints: map[complaint]string{}, stopped: map[string][]string{},
		status: Status{Started: o.Pass.Now()},
	}
	const patience = 5 * time.Second
	l.hosts = newHosts(hostsOptions{
		pass: o.Pass, backoff: o.Backoff.orDefault(), patience: cmp.Or(o.Patience, patience),
		answers: func() { l.Wake(hostAnswers) }, busy: l.busyOn,
	})
	return l
}

// Wake asks for a pass that begins after this call. Wakes that come while one is waiting are
// answered by one pass.
func (l *Loop) Wake(reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wakeLocked(reason)
}

// wakeLocked is Wake while l.mu is held.
func (l *Loop) wakeLocked(reason string) {
	if !slices.Contains(l.reasons, reason) {
		l.reasons = append(l.reasons, reason)
	}
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Run makes passes until ctx ends and then waits for the steps that are running. The hosts stay
// connected until then, and their locks are held while anything is worked on.
func (l *Loop) Run(ctx context.Context) error {
	defer l.hosts.close(l.o.Log)
	defer l.stopWatching()
	defer l.waitForPasses()
	beat := time.NewTicker(beatInterval)
	defer beat.Stop()
	l.Wake("start")
	next := time.NewTimer(l.interval())
	var read <-chan reading // nil while nobody reads the source
	for {
		var r reading
		ready := true
		select {
		case <-ctx.Done():
			return nil
		case <-beat.C:
			l.o.Beat()
			continue
		case <-next.C:
			l.Wake(l.due())
			continue
		case <-l.wake:
			r, ready = l.take(read != nil)
		case r = <-read:
			read = nil
			l.rewake()
		}
		if ready {
			l.pass(ctx, r)
			next.Reset(l.untilNext())
		} else if len(r.reasons) > 0 {
			read = l.read(ctx, r)
		}
	}
}

// waitForPasses waits for the steps that are running. They may take an hour, and are not stuck.
func (l *Loop) waitForPasses() {
	beat := time.NewTicker(beatInterval)
	defer beat.Stop()
	ended := make(chan struct{})
	go func() {
		l.passes.Wait()
		close(ended)
	}()
	for {
		select {
		case <-beat.C:
			l.o.Beat()
		case <-ended:
			return
		}
	}
}

// interval is the time to the next pass when nothing happens. Many daemons that were started
// together must not ask one server in the same second for ever.
func (l *Loop) interval() time.Duration {
	const jitter = 0.05
	return time.Duration(float64(l.o.Interval) * (1 + jitter*(2*rand.Float64()-1)))
}

// untilNext is interval, or less if there is something to do before.
func (l *Loop) untilNext() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.interval()
	if retry, ok := l.retry(); ok {
		// One that is due was not tried if its host or the source cannot be reached: that must not
		// make a pass follow the other without a pause.
		next = min(next, max(l.failures.backoff.Initial, retry.Sub(l.o.Pass.Now())))
	}
	return next
}

// retry returns when the first container is to be tried again, a suspension ends, or a window
// opens. l.mu is held.
func (l *Loop) retry() (first time.Time, some bool) {
	sooner := func(at time.Time, ok bool) {
		if ok && (!some || at.Before(first)) {
			first, some = at, true
		}
	}
	if l.readErr != nil && !isUnreachable(l.readErr) {
		return first, false // nothing is tried with a tree that cannot be read
	}
	now := l.o.Pass.Now()
	for _, x := range l.failures.of {
		sooner(x.retry, !x.permanent && !x.postponed)
	}
	for _, x := range l.flaps.of {
		sooner(x.retry, x.retry.After(now))
	}
	for _, x := range l.repeats.of {
		sooner(x.retry, x.retry.After(now))
	}
	sooner(l.status.Latest.Opens, !l.status.Latest.Opens.IsZero())
	for _, s := range l.status.Latest.Suspensions {
		// It held in the last pass, so that its end has not been seen yet, even if it is over now.
		sooner(s.Until, !s.Until.IsZero())
	}
	return first, some
}

// due says why the timer has ended.
func (l *Loop) due() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if retry, ok := l.retry(); ok && !retry.After(l.o.Pass.Now()) {
		return retryDue
	}
	return "interval"
}
