package state

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Scope is what a suspension is about.
type Scope struct {
	Host, Container string // both empty: everything; Container empty: the whole host
}

// String returns "everything", "HOST" or "HOST/CONTAINER".
func (s Scope) String() string {
	switch {
	case s == Scope{}:
		return "everything"
	case s.Container == "":
		return s.Host
	default:
		return s.Host + "/" + s.Container
	}
}

// Suspension keeps passes from changing one container, all of a host, or everything. Its texts are
// one line of at most 4 KiB each.
type Suspension struct {
	Host, Container string    // both empty: everything; Container empty: the whole host
	Reason          string    // as given by who suspended; may be empty
	By              string    // user@host
	Since           time.Time // UTC
	Until           time.Time // UTC, after Since; zero: until it is resumed
}

// Scope returns what is suspended.
func (s Suspension) Scope() Scope { return Scope{s.Host, s.Container} }

// Covers reports whether the suspension is about a container, or with an empty container about the
// whole host. It does not look at the time: see Ended.
func (s Suspension) Covers(host, container string) bool {
	switch scope := s.Scope(); scope {
	case Scope{}, Scope{Host: host}:
		return true
	default:
		return scope == Scope{host, container}
	}
}

// Ended reports whether the suspension is over. At Until it is.
func (s Suspension) Ended(now time.Time) bool {
	return !s.Until.IsZero() && !now.Before(s.Until)
}

// Holding returns the suspensions that are not over, in the same order.
func Holding(all []Suspension, now time.Time) []Suspension {
	return slices.DeleteFunc(slices.Clone(all), func(s Suspension) bool { return s.Ended(now) })
}

// Same reports whether two suspensions say the same; in which zone a time is given does not count.
func (s Suspension) Same(o Suspension) bool {
	return s.Scope() == o.Scope() && s.Reason == o.Reason && s.By == o.By &&
		s.Since.Equal(o.Since) && s.Until.Equal(o.Until)
}

// check returns an error if the scope names no place.
func (s Scope) check() error {
	if s.Host == "" && s.Container != "" {
		return errors.New("its host is missing")
	}
	return cmp.Or(
		checkText("host", s.Host, oneLine),
		checkText("container", s.Container, oneLine),
	)
}

// check returns an error if the suspension cannot be meant.
func (s Suspension) check() error {
	if s.By == "" {
		return errors.New("who suspends is missing")
	}
	if err := cmp.Or(
		s.Scope().check(),
		checkText("reason", s.Reason, oneLine),
		checkText("name of who suspends", s.By, oneLine),
		checkTime("since", s.Since),
	); err != nil || s.Until.IsZero() {
		return err
	}
	if err := checkTime("until", s.Until); err != nil {
		return err
	}
	if !s.Until.After(s.Since) {
		return fmt.Errorf("it ends at %s and begins at %s", s.Until.Format(time.RFC3339Nano),
			s.Since.Format(time.RFC3339Nano))
	}
	return nil
}
