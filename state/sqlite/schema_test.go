package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// second stands for a migration that is added one day.
const second = `ALTER TABLE records ADD COLUMN note TEXT NOT NULL DEFAULT 'migrated'`

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

	if _, err := openWith(t, path, Options{ReadOnly: true}, initial, second); err == nil ||
		!strings.Contains(err.Error(), "schema 1") {
		t.Errorf("a reader did not say that the schema is old: error %v", err)
	}
	s, err := openWith(t, path, Options{}, initial, second)
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
	if _, err := openWith(t, path, Options{}, initial, second); err != nil {
		t.Errorf("the migrated store does not open again: %v", err)
	}
}

func TestNewerSchema(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	if _, err := openWith(t, path, Options{}, initial, second); err != nil {
		t.Fatal(err)
	}
	for _, opts := range []Options{{}, {ReadOnly: true}} {
		_, err := Open(context.Background(), path, opts)
		if err == nil || !strings.Contains(err.Error(), "schema 2") ||
			!strings.Contains(err.Error(), "up to 1") {
			t.Errorf("the store of a newer program: error %v, want one with both schemas", err)
		}
	}
}

func TestFailedMigration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	mustApply(t, mustOpen(t, path, Options{}), batchOf("a"))
	if _, err := openWith(t, path, Options{}, initial, second, "nonsense"); err == nil {
		t.Fatal("a migration that failed was taken for done")
	}
	s := mustOpen(t, path, Options{}) // still schema 1: the second step was taken back
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
