package policy

import (
	"slices"
	"sync"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// account is what this replica knows of an account. Its lock is held for arithmetic only: whoever calls the
// store gives it up meanwhile, and closes exchanging afterwards.
type account struct {
	id string
	mu sync.Mutex // guards all below

	lease *lease   // of the running period; nil: nothing is known yet
	past  []*lease // of older periods, as long as something of them runs or has to go back
	// Without a lease: fresh says that this life has had none of the account, lost that a lost answer may have granted one.
	fresh, lost bool

	terms terms
	stale bool  // a change was heard
	plans int64 // Gate.plans at the last look at the terms
	gone  bool  // the store knows no such account

	exchanging  chan struct{} // closed when the running exchange ends; nil: none runs
	refusal     refusal
	refusedTill time.Time // how long refusal is believed
	failedTill  time.Time // how long the store is left alone

	held, open, ends            int64 // the sum of all holds, their number, and how many ended so far
	admitted, settled, released int64
	oldest, newest              *Hold // list of the open holds, in order of admission

	usedAt  time.Time // the last Admit
	evicted bool      // out of memory: look it up again
}

// terms are the store's last answer, so far as it outlives the exchange.
type terms struct {
	period         accounting.Period
	left           accounting.Amounts
	extraPurchased int64
	status         accounting.Status
	admission      string
	spent          int64 // what the answer knew of lease.spent
}

// lease is tokens that may be spent here without asking, in one period. Its counters are the epoch's totals
// and only grow, except held and open.
type lease struct {
	epoch                          string
	start                          time.Time // of the period
	granted, returned, spent, held int64
	open                           int64 // holds
	untold                         bool  // the store may not have heard what it was last told
}

// free may be negative: by what requests took beyond their estimates.
func (l *lease) free() int64 { return l.granted - l.returned - l.spent - l.held }

// overspent is what requests took beyond all that was granted.
func (l *lease) overspent() int64 { return max(0, l.returned+l.spent-l.granted) }

// restless says that the store has to hear of the lease: something goes back, or more was spent than granted.
func (l *lease) restless() bool { return l.untold || l.free() > 0 || l.overspent() > 0 }

// giveBack readies the lease for an exchange: all that is free goes back, and what was overspent counts as
// granted, as it does in the store. What is missing to cover the holds is left as a negative free.
func (l *lease) giveBack() {
	l.returned += max(0, l.free())
	l.granted += l.overspent()
	l.untold = true
}

// refusal is the store's no to a need and to every larger one; the zero value covers nothing.
type refusal struct {
	need  int64
	empty bool // no to every need
}

func (r refusal) covers(need int64) bool { return r.empty || r.need > 0 && need >= r.need }

// due says that the terms have to be learned before anything is decided.
func (a *account) due(g *Gate, now time.Time) bool {
	if a.stale || a.plans != g.plans.Load() {
		return true
	}
	return !a.gone && (a.lease == nil || !now.Before(a.terms.period.End))
}

// closed says why the account serves nothing at all.
func (a *account) closed() error {
	switch {
	case a.gone:
		return invalidKey()
	case a.terms.status == accounting.Suspended:
		return suspended()
	}
	return nil
}

// mode is the account's own, else the gateway's.
func (a *account) mode(o *Options) Mode {
	if a.terms.admission != "" {
		return Mode(a.terms.admission)
	}
	return o.Mode
}

// standing is the last answer, less what was spent here since.
func (a *account) standing() Standing {
	t := &a.terms
	since := max(0, a.lease.spent-t.spent)
	monthly := max(0, t.left.Monthly-since)
	return Standing{
		Period:         t.period,
		Used:           max(t.period.Used, t.period.Total-monthly),
		Monthly:        monthly,
		Extra:          max(0, t.left.Extra-max(0, since-t.left.Monthly)),
		ExtraPurchased: t.extraPurchased,
	}
}

// deny is the refusal for a demand that neither the lease nor the store can meet.
func (a *account) deny(d demand) error {
	s := a.standing()
	switch {
	case s.Left() <= 0:
		return empty(s)
	case d.mode == ModeStrict && s.Left() < d.least:
		return tooFew(s, d.least)
	}
	return held(s)
}

// hear takes in that the account was changed in the store.
func (a *account) hear() {
	a.stale, a.refusal, a.failedTill = true, refusal{}, time.Time{}
}

// learn takes in the store's answer to an ask that told of l, which is nil when nothing was known.
func (a *account) learn(l *lease, ask Ask, answer Lease) {
	if l != nil {
		l.untold = false
	}
	current := a.lease
	if current == nil || !current.start.Equal(answer.Period.Start) {
		next := &lease{epoch: ask.Epoch, start: answer.Period.Start}
		if current == nil && a.fresh {
			next.spent = answer.Spent
		} else if current == nil {
			// An account goes out of memory only with nothing free and nothing held, so what this epoch
			// still has of it was spent.
			next.spent = max(answer.Spent, answer.Granted-answer.Returned)
		} else {
			a.past = append(a.past, current)
		}
		a.lease, a.terms.spent = next, next.spent
	} else if current == l {
		a.terms.spent = ask.Spent
	}
	// Less than we know: the store went back in time. More: an answer was lost.
	a.lease.granted = max(a.lease.granted, answer.Granted)
	a.lease.returned = max(a.lease.returned, answer.Returned)
	a.terms.period, a.terms.left, a.terms.extraPurchased = answer.Period, answer.Left, answer.ExtraPurchased
	a.terms.status, a.terms.admission = answer.Status, answer.Admission
	a.gone, a.lost, a.failedTill = false, false, time.Time{}
}

// crumbs is a lease of an older period of which something has to go back, nil when there is none.
func (a *account) crumbs() *lease {
	if a.gone {
		return nil
	}
	a.past = slices.DeleteFunc(a.past, func(l *lease) bool { return l.open == 0 && !l.restless() })
	for _, l := range a.past {
		if l.restless() {
			return l
		}
	}
	return nil
}

// resting says that the store has nothing to hear of the account, and nothing of it runs here.
func (a *account) resting() bool {
	return a.open == 0 && a.exchanging == nil && !a.lost && a.crumbs() == nil && (a.lease == nil || a.gone || !a.lease.restless())
}

// add sets tokens of the running period's lease aside.
func (a *account) add(h *Hold) {
	h.account, h.lease = a, a.lease
	h.Standing = a.standing()
	h.Period = h.Standing.Period
	a.lease.held += h.Held
	a.lease.open++
	a.held += h.Held
	a.open++
	a.admitted++
	h.older = a.newest
	if a.newest == nil {
		a.oldest = h
	} else {
		a.newest.newer = h
	}
	a.newest = h
}

// drop ends a hold, and with it what the store's refusals rested on.
func (a *account) drop(h *Hold) {
	h.ended = true
	h.lease.held -= h.Held
	h.lease.open--
	a.held -= h.Held
	a.open--
	a.ends++
	a.refusal = refusal{}
	if h.older == nil {
		a.oldest = h.newer
	} else {
		h.older.newer = h.newer
	}
	if h.newer == nil {
		a.newest = h.older
	} else {
		h.newer.older = h.older
	}
	h.older, h.newer = nil, nil
}
