package metrics

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// full has a value in each metric.
func full() *Metrics {
	m := New("1")
	m.Observe(execute.Event{Kind: execute.StepFinished,
		Result: execute.StepResult{Step: plan.Step{Action: plan.Stop}, Status: execute.Done}})
	m.Passed(loop.Report{})
	m.Follow(func() loop.Status { return loop.Status{Revision: spec.Revision{ID: "a"}} })
	return m
}

func TestNamesFollowTheConventions(t *testing.T) {
	t.Parallel()
	problems, err := testutil.GatherAndLint(full().own)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// The names are an interface: dashboards and alerts are lost with one of them.
func TestEveryMetricIsThere(t *testing.T) {
	t.Parallel()
	families, err := full().own.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, f := range families {
		got[strings.TrimPrefix(f.GetName(), "reconciler_")] = true
	}
	want := []string{
		"passes_total", "pass_duration_seconds", "steps_total", "step_duration_seconds",
		"drift_containers", "orphans_containers", "blocked_containers", "unmanaged_containers",
		"held_containers", "unreachable_hosts", "suspended", "failing_containers", "queue_length",
		"busy_containers", "last_success_timestamp_seconds", "last_pass_timestamp_seconds",
		"source_info", "source_up", "build_info",
	}
	for _, name := range want {
		if !got[name] {
			t.Errorf("%s is missing", name)
		}
	}
	if len(got) != len(want) {
		t.Errorf("there are %d metrics and %d are known here: %v", len(got), len(want), got)
	}
}

// The number of series must stay the same however many containers there are.
func TestManyContainersMakeNoMoreSeries(t *testing.T) {
	t.Parallel()
	count := func(n int) int {
		m := full()
		p := plan.Plan{}
		for i := range n {
			name := strings.Repeat("x", i+1)
			p.Steps = append(p.Steps, plan.Step{Host: name, Container: name,
				Reason: plan.Reason{Code: plan.Drift}})
			p.Held = append(p.Held, plan.Held{Host: name, Container: name, Code: plan.HeldBusy})
			p.Blocked = append(p.Blocked, plan.Blocked{Host: name, Container: name})
			m.Observe(execute.Event{Kind: execute.StepFinished, Result: execute.StepResult{
				Step: plan.Step{Action: plan.Stop, Container: name}, Status: execute.Done}})
		}
		s := loop.Status{Revision: spec.Revision{ID: "a"}}
		s.Latest.Plan = p
		m.Follow(func() loop.Status { return s })
		series, err := testutil.GatherAndCount(m.own)
		if err != nil {
			t.Fatal(err)
		}
		return series
	}
	if few, many := count(1), count(300); few != many {
		t.Errorf("one container makes %d series, 300 make %d", few, many)
	}
}

func TestBothFormatsAreSpoken(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"": "text/plain", "application/openmetrics-text; version=1.0.0": "application/openmetrics-text",
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		full().Handler().ServeHTTP(w, r)
		text := w.Body.String()
		if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, want) {
			t.Errorf("who asks for %q gets %q", accept, got)
		}
		for _, name := range []string{"go_goroutines ", "process_start_time_seconds ",
			`reconciler_passes_total{result="success"} `} {
			if !strings.Contains(text, "\n"+name) {
				t.Errorf("who asks for %q does not get %s", accept, name)
			}
		}
	}
}

// Before the daemon has begun there is nothing to tell: a 0 would be a false answer.
func TestNothingIsMadeUpBeforeAnythingIsFollowed(t *testing.T) {
	t.Parallel()
	n, err := testutil.GatherAndCount(New("1").own, "reconciler_source_up",
		"reconciler_drift_containers", "reconciler_last_success_timestamp_seconds")
	if err != nil || n != 0 {
		t.Errorf("%d figures are made up, %v", n, err)
	}
}
