package store_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/pgtest"
	"github.com/tollgate/tollgate/store/storetest"
)

func TestMain(m *testing.M) {
	if raced { // SQLite is thirty times slower then
		if err := flag.Set("rapid.checks", "30"); err != nil {
			panic(err)
		}
	}
	os.Exit(pgtest.Main(m))
}

// connect opens a store on a database.
func connect(t *testing.T, url string, o store.Options) *store.Store {
	t.Helper()
	if o.Now == nil {
		o.Now = func() time.Time { return now }
	}
	s, err := store.Connect(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPostgresIsAStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, "postgres", func(t *testing.T, forgive bool, now func() time.Time) storetest.Store {
		return connect(t, pgtest.URL(t), store.Options{Forgive: forgive, Now: now})
	})
}

// rewoundSchema is a store on a schema whose tables can be put back.
type rewoundSchema struct {
	*store.Store
	t   *testing.T
	url string
}

// tables runs a statement, in which %1$I is a table and %2$I the name of its copy, for each table of the schema.
func (r *rewoundSchema) tables(statement string) {
	pgtest.Exec(r.t, r.url, `DO $$ DECLARE name TEXT; BEGIN
		FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND NOT starts_with(tablename, 'kept_') LOOP
			EXECUTE format('`+statement+`', name, 'kept_' || name); END LOOP; END $$`)
}

func (r *rewoundSchema) Keep() {
	r.tables(`DROP TABLE IF EXISTS %2$I; CREATE TABLE %2$I AS TABLE %1$I`)
}

func (r *rewoundSchema) Rewind() {
	r.tables(`DELETE FROM %1$I; INSERT INTO %1$I SELECT * FROM %2$I`)
}

func TestPostgresServesACluster(t *testing.T) {
	t.Parallel()
	storetest.RunCluster(t, "postgres", func(t *testing.T, now func() time.Time) storetest.Rewinder {
		url := pgtest.URL(t)
		return &rewoundSchema{connect(t, url, store.Options{Now: now}), t, url}
	})
}

func TestASchemaIsMadeOnceByAllReplicas(t *testing.T) {
	url := pgtest.URL(t)
	var all sync.WaitGroup
	for range 5 {
		s, err := store.Connect(url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		all.Go(func() {
			if err := s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	s := connect(t, url, store.Options{})
	account(t, s, "acme", 1)
	if err := connect(t, url, store.Options{}).Migrate(t.Context()); err != nil { // again
		t.Error(err)
	}
	if _, err := s.Account(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
}

// TestTheVersionBeforeRunsOnTheNewSchema: gateways are replaced one by one.
func TestTheVersionBeforeRunsOnTheNewSchema(t *testing.T) {
	url := pgtest.URL(t)
	connect(t, url, store.Options{})
	pgtest.Exec(t, url, `UPDATE tollgate_schema SET version = 99; ALTER TABLE account ADD COLUMN shoe_size BIGINT NOT NULL DEFAULT 0; CREATE TABLE shoe (size BIGINT)`)
	s := connect(t, url, store.Options{})
	account(t, s, "acme", 1)
	if _, err := s.Account(t.Context(), "acme"); err != nil {
		t.Error(err)
	}
	reader, err := store.Connect(url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := reader.Meet(t.Context()); err != nil {
		t.Errorf("for reading: %v", err)
	}
	if version := s.SchemaVersion(t.Context()); version != 99 {
		t.Errorf("it made the schema version %d", version)
	}
}

func TestNothingWorksBeforeTheDatabaseIsMet(t *testing.T) {
	s, err := store.Connect(pgtest.URL(t), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Account(t.Context(), "acme"); err == nil || errors.Is(err, accounting.ErrNotFound) {
		t.Errorf("a read: %v", err)
	}
	if err := s.SetPlans(t.Context(), nil); err == nil {
		t.Error("a write before the schema was made")
	}
	if err := s.Meet(t.Context()); !errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), "no store of tollgate's") {
		t.Errorf("an empty database: %v", err)
	}
}

// TestADatabaseThatCanNotBeUsedSaysHowItIsMended: each with its own message and without the password.
func TestADatabaseThatCanNotBeUsedSaysHowItIsMended(t *testing.T) {
	pgtest.Exec(t, pgtest.URL(t), `CREATE ROLE `+pgtest.Guarded+` LOGIN PASSWORD 'right-pw'`)
	swap := func(url, old, new string) string { return strings.Replace(url, old, new, 1) }
	for name, tc := range map[string]struct {
		url    func(url string) string
		before string
		want   string
	}{
		"newer":           {before: `UPDATE tollgate_schema SET version = 99, serves = 98`, want: "its schema is version 99 and this program knows 3: it was written by a newer tollgate"},
		"without a table": {before: `DROP TABLE lease`, want: "it is half made: its schema is version 3 and has no table lease"},
		"without version": {before: `DELETE FROM tollgate_schema`, want: "it is half made: tollgate_schema has no version"},
		"another's":       {before: `DROP TABLE tollgate_schema`, want: "it has a table plan, but no tollgate_schema"},
		"no such database": {url: func(u string) string { return swap(u, "/postgres?", "/elsewhere?") },
			want: "store has to name a database that exists"},
		"no such schema":         {url: func(u string) string { return swap(u, "search_path=", "search_path=no_") }, want: "the search_path has to name a schema that exists"},
		"no right to the schema": {url: func(u string) string { return swap(u, "postgres@", pgtest.Guarded+":right-pw@") }, want: "that the user in store may use"},
		"wrong password":         {url: func(u string) string { return swap(u, "postgres@", pgtest.Guarded+":wrong-pw@") }, want: "user and password in store"},
		"no right to the tables": {before: `DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO ` + pgtest.Guarded + `', current_schema()); END $$`,
			url: func(u string) string { return swap(u, "postgres@", pgtest.Guarded+":right-pw@") }, want: "GRANT CREATE"},
		"no TLS there": {url: func(u string) string { return swap(u, "sslmode=disable", "sslmode=require") }, want: "sslmode=disable"},
		"not durable":  {url: func(u string) string { return u + "&synchronous_commit=off" }, want: "synchronous_commit is off"},
	} {
		t.Run(name, func(t *testing.T) {
			url := pgtest.URL(t)
			if tc.before != "" {
				connect(t, url, store.Options{})
				pgtest.Exec(t, url, tc.before)
			}
			if tc.url != nil {
				url = tc.url(url)
			}
			s, err := store.Connect(url, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			err = s.Migrate(t.Context())
			if !errors.Is(err, store.ErrUnusable) || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "-pw") {
				t.Errorf("got the error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestADatabaseThatIsDownMayComeBack(t *testing.T) {
	server := pgtest.Start(t)
	s := connect(t, server.URL(), store.Options{})
	account(t, s, "acme", 100)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := s.Migrate(t.Context()); err == nil || errors.Is(err, store.ErrUnusable) {
		t.Errorf("while it is down: %v", err)
	}
	if err := s.Apply(t.Context(), accounting.Batch{Journal: "j", Upto: 1, At: now}); err == nil || errors.Is(err, accounting.ErrData) {
		t.Errorf("a batch while it is down: %v", err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	b := accounting.Batch{Journal: "j", Upto: 1, At: now, Settlements: []accounting.Settlement{event("acme", 1, 7)}}
	if err := s.Apply(t.Context(), b); err != nil {
		t.Errorf("a batch when it is back, on the same store: %v", err)
	}
}

func TestURLsAreJudgedWithoutShowingThem(t *testing.T) {
	for url, want := range map[string]string{
		"postgres://u:geheim@127.0.0.1:5432/db":                                                            "",
		"postgresql://u:geheim@a.example,b.example/db?target_session_attrs=read-write":                     "",
		"postgres://u:geheim@127.0.0.1/db?pool_max_conns=4&default_query_exec_mode=exec&connect_timeout=2": "",
		"postgres://u:geheim@127.0.0.1:port/db":                                                            "invalid port",
		"postgres://u:geheim%zz@127.0.0.1/db":                                                              "is no URL",
		"postgres://u:geh eim@[::1/db":                                                                     "is no URL",
		"postgres://u:geheim@127.0.0.1/db?sslmode=maybe":                                                   "sslmode is invalid",
		"postgres://u:geheim@127.0.0.1/db?pool_max_conns=many":                                             "pool_max_conns",
		"postgres://u:geheim@127.0.0.1/db?default_query_exec_mode=simple_protocol":                         "simple_protocol",
	} {
		err := store.CheckURL(url)
		if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geh")) {
			t.Errorf("%s: got %v, want %q", url, err, want)
		}
	}
}

// TestNothingStaysInASession: a pooler may give each transaction another connection.
func TestNothingStaysInASession(t *testing.T) {
	url := pgtest.URL(t)
	s := connect(t, url+"&pool_max_conns=1", store.Options{})
	account(t, s, "acme", 100)
	b := accounting.Batch{Journal: "j", Upto: 2, At: now, Settlements: []accounting.Settlement{event("acme", 1, 7), event("acme", 2, 7)}}
	if err := s.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if left, err := s.SessionState(t.Context()); err != nil || left != 0 {
		t.Errorf("%d prepared statements and session locks, %v", left, err)
	}
}

// TestAPoolerMayStandBetween drives more connections through one than it has to the database.
func TestAPoolerMayStandBetween(t *testing.T) {
	s := connect(t, pgtest.Pooler(t, pgtest.Start(t)), store.Options{})
	var all sync.WaitGroup
	for j := range 12 {
		all.Go(func() {
			id := fmt.Sprint("account-", j%3)
			monthly := int64(1_000_000)
			if _, err := s.CreateAccount(t.Context(), accounting.Account{ID: id, Status: accounting.Active, MonthlyTokens: &monthly}, now); err != nil && !errors.Is(err, accounting.ErrExists) {
				t.Error(err)
			}
			for n := range 10 {
				b := accounting.Batch{Journal: fmt.Sprint("j", j), After: int64(2 * n), Upto: int64(2*n + 2), At: now,
					Settlements: []accounting.Settlement{event(id, 1000*j+2*n, 7), event(id, 1000*j+2*n+1, 7)}}
				if err := s.Apply(t.Context(), b); err != nil {
					t.Error(err)
				}
				if _, err := s.Exchange(t.Context(), policy.Ask{Account: id, Epoch: fmt.Sprint("e", j), Need: 5, Now: now}); err != nil {
					t.Error(err)
				}
				if _, _, err := s.Changes(t.Context(), 0); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for j := range 3 {
		if p, err := s.Pools(t.Context(), fmt.Sprint("account-", j), now); err != nil || p.Running().Used != 4*20*7 {
			t.Errorf("account %d: %v, %v", j, p, err)
		}
	}
	if drifts, err := s.Verify(t.Context()); err != nil || len(drifts) > 0 {
		t.Errorf("%+v, %v", drifts, err)
	}
}
