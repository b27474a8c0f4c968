package web

import (
	"time"

	"reconciler/reconcile/report"
)

// Status is what GET /api/v1/status answers. Lists are never null; times are RFC 3339 in UTC, and
// are missing if what they tell of never happened.
type Status struct {
	FormatVersion string `json:"format_version"`
	Tool          string `json:"tool"`   // version of the daemon
	Source        string `json:"source"` // where the tree comes from

	Started     time.Time `json:"started"`
	Revision    Revision  `json:"revision,omitzero"` // of the tree that holds
	Fetched     time.Time `json:"fetched,omitzero"`  // when the source was last read completely
	SourceError string    `json:"source_error"`      // why it could not be read since, or ""

	Passes      int64     `json:"passes"` // that have ended
	LastPass    *Pass     `json:"last_pass,omitempty"`
	LastSuccess time.Time `json:"last_success,omitzero"` // a pass left everything as declared
	Busy        int       `json:"busy"`                  // containers that are being worked on
	Failures    []Failure `json:"failures"`              // by host, then container

	// Unreachable are the hosts of which the last pass that compared hosts could not see everything.
	Unreachable []report.UnreachableRow `json:"unreachable"`

	// Suspensions are those that hold now, by host, then container.
	Suspensions []report.SuspensionRow `json:"suspensions"`
	// StateError is why they and History could not be read, or "".
	StateError string `json:"state_error"`

	// History has the passes that the state store remembers, the newest first.
	History []report.HistoryRow `json:"history"`
	// Summary is of the plan of the last pass that got as far as comparing hosts.
	Summary report.PlanSummary `json:"summary"`
}

// Revision names a tree.
type Revision struct {
	ID      string    `json:"id"`
	Ref     string    `json:"ref,omitempty"`
	Author  string    `json:"author,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Time    time.Time `json:"time,omitzero"`
	Signer  string    `json:"signer,omitempty"`
}

// Pass is one that has ended.
type Pass struct {
	ID       string    `json:"id"`
	Revision string    `json:"revision"` // "" if no tree could be read
	Reasons  []string  `json:"reasons"`  // what woke it
	Began    time.Time `json:"began"`
	Ended    time.Time `json:"ended"`
	Result   string    `json:"result"` // success, failed, unreachable or blocked
	Error    string    `json:"error"`  // why no host was touched, or ""
	// SourceError is why the tree was not the present one, but the last that could be read, or "".
	SourceError string `json:"source_error"`

	Summary report.PlanSummary `json:"summary"` // of its plan
	Failed  []Failed           `json:"failed"`  // by host, then container
}

// Failed is a container that a pass did not bring to its end.
type Failed struct {
	Host      string `json:"host"`
	Container string `json:"container"`
	Error     string `json:"error"`
}

// Failure is a container that failed and has not succeeded since; without a container it is a host
// that could not be prepared.
type Failure struct {
	Host      string    `json:"host"`
	Container string    `json:"container"`
	Count     int       `json:"count"` // in a row
	Error     string    `json:"error"` // of the last one
	Retry     time.Time `json:"retry,omitzero"`
	Permanent bool      `json:"permanent"` // there is no retry before something changes
}

// Health is what /healthz and /readyz answer.
type Health struct {
	OK      bool     `json:"ok"`
	Reasons []string `json:"reasons"` // why not
}

// TriggerAnswer is what POST /api/v1/trigger answers.
type TriggerAnswer struct {
	FormatVersion string `json:"format_version"`
	Pass          *Pass  `json:"pass,omitempty"` // only with wait
}

// HookAnswer is what a webhook is answered.
type HookAnswer struct {
	Woken bool `json:"woken"`
}
