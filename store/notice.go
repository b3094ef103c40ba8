package store

import (
	"context"
	"fmt"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// Tell says who is told what happens from now on. Without a call nobody is, and no notice is written.
func (s *Store) Tell(a accounting.Audience) { s.audience.Store(&a) }

// news are the notices of one book, found before it was saved.
type news struct {
	book *book
	told []accounting.Notice
}

// news are what the audience is told of the book's changes.
func (t *tx) news(b *book) (n news) {
	if t.audience == nil || len(t.audience.Targets) == 0 {
		return n
	}
	was := accounting.Pools{Account: b.account, Periods: b.periods, Grants: b.grants}
	n.book = b
	for _, notice := range accounting.Notices(&was, b.pools, t.audience.LowShares) {
		if t.audience.Wants(notice.Kind) {
			n.told = append(n.told, notice)
		}
	}
	return n
}

// A notice's id says what happened: it is told once, whoever finds it out again.
var noticesInsert = bulk{
	head:  `INSERT INTO notice (id, target, account, period_start, kind, body, at, tries, due_at, delivered_at, given_up_at) `,
	tail:  ` ON CONFLICT DO NOTHING`,
	types: "tttittiiiii", insert: true,
}

// tell writes the notices, in the transaction that made them true.
func (t *tx) tell(all []news) error {
	var args []any
	for _, n := range all {
		whole := &book{account: n.book.account, periods: n.book.periods, pools: &accounting.Pools{Account: n.book.account, Periods: n.book.periods}}
		of := map[string]*book{whole.account.ID: whole}
		if err := grantsQuery.each(t, grantsTo(of), nil, arguments(sortedKeys(of))); err != nil {
			return err
		}
		for _, notice := range n.told {
			id := notice.ID(whole.pools)
			body := string(notice.Body(accounting.NewView(whole.pools, notice.At, 0, 0)))
			for _, target := range t.audience.Targets {
				if target.Wants(notice.Kind) {
					args = append(args, id, target.Name, n.book.account.ID, micros(notice.PeriodStart), string(notice.Kind), body,
						micros(notice.At), int64(0), micros(notice.At), int64(0), int64(0))
				}
			}
		}
	}
	return noticesInsert.exec(t, args)
}

// ClaimNotices gives notices of a target that are due, limit at most, the ones first that have been for longest. Until
// then nobody else gets them; FinishNotices ends that.
func (s *Store) ClaimNotices(ctx context.Context, target string, now, until time.Time, limit int) (claimed []accounting.Delivery, err error) {
	due := false
	err = s.glance(ctx, func(t *tx) error {
		var one int64
		due, err = t.one([]any{&one}, `SELECT 1 FROM notice WHERE target = $1 AND due_at > 0 AND due_at <= $2 LIMIT 1`, target, micros(now))
		return err
	})
	if err == nil && due {
		err = s.write(ctx, func(t *tx) error {
			claimed, err = t.claim(target, now, until, limit)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("claim notices for %s: %w", target, err)
	}
	return claimed, nil
}

func (t *tx) claim(target string, now, until time.Time, limit int) ([]accounting.Delivery, error) {
	return list(t, func(r row) (d accounting.Delivery, err error) {
		d.Target, d.Until = target, whole(until)
		err = r.Scan(&d.ID, &d.Kind, asInstant{&d.At}, &d.Body, &d.Tries)
		return d, err
	}, `WITH due AS MATERIALIZED (SELECT id AS due_id FROM notice WHERE target = $1 AND due_at > 0 AND due_at <= $2
			ORDER BY due_at LIMIT $3`+t.skipLocked+`)
		UPDATE notice SET due_at = $4, tries = tries + 1 FROM due WHERE target = $5 AND id = due_id
		RETURNING id, kind, at, body, tries`, target, micros(now), limit, micros(until), target)
}

// FinishNotices stores how tries ended. That one was delivered is a fact; what else is said of a notice counts only as
// long as nobody else has claimed it.
func (s *Store) FinishNotices(ctx context.Context, attempts []accounting.Attempt) error {
	err := s.write(ctx, func(t *tx) error {
		for _, a := range attempts {
			if err := t.finish(a, s.now()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("finish %d notices: %w", len(attempts), err)
	}
	return nil
}

func (t *tx) finish(a accounting.Attempt, now time.Time) error {
	switch a.Fate {
	case accounting.Delivered:
		return t.exec(`UPDATE notice SET due_at = 0, delivered_at = $1 WHERE id = $2 AND target = $3`, micros(now), a.ID, a.Target)
	case accounting.GivenUp:
		return t.exec(`UPDATE notice SET due_at = 0, given_up_at = $1 WHERE id = $2 AND target = $3 AND due_at = $4`,
			micros(now), a.ID, a.Target, micros(a.Until))
	}
	return t.exec(`UPDATE notice SET due_at = $1 WHERE id = $2 AND target = $3 AND due_at = $4`, micros(a.Next), a.ID, a.Target, micros(a.Until))
}

// waitingMax is as far as WaitingNotices counts.
const waitingMax = 10_000

// WaitingNotices is how many notices a target has not got yet, waitingMax at most, and when the oldest of these
// happened.
func (s *Store) WaitingNotices(ctx context.Context, target string) (n int64, oldest time.Time, err error) {
	err = s.glance(ctx, func(t *tx) error {
		_, err := t.one([]any{&n, asInstant{&oldest}}, `SELECT COUNT(*), COALESCE(MIN(at), 0) FROM
			(SELECT at FROM notice WHERE target = $1 AND due_at > 0 LIMIT $2) AS waiting`, target, waitingMax)
		return err
	})
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("notices that wait for %s: %w", target, err)
	}
	return n, oldest, nil
}

// DeleteNotices deletes notices of what happened before an instant, limit at most, whether they were delivered or not.
// What lies in a running period has to stay: it would be told again.
func (s *Store) DeleteNotices(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int64
	err := s.write(ctx, func(t *tx) (err error) {
		n, err = t.affect(`DELETE FROM notice WHERE (id, target) IN (SELECT id, target FROM notice WHERE at < $1 ORDER BY at LIMIT $2)`,
			micros(before), limit)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete notices before %s: %w", before.Format(time.RFC3339), err)
	}
	return int(n), nil
}
