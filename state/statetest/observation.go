package statetest

import (
	"context"
	"maps"
	"testing"
	"time"

	"reconciler/state"
)

// seen returns an observation of the n-th second.
func seen(n int, content string) state.Observation {
	at := moment().Add(time.Duration(n) * time.Second)
	return state.Observation{At: at, Content: []byte(content)}
}

func observe(t *testing.T, s state.Store, all map[string]state.Observation) int64 {
	t.Helper()
	return apply(t, s, state.Batch{Observed: all})
}

// observed loads the observations and compares them with those wanted.
func observed(t *testing.T, s state.Store, want map[string]state.Observation) {
	t.Helper()
	got, err := s.Observations(context.Background())
	if err != nil {
		t.Fatalf("the observations cannot be read: %v", err)
	}
	if !sameObservations(got, want) {
		t.Errorf("observed is\n%v, not\n%v", got, want)
	}
}

func sameObservations(a, b map[string]state.Observation) bool {
	return maps.EqualFunc(a, b, func(a, b state.Observation) bool {
		return a.At == b.At && a.Same(b)
	})
}

func testObservations(t *testing.T, s state.Store) {
	observed(t, s, nil)
	binary := seen(1, "\x00\xff{}")
	observe(t, s, map[string]state.Observation{"h1": seen(0, "a"), "h2": binary})
	want := map[string]state.Observation{"h1": seen(0, "a"), "h2": binary}
	observed(t, s, want)
	got, err := s.Observations(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got["h1"].Content[0] = 'x'
	delete(got, "h2")
	observed(t, s, want)
	away := seen(2, "b")
	away.At = away.At.In(time.FixedZone("away", 9*60*60))
	observe(t, s, map[string]state.Observation{"h1": away})
	away.Content[0] = 'x'
	want["h1"] = seen(2, "b")
	observed(t, s, want)
	put(t, s, record(0))
	observed(t, s, want)
}

func testSameObservation(t *testing.T, s state.Store) {
	first := map[string]state.Observation{"h1": seen(0, "a"), "h2": seen(0, "a")}
	observe(t, s, first)
	observe(t, s, map[string]state.Observation{"h1": seen(5, "a")})
	observed(t, s, first)
}

func testObservationSerial(t *testing.T, s state.Store) {
	put(t, s, record(0))
	if got := observe(t, s, map[string]state.Observation{"h1": seen(0, "a")}); got != 1 {
		t.Errorf("what a host was seen to have moved the serial to %d: a plan that was reviewed "+
			"would be refused", got)
	}
	got := apply(t, s, state.Batch{Put: []state.Record{record(1)},
		Observed: map[string]state.Observation{"h1": seen(0, "a")}})
	if got != 2 || load(t, s).Serial != 2 {
		t.Errorf("a record beside an observation gave serial %d, not 2", got)
	}
}

func testBadObservation(t *testing.T, s state.Store) {
	for name, all := range map[string]map[string]state.Observation{
		"of nobody":        {"": seen(0, "a")},
		"of a bell":        {"\a": seen(0, "a")},
		"that is empty":    {"h": seen(0, "")},
		"that never was":   {"h": {Content: []byte("a")}},
		"beside a bad one": {"h": seen(0, "a"), "i": {}},
	} {
		if _, err := s.Apply(context.Background(), state.Batch{Observed: all}); err == nil {
			t.Errorf("an observation %s was accepted", name)
		}
	}
	observed(t, s, nil)
}

func testRefusedObservation(t *testing.T, s state.Store) {
	r := record(0)
	r.Version = 7
	b := state.Batch{Put: []state.Record{r},
		Observed: map[string]state.Observation{"h": seen(0, "a")}}
	if _, err := s.Apply(context.Background(), b); err == nil {
		t.Fatal("a record that was never stored has a version")
	}
	observed(t, s, nil)
}
