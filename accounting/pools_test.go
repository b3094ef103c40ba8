package accounting

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func ptr[T any](v T) *T { return &v }

// open gives pools of an account with its own total, opened at now.
func open(total int64, now time.Time) *Pools {
	p := &Pools{Account: Account{ID: "acme", MonthlyTokens: &total}}
	p.Roll(now, nil)
	return p
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestMonthlyPaysFirstThenWhatExpiresSoonestThenTheOldest(t *testing.T) {
	now := at("2026-11-24T07:00:00Z")
	p := open(100, now)
	p.Purchase(Grant{ID: "g1", Reference: "old", Tokens: 10}, true, now)
	p.Purchase(Grant{ID: "g2", Reference: "new", Tokens: 10}, true, now.Add(time.Second))
	p.Purchase(Grant{ID: "g3", Reference: "late", Tokens: 10, ExpiresAt: now.Add(48 * time.Hour)}, true, now)
	p.Purchase(Grant{ID: "g4", Reference: "soon", Tokens: 10, ExpiresAt: now.Add(24 * time.Hour)}, true, now)
	now = now.Add(time.Minute)
	if got, want := p.Charge(p.Running().Start, 125, now), (Charged{Total: 125, Monthly: 100, Extra: 25}); got != want {
		t.Fatalf("charge: got %+v, want %+v", got, want)
	}
	left := map[string]int64{}
	for _, g := range p.Grants {
		left[g.Reference] = g.Remaining
	}
	if want := map[string]int64{"soon": 0, "late": 0, "old": 5, "new": 10}; !maps.Equal(left, want) {
		t.Fatalf("grants after: got %v, want %v", left, want)
	}
	if got, want := p.Charge(p.Running().Start, 20, now), (Charged{Total: 20, Extra: 15, Overdraft: 5}); got != want {
		t.Fatalf("charge past the end: got %+v, want %+v", got, want)
	}
	if got := p.Running().Overdraft; got != 5 {
		t.Fatalf("overdraft: got %d, want 5", got)
	}
}

func TestAPurchaseCollectsTheOverdraftOfItsPeriod(t *testing.T) {
	now := at("2026-11-24T07:00:00Z")
	for _, c := range []struct {
		collect                        bool
		tokens                         int64
		remaining, collected, overdraw int64
	}{
		{true, 100, 70, 30, 0}, {true, 20, 0, 20, 10}, {false, 100, 100, 0, 30},
	} {
		p := open(10, now)
		p.Charge(p.Running().Start, 40, now)
		g := p.Purchase(Grant{ID: "g", Reference: "invoice", Tokens: c.tokens}, c.collect, now)
		if g.Remaining != c.remaining || g.Collected != c.collected || p.Running().Overdraft != c.overdraw {
			t.Errorf("purchase of %d, collect %t: got %+v, overdraft %d", c.tokens, c.collect, g, p.Running().Overdraft)
		}
	}
	p := open(10, now)
	p.Charge(p.Running().Start, 40, now)
	now = p.Running().End
	p.Roll(now, nil)
	if g := p.Purchase(Grant{ID: "g", Reference: "invoice", Tokens: 100}, true, now); g.Remaining != 100 {
		t.Errorf("a purchase paid last period's overdraft: %+v", g)
	}
}

func TestResetLapsesTheMonthlyPoolAndKeepsExtra(t *testing.T) {
	now := at("2026-11-24T07:00:00Z")
	p := open(100, now)
	p.Purchase(Grant{ID: "g", Reference: "r", Tokens: 7}, true, now)
	p.Charge(p.Running().Start, 60, now)
	p.Entries = nil
	p.Roll(at("2027-01-15T00:00:00Z"), nil)
	want := []Entry{
		{At: at("2026-12-01T00:00:00Z"), Kind: EntryReset, Change: Amounts{Monthly: 60}, Balance: Amounts{Monthly: 100, Extra: 7}, Reference: "2026-12-01T00:00:00Z"},
		{At: at("2027-01-01T00:00:00Z"), Kind: EntryReset, Balance: Amounts{Monthly: 100, Extra: 7}, Reference: "2027-01-01T00:00:00Z"},
	}
	if diff := cmp.Diff(want, p.Entries); diff != "" {
		t.Fatalf("entries (-want +got):\n%s", diff)
	}
}

func TestAnEventOfTheLastPeriodIsChargedToIt(t *testing.T) {
	now := at("2026-11-30T23:59:00Z")
	p := open(100, now)
	november := p.Running().Start
	now = now.Add(2 * time.Minute)
	p.Roll(now, nil)
	p.Purchase(Grant{ID: "g", Reference: "r", Tokens: 5}, true, now)
	p.Entries = nil
	before := p.Balance()
	if got, want := p.Charge(november, 110, now), (Charged{Total: 110, Monthly: 100, Extra: 5, Overdraft: 5}); got != want {
		t.Fatalf("charge: got %+v, want %+v", got, want)
	}
	p.Usage(now, before, "e")
	if p.Running().Used != 0 || p.Running().Overdraft != 0 || p.Periods[0].Used != 100 || p.Periods[0].Overdraft != 5 {
		t.Fatalf("periods: %+v", p.Periods)
	}
	want := []Entry{{At: now, Kind: EntryUsage, Change: Amounts{Extra: -5}, Balance: Amounts{Monthly: 100}, Reference: "e"}}
	if diff := cmp.Diff(want, p.Entries); diff != "" {
		t.Fatalf("entries (-want +got):\n%s", diff)
	}
}

func TestGrantsThatExpireAtOnceEachLeaveTheRightBalance(t *testing.T) {
	now := at("2026-11-24T07:00:00Z")
	p := open(0, now)
	expiry := at("2026-12-01T00:00:00Z") // at the reset, too
	p.Purchase(Grant{ID: "a", Reference: "a", Tokens: 3, ExpiresAt: expiry}, true, now)
	p.Purchase(Grant{ID: "b", Reference: "b", Tokens: 4, ExpiresAt: expiry}, true, now)
	p.Roll(expiry.Add(-time.Nanosecond), nil)
	if p.Extra() != 7 {
		t.Fatalf("extra before the expiry: got %d, want 7", p.Extra())
	}
	p.Entries = nil
	p.Roll(expiry.Add(time.Hour), nil)
	want := []Entry{
		{At: expiry, Kind: EntryExpiry, Change: Amounts{Extra: -3}, Balance: Amounts{Extra: 4}, Reference: "a"},
		{At: expiry, Kind: EntryExpiry, Change: Amounts{Extra: -4}, Reference: "b"},
		{At: expiry, Kind: EntryReset, Reference: "2026-12-01T00:00:00Z"},
	}
	if diff := cmp.Diff(want, p.Entries); diff != "" {
		t.Fatalf("entries (-want +got):\n%s", diff)
	}
}

func TestPlansCountAtOnceOrFromTheNextPeriodOn(t *testing.T) {
	now := at("2026-11-24T07:00:00Z")
	plans := map[string]int64{"basic": 100, "pro": 1000}
	p := &Pools{Account: Account{ID: "acme", Plan: "basic"}}
	p.Roll(now, plans)
	p.Charge(p.Running().Start, 80, now)
	p.Account.NextPlan = ptr("pro")
	p.Roll(now, plans)
	if p.Running().Total != 100 {
		t.Fatalf("a change for the next period counts at once: %+v", p.Running())
	}
	p.Roll(p.Running().End, plans)
	if p.Running().Total != 1000 || p.Account.Plan != "pro" || p.Account.NextPlan != nil {
		t.Fatalf("after the reset: %+v %+v", p.Running(), p.Account)
	}
	p.Account.Plan = "basic"
	p.Charge(p.Running().Start, 300, now)
	p.Roll(p.Running().Start, plans)
	if run := p.Running(); run.Total != 100 || run.Used != 300 || run.Remaining() != 0 {
		t.Fatalf("a lowered plan: %+v", run)
	}
	delete(plans, "basic")
	p.Roll(p.Running().End, plans)
	if p.Running().Total != 100 {
		t.Fatalf("a plan that the file dropped: %+v", p.Running())
	}
	p.Account.NextMonthlyTokens = ptr[int64](5)
	p.Roll(p.Running().End, plans)
	if p.Running().Total != 5 || p.Account.NextMonthlyTokens != nil || *p.Account.MonthlyTokens != 5 {
		t.Fatalf("own total from the next period on: %+v", p.Running())
	}
}

func TestVoidTakesBackWhatIsLeft(t *testing.T) {
	now := at("2026-11-24T07:00:00Z")
	p := open(0, now)
	p.Purchase(Grant{ID: "g", Reference: "r", Tokens: 10}, true, now)
	p.Charge(p.Running().Start, 4, now)
	if !p.Void("g", now) || p.Extra() != 0 || p.Void("g", now) || p.Void("other", now) {
		t.Fatalf("void: %+v", p.Grants)
	}
	if got := p.Purchased(); got != 0 {
		t.Fatalf("purchased counts a void grant: %d", got)
	}
}

func TestViewOfTheContract(t *testing.T) {
	now := at("2026-11-24T07:00:00Z")
	p := open(2_000_000, now)
	p.Purchase(Grant{ID: "g", Reference: "r", Tokens: 500_000}, true, now)
	p.Charge(p.Running().Start, 1234, now)
	want := View{
		Account: "acme", AsOf: now, Monthly: MonthlyView{Total: 2_000_000, Used: 1234, Remaining: 1_998_766},
		Reset: ResetView{At: at("2026-12-01T00:00:00Z"), InSeconds: 579_600, PeriodStart: at("2026-11-01T00:00:00Z"), Timezone: "UTC"},
		Extra: ExtraView{Purchased: 500_000, Remaining: 500_000},
	}
	if diff := cmp.Diff(want, NewView(p, now, 0, 0)); diff != "" {
		t.Fatalf("view (-want +got):\n%s", diff)
	}
}

func TestViewBlockedExpiryAndForecast(t *testing.T) {
	now := at("2026-11-24T07:00:00Z")
	p := open(100, now)
	p.Purchase(Grant{ID: "g", Reference: "r", Tokens: 100, ExpiresAt: at("2027-01-01T00:00:00Z")}, true, now)
	v := NewView(p, now, 7, 7*24*200) // 200 tokens an hour
	if v.Blocked || v.Held != 7 || v.Extra.NextExpiry == nil || !v.Extra.NextExpiry.Equal(at("2027-01-01T00:00:00Z")) {
		t.Errorf("view: %+v", v)
	}
	if e := v.Forecast.EmptyAt; e == nil || !e.Equal(now.Add(time.Hour)) {
		t.Errorf("forecast: got %v, want an hour from now", e)
	}
	if e := NewView(p, now, 0, 7).Forecast.EmptyAt; e != nil {
		t.Errorf("forecast past the reset: got %v, want none", e)
	}
	p.Charge(p.Running().Start, 250, now)
	v = NewView(p, now, 0, 0)
	if want := (ExtraView{Purchased: 100, Used: 100}); !v.Blocked || v.Over != 50 || v.Extra != want {
		t.Errorf("view of empty pools: %+v", v)
	}
	p.Roll(p.Running().End, nil)
	v = NewView(p, p.Running().Start, 0, 0)
	if want := (ExtraView{}); v.Blocked || v.Over != 0 || v.Extra != want {
		t.Errorf("view after the reset: %+v", v)
	}
}

// poolsModel drives Pools with anything that may happen to an account and keeps sums of its own.
type poolsModel struct {
	pools  *Pools
	plans  map[string]int64
	now    time.Time
	opened time.Time
	grants int

	ledger                  Amounts // Σ changes
	bought, collected, lost int64
	charged                 Charged
	used                    map[time.Time]int64
	overdraft               map[time.Time]int64
	seen                    int // entries checked
}

func newPoolsModel(t *rapid.T) *poolsModel {
	m := &poolsModel{plans: map[string]int64{"basic": 100, "pro": 1000}, used: map[time.Time]int64{}, overdraft: map[time.Time]int64{}}
	m.now, m.opened = drawInstant(t, "opened"), time.Time{}
	m.opened = m.now
	m.pools = &Pools{Account: Account{ID: "acme", Plan: "basic", Anchor: drawAnchor(t, "anchor")}}
	m.pools.Roll(m.now, m.plans)
	return m
}

func (m *poolsModel) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": m.check,
		"charge": func(t *rapid.T) {
			tokens := rapid.Int64Range(0, 150).Draw(t, "tokens")
			start := rapid.SampledFrom(m.pools.Periods).Draw(t, "period").Start
			period, before, extra := *m.pools.Period(start), m.pools.Balance(), m.pools.Extra()
			c := m.pools.Charge(start, tokens, m.now)
			m.pools.Usage(m.now, before, "")
			if c.Total != tokens || c.Monthly+c.Extra+c.Overdraft != tokens || min(c.Monthly, c.Extra, c.Overdraft) < 0 {
				t.Fatalf("split of %d: %+v", tokens, c)
			}
			if c.Monthly != min(tokens, period.Remaining()) || c.Extra != min(tokens-c.Monthly, extra) {
				t.Fatalf("order: %d over monthly %d and extra %d gave %+v", tokens, period.Remaining(), extra, c)
			}
			m.charged.Monthly += c.Monthly
			m.charged.Extra += c.Extra
			m.charged.Overdraft += c.Overdraft
			m.used[period.Start] += c.Monthly
			m.overdraft[period.Start] += c.Overdraft
		},
		"purchase": func(t *rapid.T) {
			m.grants++
			g := Grant{ID: fmt.Sprintf("g%d", m.grants), Reference: fmt.Sprint(m.grants), Tokens: rapid.Int64Range(1, 200).Draw(t, "tokens")}
			if days := rapid.IntRange(0, 60).Draw(t, "days"); days > 0 {
				g.ExpiresAt = m.now.Add(time.Duration(days) * 24 * time.Hour)
			}
			owed, collect := m.pools.Running().Overdraft, rapid.Bool().Draw(t, "collect")
			g = m.pools.Purchase(g, collect, m.now)
			if want := min(owed, g.Tokens); collect && g.Collected != want || !collect && g.Collected != 0 {
				t.Fatalf("collected %d of %d owed, collect %t", g.Collected, owed, collect)
			}
			m.bought += g.Tokens
			m.collected += g.Collected
			m.overdraft[m.pools.Running().Start] -= g.Collected
		},
		"void": func(t *rapid.T) {
			if m.grants > 0 {
				m.pools.Void(fmt.Sprintf("g%d", rapid.IntRange(1, m.grants).Draw(t, "grant")), m.now)
			}
		},
		"time": func(t *rapid.T) {
			m.now = m.now.Add(time.Duration(rapid.IntRange(0, 45*24*60).Draw(t, "minutes")) * time.Minute)
			m.pools.Roll(m.now, m.plans)
		},
		"plan": func(t *rapid.T) {
			total := m.pools.Running().Total
			a := &m.pools.Account
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				a.Plan = rapid.SampledFrom([]string{"basic", "pro"}).Draw(t, "plan")
			case 1:
				a.NextPlan = ptr(rapid.SampledFrom([]string{"basic", "pro"}).Draw(t, "next"))
				m.pools.Roll(m.now, m.plans)
				if m.pools.Running().Total != total {
					t.Fatalf("a change for the next period counted at once")
				}
			case 2:
				a.MonthlyTokens = ptr(rapid.Int64Range(0, 300).Draw(t, "own"))
			case 3:
				m.plans["basic"] = rapid.Int64Range(0, 300).Draw(t, "basic")
			}
			m.pools.Roll(m.now, m.plans)
		},
		"anchor": func(t *rapid.T) {
			running := *m.pools.Running()
			m.pools.Account.Anchor = drawAnchor(t, "anchor")
			m.pools.Roll(m.now, m.plans)
			if *m.pools.Running() != running {
				t.Fatalf("a change of anchor changed the running period")
			}
		},
	}
}

func (m *poolsModel) check(t *rapid.T) {
	p := m.pools
	for _, e := range p.Entries[m.seen:] {
		m.ledger.Monthly += e.Change.Monthly
		m.ledger.Extra += e.Change.Extra
		if e.Balance != m.ledger {
			t.Fatalf("entry %+v: the changes so far sum to %+v", e, m.ledger)
		}
		if e.Kind == EntryVoid || e.Kind == EntryExpiry {
			m.lost -= e.Change.Extra
		}
	}
	m.seen = len(p.Entries)
	if m.ledger != p.Balance() || p.Balance().Monthly < 0 || p.Balance().Extra < 0 {
		t.Fatalf("ledger %+v, pools %+v", m.ledger, p.Balance())
	}
	if v := NewView(p, m.now, 0, 0); v.Monthly.Remaining != m.ledger.Monthly || v.Extra.Remaining != m.ledger.Extra || v.Extra.Used < 0 {
		t.Fatalf("ledger %+v, view %+v", m.ledger, v)
	}
	if want := m.bought - m.charged.Extra - m.collected - m.lost; p.Extra() != want {
		t.Fatalf("extra: got %d, want %d bought - %d charged - %d collected - %d lost", p.Extra(), m.bought, m.charged.Extra, m.collected, m.lost)
	}
	for i, period := range p.Periods {
		if period.Used != m.used[period.Start] || period.Overdraft != m.overdraft[period.Start] {
			t.Fatalf("period %+v: charged %d, overdrawn %d", period, m.used[period.Start], m.overdraft[period.Start])
		}
		if i > 0 && (!period.Start.Equal(p.Periods[i-1].End) || period.End.Sub(period.Start) < shortestPeriod) {
			t.Fatalf("period %s to %s after one that ended %s", period.Start, period.End, p.Periods[i-1].End)
		}
	}
	if run := p.Running(); m.now.Before(run.Start) || !m.now.Before(run.End) {
		t.Fatalf("at %s the running period is %s to %s", m.now, run.Start, run.End)
	}
}

func TestPoolsUnderAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { t.Repeat(newPoolsModel(t).actions()) })
}
