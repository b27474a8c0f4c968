package report

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

func updateFlag() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite the files under testdata")
	flag.Parse()
	os.Exit(m.Run())
}

// golden compares with a file of testdata: what a user sees changes only on purpose.
func golden(t *testing.T, name string, render func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	if err := render(&got); err != nil {
		t.Fatalf("the report is lost: %v", err)
	}
	path := filepath.Join("testdata", name)
	if updateFlag() {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; make it with -update", err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("users see another report than %s (-want +got):\n%s", name, diff)
	}
}

func meta() Meta {
	return Meta{
		Tool: "1.2.3", Source: "/srv/tree", Revision: "dir:4f2a", Installation: "inst-1",
		Serial: 42, Hosts: []string{h1, h2},
	}
}

func TestPlanGoldens(t *testing.T) {
	t.Parallel()
	full := fullPlan()
	cases := map[string]plan.Plan{
		"plan-none":        {Unchanged: 12},
		"plan-none-single": {Unchanged: 1},
		"plan-one":         onePlan(),
		"plan-twelve":      full,
		"plan-prepare":     preparePlan(),
		"plan-blocked":     {Blocked: full.Blocked, Unchanged: 3},
		"plan-held":        {Held: full.Held, Unchanged: 3},
		"plan-unreachable": {Unreachable: full.Unreachable, Unchanged: 3},
		"plan-warned":      {Warnings: full.Warnings, Unmanaged: full.Unmanaged},
	}
	for name, p := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name+".txt", func(w io.Writer) error {
				return Text(w, p, TextOptions{Hosts: 2})
			})
			golden(t, name+".json", func(w io.Writer) error { return JSON(w, p, meta()) })
		})
	}
	golden(t, "plan-held-color.txt", func(w io.Writer) error {
		return Text(w, plan.Plan{Held: full.Held}, TextOptions{Color: true})
	})
	golden(t, "plan-twelve-color.txt", func(w io.Writer) error {
		return Text(w, full, TextOptions{Color: true})
	})
}

func TestResultGoldens(t *testing.T) {
	t.Parallel()
	full, one := fullPlan(), onePlan()
	creation := plan.Plan{Steps: append(templateSteps(), createSteps("new.foo.com")...)}
	waiting := plan.Plan{Steps: one.Steps, Held: full.Held}
	inUse := plan.Plan{Steps: one.Steps, Unreachable: append(inUseFixtures(), full.Unreachable...)}
	cases := map[string]struct {
		plan   plan.Plan
		result execute.Result
	}{
		"result-none":        {plan.Plan{Unchanged: 10}, execute.Result{}},
		"result-one":         {one, execute.Result{Outcomes: outcomesOf(one)}},
		"result-prepare":     {preparePlan(), preparedResult()},
		"result-held":        {waiting, execute.Result{Outcomes: outcomesOf(waiting)}},
		"result-in-use":      {inUse, execute.Result{Outcomes: outcomesOf(inUse)}},
		"result-creation":    {creation, execute.Result{Outcomes: outcomesOf(creation)}},
		"result-failed":      {full, failedResult(full)},
		"result-interrupted": {creation, interruptedResult(creation)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name+".txt", func(w io.Writer) error {
				return ResultText(w, c.result, c.plan, TextOptions{Hosts: 1})
			})
			golden(t, name+".json", func(w io.Writer) error {
				return ResultJSON(w, c.result, c.plan, meta())
			})
		})
	}
	golden(t, "result-failed-color.txt", func(w io.Writer) error {
		return ResultText(w, failedResult(full), full, TextOptions{Color: true})
	})
}

// document is what every list of rows can do.
type document interface {
	Text(w io.Writer, o TextOptions) error
	JSON(w io.Writer) error
}

// statusFixture has a row of every kind; failure is a long text of somebody else.
func statusFixture(since time.Time, failure string) Status {
	return Status{
		Containers: []StatusRow{
			{Host: h1, Container: "web.foo.com", State: "running", Address: "10.5.0.2",
				InSync: "yes"},
			{Host: h1, Container: "db.foo.com", State: "stopped", InSync: "no",
				Failure: "cannot start container: device busy"},
			{Host: h1, Container: "old.foo.com", State: "stopped", InSync: "held",
				Held: "suspended by ann@desk: disk is being changed"},
			{Host: h1, Container: "seen.foo.com", State: "running", Recorded: true,
				InSync: "unknown"},
			{Host: h1, Container: "bad.foo.com", State: "stopped", InSync: "no", Failure: failure},
			{Host: h1, Container: "long.foo.com", State: "stopped", InSync: "held",
				Held: strings.Repeat("long ", 40) + "end"},
		},
		Suspensions: []SuspensionRow{
			{By: "ann@desk", Since: since, Reason: "moving house"},
			{Host: h1, Container: "old.foo.com", By: "ann@desk", Since: since,
				Until: since.Add(time.Hour), Reason: "disk is being changed"},
		},
		Daemon: &DaemonRow{Started: since, Source: "https://git.example.com/x.git@main",
			Revision: "0123456789abcdef0123456789abcdef01234567", Signer: "ann@example.com",
			LastPass: since.Add(time.Minute), LastResult: "failed", Busy: 1,
			SourceError: "cannot fetch: connection refused",
			Unreachable: []UnreachableRow{
				{Host: "dark", Since: since, Tries: 7, Error: "no route to host",
					Next: since.Add(10 * time.Minute)},
				{Host: "slow", Since: since, Tries: 1, Error: "it has not answered"},
				{Host: "taken", Since: since, Tries: 1, InUse: true,
					Error: inUseFixtures()[0].Text},
			}},
	}
}

func TestRowGoldens(t *testing.T) {
	t.Parallel()
	record := RecordRow{
		UID: "0123456789abcdef0123456789abcdef", Host: h1, Name: "web.foo.com",
		Network: "lxcbr1", IP: "10.5.0.2", MAC: "00:16:3e:00:00:01", Password: true,
		Applied: map[string]string{"memory": "536870912", "password": "tag", "ip": "10.5.0.2"},
		Intent:  "clone", Failure: "cannot start container: device busy",
		Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	const logged = `cannot start container "devhost10.local/bad.foo.com" (200_start): it failed: No ` +
		"such file - Failed to mount\nFailed to setup mount entries\n\x1b[2Jlast line"
	failing := record
	failing.Failure = logged
	cases := map[string]document{
		"show": Settings{Host: h1, Container: "web.foo.com", Settings: []Setting{
			{Key: "memory", Value: "536870912", Layer: "profile web", Position: at(3),
				Class: spec.Live, Acted: true},
			{Key: "backing", Value: "dir", Layer: "built in", Class: spec.Recreate, Acted: true},
			{Key: "password", Value: "***", Layer: "generated", Class: spec.Once, Acted: true},
			{Key: "mode", Value: "salt", Layer: "container", Position: at(9)},
		}},
		"show-empty":   Settings{Host: h1, Container: "web.foo.com"},
		"status":       statusFixture(record.Created, logged),
		"status-empty": Status{},
		"history": History{
			{ID: "b1", Source: "https://git.example.com/x.git@main", Signer: "ann@example.com",
				Revision: "0123456789abcdef0123456789abcdef01234567", Ref: "main",
				Author: "Ann <ann@example.com>", Subject: "more memory", Began: record.Created,
				Ended: record.Created.Add(1500 * time.Millisecond), Created: 1, Changed: 2, Failed: 1,
				Record: 3, Skipped: 1, Prepared: 1, Unprepared: 1},
			{ID: "a1", Source: "/srv/tree", Began: record.Created, Ended: record.Created,
				Error: "cannot store what is about to be done"},
		},
		"history-empty": History{},
		"state-show":    record,

		"state-show-failing": failing,
		"state-list": Records{
			Installation: "inst-1", Serial: 42,
			Records: []RecordRow{record, {UID: "00", Host: h1, Name: "base", Template: true}},
		},
		"validate-good": Validation{Hosts: 1, Containers: 3},
		"validate-warned": Validation{
			Hosts: 2, Containers: 1, Warnings: warningFixtures()[:1],
		},
		"validate-bad": Validation{
			Warnings: warningFixtures()[:1],
			Problems: []spec.Problem{
				{Position: at(17), Also: at(5), Path: "targets.h.c.ip",
					Text: "10.5.10.17 is declared twice"},
				{Position: at(18), Path: "targets.h.c.memry", Text: "unknown key",
					Hint: "did you mean memory?"},
			},
		},
	}
	for name, d := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name+".txt", func(w io.Writer) error { return d.Text(w, TextOptions{}) })
			golden(t, name+".json", d.JSON)
		})
	}
}
