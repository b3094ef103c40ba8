package policy

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"
)

// Mode is how requests are admitted.
type Mode string

const (
	ModeHold    Mode = "hold"
	ModeStrict  Mode = "strict"
	ModeObserve Mode = "observe"
)

// Options are the operator's choices. The zero value of a field is its default.
type Options struct {
	// Epoch names the replica's first life; leases are counted under it.
	Epoch string
	// Mode is for accounts that have none of their own; hold.
	Mode Mode
	// HoldOutputTokens is what an estimate counts at most for one answer; 1024.
	HoldOutputTokens int64
	// StrictOutputTokens is the output limit that strict sets where a request has none; 4096.
	StrictOutputTokens int64
	// OnStoreDownServe lets known accounts go on from their leases while the store is down; false refuses everyone.
	OnStoreDownServe bool
	// KeysCached and AccountsCached bound the memory; 20,000 and 100,000. Accounts that hold something are kept beyond it.
	KeysCached, AccountsCached int
	// IdleAfter is how long an account has no request before its lease goes back; 2 s.
	IdleAfter time.Duration
	// Alone says that no other replica charges keys: what the store has of a key's use is then asked for once a period.
	Alone bool
	// Now is the clock; time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Mode == "" {
		o.Mode = ModeHold
	}
	if o.HoldOutputTokens == 0 {
		o.HoldOutputTokens = 1024
	}
	if o.StrictOutputTokens == 0 {
		o.StrictOutputTokens = 4096
	}
	if o.KeysCached == 0 {
		o.KeysCached = 20_000
	}
	if o.AccountsCached == 0 {
		o.AccountsCached = 100_000
	}
	if o.IdleAfter == 0 {
		o.IdleAfter = 2 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// storeTimeout bounds one call of the store. A client's leaving does not stop such a call.
const storeTimeout = 5 * time.Second

// Gate decides who may call and what they may spend. Its methods may be called concurrently.
type Gate struct {
	idleAfter time.Duration
	alone     bool
	now       func() time.Time
	options   atomic.Pointer[Options] // what Apply may change is read from here
	life      atomic.Pointer[life]

	credit   Credit
	keys     Keys
	keyring  *keyring
	accounts *accounts
	limits   *limits

	origins      atomic.Pointer[map[string]bool] // nil: not asked for yet
	originReads  singleflight.Group              // for origins that are not known
	originsAsked atomic.Pointer[time.Time]       // when the last of these began
	kick         chan struct{}
	// down is set when an exchange or the change feed can't be had, and cleared when the feed is heard again.
	down atomic.Bool
	// plans grows when all accounts have to look at their terms again.
	plans      atomic.Int64
	exchanges  atomic.Int64
	doubleEnds atomic.Int64
}

// New makes a gate. It starts nothing; changes in the store are heard only while Run runs.
func New(keys Keys, credit Credit, o Options) *Gate {
	o = o.withDefaults()
	g := &Gate{
		idleAfter: o.IdleAfter,
		alone:     o.Alone,
		now:       o.Now,
		credit:    credit,
		keys:      keys,
		keyring:   newKeyring(keys, o.KeysCached),
		accounts:  newAccounts(o.AccountsCached),
		limits:    newLimits(),
		kick:      make(chan struct{}, 1),
	}
	g.options.Store(&o)
	g.life.Store(&life{epoch: o.Epoch})
	return g
}

// Apply changes Mode, HoldOutputTokens, StrictOutputTokens and OnStoreDownServe, for requests that are admitted
// from now on. The other options are as New got them.
func (g *Gate) Apply(o Options) {
	o = o.withDefaults()
	g.options.Store(&o)
}

// Identify finds who shows a secret. Whatever is wrong with it (unknown, malformed, revoked, expired, its
// account deleted), the answer is the same *Denied and is found the same way. The Caller is shared: it must
// not be changed.
func (g *Gate) Identify(ctx context.Context, secret string) (*Caller, error) {
	now := g.now()
	c, err := g.keyring.find(ctx, HashSecret(secret), now)
	switch {
	case err != nil:
		return nil, unavailable("the key can't be looked up, since the store can't be reached")
	case c == nil || !c.accountLives || !c.Key.Live(now):
		return nil, invalidKey()
	}
	return c, nil
}

func (g *Gate) standing(ctx context.Context, c *Caller, now time.Time) (Standing, error) {
	a := g.accounts.lock(c.Key.Account)
	defer a.mu.Unlock()
	if err := g.learn(ctx, a, now); err != nil {
		return Standing{}, err
	}
	return a.standing(), nil
}

// Enter counts a request that costs nothing against its key's limits of rate and concurrency, or refuses it with a
// *Denied. leave must be called when it has ended.
func (g *Gate) Enter(ctx context.Context, c *Caller) (leave func(), err error) {
	now := g.now()
	if _, err := g.standing(ctx, c, now); err != nil {
		return nil, err
	}
	if !c.limited {
		return func() {}, nil
	}
	e, err := g.limits.enter(&c.Key, 0, now)
	if err != nil {
		return nil, err
	}
	leave = func() { g.limits.leave(e) }
	if err := g.limits.admitFree(e, now); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

// Admit sets tokens aside for a request, or says why not with a *Denied. The hold must be ended.
// It touches memory only, unless the account is new here or its lease has to grow.
func (g *Gate) Admit(ctx context.Context, c *Caller, n Need) (*Hold, error) {
	now := g.now()
	if g.down.Load() && !g.options.Load().OnStoreDownServe {
		return nil, unavailable("the store can't be reached")
	}
	n, err := n.under(c.Key.MaxOutputTokens)
	if err != nil {
		return nil, err
	}
	if c.limited {
		return g.admitLimited(ctx, c, n, now)
	}
	return g.hold(ctx, c, n, now)
}

func (g *Gate) hold(ctx context.Context, c *Caller, n Need, now time.Time) (*Hold, error) {
	a := g.accounts.lock(c.Key.Account)
	defer a.mu.Unlock()
	return g.take(ctx, a, n, now)
}

// admitLimited admits a request of a key with limits of its own. They are judged first, and booked for good
// only with the hold.
func (g *Gate) admitLimited(ctx context.Context, c *Caller, n Need, now time.Time) (*Hold, error) {
	e, err := g.limits.enter(&c.Key, n.estimate(g.options.Load().HoldOutputTokens), now)
	if err != nil {
		return nil, err
	}
	if err := g.underCap(ctx, e, c, now); err != nil {
		g.limits.leave(e)
		return nil, err
	}
	h, err := g.hold(ctx, c, n, now)
	if err != nil {
		g.limits.leave(e)
		return nil, err
	}
	if err := g.limits.admit(e, h, now); err != nil {
		h.undo()
		g.limits.leave(e)
		return nil, err
	}
	h.entry = e
	return h, nil
}

// Held is how many tokens running requests of the account hold here.
func (g *Gate) Held(account string) int64 {
	a := g.accounts.peek(account)
	if a == nil {
		return 0
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.held
}

// Stats are plain numbers of one moment.
type Stats struct {
	// Admitted = Settled + Released + Open, always.
	Admitted, Settled, Released, Open int64
	// Held is how many tokens the open holds hold; OldestHold is the age of the oldest of them.
	Held       int64
	OldestHold time.Duration
	// DoubleEnds counts ends of holds that had ended: each is a bug.
	DoubleEnds int64
	// Exchanges counts calls of Credit.
	Exchanges int64
	// Keys, UnknownKeys and Accounts are how many are remembered.
	Keys, UnknownKeys, Accounts int64
	// StoreDown says that the store was not heard of lately.
	StoreDown bool
}

// Stats looks at every account in memory, each under its own lock for a moment.
func (g *Gate) Stats() Stats {
	now := g.now()
	s, all := g.accounts.snapshot()
	s.DoubleEnds, s.Exchanges, s.StoreDown = g.doubleEnds.Load(), g.exchanges.Load(), g.down.Load()
	s.Keys, s.UnknownKeys = g.keyring.sizes()
	for _, a := range all {
		a.mu.Lock()
		s.Admitted += a.admitted
		s.Settled += a.settled
		s.Released += a.released
		s.Open += a.open
		s.Held += a.held
		if a.oldest != nil {
			s.OldestHold = max(s.OldestHold, now.Sub(a.oldest.at))
		}
		a.mu.Unlock()
	}
	return s
}
