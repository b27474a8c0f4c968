package loop

import (
	"fmt"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// flaps slows down containers that end soon after each start: without that one whose service
// crashes would be started every second for ever. It is not safe for use by several goroutines.
type flaps struct {
	backoff Backoff
	of      map[target]flap
}

// flap is a container that was started here a short while ago.
type flap struct {
	started time.Time
	count   int       // how often it ended soon after that, in a row
	lasted  string    // how long it ran the last time
	retry   time.Time // when it may be started again
}

// ran is told what became of the work on a container.
func (f *flaps) ran(o execute.Outcome, now time.Time) {
	for _, s := range o.Steps {
		if s.Step.Action == plan.Start && s.Status == execute.Done {
			if f.of == nil {
				f.of = map[target]flap{}
			}
			x := f.of[target{o.Host, o.Container}]
			x.started = now
			f.of[target{o.Host, o.Container}] = x
		}
	}
}

// died is told that a container ended. The first time it is started again at once.
func (f *flaps) died(t target, now time.Time) {
	x, ok := f.of[t]
	if !ok {
		return
	}
	x.count++
	x.lasted = now.Sub(x.started).Round(time.Millisecond).String()
	if x.count > 1 {
		x.retry = now.Add(f.backoff.after(x.count - 1))
	}
	f.of[t] = x
}

// forget lets everything be started at once: a person asked for it.
func (f *flaps) forget() { f.of = nil }

// settle forgets containers that have run long enough.
func (f *flaps) settle(now time.Time) {
	for t, x := range f.of {
		if now.Sub(x.started) > f.backoff.Max && !x.retry.After(now) {
			delete(f.of, t)
		}
	}
}

// holds returns what must be left alone now.
func (f *flaps) holds(now time.Time) []plan.Hold {
	var holds []plan.Hold
	for t, x := range f.of {
		if x.retry.After(now) {
			holds = append(holds, plan.Hold{Host: t.host, Container: t.container,
				Code: plan.HeldBackoff, Text: fmt.Sprintf("%s; the next start is at %s",
					x.text(), x.retry.UTC().Format(time.TimeOnly+" UTC"))})
		}
	}
	return holds
}

func (x flap) text() string {
	return fmt.Sprintf("it ended %d times soon after its start, the last time after %s", x.count,
		x.lasted)
}

// failing returns the containers that end again and again, also while they run: a declaration with
// which they do so must not reach further hosts in between.
func (f *flaps) failing() []plan.Failing {
	list := make([]plan.Failing, 0, len(f.of))
	for t, x := range f.of {
		if x.count > 1 {
			list = append(list, plan.Failing{Host: t.host, Container: t.container, Text: x.text()})
		}
	}
	return list
}

// list returns the containers that end again and again.
func (f *flaps) list() []Failure {
	var list []Failure
	for t, x := range f.of {
		if x.count > 1 {
			list = append(list, Failure{Host: t.host, Container: t.container, Count: x.count,
				Text: x.text(), Retry: x.retry})
		}
	}
	return list
}
