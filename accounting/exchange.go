package accounting

import "time"

// Lease is what one life of a replica may spend of an account in one period without asking the store. Its
// counters only ever grow, so each may be told again.
type Lease struct {
	PeriodStart time.Time
	Epoch       string
	// Granted was handed out, Returned of it came back unused; Spent is what the replica said that it charged,
	// Settled what of that the store has booked.
	Granted, Returned, Spent, Settled int64
}

// Outstanding is what may still be charged against the lease.
func (l Lease) Outstanding() int64 { return max(0, l.Granted-l.Returned-max(0, l.Settled)) }

// unsettled is what was charged and is still in a journal.
func (l Lease) unsettled() int64 { return max(0, l.Spent-l.Settled) }

// Tell books what the replica says of its lease. Facts are booked: what it spent beyond the grant counts as
// granted, and so does what it was granted by a store that has since gone back in time.
func (l *Lease) Tell(granted, returned, spent int64) {
	l.Returned = max(l.Returned, returned)
	l.Spent = max(l.Spent, spent)
	l.Granted = max(l.Granted, granted, l.Returned+l.Spent)
}

// TellPast is Tell for a period that is over: what a lost answer granted of it, the replica will never hear of, so that
// is back.
func (l *Lease) TellPast(granted, returned, spent int64) {
	l.Tell(granted, returned, spent)
	heard := max(granted, returned+spent)
	l.Returned = max(l.Returned, l.Granted-heard+returned)
}

// Lending is an account as an exchange sees it, under the account's lock.
type Lending struct {
	// Pools are rolled to now and hold every period that a lease belongs to.
	Pools *Pools
	// Leases are those of all replicas with anything outstanding or unsettled, and the asking one's.
	Leases []Lease
	// Replicas is how many live ones share the account; SliceTokensMax bounds what one gets when there are several.
	Replicas, SliceTokensMax int64
}

// sliceTokensWhole is what is handed out whole, however many replicas there are.
const sliceTokensWhole = 4096

// Available is what may be lent: both pools, less what is outstanding of the running period, less what the
// outstanding leases of earlier periods can still draw from the extra pool. Below 0 after an overspend.
func (l Lending) Available() int64 {
	balance := l.Pools.Balance()
	running, draw := l.claims(Lease.Outstanding)
	return balance.Monthly + balance.Extra - running - min(balance.Extra, draw)
}

// Left is what the pools hold once all is booked that replicas told of; never below 0.
func (l Lending) Left() Amounts {
	left := l.Pools.Balance()
	running, draw := l.claims(Lease.unsettled)
	left.Extra -= min(left.Extra, draw)
	monthly := min(left.Monthly, running)
	left.Monthly -= monthly
	left.Extra -= min(left.Extra, running-monthly)
	return left
}

// claims sums a count of the leases: over the running period, and over each earlier one what goes beyond the rest
// of its own monthly pool.
func (l Lending) claims(count func(Lease) int64) (running, draw int64) {
	var earlier map[*Period]int64
	for _, lease := range l.Leases {
		switch p := l.Pools.Period(lease.PeriodStart); {
		case p == l.Pools.Running():
			running += count(lease)
		default:
			if earlier == nil {
				earlier = map[*Period]int64{}
			}
			earlier[p] += count(lease)
		}
	}
	for p, n := range earlier {
		draw += max(0, n-p.Remaining())
	}
	return running, draw
}

// Lease finds the lease of an epoch in a period; it adds one if there is none. The pointer holds until the next call.
func (l *Lending) Lease(start time.Time, epoch string) *Lease {
	for i := range l.Leases {
		if l.Leases[i].Epoch == epoch && l.Leases[i].PeriodStart.Equal(start) {
			return &l.Leases[i]
		}
	}
	l.Leases = append(l.Leases, Lease{PeriodStart: start, Epoch: epoch})
	return &l.Leases[len(l.Leases)-1]
}

// Grow is how much an exchange adds to the lease of an epoch that needs tokens more; 0 refuses. last says that the
// rest will do for one last request, and that nothing of the account runs on the asking replica.
func (l Lending) Grow(epoch string, need int64, last bool) int64 {
	available := l.Available()
	switch {
	case need <= 0 || available <= 0:
		return 0
	case available >= need:
		return l.slice(available, need)
	case last && !l.outstandingElsewhere(epoch):
		return available
	}
	return 0
}

func (l Lending) slice(available, need int64) int64 {
	if l.Replicas <= 1 || available <= sliceTokensWhole {
		return available
	}
	return max(need, min(available/(2*l.Replicas), l.SliceTokensMax))
}

func (l Lending) outstandingElsewhere(epoch string) bool {
	for _, lease := range l.Leases {
		if lease.Epoch != epoch && lease.Outstanding() > 0 {
			return true
		}
	}
	return false
}
