package sqlite

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"reconciler/state"
)

// future stands for a migration that is added one day.
const future = `ALTER TABLE records ADD COLUMN note TEXT NOT NULL DEFAULT 'migrated'`

func openWith(t *testing.T, path string, opts Options, steps ...string) (*Store, error) {
	t.Helper()
	s, err := open(context.Background(), path, opts, steps)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func TestMigration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	old := mustOpen(t, path, Options{})
	mustApply(t, old, batchOf("a", "b"))
	before := mustLoad(t, old)

	next := append(migrations(), future)
	if _, err := openWith(t, path, Options{ReadOnly: true}, next...); err == nil ||
		!strings.Contains(err.Error(), "schema 4") {
		t.Errorf("a reader did not say that the schema is old: error %v", err)
	}
	s, err := openWith(t, path, Options{}, next...)
	if err != nil {
		t.Fatalf("an old store does not migrate: %v", err)
	}
	var notes int
	err = s.db.QueryRow("SELECT count(*) FROM records WHERE note = 'migrated'").Scan(&notes)
	if err != nil || notes != 2 {
		t.Errorf("%d of 2 records were migrated, error %v", notes, err)
	}
	after := mustLoad(t, s)
	if after.Installation != before.Installation || len(after.Records) != 2 {
		t.Errorf("the migration changed what is remembered:\n%+v\n%+v", before, after)
	}
	if _, err := openWith(t, path, Options{}, next...); err != nil {
		t.Errorf("the migrated store does not open again: %v", err)
	}
}

// firstStore makes a store of schema 1 and returns its identity.
func firstStore(t *testing.T, path string, records []state.Record) string {
	t.Helper()
	s, err := openWith(t, path, Options{}, initial)
	if err != nil {
		t.Fatal(err)
	}
	mustApply(t, s, state.Batch{Put: records})
	var installation string
	if err := s.db.QueryRow("SELECT installation FROM store").Scan(&installation); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return installation
}

func TestMigrationOfSchema1(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	want := records(250)
	want[7].Intent, want[7].Failure, want[8].Protect = "clone", "line one\nline two", true
	want[9] = state.Record{UID: want[9].UID, Host: "host0000", Name: want[9].Name, Template: true}
	installation := firstStore(t, path, want)
	s := mustOpen(t, path, Options{})
	snap := mustLoad(t, s)
	if snap.Installation != installation || snap.Serial != 1 {
		t.Errorf("after the migration the store is %q at serial %d: it was %q at serial 1",
			snap.Installation, snap.Serial, installation)
	}
	if len(snap.Suspensions)+len(snap.Passes) != 0 {
		t.Errorf("the migration made up %+v %+v", snap.Suspensions, snap.Passes)
	}
	same := func(a, b state.Record) bool {
		return a.Same(b) && a.Version == 1 && !a.Created.IsZero() && a.Created.Equal(a.Updated)
	}
	if !slices.EqualFunc(snap.Records, want, same) {
		t.Error("the migration lost or changed records")
	}
	mustApply(t, s, state.Batch{Put: snap.Records[:1], Pass: newPass(1),
		Suspend: []state.Suspension{{By: "ann@desk", Since: newPass(1).Began}}})
	snap = mustLoad(t, mustOpen(t, path, Options{ReadOnly: true}))
	if len(snap.Records) != 250 || len(snap.Suspensions) != 1 || len(snap.Passes) != 1 {
		t.Errorf("a migrated store keeps %d records, %d suspensions, %d passes",
			len(snap.Records), len(snap.Suspensions), len(snap.Passes))
	}
}

func TestMigrationOfSchema2(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	old, err := openWith(t, path, Options{}, initial, remembered)
	if err != nil {
		t.Fatal(err)
	}
	suspended := []state.Suspension{{By: "ann@desk", Since: newPass(1).Began}}
	mustApply(t, old, state.Batch{Put: records(3), Suspend: suspended})
	was := newPass(1)
	_, err = old.db.Exec("INSERT INTO passes VALUES (1,?,?,?,?,?,?,?,?,?,1,2,0,0,0,0,'')",
		was.ID, was.Source, was.Revision, was.Ref, was.Author, was.Subject, was.Signer,
		was.Began.UnixNano(), was.Ended.UnixNano())
	if err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, path, Options{})
	after := mustLoad(t, s)
	if len(after.Records) != 3 || after.Serial != 1 || len(after.Passes) != 1 ||
		after.Passes[0] != *was || !slices.Equal(after.Suspensions, suspended) {
		t.Errorf("the migration changed what is remembered: %+v", after)
	}
	seen := map[string]state.Observation{"h": {At: newPass(1).Began, Content: []byte("x")}}
	mustApply(t, s, state.Batch{Observed: seen})
	got, err := mustOpen(t, path, Options{ReadOnly: true}).Observations(context.Background())
	if err != nil || len(got) != 1 || !got["h"].Same(seen["h"]) {
		t.Errorf("a migrated store keeps the observations %v (error %v)", got, err)
	}
}

// Who only looks says that the schema is old, and does not change the file.
func TestReadOnlyOfSchema1(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	firstStore(t, path, records(3))
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	err = openAndLoad(path, Options{ReadOnly: true})
	if err == nil || !strings.Contains(err.Error(), "has schema 1 and this program needs 4") {
		t.Errorf("a reader did not say that the schema is old: error %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("looking changed the file (error %v)", err)
	}
}

// A program that is older than the file it has open goes on: the next one must not hinder it.
func TestOldProgramGoesOn(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	old, err := openWith(t, path, Options{}, initial)
	if err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, path, Options{})
	mustApply(t, s, state.Batch{Pass: newPass(1)})
	mustApply(t, old, batchOf("a"))
	if snap := mustLoad(t, s); len(snap.Records) != 1 || snap.Serial != 2 || len(snap.Passes) != 1 {
		t.Errorf("what the older program stored is lost: %+v", snap)
	}
}

// A released step that is edited makes two kinds of store of one schema: only those made
// afterwards would have what it says.
func TestReleasedStepsStay(t *testing.T) {
	t.Parallel()
	released := []string{
		"8030debffa6148ed2b165b5835757e14eb645381df2da9a36a113cccee82f674",
		"a0cd82122c968dd3bac86fd59501e7089a05cd129b926d0eaf8dd8a05add498e",
	}
	for i, want := range released {
		sum := sha256.Sum256([]byte(migrations()[i]))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("schema %d was edited: its digest is %s", i+1, got)
		}
	}
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	if _, err := openWith(t, path, Options{}, append(migrations(), future)...); err != nil {
		t.Fatal(err)
	}
	for _, opts := range []Options{{}, {ReadOnly: true}} {
		_, err := Open(context.Background(), path, opts)
		if err == nil || !strings.Contains(err.Error(), "schema 5") ||
			!strings.Contains(err.Error(), "up to 4") {
			t.Errorf("the store of a newer program: error %v, want one with both schemas", err)
		}
	}
}

func TestFailedMigration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	mustApply(t, mustOpen(t, path, Options{}), batchOf("a"))
	steps := append(migrations(), future, "nonsense")
	if _, err := openWith(t, path, Options{}, steps...); err == nil {
		t.Fatal("a migration that failed was taken for done")
	}
	s := mustOpen(t, path, Options{}) // the step before the bad one was taken back
	if n := len(mustLoad(t, s).Records); n != 1 {
		t.Errorf("after a failed migration the store has %d records, not 1", n)
	}
}

func TestEachStoreHasItsOwnIdentity(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a := mustLoad(t, mustOpen(t, filepath.Join(dir, "a.db"), Options{})).Installation
	b := mustLoad(t, mustOpen(t, filepath.Join(dir, "b.db"), Options{})).Installation
	if a == b || len(a) != 32 {
		t.Errorf("two stores are called %q and %q: their containers would mix", a, b)
	}
}
