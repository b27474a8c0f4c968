// Package statetest is the suite that every state.Store passes, and a Store in memory.
//
// Run promises that a Store which passes keeps the contract that is written at state.Store, also
// when several goroutines use it at once. It never looks behind the interface.
package statetest

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"reconciler/state"
)

// Run checks a kind of Store. open returns one that is new and empty; it registers its own
// clean-up.
func Run(t *testing.T, open func(t *testing.T) state.Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s state.Store)
	}{
		{"a new store is empty and has an identity", testEmpty},
		{"every field comes back", testRoundTrip},
		{"snapshots are sorted and not shared", testSnapshots},
		{"times are kept by the store", testTimes},
		{"the serial counts changes and nothing else", testSerial},
		{"a stale record is refused", testConflict},
		{"a taken value names its owner", testTaken},
		{"what is freed can be taken", testFreed},
		{"records swap names and addresses", testSwap},
		{"a refused batch leaves nothing behind", testAtomic},
		{"a batch that cannot be meant is refused", testBadBatch},
		{"of many writers of one record one wins", testRace},
		{"a context that has ended changes nothing", testContext},
		{"suspensions come back, sorted and not shared", testSuspensions},
		{"times of suspensions keep every digit, in UTC", testSuspensionTimes},
		{"suspending again replaces", testSuspendAgain},
		{"resuming takes away exactly what is named", testResume},
		{"the serial counts changes of suspensions", testSuspensionSerial},
		{"a suspension that has ended stays", testEndedSuspension},
		{"a suspension outlives the record", testSuspensionOutlivesRecord},
		{"a suspension that cannot be meant is refused", testBadSuspension},
		{"of many who suspend the same none fails", testSuspensionRace},
		{"passes come back and are not shared", testPasses},
		{"times of passes keep every digit, in UTC", testPassTimes},
		{"passes stand in the order of storing", testPassOrder},
		{"a pass of the same id is replaced in its place", testPassReplaced},
		{"the serial counts changes of passes", testPassSerial},
		{"so many passes are kept and no more", testPassLimit},
		{"failures do not make it forget the last revision", testLastRevisionStays},
		{"of many sources the newest pass is kept", testManySources},
		{"it forgets what the model forgets", testForgetting},
		{"a pass that cannot be meant is refused", testBadPass},
		{"observations come back and are not shared", testObservations},
		{"an observation that says the same is not stored", testSameObservation},
		{"observations leave the serial as it is", testObservationSerial},
		{"an observation that cannot be meant is refused", testBadObservation},
		{"a refused batch leaves no observation", testRefusedObservation},
		{"all parts of a batch are stored or none", testAllOrNothing},
		{"of many writers of passes none is lost", testPassRace},
		{"one holds the lock, the others learn who", testLock},
		{"a waiting one gets the lock", testLockWaits},
		{"unlocking twice frees no other's lock", testUnlockTwice},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, open(t))
		})
	}
	t.Run("it does what the model does", func(t *testing.T) {
		t.Parallel()
		testModel(t, open)
	})
}

// record returns a complete record; n tells records apart in everything that must be unique.
func record(n byte) state.Record {
	return state.Record{
		UID:     "0000000000000000000000000000000" + string('a'+rune(n)),
		Host:    "h1",
		Name:    "c" + string('a'+rune(n)),
		Network: "lan",
		IP:      netip.AddrFrom4([4]byte{10, 5, 0, n + 2}),
		MAC:     "00:16:3e:00:00:0" + string('a'+rune(n)),
		Applied: map[string]string{"ip": "x"},
	}
}

func apply(t *testing.T, s state.Store, b state.Batch) int64 {
	t.Helper()
	serial, err := s.Apply(context.Background(), b)
	if err != nil {
		t.Fatalf("a batch that keeps all rules was refused: %v", err)
	}
	return serial
}

func put(t *testing.T, s state.Store, records ...state.Record) int64 {
	t.Helper()
	return apply(t, s, state.Batch{Put: records})
}

func load(t *testing.T, s state.Store) state.Snapshot {
	t.Helper()
	snap, err := s.Load(context.Background())
	if err != nil {
		t.Fatalf("the store cannot be read: %v", err)
	}
	return snap
}

// one returns the stored record of a uid.
func one(t *testing.T, s state.Store, uid string) state.Record {
	t.Helper()
	for _, r := range load(t, s).Records {
		if r.UID == uid {
			return r
		}
	}
	t.Fatalf("record %s is lost", uid)
	return state.Record{}
}

func testEmpty(t *testing.T, s state.Store) {
	snap := load(t, s)
	if snap.Installation == "" {
		t.Error("a store without identity: marks on hosts could not name it")
	}
	if snap.Serial != 0 || len(snap.Records)+len(snap.Suspensions)+len(snap.Passes) != 0 {
		t.Errorf("a new store has content: %+v", snap)
	}
	put(t, s, record(0))
	if again := load(t, s); again.Installation != snap.Installation {
		t.Error("the identity changed: every container would become foreign")
	}
}

func testRoundTrip(t *testing.T, s state.Store) {
	full := state.Record{
		UID: "u1", Host: "h", Name: "full", Network: "lan",
		IP: netip.MustParseAddr("2001:db8::5"), MAC: "00:16:3e:01:02:03",
		Password: state.Sealed{0, 1, 255}, Protect: true,
		Applied: map[string]string{"ip": "2001:db8::5", `quo"te`: "ü\n"},
		Intent:  "clone", Failure: "line one\nline two",
		Created: time.Date(2024, 2, 29, 1, 2, 3, 456, time.UTC),
	}
	bare := state.Record{UID: "u2", Host: "h", Name: "bare"}
	template := state.Record{UID: "u3", Host: "h", Name: "base", Template: true}
	put(t, s, full, bare, template)
	for _, want := range []state.Record{full, bare, template} {
		got := one(t, s, want.UID)
		if !got.Same(want) {
			t.Errorf("record %s was stored as\n%+v and came back as\n%+v", want.Name, want, got)
		}
		if got.Version != 1 {
			t.Errorf("a new record has version %d, not 1", got.Version)
		}
	}
	if got := one(t, s, "u1").Created; !got.Equal(full.Created) {
		t.Errorf("a given time of creation became %v", got)
	}
}

func testSnapshots(t *testing.T, s state.Store) {
	a, b, c := record(0), record(1), record(2)
	a.Host = "h2"
	put(t, s, a, c, b)
	snap := load(t, s)
	var order []string
	for _, r := range snap.Records {
		order = append(order, r.Host+"/"+r.Name)
	}
	if want := []string{"h1/cb", "h1/cc", "h2/ca"}; !slices.Equal(order, want) {
		t.Errorf("the order is %v, not %v", order, want)
	}
	snap.Records[0].Applied["ip"] = "changed by a reader"
	if again := load(t, s); again.Records[0].Applied["ip"] != "x" {
		t.Error("a reader changed the store through its snapshot")
	}
}

func testTimes(t *testing.T, s state.Store) {
	begin := time.Now().Add(-time.Second)
	put(t, s, record(0))
	first := one(t, s, record(0).UID)
	if first.Created.Before(begin) || first.Updated.Before(begin) {
		t.Errorf("a new record was stamped %v and %v", first.Created, first.Updated)
	}
	if first.Created.Location() != time.UTC || first.Updated.Location() != time.UTC {
		t.Error("a time is not in UTC")
	}
	next := first
	next.Failure, next.Created = "failed", time.Time{}
	put(t, s, next)
	second := one(t, s, record(0).UID)
	if !second.Created.Equal(first.Created) {
		t.Error("a change moved the time of creation")
	}
	if second.Updated.Before(first.Updated) {
		t.Error("a change moved the time of the last change back")
	}
}

func testSerial(t *testing.T, s state.Store) {
	if got := apply(t, s, state.Batch{}); got != 0 {
		t.Errorf("an empty batch moved the serial to %d", got)
	}
	if got := put(t, s, record(0), record(1)); got != 1 {
		t.Errorf("the first batch has serial %d, not 1", got)
	}
	before := load(t, s)
	same := slices.Clone(before.Records)
	same[0].Updated = same[0].Updated.Add(time.Hour)
	for name, b := range map[string]state.Batch{
		"empty":              {},
		"of identical":       {Put: same},
		"deleting an orphan": {Delete: []string{"unknown"}},
	} {
		if got := apply(t, s, b); got != 1 {
			t.Errorf("a batch %s moved the serial to %d", name, got)
		}
	}
	if after := load(t, s); after.Serial != 1 || after.Records[0].Version != 1 ||
		!after.Records[0].Updated.Equal(before.Records[0].Updated) {
		t.Errorf("batches without change changed the store:\n%+v\n%+v", before, after)
	}
	same[0].Failure = "new"
	if got := put(t, s, same...); got != 2 {
		t.Errorf("an effective batch has serial %d, not 2", got)
	}
	if a, b := one(t, s, same[0].UID), one(t, s, same[1].UID); a.Version != 2 || b.Version != 1 {
		t.Errorf("changed and unchanged record have versions %d and %d", a.Version, b.Version)
	}
	if got := apply(t, s, state.Batch{Delete: []string{same[0].UID}}); got != 3 {
		t.Errorf("a deleting batch has serial %d, not 3", got)
	}
}

func testConflict(t *testing.T, s state.Store) {
	put(t, s, record(0))
	mine := one(t, s, record(0).UID)
	theirs := mine
	theirs.Failure = "theirs"
	put(t, s, theirs)
	mine.Failure = "mine"
	gone := record(1)
	gone.Version = 7
	again := record(0)
	for name, r := range map[string]state.Record{
		"stale": mine, "deleted meanwhile": gone, "new but stored": again,
	} {
		_, err := s.Apply(context.Background(), state.Batch{Put: []state.Record{r}})
		if !errors.Is(err, state.ErrConflict) {
			t.Errorf("a record that is %s overwrote another's work: error %v", name, err)
		}
	}
	if got := one(t, s, record(0).UID).Failure; got != "theirs" {
		t.Errorf("the stored text is %q", got)
	}
}

func testContext(t *testing.T, s state.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Load(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Load with a context that has ended: %v", err)
	}
	if _, err := s.Observations(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Observations with a context that has ended: %v", err)
	}
	p := pass("a")
	b := state.Batch{
		Put: []state.Record{record(0)}, Suspend: []state.Suspension{suspension("", "")}, Pass: &p,
		Observed: map[string]state.Observation{"h": seen(0, "a")},
	}
	if _, err := s.Apply(ctx, b); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply with a context that has ended: %v", err)
	}
	snap := load(t, s)
	if n := len(snap.Records) + len(snap.Suspensions) + len(snap.Passes); n != 0 {
		t.Errorf("%d things were stored after the context had ended", n)
	}
	observed(t, s, nil)
}
