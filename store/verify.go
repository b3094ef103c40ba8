package store

import (
	"context"
	"fmt"

	"github.com/tollgate/tollgate/accounting"
)

// checks are what must hold of every account; each text gives account, want and have of where it does not.
var checks = []struct{ what, text string }{
	{"ledger entries whose balance is not the sum of the changes", `
		SELECT account, 0, CAST(COUNT(*) AS BIGINT) FROM (
			SELECT account, monthly_balance, extra_balance,
				SUM(monthly_delta) OVER (PARTITION BY account ORDER BY seq) AS monthly,
				SUM(extra_delta) OVER (PARTITION BY account ORDER BY seq) AS extra
			FROM ledger_entry) AS sums
		WHERE monthly <> monthly_balance OR extra <> extra_balance GROUP BY account ORDER BY account`},
	{"monthly pool by the ledger", `
		SELECT account, want, have FROM (
			SELECT id AS account,
				COALESCE((SELECT monthly_balance FROM ledger_entry WHERE account = id ORDER BY seq DESC LIMIT 1), 0) AS want,
				COALESCE((SELECT CASE WHEN monthly_tokens > used THEN monthly_tokens - used ELSE 0 END FROM account_period
					WHERE account = id ORDER BY period_start DESC LIMIT 1), 0) AS have
			FROM account) AS pools
		WHERE want <> have ORDER BY account`},
	{"extra pool by the ledger", `
		SELECT account, want, have FROM (
			SELECT id AS account,
				COALESCE((SELECT extra_balance FROM ledger_entry WHERE account = id ORDER BY seq DESC LIMIT 1), 0) AS want,
				CAST(COALESCE((SELECT SUM(remaining) FROM "grant" WHERE "grant".account = account.id), 0) AS BIGINT) AS have
			FROM account) AS pools
		WHERE want <> have ORDER BY account`},
	{"extra pool by purchases and events", `
		SELECT account, want, have FROM (
			SELECT id AS account,
				CAST(COALESCE((SELECT SUM(tokens - collected) FROM "grant" WHERE "grant".account = account.id), 0)
				- COALESCE((SELECT SUM(charged_extra) FROM usage_event WHERE usage_event.account = account.id), 0)
				- COALESCE((SELECT SUM(purged_extra) FROM account_period WHERE account_period.account = account.id), 0)
				+ COALESCE((SELECT SUM(extra_delta) FROM ledger_entry WHERE ledger_entry.account = account.id AND kind IN ('void', 'expiry')), 0)
				AS BIGINT) AS want,
				CAST(COALESCE((SELECT SUM(remaining) FROM "grant" WHERE "grant".account = account.id), 0) AS BIGINT) AS have
			FROM account) AS pools
		WHERE want <> have ORDER BY account`},
	{"monthly tokens used by events", periodCheck(`used`, `p.purged_monthly + COALESCE(e.monthly, 0)`)},
	{"overdraft by events and purchases", periodCheck(`overdraft`, `p.purged_overdraft + COALESCE(e.overdraft, 0)
		- COALESCE((SELECT SUM(collected) FROM "grant" AS g WHERE g.account = p.account AND g.created_at >= p.period_start AND g.created_at < p.period_end), 0)`)},
	{"events whose charge is not the sum of its split", `
		SELECT account, 0, CAST(COUNT(*) AS BIGINT) FROM usage_event
		WHERE charged_total <> charged_monthly + charged_extra + charged_overdraft GROUP BY account ORDER BY account`},
	{"rollups by events", `
		SELECT account, want, have FROM (
			SELECT id AS account,
				CAST(COALESCE((SELECT SUM(charged_total) FROM usage_event WHERE usage_event.account = account.id), 0)
				+ COALESCE((SELECT SUM(purged_monthly + purged_extra + purged_overdraft) FROM account_period WHERE account_period.account = account.id), 0)
				AS BIGINT) AS want,
				CAST(COALESCE((SELECT SUM(charged_total) FROM usage_hourly WHERE usage_hourly.account = account.id), 0) AS BIGINT) AS have
			FROM account) AS sums
		WHERE want <> have ORDER BY account`},
}

// periodCheck compares a column of account_period with what the period's events make of it.
func periodCheck(column, want string) string {
	return `
		SELECT account, want, have FROM (
			SELECT p.account AS account, p.period_start AS period_start, CAST(` + want + ` AS BIGINT) AS want, p.` + column + ` AS have
			FROM account_period AS p LEFT JOIN (
				SELECT account, period_start, SUM(charged_monthly) AS monthly, SUM(charged_overdraft) AS overdraft
				FROM usage_event GROUP BY account, period_start) AS e
			ON e.account = p.account AND e.period_start = p.period_start) AS sums
		WHERE want <> have ORDER BY account, period_start`
}

// Verify recomputes every balance from the ledger, the events and the purchases, and says what differs; nothing
// when all is well. It reads one state of the database and changes nothing.
func (s *Store) Verify(ctx context.Context) ([]accounting.Drift, error) {
	var drifts []accounting.Drift
	err := s.read(ctx, func(t *tx) error {
		for _, check := range checks {
			err := t.each(func(r row) error {
				d := accounting.Drift{What: check.what}
				err := r.Scan(&d.Account, &d.Want, &d.Have)
				drifts = append(drifts, d)
				return err
			}, check.text)
			if err != nil {
				return fmt.Errorf("%s: %w", check.what, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return drifts, nil
}
