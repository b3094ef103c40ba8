package store

import "context"

// On is o for a store on a file system of SQLite's.
func (o Options) On(vfs string) Options {
	o.vfs = vfs
	return o
}

// SchemaVersion is what a Postgres database says of itself; -1: nothing.
func (s *Store) SchemaVersion(ctx context.Context) (version int) {
	if err := s.writer.db.QueryRowContext(ctx, `SELECT version FROM tollgate_schema`).Scan(&version); err != nil {
		return -1
	}
	return version
}

// SessionState counts what a connection to Postgres keeps beyond a transaction.
func (s *Store) SessionState(ctx context.Context) (n int, err error) {
	err = s.writer.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM pg_prepared_statements) +
		(SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())`).Scan(&n)
	return n, err
}
