package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"reconciler/state"
)

const suspensionColumns = "host, container, reason, who, since, until"

// suspend stores suspensions and reports whether any of them was not stored already.
func suspend(ctx context.Context, tx *sql.Tx, suspensions []state.Suspension) (bool, error) {
	changed := false
	for _, s := range suspensions {
		old, err := scanSuspension(tx.QueryRowContext(ctx, "SELECT "+suspensionColumns+
			" FROM suspensions WHERE host = ? AND container = ?", s.Host, s.Container))
		if err == nil && s.Same(old) {
			continue
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, err
		}
		until := sql.NullInt64{Int64: s.Until.UnixNano(), Valid: !s.Until.IsZero()}
		_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO suspensions VALUES (?, ?, ?, ?, ?, ?)",
			s.Host, s.Container, s.Reason, s.By, s.Since.UnixNano(), until)
		if err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// resume deletes suspensions and reports whether any of them existed.
func resume(ctx context.Context, tx *sql.Tx, scopes []state.Scope) (bool, error) {
	changed := false
	for _, scope := range scopes {
		res, err := tx.ExecContext(ctx, "DELETE FROM suspensions WHERE host = ? AND container = ?",
			scope.Host, scope.Container)
		if err != nil {
			return false, err
		}
		n, err := res.RowsAffected()
		if err != nil {
			return false, err
		}
		changed = changed || n > 0
	}
	return changed, nil
}

func scanSuspension(row scanner) (state.Suspension, error) {
	var s state.Suspension
	var since int64
	var until sql.NullInt64
	err := row.Scan(&s.Host, &s.Container, &s.Reason, &s.By, &since, &until)
	if err != nil {
		return state.Suspension{}, err
	}
	s.Since = timeOf(since)
	if until.Valid {
		s.Until = timeOf(until.Int64)
	}
	return s, nil
}
