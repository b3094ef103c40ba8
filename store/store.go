// Package store keeps accounts, keys, grants, events and the ledger in a database. It implements
// accounting.Store, policy.Keys, policy.Credit and admin.Store; storetest says what a store means.
//
// One SQL text serves both databases; sqlite.go and postgres.go hold what differs: open, migrate, locks, errors. The
// arithmetic of tokens is accounting's: the SQL here loads what it reads and writes what it changed, under the
// account's lock. Locks are taken in this order: a journal's position, accounts by id, one replica or key, the turn to
// number a change.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// Options are what a store decides by.
type Options struct {
	// Forgive leaves an overdraft unpaid when its account buys tokens (policy.overdraft: forgive).
	Forgive bool
	// SliceTokensMax is the most that one replica of several is lent of an account beyond its need
	// (policy.lease_tokens_max); 0: 1,000,000.
	SliceTokensMax int64
	// Now is the clock of the calls that are told no instant; nil: time.Now.
	Now func() time.Time

	vfs string // of SQLite; "" is the operating system's
}

// Store is a database. Its methods may be called concurrently; when one that changes something returns nil, the
// change is durable.
type Store struct {
	writer, readers *statements
	kind            *kind
	forgive         bool
	sliceTokensMax  int64
	clock           func() time.Time
	audience        atomic.Pointer[accounting.Audience]
	// place is where the database is, without a password.
	place string
	// met is set once the schema is known to be this program's.
	met atomic.Bool
}

func newStore(writer, readers *sql.DB, k *kind, place string, o Options) *Store {
	s := &Store{writer: newStatements(writer, k), readers: newStatements(readers, k), kind: k, place: place,
		forgive: o.Forgive, sliceTokensMax: cmp.Or(o.SliceTokensMax, 1_000_000), clock: o.Now}
	if s.clock == nil {
		s.clock = time.Now
	}
	return s
}

// Close waits for the calls that run and closes the database.
func (s *Store) Close() error {
	if s.readers.db == s.writer.db {
		return s.writer.close()
	}
	return errors.Join(s.readers.close(), s.writer.close())
}

// Ping says whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.readers.db.PingContext(ctx) }

// now is the clock in the database's resolution.
func (s *Store) now() time.Time { return instant(micros(s.clock())) }

// errUnmet is what every call before Migrate fails with.
var errUnmet = errors.New("the store was not reached yet")

// triesMax is how often a transaction is tried that others get in the way of.
const triesMax = 8

// write runs f in a transaction that no other one sees a part of, and commits it unless f fails. f locks what it goes
// by before it reads it, and is run again when another transaction got in the way.
func (s *Store) write(ctx context.Context, f func(*tx) error) error {
	if !s.met.Load() {
		return errUnmet
	}
	told := func(t *tx) error {
		t.audience = s.audience.Load()
		return f(t)
	}
	for try := 1; ; try++ {
		err := s.writer.write(ctx, told)
		if err == nil || try == triesMax || s.kind.inTheWay == nil || !s.kind.inTheWay(err) {
			return err
		}
		pause := time.NewTimer(rand.N(time.Millisecond << try))
		select {
		case <-ctx.Done():
			pause.Stop()
			return err
		case <-pause.C:
		}
	}
}

// read runs f on one state of the database.
func (s *Store) read(ctx context.Context, f func(*tx) error) error {
	if !s.met.Load() {
		return errUnmet
	}
	return s.readers.read(ctx, f)
}

// glance is read for f that makes one query.
func (s *Store) glance(ctx context.Context, f func(*tx) error) error {
	if !s.met.Load() {
		return errUnmet
	}
	return s.readers.glance(ctx, f)
}

// dataError marks what the same records would meet again with accounting.ErrData.
func (s *Store) dataError(err error) error {
	if s.kind.isData(err) {
		return fmt.Errorf("%w: %w", accounting.ErrData, err)
	}
	return err
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
