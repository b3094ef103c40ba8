package store

import (
	"context"
	"fmt"
	"time"
)

// resetAfter is how long after its end a period is looked at by ResetEnded: longer than the clocks of replicas differ
// and than an account takes to be made, so that no period comes to lie behind the place that was reached.
const resetAfter = 5 * time.Second

// ended is a period that has ended, in the order in which ResetEnded looks at them.
type ended struct {
	end     time.Time
	account string
	rolled  bool // a later one has begun
}

// ResetEnded rolls accounts whose period has ended by the store's clock, so that a reset is told of those too that
// nobody uses. It looks at limit of them at most, goes on where the last call of any replica stopped, and says that
// there may be more.
func (s *Store) ResetEnded(ctx context.Context, limit int) (more bool, err error) {
	before := s.now().Add(-resetAfter)
	var all []ended
	err = s.read(ctx, func(t *tx) error {
		all, err = t.ended(before, 1)
		return err
	})
	if err == nil && len(all) > 0 {
		err = s.write(ctx, func(t *tx) error {
			if all, err = t.ended(before, limit); err != nil || len(all) == 0 {
				return err
			}
			return t.reset(all, s.now())
		})
	}
	if err != nil {
		return false, fmt.Errorf("reset accounts whose period ended: %w", err)
	}
	return len(all) == limit, nil
}

// ended are the next periods that ended by an instant. The place that was reached stays locked.
func (t *tx) ended(before time.Time, limit int) ([]ended, error) {
	var at ended
	if _, err := t.one([]any{asInstant{&at.end}, &at.account}, `SELECT period_end, account FROM reset_position`+t.forUpdate); err != nil {
		return nil, err
	}
	return list(t, func(r row) (e ended, err error) {
		err = r.Scan(asInstant{&e.end}, &e.account, &e.rolled)
		return e, err
	}, `SELECT period_end, account, EXISTS (SELECT 1 FROM account_period AS later WHERE later.account = p.account AND later.period_start >= p.period_end)
		FROM account_period AS p WHERE (period_end, account) > ($1, $2) AND period_end <= $3 ORDER BY period_end, account LIMIT $4`,
		micros(at.end), at.account, micros(before), limit)
}

// reset rolls those that nobody has, and moves on.
func (t *tx) reset(all []ended, now time.Time) error {
	var ids []string
	for _, e := range all {
		if !e.rolled {
			ids = append(ids, e.account)
		}
	}
	if err := t.rollAll(ids, now); err != nil {
		return err
	}
	last := all[len(all)-1]
	return t.exec(`UPDATE reset_position SET period_end = $1, account = $2`, micros(last.end), last.account)
}

// rollAll rolls the accounts that live.
func (t *tx) rollAll(ids []string, now time.Time) error {
	if len(ids) == 0 {
		return nil
	}
	books, plans, err := t.load(ids, &periodsQuery, []any{micros(now)})
	if err != nil {
		return err
	}
	for id, b := range books {
		if b.account.Live() {
			b.roll(now, plans)
		} else {
			delete(books, id)
		}
	}
	return t.save(values(books)...)
}
