package store

import (
	"context"
	"fmt"
	"time"
)

// Start registers a replica's life before it asks for credit.
func (s *Store) Start(ctx context.Context, epoch, journal string, now time.Time) error {
	err := s.write(ctx, func(t *tx) error {
		return t.exec(`INSERT INTO replica (epoch, journal, started_at, drained_at) VALUES ($1, $2, $3, 0) ON CONFLICT (epoch) DO NOTHING`,
			epoch, journal, micros(now))
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

// closed says whether a life has ended as far as credit is concerned.
func (t *tx) closed(epoch string) (bool, error) {
	var drained int64
	_, err := t.one([]any{&drained}, `SELECT drained_at FROM replica WHERE epoch = $1`, epoch)
	return drained != 0, err
}
