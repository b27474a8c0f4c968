package loop

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// Backoff says how long a container that failed is left alone: Initial, then twice as long each
// time, at most Max.
type Backoff struct {
	Initial time.Duration // default 1 s
	Max     time.Duration // default 10 min
}

func (b Backoff) orDefault() Backoff {
	if b.Initial <= 0 {
		b.Initial = time.Second
	}
	if b.Max <= 0 {
		b.Max = 10 * time.Minute
	}
	return b
}

// after returns how long to wait after a number of failures in a row, from 1.
func (b Backoff) after(count int) time.Duration {
	wait := b.Initial
	for range count - 1 {
		if wait *= 2; wait >= b.Max {
			return b.Max
		}
	}
	return min(wait, b.Max)
}

// failures remembers which containers failed, and which hosts could not be prepared. It is not safe
// for use by several goroutines.
type failures struct {
	backoff  Backoff
	revision string
	of       map[target]failure
}

// failure is what is known of one container that failed.
type failure struct {
	count     int
	text      string
	at        time.Time
	retry     time.Time // without meaning if permanent
	permanent bool
	postponed bool // it was not tried when it was due

	done map[plan.Action]bool // what went well in one of the tries

	source string            // what it was to be cloned from
	input  [sha256.Size]byte // what the host showed when the failure was first seen to stand
	seen   bool              // input is set
}

// begin forgets all failures if the revision is another one than before: what it changed may be
// what was wrong.
func (f *failures) begin(revision string) {
	if f.revision != revision {
		f.of, f.revision = nil, revision
	}
}

// forget lets everything be tried again at once: a person asked for it.
func (f *failures) forget() { f.of = nil }

// holds returns what must be left alone now.
func (f *failures) holds(now time.Time) []plan.Hold {
	holds := make([]plan.Hold, 0, len(f.of))
	for t, x := range f.of {
		if x.permanent || x.retry.After(now) {
			holds = append(holds, plan.Hold{
				Host: t.host, Container: t.container, Code: plan.HeldBackoff, Text: x.why(),
			})
		}
	}
	return holds
}

func (x failure) why() string {
	if x.permanent {
		return "it failed, and trying again cannot help until something changes: " + x.text
	}
	return fmt.Sprintf("it failed %d times, the next try is at %s: %s",
		x.count, x.retry.UTC().Format(time.TimeOnly+" UTC"), x.text)
}

// record remembers an outcome.
func (f *failures) record(o execute.Outcome, now time.Time) {
	t := target{o.Host, o.Container}
	err := errorOf(o)
	if err == nil {
		delete(f.of, t)
		return
	}
	if f.of == nil {
		f.of = map[target]failure{}
	}
	x := f.of[t]
	if x.done == nil {
		x.done = map[plan.Action]bool{}
	}
	x.count++
	x.text, x.permanent = err.Error(), execute.Permanent(err)
	x.postponed = false
	x.at, x.retry = now, now.Add(f.backoff.after(x.count))
	x.source, x.seen = sourceOf(o), false
	for _, s := range o.Steps {
		if s.Status == execute.Done {
			x.done[s.Step.Action] = true
		}
	}
	f.of[t] = x
}

// postpone is told of a pass that looked at the hosts. A container that was due and was not tried,
// for example because it is suspended or its host cannot be reached, causes no further pass: it is
// tried in the next one that has another reason.
func (f *failures) postpone(result *execute.Result, began time.Time) {
	tried := map[target]bool{}
	if result != nil {
		for _, o := range result.Outcomes {
			tried[target{o.Host, o.Container}] = true
		}
		for _, h := range result.Hosts {
			tried[target{host: h.Host}] = true
		}
	}
	for t, x := range f.of {
		if !x.permanent && !tried[t] && !x.retry.After(began) {
			x.postponed = true
			f.of[t] = x
		}
	}
}

// prepared remembers what became of hosts that were to be prepared. Whatever the reason, it is
// tried again by and by: what is missing often lies with others, such as a server of packages.
func (f *failures) prepared(hosts []execute.HostOutcome, now time.Time) {
	for _, h := range hosts {
		t := target{host: h.Host}
		f.record(execute.Outcome{Host: h.Host, Err: h.Err}, now)
		if x, failed := f.of[t]; failed {
			x.permanent = false
			f.of[t] = x
		}
	}
}

// settle is told of a pass that looked at the hosts. It forgets those that need no preparation any
// more.
func (f *failures) settle(p reconcile.Pass, began time.Time) {
	needs := map[string]bool{}
	for _, h := range p.Plan.Prepare {
		needs[h.Host] = true
	}
	for _, h := range p.Plan.Held {
		needs[h.Host] = needs[h.Host] || h.Container == ""
	}
	for t, x := range f.of {
		_, seen := p.Observed[t.host]
		if t.container == "" && seen && !needs[t.host] && !x.at.After(began) {
			delete(f.of, t)
		}
	}
}

// unprepared returns the hosts that could not be prepared: no rollout goes on behind them.
func (f *failures) unprepared() []plan.Failing {
	var list []plan.Failing
	for t, x := range f.of {
		if t.container == "" {
			list = append(list, plan.Failing{Host: t.host, Text: x.text})
		}
	}
	return list
}

// errorOf returns why the work on a container failed. What was only skipped did not fail.
func errorOf(o execute.Outcome) error {
	for _, s := range o.Steps {
		if s.Err != nil {
			return s.Err
		}
	}
	return o.Err
}

// sourceOf returns what a container was to be cloned from, or "".
func sourceOf(o execute.Outcome) string {
	for _, s := range o.Steps {
		if s.Step.Want != nil {
			return s.Step.Want.FromContainer
		}
	}
	return ""
}

// reconsider lets a permanent failure be tried again once its host looks different from when the
// failure was first seen to last. It reports whether there is one. What was observed before a
// failure says nothing about it.
func (f *failures) reconsider(observed map[string]plan.Actual, began time.Time) bool {
	again := false
	for t, x := range f.of {
		actual, ok := observed[t.host]
		if !x.permanent || !ok || x.at.After(began) {
			continue
		}
		input := inputOf(actual, t.container, x.source)
		switch {
		case !x.seen:
			x.input, x.seen = input, true
			f.of[t] = x
		case x.input != input:
			delete(f.of, t)
			again = true
		}
	}
	return again
}

// inputOf digests what a host shows of a container and of what it depends on there.
func inputOf(a plan.Actual, container, source string) [sha256.Size]byte {
	input := struct {
		Bridges    []string
		Containers []plan.Observed
	}{Bridges: a.Bridges}
	for _, o := range a.Containers {
		if o.Name == container || o.Name == source {
			o.PID = 0
			input.Containers = append(input.Containers, o)
		}
	}
	// It consists of plain values: encoding them cannot fail.
	text, _ := json.Marshal(input)
	return sha256.Sum256(text)
}
