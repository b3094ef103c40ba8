package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/pgtest"
)

// scale is one run that shows what size costs. It runs a Postgres of its own, whose folder is gone at the end.
type scale struct {
	gateway         string // the binary; "": built
	events, few     int    // beside each other
	accounts, reads int
	rate            int           // requests a second while the month ends
	calm            time.Duration // before and after that, measured
	settled         int           // events that the recorder stores
	months          int
	out             io.Writer
	dir, provider   string
	server          *pgtest.Server
}

const (
	day = 24 * time.Hour
	// parts is how many transactions at a time a history is stored by.
	parts = 2
)

func runScale(ctx context.Context, args []string, out io.Writer) error {
	s := scale{out: out}
	flags := flag.NewFlagSet("tollgate-bench scale", flag.ContinueOnError)
	flags.StringVar(&s.gateway, "gateway", "", "the tollgate `binary`; empty: built from ./cmd/tollgate")
	flags.IntVar(&s.events, "events", 10_000_000, "events in the store")
	flags.IntVar(&s.few, "few", 100_000, "events in the store beside it")
	flags.IntVar(&s.accounts, "accounts", 5000, "accounts that they are of")
	flags.IntVar(&s.months, "months", 6, "months that they go back")
	flags.IntVar(&s.reads, "reads", 300, "reads of each kind")
	flags.IntVar(&s.rate, "rate", 200, "requests a second while the accounts' month ends")
	flags.DurationVar(&s.calm, "calm", 10*time.Second, "how long before, during and after the end of the month are")
	flags.IntVar(&s.settled, "settled", 50_000, "events that the recorder stores")
	limit := flags.Duration("limit", 12*time.Minute, "give up after this long")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, *limit, fmt.Errorf("not done after %v", *limit))
	defer cancel()
	err := s.run(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = errors.Join(cause, err)
	}
	return err
}

func (s *scale) run(ctx context.Context) (err error) {
	if s.dir, err = os.MkdirTemp("", "tollgate-scale"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	if s.gateway == "" {
		if s.gateway, err = build(ctx, s.dir, false); err != nil {
			return err
		}
	}
	provider, err := start(ctx, true, "provider")
	if err != nil {
		return err
	}
	defer provider.stop()
	s.provider = provider.url
	fmt.Fprintf(s.out, "%d accounts, %d months; %d cores\n", s.accounts, s.months, runtime.NumCPU())
	if err := s.settlements(ctx); err != nil {
		return fmt.Errorf("settled events: %w", err)
	}
	if s.server, err = pgtest.Run("fsync=on", "full_page_writes=off", "shared_buffers=1GB", "max_wal_size=128MB"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.server.Remove()) }()
	small, err := s.measured(ctx, s.few, nil)
	if err != nil {
		return fmt.Errorf("%d events: %w", s.few, err)
	}
	if _, err = s.measured(ctx, s.events, small); err != nil {
		return fmt.Errorf("%d events: %w", s.events, err)
	}
	return nil
}

// measured fills a schema of its own with events and measures. beside are the reads of the run before it; nil: this is
// the first one, of which only the reads are measured.
func (s *scale) measured(ctx context.Context, events int, beside []timing) ([]timing, error) {
	schema := fmt.Sprintf("events_%d", events)
	if err := s.execute(ctx, s.server.URL(), "CREATE SCHEMA "+schema); err != nil {
		return nil, err
	}
	url := s.server.URL() + "&search_path=" + schema
	db, err := connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	now := time.Now()
	h := newHistory(s.accounts, events, now.AddDate(0, -s.months, 0), now.Add(-time.Hour))
	if err := s.fill(ctx, db, h); err != nil {
		return nil, err
	}
	if err := s.execute(ctx, url, "VACUUM ANALYZE"); err != nil {
		return nil, err
	}
	reads, err := s.readAll(ctx, url, h)
	if err != nil || beside == nil {
		return reads, err
	}
	s.compare(reads, beside)
	if err := s.size(ctx, url); err != nil {
		return nil, err
	}
	if err := s.monthEnds(ctx, url, db, h); err != nil {
		return nil, fmt.Errorf("the month's end: %w", err)
	}
	return reads, s.verify(ctx, db)
}

func connect(ctx context.Context, url string) (*store.Store, error) {
	db, err := store.Connect(url, store.Options{})
	if err != nil {
		return nil, err
	}
	if err := db.Migrate(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (s *scale) fill(ctx context.Context, db *store.Store, h *history) error {
	f := &fill{history: h, store: db, parts: parts}
	if err := f.open(ctx); err != nil {
		return err
	}
	began := time.Now()
	first, last, err := f.run(ctx)
	if err != nil {
		return err
	}
	took := time.Since(began).Seconds()
	fmt.Fprintf(s.out, "\n%d events stored in %.0f s, %.0f a second", h.events, took, float64(h.events)/took)
	if h.events >= 100*fillBatch { // else a tenth is a few batches
		fmt.Fprintf(s.out, ": %.0f in the first tenth, %.0f in the last", first, last)
	}
	fmt.Fprintln(s.out)
	return nil
}

func (s *scale) verify(ctx context.Context, db *store.Store) error {
	began := time.Now()
	drifts, err := db.Verify(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "\nverify: %d drift, in %.0f s\n", len(drifts), time.Since(began).Seconds())
	if len(drifts) > 0 {
		return fmt.Errorf("the books don't add up: %+v", drifts[0])
	}
	return nil
}

// execute runs a statement of the measurement's own.
func (s *scale) execute(ctx context.Context, url, statement string, args ...any) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	_, err = c.Exec(ctx, statement, args...)
	return err
}

// size tells how much of a disk the tables and indexes take.
func (s *scale) size(ctx context.Context, url string) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	var table, indexes, rest int64
	err = c.QueryRow(ctx, `SELECT pg_table_size('usage_event'), pg_indexes_size('usage_event'),
		SUM(pg_total_relation_size(oid))::bigint - pg_total_relation_size('usage_event')
		FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`).Scan(&table, &indexes, &rest)
	if err == nil {
		fmt.Fprintf(s.out, "\non disk: events %.0f MiB, their indexes %.0f MiB, all else %.0f MiB\n", mib(table), mib(indexes), mib(rest))
	}
	return err
}

// launch starts a gateway on the store.
func (s *scale) launch(ctx context.Context, url string) (*gateway, error) {
	dir, err := os.MkdirTemp(s.dir, "gateway")
	if err != nil {
		return nil, err
	}
	return launch(ctx, s.gateway, dir, s.provider, fmt.Sprintf("store: %q\n", url))
}

// runFill puts a history into a store that has none of it.
func runFill(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("tollgate-bench fill", flag.ContinueOnError)
	where := flags.String("store", "", "`URL` of a Postgres database, or the file of an embedded store")
	events := flags.Int("events", 10_000_000, "events")
	accounts := flags.Int("accounts", 5000, "accounts that they are of")
	months := flags.Int("months", 6, "months that they go back")
	if err := flags.Parse(args); err != nil {
		return err
	}
	open := func() (*store.Store, error) { return store.Open(ctx, filepath.Clean(*where), store.Options{}) }
	if store.IsURL(*where) {
		open = func() (*store.Store, error) { return connect(ctx, *where) }
	}
	if *where == "" {
		return errors.New("-store says where to")
	}
	db, err := open()
	if err != nil {
		return err
	}
	defer db.Close()
	s, now := scale{out: out}, time.Now()
	if err := s.fill(ctx, db, newHistory(*accounts, *events, now.AddDate(0, -*months, 0), now.Add(-time.Hour))); err != nil {
		return err
	}
	return s.verify(ctx, db)
}
