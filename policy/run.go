package policy

import (
	"context"
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

// tidy gives back what is free of older periods, and of accounts that had no request for idle. While the store
// is down it keeps them: they are what accounts go on from. What a life that is over was lent is not its to give back.
func (g *Gate) tidy(ctx context.Context, idle time.Duration) {
	for _, a := range g.accounts.awake() {
		if g.down.Load() || ctx.Err() != nil || g.Over() {
			return
		}
		if err := g.tidyAccount(ctx, a, idle); err != nil {
			return // the store is down, as g.down says by now
		}
		g.accounts.rest(a)
	}
}

func (g *Gate) tidyAccount(ctx context.Context, a *account, idle time.Duration) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for l := a.crumbs(); l != nil && a.exchanging == nil; l = a.crumbs() {
		if _, err := g.exchange(ctx, a, l, 0, false); err != nil {
			return err
		}
	}
	if a.exchanging != nil || a.gone || a.lease == nil || !a.lease.restless() || g.now().Sub(a.usedAt) < idle {
		return nil
	}
	_, err := g.exchange(ctx, a, a.lease, 0, false)
	return err
}
