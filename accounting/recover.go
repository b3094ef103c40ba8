package accounting

import (
	"context"
	"github.com/tollgate/tollgate/accounting/journal"
	"time"
)

// Recover settles what the last life left running, as interrupted, and stores what the journal holds. Call
// it before Run and before the first request. A store that fails is left to Run.
func (r *Recorder) Recover(ctx context.Context) error {
	if err := r.Interrupted(); err != nil {
		return err
	}
	if err := r.drain(ctx); err != nil {
		r.log.Warn("events are still to be stored", "records", r.Lag().Records, "error", err)
	}
	return nil
}

// Interrupted is the first half of Recover, for who leaves what is journalled to Run: it turns marks into settlements,
// except those whose settlement is in the journal.
func (r *Recorder) Interrupted() error {
	marks, err := r.journal.Running()
	if err != nil || len(marks) == 0 {
		return err
	}
	ids := make([]string, 0, len(marks))
	running := make(map[string]Settlement, len(marks))
	oldest := time.Now()
	for id, rec := range marks {
		ids = append(ids, id)
		s, err := decodeRecord(rec)
		if err != nil {
			r.log.Error("an interrupted request is lost", "event", id, "error", err)
			continue
		}
		s.Event.Outcome = Interrupted
		running[s.Event.ID] = s
		if s.Event.StartedAt.Before(oldest) {
			oldest = s.Event.StartedAt
		}
	}
	if err := r.dropSettled(running, oldest); err != nil {
		return err
	}
	var records [][]byte
	for _, s := range running {
		records = append(records, encodeRecord(&s))
	}
	if err := r.journal.AppendAll(records, ids); err != nil {
		return err
	}
	r.log.Warn("requests were interrupted by the end of the last life", "requests", len(records))
	r.recorded.Add(int64(len(records)))
	return nil
}

// dropSettled removes the requests that the journal has a settlement of. No request settles before it starts.
func (r *Recorder) dropSettled(running map[string]Settlement, oldest time.Time) error {
	for after := journal.Number(oldest) - 1; ; {
		records, err := r.journal.Read(after, batchRecords)
		if err != nil || len(records) == 0 {
			return err
		}
		for _, rec := range records {
			if s, err := decodeRecord(rec.Bytes); err == nil {
				delete(running, s.Event.ID)
			}
		}
		after = records[len(records)-1].Seq
	}
}
