// Package reconcile walks the whole line once: fetch, parse, observe, resolve, plan, execute,
// record.
//
// It promises that nothing is remembered between passes except what is in the state store, that
// an incomplete source touches no host, that generated values and intents are stored before the
// first side effect, and that a host which cannot be observed completely is left out and
// reported. It never talks to a host, a store or a source but through interfaces.
//
// A plan can be made from three levels of knowledge: Plan asks the hosts, PlanRecorded uses what
// they were last seen to have, and PlanDeclared knows nothing but two trees.
package reconcile

import (
	"context"
	"io"
	"log/slog"
	"time"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
	"reconciler/spec"
	"reconciler/state"
)

// Source gives the tree. An error means that the source is incomplete: no host may be touched.
type Source interface {
	// Fetch returns the files of one revision and its name. The files do not change afterwards.
	Fetch(ctx context.Context) (spec.Snapshot, error)
}

// Host is one machine that runs containers.
type Host interface {
	execute.Host
	// Observe reports every container of the host, or an error if it cannot see all of them.
	Observe(ctx context.Context) (plan.Actual, error)
	// Lock makes the caller the only writer on this host until it calls unlock or its process
	// ends, and removes what a killed writer left. It waits for ctx while another holds the lock
	// and then says who does, in an error that wraps execute.ErrHostInUse. by is the text that
	// others are shown.
	Lock(ctx context.Context, by string) (unlock func() error, err error)
}

// Target names one container; an empty Container means every container of the host.
type Target struct{ Host, Container string }

// Options are everything that a pass works with but the declaration.
type Options struct {
	Store  state.Store   // required
	Sealer *state.Sealer // required by Run; Plan does without as long as no key was made
	Random io.Reader     // required by Run: crypto/rand.Reader but in tests

	// Dial connects to a host. A Host that implements io.Closer is closed at the end of the pass.
	Dial func(ctx context.Context, host *spec.Host, installation string) (Host, error)
	// Visit is optional: Run uses it in place of Dial. It is for callers that keep hosts connected.
	// Its error says why nothing is known of the host now.
	Visit func(ctx context.Context, host *spec.Host, installation string) (Visit, error)

	Holder      state.Holder // shown to others while we hold the locks
	LockTimeout time.Duration

	Parallel      int // containers worked on at once; see execute.Options
	ParallelHosts int // hosts looked at at once; zero: 32

	Hosts   []string // if not empty: only these
	Only    []Target // if not empty: only these
	Allow   []plan.Allowance
	Holds   []plan.Hold    // what must be left alone, beside what is suspended
	Failing []plan.Failing // containers that end again and again
	Tries   int            // of each step; zero: five
	Log     *slog.Logger   // required

	// Followed says that another pass follows one that has carried out steps, so that this one
	// does not look at the hosts a second time to store what has come of them.
	Followed bool

	StateName string // where the state is kept, for people; optional

	// PassID and SourceName are for the history; without both of them nothing is written to it.
	// SourceName says where the tree comes from, without credentials.
	PassID     string
	SourceName string

	Now func() time.Time // optional: time.Now

	// Patience is how long Run waits for a host before it begins with those that have answered; it
	// goes on with the others as they do. Optional: without it, with groups of hosts, or with
	// Approve, it begins when all hosts have answered or were given up.
	Patience time.Duration

	// Approve is asked by Run, with the locks held and before anything is generated or changed,
	// about what Plan would return now. Its error ends the pass. Optional.
	Approve func(Pass) error
	// Observer returns who is told of the progress of a plan. It is called before the first step,
	// and again for hosts that answered late. Optional.
	Observer func(plan.Plan) execute.Observer
}

// Declaration is the tree of one revision of the source, complete and valid.
type Declaration struct {
	Revision spec.Revision
	Tree     *spec.Tree
}

// Pass is what one walk found and did.
type Pass struct {
	Declaration
	Installation string                 // of the state store
	Serial       int64                  // of the state that the plan was made from
	Observed     map[string]plan.Actual // by host; without the unreachable ones
	Knowledge    report.Knowledge       // zero: full
	ObservedAt   time.Time              // if recorded: of the oldest of Observed
	Base         spec.Revision          // if declared: that it is compared with
	Suspensions  []state.Suspension     // that hold now
	Opens        time.Time              // when the next closed maintenance window does; zero: none
	Plan         plan.Plan
	Result       *execute.Result // nil if nothing was executed
}
