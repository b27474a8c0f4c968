package report

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// StatusRow is one container in `status`.
type StatusRow struct {
	Host      string `json:"host"`
	Container string `json:"container"`
	State     string `json:"state"`              // as the host reports it, or unknown
	Recorded  bool   `json:"recorded,omitempty"` // State is what was last seen, not how it is now
	Address   string `json:"address,omitempty"`
	InSync    string `json:"in_sync"`           // yes, no, held or unknown
	Failure   string `json:"failure,omitempty"` // the last one, empty after a success
	Held      string `json:"held,omitempty"`    // why it is left alone
}

// SuspensionRow is something that passes leave alone until its time is over.
type SuspensionRow struct {
	Host      string    `json:"host,omitempty"`      // empty: everything
	Container string    `json:"container,omitempty"` // empty: the whole host
	Reason    string    `json:"reason,omitempty"`
	By        string    `json:"by"`
	Since     time.Time `json:"since"`          // UTC
	Until     time.Time `json:"until,omitzero"` // UTC; zero: until it is resumed
}

// UnreachableRow is a host that a daemon cannot see, or may not work on.
type UnreachableRow struct {
	Host  string    `json:"host"`
	Since time.Time `json:"since"`             // UTC; when the first pass began that found it so
	Tries int       `json:"tries"`             // to see it since it last answered
	Next  time.Time `json:"next_try,omitzero"` // UTC; zero: it is going on, or comes with a pass
	Error string    `json:"error"`
	InUse bool      `json:"in_use,omitempty"` // another run holds it
}

// DaemonRow is what a running daemon says of itself.
type DaemonRow struct {
	Started     time.Time `json:"started"` // UTC
	Source      string    `json:"source"`
	Revision    string    `json:"revision,omitempty"`
	Signer      string    `json:"signer,omitempty"`
	SourceError string    `json:"source_error,omitempty"` // why it cannot be read now
	LastPass    time.Time `json:"last_pass,omitzero"`     // UTC; when it ended
	LastResult  string    `json:"last_result,omitempty"`  // success, failed, blocked, unreachable
	LastSuccess time.Time `json:"last_success,omitzero"`  // UTC
	Busy        int       `json:"busy"`                   // containers that are worked on

	Unreachable []UnreachableRow `json:"unreachable,omitempty"` // by host
}

// Status is what `status` prints, in the order given.
type Status struct {
	Containers  []StatusRow
	Suspensions []SuspensionRow
	Daemon      *DaemonRow // nil: none runs on this state
}

// Text writes one line for each container, then what is suspended and how the daemon is. It returns
// the error of w.
func (s Status) Text(w io.Writer, o TextOptions) error {
	p := newPrinter(w, o)
	rows := make([][]string, 0, len(s.Containers))
	shortened := false
	for _, r := range s.Containers {
		why, cut := brief(r.why())
		shortened = shortened || cut
		rows = append(rows, []string{r.Host, r.Container, r.stateText(), r.Address, r.InSync, why})
	}
	p.table([]string{"HOST", "CONTAINER", "STATE", "ADDRESS", "IN SYNC", "LAST FAILURE, OR WHY HELD"},
		rows)
	if shortened {
		p.line(0, "What is cut (…) is whole in --output json, a failure also in "+
			"reconciler state show HOST CONTAINER.")
	}
	if len(s.Suspensions) > 0 {
		p.line(0)
		p.suspensions(s.Suspensions)
	}
	if s.Daemon != nil {
		p.line(0)
		p.daemon(s.Daemon)
	}
	return p.close()
}

// why is the last failure, without what the row says already, or why it is held.
func (r StatusRow) why() string {
	name := fmt.Sprintf(" container %q", r.Host+"/"+r.Container)
	return cmp.Or(strings.Replace(r.Failure, name, "", 1), r.Held)
}

// brief is the first line of a text, as much of it as a cell has room for, and whether there is
// more.
func brief(text string) (cell string, cut bool) {
	const width = 120
	first, _, more := strings.Cut(strings.TrimSpace(text), "\n")
	whole := clean(first)
	if more {
		whole += " …"
	}
	short := fit(whole, width)
	return string(short), more || short != whole
}

func (r StatusRow) stateText() string {
	if r.Recorded {
		return r.State + " (recorded)"
	}
	return r.State
}

func (p *printer) suspensions(list []SuspensionRow) {
	rows := make([][]string, 0, len(list))
	for _, r := range list {
		what := "everything"
		if r.Host != "" {
			what = string(address(r.Host, r.Container))
		}
		rows = append(rows, []string{what, r.By, stamp(r.Since),
			cmp.Or(stamp(r.Until), "resume"), r.Reason})
	}
	p.table([]string{"SUSPENDED", "BY", "SINCE", "UNTIL", "REASON"}, rows)
}

func (p *printer) daemon(d *DaemonRow) {
	p.table([]string{"DAEMON", "VALUE"}, [][]string{
		{"running since", stamp(d.Started)}, {"source", d.Source},
		{"revision", shortRevision(d.Revision)}, {"signed by", d.Signer},
		{"source error", d.SourceError}, {"last pass", stamp(d.LastPass)},
		{"its result", d.LastResult}, {"last success", stamp(d.LastSuccess)},
		{"working on", strconv.Itoa(d.Busy)},
	})
	p.unseen("UNREACHABLE", false, d.Unreachable)
	p.unseen("IN USE BY ANOTHER RUN", true, d.Unreachable)
}

// firstLine is the line of an error that says what to do.
func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// unseen writes the hosts that another run holds, or the others.
func (p *printer) unseen(title string, inUse bool, list []UnreachableRow) {
	var rows [][]string
	for _, r := range list {
		if r.InUse == inUse {
			rows = append(rows, []string{r.Host, stamp(r.Since), strconv.Itoa(r.Tries),
				cmp.Or(stamp(r.Next), "now"), firstLine(r.Error)})
		}
	}
	if len(rows) > 0 {
		p.line(0)
		p.table([]string{title, "SINCE", "TRIES", "NEXT TRY", "WHY"}, rows)
	}
}

// JSON writes the status as one document. Lists are never null. It returns the error of w.
func (s Status) JSON(w io.Writer) error {
	return encode(w, struct {
		FormatVersion string          `json:"format_version"`
		Containers    []StatusRow     `json:"containers"`
		Suspensions   []SuspensionRow `json:"suspensions"`
		Daemon        *DaemonRow      `json:"daemon,omitempty"`
	}{formatVersion, list(s.Containers), list(s.Suspensions), s.Daemon})
}
