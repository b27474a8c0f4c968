package web_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/web"
	"reconciler/spec"
	"reconciler/state"
)

var now = time.Date(2026, 3, 1, 13, 0, 0, 0, time.FixedZone("CET", 3600))

// daemon is a loop that makes a pass when it is told to, and remembers what woke it.
type daemon struct {
	mu     sync.Mutex
	status loop.Status
	wakes  []string
	seen   []loop.Report
	events int
	woken  chan struct{}

	watch *web.Watch
	log   strings.Builder
}

func newDaemon() *daemon {
	d := &daemon{woken: make(chan struct{}, 1000)}
	d.status.Started = now
	d.watch = web.NewWatch(d)
	d.watch.Beat()
	return d
}

func (d *daemon) Status() loop.Status {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.status
}

func (d *daemon) Wake(reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wakes = append(d.wakes, reason)
	d.woken <- struct{}{}
}

// Passed and Observe make a daemon the recorder behind its Watch.
func (d *daemon) Passed(r loop.Report) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.seen = append(d.seen, r)
}

func (d *daemon) Observe(execute.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events++
}

func (d *daemon) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.Write(p)
}

func (d *daemon) wokenBy() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.wakes)
}

func (d *daemon) logged() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.log.String()
}

func (d *daemon) options() web.Options {
	return web.Options{
		Loop: d, Watch: d.watch, Tool: "1.2.3", Source: "https://git.example.org/tree.git",
		Memory: func(context.Context) ([]state.Suspension, []state.Pass, error) {
			return nil, nil, nil
		},
		Log: slog.New(slog.NewTextHandler(d, nil)),
	}
}

// open serves a handler on 127.0.0.1.
func open(t testing.TB, h http.Handler) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// reply is an answer, read.
type reply struct {
	code   int
	header http.Header
	body   string
}

func send(t testing.TB, r *http.Request) reply {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

func request(t testing.TB, method, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func get(t testing.TB, url string) reply {
	t.Helper()
	return send(t, request(t, http.MethodGet, url, nil))
}

func decode[T any](t testing.TB, text string) T {
	t.Helper()
	var v T
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// converged is a status after a pass that found one thing to do and did it.
func converged() loop.Status {
	secret := plan.Change{Field: "password", Old: "old hunter", New: "new hunter", Sensitive: true}
	pass := reconcile.Pass{
		Declaration: reconcile.Declaration{Tree: &spec.Tree{}, Revision: spec.Revision{
			ID: "c0ffee", Ref: "refs/heads/main", Author: "Ann <ann@example.org>",
			Subject: "more", Time: now, Signer: "ann@example.org"}},
		Installation: "i-1", Serial: 7,
		Observed: map[string]plan.Actual{"h": {}},
		Plan: plan.Plan{Unchanged: 3, Steps: []plan.Step{{Host: "h", Container: "c",
			Action: plan.Create, Reason: plan.Reason{Code: plan.Declared}, Changes: []plan.Change{secret}}}},
	}
	last := loop.Report{ID: "p1", Reasons: []string{"start"}, Began: now, Ended: now.Add(time.Second),
		Pass: pass}
	return loop.Status{Started: now, Revision: pass.Revision, Fetched: now, Passes: 1,
		Success: last.Ended, Last: last, Latest: pass}
}
