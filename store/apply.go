package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// chargeMax is the most that one event may charge: more is not a count of tokens, and would wrap sums around.
const chargeMax = 1 << 52

// Position is the sequence number up to which the store has the journal's records.
func (s *Store) Position(ctx context.Context, journal string) (seq int64, err error) {
	err = s.glance(ctx, func(t *tx) error {
		seq, err = t.position(journal)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("position of journal %s: %w", journal, err)
	}
	return seq, nil
}

func (t *tx) position(journal string) (seq int64, err error) {
	_, err = t.one([]any{&seq}, `SELECT seq FROM journal_position WHERE journal = $1`, journal)
	return seq, err
}

// Apply stores a batch and what follows from it, all or nothing. An event that the store has is left as it is. An
// account that the store never had still gets its events, all of it overdraft: facts are booked.
func (s *Store) Apply(ctx context.Context, b accounting.Batch) error {
	if err := valid(b.Settlements); err != nil {
		return fmt.Errorf("apply journal %s after %d: %w", b.Journal, b.After, err)
	}
	err := s.write(ctx, func(t *tx) error { return t.apply(b) })
	if err != nil && !errors.Is(err, accounting.ErrPosition) {
		err = s.dataError(err)
	}
	if err != nil {
		return fmt.Errorf("apply journal %s after %d: %w", b.Journal, b.After, err)
	}
	return nil
}

// valid refuses what is no usage event at all.
func valid(settlements []accounting.Settlement) error {
	for _, s := range settlements {
		e := &s.Event
		if e.ID == "" || e.Account == "" || e.Charged.Total < 0 || e.Charged.Total > chargeMax {
			return fmt.Errorf("%w: event %q of account %q charges %d", accounting.ErrData, e.ID, e.Account, e.Charged.Total)
		}
	}
	return nil
}

func (t *tx) apply(b accounting.Batch) error {
	at, err := t.lockPosition(b.Journal)
	if err != nil {
		return err
	}
	if at != b.After {
		return fmt.Errorf("%w: it is at %d", accounting.ErrPosition, at)
	}
	books, err := t.books(accountsOf(b.Settlements))
	if err != nil {
		return err
	}
	fresh, err := t.fresh(b.Settlements)
	if err != nil {
		return err
	}
	if err := t.book(fresh, books, whole(b.At)); err != nil {
		return err
	}
	if err := t.bury(b.Journal, b.Dead); err != nil {
		return err
	}
	return t.exec(`UPDATE journal_position SET seq = $1 WHERE journal = $2`, b.Upto, b.Journal)
}

// lockPosition waits for a batch of the journal that is being stored, whose answer may have been lost.
func (t *tx) lockPosition(journal string) (seq int64, err error) {
	_, err = t.one([]any{&seq}, `INSERT INTO journal_position (journal, seq) VALUES ($1, 0)
		ON CONFLICT (journal) DO UPDATE SET seq = journal_position.seq RETURNING seq`, journal)
	return seq, err
}

// accountsOf are the ids of the accounts, each once.
func accountsOf(settlements []accounting.Settlement) []string {
	accounts := make(map[string]bool, len(settlements))
	for i := range settlements {
		accounts[settlements[i].Event.Account] = true
	}
	return sortedKeys(accounts)
}

var knownQuery = bulk{
	head: `SELECT account, id FROM usage_event WHERE (account, id) IN (`, tail: `)`, types: "tt",
}

type eventID struct{ account, id string }

// fresh are the settlements whose events the store has not got, each event once.
func (t *tx) fresh(settlements []accounting.Settlement) ([]accounting.Settlement, error) {
	seen := make(map[eventID]bool, len(settlements))
	args := make([]any, 0, 2*len(settlements))
	for i := range settlements {
		args = append(args, settlements[i].Event.Account, settlements[i].Event.ID)
	}
	err := knownQuery.each(t, func(r row) error {
		var id eventID
		err := r.Scan(&id.account, &id.id)
		seen[id] = true
		return err
	}, nil, args)
	if err != nil {
		return nil, err
	}
	fresh := make([]accounting.Settlement, 0, len(settlements))
	for _, s := range settlements {
		id := eventID{s.Event.Account, s.Event.ID}
		if !seen[id] {
			seen[id] = true
			s.Event.Model, s.Event.RequestedModel = storable(s.Event.Model), storable(s.Event.RequestedModel)
			fresh = append(fresh, s)
		}
	}
	return fresh, nil
}

// storable is text that any database takes, made of what a provider or a client wrote: the charge must not fail for it.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// book charges the settlements to the books of their accounts, in order, and writes them and their sums.
func (t *tx) book(settlements []accounting.Settlement, all map[string]*book, at time.Time) error {
	if len(settlements) == 0 {
		return nil
	}
	books := make(map[string]*book, len(all))
	for _, id := range accountsOf(settlements) {
		if b := all[id]; b != nil {
			books[id] = b
		}
	}
	if err := t.loadCharged(books, settlements); err != nil {
		return err
	}
	plans, err := t.plans()
	if err != nil {
		return err
	}
	before := make(map[string]accounting.Amounts, len(books))
	for id, b := range books {
		b.roll(at, plans)
		before[id] = b.pools.Balance()
	}
	sums := newSums()
	events := make([]any, 0, len(settlements)*len(eventsInsert.types))
	last := make(map[string]string, len(books))
	for i := range settlements {
		s := &settlements[i]
		start := charge(books[s.Event.Account], s, at)
		events = eventArguments(events, &s.Event, start)
		sums.add(s, anchorOf(books[s.Event.Account]), start)
		last[s.Event.Account] = s.Event.ID
	}
	for _, id := range sortedKeys(books) {
		books[id].pools.Usage(at, before[id], last[id])
	}
	if err := eventsInsert.exec(t, events); err != nil {
		return err
	}
	if err := t.saveSums(sums); err != nil {
		return err
	}
	return t.save(values(books)...)
}

// loadCharged gives the books what the settlements may charge: every period that they name, and grants.
func (t *tx) loadCharged(books map[string]*book, settlements []accounting.Settlement) error {
	since := admitted(&settlements[0])
	for i := range settlements {
		if at := admitted(&settlements[i]); at.Before(since) {
			since = at
		}
	}
	if err := t.loadPeriods(books, since); err != nil {
		return err
	}
	return t.loadLiveGrants(books)
}

// admitted is an instant of the period in which the request was admitted.
func admitted(s *accounting.Settlement) time.Time {
	if s.PeriodStart.IsZero() {
		return s.Event.StartedAt
	}
	return s.PeriodStart
}

// charge splits the event's charge and gives the start of the period that it was booked on.
func charge(b *book, s *accounting.Settlement, at time.Time) time.Time {
	if b == nil {
		s.Event.Charged = accounting.Charged{Total: s.Event.Charged.Total, Overdraft: s.Event.Charged.Total}
		return s.PeriodStart
	}
	start := admitted(s)
	s.Event.Charged = b.pools.Charge(start, s.Event.Charged.Total, at)
	return b.pools.Period(start).Start
}

func anchorOf(b *book) accounting.Anchor {
	if b == nil {
		return accounting.Anchor{}
	}
	return b.account.Anchor
}

func values(books map[string]*book) []*book {
	all := make([]*book, 0, len(books))
	for _, id := range sortedKeys(books) {
		all = append(all, books[id])
	}
	return all
}

// bury keeps records that could not be stored.
func (t *tx) bury(journal string, dead []accounting.DeadLetter) error {
	for _, d := range dead {
		bytes := d.Bytes
		if bytes == nil {
			bytes = []byte{}
		}
		err := t.exec(`INSERT INTO dead_letter (journal, seq, bytes, error) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
			journal, d.Seq, bytes, d.Error)
		if err != nil {
			return err
		}
	}
	return nil
}

// DeadLetters is how many records could not be stored and wait for a person.
func (s *Store) DeadLetters(ctx context.Context) (n int64, err error) {
	err = s.glance(ctx, func(t *tx) error {
		_, err = t.one([]any{&n}, `SELECT COUNT(*) FROM dead_letter`)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("dead letters: %w", err)
	}
	return n, nil
}
