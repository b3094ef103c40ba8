package accounting

import "slices"

// Audience is who is told of what. The zero value is nobody.
type Audience struct {
	// LowShares are thousandths of the monthly pool: when so much of it is used, the account is low.
	LowShares []int64
	Targets   []Target
}

// Target is one place that notices go to.
type Target struct {
	Name  string
	Kinds []NoticeKind
}

// Wants says whether any target is told of a kind.
func (a *Audience) Wants(k NoticeKind) bool {
	return slices.ContainsFunc(a.Targets, func(t Target) bool { return t.Wants(k) })
}

// Wants says whether the target is told of a kind.
func (t Target) Wants(k NoticeKind) bool { return slices.Contains(t.Kinds, k) }
