package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"reconciler/state"
)

const columns = `uid, version, host, name, template, network, coalesce(ip, ''),
	coalesce(mac, ''), password, protect, applied, intent, failure, created, updated`

// Load returns a consistent snapshot, also while another process writes. A read-only store that
// does not exist gives the zero Snapshot.
func (s *Store) Load(ctx context.Context) (state.Snapshot, error) {
	if s.db == nil {
		return state.Snapshot{}, nil
	}
	snap, err := s.load(ctx)
	if err != nil {
		return state.Snapshot{}, s.explain("read", err)
	}
	return snap, nil
}

func (s *Store) load(ctx context.Context) (state.Snapshot, error) {
	var snap state.Snapshot
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return snap, err
	}
	defer tx.Rollback()
	var records, suspensions, passes int
	err = tx.QueryRowContext(ctx, `SELECT installation, serial, (SELECT count(*) FROM records),
		(SELECT count(*) FROM suspensions), (SELECT count(*) FROM passes) FROM store`).
		Scan(&snap.Installation, &snap.Serial, &records, &suspensions, &passes)
	if err != nil {
		return snap, err
	}
	snap.Records, err = table[state.Record]{
		records, "SELECT " + columns + " FROM records ORDER BY host, name", scan,
	}.load(ctx, tx)
	if err != nil {
		return snap, err
	}
	snap.Suspensions, err = table[state.Suspension]{suspensions,
		"SELECT " + suspensionColumns + " FROM suspensions ORDER BY host, container",
		scanSuspension,
	}.load(ctx, tx)
	if err != nil {
		return snap, err
	}
	snap.Passes, err = table[state.Pass]{
		passes, "SELECT " + passColumns + " FROM passes ORDER BY seq DESC", scanPass,
	}.load(ctx, tx)
	return snap, err
}

// table is what is read into one field of a snapshot.
type table[T any] struct {
	count int // how many rows the query will give
	query string
	scan  func(scanner) (T, error)
}

func (t table[T]) load(ctx context.Context, tx *sql.Tx) ([]T, error) {
	if t.count == 0 {
		return nil, nil
	}
	rows, err := tx.QueryContext(ctx, t.query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := make([]T, 0, t.count)
	for rows.Next() {
		row, err := t.scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

type scanner interface{ Scan(dest ...any) error }

func scan(row scanner) (state.Record, error) {
	var r state.Record
	var ip, applied string
	var created, updated int64
	err := row.Scan(&r.UID, &r.Version, &r.Host, &r.Name, &r.Template, &r.Network, &ip, &r.MAC,
		(*[]byte)(&r.Password), &r.Protect, &applied, &r.Intent, &r.Failure, &created, &updated)
	if err != nil {
		return state.Record{}, err
	}
	if ip != "" {
		if r.IP, err = netip.ParseAddr(ip); err != nil {
			return state.Record{}, fmt.Errorf("the address of record %q is damaged: %w", r.UID, err)
		}
	}
	if applied != emptyApplied {
		if err := json.Unmarshal([]byte(applied), &r.Applied); err != nil {
			return state.Record{}, fmt.Errorf("record %q is damaged: %w", r.UID, err)
		}
	}
	r.Created, r.Updated = timeOf(created), timeOf(updated)
	return r, nil
}

// timeOf is the time that is stored as nanoseconds since 1970.
func timeOf(nanoseconds int64) time.Time { return time.Unix(0, nanoseconds).UTC() }
