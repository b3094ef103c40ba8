package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/tollgate/tollgate/store"
)

// member is this gateway as one of the replicas that share a store.
type member struct {
	*gateway
	epoch string // changed by Run alone
	// missing is what it waits for; nil once it has joined.
	missing atomic.Pointer[error]
	joined  atomic.Bool
}

const (
	joinAgainMin = 100 * time.Millisecond
	joinAgainMax = 5 * time.Second
	// joinFor bounds one try, and leaveFor the end.
	joinFor  = 30 * time.Second
	leaveFor = 3 * time.Second
	// seenEach is how often a member shows that it lives.
	seenEach = 5 * time.Second
	// spendsFor is the part of policy.lease_forfeit_after for which leases are spent without being seen: what is left of
	// it is for clocks that differ and for requests that run.
	spendsFor = 7. / 8
	// steadyAfter is how often it must have been heard in a row before it judges others: after an outage of the
	// store, they need the time to be heard again.
	steadyAfter = 4
)

// waiting says why the gateway is not ready.
func (m *member) waiting() error {
	if why := m.missing.Load(); why != nil {
		return fmt.Errorf("it waits for its store: %w", *why)
	}
	return errStarting
}

// Run joins the others and lives with them until ctx ends. It fails when only a person can mend what is wrong with the
// store.
func (m *member) Run(ctx context.Context) error {
	for pause := joinAgainMin; ; pause = min(2*pause, joinAgainMax) {
		began := time.Now()
		err := m.join(ctx, m.epoch, began)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, store.ErrUnusable):
			return err
		case err == nil:
			m.gate.Extend(m.spendsUntil(began))
			m.missing.Store(nil)
			m.joined.Store(true)
			m.isReady()
			m.live(ctx)
			return nil
		}
		m.missing.Store(&err)
		m.log.Warn("waiting for the store", "retry_in", pause, "error", err)
		sleep(ctx, pause)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// join makes a life of this gateway one of the store's. The lives before it end when all that they journalled is stored.
func (m *member) join(ctx context.Context, epoch string, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, joinFor)
	defer cancel()
	if err := m.store.Migrate(ctx); err != nil {
		return err
	}
	if err := m.changePlans(ctx, m.config.Load().Plans); err != nil {
		return err
	}
	if err := m.store.Start(ctx, epoch, m.journal.ID(), now); err != nil {
		return err
	}
	if err := m.store.CloseEpochs(ctx, m.journal.ID(), epoch); err != nil {
		return err
	}
	return m.record.Try(ctx) // it may be waiting for its next try; with durability: database, answers wait for none
}

// live shows the others that this one lives, and closes those that do not.
func (m *member) live(ctx context.Context) {
	for steady := 0; ; {
		forfeitAfter := m.config.Load().Policy.LeaseForfeitAfter
		sleep(ctx, min(seenEach, forfeitAfter/8))
		if ctx.Err() != nil {
			return
		}
		now := time.Now()
		if steady++; !m.show(ctx, now) {
			steady = 0
		}
		if steady >= steadyAfter {
			m.forfeit(ctx, now.Add(-forfeitAfter))
		}
	}
}

// show lets the others see this life. One that they may have closed is followed by another.
func (m *member) show(ctx context.Context, now time.Time) (ok bool) {
	switch err := m.seen(ctx, now); {
	case errors.Is(err, store.ErrClosed), err == nil && m.gate.Over():
		return m.renew(ctx, now)
	case err != nil:
		return false
	}
	m.gate.Extend(m.spendsUntil(now))
	return true
}

// spendsUntil is how long leases are spent that were last seen at an instant.
func (m *member) spendsUntil(seen time.Time) time.Time {
	return seen.Add(time.Duration(spendsFor * float64(m.config.Load().Policy.LeaseForfeitAfter)))
}

// renew begins another life of this process: what is journalled of the last one is stored, its leases are closed.
func (m *member) renew(ctx context.Context, now time.Time) (ok bool) {
	m.gate.Extend(now) // until another one has begun, nothing is spent
	epoch := uuid.Must(uuid.NewV7()).String()
	if err := m.join(ctx, epoch, now); err != nil {
		if ctx.Err() == nil {
			m.log.Warn("waiting for the store", "error", err)
		}
		return false
	}
	m.gate.Renew(epoch, m.spendsUntil(now))
	m.log.Warn("this gateway was not seen for long (policy.lease_forfeit_after): it goes on with new leases", "epoch", epoch, "before", m.epoch)
	m.epoch = epoch
	return true
}

func (m *member) seen(ctx context.Context, now time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, seenEach)
	defer cancel()
	return m.store.Seen(ctx, m.epoch, m.journal.ID(), now)
}

func (m *member) forfeit(ctx context.Context, before time.Time) {
	ctx, cancel := context.WithTimeout(ctx, seenEach)
	defer cancel()
	if gone, err := m.store.Forfeit(ctx, before); err == nil && len(gone) > 0 {
		m.log.Warn("closed the leases of replicas that were not seen for policy.lease_forfeit_after", "epochs", gone)
	}
}

// leave ends this life in the store, if the store has all that it journalled. Otherwise the next one does.
func (m *member) leave() {
	if !m.joined.Load() || m.record.Lag().Records > 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveFor)
	defer cancel()
	if err := m.store.CloseEpochs(ctx, m.journal.ID(), ""); err != nil {
		m.log.Warn("this replica's leases stay open until its next start", "error", err)
	}
}
