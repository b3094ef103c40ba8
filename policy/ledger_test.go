package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// memoryLedger is Keys and Credit with their real meaning, in memory: the arithmetic is accounting's own. It can
// be down, and it can do what it was asked and lose the answer.
type memoryLedger struct {
	replicas int64

	mu       sync.Mutex
	accounts map[string]*book
	keys     map[Hash]Key
	used     map[string]map[time.Time]int64
	changes  []Change
	plans    map[string]int64

	down       bool
	loseAnswer bool
	delay      time.Duration
	during     func() // runs while an exchange's answer is on its way
	exchanges  int
	lookups    int
	readings   int // of the origins
	now        func() time.Time
}

// book is one account: its pools, its leases and what was settled and is not charged yet.
type book struct {
	pools    accounting.Pools
	leases   []accounting.Lease
	unbooked []settlement
	deleted  bool

	charged accounting.Charged
}

type settlement struct {
	key, epoch string
	period     time.Time
	tokens     int64
}

var errDown = errors.New("the store is down")

// t0 is the first instant of a period of every account in UTC that resets on the 1st.
var t0 = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func newLedger() *memoryLedger {
	return &memoryLedger{
		replicas: 1,
		accounts: map[string]*book{},
		keys:     map[Hash]Key{},
		used:     map[string]map[time.Time]int64{},
		plans:    map[string]int64{},
		now:      func() time.Time { return t0 },
	}
}

// account opens an account with so many tokens a month and a key of the same name.
func (l *memoryLedger) account(id string, monthly int64) *memoryLedger {
	l.accounts[id] = &book{pools: accounting.Pools{Account: accounting.Account{ID: id, MonthlyTokens: &monthly, Status: accounting.Active}}}
	return l.key(Key{ID: "key_" + id, Account: id, Scope: ScopeCall})
}

// key stores a key whose secret is its id.
func (l *memoryLedger) key(k Key) *memoryLedger {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.keys[HashSecret(k.ID)] = k
	l.changed(ChangedKey, k.ID)
	return l
}

func (l *memoryLedger) changed(kind, id string) {
	l.changes = append(l.changes, Change{Seq: int64(len(l.changes) + 1), Kind: kind, ID: id})
}

// change edits an account.
func (l *memoryLedger) change(id string, edit func(*accounting.Account)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.accounts[id]
	edit(&b.pools.Account)
	b.deleted = !b.pools.Account.Live()
	b.pools.Roll(l.now(), l.plans)
	l.changed(ChangedAccount, id)
}

func (l *memoryLedger) purchase(id string, tokens int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.accounts[id]
	b.pools.Roll(l.now(), l.plans)
	b.pools.Purchase(accounting.Grant{ID: fmt.Sprint(len(b.pools.Grants)), Account: id, Tokens: tokens}, true, l.now())
	l.changed(ChangedAccount, id)
}

// settled takes a settlement to book later, as a journal does.
func (l *memoryLedger) settled(account string, s settlement) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.accounts[account]
	b.unbooked = append(b.unbooked, s)
}

// close ends the leases of a life.
func (l *memoryLedger) close(epoch string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, b := range l.accounts {
		b.leases = slices.DeleteFunc(b.leases, func(l accounting.Lease) bool { return l.Epoch == epoch })
	}
}

// book charges what was settled.
func (l *memoryLedger) book(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.accounts[id]
	b.pools.Roll(l.now(), l.plans)
	for _, s := range b.unbooked {
		c := b.pools.Charge(s.period, s.tokens, l.now())
		b.charged.Total += c.Total
		b.charged.Monthly += c.Monthly
		b.charged.Extra += c.Extra
		b.charged.Overdraft += c.Overdraft
		if l.used[s.key] == nil {
			l.used[s.key] = map[time.Time]int64{}
		}
		l.used[s.key][s.period] += s.tokens
		lending := accounting.Lending{Pools: &b.pools, Leases: b.leases}
		lending.Lease(s.period, s.epoch).Settled += s.tokens
		b.leases = lending.Leases
	}
	b.unbooked = nil
}

func (l *memoryLedger) call() error {
	l.mu.Lock()
	delay := l.delay
	l.mu.Unlock()
	if delay > 0 {
		time.Sleep(delay)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		return errDown
	}
	return nil
}

func (l *memoryLedger) Exchange(_ context.Context, ask Ask) (Lease, error) {
	if err := l.call(); err != nil {
		return Lease{}, err
	}
	if l.during != nil {
		defer l.during()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.exchanges++
	b := l.accounts[ask.Account]
	if b == nil || b.deleted {
		return Lease{}, accounting.ErrNotFound
	}
	b.pools.Roll(ask.Now, l.plans)
	lending := accounting.Lending{Pools: &b.pools, Leases: b.leases, Replicas: l.replicas, SliceTokensMax: 1_000_000}
	answer := lend(&lending, ask)
	b.leases = lending.Leases
	if l.loseAnswer {
		l.loseAnswer = false
		return Lease{}, errDown
	}
	return answer, nil
}

func (l *memoryLedger) GiveBack(ctx context.Context, asks []Ask) (map[string]Lease, error) {
	answers := map[string]Lease{}
	for _, ask := range asks {
		answer, err := l.Exchange(ctx, ask)
		switch {
		case err == nil:
			answers[ask.Account] = answer
		case !errors.Is(err, accounting.ErrNotFound):
			return nil, err
		}
	}
	return answers, nil
}

func lend(l *accounting.Lending, ask Ask) Lease {
	running := l.Pools.Running()
	if !ask.PeriodStart.IsZero() {
		own := l.Lease(ask.PeriodStart, ask.Epoch)
		if ask.Returned < own.Returned || ask.Spent < own.Spent || ask.Returned > ask.Granted {
			panic(fmt.Sprintf("BUG: counters went back: told %+v, known %+v", ask, *own))
		}
		own.Tell(ask.Granted, ask.Returned, ask.Spent)
		if ask.PeriodStart.Before(running.Start) { // no answer tells of this period any more: what is unheard of comes back
			own.Granted = max(ask.Granted, own.Returned+own.Spent)
		}
	}
	own := l.Lease(running.Start, ask.Epoch)
	target := own.Returned + own.Spent + ask.Need
	if ask.PeriodStart.Equal(running.Start) {
		target = ask.Granted + ask.Need
	}
	grown := l.Grow(ask.Epoch, target-own.Granted, ask.Last && !ask.Held)
	own.Granted += grown
	answer := Lease{
		Period: *running, Granted: own.Granted, Returned: own.Returned, Spent: own.Spent,
		Left: l.Left(), ExtraPurchased: l.Pools.Purchased(),
		Status: l.Pools.Account.Status, Admission: l.Pools.Account.Admission,
	}
	switch {
	case grown > 0 || own.Granted >= target || ask.Need == 0:
	case answer.Left.Monthly+answer.Left.Extra <= 0:
		answer.Verdict = Exhausted
	default:
		answer.Verdict = Busy
	}
	return answer
}

func (l *memoryLedger) Key(_ context.Context, hash Hash) (Key, bool, error) {
	if err := l.call(); err != nil {
		return Key{}, false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lookups++
	k, ok := l.keys[hash]
	if !ok {
		return Key{}, false, accounting.ErrNotFound
	}
	return k, !l.accounts[k.Account].deleted, nil
}

func (l *memoryLedger) Used(_ context.Context, key string, start time.Time) (int64, error) {
	if err := l.call(); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.used[key][start], nil
}

func (l *memoryLedger) Origins(context.Context) ([]string, error) {
	if err := l.call(); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readings++
	var all []string
	for _, k := range l.keys {
		if k.Live(l.now()) {
			all = append(all, k.Origins...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

func (l *memoryLedger) Changes(_ context.Context, after int64) ([]Change, int64, error) {
	if err := l.call(); err != nil {
		return nil, 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	newest := int64(len(l.changes))
	if after < 0 || after >= newest {
		return nil, newest, nil
	}
	some := l.changes[after:min(newest, after+1000)]
	return slices.Clone(some), some[len(some)-1].Seq, nil
}
