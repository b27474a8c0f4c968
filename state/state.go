// Package state is what the reconciler remembers between passes: one Record for each container it
// made, with the values it generated for it, what somebody has suspended, the last passes, and what
// each host was last seen to have.
//
// It promises that a generated value is never lost and never given out twice: uniqueness of an
// address on its network and of a MAC is a rule of the store, not of its readers. Passwords are
// sealed with a key that is not in the store. What a host was seen to have is kept only to be shown
// where the host cannot be asked: nothing is ever done because of it.
package state

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
)

// Record is what is remembered of one container or template.
type Record struct {
	UID      string // 32 hex digits, made once, never reused
	Version  int64  // 0: not stored yet; the store counts it up with each change of this record
	Host     string // with Name: unique
	Name     string
	Template bool

	Network string     // name of the network; empty for a template
	IP      netip.Addr // with Network: unique; invalid for none
	MAC     string     // unique; empty for none

	Password Sealed // nil: none generated or declared
	Protect  bool   // sticky: only `protect: false` takes it away

	// Applied holds, for each declared setting that was carried out, its canonical text. A secret
	// stands as a fingerprint.
	Applied map[string]string
	// Intent names the work that was begun and not finished, empty for none.
	Intent string
	// Failure is the last error of the work on this container, empty after a success.
	Failure string

	Created time.Time // UTC; set by the store with the first Apply, unless it is given
	Updated time.Time // UTC; set by the store with each change of this record
}

// Snapshot is the whole content of a store at one moment.
type Snapshot struct {
	Installation string   // identity of this store, made once
	Serial       int64    // counts up by one with every Apply that changed something
	Records      []Record // sorted by host, then name
	// Suspensions has one for each scope, sorted by host, then container. Those that have ended
	// are in it until they are resumed or replaced.
	Suspensions []Suspension
	Passes      []Pass // the last one stored first; at most MaxPasses
}

// Batch is a set of changes that is carried out completely or not at all.
type Batch struct {
	Put    []Record // Version must be that of the stored record, 0 for a new one
	Delete []string // UIDs; an unknown one is not an error

	Suspend []Suspension // each replaces one of the same scope
	Resume  []Scope      // exactly these scopes; an unknown one is not an error
	Pass    *Pass        // optional: appended, or put in the place of the one with the same ID

	Observed map[string]Observation // by host; each replaces the one of before
}

// Holder says who holds a lock.
type Holder struct {
	PID     int       `json:"pid"`
	Who     string    `json:"who"` // user@host
	Command string    `json:"command"`
	Since   time.Time `json:"since"` // UTC
}

// Store keeps records. All methods may be called from several goroutines and from several
// processes on the same store at once.
type Store interface {
	// Load returns a consistent snapshot.
	Load(ctx context.Context) (Snapshot, error)
	// Apply carries out the batch in one durable transaction and returns the new serial. It returns
	// ErrConflict if a record changed since it was loaded, and *TakenError if an address, MAC or
	// name belongs to another record. Records of one batch may swap addresses. A batch that is
	// empty, or says only what is stored already (Same), writes nothing, and one that has nothing
	// new but observations leaves the serial as it is. The Version of each changed record goes up
	// by one; that of a new one is 1. Passes beyond MaxPasses are forgotten, the oldest first, but
	// those that Snapshot.LastRevision answers with after all others; the newest stays in any case.
	Apply(ctx context.Context, batch Batch) (serial int64, err error)
	// Observations returns what was stored last of each host. They are large, and apart from Load
	// because no pass needs them to decide anything.
	Observations(ctx context.Context) (map[string]Observation, error)
	// Lock makes the caller the only writer until it calls unlock or its process ends. While
	// another holds the lock it waits for ctx and then returns *LockedError.
	Lock(ctx context.Context, by Holder) (unlock func() error, err error)
	Close() error
}

// ErrConflict says that a record was changed by somebody else since it was loaded.
var ErrConflict = errors.New("the record was changed by another process")

// TakenError says that a value that must be unique belongs to another record.
type TakenError struct {
	What    string // "ip", "mac" or "name"
	Value   string
	Network string // only with "ip": on which it is taken
	Host    string // of the record that has it
	Name    string
}

// Error implements error.
func (e *TakenError) Error() string {
	on := ""
	if e.Network != "" {
		on = " on network " + e.Network
	}
	return fmt.Sprintf("%s %s%s belongs to %s/%s", e.What, e.Value, on, e.Host, e.Name)
}

// By reports whether r would take the value.
func (e *TakenError) By(r Record) bool {
	if r.Host == e.Host && r.Name == e.Name {
		return false
	}
	switch e.What {
	case "ip":
		return r.Network == e.Network && r.IP.IsValid() && r.IP.String() == e.Value
	case "mac":
		return r.MAC == e.Value
	default:
		return r.Host+"/"+r.Name == e.Value
	}
}

// LockedError says who holds the lock.
type LockedError struct {
	What   string // what is locked: the path of the store or of the host
	Holder Holder
}

// Error implements error.
func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is locked by %s (pid %d, %s) since %s", e.What, e.Holder.Who,
		e.Holder.PID, e.Holder.Command, e.Holder.Since.Format(time.RFC3339))
}

// Sealed is a secret encrypted with the state key.
type Sealed []byte
