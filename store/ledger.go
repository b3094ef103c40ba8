package store

import (
	"context"
	"fmt"
	"math"

	"github.com/tollgate/tollgate/accounting"
)

// Ledger is an account's, closed ones' too, the newest entry first. The first page brings the pools of an account
// that lives up to now, so that its newest balance is what the Token view shows.
func (s *Store) Ledger(ctx context.Context, account string, before int64, limit int) (all []accounting.Entry, err error) {
	if before == 0 {
		if err := s.bring(ctx, account); err != nil {
			return nil, fmt.Errorf("ledger of %s: %w", account, err)
		}
		before = math.MaxInt64
	}
	err = s.glance(ctx, func(t *tx) error {
		all, err = list(t, func(r row) (e accounting.Entry, err error) {
			err = r.Scan(&e.Seq, asInstant{&e.At}, &e.Kind, &e.Change.Monthly, &e.Change.Extra, &e.Balance.Monthly, &e.Balance.Extra, &e.Reference)
			return e, err
		}, `SELECT seq, at, kind, monthly_delta, extra_delta, monthly_balance, extra_balance, reference FROM ledger_entry
			WHERE account = $1 AND seq < $2 ORDER BY seq DESC LIMIT $3`, account, before, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("ledger of %s: %w", account, err)
	}
	return all, nil
}
