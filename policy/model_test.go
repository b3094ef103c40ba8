package policy

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tollgate/tollgate/accounting"
)

// model is some replicas on one ledger under random steps. What it checks is counted by the test itself, from
// the holds it was given and the tokens it settled.
type model struct {
	mode     Mode
	replicas []*replica
	ledger   *memoryLedger
	at       time.Time
	open     []*open

	excess int64 // Σ max(0, actual − held), where a hold of a life that ended is worth nothing
	lives  int
}

type replica struct {
	gate *Gate
	feed *feed
}

type open struct {
	*Hold
	replica *replica
	cost    int64
	backed  int64 // what is set aside for it
}

func newModel(t *rapid.T, mode Mode) *model {
	m := &model{mode: mode, ledger: newLedger(), at: t0.Add(time.Hour)}
	m.ledger.now = func() time.Time { return m.at }
	m.ledger.account("acme", rapid.SampledFrom([]int64{0, 10, 500, 3000, 10_000}).Draw(t, "monthly"))
	n := rapid.IntRange(1, 3).Draw(t, "replicas")
	m.ledger.replicas = int64(n)
	for i := range n {
		g := New(m.ledger, m.ledger, Options{Epoch: fmt.Sprint("e", i), Mode: mode, OnStoreDownServe: true, Now: func() time.Time { return m.at }})
		m.replicas = append(m.replicas, &replica{gate: g, feed: &feed{gate: g, seq: -1}})
	}
	return m
}

func (m *model) draw(t *rapid.T) *replica {
	return m.replicas[rapid.IntRange(0, len(m.replicas)-1).Draw(t, "replica")]
}

func (m *model) admit(t *rapid.T) {
	r := m.draw(t)
	c, err := r.gate.Identify(context.Background(), "key_acme")
	if err != nil {
		return
	}
	n := asking(rapid.Int64Range(4, 2000).Draw(t, "bytes"), rapid.Int64Range(0, 1000).Draw(t, "limit"))
	n.MinOutput = rapid.SampledFrom([]int64{1, 16}).Draw(t, "least")
	h, err := r.gate.Admit(context.Background(), c, n)
	if d, ok := errors.AsType[*Denied](err); ok {
		m.denied(t, d)
		return
	}
	cost := rapid.Int64Range(0, h.Held).Draw(t, "cost")
	if m.mode != ModeStrict && rapid.IntRange(0, 9).Draw(t, "dear") == 0 {
		cost = 3*h.Held + 50
	}
	m.open = append(m.open, &open{Hold: h, replica: r, cost: cost, backed: h.Held})
}

// denied checks that a refusal is one that this model can bring about.
func (m *model) denied(t *rapid.T, d *Denied) {
	switch d.Code {
	case AccountingUnavailable:
	case InsufficientQuota, TokensHeld:
		if m.mode == ModeObserve {
			t.Fatalf("observe refused: %v", d)
		}
	default:
		t.Fatalf("unexpected refusal: %v", d)
	}
}

func (m *model) end(t *rapid.T) {
	if len(m.open) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.open)-1).Draw(t, "which")
	o := m.open[i]
	m.open = append(m.open[:i], m.open[i+1:]...)
	if rapid.IntRange(0, 9).Draw(t, "released") == 0 {
		o.Release()
		return
	}
	o.Settle(o.cost)
	m.excess += max(0, o.cost-o.backed)
	m.ledger.settled("acme", settlement{key: "key_acme", epoch: o.Epoch, period: o.Period.Start, tokens: o.cost})
}

// renew begins another life of a replica whose leases were closed, once what it journalled is booked.
func (m *model) renew(t *rapid.T) {
	r := m.draw(t)
	ended := r.gate.life.Load().epoch
	m.ledger.book("acme")
	m.ledger.close(ended)
	m.lives++
	r.gate.Renew(fmt.Sprint(ended, "-", m.lives), time.Time{})
	for _, o := range m.open {
		if o.replica == r {
			o.backed = 0
		}
	}
}

func (m *model) pass(t *rapid.T) {
	m.at = m.at.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, 60 * time.Millisecond, 3 * time.Second}).Draw(t, "time"))
}

// leap goes half a month on. A lost answer is made up for before: a store that is away for longer than a period
// leaves what it last granted to the closing of the epoch.
func (m *model) leap(t *rapid.T) {
	if m.ledger.down {
		return
	}
	m.sweep()
	m.at = m.at.Add(17 * 24 * time.Hour)
}

// forget has the account go out of a replica's memory, if it may.
func (m *model) forget(t *rapid.T) {
	s := m.draw(t).gate.accounts
	s.mu.Lock()
	defer s.mu.Unlock()
	if a, ok := s.all.Peek("acme"); ok && s.forget(a) {
		s.all.Remove("acme")
	}
}

// sweep is what Run does within two seconds.
func (m *model) sweep() {
	m.ledger.loseAnswer = false
	m.at = m.at.Add(3 * time.Second)
	for _, r := range m.replicas {
		r.feed.poll(context.Background())
		for range 2 { // the first may bring what a lost answer had granted
			r.gate.tidy(context.Background(), r.gate.idleAfter)
		}
	}
}

// check is I5 to I8 as far as they concern this package; the ledger itself checks that counters only grow.
func (m *model) check(t *rapid.T) {
	held := map[*replica]int64{}
	for _, o := range m.open {
		held[o.replica] += o.Held
	}
	for _, r := range m.replicas {
		s := r.gate.Stats()
		if s.Held != held[r] || s.Held != r.gate.Held("acme") {
			t.Fatalf("I8: %d held, requests hold %d", s.Held, held[r])
		}
		if s.Admitted != s.Settled+s.Released+s.Open || s.DoubleEnds != 0 {
			t.Fatalf("clearing: %+v", s)
		}
		a := r.gate.accounts.peek("acme")
		if a == nil || a.lease == nil {
			continue
		}
		for _, l := range append([]*lease{a.lease}, a.past...) {
			if l.returned > l.granted || l.held < 0 || l.open < 0 {
				t.Fatalf("I5: %+v", *l)
			}
			if m.mode == ModeStrict && l.free() < 0 {
				t.Fatalf("I7: free %d of %+v", l.free(), *l)
			}
		}
	}
	b := m.ledger.accounts["acme"]
	if m.mode != ModeObserve && b.charged.Overdraft > m.excess {
		t.Fatalf("%s overdraft %d, requests took %d beyond what they held", m.mode, b.charged.Overdraft, m.excess)
	}
}

// rest ends all, lets everyone hear of everything and give everything back: then nothing may be left aside.
func (m *model) rest(t *rapid.T) {
	m.ledger.down = false
	for len(m.open) > 0 {
		m.end(t)
	}
	m.ledger.book("acme")
	m.sweep()
	m.check(t)
	b := m.ledger.accounts["acme"]
	b.pools.Roll(m.at, nil)
	lending := accounting.Lending{Pools: &b.pools, Leases: b.leases}
	balance := b.pools.Balance()
	if got, want := lending.Available(), balance.Monthly+balance.Extra; got != want {
		t.Fatalf("at rest %d can be lent, the pools hold %d: %+v", got, want, b.leases)
	}
	for _, r := range m.replicas { // what is left can be used, to the last token, by anyone
		c, err := r.gate.Identify(context.Background(), "key_acme")
		if err != nil {
			t.Fatal(err)
		}
		h, err := r.gate.Admit(context.Background(), c, asking(4, 1))
		switch {
		case err == nil:
			h.Release()
			m.at = m.at.Add(3 * time.Second)
			r.gate.tidy(context.Background(), r.gate.idleAfter)
		case balance.Monthly+balance.Extra >= 5: // what strict needs for it
			t.Fatalf("refused with %+v left: %v", balance, err)
		}
	}
}

func TestModel(t *testing.T) {
	for _, mode := range []Mode{ModeHold, ModeStrict, ModeObserve} {
		t.Run(string(mode), rapid.MakeCheck(func(t *rapid.T) {
			m := newModel(t, mode)
			t.Repeat(map[string]func(*rapid.T){
				"admit":  m.admit,
				"admit2": m.admit,
				"admit3": m.admit,
				"end":    m.end,
				"end2":   m.end,
				"pass":   m.pass,
				"leap":   m.leap,
				"book":   func(*rapid.T) { m.ledger.book("acme") },
				"hear":   func(t *rapid.T) { m.draw(t).feed.poll(context.Background()) },
				"tidy":   func(t *rapid.T) { r := m.draw(t); r.gate.tidy(context.Background(), r.gate.idleAfter) },
				"buy":    func(t *rapid.T) { m.ledger.purchase("acme", rapid.Int64Range(1, 3000).Draw(t, "tokens")) },
				"raise": func(t *rapid.T) {
					m.ledger.change("acme", func(a *accounting.Account) {
						more := *a.MonthlyTokens + rapid.Int64Range(0, 1000).Draw(t, "more")
						a.MonthlyTokens = &more
					})
				},
				"renew":  m.renew,
				"forget": m.forget,
				"fail":   func(t *rapid.T) { m.ledger.down = rapid.Bool().Draw(t, "down") },
				"lose":   func(t *rapid.T) { m.ledger.loseAnswer = true },
				"":       m.check,
			})
			m.rest(t)
		}))
	}
}
