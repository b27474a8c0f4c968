package statetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"reconciler/state"
)

// moment has digits down to the nanosecond.
func moment() time.Time { return time.Date(2024, 5, 6, 7, 8, 9, 123456789, time.UTC) }

// suspension returns a complete one of a scope.
func suspension(host, container string) state.Suspension {
	return state.Suspension{
		Host: host, Container: container, Reason: "moving the disks, see ticket 7 — ü",
		By: "ann@desk", Since: moment(), Until: moment().Add(time.Hour + time.Nanosecond),
	}
}

func suspend(t *testing.T, s state.Store, list ...state.Suspension) int64 {
	t.Helper()
	return apply(t, s, state.Batch{Suspend: list})
}

// suspended loads the suspensions and compares them, field by field, with those wanted.
func suspended(t *testing.T, s state.Store, want ...state.Suspension) {
	t.Helper()
	if got := load(t, s).Suspensions; !slices.Equal(got, want) {
		t.Errorf("suspended is\n%+v, not\n%+v", got, want)
	}
}

func testSuspensions(t *testing.T, s state.Store) {
	all, host, one := suspension("", ""), suspension("h1", ""), suspension("h1", "b")
	host.Reason, host.Until = "", time.Time{}
	second, other := suspension("h1", "c"), suspension("h2", "a")
	suspend(t, s, other, second, all, one, host)
	suspended(t, s, all, host, one, second, other)
	snap := load(t, s)
	snap.Suspensions[0].Reason = "changed by a reader"
	suspended(t, s, all, host, one, second, other)
}

func testSuspensionTimes(t *testing.T, s state.Store) {
	want := suspension("h", "c")
	away := want
	zone := time.FixedZone("away", -5*60*60)
	away.Since, away.Until = want.Since.In(zone), want.Until.In(zone)
	suspend(t, s, away)
	suspended(t, s, want)
	now := time.Now() // with what only this process knows
	away.Since, away.Until = now, now.Add(time.Hour)
	suspend(t, s, away)
	want.Since, want.Until = plain(away.Since), plain(away.Until)
	suspended(t, s, want)
}

func testSuspendAgain(t *testing.T, s state.Store) {
	first := suspension("h", "c")
	suspend(t, s, first, suspension("h", ""))
	again := state.Suspension{Host: "h", Container: "c", Reason: "still", By: "bob@desk",
		Since: moment().Add(time.Minute)}
	if got := suspend(t, s, again); got != 2 {
		t.Errorf("suspending anew has serial %d, not 2", got)
	}
	suspended(t, s, suspension("h", ""), again)
}

func testResume(t *testing.T, s state.Store) {
	all, host, one := suspension("", ""), suspension("h", ""), suspension("h", "c")
	suspend(t, s, all, host, one)
	unknown := []state.Scope{{Host: "h", Container: "d"}, {Host: "c"}, {Host: "h2"}}
	if got := apply(t, s, state.Batch{Resume: unknown}); got != 1 {
		t.Errorf("resuming what is not suspended moved the serial to %d", got)
	}
	host2 := host.Scope()
	if got := apply(t, s, state.Batch{Resume: []state.Scope{host2, host2}}); got != 2 {
		t.Errorf("resuming a host has serial %d, not 2", got)
	}
	suspended(t, s, all, one)
	apply(t, s, state.Batch{Resume: []state.Scope{{}}})
	suspended(t, s, one)
	apply(t, s, state.Batch{Resume: []state.Scope{one.Scope()}, Suspend: []state.Suspension{all}})
	suspended(t, s, all)
}

func testSuspensionSerial(t *testing.T, s state.Store) {
	first := suspension("h", "c")
	suspend(t, s, first)
	elsewhere := first
	elsewhere.Since = first.Since.In(time.FixedZone("away", 3600))
	for name, again := range map[string]state.Suspension{"same": first, "other zone": elsewhere} {
		if got := suspend(t, s, again); got != 1 {
			t.Errorf("%s: suspending what is suspended moved the serial to %d", name, got)
		}
	}
	serial := int64(1)
	for name, change := range map[string]func(*state.Suspension){
		"reason": func(n *state.Suspension) { n.Reason += "x" },
		"by":     func(n *state.Suspension) { n.By += "x" },
		"since":  func(n *state.Suspension) { n.Since = n.Since.Add(time.Nanosecond) },
		"until":  func(n *state.Suspension) { n.Until = n.Until.Add(time.Nanosecond) },
		"no end": func(n *state.Suspension) { n.Until = time.Time{} },
	} {
		next := first
		change(&next)
		for _, want := range []state.Suspension{next, first} {
			serial++
			if got := suspend(t, s, want); got != serial {
				t.Errorf("%s: the change has serial %d, not %d", name, got, serial)
			}
			suspended(t, s, want)
		}
	}
}

// A store without a clock of its own says what was said: an end that has come is not its matter.
func testEndedSuspension(t *testing.T, s state.Store) {
	over := suspension("h", "c")
	if !over.Ended(time.Now()) {
		t.Fatal("this test is about one that has ended")
	}
	suspend(t, s, over)
	put(t, s, record(0))
	suspended(t, s, over)
}

func testSuspensionOutlivesRecord(t *testing.T, s state.Store) {
	r := record(0)
	put(t, s, r)
	held := suspension(r.Host, r.Name)
	suspend(t, s, held)
	apply(t, s, state.Batch{Delete: []string{r.UID}})
	suspended(t, s, held)
}

func testBadSuspension(t *testing.T, s state.Store) {
	good := suspension("h", "c")
	with := func(change func(*state.Suspension)) state.Batch {
		bad := good
		change(&bad)
		return state.Batch{Put: []state.Record{record(0)}, Suspend: []state.Suspension{bad}}
	}
	for name, b := range map[string]state.Batch{
		"twice":           {Suspend: []state.Suspension{good, good}},
		"and resumed":     {Suspend: []state.Suspension{good}, Resume: []state.Scope{good.Scope()}},
		"resumed nowhere": {Resume: []state.Scope{{Container: "c"}}},
		"without a host":  with(func(n *state.Suspension) { n.Host = "" }),
		"by nobody":       with(func(n *state.Suspension) { n.By = "" }),
		"that never was":  with(func(n *state.Suspension) { n.Since = time.Time{} }),
		"over before":     with(func(n *state.Suspension) { n.Until = n.Since.Add(-1) }),
		"till too late":   with(func(n *state.Suspension) { n.Until = n.Since.AddDate(300, 0, 0) }),
		"that rings":      with(func(n *state.Suspension) { n.Reason = "\a" }),
		"of broken text":  with(func(n *state.Suspension) { n.Reason = "\xff" }),
	} {
		if _, err := s.Apply(context.Background(), b); err == nil {
			t.Errorf("a suspension %s was accepted", name)
		}
	}
	if snap := load(t, s); snap.Serial != 0 || len(snap.Suspensions)+len(snap.Records) != 0 {
		t.Errorf("of refused batches something was stored: %+v", snap)
	}
}

// Of several who suspend the same at once each is heard, and what stays is what one of them said.
func testSuspensionRace(t *testing.T, s state.Store) {
	const people = 8
	said := make([]state.Suspension, people)
	errs := make([]error, people)
	var wg sync.WaitGroup
	for i := range people {
		said[i] = suspension("h", "c")
		said[i].By = string('a'+rune(i)) + "@desk"
		wg.Go(func() {
			_, errs[i] = s.Apply(context.Background(), state.Batch{Suspend: said[i : i+1]})
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("somebody could not suspend: %v", err)
	}
	snap := load(t, s)
	if len(snap.Suspensions) != 1 || !slices.Contains(said, snap.Suspensions[0]) {
		t.Errorf("nobody said %+v", snap.Suspensions)
	}
	if snap.Serial != people {
		t.Errorf("%d changes gave serial %d", people, snap.Serial)
	}
}
