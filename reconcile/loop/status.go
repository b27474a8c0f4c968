package loop

import (
	"cmp"
	"slices"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// Status is what the loop knows of itself. It is a value: it does not change after it was given
// out, and nothing in it may be changed.
type Status struct {
	Started time.Time

	Revision    spec.Revision // of the tree that holds
	Fetched     time.Time     // when the source was last read completely
	SourceError string        // why it could not be read since; empty if it could

	Passes  int64          // that have ended
	Success time.Time      // when a pass last left everything as declared
	Last    Report         // the last pass that ended; ID is empty before
	Latest  reconcile.Pass // the one that looked at the hosts last
	Busy    int            // containers that are being worked on
	Waiting int            // reasons for a pass that has not begun

	Failures []Failure // sorted by host, then container
	Unknown  []Unknown // sorted by host

	looked time.Time          // when Latest began with its tree
	since  map[string]Unknown // by host, as the passes found it
	waits  bool               // something is held until a container that is worked on is finished
}

// Failure is a container that failed and has not succeeded since, that ends again and again, or on
// which the same work is done again and again. Without a container it is a host that could not be
// prepared, or that is not as prepared.
type Failure struct {
	Host, Container string
	Count           int       // in a row
	Text            string    // of the last one
	Retry           time.Time // when it is tried again; zero: not before something changes
}

// Unknown is a host of which Latest could not see everything.
type Unknown struct {
	Host  string
	Since time.Time // when the first of the passes began that found it so
	Text  string    // why it is so now
	InUse bool      // another run holds it
	Tries int       // to see it since it last answered
	Retry time.Time // when the next one is; zero: it is going on, or comes with the next pass
}

// Status returns what is known now.
func (l *Loop) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.Busy, s.Waiting = 0, len(l.reasons)
	for t := range l.busy {
		if t.container != "" {
			s.Busy++
		}
	}
	s.Failures = l.failing()
	s.Unknown = l.unknown()
	slices.SortFunc(s.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container))
	})
	return s
}

// failing returns what fails again and again. l.mu is held.
func (l *Loop) failing() []Failure {
	return slices.Concat(l.failures.list(), l.flaps.list(), l.repeats.list())
}

// unknown returns the hosts that the latest pass could not see. l.mu is held.
func (l *Loop) unknown() []Unknown {
	list := make([]Unknown, 0, len(l.status.since))
	for host, x := range l.status.since {
		if now, silent := l.hosts.tries(host); silent {
			now.Since = x.Since
			x = now
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b Unknown) int { return cmp.Compare(a.Host, b.Host) })
	return list
}

func (s *Status) fetched(now time.Time, r spec.Revision) {
	s.Fetched, s.Revision, s.SourceError = now, r, ""
}

func (s *Status) failed(err error) { s.SourceError = err.Error() }

// passed takes in a pass that has ended, and whether something fails again and again. It reports
// false if the pass knows less than one that ended before.
func (s *Status) passed(r Report, failing bool) bool {
	s.Passes++
	s.Last = r
	if r.Err != nil {
		return true
	}
	// A pass that ends late may have looked before the one that ended first.
	if r.looked.Before(s.looked) {
		return false
	}
	s.Latest, s.looked = r.Pass, r.looked
	busy := isBusy(r.Pass.Plan)
	s.waits = busy || holds(r.Pass.Plan, plan.HeldNeeds)
	s.since = s.unreached(r)
	if r.Result() == Success && !failing && !busy && s.SourceError == "" {
		s.Success = r.Ended
	}
	return true
}

// isBusy reports whether something is held until another pass has ended its work on it.
func isBusy(p plan.Plan) bool {
	// What a rollout holds because something failed waits for nobody's work.
	busy := func(r plan.Rollout) bool { return r.Stopped != "" && !r.Failing() }
	return holds(p, plan.HeldBusy) || slices.ContainsFunc(p.Rollouts, busy)
}

func holds(p plan.Plan, code string) bool {
	return slices.ContainsFunc(p.Held, func(h plan.Held) bool { return h.Code == code })
}

// unreached returns the hosts that a pass could not see, and since when that is so.
func (s *Status) unreached(r Report) map[string]Unknown {
	found := map[string]Unknown{}
	for _, u := range r.Pass.Plan.Unreachable {
		x, before := s.since[u.Host]
		if !before {
			x = Unknown{Host: u.Host, Since: r.Began}
		}
		x.Text, x.InUse = u.Text, u.InUse
		x.Tries++
		found[u.Host] = x
	}
	return found
}

// list returns the failures.
func (f *failures) list() []Failure {
	list := make([]Failure, 0, len(f.of))
	for t, x := range f.of {
		out := Failure{Host: t.host, Container: t.container, Count: x.count, Text: x.text}
		if !x.permanent {
			out.Retry = x.retry
		}
		list = append(list, out)
	}
	return list
}
