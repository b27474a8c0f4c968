package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// applicationID marks our files, so that the database of another program is not taken for one.
const applicationID = 0x52434c52

// initial is schema 1. A record without an address or MAC has NULL there, of which a unique index
// allows any number.
const initial = `
PRAGMA application_id = 0x52434c52;
CREATE TABLE store (
	one          INTEGER PRIMARY KEY CHECK (one = 1),
	installation TEXT NOT NULL,
	serial       INTEGER NOT NULL
) STRICT;
INSERT INTO store VALUES (1, lower(hex(randomblob(16))), 0);
CREATE TABLE records (
	uid      TEXT PRIMARY KEY,
	version  INTEGER NOT NULL,
	host     TEXT NOT NULL,
	name     TEXT NOT NULL,
	template INTEGER NOT NULL,
	network  TEXT NOT NULL,
	ip       TEXT,
	mac      TEXT,
	password BLOB,             -- sealed
	protect  INTEGER NOT NULL,
	applied  TEXT NOT NULL,    -- JSON object
	intent   TEXT NOT NULL,
	failure  TEXT NOT NULL,
	created  INTEGER NOT NULL, -- nanoseconds since 1970, UTC
	updated  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX records_name ON records (host, name);
CREATE UNIQUE INDEX records_ip ON records (network, ip);
CREATE UNIQUE INDEX records_mac ON records (mac);
`

// remembered is schema 2. Times are as in schema 1. A pass keeps its seq for ever; the newest has
// the highest, whatever the clock says.
const remembered = `
CREATE TABLE suspensions (
	host      TEXT NOT NULL,
	container TEXT NOT NULL,
	reason    TEXT NOT NULL,
	who       TEXT NOT NULL,
	since     INTEGER NOT NULL,
	until     INTEGER,         -- NULL: until it is resumed
	PRIMARY KEY (host, container)
) STRICT, WITHOUT ROWID;
CREATE TABLE passes (
	seq       INTEGER PRIMARY KEY,
	id        TEXT NOT NULL UNIQUE,
	source    TEXT NOT NULL,
	revision  TEXT NOT NULL,
	ref       TEXT NOT NULL,
	author    TEXT NOT NULL,
	subject   TEXT NOT NULL,
	signer    TEXT NOT NULL,
	began     INTEGER NOT NULL,
	ended     INTEGER NOT NULL,
	created   INTEGER NOT NULL,
	changed   INTEGER NOT NULL,
	destroyed INTEGER NOT NULL,
	failed    INTEGER NOT NULL,
	blocked   INTEGER NOT NULL,
	held      INTEGER NOT NULL,
	error     TEXT NOT NULL
) STRICT;
`

// observed is schema 3. The content is as the program wrote it.
const observed = `
CREATE TABLE observations (
	host    TEXT PRIMARY KEY,
	at      INTEGER NOT NULL,
	content BLOB NOT NULL
) STRICT;
`

// counted is schema 4.
const counted = `
ALTER TABLE passes ADD COLUMN record INTEGER NOT NULL DEFAULT 0;
ALTER TABLE passes ADD COLUMN skipped INTEGER NOT NULL DEFAULT 0;
ALTER TABLE passes ADD COLUMN prepared INTEGER NOT NULL DEFAULT 0;
ALTER TABLE passes ADD COLUMN unprepared INTEGER NOT NULL DEFAULT 0;
`

// migrations are the steps from an empty file to the newest schema, in order: the step at index i
// leads from schema i to i+1. A step that was released is never changed; a new one is added.
func migrations() []string { return []string{initial, remembered, observed, counted} }

// migrate brings the file to the newest schema, in one transaction.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	// The look without a lock makes opening an up-to-date store independent of writers.
	version, err := schemaVersion(ctx, db, steps)
	if err != nil || version == len(steps) {
		return err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if version, err = schemaVersion(ctx, tx, steps); err != nil {
		return err
	}
	for ; version < len(steps); version++ {
		if _, err := tx.ExecContext(ctx, steps[version]); err != nil {
			return fmt.Errorf("cannot migrate to schema %d: %w", version+1, err)
		}
	}
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return err
	}
	return tx.Commit()
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// schemaVersion returns the schema of the file, 0 for an empty one. The database of another
// program and a schema newer than the steps are errors.
func schemaVersion(ctx context.Context, q querier, steps []string) (int, error) {
	var version, id, tables int
	// One statement, so that the three belong together while another process migrates.
	err := q.QueryRowContext(ctx, `SELECT user_version, application_id,
		(SELECT count(*) FROM sqlite_schema)
		FROM pragma_user_version, pragma_application_id`).Scan(&version, &id, &tables)
	switch {
	case err != nil:
		return 0, err
	case id != applicationID && (version != 0 || tables != 0):
		return 0, errors.New("it is a database of another program")
	case version > len(steps):
		return 0, fmt.Errorf("a newer version of this program wrote it: it has schema %d, "+
			"this program knows up to %d", version, len(steps))
	}
	return version, nil
}
