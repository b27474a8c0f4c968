package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"reconciler/state"
)

// emptyApplied is the text of a record without applied settings.
const emptyApplied = "{}"

// Apply implements state.Store. It sets Created of a new record, unless that is given, and
// Updated of a changed one; what a batch says about them otherwise does not count. A batch that
// says what is stored already writes nothing.
func (s *Store) Apply(ctx context.Context, batch state.Batch) (int64, error) {
	if s.readOnly {
		return 0, s.explain("write", ErrReadOnly)
	}
	if err := batch.Check(); err != nil {
		return 0, err
	}
	select {
	case s.writing <- struct{}{}:
		defer func() { <-s.writing }()
	case <-ctx.Done():
		return 0, s.explain("write", ctx.Err())
	}
	serial, err := s.apply(ctx, batch)
	if err != nil {
		return 0, s.explain("write", err)
	}
	return serial, nil
}

func (s *Store) apply(ctx context.Context, batch state.Batch) (int64, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	changed, err := change(ctx, tx, batch)
	if err != nil {
		return 0, err
	}
	seen, err := observe(ctx, tx, batch.Observed)
	if err != nil {
		return 0, err
	}
	next := "SELECT serial FROM store"
	if changed {
		next = "UPDATE store SET serial = serial + 1 RETURNING serial"
	}
	var serial int64
	if err := tx.QueryRowContext(ctx, next).Scan(&serial); err != nil {
		return 0, err
	}
	if !changed && !seen {
		return serial, nil
	}
	return serial, tx.Commit()
}

// change carries the batch out, but for its observations, and reports whether it changed anything.
func change(ctx context.Context, tx *sql.Tx, batch state.Batch) (bool, error) {
	records, err := changeRecords(ctx, tx, batch)
	if err != nil {
		return false, err
	}
	suspended, err := suspend(ctx, tx, batch.Suspend)
	if err != nil {
		return false, err
	}
	resumed, err := resume(ctx, tx, batch.Resume)
	if err != nil {
		return false, err
	}
	remembered, err := remember(ctx, tx, batch.Pass)
	return records || suspended || resumed || remembered, err
}

// changeRecords reports whether any record changed. Those that change are removed first and then
// written, so that they can swap names and addresses.
func changeRecords(ctx context.Context, tx *sql.Tx, batch state.Batch) (bool, error) {
	puts, stale, err := effective(ctx, tx, batch.Put)
	if err != nil {
		return false, err
	}
	removed, err := remove(ctx, tx, append(stale, batch.Delete...))
	if err != nil || len(puts) == 0 {
		return removed, err
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO records VALUES
		(?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		return false, err
	}
	defer insert.Close()
	for _, r := range puts {
		if err := write(ctx, insert, r); err != nil {
			return false, taken(ctx, tx, r, err)
		}
	}
	return true, nil
}

// effective returns the records that differ from what is stored, as they shall be stored, and the
// uids of those that are stored already.
func effective(ctx context.Context, tx *sql.Tx, put []state.Record) (
	puts []state.Record, stale []string, err error,
) {
	if len(put) == 0 {
		return nil, nil, nil
	}
	get, err := tx.PrepareContext(ctx, "SELECT "+columns+" FROM records WHERE uid = ?")
	if err != nil {
		return nil, nil, err
	}
	defer get.Close()
	now := time.Now().UTC()
	for _, r := range put {
		old, err := scan(get.QueryRowContext(ctx, r.UID))
		exists := err == nil
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, nil, err
		}
		if r.Version != old.Version {
			return nil, nil, fmt.Errorf("record of %s/%s: %w", r.Host, r.Name, state.ErrConflict)
		}
		if exists && r.Same(old) {
			continue
		}
		r.Version, r.Updated = old.Version+1, now
		switch {
		case exists:
			r.Created = old.Created
			stale = append(stale, r.UID)
		case r.Created.IsZero():
			r.Created = now
		}
		puts = append(puts, r)
	}
	return puts, stale, nil
}

// remove deletes records and reports whether any of them existed.
func remove(ctx context.Context, tx *sql.Tx, uids []string) (bool, error) {
	if len(uids) == 0 {
		return false, nil
	}
	stmt, err := tx.PrepareContext(ctx, "DELETE FROM records WHERE uid = ?")
	if err != nil {
		return false, err
	}
	defer stmt.Close()
	var total int64
	for _, uid := range uids {
		res, err := stmt.ExecContext(ctx, uid)
		if err != nil {
			return false, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return false, err
		}
		total += n
	}
	return total > 0, nil
}

func write(ctx context.Context, insert *sql.Stmt, r state.Record) error {
	applied := []byte(emptyApplied)
	if len(r.Applied) > 0 {
		var err error
		if applied, err = json.Marshal(r.Applied); err != nil {
			return fmt.Errorf("cannot encode record %q: %w", r.UID, err)
		}
	}
	ip := ""
	if r.IP.IsValid() {
		ip = r.IP.String()
	}
	_, err := insert.ExecContext(ctx, r.UID, r.Version, r.Host, r.Name, r.Template, r.Network,
		ip, r.MAC, []byte(r.Password), r.Protect, string(applied), r.Intent, r.Failure,
		r.Created.UnixNano(), r.Updated.UnixNano())
	return err
}

// taken turns the violation of a unique index into the error that names the owner.
func taken(ctx context.Context, tx *sql.Tx, r state.Record, err error) error {
	var e *driver.Error
	if !errors.As(err, &e) || e.Code() != lib.SQLITE_CONSTRAINT_UNIQUE {
		return err
	}
	for _, look := range []struct {
		what, value, where string
		args               []any
	}{
		{"name", r.Host + "/" + r.Name, "host = ? AND name = ?", []any{r.Host, r.Name}},
		{"ip", r.IP.String(), "network = ? AND ip = ?", []any{r.Network, r.IP.String()}},
		{"mac", r.MAC, "mac = ?", []any{r.MAC}},
	} {
		owner := &state.TakenError{What: look.what, Value: look.value}
		if look.what == "ip" {
			owner.Network = r.Network
		}
		lookErr := tx.QueryRowContext(ctx, "SELECT host, name FROM records WHERE "+look.where,
			look.args...).Scan(&owner.Host, &owner.Name)
		if lookErr == nil {
			return fmt.Errorf("record of %s/%s: %w", r.Host, r.Name, owner)
		}
		if !errors.Is(lookErr, sql.ErrNoRows) {
			return lookErr
		}
	}
	return err
}
