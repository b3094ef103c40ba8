package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// book is an account's pools together with what the database holds of them, so that saving writes what changed.
type book struct {
	pools   *accounting.Pools
	seq     int64 // of the newest ledger entry
	account accounting.Account
	periods []accounting.Period
	grants  []accounting.Grant
}

// Pools loads an account's pools, rolled to now. What rolling changes is stored before it returns.
func (s *Store) Pools(ctx context.Context, account string, now time.Time) (*accounting.Pools, error) {
	var b *book
	err := s.read(ctx, func(t *tx) (err error) {
		b, err = t.living(account, now)
		return err
	})
	if err == nil && len(b.pools.Entries) > 0 {
		err = s.write(ctx, func(t *tx) (err error) {
			b, err = t.open(account, now)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("pools of %s: %w", account, err)
	}
	return b.pools, nil
}

// bring rolls an account to the store's own clock, for reads that are told no instant; one that does not live stays.
func (s *Store) bring(ctx context.Context, account string) error {
	_, err := s.Pools(ctx, account, s.now())
	if errors.Is(err, accounting.ErrNotFound) {
		return nil
	}
	return err
}

// open loads the book of an account that lives, rolled to now and stored as rolled.
func (t *tx) open(account string, now time.Time) (*book, error) {
	b, err := t.living(account, now)
	if err == nil && len(b.pools.Entries) > 0 {
		err = t.save(b)
	}
	return b, err
}

// living is open without storing.
func (t *tx) living(account string, now time.Time) (*book, error) {
	books, plans, err := t.load([]string{account}, &periodsQuery, []any{micros(now)})
	if err != nil {
		return nil, err
	}
	b := books[account]
	if b == nil || !b.account.Live() {
		return nil, accounting.ErrNotFound
	}
	b.roll(now, plans)
	return b, nil
}

// load loads and locks the accounts, closed ones too, with the periods that a query finds, and with their grants. Unknown
// ones are missing in the answer. more are asked after all of that.
func (t *tx) load(ids []string, periods *bulk, fixed []any, more ...query) (map[string]*book, map[string]int64, error) {
	books, plans, args := make(map[string]*book, len(ids)), map[string]int64{}, arguments(ids)
	err := t.all(slices.Concat(
		booksQuery.queries(t, booksTo(books), nil, args),
		periods.queries(t, periodsTo(books), fixed, args),
		grantsQuery.queries(t, grantsTo(books), nil, args),
		[]query{plansTo(plans)}, more)...)
	return books, plans, err
}

// close rolls a book once more, after its account was changed, and stores it.
func (t *tx) close(b *book, now time.Time) error {
	plans, err := t.plans()
	if err != nil {
		return err
	}
	b.roll(now, plans)
	return t.save(b)
}

// roll brings the pools to now. A reset that applied what waited for it is a change of the account.
func (b *book) roll(now time.Time, plans map[string]int64) {
	a := &b.pools.Account
	waited := waits(*a)
	b.pools.Roll(whole(now), plans)
	if waited && !waits(*a) {
		a.UpdatedAt, a.Version = b.pools.Running().Start, a.Version+1
	}
}

var booksQuery = bulk{
	head: `SELECT ` + accountColumns + ` FROM account WHERE id IN (`, tail: `) ORDER BY id`, types: "t", locks: true,
}

// books loads the accounts, closed ones too, without periods and grants, and locks them. Unknown ones are missing in
// the answer.
func (t *tx) books(ids []string) (map[string]*book, error) {
	all := make(map[string]*book, len(ids))
	return all, booksQuery.each(t, booksTo(all), nil, arguments(ids))
}

// booksTo takes in what booksQuery finds. Nothing of an account is asked for before it is locked: it could be older than
// the lock.
func booksTo(all map[string]*book) func(row) error {
	return func(r row) error {
		b := &book{pools: &accounting.Pools{}}
		err := r.Scan(accountFields(&b.account)...)
		b.pools.Account = b.account
		all[b.account.ID] = b
		return err
	}
}

const (
	periodColumns = `period_start, period_end, monthly_tokens, used, overdraft`
	newestEntry   = `COALESCE((SELECT seq FROM ledger_entry WHERE ledger_entry.account = account_period.account ORDER BY seq DESC LIMIT 1), 0)`
	newestPeriod  = `(SELECT MAX(newest.period_start) FROM account_period AS newest WHERE newest.account = `
	periodsOf     = `SELECT account, ` + periodColumns + `, ` + newestEntry + ` FROM account_period
		WHERE (period_end > $1 OR period_start = ` + newestPeriod + `account_period.account)`
)

// periodsQuery finds the periods from the one that was running at an instant to the newest, which may have ended by then
// where an account slept through a reset.
var periodsQuery = bulk{
	head: periodsOf + `) AND account IN (`, tail: `) ORDER BY account, period_start`, types: "t", fixed: 1,
}

// periodsTo takes in the periods, and the number of the newest ledger entry, of the books that there are.
func periodsTo(books map[string]*book) func(row) error {
	var account string
	var p accounting.Period
	var seq int64
	dest := []any{&account, asInstant{&p.Start}, asInstant{&p.End}, &p.Total, &p.Used, &p.Overdraft, &seq}
	return func(r row) error {
		err := r.Scan(dest...)
		if b := books[account]; b != nil {
			b.periods, b.pools.Periods, b.seq = append(b.periods, p), append(b.pools.Periods, p), seq
		}
		return err
	}
}

const grantColumns = `id, account, reference, tokens, remaining, collected, expires_at, created_at, voided_at, expired_at, used_up_at`

func grantFields(g *accounting.Grant) []any {
	return []any{&g.ID, &g.Account, &g.Reference, &g.Tokens, &g.Remaining, &g.Collected, asInstant{&g.ExpiresAt},
		asInstant{&g.CreatedAt}, asInstant{&g.VoidedAt}, asInstant{&g.ExpiredAt}, asInstant{&g.UsedUpAt}}
}

func scanGrant(r row) (g accounting.Grant, err error) {
	err = r.Scan(grantFields(&g)...)
	return g, err
}

const (
	grantsOf = `SELECT ` + grantColumns + ` FROM "grant" WHERE `
	ofGrants = ` AND account IN (`
)

// grantsQuery finds the grants with something left and those used up in the account's newest period, liveGrantsQuery
// the former alone.
var (
	grantsQuery = bulk{
		head: grantsOf + `(remaining > 0 OR used_up_at >= ` + newestPeriod + `"grant".account))` + ofGrants, tail: `)`, types: "t",
	}
	liveGrantsQuery = bulk{head: grantsOf + `remaining > 0` + ofGrants, tail: `)`, types: "t"}
)

// grantsTo takes in the grants of the books that there are.
func grantsTo(books map[string]*book) func(row) error {
	return func(r row) error {
		g, err := scanGrant(r)
		if b := books[g.Account]; b != nil {
			b.grants, b.pools.Grants = append(b.grants, g), append(b.pools.Grants, g)
		}
		return err
	}
}

// save stores what the pools' methods changed since the book was loaded or saved.
func (t *tx) save(books ...*book) error {
	var periods, grants, entries []any
	var all []news
	for _, b := range books {
		periods = b.changedPeriods(periods)
		grants = b.changedGrants(grants)
		entries = b.newEntries(entries)
		if a := b.pools.Account; a.Version != b.account.Version {
			if err := t.saveAccount(a); err != nil {
				return err
			}
		}
		if n := t.news(b); len(n.told) > 0 {
			all = append(all, n)
		}
		b.saved()
	}
	if err := periodsUpsert.exec(t, periods); err != nil {
		return err
	}
	if err := grantsUpsert.exec(t, grants); err != nil {
		return err
	}
	if err := entriesInsert.exec(t, entries); err != nil {
		return err
	}
	return t.tell(all)
}

func (b *book) saved() {
	b.account, b.periods, b.grants = b.pools.Account, slices.Clone(b.pools.Periods), slices.Clone(b.pools.Grants)
	b.pools.Entries = nil
}

var periodsUpsert = bulk{
	head: `INSERT INTO account_period (account, ` + periodColumns + `) `,
	tail: ` ON CONFLICT (account, period_start) DO UPDATE SET
		monthly_tokens = excluded.monthly_tokens, used = excluded.used, overdraft = excluded.overdraft`,
	types: "tiiiii", insert: true,
}

func (b *book) changedPeriods(args []any) []any {
	for i, p := range b.pools.Periods {
		if i >= len(b.periods) || p != b.periods[i] {
			args = append(args, b.account.ID, micros(p.Start), micros(p.End), p.Total, p.Used, p.Overdraft)
		}
	}
	return args
}

var grantsUpsert = bulk{
	head: `INSERT INTO "grant" (` + grantColumns + `) `,
	tail: ` ON CONFLICT (id) DO UPDATE SET remaining = excluded.remaining, collected = excluded.collected,
		voided_at = excluded.voided_at, expired_at = excluded.expired_at, used_up_at = excluded.used_up_at`,
	types: "tttiiiiiiii", insert: true,
}

func (b *book) changedGrants(args []any) []any {
	for _, g := range b.pools.Grants {
		if !slices.Contains(b.grants, g) {
			args = append(args, g.ID, b.account.ID, g.Reference, g.Tokens, g.Remaining, g.Collected, micros(g.ExpiresAt),
				micros(g.CreatedAt), micros(g.VoidedAt), micros(g.ExpiredAt), micros(g.UsedUpAt))
		}
	}
	return args
}

var entriesInsert = bulk{
	head:  `INSERT INTO ledger_entry (account, seq, at, kind, monthly_delta, extra_delta, monthly_balance, extra_balance, reference) `,
	types: "tiitiiiit", insert: true,
}

func (b *book) newEntries(args []any) []any {
	for _, e := range b.pools.Entries {
		b.seq++
		args = append(args, b.account.ID, b.seq, micros(e.At), string(e.Kind), e.Change.Monthly, e.Change.Extra,
			e.Balance.Monthly, e.Balance.Extra, e.Reference)
	}
	return args
}

func arguments(ids []string) []any {
	args := make([]any, len(ids))
	for i, id := range ids {
		args[i] = id
	}
	return args
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
