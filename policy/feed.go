package policy

import (
	"context"
	"time"
)

// feed is the place that was reached in the store's changes.
type feed struct {
	gate      *Gate
	seq       int64 // -1: nothing was heard yet
	originsAt time.Time
}

// blindAfter is how long the store may take to tell of changes: what is known is too old then to be relied on.
const blindAfter = time.Second

// poll applies what is new. When the store does not answer, the replica knows that it is blind.
func (f *feed) poll(life context.Context) {
	ctx, cancel := context.WithTimeout(life, storeTimeout)
	defer cancel()
	g := f.gate
	blind := time.AfterFunc(blindAfter, func() { g.down.Store(true) })
	defer blind.Stop()
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
		if len(changes) > 0 && changes[0].Seq > f.seq+1 { // those in between were deleted before they were heard
			g.forgetAll()
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
