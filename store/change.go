package store

import (
	"context"
	"fmt"

	"github.com/tollgate/tollgate/policy"
)

// changesMax is how many changes one call of Changes gives.
const changesMax = 1000

// changed tells the replicas. Sequence numbers are given in the order of commits.
func (t *tx) changed(kind, id string) error {
	if err := t.alone(turnChange); err != nil {
		return err
	}
	return t.exec(`INSERT INTO change (seq, kind, id) SELECT COALESCE(MAX(seq), 0) + 1, $1, $2 FROM change`, kind, id)
}

// ChangesKept is how many changes outlive their deletion: 10 MB of rows, and more than a gateway that is cut off for
// an hour misses where 25 things a second are changed. One that missed more treats everything as changed.
const ChangesKept = 100_000

// DeleteChanges deletes the oldest changes beyond the newest keep, limit at most. The newest stays in any case: the next
// one's number comes from it.
func (s *Store) DeleteChanges(ctx context.Context, keep, limit int) (int, error) {
	var n int64
	err := s.write(ctx, func(t *tx) (err error) {
		n, err = t.affect(`DELETE FROM change WHERE seq < (SELECT MIN(seq) FROM change) + $1 AND seq <= (SELECT MAX(seq) FROM change) - $2`,
			limit, max(1, keep))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("delete changes: %w", err)
	}
	return int(n), nil
}

// Changes are those after a sequence number. The second result is where to go on from: the newest change's number
// when there is none after it, which is lower than after when the database went back in time.
func (s *Store) Changes(ctx context.Context, after int64) (changes []policy.Change, next int64, err error) {
	err = s.glance(ctx, func(t *tx) error {
		_, err := t.one([]any{&next}, `SELECT seq FROM change ORDER BY seq DESC LIMIT 1`)
		return err
	})
	if err == nil && after >= 0 && next > after { // mostly there is nothing new, and the one query was enough
		err = s.glance(ctx, func(t *tx) error {
			changes, err = list(t, func(r row) (c policy.Change, err error) {
				err = r.Scan(&c.Seq, &c.Kind, &c.ID)
				return c, err
			}, `SELECT seq, kind, id FROM change WHERE seq > $1 ORDER BY seq LIMIT $2`, after, changesMax)
			return err
		})
	}
	if err != nil {
		return nil, 0, fmt.Errorf("changes after %d: %w", after, err)
	}
	if n := len(changes); n > 0 {
		next = changes[n-1].Seq
	}
	return changes, next, nil
}
