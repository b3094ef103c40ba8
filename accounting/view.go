package accounting

import "time"

// View is the Token view: the three parts that a customer sees, and what a program needs beside them.
// Its JSON form is the contract's.
type View struct {
	Account  string      `json:"account"`
	AsOf     time.Time   `json:"as_of"`
	Monthly  MonthlyView `json:"monthly"`
	Reset    ResetView   `json:"reset"`
	Extra    ExtraView   `json:"extra"`
	Held     int64       `json:"held"`
	Over     int64       `json:"overdraft"`
	Blocked  bool        `json:"blocked"`
	Forecast Forecast    `json:"forecast"`
}

type MonthlyView struct {
	Total     int64 `json:"total"`
	Used      int64 `json:"used"`
	Remaining int64 `json:"remaining"`
}

type ResetView struct {
	At          time.Time `json:"at"`
	InSeconds   int64     `json:"in_seconds"`
	PeriodStart time.Time `json:"period_start"`
	Timezone    string    `json:"timezone"`
}

type ExtraView struct {
	Purchased  int64      `json:"purchased"`
	Used       int64      `json:"used"`
	Remaining  int64      `json:"remaining"`
	NextExpiry *time.Time `json:"next_expiry"`
}

// Forecast says when both pools run out at the pace of the last seven days; nil if not before the reset.
type Forecast struct {
	EmptyAt *time.Time `json:"empty_at"`
}

// PaceWindow is how far back the forecast looks.
const PaceWindow = 7 * 24 * time.Hour

// NewView shows pools that were rolled to now. held is what running requests hold, pace what was charged
// in the PaceWindow before now.
func NewView(p *Pools, now time.Time, held, pace int64) View {
	run, left := p.Running(), p.Balance()
	tz := p.Account.Anchor.Timezone
	if tz == "" {
		tz = "UTC"
	}
	v := View{
		Account: p.Account.ID,
		AsOf:    now.UTC(),
		Monthly: MonthlyView{Total: run.Total, Used: run.Used, Remaining: left.Monthly},
		Reset: ResetView{
			At: run.End.UTC(), InSeconds: int64(run.End.Sub(now) / time.Second),
			PeriodStart: run.Start.UTC(), Timezone: tz,
		},
		Held:    held,
		Over:    run.Overdraft,
		Blocked: left.Monthly+left.Extra <= 0,
	}
	v.Extra = ExtraView{Purchased: p.Purchased(), Remaining: left.Extra, NextExpiry: p.nextExpiry()}
	v.Extra.Used = v.Extra.Purchased - v.Extra.Remaining
	v.Forecast.EmptyAt = emptyAt(now, run.End, left.Monthly+left.Extra, pace)
	return v
}

// nextExpiry is when the first of the grants with something left expires; nil: none of them does.
func (p *Pools) nextExpiry() *time.Time {
	var next *time.Time
	for _, g := range p.Grants {
		if g.Remaining > 0 && !g.ExpiresAt.IsZero() && (next == nil || g.ExpiresAt.Before(*next)) {
			at := g.ExpiresAt.UTC()
			next = &at
		}
	}
	return next
}

func emptyAt(now, reset time.Time, left, pace int64) *time.Time {
	if pace <= 0 {
		return nil
	}
	seconds := float64(left) / (float64(pace) / PaceWindow.Seconds())
	if seconds >= reset.Sub(now).Seconds() {
		return nil
	}
	at := now.Add(time.Duration(seconds) * time.Second).UTC()
	return &at
}
