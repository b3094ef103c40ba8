package accounting

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noticed = time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC)

// poolsOf are pools of a monthly total and what of it is used, with one grant per figure in extra that something is left of.
func poolsOf(total, used int64, extra ...int64) *Pools {
	p := &Pools{Account: Account{ID: "acme", MonthlyTokens: &total}}
	run := PeriodAt(Anchor{}, noticed)
	run.Total, run.Used = total, used
	p.Periods = []Period{run}
	for i, left := range extra {
		p.Grants = append(p.Grants, Grant{ID: fmt.Sprint("grant_", i), Reference: fmt.Sprint("r", i), Tokens: left, Remaining: left, CreatedAt: noticed.Add(-time.Hour)})
	}
	return p
}

func copyOf(p *Pools) *Pools {
	c := *p
	c.Periods, c.Grants, c.Entries = append([]Period(nil), p.Periods...), append([]Grant(nil), p.Grants...), nil
	return &c
}

func TestNotices(t *testing.T) {
	charge := func(tokens int64) func(*Pools) {
		return func(p *Pools) {
			before := p.Balance()
			p.Charge(noticed, tokens, noticed)
			p.Usage(noticed, before, "event")
		}
	}
	roll := func(total int64) func(*Pools) {
		return func(p *Pools) { p.Account.MonthlyTokens = &total; p.Roll(noticed, nil) }
	}
	reset := func(then func(*Pools)) func(*Pools) {
		return func(p *Pools) { p.Roll(p.Running().End.Add(time.Hour), nil); then(p) }
	}
	nothing := func(*Pools) {}
	for name, tc := range map[string]struct {
		was  *Pools
		does func(*Pools)
		want string
	}{
		"nothing":                            {poolsOf(100, 99), nothing, ""},
		"below the share":                    {poolsOf(100, 0), charge(79), ""},
		"the share to the token":             {poolsOf(100, 79), charge(1), "low800"},
		"a share that is no whole token":     {poolsOf(7, 0), charge(5), ""},
		"… the token above it":               {poolsOf(7, 5), charge(1), "low800"},
		"beyond it already":                  {poolsOf(100, 80), charge(10), ""},
		"both shares at once":                {poolsOf(100, 0, 5), charge(100), "low800 low950"},
		"everything at once":                 {poolsOf(100, 0, 5), charge(1000), "low800 low950 blocked"},
		"the extra pool":                     {poolsOf(100, 100, 5), charge(5), "blocked"},
		"a part of the extra pool":           {poolsOf(100, 100, 5, 5), charge(9), ""},
		"empty already":                      {poolsOf(100, 100), charge(5), ""},
		"a lower total":                      {poolsOf(100, 50), roll(60), "low800"},
		"a total that is less than was used": {poolsOf(100, 50), roll(40), "low800 low950 blocked"},
		"a total of nothing":                 {poolsOf(100, 50), roll(0), "blocked"},
		"a higher total":                     {poolsOf(100, 100), roll(1000), ""},
		"a void grant":                       {poolsOf(100, 100, 5), func(p *Pools) { p.Void("grant_0", noticed) }, "blocked"},
		"a purchase":                         {poolsOf(100, 100), func(p *Pools) { p.Purchase(Grant{ID: "g", Tokens: 5}, true, noticed) }, "grant:g"},
		"a purchase beside another":          {poolsOf(100, 0, 5), func(p *Pools) { p.Purchase(Grant{ID: "g", Tokens: 5}, true, noticed) }, "grant:g"},
		"a reset":                            {poolsOf(100, 100), reset(nothing), "reset"},
		"a reset of two months":              {poolsOf(100, 100), func(p *Pools) { p.Roll(p.Running().End.AddDate(0, 1, 0), nil) }, "reset"},
		"a reset of a pool of nothing":       {poolsOf(0, 0), reset(nothing), "reset"},
		"a reset and all of the new pool":    {poolsOf(100, 100), reset(func(p *Pools) { charge(0)(p); p.Running().Used = 100 }), "reset low800 low950 blocked"},
		"a charge to the period before":      {poolsOf(100, 50), reset(func(p *Pools) { p.Charge(noticed, 45, noticed) }), "reset"},
		"an account that was just opened":    {&Pools{Account: Account{MonthlyTokens: new(int64)}}, func(p *Pools) { p.Roll(noticed, nil) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			is := copyOf(tc.was)
			tc.does(is)
			if got := said(Notices(tc.was, is, []int64{800, 950})); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func said(all []Notice) (text string) {
	for _, n := range all {
		switch n.Kind {
		case AccountLow:
			text += fmt.Sprint(" low", n.Share)
		case AccountBlocked:
			text += " blocked"
		case AccountReset:
			text += " reset"
		case GrantCreated:
			text += " grant:" + n.Grant.ID
		}
	}
	return text[min(1, len(text)):]
}

// TestEachShareIsCrossedOnce however a pool is used up.
func TestEachShareIsCrossedOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(1, 1000).Draw(t, "total")
		share := rapid.Int64Range(1, 1000).Draw(t, "share")
		p := poolsOf(total, 0)
		low, blocked := 0, 0
		for p.Balance().Monthly > 0 {
			was := copyOf(p)
			p.Entries = nil
			before := p.Balance()
			p.Charge(noticed, rapid.Int64Range(1, 400).Draw(t, "tokens"), noticed)
			p.Usage(noticed, before, "")
			for _, n := range Notices(was, p, []int64{share}) {
				if n.Kind == AccountLow {
					low++
				} else {
					blocked++
				}
			}
		}
		if low != 1 || blocked != 1 {
			t.Fatalf("low %d times, blocked %d times", low, blocked)
		}
	})
}

// TestIDsTellWhatHappenedApart, and are the same for the same.
func TestIDsTellWhatHappenedApart(t *testing.T) {
	p, bought := poolsOf(100, 100), poolsOf(100, 100, 5)
	raised := poolsOf(200, 200)
	start := p.Running().Start
	ids := map[string]string{}
	for name, id := range map[string]string{
		"low 800":                  (&Notice{Kind: AccountLow, PeriodStart: start, Share: 800}).ID(p),
		"low 950":                  (&Notice{Kind: AccountLow, PeriodStart: start, Share: 950}).ID(p),
		"low in the next period":   (&Notice{Kind: AccountLow, PeriodStart: start.AddDate(0, 1, 0), Share: 800}).ID(p),
		"low of another":           (&Notice{Kind: AccountLow, PeriodStart: start, Share: 800}).ID(&Pools{Account: Account{ID: "other"}}),
		"blocked":                  (&Notice{Kind: AccountBlocked, PeriodStart: start}).ID(p),
		"blocked after a purchase": (&Notice{Kind: AccountBlocked, PeriodStart: start}).ID(bought),
		"blocked after a raise":    (&Notice{Kind: AccountBlocked, PeriodStart: start}).ID(raised),
		"reset":                    (&Notice{Kind: AccountReset, PeriodStart: start}).ID(p),
		"grant":                    (&Notice{Kind: GrantCreated, PeriodStart: start, Grant: &Grant{ID: "g"}}).ID(p),
	} {
		if other, twice := ids[id]; twice {
			t.Errorf("%s and %s have the id %s", name, other, id)
		}
		ids[id] = name
	}
	low := &Notice{Kind: AccountLow, PeriodStart: start, Share: 800, At: noticed.Add(time.Hour)}
	if ids[low.ID(raised)] != "low 800" {
		t.Error("a share that is reached again, with another total and at another time, has another id")
	}
}

func TestBodyOfANotice(t *testing.T) {
	expires := noticed.AddDate(1, 0, 0)
	n := &Notice{Kind: GrantCreated, At: noticed, Grant: &Grant{ID: "g", Reference: "invoice-17", Tokens: 7, Collected: 2, ExpiresAt: expires}}
	p := poolsOf(100, 90, 5)
	p.Account.Name = "Acme & Sons"
	got := string(n.Body(NewView(p, noticed, 3, 4)))
	want := `{"type":"grant.created","timestamp":"2026-11-24T07:00:00Z","data":{"account":"acme",` +
		`"grant":{"id":"g","reference":"invoice-17","tokens":7,"collected":2,"expires_at":"2027-11-24T07:00:00Z"},` +
		`"monthly":{"total":100,"used":90,"remaining":10},` +
		`"reset":{"at":"2026-12-01T00:00:00Z","in_seconds":579600,"period_start":"2026-11-01T00:00:00Z","timezone":"UTC"},` +
		`"extra":{"purchased":5,"used":0,"remaining":5,"next_expiry":null},"overdraft":0,"blocked":false}}`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
