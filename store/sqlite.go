package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"

	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/driver" // registers "sqlite3"
)

// readersMax is the number of connections that read beside the writer.
const readersMax = 4

// Open opens the embedded store at path, makes it if there is none, and brings its schema up to date. One process
// at a time may write it. The caller closes the store.
func Open(ctx context.Context, path string, o Options) (*Store, error) {
	writer, err := sql.Open("sqlite3", dsn(path, o.vfs, "immediate"))
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	writer.SetMaxOpenConns(1)
	if err := synced(ctx, writer); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, explain(err)), writer.Close())
	}
	if err := migrate(ctx, writer, migrations); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, explain(err)), writer.Close())
	}
	readers, err := sql.Open("sqlite3", dsn(path, o.vfs, "deferred")+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, explain(err)), writer.Close())
	}
	readers.SetMaxOpenConns(readersMax)
	readers.SetMaxIdleConns(readersMax)
	s := newStore(writer, readers, &sqlite, path, o)
	s.met.Store(true)
	return s, nil
}

// explain adds the way out where a file can't be read as a database.
func explain(err error) error {
	for _, code := range []error{sqlite3.CORRUPT, sqlite3.NOTADB, sqlite3.IOERR_DATA} {
		if errors.Is(err, code) {
			return fmt.Errorf("%w; the file is damaged: keep a copy of it and of its -wal file, and run tollgate restore --keep-journal with the newest backup", err)
		}
	}
	return err
}

// sqlite has one writer at a time: it waits for nobody, and nobody gets in its way.
var sqlite = kind{keeps: true, reads: &sql.TxOptions{ReadOnly: true}, isData: isSQLiteData}

// dsn asks for synced commits: in WAL mode this driver's own default is not to.
func dsn(path, vfs, lock string) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path}
	if vfs != "" {
		lock += "&vfs=" + vfs
	}
	return u.String() + "?_txlock=" + lock +
		"&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=temp_store(MEMORY)"
}

// readerDSN asks for a file that exists and is left as it is, its journal mode too.
func readerDSN(path string) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: path}
	return u.String() + "?mode=rw&_txlock=deferred&_pragma=busy_timeout(5000)&_pragma=temp_store(MEMORY)&_pragma=query_only(1)"
}

// synced fails unless commits are synced: a misspelt pragma is no error.
func synced(ctx context.Context, db *sql.DB) error {
	var level int64
	if err := db.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&level); err != nil {
		return err
	}
	if level != 2 {
		return fmt.Errorf("PRAGMA synchronous is %d: commits would not be synced", level)
	}
	return nil
}

// migrate runs the steps that the database has not had, all in one transaction.
func migrate(ctx context.Context, db *sql.DB, steps []string) error {
	t, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	var version int
	if err := t.QueryRowContext(ctx, `PRAGMA user_version`).Scan(&version); err != nil {
		return err
	}
	if version > len(steps) {
		return newerVersion(version)
	}
	for i, step := range steps[version:] {
		if _, err := t.ExecContext(ctx, step); err != nil {
			return fmt.Errorf("migrate to version %d: %w", version+i+1, err)
		}
	}
	if _, err := t.ExecContext(ctx, fmt.Sprintf(`PRAGMA user_version = %d`, len(steps))); err != nil {
		return err
	}
	return t.Commit()
}

func isSQLiteData(err error) bool {
	return slices.ContainsFunc([]sqlite3.ErrorCode{sqlite3.CONSTRAINT, sqlite3.TOOBIG, sqlite3.MISMATCH, sqlite3.RANGE},
		func(code sqlite3.ErrorCode) bool { return errors.Is(err, code) })
}

// Backup writes a copy of the database, as it is at one moment, to a file that must not exist. The copy is on
// disk when Backup returns.
func (s *Store) Backup(ctx context.Context, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("backup store: %s: %w", file, os.ErrExist)
	}
	if err := s.vacuumInto(ctx, file); err != nil {
		return fmt.Errorf("backup store to %s: %w", file, err)
	}
	if err := errors.Join(flush(file), flush(filepath.Dir(file))); err != nil {
		return fmt.Errorf("backup store to %s: %w", file, err)
	}
	return nil
}

// vacuumInto uses a reader's connection, so that the copy stands in no writer's way. SQLite takes it for a write.
func (s *Store) vacuumInto(ctx context.Context, file string) error {
	c, err := s.readers.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.ExecContext(ctx, `PRAGMA query_only = 0`); err != nil {
		return err
	}
	_, err = c.ExecContext(ctx, `VACUUM INTO $1`, file)
	_, again := c.ExecContext(context.WithoutCancel(ctx), `PRAGMA query_only = 1`)
	return errors.Join(err, again)
}

func flush(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
