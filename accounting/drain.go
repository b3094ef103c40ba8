package accounting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tollgate/tollgate/accounting/journal"
)

// Run stores what is journalled, until ctx ends and what was journalled then is stored or the store fails or
// Grace is over. It never drops a record; what it could not store, the next life will. Call it once.
func (r *Recorder) Run(ctx context.Context) error {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(r.o.Grace, cancel) })()
	backoff := backoffMin
	for ctx.Err() == nil {
		round, end := r.begin(ctx)
		err := r.drain(work)
		r.ended(err)
		if err != nil {
			r.log.Warn("events can not be stored now", "records", r.Lag().Records, "retry_in", backoff, "error", err)
			pause(round, backoff)
			backoff = min(2*backoff, backoffMax)
		} else {
			backoff = backoffMin
			r.gather(round)
		}
		end()
	}
	if err := r.drain(work); err != nil {
		r.log.Warn("events stay in the journal until the next start", "records", r.Lag().Records, "error", err)
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// gather waits for a record, and then for as many as make a batch, but not for long.
func (r *Recorder) gather(round context.Context) {
	err := r.journal.Wait(round, 1)
	if errors.Is(err, journal.ErrBroken) {
		<-round.Done()
	}
	if err != nil || r.o.StoreFirst {
		return
	}
	full, cancel := context.WithTimeout(round, gatherFor)
	defer cancel()
	r.journal.Wait(full, batchRecords)
}

// drain stores everything that was journalled when it began. What comes meanwhile is left to make a batch of its own:
// following it closely would ask the store for the same for a few records as for many.
func (r *Recorder) drain(ctx context.Context) error {
	if err := r.meet(ctx); err != nil {
		return err
	}
	for {
		all := r.journal.Last()
		records, err := r.journal.Read(r.at.seq, batchRecords)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			r.cover(all)
			return nil
		}
		if err := r.apply(ctx, records); err != nil {
			r.retries.Add(1)
			return err
		}
		if len(records) < batchRecords && r.at.seq >= all {
			return nil
		}
	}
}

// meet asks the store once where it is: the last life may have brought it further than it told the journal.
func (r *Recorder) meet(ctx context.Context) error {
	if r.at.met {
		return nil
	}
	seq, err := r.ask(ctx)
	if err != nil {
		return err
	}
	r.at.sent = max(r.at.sent, seq)
	if err := r.move(seq); err != nil {
		return err
	}
	r.at.met = true
	return nil
}

func (r *Recorder) ask(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, applyFor)
	defer cancel()
	return r.store.Position(ctx, r.journal.ID())
}

// move takes the store's word for where it is.
func (r *Recorder) move(seq int64) error {
	switch gone := r.journal.Gone(); {
	case seq > r.at.sent:
		return fmt.Errorf("the store is at %d of journal %s, which never sent it more than %d: does another gateway use a copy of this data_dir?",
			seq, r.journal.ID(), r.at.sent)
	case seq < r.at.seq && seq < gone:
		r.log.Error("the store went back in time, to before what the journal keeps: events are missing from it",
			"from", r.at.seq, "to", seq, "gone", gone)
	case seq < r.at.seq:
		r.log.Warn("the store went back in time; the journal refills it", "from", r.at.seq, "to", seq)
	}
	if err := r.journal.Stored(seq); err != nil {
		return err
	}
	r.at.seq = seq
	r.cover(seq)
	return nil
}

// apply stores records that follow the store's position.
func (r *Recorder) apply(ctx context.Context, records []journal.Record) error {
	b := r.batch(records)
	err := r.send(ctx, b)
	switch {
	case errors.Is(err, ErrPosition):
		return r.follow(ctx)
	case errors.Is(err, ErrData) && len(records) > 1:
		return r.applySingly(ctx, records)
	case errors.Is(err, ErrData) && len(b.Settlements) > 0:
		b.Settlements = nil
		bury(b, records[0], err)
		err = r.send(ctx, b)
	}
	if err != nil {
		return err
	}
	for _, d := range b.Dead {
		r.dead.Add(1)
		r.log.Error("a record can't be stored and was put aside", "seq", d.Seq, "error", d.Error)
	}
	return r.move(b.Upto)
}

// applySingly finds the record that can't be stored. It stops early when the store turns out to be elsewhere.
func (r *Recorder) applySingly(ctx context.Context, records []journal.Record) error {
	for i := range records {
		if err := r.apply(ctx, records[i:i+1]); err != nil || r.at.seq != records[i].Seq {
			return err
		}
	}
	return nil
}

// follow goes to where the store is: an answer of its was lost, or it went back in time.
func (r *Recorder) follow(ctx context.Context) error {
	seq, err := r.ask(ctx)
	if err != nil {
		return err
	}
	if seq == r.at.seq {
		return ErrPosition
	}
	return r.move(seq)
}

func (r *Recorder) send(ctx context.Context, b *Batch) error {
	ctx, cancel := context.WithTimeout(ctx, applyFor)
	defer cancel()
	r.at.sent = max(r.at.sent, b.Upto)
	return r.store.Apply(ctx, *b)
}

func (r *Recorder) batch(records []journal.Record) *Batch {
	b := &Batch{
		Journal: r.journal.ID(), After: r.at.seq, Upto: records[len(records)-1].Seq,
		Settlements: make([]Settlement, 0, len(records)), At: time.Now(),
	}
	for _, rec := range records {
		s, err := decodeRecord(rec.Bytes)
		if err != nil {
			bury(b, rec, err)
			continue
		}
		b.Settlements = append(b.Settlements, s)
	}
	return b
}

// bury puts a record among those for a person to look at.
func bury(b *Batch, rec journal.Record, err error) {
	b.Dead = append(b.Dead, DeadLetter{Seq: rec.Seq, Bytes: rec.Bytes, Error: err.Error()})
}
