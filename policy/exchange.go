package policy

import (
	"context"
	"errors"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// failureKept is how long an account leaves the store alone after it failed to answer.
const failureKept = 250 * time.Millisecond

// exchange makes one call to the store about an account: gives back what is free of l, which is nil when
// nothing is known yet, and asks for need. a.mu is held at both ends, not during the call, and
// a.exchanging is nil at both. An account that the store does not know comes back as a.gone.
func (g *Gate) exchange(ctx context.Context, a *account, l *lease, need int64, last bool) (Verdict, error) {
	ask := Ask{Account: a.id, Epoch: g.epochOf(l), Held: a.open > 0, Need: need, Last: last, Now: g.now()}
	if l != nil {
		l.giveBack()
		if need > 0 && ask.Now.Before(a.terms.period.End) {
			ask.Need += max(0, -l.free())
		}
		ask.PeriodStart, ask.Granted, ask.Returned, ask.Spent = l.start, l.granted, l.returned, l.spent
	}
	ended, plans, stale := make(chan struct{}), g.plans.Load(), a.stale
	a.exchanging, a.stale, a.refusal = ended, false, refusal{}
	a.mu.Unlock()

	g.accounts.activate(a)
	g.exchanges.Add(1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	answer, err := g.credit.Exchange(ctx, ask)
	cancel()
	now := g.now()

	a.mu.Lock()
	a.exchanging = nil
	close(ended)
	switch {
	case ask.Epoch != g.epochOf(nil):
		return "", unavailable("this gateway begins anew with its store")
	case errors.Is(err, accounting.ErrNotFound):
		a.gone, a.plans = true, plans
		return Granted, nil
	case err != nil:
		a.stale = a.stale || stale
		a.failedTill = now.Add(failureKept)
		g.down.Store(true)
		return "", unavailable("the account's tokens can't be asked for, since the store can't be reached")
	}
	a.plans = plans
	a.learn(l, ask, answer)
	return answer.Verdict, nil
}

// wait gives the lock up until the running exchange has ended.
func (a *account) wait(ctx context.Context) error {
	ended := a.exchanging
	a.mu.Unlock()
	defer a.mu.Lock()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return unavailable("the client left before the store had answered")
	}
}

// learn sees to it that the account's terms are known and that it is served. a.mu is held, but not throughout.
func (g *Gate) learn(ctx context.Context, a *account, now time.Time) error {
	for asked := 0; a.due(g, now) && (asked < exchangesMax || a.lease == nil); {
		switch {
		case now.Before(a.failedTill):
			return unavailable("the account can't be looked up, since the store can't be reached")
		case a.exchanging != nil:
			if err := a.wait(ctx); err != nil {
				return err
			}
		default:
			asked++
			if _, err := g.exchange(ctx, a, a.lease, 0, false); err != nil {
				return err
			}
		}
		now = g.now()
	}
	return a.closed()
}
