package report

import (
	"io"
	"strconv"
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
	Held      int       `json:"held"`
	Error     string    `json:"error,omitempty"` // why no host was touched
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

// note says what the revision was about, or what was wrong.
func (r HistoryRow) note() string {
	if r.Error != "" {
		return r.Error
	}
	return r.Subject
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
