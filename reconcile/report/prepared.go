package report

import (
	"errors"
	"time"

	"reconciler/reconcile/execute"
)

// HostResult is what became of the preparation of one host.
type HostResult struct {
	Host         string         `json:"host"`
	Status       execute.Status `json:"status"` // done or failed
	Done         []string       `json:"done"`   // a sentence for each thing that was done
	Error        string         `json:"error,omitempty"`
	Milliseconds int64          `json:"milliseconds"`
}

// hostResults returns the JSON form of what became of hosts.
func hostResults(all []execute.HostOutcome) []HostResult {
	rows := make([]HostResult, 0, len(all))
	for _, h := range all {
		row := HostResult{Host: h.Host, Status: execute.Done, Done: list(h.Done),
			Milliseconds: h.Took.Milliseconds()}
		if h.Err != nil {
			row.Status, row.Error = execute.Failed, h.Err.Error()
		}
		rows = append(rows, row)
	}
	return rows
}

// hosts writes what was done to hosts before their containers.
func (p *printer) hosts(all []execute.HostOutcome) { sectionOf(p, "Hosts", all, p.host) }

func (p *printer) host(h execute.HostOutcome) {
	marker, did := p.paint(yellow, "~ "), safe("prepared")
	hint := safe("hint: the next run goes on with what is missing")
	switch {
	case errors.Is(h.Err, execute.ErrHostInUse):
		marker, did = p.paint(yellow, "= "), p.paint(yellow, "in use by another run, left alone")
		hint = "hint: try again when that run has ended"
	case h.Err != nil:
		marker, did = p.paint(red, "! "), p.paint(red, "FAILED, its containers are left alone")
	}
	took := safe("")
	if h.Took >= time.Second {
		took = p.paint(dim, safe("  ("+h.Took.Round(time.Second).String()+")"))
	}
	p.line(2, marker, p.paint(bold, clean(h.Host)), " ", did, took)
	for _, s := range h.Done {
		p.line(detail, clean(s))
	}
	if h.Err != nil {
		p.indented(detail, h.Err.Error())
		p.line(detail, hint)
	}
}

// hostScore counts the hosts that were prepared, and those that could not be.
func hostScore(all []execute.HostOutcome) (prepared, broken int) {
	for _, h := range all {
		if h.Err != nil {
			broken++
		} else {
			prepared++
		}
	}
	return prepared, broken
}
