package state_test

import (
	"net/netip"
	"reflect"
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
	}
	if err := good.Check(); err != nil {
		t.Errorf("a batch that a store must judge was refused: %v", err)
	}
}
