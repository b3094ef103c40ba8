package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"
)

// OpenReader opens an embedded store that exists, for calls that only read, beside the process that writes it or
// without one. It changes nothing, not the schema either, which must be this program's. The caller closes it.
func OpenReader(ctx context.Context, path string) (*Store, error) {
	if _, err := os.Stat(path); err != nil { // SQLite would only say that it can't open it
		return nil, fmt.Errorf("open store: %w", err)
	}
	db, err := sql.Open("sqlite3", readerDSN(path))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	db.SetMaxOpenConns(readersMax)
	if err := known(ctx, db); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), db.Close())
	}
	s := newStore(db, db, &sqlite, path, Options{})
	s.met.Store(true)
	return s, nil
}

// known fails unless the schema is of the version that this program writes.
func known(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	return knownVersion(version)
}

// ErrNone says that a database holds no store yet.
var ErrNone = unusablef("it is no store of tollgate's")

func knownVersion(version int) error {
	switch {
	case version == 0:
		return ErrNone
	case version > len(migrations):
		return newerVersion(version)
	case version < len(migrations):
		return unusablef("its schema is version %d and this program needs %d: start the gateway once, which brings it up to date",
			version, len(migrations))
	}
	return nil
}

func newerVersion(version int) error {
	return unusablef("its schema is version %d and this program knows %d: it was written by a newer tollgate", version, len(migrations))
}

// Check reads the whole database and fails when it is damaged.
func (s *Store) Check(ctx context.Context) error {
	var found string
	if err := s.readers.db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&found); err != nil {
		return fmt.Errorf("check store: %w", err)
	}
	if found != "ok" {
		return fmt.Errorf("check store: it is damaged: %s", found)
	}
	return nil
}

// Newest is when the newest event's request began; the zero time without one.
func (s *Store) Newest(ctx context.Context) (at time.Time, err error) {
	err = s.glance(ctx, func(t *tx) error {
		_, err := t.one([]any{asInstant{&at}}, `SELECT started_at FROM usage_event ORDER BY started_at DESC LIMIT 1`)
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("newest event: %w", err)
	}
	return at, nil
}
