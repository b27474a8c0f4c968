package statetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"reconciler/state"
)

func testTaken(t *testing.T, s state.Store) {
	owner := record(0)
	put(t, s, owner)
	for _, test := range []struct {
		want   state.TakenError
		change func(r *state.Record)
	}{
		{
			state.TakenError{What: "ip", Value: "10.5.0.2", Network: owner.Network},
			func(r *state.Record) { r.IP = owner.IP },
		},
		{
			state.TakenError{What: "mac", Value: owner.MAC},
			func(r *state.Record) { r.MAC = owner.MAC },
		},
		{
			state.TakenError{What: "name", Value: "h1/ca"},
			func(r *state.Record) { r.Name = owner.Name },
		},
	} {
		test.want.Host, test.want.Name = "h1", "ca"
		rival := record(1)
		test.change(&rival)
		_, err := s.Apply(context.Background(), state.Batch{Put: []state.Record{rival}})
		var got *state.TakenError
		if !errors.As(err, &got) {
			t.Errorf("a second owner of the %s was let in: error %v", test.want.What, err)
			continue
		}
		if *got != test.want {
			t.Errorf("the error says %+v, not %+v", *got, test.want)
		}
	}
	elsewhere := record(1)
	elsewhere.IP, elsewhere.Network = owner.IP, "other"
	without := record(2)
	without.IP, without.MAC = state.Record{}.IP, ""
	alsoWithout := record(3)
	alsoWithout.IP, alsoWithout.MAC = state.Record{}.IP, ""
	put(t, s, elsewhere, without, alsoWithout)
}

func testFreed(t *testing.T, s state.Store) {
	put(t, s, record(0))
	heir := record(1)
	heir.Name, heir.IP, heir.MAC = record(0).Name, record(0).IP, record(0).MAC
	apply(t, s, state.Batch{Put: []state.Record{heir}, Delete: []string{record(0).UID}})
	if got := load(t, s).Records; len(got) != 1 || got[0].UID != heir.UID {
		t.Errorf("after handing everything over the store has %+v", got)
	}
}

func testSwap(t *testing.T, s state.Store) {
	put(t, s, record(0), record(1))
	a, b := one(t, s, record(0).UID), one(t, s, record(1).UID)
	a.Name, b.Name = b.Name, a.Name
	a.IP, b.IP = b.IP, a.IP
	a.MAC, b.MAC = b.MAC, a.MAC
	put(t, s, a, b)
	for _, want := range []state.Record{a, b} {
		if got := one(t, s, want.UID); !got.Same(want) {
			t.Errorf("after the swap %s is %+v, not %+v", want.UID, got, want)
		}
	}
}

func testAtomic(t *testing.T, s state.Store) {
	put(t, s, record(0))
	before := load(t, s)
	rival := record(2)
	rival.IP = record(0).IP
	batch := state.Batch{Put: []state.Record{record(1), rival}}
	if _, err := s.Apply(context.Background(), batch); err == nil {
		t.Fatal("an address was given to two records")
	}
	stale := before.Records[0]
	stale.Version = 9
	batch = state.Batch{
		Put:    []state.Record{record(1), stale},
		Delete: []string{"unknown"},
	}
	if _, err := s.Apply(context.Background(), batch); err == nil {
		t.Fatal("a stale record was stored")
	}
	after := load(t, s)
	if len(after.Records) != 1 || after.Serial != before.Serial {
		t.Errorf("half of a refused batch was stored: %+v", after)
	}
	put(t, s, record(1))
}

func testBadBatch(t *testing.T, s state.Store) {
	nameless := record(0)
	nameless.Name = ""
	r := record(0)
	for name, b := range map[string]state.Batch{
		"with one record twice":      {Put: []state.Record{r, r}},
		"that stores and deletes":    {Put: []state.Record{r}, Delete: []string{r.UID}},
		"of a record without a name": {Put: []state.Record{nameless}},
	} {
		if _, err := s.Apply(context.Background(), b); err == nil {
			t.Errorf("a batch %s was accepted", name)
		}
	}
	if n := len(load(t, s).Records); n != 0 {
		t.Errorf("%d records of refused batches were stored", n)
	}
}

func testRace(t *testing.T, s state.Store) {
	put(t, s, record(0))
	r := one(t, s, record(0).UID)
	const writers = 8
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			mine := r
			mine.Failure = string('a' + rune(i))
			_, errs[i] = s.Apply(context.Background(), state.Batch{Put: []state.Record{mine}})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else if !errors.Is(err, state.ErrConflict) {
			t.Errorf("a writer that lost got %v", err)
		}
	}
	if won != 1 {
		t.Errorf("%d writers of one version won", won)
	}
	if snap := load(t, s); snap.Serial != 2 {
		t.Errorf("the serial is %d, not 2", snap.Serial)
	}
}
