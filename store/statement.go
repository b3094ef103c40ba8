package store

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// statements is a connection pool that keeps what it has prepared. A text is prepared after the first
// transaction that used it, not within: the writer's pool has one connection, and the transaction holds it.
type statements struct {
	db *sql.DB

	mu     sync.Mutex
	ready  map[string]*sql.Stmt
	wanted []string
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, ready: map[string]*sql.Stmt{}}
}

func (s *statements) close() error { return s.db.Close() }

func (s *statements) run(ctx context.Context, o *sql.TxOptions, f func(*tx) error) error {
	t, err := s.db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer s.prepare(ctx)
	defer t.Rollback() // after a commit it does nothing
	if err := f(&tx{ctx: ctx, tx: t, statements: s}); err != nil {
		return err
	}
	return t.Commit()
}

// prepare makes ready what the transaction wanted. A failure is left to the next use of the text.
func (s *statements) prepare(ctx context.Context) {
	s.mu.Lock()
	wanted := s.wanted
	s.wanted = nil
	s.mu.Unlock()
	for _, text := range wanted {
		stmt, err := s.db.PrepareContext(ctx, text)
		if err != nil {
			return
		}
		s.mu.Lock()
		if _, twice := s.ready[text]; twice {
			stmt.Close()
		} else {
			s.ready[text] = stmt
		}
		s.mu.Unlock()
	}
}

func (s *statements) find(text string) *sql.Stmt {
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt := s.ready[text]
	if stmt == nil {
		s.wanted = append(s.wanted, text)
	}
	return stmt
}

// tx is a transaction in which texts stay prepared. It lives as long as the call that ctx belongs to.
type tx struct {
	ctx        context.Context
	tx         *sql.Tx
	statements *statements
}

func (t *tx) exec(text string, args ...any) error {
	_, err := t.affect(text, args...)
	return err
}

// affect says how many rows the statement changed.
func (t *tx) affect(text string, args ...any) (int64, error) {
	var result sql.Result
	var err error
	if stmt := t.statements.find(text); stmt != nil {
		result, err = t.tx.StmtContext(t.ctx, stmt).ExecContext(t.ctx, args...)
	} else {
		result, err = t.tx.ExecContext(t.ctx, text, args...)
	}
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// each calls scan with every row of the answer.
func (t *tx) each(scan func(row) error, text string, args ...any) error {
	var rows *sql.Rows
	var err error
	if stmt := t.statements.find(text); stmt != nil {
		rows, err = t.tx.StmtContext(t.ctx, stmt).QueryContext(t.ctx, args...)
	} else {
		rows, err = t.tx.QueryContext(t.ctx, text, args...)
	}
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one scans the only row of the answer into dest; false when there is none.
func (t *tx) one(dest []any, text string, args ...any) (found bool, err error) {
	err = t.each(func(r row) error {
		found = true
		return r.Scan(dest...)
	}, text, args...)
	return found, err
}

// list collects the rows of an answer.
func list[T any](t *tx, scan func(row) (T, error), text string, args ...any) ([]T, error) {
	var all []T
	err := t.each(func(r row) error {
		one, err := scan(r)
		all = append(all, one)
		return err
	}, text, args...)
	return all, err
}

type row interface{ Scan(dest ...any) error }

// bulk is a statement over many rows of placeholders: head, then one group of columns per row, then tail. Of
// each text there are few lengths, so that all of them stay prepared.
type bulk struct {
	head, tail string
	columns    int
	fixed      int  // placeholders in head
	bare       bool // groups of one column without parentheses
	texts      [bulkSteps]string
	once       sync.Once
}

// bulkSteps is the number of lengths: 1, 2, 4 … bulkMax.
const (
	bulkSteps = 6
	bulkMax   = 1 << (bulkSteps - 1)
)

// split calls do with the longest prepared text that n rows fill, until all are done; from is the first row.
func (b *bulk) split(n int, do func(text string, from, rows int) error) error {
	b.once.Do(b.write)
	for from, step := 0, bulkSteps-1; from < n; {
		if rows := 1 << step; rows <= n-from {
			if err := do(b.texts[step], from, rows); err != nil {
				return err
			}
			from += rows
			continue
		}
		step--
	}
	return nil
}

func (b *bulk) write() {
	for step := range b.texts {
		var s strings.Builder
		s.WriteString(b.head)
		next := b.fixed + 1
		for r := range 1 << step {
			if r > 0 {
				s.WriteByte(',')
			}
			b.group(&s, &next)
		}
		s.WriteString(b.tail)
		b.texts[step] = s.String()
	}
}

func (b *bulk) group(s *strings.Builder, next *int) {
	if !b.bare {
		s.WriteByte('(')
	}
	for c := range b.columns {
		if c > 0 {
			s.WriteByte(',')
		}
		s.WriteByte('$')
		s.WriteString(strconv.Itoa(*next))
		*next++
	}
	if !b.bare {
		s.WriteByte(')')
	}
}

// exec runs the statement over all rows that args hold, one after the other.
func (b *bulk) exec(t *tx, args []any) error {
	return b.split(len(args)/b.columns, func(text string, from, rows int) error {
		return t.exec(text, args[from*b.columns:(from+rows)*b.columns]...)
	})
}

// each runs the query over all rows that args hold, with fixed before each part of them.
func (b *bulk) each(t *tx, scan func(row) error, fixed, args []any) error {
	return b.split(len(args)/b.columns, func(text string, from, rows int) error {
		part := args[from*b.columns : (from+rows)*b.columns]
		return t.each(scan, text, append(fixed[:len(fixed):len(fixed)], part...)...)
	})
}

// asInstant scans microseconds.
type asInstant struct{ at *time.Time }

func (a asInstant) Scan(v any) error {
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("instant: got %T", v)
	}
	*a.at = instant(n)
	return nil
}
