//go:build linux && cgo

package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// cronMakesPasses runs the line of examples/cron: as cron does, and by cron itself.
func cronMakesPasses(t *testing.T, h *debianHost) {
	h.settle()
	const file = "/var/lib/prometheus/node-exporter/reconciler.prom"
	h.Run("mkdir -p " + filepath.Dir(file))
	// Every minute, as a test should not wait for five.
	table := strings.Replace(example(t, "cron", "reconciler"), "\n*/5 ", "\n* ", 1)
	h.Write("etc/cron.d/reconciler", table)
	h.Eventually("cron makes a pass", "test -e "+file)
	if n := strings.Count(h.incarnations(), "example.com "); n != 3 {
		t.Errorf("after the pass of cron %d containers run, declared are 3", n)
	}
	before := h.incarnations()
	job := parseCron(t, table)
	h.Run("rm " + file)
	if out := h.Run(strings.Join(job.env, " ") + " sh -c '" + job.command + "'"); out != "" {
		t.Errorf("a pass with nothing to do would be mailed: %q", out)
	}
	if after := h.incarnations(); after != before {
		t.Errorf("a pass with nothing to do has changed containers:\n%s\n%s", before, after)
	}
	metrics := h.Run("stat -c %a " + file + " && cat " + file)
	if !strings.HasPrefix(metrics, "644\n") || !strings.Contains(metrics, "\nreconciler_") {
		t.Errorf("node_exporter cannot use:\n%s", metrics)
	}
}
