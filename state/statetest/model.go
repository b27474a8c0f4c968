package statetest

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"reconciler/state"
)

// testModel carries the same random batches out on a Store and on the model. Few values are drawn
// from, so that most batches meet a conflict of some kind.
func testModel(t *testing.T, open func(t *testing.T) state.Store) {
	rapid.Check(t, func(rt *rapid.T) {
		s := open(t)
		defer s.Close()
		m := &model{}
		for range rapid.IntRange(1, 12).Draw(rt, "batches") {
			b := drawBatch(rt, m)
			serial, err := s.Apply(context.Background(), b)
			wantErr := b.Check()
			if wantErr == nil {
				wantErr = m.apply(b, time.Now())
			}
			if kind(err) != kind(wantErr) {
				rt.Fatalf("batch %+v: the store says %v, the model %v", b, err, wantErr)
			}
			checkOwner(rt, m, b, err)
			if err == nil && serial != m.serial {
				rt.Fatalf("batch %+v: serial %d, model %d", b, serial, m.serial)
			}
			compare(rt, s, m)
			sayAgain(rt, s)
		}
	})
}

// kind is the part of an error that callers act on.
func kind(err error) string {
	var taken *state.TakenError
	switch {
	case err == nil:
		return "none"
	case errors.Is(err, state.ErrConflict):
		return "conflict"
	case errors.As(err, &taken):
		return "taken"
	default:
		return "refused"
	}
}

func drawBatch(rt *rapid.T, m *model) state.Batch {
	var b state.Batch
	for range rapid.IntRange(0, 3).Draw(rt, "puts") {
		b.Put = append(b.Put, drawRecord(rt, m))
	}
	uids := []string{"u1", "u2", "u3", "u4"}
	b.Delete = rapid.SliceOfN(rapid.SampledFrom(uids), 0, 1).Draw(rt, "deletes")
	for range rapid.IntRange(0, 2).Draw(rt, "suspends") {
		b.Suspend = append(b.Suspend, drawSuspension(rt))
	}
	b.Resume = rapid.SliceOfN(rapid.Custom(drawScope), 0, 1).Draw(rt, "resumes")
	if rapid.Bool().Draw(rt, "with a pass") {
		b.Pass = drawPass(rt)
	}
	if rapid.Bool().Draw(rt, "with an observation") {
		content := rapid.SampledFrom([]string{"", "x", "y", "y"}).Draw(rt, "content")
		b.Observed = map[string]state.Observation{
			rapid.SampledFrom([]string{"h1", "h2"}).Draw(rt, "seen"): {
				At: drawTime(rt), Content: []byte(content)}}
	}
	return b
}

func drawScope(rt *rapid.T) state.Scope {
	return state.Scope{
		Host:      rapid.SampledFrom([]string{"", "h1", "h1", "h2", "h2"}).Draw(rt, "host"),
		Container: rapid.SampledFrom([]string{"", "", "", "a"}).Draw(rt, "container"),
	}
}

func drawSuspension(rt *rapid.T) state.Suspension {
	scope := drawScope(rt)
	n := state.Suspension{
		Host: scope.Host, Container: scope.Container, By: "ann@desk", Since: drawTime(rt),
		Reason: rapid.SampledFrom([]string{"", "x"}).Draw(rt, "reason"),
	}
	if rapid.Bool().Draw(rt, "with an end") {
		n.Until = n.Since.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "length")))
	}
	return n
}

func drawPass(rt *rapid.T) *state.Pass {
	p := &state.Pass{
		ID:       rapid.SampledFrom([]string{"p1", "p2", "p3", "p4"}).Draw(rt, "id"),
		Source:   rapid.SampledFrom([]string{"/a", "/b"}).Draw(rt, "source"),
		Revision: rapid.SampledFrom([]string{"", "r1", "r2"}).Draw(rt, "revision"),
		Held:     rapid.IntRange(0, 1).Draw(rt, "held"),
		Error:    rapid.SampledFrom([]string{"", "", "x\ny"}).Draw(rt, "error"),
		Began:    drawTime(rt),
	}
	p.Ended = p.Began.Add(time.Duration(rapid.IntRange(0, 2).Draw(rt, "nanoseconds")))
	return p
}

// drawTime returns one of few moments, in one of two zones.
func drawTime(rt *rapid.T) time.Time {
	zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", 3600)}).Draw(rt, "zone")
	return moment().Add(time.Duration(rapid.IntRange(0, 1).Draw(rt, "later"))).In(zone)
}

func drawRecord(rt *rapid.T, m *model) state.Record {
	r := state.Record{
		UID:     rapid.SampledFrom([]string{"u1", "u2", "u3", "u4"}).Draw(rt, "uid"),
		Host:    rapid.SampledFrom([]string{"h1", "h2"}).Draw(rt, "host"),
		Name:    rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "name"),
		Network: rapid.SampledFrom([]string{"n1", "n2"}).Draw(rt, "network"),
		MAC:     rapid.SampledFrom([]string{"", "", "m1", "m2", "m3"}).Draw(rt, "mac"),
		Failure: rapid.SampledFrom([]string{"", "x"}).Draw(rt, "failure"),
	}
	if n := rapid.IntRange(0, 4).Draw(rt, "ip"); n > 0 {
		r.IP = netip.AddrFrom4([4]byte{10, 0, 0, byte(n)})
	}
	r.Version = m.records[r.UID].Version
	if rapid.IntRange(0, 9).Draw(rt, "stale") == 0 {
		r.Version++
	}
	return r
}

// checkOwner holds a TakenError against what is stored and what the batch wanted.
func checkOwner(rt *rapid.T, m *model, b state.Batch, err error) {
	var taken *state.TakenError
	if !errors.As(err, &taken) {
		return
	}
	records := b.Put
	for _, r := range m.records {
		records = append(records, r)
	}
	for _, r := range records {
		owner := r.Host == taken.Host && r.Name == taken.Name
		if owner && slices.ContainsFunc(uniques(r), func(u state.TakenError) bool {
			return u.What == taken.What && u.Value == taken.Value
		}) {
			return
		}
	}
	rt.Fatalf("batch %+v: the named owner does not have it: %v", b, err)
}

func compare(rt *rapid.T, s state.Store, m *model) {
	got, err := s.Load(context.Background())
	if err != nil {
		rt.Fatalf("the store cannot be read: %v", err)
	}
	want := m.snapshot()
	if got.Serial != want.Serial || len(got.Records) != len(want.Records) {
		rt.Fatalf("the store has serial %d and\n%+v, the model %d and\n%+v",
			got.Serial, got.Records, want.Serial, want.Records)
	}
	for i, w := range want.Records {
		if g := got.Records[i]; !g.Same(w) || g.Version != w.Version {
			rt.Fatalf("the store has\n%+v, the model\n%+v", g, w)
		}
	}
	if !slices.Equal(got.Suspensions, want.Suspensions) || !slices.Equal(got.Passes, want.Passes) {
		rt.Fatalf("the store has\n%+v\n%+v, the model\n%+v\n%+v",
			got.Suspensions, got.Passes, want.Suspensions, want.Passes)
	}
	seen, err := s.Observations(context.Background())
	if err != nil || !sameObservations(seen, m.observations()) {
		rt.Fatalf("the store has seen %v, the model %v, error %v", seen, m.observations(), err)
	}
	if err := checkUnique(byUID(got.Records)); err != nil {
		rt.Fatalf("two records share a value: %v", err)
	}
}

// sayAgain stores what is stored.
func sayAgain(rt *rapid.T, s state.Store) {
	snap, err := s.Load(context.Background())
	if err != nil {
		rt.Fatalf("the store cannot be read: %v", err)
	}
	b := state.Batch{Put: snap.Records, Suspend: snap.Suspensions}
	if len(snap.Passes) > 0 {
		b.Pass = &snap.Passes[len(snap.Passes)-1]
	}
	serial, err := s.Apply(context.Background(), b)
	if err != nil || serial != snap.Serial {
		rt.Fatalf("storing what is stored: serial %d, was %d, error %v", serial, snap.Serial, err)
	}
}

func byUID(records []state.Record) map[string]state.Record {
	m := make(map[string]state.Record, len(records))
	for _, r := range records {
		m[r.UID] = r
	}
	return m
}
