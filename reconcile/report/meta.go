package report

import (
	"cmp"
	"time"
)

// Knowledge says what a plan was compared with.
type Knowledge string

// The levels of knowledge, from the best.
const (
	KnowFull     Knowledge = "full"     // the hosts, as they are now
	KnowRecorded Knowledge = "recorded" // the hosts, as they were last observed; none was asked
	KnowDeclared Knowledge = "declared" // another revision of the tree; no host, no state
)

// Meta says what a report was made from. All of it is optional.
type Meta struct {
	Tool         string    `json:"tool,omitempty"`         // version of the program
	Source       string    `json:"source,omitempty"`       // where the tree came from
	Revision     string    `json:"revision,omitempty"`     // of the tree
	Tree         string    `json:"tree,omitempty"`         // digest of all files of the tree
	Ref          string    `json:"ref,omitempty"`          // that named the revision
	Author       string    `json:"author,omitempty"`       // of the revision
	Subject      string    `json:"subject,omitempty"`      // first line of its message
	Signer       string    `json:"signer,omitempty"`       // whose signature was verified
	Knowledge    Knowledge `json:"knowledge,omitempty"`    // empty: full
	ObservedAt   time.Time `json:"observed_at,omitzero"`   // UTC; of recorded knowledge
	Base         string    `json:"base,omitempty"`         // revision compared with, if declared
	Installation string    `json:"installation,omitempty"` // identity of the state store
	Serial       int64     `json:"serial,omitempty"`       // of the state that was read
	Hosts        []string  `json:"hosts,omitempty"`        // that were compared
}

func (m Meta) knowledge() Knowledge { return cmp.Or(m.Knowledge, KnowFull) }

// committed reports whether the revision is more than the digest of a directory.
func (m Meta) committed() bool {
	return m.Ref != "" || m.Author != "" || m.Subject != "" || m.Signer != ""
}

// header writes what must be known before the rest is read. Of a directory that was compared
// with the hosts there is nothing to say.
func (p *printer) header(m Meta) {
	says := false
	if m.committed() {
		says = true
		p.revision(m)
	}
	if says || m.knowledge() != KnowFull {
		says = true
		p.line(0, knowledgeOf(m, clean))
	}
	if says {
		p.line(0)
	}
}

func (p *printer) revision(m Meta) {
	p.line(0, p.paint(bold, "Revision "+clean(shortRevision(m.Revision))), revisionOf(m, clean))
}

// revisionOf says whose revision it is, with every foreign string passed through quote.
func revisionOf[T ~string](m Meta, quote func(string) T) T {
	var s T
	if m.Ref != "" && m.Ref != m.Revision {
		s += " (" + quote(m.Ref) + ")"
	}
	if m.Author != "" {
		s += " by " + quote(m.Author)
	}
	if m.Signer != "" {
		s += ", signed by " + quote(m.Signer)
	} else {
		s += ", no signature verified"
	}
	if m.Subject != "" {
		s += ": " + quote(m.Subject)
	}
	return s
}

// knowledgeOf says in a sentence what the plan was compared with.
func knowledgeOf[T ~string](m Meta, quote func(string) T) T {
	switch m.knowledge() {
	case KnowFull:
		return "Knowledge: full, compared with the hosts as they are now."
	case KnowRecorded:
		if m.ObservedAt.IsZero() {
			return "Knowledge: recorded, compared with the hosts as they were last observed; " +
				"no host was asked."
		}
		return "Knowledge: recorded, compared with the hosts as they were at " +
			quote(stamp(m.ObservedAt)) + "; no host was asked."
	case KnowDeclared:
		with := T("another revision")
		if m.Base != "" {
			with = "revision " + quote(shortRevision(m.Base))
		}
		return "Knowledge: declared, compared with " + with + " of the tree; " +
			"nothing is known of the hosts."
	default:
		return "Knowledge: " + quote(string(m.Knowledge)) + "."
	}
}
