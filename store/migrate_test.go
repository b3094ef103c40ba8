package store

import (
	"path/filepath"
	"testing"
	"time"
)

// TestAnEmbeddedStoreOfTheFirstVersionIsBroughtUpToDate with what it holds.
func TestAnEmbeddedStoreOfTheFirstVersionIsBroughtUpToDate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tollgate.db")
	s, err := Open(t.Context(), file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, back := range []string{
		`DROP INDEX lease_epoch`, `DROP INDEX replica_live`, `DROP INDEX usage_event_account_started`,
		`ALTER TABLE replica DROP COLUMN seen_at`, `PRAGMA user_version = 1`,
		`INSERT INTO replica (epoch, journal, started_at, drained_at) VALUES ('old', 'j', 1, 0)`,
	} {
		if _, err := s.writer.db.ExecContext(t.Context(), back); err != nil {
			t.Fatalf("%s: %v", back, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(t.Context(), file, Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Seen(t.Context(), "old", "j", time.Now()); err != nil {
		t.Error(err)
	}
}
