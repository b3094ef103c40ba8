// Package policy decides who is asking and what they may spend: keys and origins, admission, holds, the
// leases of this replica, caps and rate limits. Admission touches memory only; the store is asked when a
// key or an account is new here, or when the lease has to grow.
package policy

import (
	"context"
	"crypto/sha256"
	"time"
)

// Scope says what a key may do.
type Scope string

const (
	ScopeCall Scope = "call" // call providers
	ScopeView Scope = "view" // read the Token view and nothing else
)

// Labels says whether a request may override its key's activity, chatbot and user.
type Labels string

const (
	LabelsOpen  Labels = "open"
	LabelsFixed Labels = "fixed"
)

// Key is what a client shows, as the store knows it: the secret itself is kept nowhere.
type Key struct {
	ID       string // key_…
	Account  string
	Name     string
	Scope    Scope
	Activity string
	Chatbot  string
	Labels   Labels
	// MonthlyCap bounds what the key may use in a period; nil: no bound. The same for the limits below.
	MonthlyCap        *int64
	RequestsPerMinute *int64
	Concurrent        *int64
	MaxOutputTokens   *int64
	// Models, Providers and Origins are allow-lists; empty allows all (for Origins: every caller that is no browser).
	// Models are patterns in which * stands for any run of characters.
	Models    []string
	Providers []string
	Origins   []string
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero: live
	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64 // grows by one with each change; it is the ETag
}

// Live says whether the key is served at now.
func (k *Key) Live(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// Hash is what the store keeps of a secret.
type Hash = [sha256.Size]byte

// HashSecret is the only way from a secret to its hash.
func HashSecret(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// Change says that something in the store is not as it was: Kind is one of the Changed constants.
type Change struct {
	Seq  int64
	Kind string
	// ID is the account's, for ChangedAccount, or the key's, for ChangedKey; "" for ChangedPlans.
	ID string
}

const (
	ChangedAccount = "account" // its row, pools or status
	ChangedKey     = "key"     // made, changed or revoked
	ChangedPlans   = "plans"   // the totals of the plans
)

// Keys is where keys come from: the store. Calls may be concurrent.
type Keys interface {
	// Key finds the key with this hash, revoked and expired ones too, together with whether its account lives.
	// It fails with accounting.ErrNotFound for a hash that no key has; such an answer may be cached.
	Key(ctx context.Context, hash Hash) (k Key, accountLives bool, err error)
	// Used is what the store has charged to the key in the period that began at start.
	Used(ctx context.Context, key string, start time.Time) (int64, error)
	// Origins are those of all live keys, each once.
	Origins(ctx context.Context) ([]string, error)
	// Changes are those after a sequence number, oldest first, at most 1,000. after < 0 gives none. Where there are
	// none, the second result is the newest number, which is lower than after when the store went back in time.
	// Numbers have no gaps: where the first is not after + 1, those before it were deleted.
	Changes(ctx context.Context, after int64) ([]Change, int64, error)
}
