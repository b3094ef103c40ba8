package policy

import (
	"context"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// Credit is where tokens to spend come from: the store.
type Credit interface {
	// Exchange gives back what a replica has free of an account and asks for what it needs, under the account's
	// lock. All counters are cumulative for (account, period, epoch), so that a call can be repeated and a lost
	// answer heals on the next one. It fails with accounting.ErrNotFound for an account that does not live.
	Exchange(ctx context.Context, ask Ask) (Lease, error)
	// GiveBack is Exchange for asks that need nothing, of one epoch and about different accounts, all of which are
	// answered or none. An account that does not live is missing in the answer.
	GiveBack(ctx context.Context, asks []Ask) (map[string]Lease, error)
}

// Ask is one replica's side of an exchange.
type Ask struct {
	Account string
	Epoch   string
	// PeriodStart is the period that Returned and Spent count for; zero when the replica knows of none yet. Then it may
	// need something only if this epoch has had nothing of the account so far, but what a lost answer granted.
	// The store answers for the period that runs at Now, and closes nothing of the older one: its events still come.
	PeriodStart time.Time
	// Granted, Returned and Spent are this epoch's totals in the period, so far as the replica knows. Granted serves
	// to notice a store that went back in time.
	Granted, Returned, Spent int64
	// Held says that requests of the account run here.
	Held bool
	// Need is how many tokens the replica wants to have free after the call; 0 asks for nothing and learns the terms.
	Need int64
	// Last says that a smaller grant will do, for one last request (hold mode's second rule).
	Last bool
	Now  time.Time
}

// Verdict says why a lease did not grow enough.
type Verdict string

const (
	Granted   Verdict = ""
	Exhausted Verdict = "insufficient_quota" // nothing is left in both pools
	Busy      Verdict = "tokens_held"        // something is left, but running requests hold it
)

// Lease is the store's answer: what this epoch holds of the account in the running period, and on what terms.
type Lease struct {
	Period accounting.Period // Start, End, Total and Used of the running period
	// Granted and Returned are this epoch's totals in the running period after the call, Spent is what it has told
	// of as spent in it: a replica that forgot the account goes on from all three.
	Granted, Returned, Spent int64
	Verdict                  Verdict
	// Left is what the pools hold after everything that was charged, and after everything that this and other replicas
	// told of as spent and not yet charged. Both ≥ 0. They serve refusals and RateLimit fields, not admission.
	Left accounting.Amounts
	// ExtraPurchased is the Token view's extra.purchased.
	ExtraPurchased int64
	Status         accounting.Status
	// Admission is the account's own mode, "" for the gateway's.
	Admission string
}
