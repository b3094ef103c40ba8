package journal

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/google/uuid"
	"github.com/ncruces/go-sqlite3"
)

// version is of the tables; a file with a higher one was made by a newer gateway.
const version = 1

const schema = `
CREATE TABLE event (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
CREATE TABLE running (id TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE meta (id TEXT NOT NULL, stored INTEGER NOT NULL, gone INTEGER NOT NULL) STRICT;
PRAGMA user_version = 1;`

// file is the SQLite side: statements and nothing that decides. One goroutine at a time.
type file struct {
	conn *sqlite3.Conn
	gone int64 // as in meta

	begin, commit, insert, mark, forget, news, span, oldest, remove, tell *sqlite3.Stmt
}

// contents is what a file held when it was opened.
type contents struct {
	id                     string
	oldest, newest, stored int64
	bytes                  int64
	lag                    Lag
}

func openFile(path string, o Options) (*file, error) {
	f := &file{}
	if err := f.open(path, o); err != nil {
		f.close()
		return nil, explain(err)
	}
	return f, nil
}

func (f *file) open(path string, o Options) (err error) {
	defer func() {
		if p := recover(); p != nil { // how the library says that it can't get the memory that a damaged file asks for
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}
	if o.vfs != "" {
		name.RawQuery = "vfs=" + o.vfs
	}
	if f.conn, err = sqlite3.Open(name.String()); err != nil {
		return err
	}
	if err := f.lock(); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	if err := f.migrate(); err != nil {
		return err
	}
	if err := f.synchronous(o.Memory); err != nil {
		return err
	}
	return f.prepare()
}

// ErrInUse says that another process has the journal open: a gateway runs on this data directory.
var ErrInUse = errors.New("another process has it open")

// ErrDamaged says that the file can't be read as a journal.
var ErrDamaged = errors.New("the file is damaged")

var errNewer = errors.New("a newer version made it")

// explain adds the way out to what can go wrong at the opening.
func explain(err error) error {
	switch {
	case errors.Is(err, sqlite3.CORRUPT), errors.Is(err, sqlite3.NOTADB), errors.Is(err, sqlite3.IOERR_DATA):
		return explain(fmt.Errorf("%w: %v", ErrDamaged, err))
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("%w; it may hold events that the store has not got: move it aside, with its -wal file, keep both, and start again", err)
	case errors.Is(err, sqlite3.BUSY):
		return fmt.Errorf("%w: each gateway needs a data_dir of its own", ErrInUse)
	case errors.Is(err, errNewer):
		return fmt.Errorf("%w: start that version, or move the file aside once its events are stored", err)
	}
	return err
}

// lock takes the file for this process. In exclusive mode, set before the first access, SQLite keeps the
// index of the WAL in its own memory and its lock until the file is closed.
func (f *file) lock() error {
	if err := f.conn.Exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA temp_store = MEMORY`); err != nil {
		return err
	}
	mode, err := f.text(`PRAGMA journal_mode = WAL`)
	if err == nil && mode != "wal" {
		err = fmt.Errorf("journal_mode is %s, not wal", mode)
	}
	return err
}

// synchronous makes commits as durable as wished, and asks: a misspelt pragma is silent, and the library's
// default in WAL mode does not sync commits.
func (f *file) synchronous(memory bool) error {
	want := "2"
	if memory {
		want = "0"
	}
	if err := f.conn.Exec(`PRAGMA synchronous = ` + want); err != nil {
		return err
	}
	got, err := f.text(`PRAGMA synchronous`)
	if err == nil && got != want {
		err = fmt.Errorf("synchronous is %s, not %s", got, want)
	}
	return err
}

func (f *file) check() error {
	found, err := f.text(`PRAGMA quick_check(1)`)
	if err == nil && found != "ok" {
		err = fmt.Errorf("%w: %s", ErrDamaged, found)
	}
	return err
}

func (f *file) migrate() error {
	text, err := f.text(`PRAGMA user_version`)
	if err != nil {
		return err
	}
	switch v, _ := strconv.Atoi(text); {
	case v > version:
		return fmt.Errorf("%w (tables %d, this one knows %d)", errNewer, v, version)
	case v == version:
		return nil
	}
	if err := f.conn.EnableChecksums("main"); err != nil {
		return err
	}
	return f.conn.Exec(`BEGIN IMMEDIATE;` + schema + `INSERT INTO meta VALUES ('` + uuid.NewString() + `', 0, 0); COMMIT`)
}

func (f *file) prepare() error {
	for text, stmt := range map[string]**sqlite3.Stmt{
		`BEGIN IMMEDIATE`: &f.begin,
		`COMMIT`:          &f.commit,
		`INSERT INTO event (seq, bytes) VALUES (?, ?)`:                                                   &f.insert,
		`INSERT INTO running (id, bytes) VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = excluded.bytes`: &f.mark,
		`DELETE FROM running WHERE id = ?`:                                                               &f.forget,
		`SELECT seq, bytes FROM event WHERE seq > ? ORDER BY seq LIMIT ?`:                                &f.news,
		`SELECT count(*), coalesce(sum(length(bytes)), 0) FROM event WHERE seq > ? AND seq <= ?`:         &f.span,
		`SELECT seq, length(bytes) FROM event WHERE seq <= ? ORDER BY seq LIMIT ?`:                       &f.oldest,
		`DELETE FROM event WHERE seq <= ?`:                                                               &f.remove,
		`UPDATE meta SET stored = ?, gone = ?`:                                                           &f.tell,
	} {
		s, _, err := f.conn.PrepareFlags(text, sqlite3.PREPARE_PERSISTENT)
		if err != nil {
			return err
		}
		*stmt = s
	}
	return nil
}

// close is safe on a file that was not opened whole.
func (f *file) close() error {
	if f.conn == nil {
		return nil
	}
	for _, s := range slices.Collect(f.conn.Stmts()) {
		s.Close()
	}
	return f.conn.Close()
}

func (f *file) text(sql string) (string, error) {
	s, _, err := f.conn.Prepare(sql)
	if err != nil {
		return "", err
	}
	defer s.Close()
	if !s.Step() {
		return "", s.Err()
	}
	return s.ColumnText(0), nil
}

func (f *file) contents() (contents, error) {
	var c contents
	s, _, err := f.conn.Prepare(`SELECT id, stored, gone, (SELECT coalesce(min(seq), 0) FROM event), (SELECT coalesce(max(seq), 0) FROM event) FROM meta`)
	if err != nil {
		return c, err
	}
	defer s.Close()
	if !s.Step() {
		return c, errors.Join(ErrDamaged, s.Err())
	}
	c.id, c.stored, f.gone, c.oldest, c.newest = s.ColumnText(0), s.ColumnInt64(1), s.ColumnInt64(2), s.ColumnInt64(3), s.ColumnInt64(4)
	c.newest = max(c.newest, c.stored, f.gone)
	kept, err := f.between(0, c.stored)
	if err != nil {
		return c, err
	}
	c.lag, err = f.between(c.stored, c.newest)
	c.bytes = kept.Bytes + c.lag.Bytes
	return c, err
}

// write commits records, marks and forgotten marks together, or nothing. With nothing to write it is free.
func (f *file) write(b *batch, marks map[string]*mark) error {
	return f.transaction(func() error {
		for id, m := range marks {
			if err := errors.Join(f.mark.BindText(1, id), f.mark.BindBlob(2, m.bytes)); err != nil {
				return err
			}
			if err := f.mark.Exec(); err != nil {
				return err
			}
		}
		for i, rec := range b.records {
			f.insert.BindInt64(1, b.first+int64(i))
			if err := f.insert.BindBlob(2, rec); err != nil {
				return err
			}
			if err := f.insert.Exec(); err != nil {
				return err
			}
		}
		for _, id := range b.strikes {
			if err := f.forget.BindText(1, id); err != nil {
				return err
			}
			if err := f.forget.Exec(); err != nil {
				return err
			}
		}
		return nil
	})
}

// cutRecords is how many records one transaction deletes; appends come in between.
const cutRecords = 1000

// cut is a run of the oldest records.
type cut struct {
	upto, next int64 // the last one's number, 0: there is none; no later record has a lower number than next
	bytes      int64
	more       bool // next is to go too
}

// expired finds records to delete among those up to stored: numbers below old, and excess bytes.
func (f *file) expired(stored, old, excess int64) (cut, error) {
	s := f.oldest
	defer s.Reset()
	s.BindInt64(1, stored)
	s.BindInt(2, cutRecords+1)
	c := cut{next: stored + 1}
	for n := 0; s.Step(); n++ {
		seq, bytes := s.ColumnInt64(0), s.ColumnInt64(1)
		expired := seq < old || c.bytes < excess
		if !expired || n == cutRecords {
			c.next, c.more = seq, expired
			break
		}
		c.upto = seq
		c.bytes += bytes
	}
	return c, s.Err()
}

// cut deletes the records up to gone, if it is higher than before, and keeps the store's position.
func (f *file) cut(stored, gone int64) error {
	err := f.transaction(func() error {
		if gone > f.gone {
			f.remove.BindInt64(1, gone)
			if err := f.remove.Exec(); err != nil {
				return err
			}
		}
		f.tell.BindInt64(1, stored)
		f.tell.BindInt64(2, max(gone, f.gone))
		return f.tell.Exec()
	})
	if err == nil {
		f.gone = max(gone, f.gone)
	}
	return err
}

func (f *file) transaction(do func() error) error {
	if err := f.begin.Exec(); err != nil {
		return err
	}
	err := do()
	if err == nil {
		err = f.commit.Exec()
	}
	if err != nil && !f.conn.GetAutocommit() {
		err = errors.Join(err, f.conn.Exec(`ROLLBACK`))
	}
	return err
}

// walPages is how many pages the WAL grows to before they are moved into the tables; few when space is short.
const (
	walPages     = 1000
	walPagesFull = 32
)

func (f *file) walPages(n int) { f.conn.WALAutoCheckpoint(n) }

// shrink gives the WAL's space back, as far as that is possible, and keeps it small: on a full disk what is
// left is for records.
func (f *file) shrink() {
	f.conn.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE)
	f.walPages(walPagesFull)
}

func (f *file) read(after int64, limit int) ([]Record, error) {
	defer f.news.Reset()
	f.news.BindInt64(1, after)
	f.news.BindInt(2, limit)
	var records []Record
	for f.news.Step() {
		records = append(records, Record{f.news.ColumnInt64(0), f.news.ColumnBlob(1, nil)})
	}
	return records, f.news.Err()
}

// between counts the records with numbers in (low, high].
func (f *file) between(low, high int64) (Lag, error) {
	s := f.span
	defer s.Reset()
	s.BindInt64(1, low)
	s.BindInt64(2, high)
	if !s.Step() {
		return Lag{}, s.Err()
	}
	return Lag{s.ColumnInt64(0), s.ColumnInt64(1)}, nil
}

func (f *file) marks() (map[string][]byte, error) {
	s, _, err := f.conn.Prepare(`SELECT id, bytes FROM running`)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	marks := map[string][]byte{}
	for s.Step() {
		marks[s.ColumnText(0)] = s.ColumnBlob(1, nil)
	}
	return marks, s.Err()
}

// outOfSpace tells a disk (or quota) that is full from one that fails. The library hands ENOSPC of a
// write on as an I/O error with its cause.
func outOfSpace(err error) bool {
	return errors.Is(err, sqlite3.FULL) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}
