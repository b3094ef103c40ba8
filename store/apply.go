package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	l, err := t.loadBatch(b)
	if err != nil {
		return err
	}
	if l.at != b.After {
		return fmt.Errorf("%w: it is at %d", accounting.ErrPosition, l.at)
	}
	if err := t.book(l, whole(b.At)); err != nil {
		return err
	}
	if err := t.bury(b.Journal, b.Dead); err != nil {
		return err
	}
	return t.exec(`UPDATE journal_position SET seq = $1 WHERE journal = $2`, b.Upto, b.Journal)
}

// loaded is a batch's settlements whose events the store has not got, each once, and what they may charge.
type loaded struct {
	at    int64 // the journal's position
	fresh []accounting.Settlement
	books map[string]*book
	plans map[string]int64
}

// loadBatch locks the journal's position, which waits for a batch of it whose answer may have been lost, then the
// accounts, and loads every period that the settlements name.
func (t *tx) loadBatch(b accounting.Batch) (*loaded, error) {
	l := &loaded{books: map[string]*book{}, plans: map[string]int64{}}
	known := make(map[eventID]bool, len(b.Settlements))
	accounts := arguments(accountsOf(b.Settlements))
	err := t.all(slices.Concat(
		[]query{positionTo(&l.at, b.Journal)},
		booksQuery.queries(t, booksTo(l.books), nil, accounts),
		knownQuery.queries(t, knownTo(known), nil, eventIDs(b.Settlements)),
		periodsQuery.queries(t, periodsTo(l.books), []any{micros(firstAdmitted(b.Settlements))}, accounts),
		liveGrantsQuery.queries(t, grantsTo(l.books), nil, accounts),
		[]query{plansTo(l.plans)})...)
	l.fresh = fresh(b.Settlements, known)
	return l, err
}

func positionTo(at *int64, journal string) query {
	return query{
		text: `INSERT INTO journal_position (journal, seq) VALUES ($1, 0)
			ON CONFLICT (journal) DO UPDATE SET seq = journal_position.seq RETURNING seq`,
		args: []any{journal}, scan: func(r row) error { return r.Scan(at) },
	}
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

func eventIDs(settlements []accounting.Settlement) []any {
	args := make([]any, 0, 2*len(settlements))
	for i := range settlements {
		args = append(args, settlements[i].Event.Account, settlements[i].Event.ID)
	}
	return args
}

func knownTo(known map[eventID]bool) func(row) error {
	return func(r row) error {
		var id eventID
		err := r.Scan(&id.account, &id.id)
		known[id] = true
		return err
	}
}

// fresh are the settlements whose events are not known, which they are then.
func fresh(settlements []accounting.Settlement, known map[eventID]bool) []accounting.Settlement {
	fresh := make([]accounting.Settlement, 0, len(settlements))
	for _, s := range settlements {
		id := eventID{s.Event.Account, s.Event.ID}
		if !known[id] {
			known[id] = true
			s.Event.Model, s.Event.RequestedModel = storable(s.Event.Model), storable(s.Event.RequestedModel)
			fresh = append(fresh, s)
		}
	}
	return fresh
}

// storable is text that any database takes, made of what a provider or a client wrote: the charge must not fail for it.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "\ufffd")
}

// book charges the settlements to the books of their accounts, in order, and writes them and their sums.
func (t *tx) book(l *loaded, at time.Time) error {
	settlements := l.fresh
	if len(settlements) == 0 {
		return nil
	}
	books := make(map[string]*book, len(l.books))
	before := make(map[string]accounting.Amounts, len(l.books))
	for _, id := range accountsOf(settlements) {
		if b := l.books[id]; b != nil {
			b.roll(at, l.plans)
			books[id], before[id] = b, b.pools.Balance()
		}
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

// firstAdmitted is an instant of the oldest period that the settlements may charge.
func firstAdmitted(settlements []accounting.Settlement) (first time.Time) {
	for i := range settlements {
		if at := admitted(&settlements[i]); i == 0 || at.Before(first) {
			first = at
		}
	}
	return first
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
