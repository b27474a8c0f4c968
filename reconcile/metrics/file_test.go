package metrics_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/loop"
	"reconciler/reconcile/metrics"
)

const lastSuccess = "reconciler_last_success_timestamp_seconds"

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestAFileIsWhatNodeExporterReads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "reconciler.prom")
	if err := os.WriteFile(path, []byte("old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := metrics.New("1.2.3")
	m.Once(loop.Report{Began: began, Ended: began.Add(time.Second), Pass: found()})
	if err := m.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	text := read(t, path)
	got := series(t, text)
	if got["reconciler_unreachable_hosts"] != 2 || got["reconciler_source_up"] != 1 ||
		got[`reconciler_passes_total{result="unreachable"}`] != 1 {
		t.Errorf("the file does not tell what the pass found:\n%s", text)
	}
	if _, ok := got[`reconciler_build_info{goversion="`+runtime.Version()+`",version="1.2.3"}`]; !ok {
		t.Error("the file does not say which program wrote it")
	}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "reconciler_") && !strings.HasPrefix(line, "# ") ||
			strings.HasPrefix(line, "# EOF") {
			t.Errorf("node_exporter would refuse the file or count twice: %q", line)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("node_exporter cannot read the file: %v, %v", info.Mode(), err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("something is left beside the file: %v, %v", left, err)
	}
}

// An alert on the age of the last success must not be reset by a run that failed.
func TestAFailedRunKeepsTheTimeOfTheLastSuccess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r.prom")
	write := func(r loop.Report) float64 {
		t.Helper()
		m := metrics.New("1")
		m.Once(r)
		if err := m.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		return series(t, read(t, path))[lastSuccess]
	}
	bad := loop.Report{Began: began, Ended: began.Add(time.Hour), Err: errors.New("no source")}
	if got := write(bad); got != 0 {
		t.Errorf("without any success the time is %v", got)
	}
	good := loop.Report{Began: began, Ended: began.Add(time.Minute)}
	if got := write(good); got != float64(began.Unix()+60) {
		t.Errorf("after a success the time is %v", got)
	}
	if got := write(bad); got != float64(began.Unix()+60) {
		t.Errorf("after a failure the time of the success is %v", got)
	}
	good.Ended = began.Add(2 * time.Hour)
	if got := write(good); got != float64(began.Unix()+7200) {
		t.Errorf("after another success the time is %v", got)
	}
}

func TestOnePassSaysHowTheSourceIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		report loop.Report
		up     float64
	}{
		{"no source", loop.Report{Err: errors.New("no source")}, 0},
		{"no lock", loop.Report{Err: errors.New("locked"), Pass: found()}, 1},
		{"all well", loop.Report{Pass: found()}, 1},
	} {
		c.report.Began, c.report.Ended = began, began
		m := metrics.New("1")
		m.Once(c.report)
		if got := series(t, scrape(t, m, ""))["reconciler_source_up"]; got != c.up {
			t.Errorf("%s: source_up is %v, want %v", c.what, got, c.up)
		}
	}
}

func TestOnePassCountsWhatFailed(t *testing.T) {
	t.Parallel()
	r := loop.Report{Began: began, Ended: began}
	r.Pass.Result = &execute.Result{Outcomes: []execute.Outcome{
		{Host: "h", Container: "a", Steps: []execute.StepResult{{Status: execute.Failed}}},
		{Host: "h", Container: "b", Steps: []execute.StepResult{{Status: execute.Done}}},
		{Host: "h", Container: "c", Err: errors.New("cannot record")},
	}}
	m := metrics.New("1")
	m.Once(r)
	expect(t, m, map[string]float64{"reconciler_failing_containers": 2})
}

func TestAFileThatNobodyWouldReadIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{
		filepath.Join(dir, "metrics.txt"), filepath.Join(dir, "metrics"),
		filepath.Join(dir, "x.prom.tmp"), filepath.Join(dir, "no", "such", "x.prom"),
	} {
		err := metrics.New("1").WriteFile(path)
		if err == nil || !strings.Contains(err.Error(), "cannot write metrics file") ||
			strings.Count(err.Error(), path) > 1 {
			t.Errorf("%s: %v", path, err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("files were made: %v, %v", left, err)
	}
}

// Others may be able to write to the directory: a run must not wait for them.
func TestAFIFOInPlaceOfTheFileIsReplaced(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "r.prom")
	if err := syscall.Mkfifo(path, 0o644); err != nil {
		t.Skipf("this file system has no FIFOs: %v", err)
	}
	if err := metrics.New("1").WriteFile(path); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(read(t, path), "reconciler_build_info") {
		t.Error("the metrics are not there")
	}
}

// What an old file holds is only believed if it is a time.
func TestRubbishInTheOldFileIsForgotten(t *testing.T) {
	t.Parallel()
	for _, old := range []string{"NaN", "-5", "+Inf", "soon", "", "1 2"} {
		path := filepath.Join(t.TempDir(), "r.prom")
		if err := os.WriteFile(path, []byte(lastSuccess+" "+old+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		m := metrics.New("1")
		m.Once(loop.Report{Err: errors.New("no source")})
		if err := m.WriteFile(path); err != nil {
			t.Fatal(err)
		}
		if got := series(t, read(t, path))[lastSuccess]; got != 0 {
			t.Errorf("%q became the time %v", old, got)
		}
	}
}
