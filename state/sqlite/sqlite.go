// Package sqlite keeps the state in one SQLite file: the embedded default.
//
// It promises that an Apply that returned is on the disk, that a process killed at any moment
// leaves a store that opens with the content of the last complete Apply, and that readers in other
// processes never wait for a writer. Uniqueness is enforced by indexes, not by reading before
// writing. It never overwrites a file that it does not understand, and opened read-only it creates
// and changes nothing. The file must lie on a local disk.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"reconciler/state"
)

// busyTimeout bounds the wait for another process that is writing; a context can end it earlier.
const busyTimeout = 30 * time.Second

// ErrReadOnly says that a store was opened to be read and should be written or locked.
var ErrReadOnly = errors.New("the state was opened read-only")

// Options say how a store is opened.
type Options struct {
	ReadOnly bool // optional: never write; a file that does not exist is an empty store
}

// Store is a state.Store in a file.
type Store struct {
	path     string
	db       *sql.DB // nil: read-only, and there is no store yet
	readOnly bool
	// writing admits one writer of this process at a time. SQLite would let the others poll,
	// which costs milliseconds where the write itself takes a fraction of one.
	writing chan struct{}
}

var _ state.Store = (*Store)(nil)

// Open opens the store at path. Unless ReadOnly is set it makes the file (0600) and its directory
// (0700) if they are missing, and brings an older schema up to date. A damaged or foreign file,
// or one that a newer version of the program has written, is an error and stays as it is.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	return open(ctx, path, opts, migrations())
}

func open(ctx context.Context, path string, opts Options, steps []string) (*Store, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cannot open state %q: %w", path, err)
	}
	s := &Store{path: abs, readOnly: opts.ReadOnly, writing: make(chan struct{}, 1)}
	if opts.ReadOnly {
		err = s.openReadOnly(ctx, steps)
	} else {
		err = s.openWritable(ctx, steps)
	}
	if err != nil {
		err = s.explain("open", err)
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Store) openWritable(ctx context.Context, steps []string) error {
	if err := createFile(s.path); err != nil {
		return err
	}
	if err := s.connect(url.Values{
		"_txlock":       {"immediate"},
		"_synchronous":  {"FULL"},
		"_journal_mode": {"WAL"},
	}); err != nil {
		return err
	}
	return migrate(ctx, s.db, steps)
}

// openReadOnly leaves s.db nil if there is no store yet. The connection is a writable one with
// query_only, because a reader must be able to recover the log that a killed writer left.
func (s *Store) openReadOnly(ctx context.Context, steps []string) error {
	if _, err := os.Stat(s.path); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if err := s.connect(url.Values{"_query_only": {"1"}}); err != nil {
		return err
	}
	version, err := schemaVersion(ctx, s.db, steps)
	switch {
	case err != nil:
		return err
	case version == 0:
		err := s.db.Close()
		s.db = nil
		return err
	case version < len(steps):
		return fmt.Errorf("it has schema %d and this program needs %d; the next run updates it",
			version, len(steps))
	}
	return nil
}

func (s *Store) connect(params url.Values) error {
	params.Set("mode", "rw") // never creates: createFile did that, with the right mode
	params.Set("_busy_timeout", strconv.FormatInt(busyTimeout.Milliseconds(), 10))
	dsn := url.URL{Scheme: "file", Path: s.path, RawQuery: params.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return err
	}
	s.db = db
	return nil
}

// createFile makes an empty file that SQLite then takes for a new database. An existing file must
// not be opened here: closing it would drop the locks that SQLite holds on it in this process.
func createFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// Close closes the store. Locks taken with Lock stay until they are unlocked.
func (s *Store) Close() error {
	if s.db == nil {
		return nil
	}
	if err := s.db.Close(); err != nil {
		return s.explain("close", err)
	}
	return nil
}

// explain adds what was tried, and what SQLite's codes for a broken file mean.
func (s *Store) explain(verb string, err error) error {
	var e *driver.Error
	if errors.As(err, &e) {
		switch e.Code() & 0xff {
		case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
			return fmt.Errorf("cannot %s state %q: the file is damaged or not a state store; "+
				"it was left as it is, restore a backup or move it away: %w", verb, s.path, err)
		}
	}
	return fmt.Errorf("cannot %s state %q: %w", verb, s.path, err)
}
