package state

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// MaxPasses is how many passes a store keeps.
const MaxPasses = 100

// Pass is what is remembered of one pass: of each that changed something, failed, or was the first
// of a revision. Its texts are one line each, and at most 4 KiB; Error may have several lines.
type Pass struct {
	ID string // unique, given by the caller

	// Of the tree that was applied. Only Source is always there.
	Source   string // where it came from, without credentials
	Revision string
	Ref      string
	Author   string
	Subject  string
	Signer   string

	Began time.Time // UTC
	Ended time.Time // UTC; not before Began

	// How many containers. One that was replaced is in Created and in Destroyed.
	Created   int
	Changed   int
	Destroyed int
	Failed    int
	Blocked   int
	Held      int
	Record    int // only the record changed, nothing on the host
	Skipped   int // nothing failed, but not all was begun

	// How many hosts.
	Prepared   int
	Unprepared int // that could not be prepared

	Error string // why no host was touched; empty otherwise
}

// Same reports whether two passes say the same; in which zone a time is given does not count.
func (p Pass) Same(o Pass) bool {
	same := p.Began.Equal(o.Began) && p.Ended.Equal(o.Ended)
	p.Began, p.Ended, o.Began, o.Ended = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return same && p == o
}

// Clean returns p with everything changed that a store would refuse because of where it came
// from: a commit or an error can hold any text, and a clock can be set back while a pass runs.
// Control characters and broken UTF-8 become spaces, and long texts are cut. What names something
// stays as it is: ID, Source and Revision, and so do Began and the counts.
func (p Pass) Clean() Pass {
	for _, text := range []*string{&p.Ref, &p.Author, &p.Subject, &p.Signer} {
		*text = cleanText(*text, oneLine)
	}
	p.Error = cleanText(p.Error, manyLines)
	if p.endsTooEarly() {
		p.Ended = p.Began
	}
	return p
}

// endsTooEarly goes by what the clock showed, since that is what is stored: a time of this process
// knows better.
func (p *Pass) endsTooEarly() bool { return p.Ended.Round(0).Before(p.Began.Round(0)) }

// LastRevision returns the revision of the newest pass of a source that had one and was allowed
// to touch hosts, "" if none is remembered. A store forgets that pass after all others, so that
// no number of failures makes it forget.
func (s Snapshot) LastRevision(source string) string {
	for i := range s.Passes {
		p := &s.Passes[i]
		if p.Source == source && p.Error == "" && p.Revision != "" {
			return p.Revision
		}
	}
	return ""
}

// check returns an error if the pass cannot be meant.
func (p *Pass) check() error {
	if p.ID == "" || p.Source == "" {
		return errors.New("id or source is missing")
	}
	if hasCredentials(p.Source) {
		return errors.New("its source holds credentials")
	}
	if err := p.checkTexts(); err != nil {
		return err
	}
	if min(p.Created, p.Changed, p.Destroyed, p.Failed, p.Blocked, p.Held, p.Record, p.Skipped,
		p.Prepared, p.Unprepared) < 0 {
		return errors.New("a count is negative")
	}
	if err := cmp.Or(checkTime("began", p.Began), checkTime("ended", p.Ended)); err != nil {
		return err
	}
	if p.endsTooEarly() {
		return fmt.Errorf("it ended at %s, before it began at %s",
			p.Ended.Format(time.RFC3339Nano), p.Began.Format(time.RFC3339Nano))
	}
	return nil
}

func (p *Pass) checkTexts() error {
	return cmp.Or(
		checkText("id", p.ID, oneLine),
		checkText("source", p.Source, oneLine),
		checkText("revision", p.Revision, oneLine),
		checkText("ref", p.Ref, oneLine),
		checkText("author", p.Author, oneLine),
		checkText("subject", p.Subject, oneLine),
		checkText("signer", p.Signer, oneLine),
		checkText("error", p.Error, manyLines),
	)
}

// hasCredentials reports whether an address shows more than the name of an account.
func hasCredentials(source string) bool {
	u, err := url.Parse(source)
	if err != nil || u.User == nil {
		return false
	}
	_, secret := u.User.Password()
	return secret
}
