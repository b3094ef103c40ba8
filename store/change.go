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
