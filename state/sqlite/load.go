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
	tx, err := s.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return state.Snapshot{}, err
	}
	defer tx.Rollback()
	var snap state.Snapshot
	var count int
	err = tx.QueryRowContext(ctx,
		"SELECT installation, serial, (SELECT count(*) FROM records) FROM store").
		Scan(&snap.Installation, &snap.Serial, &count)
	if err != nil {
		return state.Snapshot{}, err
	}
	rows, err := tx.QueryContext(ctx, "SELECT "+columns+" FROM records ORDER BY host, name")
	if err != nil {
		return state.Snapshot{}, err
	}
	defer rows.Close()
	snap.Records = make([]state.Record, 0, count)
	for rows.Next() {
		rec, err := scan(rows)
		if err != nil {
			return state.Snapshot{}, err
		}
		snap.Records = append(snap.Records, rec)
	}
	return snap, rows.Err()
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
	r.Created, r.Updated = time.Unix(0, created).UTC(), time.Unix(0, updated).UTC()
	return r, nil
}
