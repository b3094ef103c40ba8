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
	answers, err := s.exchange(ctx, []policy.Ask{ask})
	answer, lives := answers[ask.Account]
	if err == nil && !lives {
		err = accounting.ErrNotFound
	}
	if err != nil {
		return policy.Lease{}, fmt.Errorf("exchange for %s: %w", ask.Account, err)
	}
	return answer, nil
}

// GiveBack is Exchange for many accounts of one life in one transaction.
func (s *Store) GiveBack(ctx context.Context, asks []policy.Ask) (map[string]policy.Lease, error) {
	answers, err := s.exchange(ctx, asks)
	if err != nil {
		return nil, fmt.Errorf("give back leases of %d accounts: %w", len(asks), err)
	}
	return answers, nil
}

func (s *Store) exchange(ctx context.Context, asks []policy.Ask) (answers map[string]policy.Lease, err error) {
	if len(asks) == 0 {
		return nil, nil
	}
	asks = slices.Clone(asks)
	for i := range asks {
		asks[i].PeriodStart, asks[i].Now = whole(asks[i].PeriodStart), whole(asks[i].Now)
	}
	err = s.write(ctx, func(t *tx) (err error) {
		answers, err = t.exchange(asks, s.sliceTokensMax)
		return err
	})
	return answers, err
}

// exchange answers asks of one life about different accounts; those that do not live are missing. It waits for the
// database twice, however many there are: for all that it goes by, and for the commit.
func (t *tx) exchange(asks []policy.Ask, sliceTokensMax int64) (map[string]policy.Lease, error) {
	ids := make([]string, len(asks))
	for i := range asks {
		ids[i] = asks[i].Account
	}
	slices.Sort(ids)
	epoch, l, leases := asks[0].Epoch, life{}, map[string][]accounting.Lease{}
	more := append(leasesQuery.queries(t, leasesTo(leases), []any{epoch}, arguments(ids)), t.lifeTo(&l, epoch, asks[0].Now))
	books, plans, err := t.load(ids, &lentPeriodsQuery, []any{micros(earliest(asks)), epoch}, more...)
	if err != nil {
		return nil, err
	}
	answers := make(map[string]policy.Lease, len(asks))
	var rolled []*book
	var grown []any
	for _, ask := range asks {
		b, had := books[ask.Account], leases[ask.Account]
		if b == nil || !b.account.Live() {
			continue
		}
		b.roll(ask.Now, plans)
		if len(b.pools.Entries) > 0 {
			rolled = append(rolled, b)
		}
		lending := accounting.Lending{Pools: b.pools, Leases: slices.Clone(had), Replicas: max(1, l.live), SliceTokensMax: sliceTokensMax}
		enough := false
		if !l.closed() {
			enough = lend(&lending, ask)
			grown = changedLeases(grown, ask.Account, had, lending.Leases)
		}
		answers[ask.Account] = answer(lending, ask, enough)
	}
	if err := leasesUpsert.exec(t, grown); err != nil {
		return nil, err
	}
	return answers, t.save(rolled...)
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

// earliest is the oldest instant that is asked about.
func earliest(asks []policy.Ask) time.Time {
	oldest := asks[0].Now
	for _, ask := range asks {
		for _, at := range []time.Time{ask.Now, ask.PeriodStart} {
			if !at.IsZero() && at.Before(oldest) {
				oldest = at
			}
		}
	}
	return oldest
}

// toldOf says which leases of an account count: those with anything outstanding or unsettled, and a life's own.
const toldOf = `granted - returned > settled OR spent > settled OR epoch = $`

var leasesQuery = bulk{
	head: `SELECT account, period_start, epoch, granted, returned, spent, settled FROM lease WHERE (` + toldOf + `1) AND account IN (`,
	tail: `)`, types: "t", fixed: 1,
}

// lentPeriodsQuery finds those of periodsQuery and every one that a lease belongs to: what was spent in a period that
// is not loaded would count against the running one.
var lentPeriodsQuery = bulk{
	head: periodsOf + ` OR period_end > (SELECT MIN(lease.period_start) FROM lease
		WHERE lease.account = account_period.account AND (` + toldOf + `2))) AND account IN (`,
	tail: `) ORDER BY account, period_start`, types: "t", fixed: 2,
}

func leasesTo(leases map[string][]accounting.Lease) func(row) error {
	return func(r row) error {
		var account string
		var l accounting.Lease
		err := r.Scan(&account, asInstant{&l.PeriodStart}, &l.Epoch, &l.Granted, &l.Returned, &l.Spent, &l.Settled)
		leases[account] = append(leases[account], l)
		return err
	}
}

// What the store settled is not an exchange's to change.
var leasesUpsert = bulk{
	head: `INSERT INTO lease (account, period_start, epoch, granted, returned, spent, settled) `,
	tail: ` ON CONFLICT (account, period_start, epoch) DO UPDATE SET
		granted = excluded.granted, returned = excluded.returned, spent = excluded.spent`,
	types: "titiiii", insert: true,
}

// changedLeases are those that are not as they were.
func changedLeases(args []any, account string, had, have []accounting.Lease) []any {
	for _, l := range have {
		if !slices.Contains(had, l) && (l.Granted != 0 || l.Returned != 0 || l.Spent != 0) {
			args = append(args, account, micros(l.PeriodStart), l.Epoch, l.Granted, l.Returned, l.Spent, int64(0))
		}
	}
	return args
}
