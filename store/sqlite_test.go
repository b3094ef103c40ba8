package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/storetest"
)

var _ storetest.Store = (*store.Store)(nil)

var now = time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC)

func openStore(t *testing.T, file string, o store.Options) *store.Store {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return now }
	}
	s, err := store.Open(t.Context(), file, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSQLiteIsAStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, "sqlite", func(t *testing.T, forgive bool, now func() time.Time) storetest.Store {
		return openStore(t, filepath.Join(t.TempDir(), "tollgate.db"), store.Options{Forgive: forgive, Now: now})
	})
}

// rewoundFile is a store on a file that can be put back.
type rewoundFile struct {
	*store.Store
	t      *testing.T
	dir    string
	copies int
	now    func() time.Time
}

func (r *rewoundFile) kept() string { return filepath.Join(r.dir, fmt.Sprintf("kept-%d.db", r.copies)) }

func (r *rewoundFile) Keep() {
	r.copies++
	if err := r.Backup(r.t.Context(), r.kept()); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rewoundFile) Rewind() {
	r.Store = openStore(r.t, r.kept(), store.Options{Now: r.now})
}

func TestSQLiteServesACluster(t *testing.T) {
	t.Parallel()
	storetest.RunCluster(t, "sqlite", func(t *testing.T, now func() time.Time) storetest.Rewinder {
		dir := t.TempDir()
		return &rewoundFile{Store: openStore(t, filepath.Join(dir, "tollgate.db"), store.Options{Now: now}), t: t, dir: dir, now: now}
	})
}

// raw opens a second hand on the database, for what no store would do.
func raw(t *testing.T, file string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func account(t *testing.T, s *store.Store, id string, monthly int64) {
	t.Helper()
	if _, err := s.CreateAccount(t.Context(), accounting.Account{ID: id, Status: accounting.Active, MonthlyTokens: &monthly}, now); err != nil {
		t.Fatal(err)
	}
}

func event(account string, n int, tokens int64) accounting.Settlement {
	return accounting.Settlement{PeriodStart: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Epoch: "epoch", Event: accounting.Event{
		ID: fmt.Sprintf("019ab000-0000-7000-8000-%012x", n), Account: account, StartedAt: now, Charged: accounting.Charged{Total: tokens},
	}}
}

func TestAStoreOpensAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "100% of it?#.db")
	s := openStore(t, file, store.Options{})
	account(t, s, "acme", 100)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the file is not where it should be: %v", err)
	}
	if a, err := openStore(t, file, store.Options{}).Account(t.Context(), "acme"); err != nil || *a.MonthlyTokens != 100 {
		t.Errorf("account after opening again: %+v, %v", a, err)
	}
}

func TestADatabaseOfANewerProgramIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tollgate.db")
	openStore(t, file, store.Options{})
	if _, err := raw(t, file).Exec(`PRAGMA user_version = 99`); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(t.Context(), file, store.Options{})
	want := "open store " + file + ": its schema is version 99 and this program knows 3: it was written by a newer tollgate"
	if err == nil || err.Error() != want {
		t.Errorf("got the error %q, want %q", err, want)
	}
}

func TestAFileThatIsNoDatabaseIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tollgate.db")
	if err := os.WriteFile(file, []byte(strings.Repeat("not a database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), file, store.Options{}); err == nil || !strings.HasPrefix(err.Error(), "open store "+file+": ") {
		t.Errorf("got the error %v, want one that names the file", err)
	}
	if _, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "none", "tollgate.db"), store.Options{}); err == nil {
		t.Error("a folder that does not exist: no error")
	}
}

func TestWhatAStoreReturnedIsThereAfterAnEndWithoutClose(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tollgate.db")
	s := openStore(t, file, store.Options{})
	account(t, s, "acme", 100)
	if err := s.Apply(t.Context(), accounting.Batch{Journal: "j", Upto: 1, At: now, Settlements: []accounting.Settlement{event("acme", 1, 7)}}); err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(t.TempDir(), "tollgate.db")
	for _, suffix := range []string{"", "-wal"} { // as a crash leaves them
		content, err := os.ReadFile(file + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(copied+suffix, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	after := openStore(t, copied, store.Options{})
	if seq, err := after.Position(t.Context(), "j"); err != nil || seq != 1 {
		t.Errorf("position after a crash: %d, %v", seq, err)
	}
}

func TestAContextThatEndsOrAPanicLeavesTheStoreUsable(t *testing.T) {
	s := openStore(t, filepath.Join(t.TempDir(), "tollgate.db"), store.Options{})
	account(t, s, "acme", 100)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Apply(gone, accounting.Batch{Journal: "j", Upto: 1, At: now}); !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v, want that the context ended", err)
	}
	func() {
		defer func() { _ = recover() }()
		s.ChangeAccount(t.Context(), "acme", 0, func(*accounting.Account) error { panic("the caller's") }, now)
	}()
	if err := s.Apply(t.Context(), accounting.Batch{Journal: "j", Upto: 1, At: now}); err != nil {
		t.Errorf("a batch after both: %v", err)
	}
}

// TestADatabaseFromEarlierAndTheJournalMakeTheSameLedger restores copies from every moment between batches and tells
// them the whole journal again.
func TestADatabaseFromEarlierAndTheJournalMakeTheSameLedger(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, filepath.Join(dir, "tollgate.db"), store.Options{})
	account(t, s, "acme", 100)
	if _, _, err := s.CreateGrant(t.Context(), accounting.Grant{Account: "acme", Reference: "r", Tokens: 50}, now); err != nil {
		t.Fatal(err)
	}
	var journal []accounting.Settlement
	for n := range 12 {
		journal = append(journal, event("acme", n, int64(3*n)))
	}
	const size = 3
	tell := func(s *store.Store, from int) {
		t.Helper()
		for ; from < len(journal); from += size {
			b := accounting.Batch{Journal: "j", After: int64(from), Upto: int64(from + size), Settlements: journal[from : from+size], At: now}
			if err := s.Apply(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
	}
	var copies []string
	for from := 0; from < len(journal); from += size {
		copies = append(copies, filepath.Join(dir, fmt.Sprintf("copy-%d.db", from)))
		if err := s.Backup(t.Context(), copies[len(copies)-1]); err != nil {
			t.Fatal(err)
		}
		b := accounting.Batch{Journal: "j", After: int64(from), Upto: int64(from + size), Settlements: journal[from : from+size], At: now}
		if err := s.Apply(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	want := ledgerOf(t, s)
	for i, file := range copies {
		earlier := openStore(t, file, store.Options{})
		seq, err := earlier.Position(t.Context(), "j")
		if err != nil || seq != int64(i*size) {
			t.Fatalf("position of copy %d: %d, %v", i, seq, err)
		}
		tell(earlier, int(seq))
		if diff := cmp.Diff(want, ledgerOf(t, earlier)); diff != "" {
			t.Errorf("copy %d (-want +got):\n%s", i, diff)
		}
	}
	if err := s.Backup(t.Context(), copies[0]); !errors.Is(err, os.ErrExist) {
		t.Errorf("a backup over a file: got the error %v, want that it exists", err)
	}
}

type ledger struct {
	Entries []accounting.Entry
	Events  []accounting.Event
	View    accounting.View
}

func ledgerOf(t *testing.T, s *store.Store) (l ledger) {
	t.Helper()
	pools, err := s.Pools(t.Context(), "acme", now)
	if err != nil {
		t.Fatal(err)
	}
	l.View = accounting.NewView(pools, now, 0, 0)
	if l.Entries, err = s.Ledger(t.Context(), "acme", 0, 1000); err != nil {
		t.Fatal(err)
	}
	if l.Events, err = s.Events(t.Context(), "acme", accounting.EventFilter{}, "", 1000); err != nil {
		t.Fatal(err)
	}
	return l
}
