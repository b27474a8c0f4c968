package remote

import (
	"fmt"
	"path"
	"strings"
	"time"
	"unicode"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// The version of the protocol. Peers of different majors do not understand each other; a higher
// minor only adds what the other side does not ask for.
const (
	major = 2
	minor = 1
)

// Methods that an agent knows, and notifications.
const (
	methodHello   = "hello"   // greeting → Agent, once and first
	methodLock    = "lock"    // lockRequest → lockAnswer
	methodUnlock  = "unlock"  // lockID → nothing
	methodObserve = "observe" // nothing → plan.Actual
	methodBatch   = "batch"   // batchRequest → nothing, after its last step
	methodCheck   = "check"   // checkRequest → checkAnswer
	methodPrepare = "prepare" // prepareRequest → prepareAnswer
	methodDeaths  = "deaths"  // deathsRequest → nothing, when it is cancelled

	noticeCancel = "cancel" // callID: the call shall end soon; it is answered as any other
	noticePing   = "ping"   // nothing: whoever sends it is alive
	noticeDied   = "died"   // deathNotice, from the agent

	noticeSteps    = "steps"    // stepsNotice: a part of the batch whose call follows
	noticeProgress = "progress" // progressNotice, from the agent
	noticeRecorded = "recorded" // recordedNotice: what needs the container may begin, or may not
)

// greeting is what a client says first.
type greeting struct {
	Major, Minor int
	Version      string // of the program
	Target       Target
}

// Target says what an agent shall drive.
type Target struct {
	Host         string // its name in the tree
	LXCPath      string // absolute
	Installation string // identity of the state store, perhaps empty
}

// Agent is what an agent says of itself and its machine.
type Agent struct {
	Major, Minor int
	Version      string   // of the program
	Hash         string   // of the program: SHA-256 in hex
	Hostname     string   // of the machine
	Capabilities []string // what it can do beside steps: "deaths", "prepare"
}

// check refuses what cannot be a target.
func (t Target) check() error {
	switch {
	case t.Host == "" || !printable(t.Host) || strings.ContainsRune(t.Host, '/'):
		return fmt.Errorf("%q is not a name of a host", t.Host)
	case !path.IsAbs(t.LXCPath) || path.Clean(t.LXCPath) != t.LXCPath || !printable(t.LXCPath):
		return fmt.Errorf("%q is not a directory for containers", t.LXCPath)
	case !printable(t.Installation):
		return fmt.Errorf("%q is not an installation", t.Installation)
	}
	return nil
}

// printable reports whether text is short and has no control characters.
func printable(text string) bool {
	const longest = 1024
	return len(text) <= longest && !strings.ContainsFunc(text, unicode.IsControl)
}

type lockRequest struct {
	By      string
	Observe bool // the answer shall say what the host looks like as soon as it is locked
}

type lockAnswer struct {
	lockID
	Actual *plan.Actual `json:",omitempty"`
}

type lockID struct{ Lock uint64 }

type callID struct{ Call uint64 }

// batchRequest follows the steps, which were sent for the id of this call: all of one container in
// a row.
type batchRequest struct {
	Steps    int // how many were sent
	Parallel int // containers at once
	Tries    int // of each step
}

type stepsNotice struct {
	callID
	Steps []stepMessage
}

// progressNotice is an execute.Event of a batch. The step is the next one of its container.
type progressNotice struct {
	callID
	Container string
	Kind      string // an execute.EventKind
	Message   string `json:",omitempty"`
	Fault     *fault `json:",omitempty"`
	Attempts  int    `json:",omitempty"`
	// In nanoseconds.
	Took, Wait time.Duration `json:",omitempty"`
}

// recordedNotice answers the end of a container that others of the batch need.
type recordedNotice struct {
	callID
	Container string
	Error     string `json:",omitempty"` // why it is not recorded, if it is not
}

type checkRequest struct {
	Want *spec.Preparation `json:",omitempty"` // nil: only the facts are asked for
}

type checkAnswer struct {
	Facts   plan.Facts
	Changes []plan.HostChange `json:",omitempty"`
}

type prepareRequest struct{ Want spec.Preparation }

// prepareAnswer says what was done, also if it ended with an error.
type prepareAnswer struct {
	Done  []string `json:",omitempty"`
	Fault *fault   `json:",omitempty"`
}

type deathsRequest struct{ Running map[string]int }

type deathNotice struct {
	callID           // of the call of deaths
	Container string // that ended
}

// timing is how a peer notices that the other side is gone.
type timing struct {
	beat, patience, grace time.Duration
}

func usual() timing { return timing{beat: beat, patience: patience, grace: grace} }
