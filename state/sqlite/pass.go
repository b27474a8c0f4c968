package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"reconciler/state"
)

const passColumns = `id, source, revision, ref, author, subject, signer, began, ended,
	created, changed, destroyed, failed, blocked, held, error,
	record, skipped, prepared, unprepared`

// forget deletes the passes beyond a number, in the order that state.Store promises: those that
// LastRevision answers with after the others, and never the newest.
const forget = `DELETE FROM passes WHERE seq IN (
	SELECT seq FROM passes WHERE seq < (SELECT max(seq) FROM passes)
	ORDER BY seq IN (
		SELECT max(seq) FROM passes WHERE error = '' AND revision <> '' GROUP BY source
	), seq
	LIMIT max(0, (SELECT count(*) FROM passes) - ?)
)`

// remember stores a pass, if there is one, and reports whether it was not stored already.
func remember(ctx context.Context, tx *sql.Tx, p *state.Pass) (bool, error) {
	if p == nil {
		return false, nil
	}
	old, err := scanPass(tx.QueryRowContext(ctx,
		"SELECT "+passColumns+" FROM passes WHERE id = ?", p.ID))
	if err == nil && p.Same(old) {
		return false, nil
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return false, err
	}
	_, err = tx.ExecContext(ctx, `INSERT OR REPLACE INTO passes VALUES (
		(SELECT seq FROM passes WHERE id = ?),
		?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID, p.ID, p.Source, p.Revision, p.Ref, p.Author, p.Subject, p.Signer,
		p.Began.UnixNano(), p.Ended.UnixNano(), p.Created, p.Changed, p.Destroyed, p.Failed,
		p.Blocked, p.Held, p.Error, p.Record, p.Skipped, p.Prepared, p.Unprepared)
	if err != nil {
		return false, err
	}
	_, err = tx.ExecContext(ctx, forget, state.MaxPasses)
	return err == nil, err
}

func scanPass(row scanner) (state.Pass, error) {
	var p state.Pass
	var began, ended int64
	err := row.Scan(&p.ID, &p.Source, &p.Revision, &p.Ref, &p.Author, &p.Subject, &p.Signer,
		&began, &ended, &p.Created, &p.Changed, &p.Destroyed, &p.Failed, &p.Blocked, &p.Held,
		&p.Error, &p.Record, &p.Skipped, &p.Prepared, &p.Unprepared)
	if err != nil {
		return state.Pass{}, err
	}
	p.Began, p.Ended = timeOf(began), timeOf(ended)
	return p, nil
}
