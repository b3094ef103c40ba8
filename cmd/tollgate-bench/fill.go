package main

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/store"
)

// fillBatch is how many events are stored in one transaction.
const fillBatch = 2000

// fill puts a history into a store that has none of it, by the calls that the gateway makes: so the books are what they
// would be. parts transactions at a time store events.
type fill struct {
	history *history
	store   *store.Store
	parts   int
	done    atomic.Int64
	// first and ninth are when so many tenths were stored.
	first, ninth mark
}

// open makes the accounts with a key each, and their purchases.
func (f *fill) open(ctx context.Context) error {
	var all errgroup.Group
	for part := range f.parts {
		all.Go(func() error {
			for i := part; i < f.history.accounts; i += f.parts {
				if err := f.account(ctx, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return all.Wait()
}

func (f *fill) account(ctx context.Context, i int) error {
	now := f.history.from
	if _, err := f.store.CreateAccount(ctx, f.history.account(i), now); err != nil {
		return err
	}
	key, hash := f.history.key(i)
	if _, err := f.store.CreateKey(ctx, key, hash, now); err != nil {
		return err
	}
	g, bought := f.history.grant(i)
	if !bought {
		return nil
	}
	_, _, err := f.store.CreateGrant(ctx, g, now)
	return err
}

// run stores the events and says how many a second it stored of the first and of the last tenth.
func (f *fill) run(ctx context.Context) (first, last float64, err error) {
	began := time.Now()
	var all errgroup.Group
	for part := range f.parts {
		all.Go(func() error { return f.part(ctx, part) })
	}
	if err := all.Wait(); err != nil {
		return 0, 0, err
	}
	rate := func(events int64, took time.Duration) float64 { return float64(events) / took.Seconds() }
	return rate(f.first.events, f.first.at.Sub(began)), rate(f.done.Load()-f.ninth.events, time.Since(f.ninth.at)), nil
}

func (f *fill) part(ctx context.Context, part int) error {
	b := accounting.Batch{Journal: fmt.Sprintf("history-%d", part)}
	for s := range f.history.sessions(part, f.parts) {
		b.Settlements = s.settlements(b.Settlements)
		b.At = s.at.Add(time.Hour)
		if len(b.Settlements) >= fillBatch {
			if err := f.apply(ctx, &b); err != nil {
				return err
			}
		}
	}
	return f.apply(ctx, &b)
}

func (f *fill) apply(ctx context.Context, b *accounting.Batch) error {
	n := len(b.Settlements)
	b.Upto = b.After + int64(n)
	if err := cmp.Or(ctx.Err(), f.store.Apply(ctx, *b)); err != nil {
		return err
	}
	b.After, b.Settlements = b.Upto, b.Settlements[:0]
	done, tenth := f.done.Add(int64(n)), int64(f.history.events/10)
	f.first.reach(tenth, done, n)
	f.ninth.reach(9*tenth, done, n)
	return nil
}

// mark is when how many events were stored, at least as many as asked for. One goroutine reaches it.
type mark struct {
	events int64
	at     time.Time
}

func (m *mark) reach(events, done int64, n int) {
	if done >= events && done-int64(n) < events {
		m.events, m.at = done, time.Now()
	}
}
