package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// pipeline is a transaction of a Postgres whose statements travel together. What has no answer waits for the next
// statement that has one, or for the commit, and so does its error. The server runs all in order, each on what was
// committed when it began: one that comes after a lock sees what the lock waited for, sent along or not.
type pipeline struct {
	ctx    context.Context
	conn   *pgx.Conn
	queued []query
	begun  bool  // something was sent
	failed error // the first error, after which there is nothing to commit
}

// piped runs f in a transaction on one of the pool's connections, and commits it unless f fails.
func piped(ctx context.Context, db *sql.DB, o *sql.TxOptions, f func(*pipeline) error) error {
	c, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Raw(func(driver any) error {
		p := &pipeline{ctx: ctx, conn: driver.(*stdlib.Conn).Conn()}
		defer p.rollback()
		begin := "BEGIN ISOLATION LEVEL " + o.Isolation.String()
		if o.ReadOnly {
			begin += " READ ONLY"
		}
		p.queued = []query{{text: begin}}
		if err := f(p); err != nil {
			return err
		}
		return p.commit()
	})
}

// put changes something. A text without arguments may be several statements: it is not put off.
func (p *pipeline) put(text string, args []any) error {
	if len(args) > 0 {
		p.queued = append(p.queued, query{text: text, args: args})
		return p.failed
	}
	if _, err := p.ask(); err != nil {
		return err
	}
	_, p.failed = p.conn.Exec(p.ctx, text)
	return p.failed
}

// ask sends what was put off, then the queries, and waits for all answers. It says how many rows the last statement
// changed.
func (p *pipeline) ask(queries ...query) (changed int64, err error) {
	if p.failed != nil {
		return 0, p.failed
	}
	all := append(p.queued, queries...)
	p.queued, p.begun = nil, true
	var batch pgx.Batch
	for _, q := range all {
		batch.Queue(q.text, q.args...)
	}
	answers := p.conn.SendBatch(p.ctx, &batch)
	for _, q := range all {
		if changed, err = q.take(answers); err != nil {
			break
		}
	}
	if closed := answers.Close(); err == nil {
		err = closed
	}
	p.failed = err
	return changed, err
}

// take reads the query's answer, which is the next one.
func (q query) take(answers pgx.BatchResults) (changed int64, err error) {
	if q.scan == nil {
		done, err := answers.Exec()
		return done.RowsAffected(), err
	}
	rows, err := answers.Query()
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := q.scan(rows); err != nil {
			return 0, err
		}
	}
	return 0, rows.Err()
}

// commit sends what was put off along with it.
func (p *pipeline) commit() error {
	if !p.begun && len(p.queued) == 1 { // nothing but its beginning
		return nil
	}
	_, err := p.ask(query{text: "COMMIT"})
	return err
}

// rollbackMax bounds the end of a transaction whose caller may have left.
const rollbackMax = 5 * time.Second

// rollback ends what was begun and not committed. A connection on which that fails is not used again.
func (p *pipeline) rollback() {
	if p.conn.IsClosed() || p.conn.PgConn().TxStatus() == 'I' {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), rollbackMax)
	defer cancel()
	if _, err := p.conn.Exec(ctx, "ROLLBACK"); err != nil {
		p.conn.Close(ctx)
	}
}
