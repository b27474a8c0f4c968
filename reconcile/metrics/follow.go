package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"reconciler/reconcile/loop"
)

// gauge is a figure that is read from the status.
type gauge struct {
	desc  *prometheus.Desc
	value func(loop.Status) float64
}

// follower is a prometheus.Collector that remembers nothing: a series whose labels are of an
// older revision is gone with the next scrape.
type follower struct {
	status func() (loop.Status, bool)
	gauges []gauge
	held   *prometheus.Desc
	source *prometheus.Desc
	hosts  []hostGauge
}

// hostGauge is a figure of each host that is unreachable.
type hostGauge struct {
	desc  *prometheus.Desc
	value func(loop.Unknown) float64
}

func newFollower(status func() (loop.Status, bool)) *follower {
	return &follower{
		status: status,
		gauges: append(planGauges(), loopGauges()...),
		held: describe("held_containers",
			"Containers that the last pass left alone for now, by the reason.", "code"),
		source: describe("source_info",
			"The revision of the tree that holds; always 1.", "revision", "ref", "signer"),
		hosts: hostGauges(),
	}
}

// hostGauges are about hosts that the last pass could not see: others have none of them.
func hostGauges() []hostGauge {
	return []hostGauge{
		{describe("unreachable_host_since_timestamp_seconds",
			"When the first pass began that could not see the host.", "host"),
			func(u loop.Unknown) float64 { return seconds(u.Since) }},
		{describe("unreachable_host_tries",
			"How often the host was tried since it last answered.", "host"),
			func(u loop.Unknown) float64 { return float64(u.Tries) }},
		{describe("unreachable_host_next_try_timestamp_seconds",
			"When the host is tried next; 0 while it is, or if that comes with a pass.", "host"),
			func(u loop.Unknown) float64 { return seconds(u.Retry) }},
	}
}

// planGauges are about what the last pass found that got as far as looking at hosts.
func planGauges() []gauge {
	return []gauge{
		{describe("drift_containers",
			"Containers that the last pass found different from what was declared and applied."),
			func(s loop.Status) float64 { return float64(drifted(s.Latest.Plan)) }},
		{describe("orphans_containers",
			"Containers that the last pass found that are ours and are not declared any more."),
			func(s loop.Status) float64 { return float64(orphans(s.Latest)) }},
		{describe("blocked_containers",
			"Containers for which the last pass did not do what it should."),
			func(s loop.Status) float64 { return float64(blocked(s.Latest.Plan)) }},
		{describe("unmanaged_containers",
			"Containers on the hosts that are not ours."),
			func(s loop.Status) float64 { return float64(len(s.Latest.Plan.Unmanaged)) }},
		{describe("unreachable_hosts",
			"Hosts of which the last pass could not see everything."),
			func(s loop.Status) float64 { return float64(len(s.Latest.Plan.Unreachable)) }},
	}
}

// loopGauges are about the loop itself. A time that never came is 0.
func loopGauges() []gauge {
	return []gauge{
		{describe("failing_containers",
			"Containers that failed and have not succeeded since."),
			func(s loop.Status) float64 { return float64(len(s.Failures)) }},
		{describe("busy_containers",
			"Containers that are being worked on."),
			func(s loop.Status) float64 { return float64(s.Busy) }},
		{describe("queue_length",
			"Reasons for a pass that has not begun."),
			func(s loop.Status) float64 { return float64(s.Waiting) }},
		{describe("suspended",
			"Containers, hosts or everything that somebody has suspended, each counted as one."),
			func(s loop.Status) float64 { return float64(len(s.Latest.Suspensions)) }},
		{describe("last_success_timestamp_seconds",
			"When a pass last left everything as declared."),
			func(s loop.Status) float64 { return seconds(s.Success) }},
		{describe("last_pass_timestamp_seconds",
			"When a pass last ended."),
			func(s loop.Status) float64 { return seconds(s.Last.Ended) }},
		{describe("source_up",
			"Whether the source could be read when it was last tried: 1 or 0."),
			func(s loop.Status) float64 {
				if s.Fetched.IsZero() || s.SourceError != "" {
					return 0
				}
				return 1
			}},
	}
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("reconciler_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (f *follower) Describe(to chan<- *prometheus.Desc) {
	for _, g := range f.gauges {
		to <- g.desc
	}
	to <- f.held
	to <- f.source
	for _, g := range f.hosts {
		to <- g.desc
	}
}

// Collect implements prometheus.Collector.
func (f *follower) Collect(to chan<- prometheus.Metric) {
	s, ok := f.status()
	if !ok {
		return
	}
	give := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	for _, g := range f.gauges {
		give(g.desc, g.value(s))
	}
	for code, n := range held(s.Latest.Plan) {
		give(f.held, float64(n), code)
	}
	for _, u := range s.Unknown {
		for _, g := range f.hosts {
			give(g.desc, g.value(u), valid(u.Host))
		}
	}
	if r := s.Revision; r.ID != "" {
		give(f.source, 1, valid(r.ID), valid(r.Ref), valid(r.Signer))
	}
}

// valid makes a label of a text that comes from a commit: a label that is not UTF-8 would take all
// the others down with it.
func valid(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	const milli = 1000
	return float64(t.UnixMilli()) / milli
}
