// Package store keeps accounts, keys, grants, events and the ledger in a database. It implements
// accounting.Store, policy.Keys, policy.Credit and admin.Store; storetest says what a store means.
//
// One SQL text serves every database; sqlite.go holds what differs. The arithmetic of tokens is accounting's:
// the SQL here loads what it reads and writes what it changed, under the account's lock.
package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Options are what a store decides by.
type Options struct {
	// Forgive leaves an overdraft unpaid when its account buys tokens (policy.overdraft: forgive).
	Forgive bool
	// Now is the clock of the calls that are told no instant; nil: time.Now.
	Now func() time.Time
}

// Store is a database. Its methods may be called concurrently; when one that changes something returns nil, the
// change is durable.
type Store struct {
	writer, readers *statements
	forgive         bool
	clock           func() time.Time
}

func newStore(writer, readers *sql.DB, o Options) *Store {
	s := &Store{writer: newStatements(writer), readers: newStatements(readers), forgive: o.Forgive, clock: o.Now}
	if s.clock == nil {
		s.clock = time.Now
	}
	return s
}

// Close waits for the calls that run and closes the database.
func (s *Store) Close() error {
	return errors.Join(s.readers.close(), s.writer.close())
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.readers.db.PingContext(ctx) }

// now is the clock in the database's resolution.
func (s *Store) now() time.Time { return instant(micros(s.clock())) }

// write runs f in a transaction that has the database for itself, and commits it unless f fails.
func (s *Store) write(ctx context.Context, f func(*tx) error) error {
	return s.writer.run(ctx, nil, f)
}

// read runs f on one state of the database.
func (s *Store) read(ctx context.Context, f func(*tx) error) error {
	return s.readers.run(ctx, &sql.TxOptions{ReadOnly: true}, f)
}

// micros is an instant as the database keeps it, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// whole is an instant in the database's resolution.
func whole(t time.Time) time.Time { return instant(micros(t)) }
