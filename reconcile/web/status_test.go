package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/report"
	"reconciler/reconcile/web"
	"reconciler/state"
)

func TestStatusTellsWhatTheDaemonKnows(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	d.status = converged()
	d.status.Busy, d.status.SourceError = 2, "no answer"
	d.status.Failures = []loop.Failure{
		{Host: "h", Container: "a", Count: 3, Text: "no space", Retry: now},
		{Host: "h", Container: "b", Count: 1, Text: "no such template"},
	}
	d.status.Unknown = []loop.Unknown{
		{Host: "dark", Since: now, Text: "no route", Tries: 7, Retry: now.Add(time.Minute)},
		{Host: "slow", Since: now, Text: "it has not answered", Tries: 1},
	}
	o := d.options()
	ends := time.Now().Add(time.Hour)
	o.Memory = func(context.Context) ([]state.Suspension, []state.Pass, error) {
		return []state.Suspension{
				{Host: "h", Container: "c", Reason: "repair", By: "ann@h", Since: now, Until: ends},
				{Host: "over", By: "ann@h", Since: now.Add(-time.Hour), Until: now.Add(-time.Minute)},
			}, []state.Pass{{ID: "p0", Source: "s", Revision: "f00", Signer: "bob", Began: now,
				Ended: now, Created: 1, Changed: 2, Destroyed: 3, Failed: 4, Blocked: 5, Held: 6}}, nil
	}
	answer := get(t, open(t, web.Public(o)).URL+"/api/v1/status")
	utc := now.UTC()
	want := web.Status{
		FormatVersion: "1.0", Tool: "1.2.3", Source: "https://git.example.org/tree.git",
		Started: utc, Fetched: utc, SourceError: "no answer", Passes: 1, Busy: 2,
		Revision: web.Revision{ID: "c0ffee", Ref: "refs/heads/main",
			Author: "Ann <ann@example.org>", Subject: "more", Time: utc, Signer: "ann@example.org"},
		LastPass: &web.Pass{ID: "p1", Revision: "c0ffee", Reasons: []string{"start"}, Began: utc,
			Ended: utc.Add(time.Second), Result: "success", Failed: []web.Failed{},
			Summary: report.PlanSummary{Create: 1, Unchanged: 3}},
		LastSuccess: utc.Add(time.Second),
		Failures: []web.Failure{
			{Host: "h", Container: "a", Count: 3, Error: "no space", Retry: utc},
			{Host: "h", Container: "b", Count: 1, Error: "no such template", Permanent: true},
		},
		Unreachable: []report.UnreachableRow{
			{Host: "dark", Since: utc, Tries: 7, Next: utc.Add(time.Minute), Error: "no route"},
			{Host: "slow", Since: utc, Tries: 1, Error: "it has not answered"},
		},
		Suspensions: []report.SuspensionRow{{Host: "h", Container: "c", Reason: "repair", By: "ann@h",
			Since: utc, Until: ends.UTC().Round(0)}},
		History: []report.HistoryRow{{ID: "p0", Source: "s", Revision: "f00", Signer: "bob",
			Began: utc, Ended: utc, Created: 1,
			Changed: 2, Destroyed: 3, Failed: 4, Blocked: 5, Held: 6}},
		Summary: report.PlanSummary{Create: 1, Unchanged: 3},
	}
	if diff := cmp.Diff(want, decode[web.Status](t, answer.body)); diff != "" {
		t.Errorf("the status is not what the daemon knows (-want +got):\n%s", diff)
	}
	if strings.Contains(answer.body, "+01:00") {
		t.Errorf("a time is not in UTC: %s", answer.body)
	}
}

// Readers need no case for null, and a time that never came is not the year 1.
func TestAYoungDaemonHasAStatus(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	url := open(t, web.Public(d.options())).URL
	answer := get(t, url+"/api/v1/status")
	s := decode[web.Status](t, answer.body)
	if s.LastPass != nil || s.Passes != 0 || !s.Fetched.IsZero() {
		t.Errorf("it tells of what did not happen: %s", answer.body)
	}
	for _, bad := range []string{"null", "0001-01-01"} {
		if strings.Contains(answer.body, bad) {
			t.Errorf("%s is in %s", bad, answer.body)
		}
	}
	d.mu.Lock()
	d.status = converged()
	d.status.Last.Reasons, d.status.Last.Pass.Result = nil, &execute.Result{}
	d.mu.Unlock()
	if body := get(t, url+"/api/v1/status").body; strings.Contains(body, "null") {
		t.Errorf("null is in %s", body)
	}
}

func TestAStateThatCannotBeReadDoesNotHideTheRest(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	d.status = converged()
	o := d.options()
	o.Memory = func(context.Context) ([]state.Suspension, []state.Pass, error) {
		return nil, nil, errors.New("disk on fire")
	}
	s := decode[web.Status](t, get(t, open(t, web.Public(o)).URL+"/api/v1/status").body)
	if s.StateError != "disk on fire" || s.Revision.ID != "c0ffee" || s.History == nil {
		t.Errorf("the status is %+v", s)
	}
}

func TestTheLastPassSaysWhatWentWrong(t *testing.T) {
	t.Parallel()
	step := func(s execute.Status, text string, err error) execute.StepResult {
		return execute.StepResult{Status: s, Message: text, Err: err}
	}
	d := newDaemon()
	d.status = converged()
	d.status.Last.Pass.Result = &execute.Result{Outcomes: []execute.Outcome{
		{Host: "h", Container: "a", Steps: []execute.StepResult{step(execute.Done, "", nil),
			step(execute.Failed, "", io.ErrShortWrite), step(execute.Skipped, "after", nil)}},
		{Host: "h", Container: "b", Steps: []execute.StepResult{step(execute.Done, "", nil)}},
		{Host: "h", Container: "c", Err: io.ErrClosedPipe},
		{Host: "h", Container: "d", Steps: []execute.StepResult{
			step(execute.Skipped, "interrupted", nil), step(execute.Skipped, "too", nil)}},
	}}
	url := open(t, web.Public(d.options())).URL + "/api/v1/status"
	got := decode[web.Status](t, get(t, url).body).LastPass
	want := []web.Failed{{Host: "h", Container: "a", Error: io.ErrShortWrite.Error()},
		{Host: "h", Container: "c", Error: io.ErrClosedPipe.Error()},
		{Host: "h", Container: "d", Error: "interrupted"}}
	if diff := cmp.Diff(want, got.Failed); diff != "" || got.Result != "failed" {
		t.Errorf("a pass with result %q tells of failures so (-want +got):\n%s", got.Result, diff)
	}
	d.mu.Lock()
	d.status.Last = loop.Report{ID: "p2", Err: errors.New("cannot read the source")}
	d.mu.Unlock()
	got = decode[web.Status](t, get(t, url).body).LastPass
	if got.Error != "cannot read the source" || got.Result != "failed" || got.Revision != "" {
		t.Errorf("a pass without a source is told as %+v", got)
	}
	d.mu.Lock()
	d.status.Last = loop.Report{ID: "p3", SourceErr: errors.New("no route")}
	d.mu.Unlock()
	if got = decode[web.Status](t, get(t, url).body).LastPass; got.SourceError != "no route" {
		t.Errorf("a pass of an old tree is told as %+v", got)
	}
}

func TestThePlanIsThatOfTheLastPass(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	url := open(t, web.Public(d.options())).URL + "/api/v1/plan"
	early := get(t, url)
	if early.code != http.StatusServiceUnavailable || early.header.Get("Retry-After") == "" ||
		decode[web.Error](t, early.body).Text == "" {
		t.Errorf("before any pass the plan is %+v", early)
	}
	d.mu.Lock()
	d.status = converged()
	d.mu.Unlock()
	answer := get(t, url)
	p := decode[report.PlanDocument](t, answer.body)
	want := report.Meta{Tool: "1.2.3", Source: "https://git.example.org/tree.git",
		Revision: "c0ffee", Installation: "i-1", Serial: 7, Hosts: []string{"h"}}
	if diff := cmp.Diff(want, p.Meta); diff != "" {
		t.Errorf("the plan is of something else (-want +got):\n%s", diff)
	}
	if answer.code != http.StatusOK || p.Summary.Create != 1 || len(p.Steps) != 1 {
		t.Errorf("the plan is %d %s", answer.code, answer.body)
	}
}

// Whoever can reach the port can read this: a password in it would be lost.
func TestNoSecretIsShown(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	d.status = converged()
	o := d.options()
	o.Secrets = secrets(t, "correct horse battery")
	url := open(t, web.Control(o)).URL
	for _, path := range []string{"/api/v1/status", "/api/v1/plan", "/healthz", "/readyz"} {
		if body := get(t, url+path).body; strings.Contains(body, "hunter") ||
			strings.Contains(body, "battery") {
			t.Errorf("%s shows a secret: %s", path, body)
		}
	}
}

// People look at this with curl, and anybody who can commit chooses the subject.
func TestACommitCannotActOnATerminal(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	d.status = converged()
	const subject = "a\u009b2J\x1b[2J\u202e\x7f\U0001F600\xffz"
	d.status.Revision.Subject = subject
	body := get(t, open(t, web.Public(d.options())).URL+"/api/v1/status").body
	for i := range len(body) {
		if c := body[i]; c >= 0x7f || c < ' ' && c != '\n' {
			t.Fatalf("byte %#x reaches the terminal in %q", c, body)
		}
	}
	want, err := json.Marshal(subject)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	if err := json.Unmarshal(want, &text); err != nil {
		t.Fatal(err)
	}
	if got := decode[web.Status](t, body).Revision.Subject; got != text {
		t.Errorf("the subject %q became %q", text, got)
	}
}

func TestEveryAnswerIsForThisMomentOnly(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	url := open(t, web.Public(d.options())).URL
	for path, json := range map[string]bool{
		"/healthz": true, "/readyz": true, "/api/v1/status": true, "/api/v1/plan": true, "/no": false,
	} {
		h := get(t, url+path).header
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" ||
			json && !strings.HasPrefix(h.Get("Content-Type"), "application/json") {
			t.Errorf("%s is answered with %v", path, h)
		}
	}
}

func TestMetricsAreServedIfThereAreSome(t *testing.T) {
	t.Parallel()
	d := newDaemon()
	o := d.options()
	if got := get(t, open(t, web.Public(o)).URL+"/metrics"); got.code != http.StatusNotFound {
		t.Errorf("without metrics the answer is %d", got.code)
	}
	o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "up 1\n")
	})
	if got := get(t, open(t, web.Public(o)).URL+"/metrics"); got.body != "up 1\n" {
		t.Errorf("the metrics are %q", got.body)
	}
}
