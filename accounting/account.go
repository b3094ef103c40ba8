// Package accounting is the account book: periods, grants, weights, the split of a charge over the
// pools, usage events, and the recorder that carries events from the journal to the store.
//
// Everything that decides about tokens here is a pure function over values: it takes the instant as
// an argument and touches neither clock, network nor database.
package accounting

import "time"

// Status says whether an account's keys are served.
type Status string

const (
	Active    Status = "active"
	Suspended Status = "suspended"
)

// Account is a customer of the platform. It owns pools, keys and events.
type Account struct {
	ID   string
	Name string
	// Plan names an entry of the file's plans; "" when the account has only its own MonthlyTokens.
	Plan string
	// MonthlyTokens is the account's own monthly total. Nil: the plan's total counts.
	MonthlyTokens *int64
	// NextPlan and NextMonthlyTokens wait for the next reset. Both nil: nothing waits.
	NextPlan          *string
	NextMonthlyTokens *int64
	// Anchor in force from the end of the running period on.
	Anchor Anchor
	Status Status
	// Admission overrides the gateway's mode for this account: hold, strict, observe; "": the gateway's.
	Admission string
	CreatedAt time.Time
	UpdatedAt time.Time
	// DeletedAt is zero while the account lives.
	DeletedAt time.Time
	// Version grows by one with each change; it is the ETag.
	Version int64
}

// Live says whether the account was not deleted.
func (a Account) Live() bool { return a.DeletedAt.IsZero() }
