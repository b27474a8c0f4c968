package report

import (
	"io"
	"strconv"
	"strings"
	"time"
)

// HistoryRow is one pass in `history`.
type HistoryRow struct {
	ID        string    `json:"id"`
	Source    string    `json:"source"`
	Revision  string    `json:"revision,omitempty"` // empty: limited to some hosts or containers
	Ref       string    `json:"ref,omitempty"`
	Author    string    `json:"author,omitempty"`
	Subject   string    `json:"subject,omitempty"`
	Signer    string    `json:"signer,omitempty"` // whose signature was verified
	Began     time.Time `json:"began"`            // UTC
	Ended     time.Time `json:"ended"`            // UTC
	Created   int       `json:"created"`          // containers, like the following
	Changed   int       `json:"changed"`
	Destroyed int       `json:"destroyed"`
	Failed    int       `json:"failed"`
	Blocked   int       `json:"blocked"`
	Held      int       `json:"held"`    // with those that got no turn in a rollout
	Record    int       `json:"record"`  // only the record changed, nothing on the host
	Skipped   int       `json:"skipped"` // nothing failed, but not all steps were begun

	Prepared   int    `json:"prepared"`        // hosts
	Unprepared int    `json:"unprepared"`      // hosts that could not be prepared
	Error      string `json:"error,omitempty"` // why no host was touched
}

// History is what `history` prints, in the order given.
type History []HistoryRow

// Text writes one line for each pass, and below it whose revision it was. It returns the error of
// w.
func (h History) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(w, o)
	rows := make([][]string, 0, len(h))
	for _, r := range h {
		took := r.Ended.Sub(r.Began).Round(time.Millisecond).String()
		rows = append(rows, []string{stamp(r.Began), took, shortRevision(r.Revision),
			strconv.Itoa(r.Created), strconv.Itoa(r.Changed), strconv.Itoa(r.Destroyed),
			strconv.Itoa(r.Failed), strconv.Itoa(r.Blocked), strconv.Itoa(r.Held),
			r.Author, r.Signer, r.note()})
	}
	p.table([]string{"BEGAN", "TOOK", "REVISION", "CREATED", "CHANGED", "DESTROYED", "FAILED",
		"BLOCKED", "HELD", "AUTHOR", "SIGNED BY", "WHAT"}, rows)
	return p.close()
}

// note says what was wrong, or what else was done and what the revision was about.
func (r HistoryRow) note() string {
	if r.Error != "" {
		return r.Error
	}
	var notes []string
	note := func(n int, what string) {
		if n > 0 {
			notes = append(notes, what)
		}
	}
	note(r.Prepared, string(count(r.Prepared, "host"))+" prepared")
	note(r.Unprepared, string(count(r.Unprepared, "host"))+" not prepared")
	note(r.Record, strconv.Itoa(r.Record)+" only in the record")
	note(r.Skipped, strconv.Itoa(r.Skipped)+" not finished")
	if r.Subject != "" {
		notes = append(notes, r.Subject)
	}
	return strings.Join(notes, "; ")
}

// JSON writes the passes as one document. It returns the error of w.
func (h History) JSON(w io.Writer) error {
	return encode(w, struct {
		FormatVersion string       `json:"format_version"`
		Passes        []HistoryRow `json:"passes"`
	}{formatVersion, list(h)})
}

// shortRevision shortens a commit as git does; other revisions stay whole.
func shortRevision(id string) string {
	const commit, short = 40, 12
	if len(id) == commit {
		return id[:short]
	}
	return id
}
