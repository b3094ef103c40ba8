package store

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// bulk is a statement over many rows: head, the rows, tail. Rows are placeholders, of which there are few lengths, so
// that all of them stay prepared; or one array a column, where the kind of database takes that.
type bulk struct {
	head, tail string
	types      string // of the columns, a letter each
	fixed      int    // placeholders in head
	insert     bool   // the rows are to be written, not compared with
	locks      bool   // in a transaction that writes, what the query finds stays locked; tail orders it

	texts [bulkSteps]string
	array string
	once  sync.Once
}

// The letters of bulk.types.
const (
	textColumn = 't'
	intColumn  = 'i'
	nullColumn = 'n' // an int64 or nil
)

// bulkSteps is the number of lengths: 1, 2, 4 … 32.
const bulkSteps = 6

// exec runs the statement over all rows that args hold, one after the other.
func (b *bulk) exec(t *tx, args []any) error {
	return b.split(t, args, func(text string, part []any) error { return t.exec(text, part...) })
}

// each runs the query over all rows that args hold, with fixed before each part of them.
func (b *bulk) each(t *tx, scan func(row) error, fixed, args []any) error {
	return t.all(b.queries(t, scan, fixed, args)...)
}

// queries are those of each, for tx.all.
func (b *bulk) queries(t *tx, scan func(row) error, fixed, args []any) (all []query) {
	b.split(t, args, func(text string, part []any) error { // it does not fail
		all = append(all, query{scan, text, append(fixed[:len(fixed):len(fixed)], part...)})
		return nil
	})
	return all
}

// split calls do with texts and the arguments that fill them, until all rows are done.
func (b *bulk) split(t *tx, args []any, do func(text string, part []any) error) error {
	b.once.Do(b.write)
	if len(args) == 0 {
		return nil
	}
	lock := ""
	if b.locks {
		lock = t.forUpdate
	}
	if t.statements.kind.arrays {
		return do(b.array+lock, b.transposed(args))
	}
	for step := bulkSteps - 1; len(args) > 0; {
		n := len(b.types) << step
		if n > len(args) {
			step--
			continue
		}
		if err := do(b.texts[step]+lock, args[:n]); err != nil {
			return err
		}
		args = args[n:]
	}
	return nil
}

// transposed makes an array of each column.
func (b *bulk) transposed(args []any) []any {
	columns := make([]any, len(b.types))
	for c, letter := range b.types {
		switch letter {
		case textColumn:
			columns[c] = column[string](args[c:], len(b.types))
		case intColumn:
			columns[c] = column[int64](args[c:], len(b.types))
		case nullColumn:
			some := make([]*int64, 0, len(args)/len(b.types))
			for i := c; i < len(args); i += len(b.types) {
				n, ok := args[i].(int64)
				if some = append(some, &n); !ok {
					some[len(some)-1] = nil
				}
			}
			columns[c] = some
		}
	}
	return columns
}

// column is each width-th of the arguments, from the first on.
func column[V any](args []any, width int) []V {
	values := make([]V, 0, len(args)/width+1)
	for i := 0; i < len(args); i += width {
		values = append(values, args[i].(V))
	}
	return values
}

func (b *bulk) write() {
	for step := range b.texts {
		b.texts[step] = b.head + b.placeholders(1<<step) + b.tail
	}
	b.array = b.head + b.arrays() + b.tail
}

func (b *bulk) placeholders(rows int) string {
	var s strings.Builder
	single := len(b.types) == 1 && !b.insert
	if !single {
		s.WriteString("VALUES ")
	}
	next := b.fixed
	for r := range rows {
		if r > 0 {
			s.WriteByte(',')
		}
		if !single {
			s.WriteByte('(')
		}
		for c := range b.types {
			if c > 0 {
				s.WriteByte(',')
			}
			next++
			s.WriteByte('$')
			s.WriteString(strconv.Itoa(next))
		}
		if !single {
			s.WriteByte(')')
		}
	}
	return s.String()
}

func (b *bulk) arrays() string {
	all := make([]string, len(b.types))
	for c, letter := range b.types {
		of := "bigint"
		if letter == textColumn {
			of = "text"
		}
		all[c] = fmt.Sprintf("$%d::%s[]", b.fixed+c+1, of)
	}
	return "SELECT * FROM unnest(" + strings.Join(all, ", ") + ")"
}
