package loop

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// pass makes one pass. It returns when the pass has ended or its steps have begun: those go on
// while the next pass leaves their containers alone.
func (l *Loop) pass(ctx context.Context, from reading) {
	if !l.enter(ctx) {
		return
	}
	r := Report{ID: reconcile.NewPassID(), Reasons: from.reasons, Began: from.began,
		looked: l.o.Pass.Now()}
	declared := from.tree
	if declared.Tree == nil {
		r.Pass.Revision, r.Err = declared.Revision, from.err
		l.finish(ctx, r)
		<-l.limit
		return
	}
	r.SourceErr = from.err
	l.complain(l.logOf(r.ID, declared.Revision), complaint{what: "source cannot be read"},
		textOf(from.err))
	l.mu.Lock()
	r.busy = l.hosts.busy()
	maps.Copy(r.busy, l.busy)
	l.mu.Unlock()
	begun := make(chan struct{})
	o := l.options(r, declared, func(p plan.Plan) {
		l.begin(r.ID, p)
		close(begun)
	})
	l.passes.Add(1)
	ended := make(chan struct{})
	go func() {
		defer l.passes.Done()
		defer func() { <-l.limit }()
		r.Pass, r.Err = reconcile.Run(ctx, declared, o)
		l.finish(ctx, r)
		close(ended)
	}()
	select {
	case <-begun:
	case <-ended:
	}
}

// enter waits until one more pass may be carried out, and reports false if ctx ends before. The
// steps of the others may take an hour, and the loop is not stuck.
func (l *Loop) enter(ctx context.Context) bool {
	beat := time.NewTicker(beatInterval)
	defer beat.Stop()
	for {
		select {
		case l.limit <- struct{}{}:
			return true
		case <-beat.C:
			l.o.Beat()
		case <-ctx.Done():
			return false
		}
	}
}

// options completes those of one pass.
func (l *Loop) options(
	r Report, d reconcile.Declaration, begun func(plan.Plan),
) reconcile.Options {
	l.mu.Lock()
	defer l.mu.Unlock()
	if askedByPerson(r.Reasons) {
		l.failures.forget()
		l.flaps.forget()
		l.repeats.forget()
		l.hosts.forget()
	}
	l.flaps.settle(r.Began)
	l.failures.begin(d.Revision.ID)
	l.repeats.begin(d.Revision.ID)
	o := l.o.Pass
	o.PassID = r.ID
	o.Visit = l.hosts.visit
	o.Store = l.hosts.sharing(o.Store)
	o.Holds = slices.Concat(l.failures.holds(r.Began), l.flaps.holds(r.Began),
		l.repeats.holds(r.Began), busyHolds(r.busy))
	o.Failing = slices.Concat(l.flaps.failing(), l.failures.unprepared())
	o.Tries = 1 // the next pass is the next try, and delays nobody
	o.Followed = true
	o.Observer = func(p plan.Plan) execute.Observer {
		begun(p)
		return observer{l: l, pass: r.ID, further: further(p),
			log: l.logOf(r.ID, d.Revision)}
	}
	return o
}

// busyHolds keeps a pass from what others are working on.
func busyHolds(busy map[target]string) []plan.Hold {
	holds := make([]plan.Hold, 0, len(busy))
	for t := range busy {
		text := "it is being worked on"
		if t.container == "" {
			text = "its host is being prepared"
		}
		holds = append(holds, plan.Hold{Host: t.host, Container: t.container, Code: plan.HeldBusy,
			Text: text})
	}
	return holds
}

// busyOn returns what is being worked on now on a host, by pass.
func (l *Loop) busyOn(host string) map[target]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	busy := map[target]string{}
	for t, pass := range l.busy {
		if t.host == host {
			busy[t] = pass
		}
	}
	return busy
}

// begin remembers what a pass is going to work on.
func (l *Loop) begin(pass string, p plan.Plan) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range p.Prepare {
		l.busy[target{host: h.Host}] = pass
	}
	for i := range p.Steps {
		l.busy[target{p.Steps[i].Host, p.Steps[i].Container}] = pass
	}
}

// observer follows the steps of a pass.
type observer struct {
	l       *Loop
	pass    string
	further map[string]string // see the function
	log     *slog.Logger
}

// Observe implements execute.Observer.
func (ob observer) Observe(e execute.Event) {
	l := ob.l
	if l.o.Recorder != nil {
		l.o.Recorder.Observe(e)
	}
	switch e.Kind {
	case execute.StepStarted:
		l.prepared(ob.pass, e.Step.Host)
		if e.Step.Rollout != "" && ob.further[e.Step.Host] == e.Step.Rollout {
			l.rolloutGoesOn(ob.log, e.Step.Rollout)
		}
	case execute.StepFinished:
		l.logStep(ob.log, e.Result)
	case execute.ContainerFinished:
		l.release(ob.pass, e.Outcome)
	}
}

// release lets later passes work on a container again.
func (l *Loop) release(pass string, o execute.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unclaim(pass, o)
	l.failures.record(o, l.o.Pass.Now())
	l.flaps.ran(o, l.o.Pass.Now())
	l.repeats.ran(o, l.o.Pass.Now())
	if l.status.waits {
		l.wakeLocked(containerFinished)
	}
}

// prepared lets later passes work on a host again, since what is begun on it shows that it is
// prepared.
func (l *Loop) prepared(pass, host string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.busy[target{host: host}] != pass {
		return
	}
	l.unclaim(pass, execute.Outcome{Host: host})
	if l.status.waits {
		l.wakeLocked(containerFinished)
	}
}

// unclaim ends the claim of a pass on a container. Another pass may have begun to work on it since.
// l.mu is held.
func (l *Loop) unclaim(pass string, o execute.Outcome) {
	if t := (target{o.Host, o.Container}); l.busy[t] == pass {
		delete(l.busy, t)
	}
}

// finish takes the result of a pass in.
func (l *Loop) finish(ctx context.Context, r Report) {
	r.Ended = l.o.Pass.Now()
	last := true
	if ctx.Err() == nil {
		last = l.learn(r)
		l.watch(ctx, r)
	}
	l.log(r, last)
	if l.o.Recorder != nil {
		l.o.Recorder.Passed(r)
	}
}

// learn updates what is known, and wakes the loop if there is more to do at once. It reports
// whether no pass that looked later has ended before.
func (l *Loop) learn(r Report) (last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.Pass.Result != nil {
		// What was skipped was not told by an event.
		for _, o := range r.Pass.Result.Outcomes {
			l.unclaim(r.ID, o)
		}
		for _, h := range r.Pass.Plan.Prepare {
			l.unclaim(r.ID, execute.Outcome{Host: h.Host})
		}
		l.failures.prepared(r.Pass.Result.Hosts, r.Ended)
		l.repeats.prepared(r.Pass.Result.Hosts, r.Ended)
	}
	again := l.failures.reconsider(r.Pass.Observed, r.Began)
	if r.Err == nil {
		l.failures.postpone(r.Pass.Result, r.Began)
		l.failures.settle(r.Pass, r.Began)
		l.repeats.settle(r.Pass, r.Began)
	}
	last = l.status.passed(r, len(l.failing()) > 0)
	for t, pass := range r.busy {
		// It was finished before this pass could say that it waits for it.
		_, seen := r.Pass.Observed[t.host]
		if seen && l.status.waits && l.busy[t] != pass {
			l.wakeLocked(containerFinished)
		}
	}
	if again || r.Pass.Result != nil {
		// The next pass shows what has come of the changes, and the processes of new containers.
		l.wakeLocked(afterChanges)
	}
	return last
}

// askedByPerson reports whether somebody wants everything to be tried, whatever failed before.
func askedByPerson(reasons []string) bool {
	return slices.Contains(reasons, Triggered) || slices.Contains(reasons, Reloaded)
}

// Reasons with which people wake the loop: what had failed is tried again at once.
const (
	Triggered = "trigger"
	Reloaded  = "reload"
)
