package policy

import "time"

// life is the epoch under which this replica's leases are counted, and how long they are its own.
type life struct {
	epoch string
	until time.Time // zero: as long as the process lives
}

// over says that what the life was lent may be lent to others by now. A process that was stopped finds the time on the
// monotonic clock, one whose machine was suspended on the other.
func (l *life) over(now time.Time) bool {
	return !l.until.IsZero() && (!now.Before(l.until) || !now.Round(0).Before(l.until.Round(0)))
}

// Extend lets the leases of this life be spent until an instant, which time.Now has given or led to. Afterwards no
// request is admitted on them, except by observe, until the life is extended again or another one begins.
func (g *Gate) Extend(until time.Time) {
	g.life.Store(&life{epoch: g.life.Load().epoch, until: until})
}

// Over says that the time of Extend has passed.
func (g *Gate) Over() bool { return g.life.Load().over(g.now()) }

// Renew begins another life: what the last one was lent is forgotten, and never told of again. Requests that run
// go on, and their events belong to the life that admitted them. It must not be called beside Extend.
func (g *Gate) Renew(epoch string, until time.Time) {
	g.life.Store(&life{epoch: epoch, until: time.Unix(0, 0)}) // over until all that was lent is forgotten
	_, all := g.accounts.snapshot()
	for _, a := range all {
		a.mu.Lock()
		a.endLeases(epoch)
		a.mu.Unlock()
	}
	g.life.Store(&life{epoch: epoch, until: until})
}

// endLeases forgets the leases of other lives than one.
func (a *account) endLeases(epoch string) {
	if a.lease != nil && a.lease.epoch != epoch {
		a.lease, a.past = nil, nil
	}
}

// epochOf is the life that lent l, and the running one where nothing is lent yet.
func (g *Gate) epochOf(l *lease) string {
	if l != nil {
		return l.epoch
	}
	return g.life.Load().epoch
}
