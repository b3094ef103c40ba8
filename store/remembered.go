package store

import (
	"context"
	"fmt"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// rememberFor is how long an answer is kept for a repeated POST.
const rememberFor = 24 * time.Hour

// Remember keeps an answer, in place of what was kept under its key, and forgets those that are too old by then.
func (s *Store) Remember(ctx context.Context, r accounting.Remembered) error {
	err := s.write(ctx, func(t *tx) error {
		if err := t.exec(`DELETE FROM remembered WHERE at <= $1`, micros(r.At.Add(-rememberFor))); err != nil {
			return err
		}
		return t.exec(`INSERT INTO remembered (key, body, status, answer, at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (key) DO UPDATE SET body = excluded.body, status = excluded.status, answer = excluded.answer, at = excluded.at`,
			r.Key, r.Body[:], r.Status, append([]byte{}, r.Answer...), micros(r.At))
	})
	if err != nil {
		return fmt.Errorf("remember answer: %w", err)
	}
	return nil
}

// Recall finds the answer kept under a key in the 24 hours before now.
func (s *Store) Recall(ctx context.Context, key string, now time.Time) (r accounting.Remembered, err error) {
	var body []byte
	var found bool
	err = s.glance(ctx, func(t *tx) error {
		found, err = t.one([]any{&r.Key, &body, &r.Status, &r.Answer, asInstant{&r.At}},
			`SELECT key, body, status, answer, at FROM remembered WHERE key = $1 AND at > $2`, key, micros(now.Add(-rememberFor)))
		return err
	})
	if err == nil && !found {
		err = accounting.ErrNotFound
	}
	if err != nil {
		return accounting.Remembered{}, fmt.Errorf("recall answer: %w", err)
	}
	copy(r.Body[:], body)
	return r, nil
}
