package store

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// takeBack undoes the newest steps of a schema.
func takeBack(ctx context.Context, t *testing.T, s *Store, statements ...string) {
	t.Helper()
	for _, back := range statements {
		if _, err := s.writer.db.ExecContext(ctx, back); err != nil {
			t.Fatalf("%s: %v", back, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// thirdStep is what the schema's third version brought.
var thirdStep = []string{`DROP TABLE notice`, `DROP TABLE reset_position`, `DROP INDEX account_period_end`}

// TestAnEmbeddedStoreOfTheFirstVersionIsBroughtUpToDate with what it holds.
func TestAnEmbeddedStoreOfTheFirstVersionIsBroughtUpToDate(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tollgate.db")
	s, err := Open(t.Context(), file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	takeBack(t.Context(), t, s, append(thirdStep[:len(thirdStep):len(thirdStep)],
		`DROP INDEX lease_epoch`, `DROP INDEX replica_live`, `DROP INDEX usage_event_account_started`,
		`ALTER TABLE replica DROP COLUMN seen_at`, `PRAGMA user_version = 1`,
		`INSERT INTO replica (epoch, journal, started_at, drained_at) VALUES ('old', 'j', 1, 0)`)...)
	if s, err = Open(t.Context(), file, Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Seen(t.Context(), "old", "j", time.Now()); err != nil {
		t.Error(err)
	}
}

// TestAccountsOfTheSecondVersionAreToldOfTheirResets: what slept since before the upgrade is found too.
func TestAccountsOfTheSecondVersionAreToldOfTheirResets(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tollgate.db")
	s, err := Open(t.Context(), file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	monthly := int64(100)
	a := accounting.Account{ID: "acme", Status: accounting.Active, MonthlyTokens: &monthly}
	if _, err := s.CreateAccount(t.Context(), a, time.Now().AddDate(0, -2, 0)); err != nil {
		t.Fatal(err)
	}
	takeBack(t.Context(), t, s, append(thirdStep[:len(thirdStep):len(thirdStep)], `PRAGMA user_version = 2`)...)
	if s, err = Open(t.Context(), file, Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Tell(accounting.Audience{Targets: []accounting.Target{{Name: "shop", Kinds: accounting.NoticeKinds}}})
	if _, err := s.ResetEnded(t.Context(), 10); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if told, err := s.ClaimNotices(t.Context(), "shop", now, now.Add(time.Minute), 10); err != nil || len(told) != 1 || told[0].Kind != accounting.AccountReset {
		t.Errorf("got %+v, %v", told, err)
	}
}
