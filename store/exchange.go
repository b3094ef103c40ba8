package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// Exchange gives back what a replica has free of an account and lends it what it needs. A life that was closed is
// lent nothing and books nothing.
func (s *Store) Exchange(ctx context.Context, ask policy.Ask) (policy.Lease, error) {
	ask.PeriodStart, ask.Now = whole(ask.PeriodStart), whole(ask.Now)
	var answer policy.Lease
	err := s.write(ctx, func(t *tx) (err error) {
		answer, err = t.exchange(ask, s.sliceTokensMax)
		return err
	})
	if err != nil {
		return policy.Lease{}, fmt.Errorf("exchange for %s: %w", ask.Account, err)
	}
	return answer, nil
}

func (t *tx) exchange(ask policy.Ask, sliceTokensMax int64) (policy.Lease, error) {
	b, err := t.living(ask.Account)
	if err != nil {
		return policy.Lease{}, err
	}
	had, err := t.leases(ask.Account, ask.Epoch)
	if err != nil {
		return policy.Lease{}, err
	}
	if err := t.fill(b, earliest(had, ask), ask.Now); err != nil {
		return policy.Lease{}, err
	}
	closed, replicas, err := t.replicas(ask.Epoch, ask.Now)
	if err != nil {
		return policy.Lease{}, err
	}
	l := accounting.Lending{Pools: b.pools, Leases: slices.Clone(had), Replicas: replicas, SliceTokensMax: sliceTokensMax}
	enough := false
	if !closed {
		enough = lend(&l, ask)
		if err := t.saveLeases(ask.Account, had, l.Leases); err != nil {
			return policy.Lease{}, err
		}
	}
	return answer(l, ask, enough), nil
}

// lend books what the replica tells and lets its lease of the running period grow; it says whether that is enough.
func lend(l *accounting.Lending, ask policy.Ask) (enough bool) {
	running := l.Pools.Running().Start
	if !ask.PeriodStart.IsZero() {
		told := l.Lease(ask.PeriodStart, ask.Epoch)
		if ask.PeriodStart.Equal(running) {
			told.Tell(ask.Granted, ask.Returned, ask.Spent)
		} else {
			told.TellPast(ask.Granted, ask.Returned, ask.Spent)
		}
	}
	own := l.Lease(running, ask.Epoch)
	target := own.Returned + own.Spent + ask.Need
	if ask.PeriodStart.Equal(running) { // what runs on the replica is known to it alone
		target = ask.Granted + ask.Need
	}
	grown := l.Grow(ask.Epoch, target-own.Granted, ask.Last && !ask.Held)
	own.Granted += grown
	return grown > 0 || own.Granted >= target
}

func answer(l accounting.Lending, ask policy.Ask, enough bool) policy.Lease {
	own := l.Lease(l.Pools.Running().Start, ask.Epoch)
	a := policy.Lease{
		Period: *l.Pools.Running(), Granted: own.Granted, Returned: own.Returned, Spent: own.Spent,
		Left: l.Left(), ExtraPurchased: l.Pools.Purchased(),
		Status: l.Pools.Account.Status, Admission: l.Pools.Account.Admission,
	}
	switch {
	case enough || ask.Need == 0:
	case a.Left.Monthly+a.Left.Extra <= 0:
		a.Verdict = policy.Exhausted
	default:
		a.Verdict = policy.Busy
	}
	return a
}

// earliest is the start of the oldest period that a lease belongs to, the one that is told of now too: what was
// spent in a period that is not loaded would count against the running one.
func earliest(leases []accounting.Lease, ask policy.Ask) time.Time {
	oldest := ask.Now
	if !ask.PeriodStart.IsZero() && ask.PeriodStart.Before(oldest) {
		oldest = ask.PeriodStart
	}
	for _, l := range leases {
		if l.PeriodStart.Before(oldest) {
			oldest = l.PeriodStart
		}
	}
	return oldest
}

// leases are those of the account with anything outstanding or unsettled, and the epoch's own.
func (t *tx) leases(account, epoch string) ([]accounting.Lease, error) {
	return list(t, func(r row) (l accounting.Lease, err error) {
		err = r.Scan(asInstant{&l.PeriodStart}, &l.Epoch, &l.Granted, &l.Returned, &l.Spent, &l.Settled)
		return l, err
	}, `SELECT period_start, epoch, granted, returned, spent, settled FROM lease
		WHERE account = $1 AND (epoch = $2 OR granted - returned > settled OR spent > settled)`, account, epoch)
}

// saveLeases stores the leases that are not as they were. What the store settled is not its caller's to change.
func (t *tx) saveLeases(account string, had, have []accounting.Lease) error {
	for _, l := range have {
		if slices.Contains(had, l) || l.Granted == 0 && l.Returned == 0 && l.Spent == 0 {
			continue
		}
		err := t.exec(`INSERT INTO lease (account, period_start, epoch, granted, returned, spent, settled) VALUES ($1, $2, $3, $4, $5, $6, 0)
			ON CONFLICT (account, period_start, epoch) DO UPDATE SET granted = excluded.granted, returned = excluded.returned, spent = excluded.spent`,
			account, micros(l.PeriodStart), l.Epoch, l.Granted, l.Returned, l.Spent)
		if err != nil {
			return err
		}
	}
	return nil
}
