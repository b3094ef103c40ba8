package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

const accountColumns = `id, name, plan, monthly_tokens, next_plan, next_monthly_tokens, timezone, reset_day, status, admission,
	created_at, updated_at, deleted_at, version`

func scanAccount(r row) (a accounting.Account, err error) {
	err = r.Scan(accountFields(&a)...)
	return a, err
}

func accountFields(a *accounting.Account) []any {
	return []any{&a.ID, &a.Name, &a.Plan, &a.MonthlyTokens, &a.NextPlan, &a.NextMonthlyTokens, &a.Anchor.Timezone, &a.Anchor.Day,
		&a.Status, &a.Admission, asInstant{&a.CreatedAt}, asInstant{&a.UpdatedAt}, asInstant{&a.DeletedAt}, &a.Version}
}

// CreateAccount opens the account and its first period. An id is never used twice: that of a deleted account,
// whose events stay, fails with accounting.ErrExists too.
func (s *Store) CreateAccount(ctx context.Context, a accounting.Account, now time.Time) (accounting.Account, error) {
	a.CreatedAt, a.UpdatedAt, a.DeletedAt, a.Version = whole(now), whole(now), time.Time{}, 1
	err := s.write(ctx, func(t *tx) error {
		n, err := t.affect(`INSERT INTO account (`+accountColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING`,
			a.ID, a.Name, a.Plan, a.MonthlyTokens, a.NextPlan, a.NextMonthlyTokens, a.Anchor.Timezone, a.Anchor.Day,
			string(a.Status), a.Admission, micros(a.CreatedAt), micros(a.UpdatedAt), micros(a.DeletedAt), a.Version)
		if err != nil {
			return err
		}
		if n == 0 {
			return accounting.ErrExists
		}
		if _, err := t.open(a.ID, now); err != nil {
			return err
		}
		return t.changed(policy.ChangedAccount, a.ID)
	})
	if err != nil {
		return accounting.Account{}, fmt.Errorf("create account %s: %w", a.ID, err)
	}
	return a, nil
}

// Account finds an account, a deleted one too. What waited for a reset that has come is applied first.
func (s *Store) Account(ctx context.Context, id string) (accounting.Account, error) {
	a, err := s.findAccount(ctx, id)
	if err == nil && waits(a) {
		if err = s.bring(ctx, id); err == nil {
			a, err = s.findAccount(ctx, id)
		}
	}
	if err != nil {
		return accounting.Account{}, fmt.Errorf("account %s: %w", id, err)
	}
	return a, nil
}

// waits says whether the next reset changes more than the pools.
func waits(a accounting.Account) bool { return a.NextPlan != nil || a.NextMonthlyTokens != nil }

func (s *Store) findAccount(ctx context.Context, id string) (a accounting.Account, err error) {
	err = s.glance(ctx, func(t *tx) error {
		found, err := t.one(accountFields(&a), `SELECT `+accountColumns+` FROM account WHERE id = $1`, id)
		if err == nil && !found {
			err = accounting.ErrNotFound
		}
		return err
	})
	return a, err
}

// Accounts are those that live, by id. What waited for a reset that has come is applied first.
func (s *Store) Accounts(ctx context.Context, after string, limit int) ([]accounting.Account, error) {
	all, err := s.pageOfAccounts(ctx, after, limit)
	if err == nil && slices.ContainsFunc(all, waits) {
		for _, a := range all {
			if err == nil && waits(a) {
				err = s.bring(ctx, a.ID)
			}
		}
		if err == nil {
			all, err = s.pageOfAccounts(ctx, after, limit)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	return all, nil
}

func (s *Store) pageOfAccounts(ctx context.Context, after string, limit int) (all []accounting.Account, err error) {
	err = s.glance(ctx, func(t *tx) error {
		all, err = list(t, scanAccount,
			`SELECT `+accountColumns+` FROM account WHERE id > $1 AND deleted_at = 0 ORDER BY id LIMIT $2`, after, limit)
		return err
	})
	return all, err
}

// ChangeAccount lets change edit the account as it is at now, any reset included, and applies what follows for
// its pools. id, creation and version are not change's to edit.
func (s *Store) ChangeAccount(ctx context.Context, id string, version int64, change func(*accounting.Account) error, now time.Time) (accounting.Account, error) {
	var changed accounting.Account
	var refusal error
	err := s.write(ctx, func(t *tx) error {
		b, err := t.open(id, now)
		if err != nil {
			return err
		}
		a := &b.pools.Account
		if version != 0 && version != a.Version {
			return accounting.ErrVersion
		}
		was := *a
		if refusal = change(a); refusal != nil {
			return refusal
		}
		a.ID, a.CreatedAt, a.DeletedAt = was.ID, was.CreatedAt, was.DeletedAt
		a.UpdatedAt, a.Version = whole(now), was.Version+1
		if err := t.close(b, now); err != nil {
			return err
		}
		changed = *a
		return t.changed(policy.ChangedAccount, id)
	})
	switch {
	case refusal != nil:
		return accounting.Account{}, refusal
	case err != nil:
		return accounting.Account{}, fmt.Errorf("change account %s: %w", id, err)
	}
	return changed, nil
}

// DeleteAccount closes the account. Its row stays: what of it is still in a journal will be booked on it.
func (s *Store) DeleteAccount(ctx context.Context, id string, now time.Time) error {
	err := s.write(ctx, func(t *tx) error {
		n, err := t.affect(`UPDATE account SET deleted_at = $1, updated_at = $2, version = version + 1 WHERE id = $3 AND deleted_at = 0`,
			micros(now), micros(now), id)
		if err != nil {
			return err
		}
		if n == 0 {
			return accounting.ErrNotFound
		}
		return t.changed(policy.ChangedAccount, id)
	})
	if err != nil {
		return fmt.Errorf("delete account %s: %w", id, err)
	}
	return nil
}

// saveAccount stores every column that can change.
func (t *tx) saveAccount(a accounting.Account) error {
	return t.exec(`UPDATE account SET name = $1, plan = $2, monthly_tokens = $3, next_plan = $4, next_monthly_tokens = $5,
		timezone = $6, reset_day = $7, status = $8, admission = $9, updated_at = $10, version = $11 WHERE id = $12`,
		a.Name, a.Plan, a.MonthlyTokens, a.NextPlan, a.NextMonthlyTokens, a.Anchor.Timezone, a.Anchor.Day, string(a.Status), a.Admission,
		micros(a.UpdatedAt), a.Version, a.ID)
}
