package accounting

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// direct settles in the store what the journal could not take. It is a journal of its own to the store, one
// record a batch, so that the recorder's position stays what it is.
type direct struct {
	journal string
	store   Store

	mu  sync.Mutex
	seq int64 // the store's position, if met
	met bool
}

func (d *direct) settle(s Settlement) error {
	ctx, cancel := context.WithTimeout(context.Background(), waitFor)
	defer cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.met {
		seq, err := d.store.Position(ctx, d.journal)
		if err != nil {
			return fmt.Errorf("settle in the store: %w", err)
		}
		d.seq, d.met = seq, true
	}
	err := d.store.Apply(ctx, Batch{Journal: d.journal, After: d.seq, Upto: d.seq + 1, Settlements: []Settlement{s}, At: time.Now()})
	if err != nil {
		d.met = errors.Is(err, ErrData)
		return fmt.Errorf("settle in the store: %w", err)
	}
	d.seq++
	return nil
}
