package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	connectionsMax = 16 // unless the URL says pool_max_conns
	connectFor     = 5 * time.Second
)

// postgres shares a database between replicas. It keeps nothing in a session, neither settings nor prepared statements,
// so that a pooler may give each transaction another connection.
var postgres = kind{
	arrays:   true,
	piped:    true,
	locks:    locks{forUpdate: " FOR UPDATE", forShare: " FOR SHARE", skipLocked: " FOR UPDATE SKIP LOCKED"},
	alone:    `SELECT pg_advisory_xact_lock(hashtext(current_schema()), $1)`,
	writes:   &sql.TxOptions{Isolation: sql.LevelReadCommitted}, // each statement sees what was there when it had its locks
	reads:    &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true},
	inTheWay: isInTheWay,
	isData:   isPostgresData,
}

// Connect makes a store of the Postgres database that a URL names. It reaches nothing: every call fails until Migrate
// or Meet has succeeded. The caller closes the store.
func Connect(url string, o Options) (*Store, error) {
	c, err := parseURL(url)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	db := stdlib.OpenDB(*c.ConnConfig)
	db.SetMaxOpenConns(int(c.MaxConns))
	db.SetMaxIdleConns(int(c.MaxConns))
	db.SetConnMaxIdleTime(5 * time.Minute)
	return newStore(db, db, &postgres, place(c.ConnConfig), o), nil
}

// IsURL says whether a setting of the store names a Postgres database.
func IsURL(store string) bool {
	return strings.HasPrefix(store, "postgres://") || strings.HasPrefix(store, "postgresql://")
}

// CheckURL says what is wrong with a database's URL, without the password that may be in it. It reaches nothing.
func CheckURL(url string) error {
	_, err := parseURL(url)
	return err
}

func parseURL(url string) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("is no URL of a Postgres database: %s", unquoted(err))
	}
	if c.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeSimpleProtocol {
		return nil, errors.New("can't be used with default_query_exec_mode=simple_protocol; exec works with every pooler")
	}
	if !strings.Contains(url, "pool_max_conns=") {
		c.MaxConns = connectionsMax
	}
	if !strings.Contains(url, "default_query_exec_mode=") {
		c.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
	}
	if !strings.Contains(url, "connect_timeout=") {
		c.ConnConfig.ConnectTimeout = connectFor
	}
	if c.ConnConfig.RuntimeParams["application_name"] == "" {
		c.ConnConfig.RuntimeParams["application_name"] = "tollgate"
	}
	return c, nil
}

// unquoted is the reason that an URL can't be parsed, without the URL.
func unquoted(err error) string {
	if parse, ok := errors.AsType[*pgconn.ParseConfigError](err); ok {
		text := parse.Error()
		if _, reason, found := strings.Cut(text, "`: "); found {
			return reason
		}
	}
	return "it can't be parsed"
}

// place is where a database is, for people.
func place(c *pgx.ConnConfig) string {
	return fmt.Sprintf("postgres database %s at %s", cmp.Or(c.Database, c.User), net.JoinHostPort(c.Host, strconv.Itoa(int(c.Port))))
}

// code is the SQLSTATE of an error, "" for one that no server gave.
func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// isInTheWay: a deadlock, a serialisation failure, or a row that another transaction has written meanwhile and that
// the next try will see.
func isInTheWay(err error) bool {
	switch code(err) {
	case "40P01", "40001", "23505":
		return true
	}
	return false
}

// isPostgresData: what a value is, or what it breaks.
func isPostgresData(err error) bool {
	c := code(err)
	return strings.HasPrefix(c, "22") || strings.HasPrefix(c, "23")
}

// ErrUnusable says that a person has to mend something before the database can be used: waiting doesn't.
var ErrUnusable = errors.New("the store can't be used")

// unusable is an error that is ErrUnusable.
type unusable struct{ error }

func (u unusable) Unwrap() error { return u.error }

func (u unusable) Is(target error) bool { return target == ErrUnusable }

func unusablef(format string, args ...any) error { return unusable{fmt.Errorf(format, args...)} }

// mend says of what a server or driver refuses how it is mended. Who has none may come back by itself.
func mend(err error) string {
	switch c := code(err); {
	case c == "28P01" || c == "28000":
		return "user and password in store have to be the database's, and its pg_hba.conf has to let them in"
	case c == "3D000":
		return "store has to name a database that exists: CREATE DATABASE makes one"
	case c == "3F000":
		return "the search_path has to name a schema that exists and that the user in store may use"
	case c == "42501":
		return "the user in store needs rights: GRANT CREATE, USAGE ON SCHEMA, and it has to own the tables"
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return "sslmode in store asks for TLS, which the server does not offer: sslmode=disable, or set it up there"
	case strings.Contains(err.Error(), "tls: failed to verify certificate"):
		return "sslmode in store asks for a certificate that is trusted: sslrootcert says whose"
	}
	return ""
}

// reached tells what waiting mends from what it doesn't.
func (s *Store) reached(what string, err error) error {
	if how := mend(err); how != "" {
		err = unusablef("%w; %s", err, how)
	}
	return fmt.Errorf("%s: %s: %w", what, s.place, err)
}

// Migrate brings the schema of a Postgres database up to date, all in one transaction, and opens the store for calls.
// It fails with ErrUnusable when only a person can mend what is wrong, else it may be tried again. Several replicas may
// call it at once.
func (s *Store) Migrate(ctx context.Context) error {
	err := s.writer.write(ctx, func(t *tx) error {
		if err := durable(t); err != nil {
			return err
		}
		if err := t.alone(turnMigrate); err != nil {
			return err
		}
		return migratePostgres(t, migrations)
	})
	if err != nil {
		return s.reached("migrate store", err)
	}
	s.met.Store(true)
	return nil
}

// Meet opens the store for calls that only read, of a schema that is this program's already.
func (s *Store) Meet(ctx context.Context) error {
	err := s.readers.read(ctx, func(t *tx) error {
		version, err := postgresVersion(t, migrations)
		if err != nil {
			return err
		}
		return knownVersion(version)
	})
	if err != nil {
		return s.reached("open store", err)
	}
	s.met.Store(true)
	return nil
}

// Place is where the database is, without its password.
func (s *Store) Place() string { return s.place }

// durable fails when a commit may be lost after it was answered.
func durable(t *tx) error {
	var level string
	if _, err := t.one([]any{&level}, `SELECT current_setting('synchronous_commit')`); err != nil {
		return err
	}
	if level == "off" {
		return unusablef("synchronous_commit is off, so commits would not be durable; ALTER ROLE … SET synchronous_commit = on")
	}
	return nil
}

func migratePostgres(t *tx, steps []string) error {
	version, err := postgresVersion(t, steps)
	if err != nil {
		return err
	}
	if version == len(steps) {
		return nil
	}
	if version == 0 {
		if err := t.exec(`CREATE TABLE tollgate_schema (version BIGINT NOT NULL, serves BIGINT NOT NULL)`); err != nil {
			return err
		}
		if err := t.exec(`INSERT INTO tollgate_schema (version, serves) VALUES (0, 0)`); err != nil {
			return err
		}
	}
	for i, step := range steps[version:] {
		// Text is ordered and compared by bytes, as in the embedded store.
		if err := t.exec(strings.ReplaceAll(step, " TEXT", ` TEXT COLLATE "C"`)); err != nil {
			return fmt.Errorf("to version %d: %w", version+i+1, err)
		}
	}
	return t.exec(`UPDATE tollgate_schema SET version = $1, serves = $2`, len(steps), servesFrom)
}

// postgresVersion is the version of the schema, 0 where there is none, and this program's own for a newer one that
// serves it. It fails when the tables are not those of it.
func postgresVersion(t *tx, steps []string) (int, error) {
	tables, err := list(t, func(r row) (name string, err error) {
		err = r.Scan(&name)
		return name, err
	}, `SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(quote_ident(name)) IS NOT NULL`, append(tablesOf(steps), schemaTable))
	if err != nil {
		return 0, err
	}
	have := make(map[string]bool, len(tables))
	for _, name := range tables {
		have[name] = true
	}
	if !have[schemaTable] && len(have) > 0 {
		return 0, unusablef("it has a table %s, but no %s: it is half made, or another program's; give tollgate a schema of its own, or restore it whole",
			tables[0], schemaTable)
	}
	if !have[schemaTable] {
		return 0, nil
	}
	var version, serves int
	if found, err := t.one([]any{&version, &serves}, `SELECT version, serves FROM tollgate_schema`); err != nil || !found || version == 0 {
		return 0, cmp.Or(err, unusablef("it is half made: %s has no version; restore it whole", schemaTable))
	}
	if serves > len(steps) {
		return 0, newerVersion(version)
	}
	version = min(version, len(steps))
	for _, name := range tablesOf(steps[:version]) {
		if !have[name] {
			return 0, unusablef("it is half made: its schema is version %d and has no table %s; restore it whole", version, name)
		}
	}
	return version, nil
}

const schemaTable = "tollgate_schema"

// tablesOf are the tables that the steps make.
func tablesOf(steps []string) []string {
	var names []string
	for _, step := range steps {
		for _, made := range strings.Split(step, "CREATE TABLE ")[1:] {
			name, _, _ := strings.Cut(made, " ")
			names = append(names, strings.Trim(name, `"`))
		}
	}
	return names
}
