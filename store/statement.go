package store

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// kind is what differs between databases once they are open.
type kind struct {
	// keeps says that texts stay prepared on their connections.
	keeps bool
	// arrays says that a bulk statement takes one array a column, and all rows at once.
	arrays bool
	// piped says that a transaction is a pipeline.
	piped bool
	locks
	// alone is a query whose number no other transaction that writes gets before this one has ended; empty as locks are.
	alone         string
	writes, reads *sql.TxOptions
	// inTheWay says that it was another transaction that failed this one: the next try may succeed.
	inTheWay func(error) bool
	// isData says that the same records would meet the error again.
	isData func(error) bool
}

// locks end a query whose rows no other transaction that writes gets before this one has ended; skipLocked leaves out
// those that another one has. All are empty where a writer has the database for itself.
type locks struct{ forUpdate, forShare, skipLocked string }

// What tx.alone takes turns for.
const (
	turnMigrate int32 = iota + 1
	turnChange
	turnRetention
)

// statements is a connection pool that keeps what it has prepared, where its kind does. A text is prepared after the
// first transaction that used it, not within: the writer's pool may have one connection, and the transaction holds it.
type statements struct {
	db   *sql.DB
	kind *kind

	mu     sync.Mutex
	ready  map[string]*sql.Stmt
	wanted []string
}

func newStatements(db *sql.DB, k *kind) *statements {
	return &statements{db: db, kind: k, ready: map[string]*sql.Stmt{}}
}

func (s *statements) close() error { return s.db.Close() }

// write runs f in a transaction that may change things.
func (s *statements) write(ctx context.Context, f func(*tx) error) error {
	return s.run(ctx, s.kind.writes, f, s.kind.locks)
}

// glance runs f, which makes one query, without a transaction around it.
func (s *statements) glance(ctx context.Context, f func(*tx) error) error {
	defer s.prepare(ctx)
	return f(&tx{ctx: ctx, statements: s})
}

// read runs f on one state of the database.
func (s *statements) read(ctx context.Context, f func(*tx) error) error {
	return s.run(ctx, s.kind.reads, f, locks{})
}

func (s *statements) run(ctx context.Context, o *sql.TxOptions, f func(*tx) error, l locks) error {
	if s.kind.piped {
		return piped(ctx, s.db, o, func(p *pipeline) error { return f(&tx{ctx: ctx, pipe: p, statements: s, locks: l}) })
	}
	t, err := s.db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer s.prepare(ctx)
	defer t.Rollback() // after a commit it does nothing
	if err := f(&tx{ctx: ctx, tx: t, statements: s, locks: l}); err != nil {
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
	if !s.kind.keeps {
		return nil
	}
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
	tx         *sql.Tx   // nil: it is a pipeline, or each query is for itself
	pipe       *pipeline // nil: the kind has none, or each query is for itself
	statements *statements
	locks                           // the kind's, in a transaction that writes
	audience   *accounting.Audience // nil: nobody is told anything
}

// alone waits until no other transaction has the turn, and has it until the end.
func (t *tx) alone(turn int32) error {
	if t.statements.kind.alone == "" {
		return nil
	}
	return t.exec(t.statements.kind.alone, turn)
}

// exec changes something. In a pipeline the next call that waits for the database may be the one that fails instead.
func (t *tx) exec(text string, args ...any) error {
	if t.pipe != nil {
		return t.pipe.put(text, args)
	}
	_, err := t.affect(text, args...)
	return err
}

// affect says how many rows the statement changed.
func (t *tx) affect(text string, args ...any) (int64, error) {
	if t.pipe != nil {
		return t.pipe.ask(query{text: text, args: args})
	}
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

// query is a statement and what becomes of its rows.
type query struct {
	scan func(row) error // is called with every row; nil: there are none
	text string
	args []any
}

// all runs queries one after the other: each sees what was there when the one before it had its locks. In a pipeline
// that is one round trip.
func (t *tx) all(queries ...query) error {
	if t.pipe != nil && len(queries) > 0 {
		_, err := t.pipe.ask(queries...)
		return err
	}
	for _, q := range queries {
		if err := t.each(q.scan, q.text, q.args...); err != nil {
			return err
		}
	}
	return nil
}

// each calls scan with every row of the answer.
func (t *tx) each(scan func(row) error, text string, args ...any) error {
	if t.pipe != nil {
		return t.all(query{scan, text, args})
	}
	rows, err := t.query(text, args)
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

func (t *tx) query(text string, args []any) (*sql.Rows, error) {
	stmt := t.statements.find(text)
	switch {
	case t.tx == nil && stmt == nil:
		return t.statements.db.QueryContext(t.ctx, text, args...)
	case t.tx == nil:
		return stmt.QueryContext(t.ctx, args...)
	case stmt == nil:
		return t.tx.QueryContext(t.ctx, text, args...)
	}
	return t.tx.StmtContext(t.ctx, stmt).QueryContext(t.ctx, args...)
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
