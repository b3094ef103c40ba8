package policy

import (
	"context"
	"errors"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// failureKept is how long an account leaves the store alone after it failed to answer.
const failureKept = 250 * time.Millisecond

// telling is one account's part of a call to the store.
type telling struct {
	a     *account
	l     *lease // nil: nothing is known yet
	ask   Ask
	plans int64
	stale bool
}

// tell readies a call about an account: it gives back what is free of l, and asks for need. a.mu is held, and
// a.exchanging is nil until then, and again after heard.
func (g *Gate) tell(a *account, l *lease, need int64, last bool) *telling {
	t := &telling{a: a, l: l, plans: g.plans.Load(), stale: a.stale}
	t.ask = Ask{Account: a.id, Epoch: g.epochOf(l), Held: a.open > 0, Need: need, Last: last, Now: g.now()}
	if l != nil {
		l.giveBack()
		if need > 0 && t.ask.Now.Before(a.terms.period.End) {
			t.ask.Need += max(0, -l.free())
		}
		t.ask.PeriodStart, t.ask.Granted, t.ask.Returned, t.ask.Spent = l.start, l.granted, l.returned, l.spent
	}
	a.exchanging, a.stale, a.refusal = make(chan struct{}), false, refusal{}
	return t
}

// heard takes in how the call ended. a.mu is held. An account that the store does not know comes back as a.gone.
func (g *Gate) heard(t *telling, answer Lease, err error) (Verdict, error) {
	a := t.a
	close(a.exchanging)
	a.exchanging = nil
	switch {
	case t.ask.Epoch != g.epochOf(nil):
		return "", unavailable("this gateway begins anew with its store")
	case errors.Is(err, accounting.ErrNotFound):
		a.gone, a.lost, a.plans = true, false, t.plans
		return Granted, nil
	case err != nil:
		a.lost = a.lost || t.l == nil && t.ask.Need > 0
		a.stale = a.stale || t.stale
		a.failedTill = g.now().Add(failureKept)
		g.down.Store(true)
		return "", unavailable("the account's tokens can't be asked for, since the store can't be reached")
	}
	a.plans = t.plans
	a.learn(t.l, t.ask, answer)
	return answer.Verdict, nil
}

// exchange makes one call to the store about an account. a.mu is held at both ends, not during the call, and
// a.exchanging is nil at both.
func (g *Gate) exchange(ctx context.Context, a *account, l *lease, need int64, last bool) (Verdict, error) {
	t := g.tell(a, l, need, last)
	a.mu.Unlock()

	g.accounts.activate(a)
	g.exchanges.Add(1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	answer, err := g.credit.Exchange(ctx, t.ask)
	cancel()

	a.mu.Lock()
	return g.heard(t, answer, err)
}

// giveBack makes one call to the store about all that is told. No lock is held.
func (g *Gate) giveBack(ctx context.Context, all []*telling) (err error) {
	asks := make([]Ask, len(all))
	for i, t := range all {
		asks[i] = t.ask
	}
	g.exchanges.Add(1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	answers, failed := g.credit.GiveBack(ctx, asks)
	cancel()
	for _, t := range all {
		t.a.mu.Lock()
		answer, lives := answers[t.ask.Account]
		ended := failed
		if ended == nil && !lives {
			ended = accounting.ErrNotFound
		}
		if _, unheard := g.heard(t, answer, ended); unheard != nil {
			err = unheard
		}
		t.a.mu.Unlock()
	}
	return err
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
