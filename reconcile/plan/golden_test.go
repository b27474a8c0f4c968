package plan_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/netip"
	"os"
	"testing"

	"reconciler/reconcile/plan"
	"reconciler/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The JSON of a plan is what other programs read: a change of it must be meant.
func TestTheJSONOfAPlan(t *testing.T) {
	t.Parallel()
	at := func(line int) edit {
		return func(d *plan.Desired) { d.Position = spec.Position{File: "tree.yaml", Line: line} }
	}
	s := onHost(template("base", at(3)), declare("new", at(7), func(d *plan.Desired) {
		d.UID, d.MAC, d.IP = "", "", netip.Addr{}
		d.Generated, d.Unknown = []string{"ip", "mac"}, []string{"ip", "mac"}
	})).both(declare("changed", at(8)), declare("moved", at(9)), declare("same", at(10)))
	s.has(declare("kept", protect)).has(declare("gone")).foreign("hand")
	for i := range s.in.Desired {
		switch d := &s.in.Desired[i]; d.Name {
		case "changed":
			d.Memory, d.PasswordTag = 512<<20, "other"
		case "moved":
			d.FromContainer = "gold"
		}
	}
	s.got("changed").Config.Autostart = false
	s.Unreachable = []plan.Unreachable{{Host: "far", Text: "no route to host"}}
	s.Warnings = []spec.Problem{{Path: "targets.h.same.mode", Text: "not acted on yet"}}
	got, err := json.MarshalIndent(plan.Compute(s.Input), "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	const golden = "testdata/plan.json"
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the plan is (run with -update if that is meant):\n%s", got)
	}
}
