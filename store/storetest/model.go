package storetest

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// The invariants of the design, and who checks them on both stores. What lives in a replica's memory alone is checked by
// policy's model, which drives real gates.
//
//	I1  what was released is in the ledger or a journal     cluster.quiesce; the power loss of the embedded store
//	I2  event ids are unique, charges are sums of splits    modelled.invariants, cluster.quiesce, rig.verified
//	I3  pools are their purchases less their charges        modelled.ledgerSums, rig.verified
//	I4  extra pays only what the monthly pool can't         modelled.inOrder
//	I5  lease counters grow, returned ≤ granted             modelled.ask, cluster.exchange
//	I6  outstanding and used are within the pools           modelled.lentWithinLeft, cluster.allIsThere
//	I7  free ≥ 0                                            cluster.freeAndHeld; policy's model, in strict
//	I8  Σ holds is that of the requests that run            cluster.freeAndHeld; policy's model
//	I9  a replay changes nothing                            modelled.replay, cluster.actions: copy
//	I10 a closed lease never grows                          modelled.ghost
//	I11 an earlier database and the journals: same ledger   cluster.rewind, cluster.quiesce
//	I12 no settlement is refused                            modelled.record, cluster.drain

// account under the model: what was done to it, as sums that know nothing of the store's.
type modelled struct {
	*rig
	id, journal string
	epoch       int // the life that runs
	steps       int

	records []accounting.Settlement // the journal
	stored  int64
	grants  []string

	bought, total int64        // Σ of purchases and of charges
	lease, newest policy.Lease // as the replica knows it, as the store last said
	spent         int64
}

// invariantsEvery is after how many steps the whole account is read: reading costs more than the steps.
const invariantsEvery = 4

// model drives a store with anything that happens to an account and checks the invariants of the ledger on the way; Run
// verifies the store at its end.
func model(r *rig, kind string) {
	count, steps := 0, 0
	r.Cleanup(func() { report(r.T, "ledger", kind, count, steps) })
	rapid.Check(r.T, func(t *rapid.T) {
		count++
		r.now = start
		m := &modelled{rig: r, id: fmt.Sprintf("m%d", count), journal: fmt.Sprintf("j%d", count)}
		_, err := r.CreateAccount(r.ctx(), accounting.Account{ID: m.id, Status: accounting.Active,
			MonthlyTokens: ptr(rapid.Int64Range(0, 500).Draw(t, "monthly")),
			Anchor: accounting.Anchor{
				Timezone: rapid.SampledFrom([]string{"UTC", "Asia/Kathmandu", "America/Havana", "Pacific/Apia"}).Draw(t, "zone"),
				Day:      rapid.IntRange(1, 31).Draw(t, "day"),
			}}, r.now)
		m.ok(t, err)
		m.begin(t)
		t.Repeat(m.actions())
		m.invariants(t)
		steps += m.steps
	})
}

var seedOnce sync.Once

// seed settles what the models' histories are drawn from, so that it can be told: by -rapid.seed, else at random.
func seed() {
	seedOnce.Do(func() {
		if f := flag.Lookup("rapid.seed"); f.Value.String() == "0" {
			flag.Set(f.Name, fmt.Sprint(rand.Uint64()|1))
		}
	})
}

// report prints a model's figures when its test has ended.
func report(t *testing.T, name, kind string, histories, steps int) {
	failures, result := 0, "ok"
	if t.Failed() {
		failures, result = 1, "FAIL"
	}
	fmt.Printf("MODEL %s store=%s histories=%d steps=%d failures=%d seed=%s RESULT %s\n",
		name, kind, histories, steps, failures, flag.Lookup("rapid.seed").Value, result)
}

func (m *modelled) ok(t *rapid.T, err error) {
	if err != nil {
		t.Fatalf("%v", err)
	}
}

func (m *modelled) name() string { return fmt.Sprintf("%s-life%d", m.id, m.epoch) }

// begin is a replica's start: a new life, the journal drained, the lives before it closed.
func (m *modelled) begin(t *rapid.T) {
	m.epoch++
	m.lease, m.newest, m.spent = policy.Lease{}, policy.Lease{}, 0
	m.ok(t, m.Start(m.ctx(), m.name(), m.journal, m.now))
	m.record(t, int64(len(m.records)))
	m.ok(t, m.CloseEpochs(m.ctx(), m.journal, m.name()))
}

func (m *modelled) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"": func(t *rapid.T) {
			if m.steps++; m.steps%invariantsEvery == 0 {
				m.invariants(t)
			}
		},
		"settle":   m.settle,
		"record":   func(t *rapid.T) { m.record(t, rapid.Int64Range(m.stored, int64(len(m.records))).Draw(t, "upto")) },
		"replay":   m.replay,
		"purchase": m.purchase,
		"void": func(t *rapid.T) {
			if len(m.grants) > 0 {
				_, err := m.VoidGrant(m.ctx(), m.id, rapid.SampledFrom(m.grants).Draw(t, "grant"), m.now)
				m.ok(t, err)
			}
		},
		"time": func(t *rapid.T) {
			m.now = m.now.Add(time.Duration(rapid.Int64Range(0, 40*24*3600).Draw(t, "seconds")) * time.Second)
		},
		"change":   m.change,
		"exchange": m.ask,
		"ghost":    m.ghost,
		"restart":  m.begin,
	}
}

// settle ends a request on the lease that the replica knows; without one it is as in observe mode.
func (m *modelled) settle(t *rapid.T) {
	tokens := rapid.Int64Range(0, 200).Draw(t, "tokens")
	e := m.event(m.id, id(len(m.records)+1000*m.epoch), tokens)
	e.Chatbot = rapid.SampledFrom([]string{"", "bot-1", "bot-2"}).Draw(t, "chatbot")
	m.records = append(m.records, accounting.Settlement{PeriodStart: m.lease.Period.Start, Epoch: m.name(), Event: e})
	m.spent += tokens
}

// record stores the journal's records up to one.
func (m *modelled) record(t *rapid.T, upto int64) {
	b := accounting.Batch{Journal: m.journal, After: m.stored, Upto: upto, Settlements: m.records[m.stored:upto], At: m.now}
	before := m.view(m.id)
	m.ok(t, m.Apply(m.ctx(), b))
	for _, s := range b.Settlements {
		m.total += s.Event.Charged.Total
	}
	m.stored = upto
	m.inOrder(t, before, b.Settlements)
}

// inOrder wants each charge of the running period to take what is left of the monthly pool, then of the extra pool, and
// only the rest as overdraft.
func (m *modelled) inOrder(t *rapid.T, before accounting.View, settled []accounting.Settlement) {
	if slices.ContainsFunc(settled, func(s accounting.Settlement) bool { return !s.PeriodStart.Equal(before.Reset.PeriodStart) }) {
		return
	}
	monthly, extra := before.Monthly.Remaining, before.Extra.Remaining
	for _, s := range settled {
		want := accounting.Charged{Total: s.Event.Charged.Total}
		want.Monthly = min(monthly, want.Total)
		want.Extra = min(extra, want.Total-want.Monthly)
		want.Overdraft = want.Total - want.Monthly - want.Extra
		monthly, extra = monthly-want.Monthly, extra-want.Extra
		if got := m.charged(m.id, s.Event.ID); got != want {
			t.Fatalf("I4: charged %+v, want %+v, of %+v", got, want, before)
		}
	}
}

// ghost is an exchange by a life that was closed.
func (m *modelled) ghost(t *rapid.T) {
	if m.epoch < 2 {
		return
	}
	n := rapid.Int64Range(1, 100).Draw(t, "granted")
	got, err := m.Exchange(m.ctx(), policy.Ask{Account: m.id, Epoch: fmt.Sprintf("%s-life%d", m.id, rapid.IntRange(1, m.epoch-1).Draw(t, "life")),
		PeriodStart: m.lease.Period.Start, Granted: n, Spent: rapid.Int64Range(0, n).Draw(t, "spent"), Need: n, Now: m.now})
	m.ok(t, err)
	if got.Granted != 0 || got.Spent != 0 {
		t.Fatalf("I10: a life that was closed has %+v", got)
	}
}

// replay tells the store of records that it has, in any order, from where it is and from elsewhere.
func (m *modelled) replay(t *rapid.T) {
	if m.stored == 0 {
		return
	}
	before := m.state(m.id)
	some := rapid.Permutation(m.records[:m.stored]).Draw(t, "order")[:rapid.Int64Range(1, m.stored).Draw(t, "some")]
	m.ok(t, m.Apply(m.ctx(), accounting.Batch{Journal: m.journal, After: m.stored, Upto: m.stored, Settlements: some, At: m.now}))
	err := m.Apply(m.ctx(), accounting.Batch{Journal: m.journal, After: m.stored - 1, Upto: m.stored, Settlements: some, At: m.now})
	if !errors.Is(err, accounting.ErrPosition) {
		t.Fatalf("a batch at another position: %v", err)
	}
	m.same("after a replay", before, m.state(m.id))
}

func (m *modelled) purchase(t *rapid.T) {
	g := accounting.Grant{Account: m.id, Reference: fmt.Sprint(len(m.grants)), Tokens: rapid.Int64Range(1, 300).Draw(t, "tokens")}
	if days := rapid.IntRange(0, 50).Draw(t, "days"); days > 0 {
		g.ExpiresAt = m.now.AddDate(0, 0, days)
	}
	owed := m.view(m.id).Over
	made, _, err := m.CreateGrant(m.ctx(), g, m.now)
	m.ok(t, err)
	if want := min(owed, g.Tokens); made.Collected != want || m.view(m.id).Over != owed-want {
		t.Fatalf("a purchase of %d with %d owed collected %d", g.Tokens, owed, made.Collected)
	}
	m.grants = append(m.grants, made.ID)
	m.bought += g.Tokens
}

func (m *modelled) change(t *rapid.T) {
	before := m.view(m.id)
	waits := rapid.Bool().Draw(t, "waits")
	_, err := m.ChangeAccount(m.ctx(), m.id, 0, func(a *accounting.Account) error {
		total := rapid.Int64Range(0, 500).Draw(t, "total")
		if waits {
			a.NextMonthlyTokens = &total
			a.Anchor.Day = rapid.IntRange(1, 31).Draw(t, "day")
		} else {
			a.MonthlyTokens = &total
		}
		return nil
	}, m.now)
	m.ok(t, err)
	after := m.view(m.id)
	if waits && (after.Monthly != before.Monthly || after.Reset != before.Reset) {
		t.Fatalf("what waits counted at once: %+v, then %+v", before, after)
	}
	if after.Monthly.Used != before.Monthly.Used {
		t.Fatalf("a change of the total changed what is used: %+v, then %+v", before, after)
	}
}

// ask is an exchange whose answer may get lost.
func (m *modelled) ask(t *rapid.T) {
	ask := policy.Ask{Account: m.id, Epoch: m.name(), PeriodStart: m.lease.Period.Start, Granted: m.lease.Granted,
		Returned: m.lease.Returned, Spent: m.spent, Need: rapid.Int64Range(0, 100).Draw(t, "need"), Now: m.now}
	if ask.PeriodStart.IsZero() {
		ask.Spent = 0
	}
	ask.Returned += max(0, ask.Granted-ask.Returned-ask.Spent)
	got, err := m.Exchange(m.ctx(), ask)
	m.ok(t, err)
	again, err := m.Exchange(m.ctx(), ask)
	m.ok(t, err)
	if again.Granted != got.Granted || again.Returned != got.Returned || again.Period != got.Period {
		t.Fatalf("the same exchange twice: %+v, then %+v", got, again)
	}
	if got.Returned > got.Granted || got.Period.Start.Equal(ask.PeriodStart) && (got.Granted < ask.Granted || got.Returned < ask.Returned) {
		t.Fatalf("counters of %+v went back: %+v", ask, got)
	}
	m.lentWithinLeft(t, ask, got)
	if rapid.Bool().Draw(t, "lost") {
		m.lease.Returned = max(m.lease.Returned, ask.Returned)
		return
	}
	if !got.Period.Start.Equal(m.lease.Period.Start) {
		m.spent = got.Spent
	}
	m.lease = got
}

// lentWithinLeft wants a lease that grew to be within what is left. One that did not may be beyond it: its tokens were
// voided or lapsed after it was granted.
func (m *modelled) lentWithinLeft(t *rapid.T, ask policy.Ask, got policy.Lease) {
	had := ask.Returned + ask.Spent
	if m.newest.Period.Start.Equal(got.Period.Start) {
		had = max(had, m.newest.Granted)
	}
	if ask.PeriodStart.Equal(got.Period.Start) {
		had = max(had, ask.Granted)
	}
	if free := got.Granted - got.Returned - got.Spent; got.Granted > had && free > got.Left.Monthly+got.Left.Extra {
		t.Fatalf("%d lent, %+v left", free, got.Left)
	}
	m.newest = got
}

func (m *modelled) invariants(t *rapid.T) {
	s := m.state(m.id)
	var charged accounting.Charged
	for _, e := range s.Events {
		charged.Total += e.Charged.Total
		charged.Monthly += e.Charged.Monthly
		charged.Extra += e.Charged.Extra
		charged.Overdraft += e.Charged.Overdraft
	}
	if int64(len(s.Events)) != m.stored || charged.Total != m.total || charged.Total != charged.Monthly+charged.Extra+charged.Overdraft {
		t.Fatalf("%d records that charge %d became %d events that charge %+v", m.stored, m.total, len(s.Events), charged)
	}
	var summed accounting.Charged
	for _, u := range s.Usage {
		summed.Total += u.Charged.Total
		summed.Monthly += u.Charged.Monthly
		summed.Extra += u.Charged.Extra
		summed.Overdraft += u.Charged.Overdraft
	}
	if summed != charged {
		t.Fatalf("events charge %+v, rollups %+v", charged, summed)
	}
	m.ledgerSums(t, s)
}

func (m *modelled) ledgerSums(t *rapid.T, s state) {
	var sum accounting.Amounts
	var bought int64
	for _, e := range slices.Backward(s.Ledger) {
		sum.Monthly += e.Change.Monthly
		sum.Extra += e.Change.Extra
		if e.Balance != sum || sum.Monthly < 0 || sum.Extra < 0 {
			t.Fatalf("entry %+v after changes of %+v", e, sum)
		}
		if e.Kind == accounting.EntryPurchase {
			bought += e.Change.Extra
		}
	}
	v := s.Pools
	if sum.Monthly != v.Monthly.Remaining || sum.Extra != v.Extra.Remaining || bought != m.bought {
		t.Fatalf("ledger %+v with %d bought, view %+v with %d bought", sum, bought, v, m.bought)
	}
	if v.Extra.Used < 0 || v.Monthly.Remaining < 0 || v.Reset.At.Sub(v.Reset.PeriodStart) < 27*24*time.Hour {
		t.Fatalf("view %+v", v)
	}
}
