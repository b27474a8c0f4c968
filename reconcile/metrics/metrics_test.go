package metrics_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"reconciler/reconcile"
	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/metrics"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// scrape returns what Prometheus sees.
func scrape(t *testing.T, m *metrics.Metrics, accept string) string {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Header.Set("Accept", accept)
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, r)
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("a scrape answers %d, %v: %s", w.Code, err, body)
	}
	return string(body)
}

// series returns the values of our own series by name with labels.
func series(t *testing.T, text string) map[string]float64 {
	t.Helper()
	found := map[string]float64{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "reconciler_") {
			continue
		}
		line = strings.TrimSpace(line)
		end := strings.LastIndex(line, " ")
		value, err := strconv.ParseFloat(line[end+1:], 64)
		if err != nil {
			t.Fatalf("no number in %q", line)
		}
		found[line[:end]] = value
	}
	return found
}

func expect(t *testing.T, m *metrics.Metrics, want map[string]float64) {
	t.Helper()
	got := series(t, scrape(t, m, ""))
	for name, value := range want {
		if v, ok := got[name]; !ok || v != value {
			t.Errorf("%s is %v (there: %v), want %v", name, v, ok, value)
		}
	}
}

// found is a pass that found something of everything.
func found() reconcile.Pass {
	return reconcile.Pass{
		Declaration: reconcile.Declaration{
			Revision: spec.Revision{ID: "c0ffee", Ref: "refs/heads/main", Signer: "ann@example.org"},
			Tree: &spec.Tree{Hosts: map[string]*spec.Host{"h": {Containers: map[string]*spec.Container{
				"replaced": {}, "drifted": {}, "reported": {}, "held": {}, "down": {}, "new": {},
			}}}},
		},
		Plan: plan.Plan{
			Steps: []plan.Step{
				{Host: "h", Container: "drifted", Action: plan.Configure,
					Reason: plan.Reason{Code: plan.Changed}, Changes: []plan.Change{{Drift: true}}},
				{Host: "h", Container: "drifted", Action: plan.Start,
					Reason: plan.Reason{Code: plan.NotRunning}},
				{Host: "h", Container: "down", Reason: plan.Reason{Code: plan.NotRunning}},
				{Host: "h", Container: "new", Reason: plan.Reason{Code: plan.Declared},
					Changes: []plan.Change{{}}},
				{Host: "h", Container: "orphan", Action: plan.Destroy,
					Reason: plan.Reason{Code: plan.Undeclared}},
				{Host: "h", Container: "vanished", Action: plan.Forget,
					Reason: plan.Reason{Code: plan.Undeclared}},
			},
			Held: []plan.Held{
				{Host: "h", Container: "held", Code: plan.HeldWindow, Kind: plan.KindChange,
					Changes: []plan.Change{{Drift: true}}},
				{Host: "h", Container: "reported", Code: plan.HeldDrift, Kind: plan.KindCreate},
				{Host: "h", Container: "late", Code: plan.HeldSuspended, Kind: plan.KindDestroy},
				{Host: "h", Container: "new", Code: plan.HeldSuspended, Kind: plan.KindChange},
			},
			Blocked: []plan.Blocked{
				{Host: "h", Container: "kept", Action: plan.Destroy, Code: plan.BlockedProtected},
				{Host: "h", Container: "kept", Action: plan.Destroy, Code: plan.BlockedGuard},
				{Host: "h", Container: "replaced", Action: plan.Destroy, Code: plan.BlockedRecreate},
			},
			Unmanaged:   []plan.Unmanaged{{Host: "h", Container: "foreign"}},
			Unreachable: []plan.Unreachable{{Host: "dark"}, {Host: "gone"}},
		},
	}
}

func TestAScrapeShowsWhatTheLastPassFound(t *testing.T) {
	t.Parallel()
	m := metrics.New("1.2.3")
	pass := found()
	pass.Suspensions = make([]state.Suspension, 2)
	m.Follow(func() loop.Status {
		return loop.Status{
			Revision: pass.Revision, Fetched: began, Success: began.Add(-time.Hour),
			Last:   loop.Report{ID: "a", Ended: began.Add(1500 * time.Millisecond)},
			Latest: pass, Busy: 4, Waiting: 5, Failures: make([]loop.Failure, 3),
			Unknown: []loop.Unknown{{Host: "dark", Since: began, Tries: 7, Retry: began.Add(time.Minute)},
				{Host: "x\xff", Since: began, Tries: 1}},
		}
	})
	at := float64(began.Unix())
	expect(t, m, map[string]float64{
		// Drifted, down, held and reported.
		"reconciler_drift_containers":                                         4,
		"reconciler_orphans_containers":                                       3, // orphan, late, kept
		"reconciler_blocked_containers":                                       2,
		"reconciler_unmanaged_containers":                                     1,
		"reconciler_unreachable_hosts":                                        2,
		`reconciler_held_containers{code="suspended"}`:                        2,
		`reconciler_held_containers{code="window"}`:                           1,
		`reconciler_held_containers{code="drift"}`:                            1,
		`reconciler_held_containers{code="busy"}`:                             0,
		"reconciler_failing_containers":                                       3,
		`reconciler_unreachable_host_tries{host="dark"}`:                      7,
		`reconciler_unreachable_host_tries{host="x�"}`:                        1,
		`reconciler_unreachable_host_since_timestamp_seconds{host="dark"}`:    at,
		`reconciler_unreachable_host_next_try_timestamp_seconds{host="dark"}`: at + 60,
		`reconciler_unreachable_host_next_try_timestamp_seconds{host="x�"}`:   0,
		"reconciler_busy_containers":                                          4,
		"reconciler_queue_length":                                             5,
		"reconciler_suspended":                                                2,
		"reconciler_last_success_timestamp_seconds":                           at - 3600,
		"reconciler_last_pass_timestamp_seconds":                              at + 1.5,
		"reconciler_source_up":                                                1,
		sourceInfo("c0ffee", "refs/heads/main", "ann@example.org"):            1,
	})
}

func sourceInfo(revision, ref, signer string) string {
	return `reconciler_source_info{ref="` + ref + `",revision="` + revision + `",signer="` +
		signer + `"}`
}

// A dashboard that joins on the revision must not see two of them.
func TestOnlyTheRevisionThatHoldsIsShown(t *testing.T) {
	t.Parallel()
	m := metrics.New("1")
	status := loop.Status{Revision: spec.Revision{ID: "old"}, Fetched: began}
	m.Follow(func() loop.Status { return status })
	scrape(t, m, "")
	status.Revision.ID, status.SourceError = "new", "the server does not answer"
	got := series(t, scrape(t, m, ""))
	if _, ok := got[sourceInfo("old", "", "")]; ok {
		t.Error("the old revision is still there")
	}
	if got[sourceInfo("new", "", "")] != 1 || got["reconciler_source_up"] != 0 {
		t.Errorf("the new revision, whose source has gone down, shows as %v", got)
	}
}

// An alarm for a host that answers again must end.
func TestAHostThatAnswersHasNoSeries(t *testing.T) {
	t.Parallel()
	m := metrics.New("1")
	status := loop.Status{Unknown: []loop.Unknown{{Host: "dark", Since: began, Tries: 2}}}
	m.Follow(func() loop.Status { return status })
	if !strings.Contains(scrape(t, m, ""), `host="dark"`) {
		t.Error("a host that does not answer is not shown")
	}
	status.Unknown = nil
	if strings.Contains(scrape(t, m, ""), `host="dark"`) {
		t.Error("a host that answers is still shown")
	}
}

// Whoever can commit must not be able to blind the monitoring.
func TestAHostileCommitDoesNotBreakTheScrape(t *testing.T) {
	t.Parallel()
	m := metrics.New("v\xff")
	m.Follow(func() loop.Status {
		return loop.Status{Revision: spec.Revision{
			ID: "a", Ref: "x\"} 1\nreconciler_source_up 7", Signer: "\xff\xfe",
		}}
	})
	got := series(t, scrape(t, m, ""))
	if got["reconciler_source_up"] != 0 {
		t.Errorf("a ref has forged a metric: %v", got)
	}
	if got[sourceInfo("a", `x\"} 1\nreconciler_source_up 7`, "\uFFFD")] != 1 {
		t.Errorf("the revision is not shown: %v", got)
	}
}

func TestPassesAreCountedByTheWorstThatHappened(t *testing.T) {
	t.Parallel()
	outcome := func(s execute.Status, err error) *execute.Result {
		return &execute.Result{Outcomes: []execute.Outcome{
			{Host: "h", Container: "c", Steps: []execute.StepResult{{Status: s, Err: err}}}}}
	}
	dark := []plan.Unreachable{{Host: "dark"}}
	guarded := []plan.Blocked{{Code: plan.BlockedGuard}}
	for _, c := range []struct {
		what, want string
		report     loop.Report
	}{
		{"nothing to do", loop.Success, loop.Report{}},
		{"held", loop.Success, loop.Report{Pass: reconcile.Pass{
			Plan: plan.Plan{Held: []plan.Held{{Code: plan.HeldWindow}}}}}},
		{"done", loop.Success, loop.Report{Pass: reconcile.Pass{
			Result: outcome(execute.Done, nil)}}},
		{"no source", loop.Failed, loop.Report{Err: errors.New("no source")}},
		{"guard", loop.Blocked, loop.Report{Pass: reconcile.Pass{
			Plan: plan.Plan{Blocked: guarded}}}},
		{"host", loop.Unreachable, loop.Report{Pass: reconcile.Pass{
			Plan: plan.Plan{Blocked: guarded, Unreachable: dark}}}},
		{"step", loop.Failed, loop.Report{Pass: reconcile.Pass{
			Plan: plan.Plan{Unreachable: dark}, Result: outcome(execute.Failed, io.EOF)}}},
		{"mistake", loop.Failed, loop.Report{Pass: reconcile.Pass{
			Plan: plan.Plan{Blocked: []plan.Blocked{{Failed: true}}}}}},
		{"interrupted", loop.Failed, loop.Report{Pass: reconcile.Pass{
			Result: &execute.Result{Interrupted: true}}}},
	} {
		m := metrics.New("1")
		c.report.Began, c.report.Ended = began, began.Add(2*time.Second)
		m.Passed(c.report)
		if got := c.report.Result(); got != c.want {
			t.Errorf("%s: the result is %q, want %q", c.what, got, c.want)
		}
		want := map[string]float64{
			"reconciler_pass_duration_seconds_sum":              2,
			`reconciler_pass_duration_seconds_bucket{le="1"}`:   0,
			`reconciler_pass_duration_seconds_bucket{le="2.5"}`: 1,
			`reconciler_passes_total{result="success"}`:         0,
			`reconciler_passes_total{result="failed"}`:          0,
			`reconciler_passes_total{result="blocked"}`:         0,
			`reconciler_passes_total{result="unreachable"}`:     0,
		}
		want[`reconciler_passes_total{result="`+c.want+`"}`] = 1
		expect(t, m, want)
	}
}

// The clock may be set back while a pass runs: a negative duration would spoil the sum for ever.
func TestAClockSetBackDoesNotSpoilTheDurations(t *testing.T) {
	t.Parallel()
	m := metrics.New("1")
	m.Passed(loop.Report{Began: began, Ended: began.Add(-time.Hour)})
	expect(t, m, map[string]float64{"reconciler_pass_duration_seconds_sum": 0,
		"reconciler_pass_duration_seconds_count": 1})
}

func TestStepsAreCountedWhenTheyEnd(t *testing.T) {
	t.Parallel()
	m := metrics.New("1")
	step := plan.Step{Host: "h", Container: "c", Action: plan.Start}
	done := execute.StepResult{Step: step, Status: execute.Done, Took: 3 * time.Second}
	failed := execute.StepResult{Step: step, Status: execute.Failed, Took: time.Second, Err: io.EOF}
	for _, e := range []execute.Event{
		{Kind: execute.StepStarted, Step: step},
		{Kind: execute.StepRetried, Step: step, Attempt: 1, Err: io.EOF},
		{Kind: execute.StepFinished, Step: step, Result: done},
		{Kind: execute.ContainerFinished, Step: step},
		{Kind: execute.StepFinished, Step: step, Result: failed},
		{Kind: execute.StepFinished, Step: step, Result: failed},
	} {
		m.Observe(e)
	}
	expect(t, m, map[string]float64{
		`reconciler_steps_total{action="start",result="done"}`:     1,
		`reconciler_steps_total{action="start",result="failed"}`:   2,
		`reconciler_steps_total{action="destroy",result="failed"}`: 0,
		`reconciler_step_duration_seconds_sum{action="start"}`:     5,
		`reconciler_step_duration_seconds_count{action="start"}`:   3,
	})
}

func TestScrapesAndPassesDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	m := metrics.New("1")
	const each = 50
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range each {
				m.Passed(loop.Report{Began: began, Ended: began})
				m.Observe(execute.Event{Kind: execute.StepFinished,
					Result: execute.StepResult{Step: plan.Step{Action: plan.DNS}, Status: execute.Done}})
				m.Follow(func() loop.Status { return loop.Status{Latest: found()} })
				scrape(t, m, "")
			}
		})
	}
	all.Wait()
	expect(t, m, map[string]float64{
		`reconciler_passes_total{result="success"}`:          4 * each,
		`reconciler_steps_total{action="dns",result="done"}`: 4 * each,
	})
}
