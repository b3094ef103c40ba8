package policy

import (
	"fmt"
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

// Left is what both pools hold.
func (s Standing) Left() int64 { return s.Monthly + s.Extra }

func invalidKey() *Denied {
	return &Denied{Code: InvalidAPIKey, Message: "no valid Tollgate key was shown: it is missing, unknown, revoked or expired"}
}

func notAllowed(format string, args ...any) *Denied {
	return &Denied{Code: NotAllowed, Message: fmt.Sprintf(format, args...)}
}

func suspended() *Denied {
	return &Denied{Code: AccountSuspended, Message: "the account is suspended"}
}

func unavailable(message string) *Denied {
	return &Denied{Code: AccountingUnavailable, Message: message + "; try again", RetryAfter: 5 * time.Second}
}

func rateLimited(wait time.Duration, format string, args ...any) *Denied {
	return &Denied{Code: RateLimitExceeded, Message: fmt.Sprintf(format, args...), RetryAfter: wait}
}

func capHeld(k *Key, held int64, s Standing) *Denied {
	return &Denied{
		Code:       TokensHeld,
		Message:    fmt.Sprintf("what is left of this key's own monthly cap of %d tokens is held by running requests (%d); try again when they have ended", *k.MonthlyCap, held),
		Standing:   &s,
		RetryAfter: time.Second,
	}
}

func overCap(k *Key, used int64, s Standing) *Denied {
	return &Denied{
		Code: InsufficientQuota,
		Message: fmt.Sprintf("this key's own monthly cap is reached: %d of %d tokens are used; it starts again at %s. The account has %d monthly and %d extra tokens left",
			used, *k.MonthlyCap, instant(s.Period.End), s.Monthly, s.Extra),
		Standing: &s,
	}
}

func empty(s Standing) *Denied {
	return &Denied{
		Code: InsufficientQuota,
		Message: fmt.Sprintf("both pools are empty: %d of %d monthly tokens are used, 0 extra tokens are left; the monthly pool is filled again at %s",
			s.Used, s.Period.Total, instant(s.Period.End)),
		Standing: &s,
	}
}

func tooFew(s Standing, needs int64) *Denied {
	return &Denied{
		Code: InsufficientQuota,
		Message: fmt.Sprintf("the request needs up to %d tokens, %d left (%d monthly, %d extra); the monthly pool is filled again at %s",
			needs, s.Left(), s.Monthly, s.Extra, instant(s.Period.End)),
		Standing: &s,
	}
}

func held(s Standing) *Denied {
	return &Denied{
		Code: TokensHeld,
		Message: fmt.Sprintf("%d tokens are left (%d monthly, %d extra), but running requests hold them; try again when one has ended",
			s.Left(), s.Monthly, s.Extra),
		Standing:   &s,
		RetryAfter: time.Second,
	}
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339) }
