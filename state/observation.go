package state

import (
	"bytes"
	"cmp"
	"errors"
	"time"
)

// Observation is what one host was seen to have. What Content means is the caller's matter; one
// that is the same must have the same bytes.
type Observation struct {
	At      time.Time // UTC; when it was first seen like this
	Content []byte    // not empty
}

// Same reports whether the host was seen to have the same. When it was seen does not count.
func (o Observation) Same(other Observation) bool { return bytes.Equal(o.Content, other.Content) }

// check returns an error if the observation cannot be meant.
func (o Observation) check(host string) error {
	switch {
	case host == "":
		return errors.New("the name of the host is missing")
	case len(o.Content) == 0:
		return errors.New("it is empty")
	}
	return cmp.Or(checkText("host", host, oneLine), checkTime("at", o.At))
}
