package statetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"reconciler/state"
)

// pass returns a complete one of a good revision.
func pass(id string) state.Pass {
	return state.Pass{
		ID: id, Source: "ssh://git@code.example.org/tree.git", Revision: "rev-" + id,
		Ref: "refs/heads/main", Author: "Ann Ö <ann@example.org>", Subject: "web: more memory",
		Signer: "ann@example.org", Began: moment(), Ended: moment().Add(1500 * time.Nanosecond),
		Created: 1, Changed: 2, Destroyed: 3, Failed: 4, Blocked: 5, Held: 6,
		Record: 7, Skipped: 8, Prepared: 9, Unprepared: 10,
	}
}

// failure returns one that touched no host.
func failure(id string) state.Pass {
	p := pass(id)
	p.Error = "cannot read the source:\n\tit is gone"
	return p
}

func remember(t *testing.T, s state.Store, passes ...state.Pass) int64 {
	t.Helper()
	var serial int64
	for _, p := range passes {
		serial = apply(t, s, state.Batch{Pass: &p})
	}
	return serial
}

// remembered loads the passes and compares them, field by field, with those wanted.
func remembered(t *testing.T, s state.Store, want ...state.Pass) {
	t.Helper()
	if got := load(t, s).Passes; !slices.Equal(got, want) {
		t.Errorf("remembered is\n%+v, not\n%+v", got, want)
	}
}

func testPasses(t *testing.T, s state.Store) {
	full, failed := pass("a"), failure("b")
	bare := state.Pass{ID: "c", Source: "/tree", Began: moment(), Ended: moment()}
	given := full
	remember(t, s, given, failed, bare)
	remembered(t, s, bare, failed, full)
	snap := load(t, s)
	snap.Passes[0].Error = "changed by a reader"
	remembered(t, s, bare, failed, full)
	given.Error = "changed by the writer"
	remembered(t, s, bare, failed, full)
}

func testPassTimes(t *testing.T, s state.Store) {
	want := pass("a")
	away := want
	zone := time.FixedZone("away", 9*60*60)
	away.Began, away.Ended = want.Began.In(zone), want.Ended.In(zone)
	remember(t, s, away)
	remembered(t, s, want)
	away.ID, away.Began = "b", time.Now() // with what only this process knows
	away.Ended = away.Began.Add(time.Second)
	remember(t, s, away)
	next := away
	next.Began, next.Ended = plain(away.Began), plain(away.Ended)
	remembered(t, s, next, want)
}

// The clock of a machine can be set back: the order is that of storing.
func testPassOrder(t *testing.T, s state.Store) {
	first, second, third := pass("b"), pass("c"), pass("a")
	second.Began, second.Ended = moment().AddDate(-1, 0, 0), moment().AddDate(-1, 0, 0)
	remember(t, s, first, second, third)
	remembered(t, s, third, second, first)
	if got := load(t, s).LastRevision(first.Source); got != third.Revision {
		t.Errorf("the last revision is %q, not %q", got, third.Revision)
	}
}

func testPassReplaced(t *testing.T, s state.Store) {
	first, second, third := pass("a"), pass("b"), pass("c")
	remember(t, s, first, second, third)
	second.Held, second.Error = 17, "interrupted"
	if got := remember(t, s, second); got != 4 {
		t.Errorf("replacing a pass has serial %d, not 4", got)
	}
	remembered(t, s, third, second, first)
}

func testPassSerial(t *testing.T, s state.Store) {
	p := pass("a")
	remember(t, s, p)
	elsewhere := p
	elsewhere.Ended = p.Ended.In(time.FixedZone("away", 3600))
	if got := remember(t, s, p, elsewhere); got != 1 {
		t.Errorf("the same pass again moved the serial to %d", got)
	}
	for i, change := range []func(){
		func() { p.Source += "x" }, func() { p.Revision += "x" }, func() { p.Ref += "x" },
		func() { p.Author += "x" }, func() { p.Subject += "x" }, func() { p.Signer += "x" },
		func() { p.Began = p.Began.Add(-1) }, func() { p.Ended = p.Ended.Add(1) },
		func() { p.Created++ }, func() { p.Changed++ }, func() { p.Destroyed++ },
		func() { p.Failed++ }, func() { p.Blocked++ }, func() { p.Held++ },
		func() { p.Record++ }, func() { p.Skipped++ }, func() { p.Prepared++ },
		func() { p.Unprepared++ }, func() { p.Error += "x" },
	} {
		change()
		if got := remember(t, s, p); got != int64(i+2) {
			t.Errorf("change %d of a pass has serial %d", i, got)
		}
		remembered(t, s, p)
	}
}

func testPassLimit(t *testing.T, s state.Store) {
	const extra = 7
	var want []state.Pass
	for i := range state.MaxPasses + extra {
		p := pass(strconv.Itoa(i))
		remember(t, s, p)
		want = slices.Insert(want, 0, p)
	}
	remembered(t, s, want[:state.MaxPasses]...)
	forgotten := want[len(want)-1]
	remember(t, s, forgotten) // its ID is free
	remembered(t, s, slices.Insert(want[:state.MaxPasses-1:state.MaxPasses-1], 0, forgotten)...)
}

// A source that fails for days must not make the store forget which revision was applied: then
// rewritten history would be taken for a first revision.
func testLastRevisionStays(t *testing.T, s state.Store) {
	mine, theirs := pass("mine"), pass("theirs")
	theirs.Source = "/their/tree"
	older := pass("older")
	remember(t, s, older, mine, theirs)
	for i := range 2 * state.MaxPasses {
		p := failure(strconv.Itoa(i))
		if i%2 == 0 {
			p.Error, p.Revision = "", ""
		}
		remember(t, s, p)
	}
	snap := load(t, s)
	for _, want := range []state.Pass{mine, theirs} {
		if got := snap.LastRevision(want.Source); got != want.Revision {
			t.Errorf("the last revision of %s is %q, not %q", want.Source, got, want.Revision)
		}
	}
	if n := len(snap.Passes); n != state.MaxPasses || slices.Contains(snap.Passes, older) {
		t.Errorf("%d passes are kept; one that nobody asks for is among them: %v", n,
			slices.Contains(snap.Passes, older))
	}
}

// Even where each pass is the last of its source the newest one is kept.
func testManySources(t *testing.T, s state.Store) {
	for i := range state.MaxPasses + 1 {
		p := pass(strconv.Itoa(i))
		p.Source = "/tree/" + p.ID
		remember(t, s, p)
	}
	newest := failure("newest")
	remember(t, s, newest)
	passes := load(t, s).Passes
	if len(passes) != state.MaxPasses || passes[0] != newest || passes[99].ID != "2" {
		t.Errorf("%d passes are kept, from %s to %s", len(passes), passes[0].ID,
			passes[len(passes)-1].ID)
	}
}

// testForgetting stores many passes of changing kind and holds each step against the model.
func testForgetting(t *testing.T, s state.Store) {
	var m model
	for i := range 3 * state.MaxPasses {
		p := pass(strconv.Itoa(i - i%13/12)) // now and then the one before again
		p.Source = []string{"/a", "/b", "/c", "/d"}[i%97%4]
		if i > 60 && i%3 > 0 || p.Source == "/c" && i > 20 {
			p.Error = "failed"
		}
		remember(t, s, p)
		if err := m.apply(state.Batch{Pass: &p}, moment()); err != nil {
			t.Fatal(err)
		}
		if got := load(t, s).Passes; !slices.Equal(got, m.passes) {
			t.Fatalf("after %d passes are kept\n%s, not\n%s", i+1, ids(got), ids(m.passes))
		}
	}
}

func ids(passes []state.Pass) string {
	var list []string
	for _, p := range passes {
		list = append(list, p.ID)
	}
	return strings.Join(list, " ")
}

func testBadPass(t *testing.T, s state.Store) {
	for name, change := range map[string]func(*state.Pass){
		"without an id":         func(p *state.Pass) { p.ID = "" },
		"of no source":          func(p *state.Pass) { p.Source = "" },
		"with a password":       func(p *state.Pass) { p.Source = "https://ann:hunter2@h/tree" },
		"that never began":      func(p *state.Pass) { p.Began = time.Time{} },
		"that did not end":      func(p *state.Pass) { p.Ended = time.Time{} },
		"that ended before":     func(p *state.Pass) { p.Ended = p.Began.Add(-1) },
		"of less than none":     func(p *state.Pass) { p.Blocked = -1 },
		"of fewer hosts":        func(p *state.Pass) { p.Unprepared = -1 },
		"that clears a screen":  func(p *state.Pass) { p.Subject = "\x1b[2J" },
		"of two lines":          func(p *state.Pass) { p.Author = "a\nb" },
		"of broken text":        func(p *state.Pass) { p.Error = "\xff" },
		"with a book as reason": func(p *state.Pass) { p.Error = strings.Repeat("x", 1<<20) },
	} {
		p := pass("a")
		change(&p)
		b := state.Batch{Put: []state.Record{record(0)}, Pass: &p}
		_, err := s.Apply(context.Background(), b)
		if err == nil {
			t.Errorf("a pass %s was accepted", name)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("a pass %s: the error tells the password: %v", name, err)
		}
	}
	if snap := load(t, s); snap.Serial != 0 || len(snap.Passes)+len(snap.Records) != 0 {
		t.Errorf("of refused batches something was stored: %+v", snap)
	}
}

// testAllOrNothing: records, suspensions and the pass of one batch come together.
func testAllOrNothing(t *testing.T, s state.Store) {
	held, gone := suspension("h", "a"), suspension("h", "b")
	old := pass("old")
	apply(t, s, state.Batch{
		Put: []state.Record{record(0)}, Suspend: []state.Suspension{gone}, Pass: &old,
	})
	stale, rival := record(0), record(2)
	rival.IP = record(0).IP
	changed, added := failure("old"), pass("new")
	good := state.Batch{
		Put: []state.Record{record(1)}, Suspend: []state.Suspension{held},
		Resume: []state.Scope{gone.Scope()},
	}
	for name, bad := range map[string]state.Record{"stale": stale, "taken": rival} {
		for _, p := range []*state.Pass{&changed, &added} {
			b := good
			b.Put, b.Pass = []state.Record{record(1), bad}, p
			if _, err := s.Apply(context.Background(), b); err == nil {
				t.Fatalf("a %s record was stored", name)
			}
		}
	}
	suspended(t, s, gone)
	remembered(t, s, old)
	if snap := load(t, s); len(snap.Records) != 1 || snap.Serial != 1 {
		t.Errorf("half of a refused batch was stored: %+v", snap)
	}
	good.Pass = &added
	if got := apply(t, s, good); got != 2 {
		t.Errorf("one batch has serial %d, not 2", got)
	}
	suspended(t, s, held)
	remembered(t, s, added, old)
	one(t, s, record(1).UID)
}

func testPassRace(t *testing.T, s state.Store) {
	const writers, each = 6, 5
	errs := make([]error, writers)
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for j := range each {
				p := pass(fmt.Sprintf("%d-%d", i, j))
				_, err := s.Apply(context.Background(), state.Batch{Pass: &p})
				errs[i] = errors.Join(errs[i], err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Errorf("a pass could not be stored: %v", err)
	}
	snap := load(t, s)
	newest := map[string]string{} // by writer; newer ones have higher numbers
	for _, p := range snap.Passes {
		writer, number, _ := strings.Cut(p.ID, "-")
		if later, ok := newest[writer]; ok && number >= later {
			t.Errorf("pass %s stands below %s-%s", p.ID, writer, later)
		}
		newest[writer] = number
	}
	if len(snap.Passes) != writers*each || snap.Serial != writers*each {
		t.Errorf("%d of %d passes are stored, at serial %d", len(snap.Passes), writers*each,
			snap.Serial)
	}
}
