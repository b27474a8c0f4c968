package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
	"reconciler/reconcile/report"
	"reconciler/spec"
	"reconciler/spec/decrypt"
	"reconciler/spec/decrypt/decrypttest"
)

// declareEncrypted replaces the tree by one with an encrypted value and an encrypted file.
func (w *world) declareEncrypted(password string) {
	armored := decrypttest.Armored(password, decrypttest.Recipient)
	indented := strings.ReplaceAll(armored, "\n", "\n        ")
	w.declare("targets:\n  h1:\n    a.example.com:\n      password: !age |\n        " + indented +
		"\n    b.example.com: {}\n    c.example.com: {}\n")
	w.files["secrets.yaml.age"] = &fstest.MapFile{Data: decrypttest.Age(
		"targets: {h1: {b.example.com: {password: "+password+"}}}", decrypttest.Recipient)}
}

// walk is reconcile.Plan or reconcile.Run.
type walk func(context.Context, reconcile.Declaration, reconcile.Options) (reconcile.Pass, error)

// with fetches the tree, with the key of the tests or without, and walks.
func (w *world) with(key bool, walk walk) (reconcile.Pass, error) {
	w.t.Helper()
	o := spec.Options{Hostname: "h1"}
	if key {
		keys := &decrypt.Keys{}
		if err := keys.Add(strings.NewReader(decrypttest.Key)); err != nil {
			w.t.Fatal(err)
		}
		o.Decrypter = keys
	}
	d, err := reconcile.Fetch(context.Background(), w, o)
	if err != nil {
		w.t.Fatalf("fetch: %v", err)
	}
	return walk(context.Background(), d, w.options())
}

func TestRunWithoutTheKeyTouchesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declareEncrypted("hunter2")
	writes := w.writes()
	_, err := w.with(false, reconcile.Run)
	var locked *reconcile.LockedError
	if !errors.As(err, &locked) {
		t.Fatalf("a run without the key is not refused: %v", err)
	}
	if want := "it is encrypted at secrets.yaml.age:1, tree.yaml:4, and no key"; !strings.Contains(
		err.Error(), want) {
		t.Errorf("the refusal does not say where: %v", err)
	}
	if w.writes() != writes || w.dials.Load() > 0 || w.snapshot().Serial != 0 {
		t.Error("the refused run touched a host or the state")
	}
}

func TestLockedErrorIsShort(t *testing.T) {
	t.Parallel()
	positions := make([]spec.Position, 1000)
	if s := (&reconcile.LockedError{Positions: positions}).Error(); len(s) > 200 ||
		!strings.Contains(s, "and 995 more places") {
		t.Errorf("a thousand places are told as %s", s)
	}
}

// In CI nobody has the key: the plan shows everything but the passwords, and claims no change of
// one that may be the same.
func TestPlanWithoutTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declareEncrypted("hunter2")
	pass, err := w.with(false, reconcile.Plan)
	if err != nil {
		t.Fatalf("a plan without the key is impossible: %v", err)
	}
	sensitive := 0
	for _, s := range pass.Plan.Steps {
		for _, c := range s.Changes {
			if c.Field == "password" && s.Action == plan.Clone {
				sensitive++
				if !c.Sensitive || c.Unknown || c.New != "" {
					t.Errorf("%s: the password is told as %+v", s.Container, c)
				}
			}
		}
	}
	if text := planText(t, pass); sensitive != 3 || !strings.Contains(text, "password: (sensitive)") {
		t.Errorf("%d of 3 passwords are in the plan:\n%s", sensitive, text)
	}
	if _, err := w.with(true, reconcile.Run); err != nil {
		t.Fatalf("run with the key: %v", err)
	}
	for _, key := range []bool{true, false} {
		pass, err := w.with(key, reconcile.Plan)
		if err != nil || !pass.Plan.Empty() {
			t.Errorf("with key %v: %v is claimed to change, %v", key, actions(pass.Plan.Steps), err)
		}
	}
	w.declareEncrypted("hunter3")
	if pass, err = w.with(true, reconcile.Plan); err != nil || fmt.Sprint(actions(pass.Plan.Steps)) !=
		"[h1/a.example.com password h1/b.example.com password]" {
		t.Errorf("two new passwords are planned as %v, %v", actions(pass.Plan.Steps), err)
	}
	if strings.Contains(planText(t, pass)+fmt.Sprintf("%+v", pass.Plan), "hunter") {
		t.Error("the plan shows a password")
	}
}

// planText is a plan as people and machines see it.
func planText(t *testing.T, pass reconcile.Pass) string {
	t.Helper()
	var b strings.Builder
	if err := report.Text(&b, pass.Plan, report.TextOptions{Hosts: 1}); err != nil {
		t.Fatal(err)
	}
	if err := report.JSON(&b, pass.Plan, report.Meta{}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The guest gets what was encrypted, and what is stored of it does not tell it.
func TestRunWithTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.declareEncrypted("hunter2")
	if _, err := w.with(true, reconcile.Run); err != nil {
		t.Fatal(err)
	}
	for _, r := range w.snapshot().Records {
		if r.Name == "c.example.com" || r.Template {
			continue
		}
		clear, err := w.keys.Open(r.UID, r.Password)
		if err != nil || clear.Reveal() != "hunter2" {
			t.Errorf("%s has another password than the one that was encrypted (%v)", r.Name, err)
		}
		if strings.Contains(fmt.Sprintf("%+v", r), "hunter2") {
			t.Errorf("the record of %s shows the password", r.Name)
		}
	}
}
