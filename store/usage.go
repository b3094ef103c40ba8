package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// Pace is the sum of tokens charged to the account since an instant, in whole hours.
func (s *Store) Pace(ctx context.Context, account string, since time.Time) (sum int64, err error) {
	err = s.glance(ctx, func(t *tx) error {
		_, err = t.one([]any{&sum}, `SELECT CAST(COALESCE(SUM(charged_total), 0) AS BIGINT) FROM usage_hourly WHERE account = $1 AND hour >= $2`,
			account, micros(since))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("pace of %s: %w", account, err)
	}
	return sum, nil
}

// usageColumns are the dimensions of usage_hourly by their names in a query; a day is made of hours.
var usageColumns = map[string]string{
	"day": "hour", "activity": "activity", "chatbot": "chatbot", "model": "model", "provider": "provider", "key": "key",
}

// Usage sums an account's rollups, closed ones' too. Without dimensions it gives one row, or none for no use at all.
func (s *Store) Usage(ctx context.Context, account string, q accounting.UsageQuery) ([]accounting.UsageRow, error) {
	var rows []accounting.UsageRow
	err := s.read(ctx, func(t *tx) (err error) {
		rows, err = t.usage(account, q)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("usage of %s: %w", account, err)
	}
	return rows, nil
}

func (t *tx) usage(account string, q accounting.UsageQuery) ([]accounting.UsageRow, error) {
	books, err := t.books([]string{account})
	if err != nil {
		return nil, err
	}
	if books[account] == nil {
		return nil, accounting.ErrNotFound
	}
	anchor := books[account].account.Anchor
	text, args, err := usageText(account, anchor, q)
	if err != nil {
		return nil, err
	}
	sums := map[string]*usage{}
	groups := map[string][]string{}
	err = t.each(func(r row) error {
		group, u, err := scanUsage(r, anchor, q.GroupBy)
		if err != nil {
			return err
		}
		id := strings.Join(group, "\x00")
		if sums[id] == nil {
			sums[id], groups[id] = &usage{}, group
		}
		sums[id].add(u.requests, u.tokens, u.charged)
		return nil
	}, text, args...)
	if err != nil {
		return nil, err
	}
	rows := make([]accounting.UsageRow, 0, len(sums))
	for id, u := range sums {
		rows = append(rows, accounting.UsageRow{Group: groups[id], Requests: u.requests, Tokens: u.tokens, Charged: u.charged})
	}
	slices.SortFunc(rows, func(a, b accounting.UsageRow) int { return slices.Compare(a.Group, b.Group) })
	return rows, nil
}

// hours widens the query to whole local hours; a zero end is open.
func hours(anchor accounting.Anchor, q accounting.UsageQuery) (from, to int64) {
	to = math.MaxInt64
	if !q.From.IsZero() {
		from = micros(anchor.Hour(q.From))
	}
	if !q.To.IsZero() {
		to = micros(q.To)
	}
	return from, to
}

func usageText(account string, anchor accounting.Anchor, q accounting.UsageQuery) (text string, args []any, err error) {
	columns := make([]string, 0, len(q.GroupBy))
	for _, name := range q.GroupBy {
		column, ok := usageColumns[name]
		if !ok {
			return "", nil, fmt.Errorf("group by %q: no such dimension", name)
		}
		columns = append(columns, column)
	}
	group, by := "", ""
	if len(columns) > 0 {
		group = strings.Join(columns, ", ")
		by = " GROUP BY " + group
		group += ", "
	}
	sum := func(column string) string { return "CAST(SUM(" + column + ") AS BIGINT)" }
	sums := make([]string, 0, 11)
	for _, c := range []string{"requests", "input", "output", "cached_input", "cache_write_input", "reasoning_output", "total",
		"charged_total", "charged_monthly", "charged_extra", "charged_overdraft"} {
		sums = append(sums, sum(c))
	}
	where := usageCondition(account, anchor, q)
	return `SELECT ` + group + strings.Join(sums, ", ") + ` FROM usage_hourly WHERE ` + where.text.String() + by + ` HAVING COUNT(*) > 0`, where.args, nil
}

func usageCondition(account string, anchor accounting.Anchor, q accounting.UsageQuery) *condition {
	from, to := hours(anchor, q)
	where := &condition{}
	where.add("account = ", account)
	where.add("hour >= ", from)
	where.add("hour < ", to)
	where.addUnless(q.Activity == "", "activity = ", q.Activity)
	where.addUnless(q.Chatbot == "", "chatbot = ", q.Chatbot)
	where.addUnless(q.Model == "", "model = ", q.Model)
	where.addUnless(q.Provider == "", "provider = ", q.Provider)
	where.addUnless(q.Key == "", "key = ", q.Key)
	return where
}

func scanUsage(r row, anchor accounting.Anchor, groupBy []string) (group []string, u usage, err error) {
	group = make([]string, len(groupBy))
	dest := make([]any, 0, len(groupBy)+11)
	var hour time.Time
	for i, name := range groupBy {
		if name == "day" {
			dest = append(dest, asInstant{&hour})
		} else {
			dest = append(dest, &group[i])
		}
	}
	dest = append(dest, &u.requests, &u.tokens.Input, &u.tokens.Output, &u.tokens.CachedInput, &u.tokens.CacheWriteInput,
		&u.tokens.ReasoningOutput, &u.tokens.Total, &u.charged.Total, &u.charged.Monthly, &u.charged.Extra, &u.charged.Overdraft)
	err = r.Scan(dest...)
	if i := slices.Index(groupBy, "day"); i >= 0 {
		group[i] = anchor.Date(hour)
	}
	return group, u, err
}
