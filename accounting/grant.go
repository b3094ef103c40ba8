package accounting

import (
	"cmp"
	"strings"
	"time"
)

// Grant is extra tokens that were purchased. The extra pool is the sum of what is left of an account's grants.
type Grant struct {
	ID        string
	Account   string
	Reference string // unique within the account
	Tokens    int64  // as purchased
	Remaining int64
	// Collected is what of Tokens paid an overdraft at the purchase.
	Collected int64
	ExpiresAt time.Time // zero: never
	CreatedAt time.Time
	VoidedAt  time.Time // zero: live
	// ExpiredAt is when the ledger wrote the rest off; zero while it has not.
	ExpiredAt time.Time
	// UsedUpAt is when Remaining became 0 by use; zero before.
	UsedUpAt time.Time
}

// Live says whether the grant can pay at now.
func (g Grant) Live(now time.Time) bool {
	return g.Remaining > 0 && g.VoidedAt.IsZero() && g.ExpiredAt.IsZero() && (g.ExpiresAt.IsZero() || now.Before(g.ExpiresAt))
}

// compare orders grants as they pay: what expires soonest first, then the oldest.
func (g Grant) compare(o Grant) int {
	switch {
	case g.ExpiresAt.Equal(o.ExpiresAt):
		return cmp.Or(g.CreatedAt.Compare(o.CreatedAt), strings.Compare(g.ID, o.ID))
	case g.ExpiresAt.IsZero():
		return 1
	case o.ExpiresAt.IsZero():
		return -1
	}
	return g.ExpiresAt.Compare(o.ExpiresAt)
}
