package policy

import (
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// Code names why a request was refused: the contract's code, also in X-Tollgate-Error and in metrics.
type Code string

const (
	InvalidAPIKey         Code = "invalid_api_key"
	InsufficientQuota     Code = "insufficient_quota"
	TokensHeld            Code = "tokens_held"
	NotAllowed            Code = "not_allowed"
	AccountSuspended      Code = "account_suspended"
	RateLimitExceeded     Code = "rate_limit_exceeded"
	AccountingUnavailable Code = "accounting_unavailable"
	Overloaded            Code = "overloaded"
)

// Denied is a refusal, with what the client has a right to know.
type Denied struct {
	Code    Code
	Message string
	// Standing is set for InsufficientQuota and TokensHeld.
	Standing *Standing
	// RetryAfter is how long the client should wait; 0: the answer says nothing about it.
	RetryAfter time.Duration
}

func (d *Denied) Error() string { return string(d.Code) + ": " + d.Message }

// Standing is how an account stands as known to this replica at one admission.
type Standing struct {
	Period accounting.Period // Total is the monthly total, Start and End the period
	// Used is what of the monthly pool is used; Monthly and Extra are what is left.
	Used, Monthly, Extra int64
	// ExtraPurchased is the size of the extra pool.
	ExtraPurchased int64
}
