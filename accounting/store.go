package accounting

import (
	"context"
	"errors"
	"time"
)

// ErrPosition says that the store's position in a journal is not the one that a batch expects: the batch
// is stored already, or the database went back in time. Read Position and go on from there.
var ErrPosition = errors.New("the store is at another position of the journal")

// ErrData wraps an error that the same batch would meet again: the records are at fault, not the database.
var ErrData = errors.New("the record can't be stored")

// Store is the shared memory of all replicas, as the recorder and the Token view see it. All methods may
// be called concurrently.
type Store interface {
	// Position is the sequence number up to which the store has the journal's records; 0 for an unknown journal.
	Position(ctx context.Context, journal string) (int64, error)
	// Apply stores a batch and everything that follows from it (split, rollups, ledger, lease counters,
	// caps, position) in one transaction. When it returns nil all of it is durable; on an error nothing is,
	// except after a lost connection, where either may be true: call Position.
	// It fails with ErrPosition, or with ErrData for a record that no retry will store.
	Apply(ctx context.Context, b Batch) error
	// Pools loads an account's pools, rolled to now. It fails with ErrNotFound.
	Pools(ctx context.Context, account string, now time.Time) (*Pools, error)
	// Pace is the sum of tokens charged to the account since the given instant, from rollups.
	Pace(ctx context.Context, account string, since time.Time) (int64, error)
}

// Batch is a run of journal records, in order.
type Batch struct {
	Journal string
	// After is the position that the store must have, Upto the one it has afterwards.
	After, Upto int64
	Settlements []Settlement
	// Dead are records that can't be read or stored; they are kept for a person to look at.
	Dead []DeadLetter
	At   time.Time
}

// DeadLetter is a journal record that the store could not take.
type DeadLetter struct {
	Seq   int64
	Bytes []byte
	Error string
}

// Errors of a store's other calls, for whoever answers to a client.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("already exists")
	ErrConflict = errors.New("conflict")
	ErrVersion  = errors.New("changed by someone else")
)
