package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

const eventColumns = `account, id, key, activity, chatbot, "user", provider, api, model, requested_model, stream, status, outcome, measured,
	input, output, cached_input, cache_write_input, reasoning_output, total, charged_total, charged_monthly, charged_extra, charged_overdraft,
	started_at, first_token_ms, duration_ms, trace_id`

var eventsInsert = bulk{
	head: `INSERT INTO usage_event (` + eventColumns + `, period_start) `, types: "tttttttttt" + "iitt" + "iiiiiiiiii" + "initi", insert: true,
}

func eventArguments(args []any, e *accounting.Event, periodStart time.Time) []any {
	var stream int64
	if e.Stream {
		stream = 1
	}
	var first any
	if e.FirstTokenMS != nil {
		first = *e.FirstTokenMS
	}
	return append(args, e.Account, e.ID, e.Key, e.Activity, e.Chatbot, e.User, e.Provider, e.API, e.Model, e.RequestedModel, stream,
		int64(e.Status), string(e.Outcome), string(e.Measured), e.Tokens.Input, e.Tokens.Output, e.Tokens.CachedInput, e.Tokens.CacheWriteInput,
		e.Tokens.ReasoningOutput, e.Tokens.Total, e.Charged.Total, e.Charged.Monthly, e.Charged.Extra, e.Charged.Overdraft,
		micros(e.StartedAt), first, e.DurationMS, e.TraceID, micros(periodStart))
}

func scanEvent(r row) (e accounting.Event, err error) {
	var stream int64
	err = r.Scan(&e.Account, &e.ID, &e.Key, &e.Activity, &e.Chatbot, &e.User, &e.Provider, &e.API, &e.Model, &e.RequestedModel, &stream,
		&e.Status, &e.Outcome, &e.Measured, &e.Tokens.Input, &e.Tokens.Output, &e.Tokens.CachedInput, &e.Tokens.CacheWriteInput,
		&e.Tokens.ReasoningOutput, &e.Tokens.Total, &e.Charged.Total, &e.Charged.Monthly, &e.Charged.Extra, &e.Charged.Overdraft,
		asInstant{&e.StartedAt}, &e.FirstTokenMS, &e.DurationMS, &e.TraceID)
	e.Stream = stream != 0
	return e, err
}

// Event finds one event of an account, closed ones too.
func (s *Store) Event(ctx context.Context, account, id string) (accounting.Event, error) {
	var found []accounting.Event
	err := s.glance(ctx, func(t *tx) (err error) {
		found, err = list(t, scanEvent, `SELECT `+eventColumns+` FROM usage_event WHERE account = $1 AND id = $2`, account, id)
		return err
	})
	if err == nil && len(found) == 0 {
		err = accounting.ErrNotFound
	}
	if err != nil {
		return accounting.Event{}, fmt.Errorf("event %s of %s: %w", id, account, err)
	}
	return found[0], nil
}

// Events are an account's, closed ones' too, in the order of their ids, the newest first.
func (s *Store) Events(ctx context.Context, account string, f accounting.EventFilter, before string, limit int) (all []accounting.Event, err error) {
	where := condition{}
	where.add("account = ", account)
	where.addUnless(before == "", "id < ", before)
	where.addUnless(f.From.IsZero(), "started_at >= ", micros(f.From))
	where.addUnless(f.To.IsZero(), "started_at < ", micros(f.To))
	where.addUnless(f.Activity == "", "activity = ", f.Activity)
	where.addUnless(f.Chatbot == "", "chatbot = ", f.Chatbot)
	where.addUnless(f.Model == "", "model = ", f.Model)
	where.addUnless(f.Key == "", "key = ", f.Key)
	where.addUnless(f.Outcome == "", "outcome = ", f.Outcome)
	where.args = append(where.args, limit)
	text := fmt.Sprintf(`SELECT %s FROM usage_event WHERE %s ORDER BY id DESC LIMIT $%d`, eventColumns, where.text.String(), len(where.args))
	err = s.glance(ctx, func(t *tx) error {
		all, err = list(t, scanEvent, text, where.args...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("events of %s: %w", account, err)
	}
	return all, nil
}

// condition is a WHERE clause that grows; what it is made of are our own constants.
type condition struct {
	text strings.Builder
	args []any
}

func (c *condition) add(comparison string, arg any) {
	if len(c.args) > 0 {
		c.text.WriteString(" AND ")
	}
	c.args = append(c.args, arg)
	fmt.Fprintf(&c.text, "%s$%d", comparison, len(c.args))
}

func (c *condition) addUnless(absent bool, comparison string, arg any) {
	if !absent {
		c.add(comparison, arg)
	}
}

// DeleteEvents deletes the oldest events that started before an instant, at most limit, and says how many. Rollups,
// ledger and balances stay; what the events charged is kept as a sum per period.
func (s *Store) DeleteEvents(ctx context.Context, before time.Time, limit int) (int, error) {
	n := 0
	err := s.write(ctx, func(t *tx) error {
		if err := t.alone(turnRetention); err != nil { // two would count the same events as purged
			return err
		}
		old, err := t.oldest(before, limit)
		if err != nil {
			return err
		}
		n = len(old)
		return t.purge(old)
	})
	if err != nil {
		return 0, fmt.Errorf("delete events before %s: %w", before.Format(time.RFC3339), err)
	}
	return n, nil
}

// purged is what of an event outlives it.
type purged struct {
	eventID
	period  int64
	charged accounting.Charged
}

type accountPeriod struct {
	account string
	start   int64
}

func (p accountPeriod) compare(q accountPeriod) int {
	return cmp.Or(strings.Compare(p.account, q.account), cmp.Compare(p.start, q.start))
}

func (t *tx) oldest(before time.Time, limit int) ([]purged, error) {
	return list(t, func(r row) (p purged, err error) {
		err = r.Scan(&p.account, &p.id, &p.period, &p.charged.Monthly, &p.charged.Extra, &p.charged.Overdraft)
		return p, err
	}, `SELECT account, id, period_start, charged_monthly, charged_extra, charged_overdraft
		FROM usage_event WHERE started_at < $1 ORDER BY started_at LIMIT $2`, micros(before), limit)
}

var eventsDelete = bulk{head: `DELETE FROM usage_event WHERE (account, id) IN (`, tail: `)`, types: "tt"}

func (t *tx) purge(events []purged) error {
	sums := map[accountPeriod]accounting.Charged{}
	ids := make([]any, 0, 2*len(events))
	for _, e := range events {
		ids = append(ids, e.account, e.id)
		sum := sums[accountPeriod{e.account, e.period}]
		sum.Monthly += e.charged.Monthly
		sum.Extra += e.charged.Extra
		sum.Overdraft += e.charged.Overdraft
		sums[accountPeriod{e.account, e.period}] = sum
	}
	for _, p := range slices.SortedFunc(maps.Keys(sums), accountPeriod.compare) { // in the order in which batches lock them
		sum := sums[p]
		err := t.exec(`UPDATE account_period SET purged_monthly = purged_monthly + $1, purged_extra = purged_extra + $2,
			purged_overdraft = purged_overdraft + $3 WHERE account = $4 AND period_start = $5`,
			sum.Monthly, sum.Extra, sum.Overdraft, p.account, p.start)
		if err != nil {
			return err
		}
	}
	return eventsDelete.exec(t, ids)
}
