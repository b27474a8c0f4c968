package loop

import (
	"fmt"
	"strings"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
)

// repeats slows down what is done again and again, since it is found as before after all its steps
// went well: a setting that the host does not take, perhaps. Without that passes would follow each
// other for ever. It is not safe for use by several goroutines.
type repeats struct {
	backoff  Backoff
	revision string
	of       map[target]repeat
}

// repeat is work that went well, and was not seen to be needless since.
type repeat struct {
	work  string // as people are told
	count int    // in a row
	at    time.Time
	retry time.Time // when it may be done again
}

// begin forgets everything if the revision is another one than before.
func (r *repeats) begin(revision string) {
	if r.revision != revision {
		r.of, r.revision = nil, revision
	}
}

// forget lets everything be done at once: a person asked for it.
func (r *repeats) forget() { r.of = nil }

// ran is told what became of the work on a container. What is started again because it ended is for
// flaps.
func (r *repeats) ran(o execute.Outcome, now time.Time) {
	if o.Failed() || o.Steps[0].Step.Action == plan.Start {
		delete(r.of, target{o.Host, o.Container})
		return
	}
	var work []string
	for _, s := range o.Steps {
		work = append(work, string(s.Step.Action))
		for _, c := range s.Step.Changes {
			work = append(work, c.Field)
		}
	}
	r.add(target{o.Host, o.Container}, strings.Join(work, " "), now)
}

// prepared is told what became of hosts that were to be prepared.
func (r *repeats) prepared(hosts []execute.HostOutcome, now time.Time) {
	for _, h := range hosts {
		if h.Err == nil && len(h.Done) > 0 {
			r.add(target{host: h.Host}, strings.Join(h.Done, "; "), now)
		}
	}
}

// add counts work that went well. To do it a second time may be chance.
func (r *repeats) add(t target, work string, now time.Time) {
	const usual = 2
	if r.of == nil {
		r.of = map[target]repeat{}
	}
	x := r.of[t]
	if x.work != work {
		x = repeat{work: work}
	}
	x.count++
	x.at = now
	if x.count > usual {
		x.retry = now.Add(r.backoff.after(x.count - usual))
	}
	r.of[t] = x
}

// settle is told of a pass that looked at the hosts. It forgets what there was nothing to do with.
func (r *repeats) settle(p reconcile.Pass, began time.Time) {
	open := map[target]bool{}
	for i := range p.Plan.Steps {
		open[target{p.Plan.Steps[i].Host, p.Plan.Steps[i].Container}] = true
	}
	for _, h := range p.Plan.Held {
		if h.Code != plan.HeldDrift {
			open[target{h.Host, h.Container}] = true
		}
	}
	for _, h := range p.Plan.Prepare {
		open[target{host: h.Host}] = true
	}
	for t, x := range r.of {
		_, seen := p.Observed[t.host]
		if seen && !open[t] && !x.at.After(began) {
			delete(r.of, t)
		}
	}
}

// holds returns what must be left alone now.
func (r *repeats) holds(now time.Time) []plan.Hold {
	var holds []plan.Hold
	for t, x := range r.of {
		if x.retry.After(now) {
			holds = append(holds, plan.Hold{Host: t.host, Container: t.container,
				Preparation: t.container == "", Code: plan.HeldBackoff,
				Text: fmt.Sprintf("%s; the next try is at %s", x.text(),
					x.retry.UTC().Format(time.TimeOnly+" UTC"))})
		}
	}
	return holds
}

func (x repeat) text() string {
	return "it goes well again and again, and is then found as before: " + x.work
}

// list returns what is slowed down.
func (r *repeats) list() []Failure {
	var list []Failure
	for t, x := range r.of {
		if !x.retry.IsZero() {
			list = append(list, Failure{Host: t.host, Container: t.container, Count: x.count,
				Text: x.text(), Retry: x.retry})
		}
	}
	return list
}
