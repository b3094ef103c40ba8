package policy

import (
	"context"
	"time"
)

const (
	// capLookEach is how often the store is asked what all replicas have used of a key's cap, while the key is in use.
	capLookEach = 500 * time.Millisecond
	// capLookMax is how old that may be for a request not to wait for it, and how long a request waits: when the
	// store is slow or away, it goes by what is known.
	capLookMax = time.Second
)

// underCap reserves a request's estimate under its key's cap. The cap counts in the account's period, so
// that has to be known first.
func (g *Gate) underCap(ctx context.Context, e *entry, c *Caller, now time.Time) error {
	if c.Key.MonthlyCap == nil {
		return nil
	}
	s, err := g.standing(ctx, c, now)
	if err != nil {
		return err
	}
	if err := g.lookAtUse(ctx, e, &c.Key, s.Period.Start, now); err != nil {
		return err
	}
	used, held, ok := g.limits.reserve(e, s.Period.Start, *c.Key.MonthlyCap)
	switch {
	case ok:
		return nil
	case used-held < *c.Key.MonthlyCap:
		return capHeld(&c.Key, held, s)
	}
	return overCap(&c.Key, used, s)
}

// lookAtUse sees to it that what the store has of the key's use is known, and new enough.
func (g *Gate) lookAtUse(ctx context.Context, e *entry, k *Key, start, now time.Time) error {
	at, _ := g.limits.asked(e, start)
	known, age := !at.IsZero(), now.Sub(at)
	if known && (g.alone || age < capLookEach || g.down.Load()) {
		return nil
	}
	looked := g.limits.looks.DoChan(k.ID+start.String(), func() (any, error) {
		return nil, g.readUse(context.WithoutCancel(ctx), e, k.ID, start)
	})
	if known && age < capLookMax {
		return nil
	}
	wait := storeTimeout
	if known {
		wait = capLookMax
	}
	enough := time.NewTimer(wait)
	defer enough.Stop()
	select {
	case got := <-looked:
		if got.Err == nil || known {
			return nil
		}
	case <-enough.C:
		if known {
			return nil
		}
	case <-ctx.Done():
	}
	return unavailable("what the key has used can't be looked up, since the store can't be reached")
}

// readUse asks the store. A settlement that comes while it answers may count twice, or one that was not journalled yet
// not at all, until it is asked again.
func (g *Gate) readUse(ctx context.Context, e *entry, key string, start time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	_, settled := g.limits.asked(e, start)
	used, err := g.keys.Used(ctx, key, start)
	if err == nil {
		g.limits.learn(e, start, used, settled, g.now())
	}
	return err
}
