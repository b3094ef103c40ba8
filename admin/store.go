// Package admin is the admin plane: the admin API, health and metrics. It never shares a port with the data plane.
package admin

import (
	"context"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// Store is what the admin API reads and changes. Every change that replicas must hear of writes its
// policy.Change row, and every change of pools its ledger entries, in the same transaction. Calls may be
// concurrent. Errors: accounting.ErrNotFound, ErrExists, ErrConflict, ErrVersion; all else is the database's.
//
// Lists come in pages: after is the last item's id (or sequence number) of the page before, "" or 0 for the first.
type Store interface {
	accounting.Store

	// CreateAccount opens the account and its first period. The plan must be known to the caller.
	CreateAccount(ctx context.Context, a accounting.Account, now time.Time) (accounting.Account, error)
	// Account finds an account, deleted ones too.
	Account(ctx context.Context, id string) (accounting.Account, error)
	// Accounts are those that live, by id.
	Accounts(ctx context.Context, after string, limit int) ([]accounting.Account, error)
	// ChangeAccount loads, lets change edit a copy and stores it, under the account's lock. version 0 fits any. An error
	// of change is returned as it is and nothing is stored.
	ChangeAccount(ctx context.Context, id string, version int64, change func(*accounting.Account) error, now time.Time) (accounting.Account, error)
	// DeleteAccount closes the account; its keys are dead from then on, its events stay.
	DeleteAccount(ctx context.Context, id string, now time.Time) error

	// CreateGrant is a purchase. The same reference with the same tokens again gives the first grant and created
	// false, with other tokens ErrConflict.
	CreateGrant(ctx context.Context, g accounting.Grant, now time.Time) (grant accounting.Grant, created bool, err error)
	Grants(ctx context.Context, account, after string, limit int) ([]accounting.Grant, error)
	Grant(ctx context.Context, account, id string) (accounting.Grant, error)
	// VoidGrant takes back what is left; a grant with nothing left is not an error.
	VoidGrant(ctx context.Context, account, id string, now time.Time) (accounting.Grant, error)

	CreateKey(ctx context.Context, k policy.Key, hash policy.Hash, now time.Time) (policy.Key, error)
	Keys(ctx context.Context, account, after string, limit int) ([]policy.Key, error)
	AccountKey(ctx context.Context, account, id string) (policy.Key, error)
	ChangeKey(ctx context.Context, account, id string, version int64, change func(*policy.Key) error, now time.Time) (policy.Key, error)
	// RevokeKey is final; a key that is revoked already is not an error.
	RevokeKey(ctx context.Context, account, id string, now time.Time) (policy.Key, error)
	// Used is what was charged to the key in the period that began at start.
	Used(ctx context.Context, key string, start time.Time) (int64, error)

	Event(ctx context.Context, account, id string) (accounting.Event, error)
	// Events are newest first; before is the id of the last event of the page before.
	Events(ctx context.Context, account string, f accounting.EventFilter, before string, limit int) ([]accounting.Event, error)
	// Usage sums the rollups of [From, To) by the asked dimensions, ordered by them.
	Usage(ctx context.Context, account string, q accounting.UsageQuery) ([]accounting.UsageRow, error)
	// Ledger is newest first; before is the seq of the last entry of the page before, 0 for the newest.
	Ledger(ctx context.Context, account string, before int64, limit int) ([]accounting.Entry, error)

	// Remember keeps the answer of a POST under its Idempotency-Key for 24 h; Recall finds it (ErrNotFound). Claim-and-store
	// is the caller's business: two requests with one key at once are serialised there.
	Remember(ctx context.Context, r accounting.Remembered) error
	Recall(ctx context.Context, key string, now time.Time) (accounting.Remembered, error)
}
