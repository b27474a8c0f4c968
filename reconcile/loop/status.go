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

	looked time.Time // when Latest began
	waits  bool      // something is held until a container that is worked on is finished
}

// Failure is a container that failed and has not succeeded since.
type Failure struct {
	Host, Container string
	Count           int       // in a row
	Text            string    // of the last one
	Retry           time.Time // when it is tried again; zero: not before something changes
}

// Status returns what is known now.
func (l *Loop) Status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.status
	s.Busy, s.Waiting = len(l.busy), len(l.reasons)
	s.Failures = append(l.failures.list(), l.flaps.list()...)
	slices.SortFunc(s.Failures, func(a, b Failure) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.Container, b.Container))
	})
	return s
}

func (s *Status) fetched(now time.Time, r spec.Revision) {
	s.Fetched, s.Revision, s.SourceError = now, r, ""
}

func (s *Status) failed(err error) { s.SourceError = err.Error() }

// passed takes a pass in that ended.
func (s *Status) passed(r Report, f failures) {
	s.Passes++
	s.Last = r
	if r.Err != nil {
		return
	}
	// A pass that ends late may have looked before the one that ended first.
	if r.Began.Before(s.looked) {
		return
	}
	s.Latest, s.looked = r.Pass, r.Began
	s.waits = slices.ContainsFunc(r.Pass.Plan.Held, func(h plan.Held) bool {
		return h.Code == plan.HeldBusy || h.Code == plan.HeldNeeds
	})
	if r.Result() == Success && len(f.of) == 0 && s.SourceError == "" {
		s.Success = r.Ended
	}
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
