package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"reconciler/state"
)

func batchOf(names ...string) state.Batch {
	var b state.Batch
	for _, n := range names {
		b.Put = append(b.Put, state.Record{UID: "uid-" + n, Host: "h", Name: n})
	}
	return b
}

func TestModes(t *testing.T) {
	t.Parallel()
	// Characters that mean something in a URI must not lead to another file.
	dir := filepath.Join(t.TempDir(), "a b?c#d%20e")
	path := filepath.Join(dir, "state.db")
	s := mustOpen(t, path, Options{})
	mustApply(t, s, batchOf("a"))
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) == 0 {
		t.Fatalf("the store is not in %s", dir)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s can be read by others: mode %v, error %v", e.Name(), info.Mode(), err)
		}
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the directory has mode %v, error %v", info.Mode(), err)
	}
}

func TestReadOnlyCreatesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "sub", "state.db"), Options{ReadOnly: true})
	snap := mustLoad(t, s)
	if snap.Installation != "" || snap.Serial != 0 || len(snap.Records) != 0 {
		t.Errorf("a store that does not exist has content: %+v", snap)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("looking at a plan made files: %v, error %v", entries, err)
	}
}

func TestReadOnlyRefusesToWrite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	mustApply(t, mustOpen(t, path, Options{}), batchOf("a"))
	s := mustOpen(t, path, Options{ReadOnly: true})
	if got := mustLoad(t, s).Records; len(got) != 1 {
		t.Errorf("the record is not seen: %+v", got)
	}
	if _, err := s.Apply(context.Background(), batchOf("b")); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a read-only store was written: error %v", err)
	}
	if _, err := s.Lock(context.Background(), state.Holder{}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("a read-only store was locked: error %v", err)
	}
	if _, err := s.db.Exec("DELETE FROM records"); err == nil {
		t.Error("only good manners keep a read-only store from writing")
	}
}

func TestUnlockTakesTheNameAway(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, path, Options{})
	unlock, err := s.Lock(context.Background(), state.Holder{PID: 7})
	if err != nil {
		t.Fatal(err)
	}
	if err := unlock(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path + ".lock"); err != nil || len(text) > 0 {
		t.Errorf("the lock is free and still says %q (error %v)", text, err)
	}
}

// A file that another process has just made and not filled yet is no store either.
func TestReadOnlyOfEmptyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if snap := mustLoad(t, mustOpen(t, path, Options{ReadOnly: true})); snap.Installation != "" {
		t.Errorf("an empty file has content: %+v", snap)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("reading wrote the file: %v, error %v", info, err)
	}
}

func TestReadersSeeWhatWritersStored(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	w := mustOpen(t, path, Options{})
	tx, err := w.db.BeginTx(context.Background(), nil) // a writer in the middle of its work
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("UPDATE store SET serial = 99"); err != nil {
		t.Fatal(err)
	}
	if got := mustLoad(t, mustOpen(t, path, Options{ReadOnly: true})).Serial; got != 0 {
		t.Errorf("a reader sees serial %d of a transaction that is not complete", got)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
}

func TestNoOpWritesNoByte(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, path, Options{})
	mustApply(t, s, batchOf("a", "b"))
	before := contents(t, path)
	mustApply(t, s, state.Batch{Put: mustLoad(t, s).Records, Delete: []string{"unknown"}})
	mustApply(t, s, state.Batch{})
	if after := contents(t, path); !bytes.Equal(before, after) {
		t.Error("a pass without change wrote to the disk")
	}
}

// contents returns the bytes of the database and its log.
func contents(t *testing.T, path string) []byte {
	t.Helper()
	var all []byte
	for _, suffix := range []string{"", "-wal"} {
		text, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text...)
	}
	return all
}

func TestSynchronousFull(t *testing.T) {
	t.Parallel()
	s := mustOpen(t, filepath.Join(t.TempDir(), "state.db"), Options{})
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal"} {
		var got string
		if err := s.db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q (error %v), not %q: an Apply could be lost", pragma, got, err, want)
		}
	}
}

func TestBrokenFiles(t *testing.T) {
	t.Parallel()
	good := filepath.Join(t.TempDir(), "state.db")
	s := mustOpen(t, good, Options{})
	mustApply(t, s, batchOf("a", "b", "c"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"text":      []byte(strings.Repeat("this is not a database\n", 500)),
		"header":    append(bytes.Repeat([]byte{7}, 100), text[100:]...),
		"truncated": text[:len(text)/2],
		"pages":     append(text[:4096:4096], bytes.Repeat([]byte{7}, len(text)-4096)...),
	} {
		for _, opts := range []Options{{}, {ReadOnly: true}} {
			path := filepath.Join(t.TempDir(), name+".db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			err := openAndLoad(path, opts)
			if err == nil || !strings.Contains(err.Error(), "damaged") ||
				!strings.Contains(err.Error(), path) {
				t.Errorf("%s: the error does not say what is wrong with which file: %v", name, err)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, content) {
				t.Errorf("%s: the broken file was changed (error %v): it cannot be rescued now",
					name, err)
			}
		}
	}
}

func openAndLoad(path string, opts Options) error {
	s, err := Open(context.Background(), path, opts)
	if err != nil {
		return err
	}
	_, err = s.Load(context.Background())
	return errors.Join(err, s.Close())
}

func TestForeignDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "other.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("CREATE TABLE records (theirs TEXT)"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for _, opts := range []Options{{}, {ReadOnly: true}} {
		err := openAndLoad(path, opts)
		if err == nil || !strings.Contains(err.Error(), "another program") {
			t.Errorf("the database of another program was taken for a store: error %v", err)
		}
	}
}

func TestUnusablePath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, path := range []string{dir, "/dev/null/state.db"} {
		if err := openAndLoad(path, Options{}); err == nil {
			t.Errorf("a store was opened at %s", path)
		}
	}
}

// A writer that waits for another process gives up with its context.
func TestApplyWaitsNoLongerThanContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	other, s := mustOpen(t, path, Options{}), mustOpen(t, path, Options{})
	tx, err := other.db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, err := s.Apply(ctx, batchOf("a")); err == nil {
		t.Error("two writers wrote at once")
	}
}
