// Package plan compares what is declared with what runs, and says what must be done, as data.
//
// Compute is a value function: the same Input gives the same Plan, inputs are never changed, the
// output is sorted. It promises never to plan a destroy, stop or change of a container that does
// not carry our mark and a record under the same uid (two witnesses), and never more destroys
// than the guard allows. It never reads a clock, a file, a host or a random number.
package plan

import "reconciler/spec"

// Desired is one container as it shall be, with everything that was missing in the declaration
// filled in. It holds no secret: Password is always zero, PasswordTag stands for it.
type Desired struct {
	spec.Container
	UID         string   // empty: it has no record yet
	PasswordTag string   // fingerprint of the password to set; empty: none
	Generated   []string // keys whose value was generated, not declared; sorted
	Unknown     []string // keys whose value will only be known after the run; sorted

	// Held has the settings that this pass does not carry out (a recreate that is blocked) with
	// the text that the record keeps for them, empty for none. Compute sets it on Step.Want.
	Held map[string]string
}

// Owned is what the state store says of one container: the second witness.
type Owned struct {
	UID      string
	Host     string
	Name     string
	Template bool
	Protect  bool
	Applied  map[string]string // see Desired.Applied
	// Intent is the first action of a run that did not finish this container, empty for none. One
	// of create, clone and destroy must stay until the container is finished: a later run that
	// begins with a lesser action must not replace it.
	Intent string
	// Failure is why the last work on this container failed, empty if it did not.
	Failure string
}

// Allowance lets destroys through the guard.
type Allowance struct {
	Host, Container string // both set: exactly this container
	Count           int    // otherwise: this many destroys on each host
}

// Input is everything that Compute knows. The order of its slices means nothing; names are unique
// in each of them.
type Input struct {
	Installation string // identity of the state store; part of the mark
	// Hosts has every host of the tree that is to be converged in this pass.
	Hosts       []HostInput
	Unreachable []Unreachable
	Allow       []Allowance
	// Only, if not nil, says which containers may be touched.
	Only     func(host, container string) bool
	Warnings []spec.Problem
	Holds    []Hold // what is not to be touched in this pass; any number for one container
	// Groups has hosts that are changed one after the other; none is in two of them, and those
	// that are not in this pass mean nothing.
	Groups  []spec.Group
	Failing []Failing
}

// Hold keeps a container as it is. The caller finds it, since nothing here knows a clock.
type Hold struct {
	Host, Container string // an empty Host is every host, an empty Container every container
	Code, Text      string // why, as in Held: HeldSuspended, HeldWindow or HeldBackoff

	// Preparation says that only the preparation of the host is held, and no container but those
	// that need it. Container is empty then.
	Preparation bool
}

// HostInput is the material for one host.
type HostInput struct {
	Host     string
	Desired  []Desired // containers and the templates they need
	Owned    []Owned
	Actual   Actual
	Problems []Blocked // what could not be resolved: these containers are left alone

	Facts   *Facts     // what the host can do; nil: nobody knows, and nothing is refused for it
	Prepare *Preparing // what the host itself shall have; nil: nothing is declared
}

// Action is what a step does.
type Action string

// The actions. Those of a new container come in this order.
const (
	Create    Action = "create"    // made by a template script (image)
	Clone     Action = "clone"     // made from another container
	Stop      Action = "stop"      //
	Destroy   Action = "destroy"   // stopped and removed with its data
	Configure Action = "configure" // configuration file, guest network files, live settings
	Start     Action = "start"     //
	Password  Action = "password"  //
	Address   Action = "address"   // wait until it runs with its declared address
	DNS       Action = "dns"       // resolv.conf and hosts of the guest
	Note      Action = "note"      // nothing on the host: only the record changes
	Forget    Action = "forget"    // nothing on the host: the record of a vanished container goes
)

// Step is one action on one container, as data.
type Step struct {
	Host      string        `json:"host"`
	Container string        `json:"container"`
	Template  bool          `json:"template,omitempty"`
	UID       string        `json:"uid,omitempty"` // empty until resolved
	Action    Action        `json:"action"`
	Class     spec.Class    `json:"class,omitempty"` // of its most demanding change
	Reason    Reason        `json:"reason"`
	Changes   []Change      `json:"changes,omitempty"`
	Needs     []string      `json:"needs,omitempty"`   // containers of this host that come first
	Rollout   string        `json:"rollout,omitempty"` // group whose rollout it waits for
	Position  spec.Position `json:"position,omitzero"`
	Want      *Desired      `json:"-"` // nil for stop, destroy and forget of an orphan
}

// Reason says why, as a code for machines and a sentence for people.
type Reason struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// Codes of reasons.
const (
	Declared      = "declared"     // it is declared and does not exist
	Missing       = "missing"      // it existed and has vanished from the host
	NeededBy      = "needed_by"    // a template that a container needs
	Changed       = "changed"      // the declaration changed
	Drift         = "drift"        // the host changed without the declaration
	NotRunning    = "not_running"  //
	Undeclared    = "not_declared" // an orphan
	Unfinished    = "unfinished"   // an earlier run did not finish it
	RecreateAsked = "recreate"     // a change that needs a new container, allowed
	Follows       = "follows"      // comes with another step of the same container
)

// Change is one field that becomes another. Sensitive values are empty on both sides.
type Change struct {
	Field     string     `json:"field"`
	Old       string     `json:"old,omitempty"`
	New       string     `json:"new,omitempty"`
	Class     spec.Class `json:"class"`
	Generated bool       `json:"generated,omitempty"` // not declared
	Unknown   bool       `json:"unknown,omitempty"`   // New is known after the run
	Sensitive bool       `json:"sensitive,omitempty"`
	Drift     bool       `json:"drift,omitempty"`
}

// Blocked is something that should be done and is not.
type Blocked struct {
	Host      string        `json:"host"`
	Container string        `json:"container"`
	Action    Action        `json:"action"`
	Code      string        `json:"code"`
	Text      string        `json:"text"`
	Unblock   string        `json:"unblock,omitempty"` // the flag or edit that lets it through
	Failed    bool          `json:"failed"`            // a mistake to mend, not a guard
	Position  spec.Position `json:"position,omitzero"`
}

// Codes of what is blocked. The first group are guards, the second mistakes (Failed).
const (
	BlockedGuard       = "guard"       // too many destroys
	BlockedProtected   = "protected"   //
	BlockedRecreate    = "recreate"    // would lose data
	BlockedForeign     = "foreign"     // a container of this name exists and is not ours
	BlockedDependants  = "dependants"  // other containers are snapshots of it
	BlockedUnsupported = "unsupported" // the declaration asks for what is not acted on yet
	BlockedSource      = "source"      // missing, running or half-made source
	BlockedBridge      = "bridge"      // the bridge does not exist
	BlockedAddress     = "address"     // no address free, or it belongs to somebody else
	BlockedDamaged     = "damaged"     // ours, but must not be started

	BlockedMemory      = "memory"       // it may use more than the host has
	BlockedBacking     = "backing"      // the host cannot do it
	BlockedDisk        = "disk"         // what is declared does not fit
	BlockedLXC         = "lxc"          // it is not installed on the host
	BlockedVolumeGroup = "volume_group" // the host does not have it
	BlockedPreparation = "prepare"      // the host cannot be made as declared
)

// Held is work on one container that waits, or drift that is left as it is. It is neither a fault
// nor blocked. A container has at most two: one for the work that waits, and one for its drift.
//
// Without a container it is the preparation of the host that waits.
type Held struct {
	Host      string        `json:"host"`
	Container string        `json:"container"`
	Kind      Kind          `json:"kind"` // what would become of the container
	Code      string        `json:"code"`
	Text      string        `json:"text"`
	Changes   []Change      `json:"changes,omitempty"` // of a container that exists
	Position  spec.Position `json:"position,omitzero"`
}

// Codes of what is held. The first three come with a Hold.
const (
	HeldSuspended = "suspended" // until somebody resumes it
	HeldWindow    = "window"    // until a window of its opens
	HeldBackoff   = "backoff"   // it failed, and is tried again later
	HeldBusy      = "busy"      // another pass is working on it
	HeldDrift     = "drift"     // differs without a change of the declaration, which says: leave it
	HeldNeeds     = "needs"     // needs something of a container that is held
	HeldRollout   = "rollout"   // other hosts of its group come first, or failed
)

// Unmanaged is a container that we do not own.
type Unmanaged struct {
	Host      string `json:"host"`
	Container string `json:"container"`
	State     State  `json:"state"`
	Text      string `json:"text"` // why it is not ours
}

// Unreachable is a host of which nothing is known in this pass.
type Unreachable struct {
	Host  string `json:"host"`
	Text  string `json:"text"`
	InUse bool   `json:"in_use,omitempty"` // nothing is wrong with it: another run holds it
}

// Plan is what Compute answers: ordered steps, and everything that is not done with its reason.
type Plan struct {
	Prepare     []HostPreparation `json:"prepare"` // by host; each before the steps of its host
	Steps       []Step            `json:"steps"`   // by host; in an order that can be executed
	Blocked     []Blocked         `json:"blocked"`
	Held        []Held            `json:"held"`     // what waits; by host and container
	Rollouts    []Rollout         `json:"rollouts"` // by group; those that something waits for
	Unmanaged   []Unmanaged       `json:"unmanaged"`
	Unreachable []Unreachable     `json:"unreachable"`
	Warnings    []spec.Problem    `json:"warnings"`
	Unchanged   int               `json:"unchanged"` // containers with nothing to do
}
