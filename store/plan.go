package store

import (
	"context"
	"fmt"

	"github.com/tollgate/tollgate/policy"
)

// SetPlans stores the plans' monthly totals. A plan that the map lacks stays, for the accounts that have it. A
// total counts for a running period from the account's next read, exchange or charge on; when any changed, the
// replicas are told.
func (s *Store) SetPlans(ctx context.Context, plans map[string]int64) error {
	err := s.write(ctx, func(t *tx) error {
		had, err := t.plans()
		if err != nil {
			return err
		}
		changed := false
		for _, name := range sortedKeys(plans) {
			if total, ok := had[name]; ok && total == plans[name] {
				continue
			}
			changed = true
			err := t.exec(`INSERT INTO plan (name, monthly_tokens) VALUES ($1, $2)
				ON CONFLICT (name) DO UPDATE SET monthly_tokens = excluded.monthly_tokens`, name, plans[name])
			if err != nil {
				return err
			}
		}
		if !changed {
			return nil
		}
		return t.changed(policy.ChangedPlans, "")
	})
	if err != nil {
		return fmt.Errorf("set plans: %w", err)
	}
	return nil
}

func (t *tx) plans() (map[string]int64, error) {
	plans := map[string]int64{}
	return plans, t.all(plansTo(plans))
}

func plansTo(plans map[string]int64) query {
	return query{text: `SELECT name, monthly_tokens FROM plan`, scan: func(r row) error {
		var name string
		var total int64
		err := r.Scan(&name, &total)
		plans[name] = total
		return err
	}}
}
