package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/accounting/journal"
	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/pgtest"
)

// settlements shows how many events a second one gateway's recorder carries from the journal into either store, with
// every commit synced.
func (s *scale) settlements(ctx context.Context) error {
	table := newTable(s.out, "the recorder", "events", "settled events/s")
	row := func(name string, db *store.Store) error {
		rate, err := s.settleAll(ctx, db, filepath.Join(s.dir, name+"-journal.db"))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		table.row(name, fmt.Sprint(s.settled), fmt.Sprintf("**%.0f**", rate))
		return nil
	}
	embedded, err := store.Open(ctx, filepath.Join(s.dir, "settled.db"), store.Options{})
	if err != nil {
		return err
	}
	defer embedded.Close()
	if err := row("SQLite", embedded); err != nil {
		return err
	}
	server, err := pgtest.Run("fsync=on")
	if err != nil {
		return err
	}
	defer server.Remove()
	shared, err := connect(ctx, server.URL())
	if err != nil {
		return err
	}
	defer shared.Close()
	return row("Postgres", shared)
}

// settleAll journals events of up to 500 accounts and times how they are stored.
func (s *scale) settleAll(ctx context.Context, db *store.Store, file string) (rate float64, err error) {
	now := time.Now()
	h := newHistory(min(500, s.accounts), s.settled, now.Add(-2*time.Hour), now.Add(-time.Hour))
	if err := (&fill{history: h, store: db, parts: parts}).open(ctx); err != nil {
		return 0, err
	}
	j, err := journal.Open(file, journal.Options{Memory: true})
	if err != nil {
		return 0, err
	}
	defer j.Close()
	ctx, end := context.WithCancel(ctx)
	var running errgroup.Group
	running.Go(func() error { return j.Run(ctx) })
	defer func() {
		end()
		err = errors.Join(err, running.Wait())
	}()
	r := accounting.NewRecorder(j, db, accounting.RecorderOptions{})
	if err := journalAll(r, h); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := r.Recover(ctx); err != nil {
		return 0, err
	}
	if lag := r.Lag(); lag.Records > 0 {
		return 0, fmt.Errorf("%d events are not stored", lag.Records)
	}
	return float64(s.settled) / time.Since(began).Seconds(), nil
}

// journalAll settles the history's events as they come from many customers at once: in no order of accounts.
func journalAll(r *accounting.Recorder, h *history) error {
	var all []accounting.Settlement
	for of := range h.sessions(0, 1) {
		all = of.settlements(all)
	}
	rand.New(rand.NewPCG(1, 6)).Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	const writers = 64
	failed := make([]error, writers)
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			for i := w; i < len(all) && failed[w] == nil; i += writers {
				s := all[i]
				s.Epoch, s.PeriodStart = "scale", s.Event.StartedAt
				failed[w] = r.Settle(s, false)
			}
		})
	}
	wait.Wait()
	return errors.Join(failed...)
}
