package accounting

import (
	"slices"
	"time"
)

// EntryKind names what changed an account's pools.
type EntryKind string

const (
	EntryOpened   EntryKind = "opened"   // the account's first monthly pool
	EntryReset    EntryKind = "reset"    // the monthly pool lapsed and was filled again
	EntryPlan     EntryKind = "plan"     // the monthly total changed within a period
	EntryPurchase EntryKind = "purchase" // a grant
	EntryCollect  EntryKind = "collect"  // a grant paid the period's overdraft
	EntryVoid     EntryKind = "void"     // what was left of a grant was taken back
	EntryExpiry   EntryKind = "expiry"   // what was left of a grant expired
	EntryUsage    EntryKind = "usage"    // events, one entry per account and batch
)

// Amounts are tokens of the two pools.
type Amounts struct {
	Monthly int64 `json:"monthly"`
	Extra   int64 `json:"extra"`
}

// Entry is one line of an account's ledger.
type Entry struct {
	Seq       int64     `json:"seq"`
	At        time.Time `json:"at"`
	Kind      EntryKind `json:"kind"`
	Change    Amounts   `json:"change"`
	Balance   Amounts   `json:"balance"` // after the change
	Reference string    `json:"reference"`
}

// Pools is an account's credit as the store holds it, loaded under the account's lock. Its methods are
// the whole arithmetic of the ledger; the store only loads what they read and writes what they changed.
type Pools struct {
	Account Account
	// Periods are in order of time; the last one is the running one. At least the last one and every
	// one that events still belong to are loaded.
	Periods []Period
	// Grants are those with something left, and those used up in the running period.
	Grants []Grant
	// Entries are those that the methods added, in order, without Seq.
	Entries []Entry
}

// Running is the period that the newest Roll reached.
func (p *Pools) Running() *Period { return &p.Periods[len(p.Periods)-1] }

// Extra is what the extra pool holds. What has expired counts until Roll has written it off.
func (p *Pools) Extra() int64 {
	var sum int64
	for _, g := range p.Grants {
		sum += g.Remaining
	}
	return sum
}

// Purchased is the size of the extra pool: the grants that are neither void nor expired nor used up before
// the running period began.
func (p *Pools) Purchased() int64 {
	var sum int64
	for _, g := range p.Grants {
		if g.VoidedAt.IsZero() && g.ExpiredAt.IsZero() && (g.UsedUpAt.IsZero() || !g.UsedUpAt.Before(p.Running().Start)) {
			sum += g.Tokens
		}
	}
	return sum
}

// Balance is what both pools hold.
func (p *Pools) Balance() Amounts {
	return Amounts{Monthly: p.Running().Remaining(), Extra: p.Extra()}
}

// Roll brings the pools up to now: it opens the first period, resets as many as have begun since, writes
// off expired grants and applies the total that the account has a right to. plans gives a plan's total.
// It changes nothing, and adds no entry, when the pools are already there.
func (p *Pools) Roll(now time.Time, plans map[string]int64) {
	if len(p.Periods) == 0 {
		first := PeriodAt(p.Account.Anchor, now)
		first.Total = p.total(plans, 0)
		p.Periods = append(p.Periods, first)
		p.entry(now, EntryOpened, Amounts{Monthly: first.Total}, "")
	}
	for !now.Before(p.Running().End) {
		p.expire(p.Running().End)
		p.reset(plans)
	}
	p.expire(now)
	run := p.Running()
	if total := p.total(plans, run.Total); total != run.Total {
		before := run.Remaining()
		run.Total = total
		p.entry(now, EntryPlan, Amounts{Monthly: run.Remaining() - before}, p.Account.Plan)
	}
}

// total is the account's right: its own total, else its plan's, else (a plan that the file dropped) what it had.
func (p *Pools) total(plans map[string]int64, had int64) int64 {
	if own := p.Account.MonthlyTokens; own != nil {
		return *own
	}
	if t, ok := plans[p.Account.Plan]; ok {
		return t
	}
	return had
}

func (p *Pools) reset(plans map[string]int64) {
	old := *p.Running()
	a := &p.Account
	if a.NextPlan != nil || a.NextMonthlyTokens != nil {
		if a.NextPlan != nil {
			a.Plan = *a.NextPlan
		}
		a.MonthlyTokens, a.NextPlan, a.NextMonthlyTokens = a.NextMonthlyTokens, nil, nil
	}
	next := Period{Start: old.End, End: NextReset(a.Anchor, old.End), Total: p.total(plans, old.Total)}
	p.Periods = append(p.Periods, next)
	p.entry(next.Start, EntryReset, Amounts{Monthly: next.Total - old.Remaining()}, next.Start.Format(time.RFC3339))
}

// expire writes off, each at its own instant, what has expired by now.
func (p *Pools) expire(now time.Time) {
	slices.SortFunc(p.Grants, Grant.compare)
	for i := range p.Grants {
		g := &p.Grants[i]
		if g.Remaining == 0 || g.ExpiresAt.IsZero() || now.Before(g.ExpiresAt) {
			continue
		}
		lapsed := g.Remaining
		g.Remaining, g.ExpiredAt = 0, g.ExpiresAt
		p.entry(g.ExpiresAt, EntryExpiry, Amounts{Extra: -lapsed}, g.Reference)
	}
}

// Charge books tokens on the period that was running at start: its monthly pool first, then the grants in
// their order, and what no pool can pay as overdraft. It never refuses. It adds no entry: Usage does, once a batch.
func (p *Pools) Charge(start time.Time, tokens int64, now time.Time) Charged {
	period := p.Period(start)
	c := Charged{Total: tokens, Monthly: min(tokens, period.Remaining())}
	c.Extra = p.draw(tokens-c.Monthly, now)
	c.Overdraft = tokens - c.Monthly - c.Extra
	period.Used += c.Monthly
	period.Overdraft += c.Overdraft
	return c
}

// draw takes up to tokens from the grants and says how many it got.
func (p *Pools) draw(tokens int64, now time.Time) int64 {
	if tokens == 0 {
		return 0
	}
	slices.SortFunc(p.Grants, Grant.compare)
	rest := tokens
	for i := range p.Grants {
		g := &p.Grants[i]
		if rest == 0 || !g.Live(now) {
			continue
		}
		pays := min(rest, g.Remaining)
		rest -= pays
		g.Remaining -= pays
		if g.Remaining == 0 {
			g.UsedUpAt = now
		}
	}
	return tokens - rest
}

// Period finds the period that was running at start; facts of a period that was never opened, which only a
// damaged clock can bring, are booked on the oldest one loaded.
func (p *Pools) Period(start time.Time) *Period {
	for i := len(p.Periods) - 1; i >= 0; i-- {
		if !start.Before(p.Periods[i].Start) {
			return &p.Periods[i]
		}
	}
	return &p.Periods[0]
}

// Usage adds the ledger entry of a batch of charges: before is the balance before the first of them. A batch
// that left the balance as it was adds none.
func (p *Pools) Usage(now time.Time, before Amounts, reference string) {
	after := p.Balance()
	if after == before {
		return
	}
	p.entry(now, EntryUsage, Amounts{Monthly: after.Monthly - before.Monthly, Extra: after.Extra - before.Extra}, reference)
}

// Purchase adds a grant. With collect it first pays the running period's overdraft.
func (p *Pools) Purchase(g Grant, collect bool, now time.Time) Grant {
	g.Remaining, g.CreatedAt = g.Tokens, now
	p.Grants = append(p.Grants, g)
	own := &p.Grants[len(p.Grants)-1]
	p.entry(now, EntryPurchase, Amounts{Extra: g.Tokens}, g.Reference)
	if pays := min(own.Remaining, p.Running().Overdraft); collect && pays > 0 {
		p.Running().Overdraft -= pays
		own.Remaining -= pays
		own.Collected = pays
		if own.Remaining == 0 {
			own.UsedUpAt = now
		}
		p.entry(now, EntryCollect, Amounts{Extra: -pays}, g.Reference)
	}
	return *own
}

// Void takes back what is left of a grant. It reports false when there is no such live grant.
func (p *Pools) Void(id string, now time.Time) bool {
	for i := range p.Grants {
		g := &p.Grants[i]
		if g.ID != id || !g.Live(now) {
			continue
		}
		left := g.Remaining
		g.Remaining, g.VoidedAt = 0, now
		p.entry(now, EntryVoid, Amounts{Extra: -left}, g.Reference)
		return true
	}
	return false
}

func (p *Pools) entry(at time.Time, kind EntryKind, change Amounts, reference string) {
	p.Entries = append(p.Entries, Entry{At: at, Kind: kind, Change: change, Balance: p.Balance(), Reference: reference})
}
