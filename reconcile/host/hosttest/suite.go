package hosttest

import (
	"context"
	"testing"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
)

// Driver is what the suite asks of a host driver.
type Driver interface {
	execute.Host
	// Observe reports every container of the host, or an error if it cannot see all of them.
	Observe(ctx context.Context) (plan.Actual, error)
	// Lock makes the caller, whom by names, the only writer until it calls unlock. While another
	// holds the lock it waits for ctx, and then says who does.
	Lock(ctx context.Context, by string) (unlock func() error, err error)
}

// Subject is a host to try a driver on. It has one container, Base: whole, stopped, not ours.
type Subject struct {
	Driver       Driver        // required
	Host         string        // required: the name of the host
	Installation string        // required: what the driver writes into marks
	Base         string        // required
	Backing      string        // required: of the clones
	Network      *spec.Network // required: an existing bridge and at least 8 free addresses

	Image   string            // optional: a template script that is installed and quick
	Options map[string]string // optional: what it must be told

	// Fingerprint returns a text that changes when a configuration file or what we keep beside it
	// is written, even with the same content. Optional: without it that case is skipped.
	Fingerprint func(t *testing.T) string
	// Damage takes the root file system away from a stopped container. Optional, likewise.
	Damage func(t *testing.T, container string)
	// ReadGuest returns the content of a file in the root file system of a container. Optional,
	// likewise.
	ReadGuest func(t *testing.T, container, path string) string
}

// Run tries everything that the steps of a plan rely on, each case on a fresh host from newHost,
// which also cleans up. Cases run one after the other.
func Run(t *testing.T, newHost func(t *testing.T) Subject) {
	cases := []struct {
		name string
		run  func(l *lab)
	}{
		{"an untouched host shows its bridge and the source, which is not ours", untouched},
		{"the steps of a new container bring what was declared", wholeWay},
		{"the guest has the password, the names and the resolvers", guestFiles},
		{"a template script makes a container that can be cloned", fromImage},
		{"containers are made side by side", sideBySide},
		{"a step that was done can be done again", everyStepTwice},
		{"a second configure writes nothing", configureTwice},
		{"a stopped container comes back with its address", stopAndStart},
		{"an address changes while the container runs", liveAddress},
		{"a memory limit changes while the container runs", liveMemory},
		{"autostart and MAC are written for the next start", nextStart},
		{"raw configuration lines come and go", rawLines},
		{"destroy removes one container and no other", destroyOne},
		{"destroy spares what does not carry the mark", destroyForeign},
		{"destroy spares the source of a snapshot", destroySource},
		{"a missing source is refused by name", missingSource},
		{"a running source is refused by name", runningSource},
		{"a missing template script is refused by name", missingImage},
		{"a container without root file system is not started", startDamaged},
		{"a damaged source is refused by name", damagedSource},
		{"an existing container is not cloned over", cloneOver},
		{"the lock excludes a second writer, and tells who has it", exclusive},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(newLab(t, newHost(t))) })
	}
}
