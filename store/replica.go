package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Start registers a replica's life before it asks for credit.
func (s *Store) Start(ctx context.Context, epoch, journal string, now time.Time) error {
	err := s.write(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO replica (epoch, journal, started_at, seen_at, drained_at) VALUES ($1, $2, $3, $4, 0)
			ON CONFLICT (epoch) DO NOTHING`, epoch, journal, micros(now), micros(now))
	})
	if err != nil {
		return fmt.Errorf("start replica %s: %w", epoch, err)
	}
	return nil
}

// CloseEpochs ends the leases of a journal's lives, of all lives where journal is "", the one that runs excepted. It
// is called when all that they wrote is stored. What turns up of them afterwards is booked all the same.
func (s *Store) CloseEpochs(ctx context.Context, journal, except string) error {
	err := s.write(ctx, func(t *tx) error {
		err := t.exec(`UPDATE replica SET drained_at = $1 WHERE (journal = $2 OR $2 = '') AND epoch <> $3 AND drained_at = 0`,
			micros(s.now()), journal, except)
		if err != nil {
			return err
		}
		return t.exec(`DELETE FROM lease WHERE epoch IN (SELECT epoch FROM replica WHERE (journal = $1 OR $1 = '') AND epoch <> $2)`, journal, except)
	})
	if err != nil {
		return fmt.Errorf("close epochs of journal %s: %w", journal, err)
	}
	return nil
}

// EndedKept is how long the row of a replica's life outlives its end: for who looks into what happened. A gateway that
// turns up after more than policy.lease_forfeit_after begins a new life by itself, and events are booked without the row.
const EndedKept = 7 * 24 * time.Hour

// DeleteEnded deletes lives that ended before an instant, limit at most, and what events that came afterwards have
// counted against their leases.
func (s *Store) DeleteEnded(ctx context.Context, before time.Time, limit int) (int, error) {
	var epochs []string
	err := s.write(ctx, func(t *tx) (err error) {
		epochs, err = list(t, func(r row) (epoch string, err error) {
			err = r.Scan(&epoch)
			return epoch, err
		}, `DELETE FROM replica WHERE epoch IN (SELECT epoch FROM replica WHERE drained_at > 0 AND drained_at < $1 ORDER BY epoch LIMIT $2) RETURNING epoch`,
			micros(before), limit)
		if err != nil {
			return err
		}
		return t.closeLeases(epochs)
	})
	if err != nil {
		return 0, fmt.Errorf("delete replicas that ended before %s: %w", before.Format(time.RFC3339), err)
	}
	return len(epochs), nil
}

func (t *tx) closeLeases(epochs []string) error {
	for _, epoch := range epochs {
		if err := t.exec(`DELETE FROM lease WHERE epoch = $1`, epoch); err != nil {
			return err
		}
	}
	return nil
}

// seenFor is how long a replica that was seen counts as one that shares the pools.
const seenFor = 30 * time.Second

// life is a replica's as far as credit is concerned.
type life struct {
	drainedAt, live int64
}

func (l *life) closed() bool { return l.drainedAt != 0 }

// lifeTo finds out whether a life has ended, and how many live. The life does not end before the transaction does.
func (t *tx) lifeTo(l *life, epoch string, now time.Time) query {
	return query{
		text: `SELECT drained_at, (SELECT COUNT(*) FROM replica WHERE drained_at = 0 AND seen_at > $1) FROM replica WHERE epoch = $2` + t.forShare,
		args: []any{micros(now.Add(-seenFor)), epoch},
		scan: func(r row) error { return r.Scan(&l.drainedAt, &l.live) },
	}
}

// ErrClosed says that a life was closed, as its replica was not seen for long. It is lent nothing any more; what it
// still has to store is booked.
var ErrClosed = errors.New("this replica's leases were closed, as it was not seen for long")

// Seen notes that a life goes on, also in a database that went back in time to before it began. It fails with ErrClosed.
func (s *Store) Seen(ctx context.Context, epoch, journal string, now time.Time) error {
	err := s.write(ctx, func(t *tx) error {
		var drained int64
		_, err := t.one([]any{&drained}, `INSERT INTO replica (epoch, journal, started_at, seen_at, drained_at) VALUES ($1, $2, $3, $4, 0)
			ON CONFLICT (epoch) DO UPDATE SET seen_at = excluded.seen_at RETURNING drained_at`, epoch, journal, micros(now), micros(now))
		if err == nil && drained != 0 {
			err = ErrClosed
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("replica %s: %w", epoch, err)
	}
	return nil
}

// Forfeit closes the lives that were last seen before an instant, and says which. What they hold can be lent again; if
// they spent more of it than the store knows, that is booked as it turns up.
func (s *Store) Forfeit(ctx context.Context, before time.Time) (epochs []string, err error) {
	err = s.write(ctx, func(t *tx) error {
		epochs, err = list(t, func(r row) (epoch string, err error) {
			err = r.Scan(&epoch)
			return epoch, err
		}, `UPDATE replica SET drained_at = $1 WHERE drained_at = 0 AND seen_at < $2 RETURNING epoch`, micros(s.now()), micros(before))
		if err != nil {
			return err
		}
		return t.closeLeases(epochs)
	})
	if err != nil {
		return nil, fmt.Errorf("forfeit leases of replicas last seen before %s: %w", before.Format(time.RFC3339), err)
	}
	return epochs, nil
}
