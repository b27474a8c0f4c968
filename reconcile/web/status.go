package web

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/report"
	"reconciler/spec"
	"reconciler/state"
)

func (s *server) status(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, s.document(r.Context()))
}

// document gathers the status.
func (s *server) document(ctx context.Context) Status {
	now := s.Loop.Status()
	d := Status{
		FormatVersion: formatVersion, Tool: s.Tool, Source: s.Source,
		Started: now.Started.UTC(), Revision: revisionOf(now.Revision),
		Fetched: now.Fetched.UTC(), SourceError: now.SourceError,
		Passes: now.Passes, LastSuccess: now.Success.UTC(), Busy: now.Busy,
		Failures:    make([]Failure, 0, len(now.Failures)),
		Unreachable: make([]report.UnreachableRow, 0, len(now.Unknown)),
		Summary:     report.Document(now.Latest.Plan, report.Meta{}).Summary,
	}
	if now.Last.ID != "" {
		last := passOf(now.Last)
		d.LastPass = &last
	}
	for _, f := range now.Failures {
		d.Failures = append(d.Failures, Failure{Host: f.Host, Container: f.Container,
			Count: f.Count, Error: f.Text, Retry: f.Retry.UTC(), Permanent: f.Retry.IsZero()})
	}
	for _, u := range now.Unknown {
		d.Unreachable = append(d.Unreachable, report.UnreachableRow{Host: u.Host,
			Since: u.Since.UTC(), Tries: u.Tries, Next: u.Retry.UTC(), Error: u.Text,
			InUse: u.InUse})
	}
	suspensions, passes, err := s.Memory(ctx)
	if err != nil {
		d.StateError = err.Error()
	}
	d.Suspensions, d.History = SuspensionRows(suspensions, time.Now()), HistoryRows(passes)
	return d
}

func revisionOf(r spec.Revision) Revision {
	return Revision{ID: r.ID, Ref: r.Ref, Author: r.Author, Subject: r.Subject,
		Time: r.Time.UTC(), Signer: r.Signer}
}

func passOf(r loop.Report) Pass {
	p := Pass{
		ID: r.ID, Revision: r.Pass.Revision.ID, Reasons: append([]string{}, r.Reasons...),
		Began: r.Began.UTC(), Ended: r.Ended.UTC(), Result: r.Result(),
		Summary: report.Document(r.Pass.Plan, report.Meta{}).Summary,
		Failed:  failedOf(r.Pass.Result),
	}
	if r.Err != nil {
		p.Error = r.Err.Error()
	}
	if r.SourceErr != nil {
		p.SourceError = r.SourceErr.Error()
	}
	return p
}

func failedOf(r *execute.Result) []Failed {
	failed := []Failed{}
	if r == nil {
		return failed
	}
	for _, o := range r.Outcomes {
		if o.Failed() {
			failed = append(failed, Failed{o.Host, o.Container, whyFailed(o)})
		}
	}
	return failed
}

// whyFailed returns what went wrong first.
func whyFailed(o execute.Outcome) string {
	skipped := ""
	for _, s := range o.Steps {
		switch {
		case s.Err != nil:
			return s.Err.Error()
		case s.Status == execute.Skipped && skipped == "":
			skipped = s.Message
		}
	}
	if o.Err != nil {
		return o.Err.Error()
	}
	return skipped
}

// SuspensionRows is what people are shown of the suspensions that hold, in the same order.
func SuspensionRows(all []state.Suspension, now time.Time) []report.SuspensionRow {
	list := make([]report.SuspensionRow, 0, len(all))
	for _, s := range state.Holding(all, now) {
		list = append(list, report.SuspensionRow{Host: s.Host, Container: s.Container,
			Reason: s.Reason, By: s.By, Since: s.Since.UTC(), Until: s.Until.UTC()})
	}
	return list
}

// HistoryRows is what people are shown of passes, in the same order.
func HistoryRows(passes []state.Pass) []report.HistoryRow {
	list := make([]report.HistoryRow, 0, len(passes))
	for i := range passes {
		p := &passes[i]
		list = append(list, report.HistoryRow{
			ID: p.ID, Source: p.Source, Revision: p.Revision, Ref: p.Ref, Author: p.Author,
			Subject: p.Subject, Signer: p.Signer,
			Began: p.Began.UTC(), Ended: p.Ended.UTC(), Created: p.Created, Changed: p.Changed,
			Destroyed: p.Destroyed, Failed: p.Failed, Blocked: p.Blocked, Held: p.Held,
			Record: p.Record, Skipped: p.Skipped, Prepared: p.Prepared, Unprepared: p.Unprepared,
			Error: p.Error,
		})
	}
	return list
}

func (s *server) plan(w http.ResponseWriter, _ *http.Request) {
	latest := s.Loop.Status().Latest
	if latest.Tree == nil {
		refuseFor(w, http.StatusServiceUnavailable, retryPlan, "no pass has compared the hosts yet")
		return
	}
	var text bytes.Buffer
	err := report.JSON(&text, latest.Plan, report.Meta{
		Tool: s.Tool, Source: s.Source, Revision: latest.Revision.ID,
		Installation: latest.Installation, Serial: latest.Serial,
		Hosts: latest.HostNames(),
	})
	if err != nil {
		refuse(w, http.StatusInternalServerError, "cannot encode the plan")
		return
	}
	answerText(w, http.StatusOK, text.Bytes())
}

// retryPlan is when to ask for the first plan again.
const retryPlan = 5 * time.Second
