package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"reconciler/state"
)

// Observations implements state.Store. A read-only store that does not exist has none.
func (s *Store) Observations(ctx context.Context) (map[string]state.Observation, error) {
	if s.db == nil {
		return map[string]state.Observation{}, nil
	}
	all, err := s.observations(ctx)
	if err != nil {
		return nil, s.explain("read", err)
	}
	return all, nil
}

func (s *Store) observations(ctx context.Context) (map[string]state.Observation, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT host, at, content FROM observations")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]state.Observation{}
	for rows.Next() {
		var host string
		var at int64
		var o state.Observation
		if err := rows.Scan(&host, &at, &o.Content); err != nil {
			return nil, err
		}
		o.At = timeOf(at)
		all[host] = o
	}
	return all, rows.Err()
}

// observe stores observations and reports whether any of them was not stored already.
func observe(ctx context.Context, tx *sql.Tx, seen map[string]state.Observation) (bool, error) {
	changed := false
	for host, o := range seen {
		var old state.Observation
		err := tx.QueryRowContext(ctx, "SELECT content FROM observations WHERE host = ?", host).
			Scan(&old.Content)
		if err == nil && o.Same(old) {
			continue
		}
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return false, err
		}
		_, err = tx.ExecContext(ctx, "INSERT OR REPLACE INTO observations VALUES (?, ?, ?)",
			host, o.At.UnixNano(), o.Content)
		if err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}
