package state_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"reconciler/state"
)

func moment() time.Time { return time.Date(2024, 5, 6, 7, 8, 9, 10, time.UTC) }

func suspension(host, container string) state.Suspension {
	return state.Suspension{Host: host, Container: container, By: "ann@desk", Since: moment()}
}

// A suspension that covers too little lets a container be changed under somebody's hands; one that
// covers too much stops the others.
func TestCovers(t *testing.T) {
	t.Parallel()
	everything, host, one := suspension("", ""), suspension("h", ""), suspension("h", "c")
	for _, tt := range []struct {
		host, container string
		byHost, byOne   bool
	}{
		{"h", "c", true, true},
		{"h", "d", true, false},
		{"h", "", true, false},
		{"h2", "c", false, false},
		{"h2", "", false, false},
		{"", "", false, false},
		{"H", "c", false, false},
	} {
		if !everything.Covers(tt.host, tt.container) {
			t.Errorf("suspending everything leaves %q/%q out", tt.host, tt.container)
		}
		if got := host.Covers(tt.host, tt.container); got != tt.byHost {
			t.Errorf("host h suspended covers %q/%q: %v", tt.host, tt.container, got)
		}
		if got := one.Covers(tt.host, tt.container); got != tt.byOne {
			t.Errorf("container h/c suspended covers %q/%q: %v", tt.host, tt.container, got)
		}
	}
}

func TestEnded(t *testing.T) {
	t.Parallel()
	s := suspension("h", "c")
	if s.Ended(moment().AddDate(200, 0, 0)) {
		t.Error("a suspension without an end ended")
	}
	s.Until = moment().Add(time.Hour)
	for after, want := range map[time.Duration]bool{
		0: false, time.Hour - 1: false, time.Hour: true, 2 * time.Hour: true,
	} {
		now := moment().Add(after).In(time.FixedZone("away", 3600))
		if got := s.Ended(now); got != want {
			t.Errorf("an hour of suspension ended after %v: %v", after, got)
		}
	}
}

func TestScopeIsReadable(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]state.Suspension{
		"everything": suspension("", ""), "h": suspension("h", ""), "h/c": suspension("h", "c"),
	} {
		if got := s.Scope().String(); got != want {
			t.Errorf("the scope reads %q, not %q", got, want)
		}
	}
}

// A field that Same forgets would never be stored: the store takes its change for no change.
func TestSameOfWhatIsRemembered(t *testing.T) {
	t.Parallel()
	value := func(t reflect.Type) reflect.Value {
		switch t.Kind() {
		case reflect.String:
			return reflect.ValueOf("x")
		case reflect.Int:
			return reflect.ValueOf(1)
		default:
			return reflect.ValueOf(moment())
		}
	}
	for field := range reflect.TypeFor[state.Suspension]().Fields() {
		var s state.Suspension
		reflect.ValueOf(&s).Elem().FieldByName(field.Name).Set(value(field.Type))
		if s.Same(state.Suspension{}) {
			t.Errorf("suspensions that differ in %s are the same", field.Name)
		}
	}
	for field := range reflect.TypeFor[state.Pass]().Fields() {
		var p state.Pass
		reflect.ValueOf(&p).Elem().FieldByName(field.Name).Set(value(field.Type))
		if p.Same(state.Pass{}) {
			t.Errorf("passes that differ in %s are the same", field.Name)
		}
	}
}

func TestSameInAnotherZone(t *testing.T) {
	t.Parallel()
	away := moment().In(time.FixedZone("away", 3600))
	s, p := suspension("h", "c"), pass("a")
	moved, movedPass := s, p
	moved.Since, movedPass.Began, movedPass.Ended = away, away, p.Ended.In(away.Location())
	if !s.Same(moved) || !p.Same(movedPass) {
		t.Error("the zone in which a time is given is a change: passes would write for nothing")
	}
}

func TestCheckOfSuspension(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*state.Suspension)
		want   string // in the error; empty: it is good
	}{
		"as it is":      {func(*state.Suspension) {}, ""},
		"everything":    {func(s *state.Suspension) { s.Host, s.Container = "", "" }, ""},
		"with a reason": {func(s *state.Suspension) { s.Reason = "größer — 大" }, ""},
		"for a moment":  {func(s *state.Suspension) { s.Until = s.Since.Add(1) }, ""},
		"no host":       {func(s *state.Suspension) { s.Host = "" }, "host is missing"},
		"by nobody":     {func(s *state.Suspension) { s.By = "" }, "who suspends"},
		"no begin":      {func(s *state.Suspension) { s.Since = time.Time{} }, `"since"`},
		"no length":     {func(s *state.Suspension) { s.Until = s.Since }, "it ends at 2024-05-06"},
		"until far away": {func(s *state.Suspension) { s.Until = s.Since.AddDate(7975, 0, 0) },
			`"until"`},
		"tab":            {func(s *state.Suspension) { s.Reason = "a\tb" }, "at byte 1"},
		"escape in host": {func(s *state.Suspension) { s.Host = "\x1b[2J" }, "its host"},
		"broken by":      {func(s *state.Suspension) { s.By = "\xc3" }, "not valid UTF-8"},
		"long": {func(s *state.Suspension) { s.Reason = strings.Repeat("x", 4097) },
			"4097 bytes, more than 4096"},
	} {
		s := suspension("h", "c")
		tt.change(&s)
		err := state.Batch{Suspend: []state.Suspension{s}}.Check()
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: a good suspension was refused: %v", name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want) ||
			!strings.HasPrefix(err.Error(), "cannot suspend ")):
			t.Errorf("%s: the error does not say %q: %v", name, tt.want, err)
		}
	}
}

// What is over must hold nobody up, and what is left must keep its order; the state stays as it is.
func TestHolding(t *testing.T) {
	t.Parallel()
	over, lasting, always := suspension("h", "a"), suspension("h", "b"), suspension("h", "c")
	over.Until, lasting.Until = moment().Add(time.Hour), moment().Add(3*time.Hour)
	all := []state.Suspension{over, lasting, always}
	got := state.Holding(all, moment().Add(time.Hour))
	if !reflect.DeepEqual(got, []state.Suspension{lasting, always}) {
		t.Errorf("after an hour there hold %+v", got)
	}
	if !reflect.DeepEqual(all, []state.Suspension{over, lasting, always}) {
		t.Error("the list that was given has changed")
	}
}
