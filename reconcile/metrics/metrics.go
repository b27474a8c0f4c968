// Package metrics counts what passes do, for Prometheus.
//
// It promises that the number of series does not grow with the number of containers or with time,
// that no series is left of a revision that is no longer the current one, and that a host which
// answers has none of the series about unreachable hosts. It never uses the global registry, and no
// label ever has the name of a container or a text of an error.
package metrics

import (
	"net/http"
	"runtime"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/plan"
)

// Metrics are those of one process. Its methods may be called from several goroutines.
type Metrics struct {
	own     *prometheus.Registry
	process *prometheus.Registry // what node_exporter says of itself too: never in a file

	passes   *prometheus.CounterVec
	passTook prometheus.Histogram
	steps    *prometheus.CounterVec
	stepTook *prometheus.HistogramVec

	mu     sync.Mutex
	status func() loop.Status // nil: nothing is followed yet
}

var _ loop.Recorder = (*Metrics)(nil)

// New returns metrics that have seen nothing. The version is that of the program.
func New(version string) *Metrics {
	m := &Metrics{own: prometheus.NewRegistry(), process: prometheus.NewRegistry()}
	m.passes = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reconciler_passes_total",
		Help: "Passes that have ended, by the worst that happened in each.",
	}, []string{"result"})
	m.passTook = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name:    "reconciler_pass_duration_seconds",
		Help:    "How long passes took, from reading the source to the end of the last step.",
		Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600},
	})
	m.steps = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reconciler_steps_total",
		Help: "Steps on containers that were carried out, by what became of them.",
	}, []string{"action", "result"})
	m.stepTook = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "reconciler_step_duration_seconds",
		Help:    "How long steps on containers took, with all their tries.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1200},
	}, []string{"action"})
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "reconciler_build_info",
		Help:        "The running program; always 1.",
		ConstLabels: prometheus.Labels{"version": valid(version), "goversion": runtime.Version()},
	})
	build.Set(1)
	m.own.MustRegister(m.passes, m.passTook, m.steps, m.stepTook, build,
		newFollower(m.followed))
	m.process.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.begin()
	return m
}

// begin makes the counters start at zero: a counter that first appears with the value one has not
// increased as Prometheus sees it.
func (m *Metrics) begin() {
	for _, result := range []string{
		loop.Success, loop.Failed, loop.Blocked, loop.Unreachable,
	} {
		m.passes.WithLabelValues(result)
	}
	for _, a := range []plan.Action{
		plan.Create, plan.Clone, plan.Stop, plan.Destroy, plan.Configure, plan.Start,
		plan.Password, plan.Address, plan.DNS, plan.Note, plan.Forget,
	} {
		m.steps.WithLabelValues(string(a), string(execute.Done))
		m.steps.WithLabelValues(string(a), string(execute.Failed))
	}
}

// Passed implements loop.Recorder.
func (m *Metrics) Passed(r loop.Report) {
	m.passes.WithLabelValues(r.Result()).Inc()
	m.passTook.Observe(max(0, r.Ended.Sub(r.Began).Seconds()))
}

// Observe implements loop.Recorder and execute.Observer.
func (m *Metrics) Observe(e execute.Event) {
	if e.Kind != execute.StepFinished {
		return
	}
	action := string(e.Result.Step.Action)
	m.steps.WithLabelValues(action, string(e.Result.Status)).Inc()
	m.stepTook.WithLabelValues(action).Observe(e.Result.Took.Seconds())
}

// Follow makes all that is not counted come from status, which is asked with every scrape.
func (m *Metrics) Follow(status func() loop.Status) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status = status
}

func (m *Metrics) followed() (loop.Status, bool) {
	m.mu.Lock()
	status := m.status
	m.mu.Unlock()
	if status == nil {
		return loop.Status{}, false
	}
	return status(), true
}

// Once takes in the only pass of a process that has no loop: Passed, and Follow of what a loop
// would know after it.
func (m *Metrics) Once(r loop.Report) {
	m.Passed(r)
	s := loop.Status{Started: r.Began, Passes: 1, Last: r}
	if r.Pass.Tree == nil && r.Err != nil {
		s.SourceError = r.Err.Error()
	} else {
		s.Fetched, s.Revision = r.Began, r.Pass.Revision
	}
	if r.Err == nil {
		s.Latest = r.Pass
	}
	if r.Result() == loop.Success {
		s.Success = r.Ended
	}
	s.Failures = failures(r)
	m.Follow(func() loop.Status { return s })
}

// Handler answers scrapes, in the format of OpenMetrics if that is asked for. It gives the figures
// of the Go runtime and of the process too.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(prometheus.Gatherers{m.own, m.process},
		promhttp.HandlerOpts{EnableOpenMetrics: true})
}
