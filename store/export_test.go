package store

import "context"

// SessionState counts what a connection to Postgres keeps beyond a transaction.
func (s *Store) SessionState(ctx context.Context) (n int, err error) {
	err = s.writer.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM pg_prepared_statements) +
		(SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())`).Scan(&n)
	return n, err
}
