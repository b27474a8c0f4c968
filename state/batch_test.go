package state_test

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"reconciler/state"
)

// A field that Same forgets would never be stored: the store takes its change for no change.
func TestSameSeesEveryField(t *testing.T) {
	t.Parallel()
	values := map[string]any{
		"UID": "x", "Version": int64(7), "Host": "x", "Name": "x", "Template": true,
		"Network": "x", "IP": netip.MustParseAddr("10.0.0.1"), "MAC": "x",
		"Password": state.Sealed("x"), "Protect": true, "Applied": map[string]string{"a": "b"},
		"Intent": "x", "Failure": "x", "Created": time.Unix(1, 0), "Updated": time.Unix(1, 0),
	}
	kept := map[string]bool{"Version": true, "Created": true, "Updated": true}
	for field := range reflect.TypeFor[state.Record]().Fields() {
		var r state.Record
		value, ok := values[field.Name]
		if !ok {
			t.Errorf("this test does not know field %s", field.Name)
			continue
		}
		reflect.ValueOf(&r).Elem().FieldByName(field.Name).Set(reflect.ValueOf(value))
		if same := r.Same(state.Record{}); same != kept[field.Name] {
			t.Errorf("records that differ in %s: same %v", field.Name, same)
		}
	}
}

func TestSameOfEmptyAndMissing(t *testing.T) {
	t.Parallel()
	a := state.Record{Password: state.Sealed{}, Applied: map[string]string{}}
	if !a.Same(state.Record{}) {
		t.Error("an empty map is another than none: every pass would write")
	}
}

func TestCheckOfGoodBatch(t *testing.T) {
	t.Parallel()
	good := state.Batch{
		Put:    []state.Record{{UID: "a", Host: "h", Name: "a"}, {UID: "b", Host: "h", Name: "a"}},
		Delete: []string{"c", "c"},
		Suspend: []state.Suspension{
			suspension("", ""), suspension("h", ""), suspension("h", "a"), suspension("i", ""),
		},
		Resume: []state.Scope{{Host: "h", Container: "b"}, {Host: "h", Container: "b"}},
	}
	if err := good.Check(); err != nil {
		t.Errorf("a batch that a store must judge was refused: %v", err)
	}
}

func TestCheckOfContradictions(t *testing.T) {
	t.Parallel()
	r, s := state.Record{UID: "a", Host: "h", Name: "a"}, suspension("h", "c")
	for want, b := range map[string]state.Batch{
		`record "a": it stands twice`:  {Put: []state.Record{r, r}},
		`the same batch stores it`:     {Put: []state.Record{r}, Delete: []string{"a"}},
		`suspend "h/c": it stands twi`: {Suspend: []state.Suspension{s, s}},
		`the same batch suspends it`: {
			Suspend: []state.Suspension{s}, Resume: []state.Scope{s.Scope()},
		},
		`resume "/c": its host`: {Resume: []state.Scope{{Container: "c"}}},
	} {
		if err := b.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}
