package policy

import (
	"context"
	"sync"
	"time"
)

const (
	// pollEach is how often the change feed is read; a change counts on every replica within a second.
	pollEach = 250 * time.Millisecond
	// originsEach is how often the origins are read even if no key was changed: keys expire.
	originsEach = 10 * time.Second
	// partingMax bounds how long Run gives leases back at its end.
	partingMax = 2 * time.Second
)

// Run hears of changes in the store and gives idle leases back. It returns nil when ctx has ended, after it
// has given back what is free; requests may still run, and their holds be settled.
func (g *Gate) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { g.follow(ctx) })
	work.Go(func() { g.sweep(ctx) })
	work.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingMax)
	defer cancel()
	g.tidy(ctx, 0)
	return nil
}

// Kick has the change feed read at once, after a change was made in this process. It does not wait for it.
func (g *Gate) Kick() {
	select {
	case g.kick <- struct{}{}:
	default:
	}
}

// follow reads the change feed, each pollEach and at each Kick.
func (g *Gate) follow(ctx context.Context) {
	tick := time.NewTicker(pollEach)
	defer tick.Stop()
	f := feed{gate: g, seq: -1}
	for {
		f.poll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-g.kick:
		}
	}
}

// feed is the place that was reached in the store's changes.
type feed struct {
	gate      *Gate
	seq       int64 // -1: nothing was heard yet
	originsAt time.Time
}

// poll applies what is new. When the store does not answer, the replica knows that it is blind.
func (f *feed) poll(life context.Context) {
	ctx, cancel := context.WithTimeout(life, storeTimeout)
	defer cancel()
	g := f.gate
	keysChanged := false
	for {
		changes, newest, err := g.keys.Changes(ctx, f.seq)
		if err != nil {
			if life.Err() == nil {
				g.down.Store(true)
			}
			return
		}
		g.down.Store(false)
		if f.seq < 0 || len(changes) == 0 && newest < f.seq {
			// What was read before the first look may have changed since, and a store that went back in time
			// counts anew.
			g.forgetAll()
			f.seq, keysChanged = newest, true
			break
		}
		for _, c := range changes {
			g.hear(c)
			keysChanged = keysChanged || c.Kind != ChangedPlans
			f.seq = c.Seq
		}
		if len(changes) == 0 {
			break
		}
	}
	if now := g.now(); keysChanged || now.Sub(f.originsAt) >= originsEach {
		if g.readOrigins(ctx) == nil {
			f.originsAt = now
		}
	}
}

func (g *Gate) hear(c Change) {
	switch c.Kind {
	case ChangedKey:
		g.keyring.dropKey(c.ID)
	case ChangedAccount:
		g.keyring.dropAccount(c.ID)
		if a := g.accounts.peek(c.ID); a != nil {
			a.mu.Lock()
			a.hear()
			a.mu.Unlock()
		}
	case ChangedPlans:
		g.plans.Add(1)
	}
}

// forgetAll has everything read again: keys, and the terms of all accounts. What they hold stays.
func (g *Gate) forgetAll() {
	g.keyring.purge()
	g.plans.Add(1)
}

// Preflight says whether the origin is one of a live key's. It asks the store only before Run has.
func (g *Gate) Preflight(ctx context.Context, origin string) bool {
	origins := g.origins.Load()
	if origins == nil {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		if g.readOrigins(ctx) != nil {
			return false
		}
		origins = g.origins.Load()
	}
	return (*origins)[origin]
}

func (g *Gate) readOrigins(ctx context.Context) error {
	list, err := g.keys.Origins(ctx)
	if err != nil {
		return err
	}
	origins := make(map[string]bool, len(list))
	for _, o := range list {
		origins[o] = true
	}
	g.origins.Store(&origins)
	return nil
}

// sweep gives back what idle accounts hold.
func (g *Gate) sweep(ctx context.Context) {
	tick := time.NewTicker(max(g.idleAfter/4, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			g.tidy(ctx, g.idleAfter)
			g.limits.tidy(g.now())
		}
	}
}

// tidy gives back what is free of older periods, and of accounts that had no request for idle. While the store
// is down it keeps them: they are what accounts go on from.
func (g *Gate) tidy(ctx context.Context, idle time.Duration) {
	for _, a := range g.accounts.awake() {
		if g.down.Load() || ctx.Err() != nil {
			return
		}
		g.tidyAccount(ctx, a, idle)
		g.accounts.rest(a)
	}
}

func (g *Gate) tidyAccount(ctx context.Context, a *account, idle time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := a.crumbs(); l != nil && a.exchanging == nil; l = a.crumbs() {
		if _, err := g.exchange(ctx, a, l, 0, false); err != nil {
			return
		}
	}
	if a.exchanging != nil || a.gone || a.lease == nil || !a.lease.restless() || g.now().Sub(a.usedAt) < idle {
		return
	}
	g.exchange(ctx, a, a.lease, 0, false)
}
