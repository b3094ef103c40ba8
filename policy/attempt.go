package policy

import (
	"context"
	"time"
)

const (
	// refusalKept is how long the store's refusal is believed, unless a hold ends or a change is heard before.
	refusalKept = 50 * time.Millisecond
	// exchangesMax bounds the calls of one request: the terms, all it needs, the least it needs, and once more
	// when a hold ended meanwhile.
	exchangesMax = 4
	// waitMax bounds how long one request waits for those of others.
	waitMax = 2 * storeTimeout
)

// attempt is one request's way to its hold.
type attempt struct {
	gate    *Gate
	options *Options
	a       *account
	need    Need
	now     time.Time

	asked int     // exchanges so far
	own   refusal // what the store refused to this request
	last  bool    // the newest exchange gave the rest for one last request
}

// take sets tokens aside. a.mu is held, but not throughout: only while nobody waits for the store.
func (g *Gate) take(ctx context.Context, a *account, n Need, now time.Time) (*Hold, error) {
	t := attempt{gate: g, options: g.options.Load(), a: a, need: n, now: now}
	a.usedAt = now
	if g.life.Load().over(now) {
		return t.blind(unavailable("this gateway has not reached its store for so long that what it was lent may be lent to others"))
	}
	for {
		h, ask, err := t.look()
		if h != nil || err != nil {
			return h, err
		}
		switch {
		case t.now.Sub(now) > waitMax:
			return t.blind(unavailable("the store is too slow"))
		case t.now.Before(a.failedTill):
			return t.blind(unavailable("the account's tokens can't be asked for, since the store can't be reached"))
		case a.exchanging != nil:
			if err := a.wait(ctx); err != nil {
				return nil, err
			}
			t.now = g.now()
		default:
			if err := t.exchange(ctx, ask); err != nil {
				return t.blind(err)
			}
		}
	}
}

// look decides from memory: a hold, a refusal, or what to ask the store for.
func (t *attempt) look() (*Hold, Ask, error) {
	a, g := t.a, t.gate
	due := a.due(g, t.now)
	if due && a.lease == nil && !a.fresh { // what is granted now could not be told from what was spent before
		return nil, Ask{}, nil
	}
	if due && (t.asked < exchangesMax || a.lease == nil) { // of an account that is new here, the mode is a guess
		d, err := t.need.as(a.mode(t.options), t.options)
		if err != nil { // perhaps the mode is another by now
			return nil, Ask{}, nil
		}
		if t.own.covers(d.want) && !t.own.covers(d.least) { // asking for all would give back what it got instead
			return nil, Ask{Need: d.least}, nil
		}
		return nil, d.ask(), nil
	}
	if err := a.closed(); err != nil {
		return nil, Ask{}, err
	}
	d, err := t.need.as(a.mode(t.options), t.options)
	if err != nil {
		return nil, Ask{}, err
	}
	free := a.lease.free()
	switch {
	case free >= d.want:
		return t.hold(d, d.want), Ask{}, nil
	case d.mode == ModeHold && t.last && free > 0 && a.open == 0:
		return t.hold(d, free), Ask{}, nil
	case d.mode == ModeObserve && (t.refused(d.want) || t.now.Before(a.refusedTill)):
		return t.hold(d, d.want), Ask{}, nil
	case !t.refused(d.want):
		return nil, d.ask(), nil
	case d.mode == ModeStrict && free >= d.least:
		d = t.need.lowered(d, free)
		return t.hold(d, d.want), Ask{}, nil
	case !t.refused(d.least):
		return nil, Ask{Need: d.least}, nil
	}
	return nil, Ask{}, a.deny(d)
}

// ask is how the whole of a demand is asked for.
func (d demand) ask() Ask { return Ask{Need: d.want, Last: d.mode == ModeHold} }

// refused says that there is no use in asking for so much, or no more patience.
func (t *attempt) refused(need int64) bool {
	return t.asked >= exchangesMax || t.own.covers(need) || t.now.Before(t.a.refusedTill) && t.a.refusal.covers(need)
}

// exchange asks the store and remembers its refusal, unless a hold ended meanwhile or a change was heard.
func (t *attempt) exchange(ctx context.Context, ask Ask) error {
	a, g := t.a, t.gate
	if l := a.crumbs(); l != nil {
		if _, err := g.exchange(ctx, a, l, 0, false); err != nil {
			return err
		}
	}
	ends := a.ends
	verdict, err := g.exchange(ctx, a, a.lease, ask.Need, ask.Last)
	t.now = g.now()
	if err != nil {
		return err
	}
	t.asked++
	t.last = ask.Last && verdict == Granted
	if verdict != Granted && a.ends == ends && ask.Need > 0 {
		t.own = refusal{need: ask.Need, empty: verdict == Exhausted}
		if !a.stale {
			a.refusal, a.refusedTill = t.own, t.now.Add(refusalKept)
		}
	}
	return nil
}

// blind is what happens when the store can't be asked: only observe goes on, with an account and a period that
// it knows.
func (t *attempt) blind(err error) (*Hold, error) {
	a := t.a
	if a.lease == nil || a.mode(t.options) != ModeObserve || !t.options.OnStoreDownServe || a.closed() != nil ||
		!t.now.Before(a.terms.period.End) {
		return nil, err
	}
	d, _ := t.need.as(ModeObserve, t.options)
	return t.hold(d, d.want), nil
}

func (t *attempt) hold(d demand, tokens int64) *Hold {
	h := &Hold{Epoch: t.a.lease.epoch, Held: tokens, gate: t.gate, at: t.now}
	if t.need.Choices > 0 && d.limit != t.need.OutputLimit {
		h.OutputLimit = d.limit
	}
	t.a.add(h)
	return h
}
