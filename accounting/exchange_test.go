package accounting

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTellBooksFacts(t *testing.T) {
	l := Lease{Granted: 100, Returned: 10, Spent: 20}
	l.Tell(90, 5, 15) // an older message
	if want := (Lease{Granted: 100, Returned: 10, Spent: 20}); l != want {
		t.Fatalf("after an older message: got %+v, want %+v", l, want)
	}
	l.Tell(150, 10, 20) // the store went back in time
	if l.Granted != 150 {
		t.Fatalf("a grant that the store forgot: got %+v", l)
	}
	l.Tell(150, 40, 130) // 20 spent beyond the grant
	if want := (Lease{Granted: 170, Returned: 40, Spent: 130}); l != want {
		t.Fatalf("after an overspend: got %+v, want %+v", l, want)
	}
	l.Settled = 200
	if l.Outstanding() != 0 || l.unsettled() != 0 {
		t.Fatalf("more settled than granted: outstanding %d, unsettled %d", l.Outstanding(), l.unsettled())
	}
}

func TestEarlierPeriodsClaimOnlyWhatTheirOwnPoolCannotPay(t *testing.T) {
	now := at("2026-11-24T07:00:00Z")
	p := open(100, now)
	november := p.Running().Start
	p.Charge(november, 70, now)
	p.Roll(p.Running().End, nil)
	december := p.Running().Start
	p.Purchase(Grant{ID: "g", Reference: "r", Tokens: 50}, true, december)
	l := Lending{Pools: p, Replicas: 1, Leases: []Lease{
		{PeriodStart: november, Epoch: "a", Granted: 110, Settled: 70},          // 40 outstanding, 30 of them November's own
		{PeriodStart: december, Epoch: "b", Granted: 25, Returned: 5, Spent: 8}, // 20 outstanding
	}}
	if got := l.Available(); got != 100+50-20-10 {
		t.Errorf("available: got %d, want 120", got)
	}
	if got, want := l.Left(), (Amounts{Monthly: 92, Extra: 50}); got != want {
		t.Errorf("left: got %+v, want %+v", got, want)
	}
	l.Leases[0].Granted = 1000 // it can draw no more than the extra pool holds
	if got := l.Available(); got != 100-20 {
		t.Errorf("available beside a large claim: got %d, want 80", got)
	}
}

func TestGrowByTheThreeRules(t *testing.T) {
	now := at("2026-11-24T07:00:00Z")
	lending := func(total, replicas int64, others ...Lease) Lending {
		p := open(total, now)
		for i := range others {
			others[i].PeriodStart = p.Running().Start
		}
		return Lending{Pools: p, Leases: others, Replicas: replicas, SliceTokensMax: 1_000_000}
	}
	for name, c := range map[string]struct {
		l    Lending
		need int64
		last bool
		want int64
	}{
		"one replica gets everything":               {lending(1_000_000_000, 1), 10, false, 1_000_000_000},
		"little is handed out whole":                {lending(4096, 3), 10, false, 4096},
		"a slice of a large pool":                   {lending(600_000, 3), 10, false, 100_000},
		"a slice is at least what is needed":        {lending(600_000, 3), 300_000, false, 300_000},
		"a slice has a bound":                       {lending(60_000_000, 3), 10, false, 1_000_000},
		"what is needed has none":                   {lending(60_000_000, 3), 2_000_000, false, 2_000_000},
		"nothing asked for":                         {lending(100, 1), 0, true, 0},
		"too little and not the last":               {lending(9, 1), 10, false, 0},
		"the rest for one last request":             {lending(9, 1), 10, true, 9},
		"nothing left":                              {lending(0, 1), 10, true, 0},
		"the rest while another replica holds some": {lending(9, 2, Lease{Epoch: "other", Granted: 1}), 10, true, 0},
		"the rest beside its own unsettled":         {lending(9, 2, Lease{Epoch: "me", Granted: 2, Spent: 2}), 10, true, 7},
		"another replica's lease is used up":        {lending(9, 2, Lease{Epoch: "other", Granted: 5, Settled: 5}), 10, true, 9},
		"after an overspend":                        {lending(9, 1, Lease{Epoch: "me", Granted: 20, Spent: 20}), 1, true, 0},
	} {
		if got := c.l.Grow("me", c.need, c.last); got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

// lender is a replica that shares an account with others, as the exchange's model sees it: requests take exactly
// what they held or less, and any answer may be lost.
type lender struct {
	epoch                    string
	period                   time.Time
	granted, returned, spent int64
	holds                    []int64
	journal                  []journalled
}

type journalled struct {
	period time.Time
	tokens int64
}

func (r *lender) held() (sum int64) {
	for _, h := range r.holds {
		sum += h
	}
	return sum
}

type lendingModel struct {
	lending  Lending
	replicas []*lender
	now      time.Time
}

func newLendingModel(t *rapid.T) *lendingModel {
	m := &lendingModel{now: at("2026-11-24T07:00:00Z")}
	m.lending = Lending{
		Pools:    open(rapid.Int64Range(0, 20_000).Draw(t, "total"), m.now),
		Replicas: rapid.Int64Range(1, 3).Draw(t, "replicas"), SliceTokensMax: 1_000_000,
	}
	for i := range m.lending.Replicas {
		m.replicas = append(m.replicas, &lender{epoch: fmt.Sprint(i)})
	}
	return m
}

// exchange gives back all that is free and asks for need; a lost answer leaves the replica as it was.
func (m *lendingModel) exchange(r *lender, need int64, last, lost bool) (enough bool) {
	r.returned += max(0, r.granted-r.returned-r.spent-r.held())
	running := m.lending.Pools.Running().Start
	if !r.period.IsZero() {
		m.lending.Lease(r.period, r.epoch).Tell(r.granted, r.returned, r.spent)
	}
	own := m.lending.Lease(running, r.epoch)
	target := own.Returned + own.Spent + need
	if r.period.Equal(running) {
		target = r.granted + need
	}
	own.Granted += m.lending.Grow(r.epoch, target-own.Granted, last && len(r.holds) == 0)
	if lost {
		return false
	}
	if !r.period.Equal(running) {
		r.period, r.spent, r.holds = running, own.Spent, nil
	}
	r.granted, r.returned = own.Granted, own.Returned
	return r.granted-r.returned-r.spent-r.held() >= need
}

func (m *lendingModel) actions() map[string]func(*rapid.T) {
	pick := func(t *rapid.T) *lender { return rapid.SampledFrom(m.replicas).Draw(t, "replica") }
	return map[string]func(*rapid.T){
		"": m.check,
		"admit": func(t *rapid.T) {
			r, need := pick(t), rapid.Int64Range(1, 3000).Draw(t, "need")
			if r.period.IsZero() || r.granted-r.returned-r.spent-r.held() < need {
				if !m.exchange(r, need, false, rapid.IntRange(0, 9).Draw(t, "luck") == 0) {
					return
				}
			}
			r.holds = append(r.holds, need)
		},
		"settle": func(t *rapid.T) {
			r := pick(t)
			if len(r.holds) == 0 {
				return
			}
			used := rapid.Int64Range(0, r.holds[0]).Draw(t, "used")
			r.holds = r.holds[1:]
			r.spent += used
			r.journal = append(r.journal, journalled{r.period, used})
		},
		"record": func(t *rapid.T) {
			for _, r := range m.replicas {
				m.record(r)
			}
		},
		"idle": func(t *rapid.T) {
			if r := pick(t); !r.period.IsZero() {
				m.exchange(r, 0, false, rapid.Bool().Draw(t, "lost"))
			}
		},
		"purchase": func(t *rapid.T) {
			m.lending.Pools.Purchase(Grant{Reference: "r", Tokens: rapid.Int64Range(1, 5000).Draw(t, "tokens")}, true, m.now)
		},
		"reset": func(t *rapid.T) { m.reset(rapid.Bool().Draw(t, "recorded")) },
	}
}

// record charges what a replica has in its journal.
func (m *lendingModel) record(r *lender) {
	for _, j := range r.journal {
		m.lending.Pools.Charge(j.period, j.tokens, m.now)
		m.lending.Lease(j.period, r.epoch).Settled += j.tokens
	}
	r.journal = nil
}

// reset begins a period; requests in flight settle in the one they were admitted in.
func (m *lendingModel) reset(recorded bool) {
	for _, r := range m.replicas {
		for _, h := range r.holds {
			r.spent += h
			r.journal = append(r.journal, journalled{r.period, h})
		}
		r.holds = nil
		if recorded {
			m.record(r)
		}
	}
	m.now = m.lending.Pools.Running().End
	m.lending.Pools.Roll(m.now, nil)
}

func (m *lendingModel) check(t *rapid.T) {
	for _, l := range m.lending.Leases {
		if l.Returned > l.Granted || l.Spent > l.Granted {
			t.Fatalf("lease %+v", l)
		}
	}
	for _, p := range m.lending.Pools.Periods {
		if p.Overdraft != 0 {
			t.Fatalf("period %+v is overdrawn, though no request took more than it held", p)
		}
	}
	if available := m.lending.Available(); available < 0 {
		t.Fatalf("available is %d, though no request took more than it held", available)
	}
	if left := m.lending.Left(); left.Monthly < 0 || left.Extra < 0 {
		t.Fatalf("left %+v", left)
	}
}

func TestLeasesNeverOverspendWhatIsHeld(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { t.Repeat(newLendingModel(t).actions()) })
}

func TestNothingIsUnusedWhenEveryReplicaIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newLendingModel(t)
		for refused := 0; refused < len(m.replicas); { // each in turn takes requests until it gets no more
			refused = 0
			for _, r := range m.replicas {
				need := rapid.Int64Range(1, 3000).Draw(t, "need")
				if !r.period.IsZero() && r.granted-r.returned-r.spent >= need || m.exchange(r, need, false, false) {
					r.spent += need
					r.journal = append(r.journal, journalled{r.period, need})
					continue
				}
				if r.granted > r.returned+r.spent {
					t.Fatalf("replica %s keeps %d after a refusal", r.epoch, r.granted-r.returned-r.spent)
				}
				m.record(r)
				if m.exchange(r, need, true, false); r.granted == r.returned+r.spent {
					refused++
					continue
				}
				rest := r.granted - r.returned - r.spent
				r.spent += rest
				r.journal = append(r.journal, journalled{r.period, rest})
			}
		}
		for _, r := range m.replicas {
			m.record(r)
		}
		if left := m.lending.Pools.Balance(); left != (Amounts{}) {
			t.Fatalf("every replica was refused with %+v left", left)
		}
	})
}
