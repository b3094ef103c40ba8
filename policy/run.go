package policy

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// pollEach is how often the change feed is read; a change counts on every replica within a second.
	pollEach = 250 * time.Millisecond
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

// together is how many accounts give back in one call: their locks in the store are held at once.
const together = 32

// tidy gives back what is free of older periods, and of accounts that had no request for idle. While the store
// is down it keeps them: they are what accounts go on from. What a life that is over was lent is not its to give back.
func (g *Gate) tidy(ctx context.Context, idle time.Duration) {
	for some := range slices.Chunk(g.accounts.awake(), together) {
		for owing := g.owing(some, idle); len(owing) > 0; owing = g.owing(some, idle) {
			if err := g.giveBack(ctx, owing); err != nil || ctx.Err() != nil {
				return // the store is down, as g.down says by now
			}
		}
		for _, a := range some {
			g.accounts.rest(a)
		}
	}
}

// owing readies what some accounts have to give back of one lease each, as long as the store can be told.
func (g *Gate) owing(some []*account, idle time.Duration) (all []*telling) {
	for _, a := range some {
		if g.down.Load() || g.Over() {
			return all
		}
		a.mu.Lock()
		if l, owes := a.owes(g.now(), idle); owes {
			all = append(all, g.tell(a, l, 0, false))
		}
		a.mu.Unlock()
	}
	return all
}

// owes says whether the store has to hear of the account, and of which lease, nil when it has to say what it granted.
func (a *account) owes(now time.Time, idle time.Duration) (*lease, bool) {
	if a.exchanging != nil || a.gone {
		return nil, false
	}
	if l := a.crumbs(); l != nil {
		return l, true
	}
	return a.lease, now.Sub(a.usedAt) >= idle && (a.lost || a.lease != nil && a.lease.restless())
}
