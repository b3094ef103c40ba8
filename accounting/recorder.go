package accounting

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tollgate/tollgate/accounting/journal"
)

const (
	batchRecords = 500              // a batch at most
	gatherFor    = time.Second      // how long a batch waits to fill
	applyFor     = 30 * time.Second // how long the store may take for one call
	waitFor      = 5 * time.Second  // how long Sync, and Settle with StoreFirst, wait for the store
	backoffMin   = 50 * time.Millisecond
	backoffMax   = 5 * time.Second
)

// RecorderOptions has a useful zero value.
type RecorderOptions struct {
	// StoreFirst makes Settle wait for the store too (durability: database), for disks that die with their
	// machine. While the store fails, the journal is enough.
	StoreFirst bool
	// Grace is how long Run goes on after its context has ended, to store what is journalled; 0: 10 s.
	Grace  time.Duration
	Logger *slog.Logger // nil discards
}

// Recorder carries settlements through the journal to the store, in order, each exactly once. It may be
// used by any number of goroutines.
type Recorder struct {
	journal *journal.Journal
	store   Store
	o       RecorderOptions
	log     *slog.Logger

	recorded, retries, dead atomic.Int64

	// at is owned by whoever drains: Recover, then Run.
	at position

	mu      sync.Mutex
	covered int64              // the store has everything up to here
	round   int64              // of Run: each begins with a look into the journal
	hurry   context.CancelFunc // begins the next round now
	tried   int64              // the newest round that ended
	failed  int64              // … with failure
	failure error              // nil: the store took what it was given last
	changed chan struct{}      // closed when one of these changes

	direct direct
}

// position is where the store is in the journal.
type position struct {
	seq  int64
	sent int64 // the highest that a batch of ours may have brought it to
	met  bool  // the store was asked in this life
}

// NewRecorder starts nothing.
func NewRecorder(j *journal.Journal, s Store, o RecorderOptions) *Recorder {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	told := j.Told()
	return &Recorder{
		journal: j, store: s, o: o, log: o.Logger,
		at: position{seq: told, sent: told}, covered: told,
		hurry: func() {}, changed: make(chan struct{}),
		direct: direct{journal: j.ID() + "/direct", store: s},
	}
}

// Settle makes a settlement durable: it is when Settle returns nil. marked says that Mark named the request.
// When the journal fails, the store is asked directly; an error says that neither took it, and that the
// answer's end must not be released.
func (r *Recorder) Settle(s Settlement, marked bool) error {
	var running string
	if marked {
		running = s.Event.ID
	}
	seq, err := r.journal.Append(encodeRecord(&s), running)
	if err != nil {
		if direct := r.direct.settle(s); direct != nil {
			return errors.Join(err, direct)
		}
		r.log.Warn("settled without the journal", "event", s.Event.ID, "error", err)
	}
	r.recorded.Add(1)
	if err == nil && r.o.StoreFirst {
		r.awaitStore(seq)
	}
	return nil
}

// Mark notes a request that runs for long, with what it would be settled as if the gateway died now. It
// waits for nothing.
func (r *Recorder) Mark(s Settlement) { r.journal.Mark(s.Event.ID, encodeRecord(&s)) }

// Unmark takes a Mark back whose request cost nothing.
func (r *Recorder) Unmark(id string) { r.journal.Forget(id) }

// Room says whether a new request could be settled: nil, journal.ErrFull or journal.ErrBroken. It touches
// one word of memory.
func (r *Recorder) Room() error { return r.journal.Room() }

// Recorded is how many settlements were made durable in this life.
func (r *Recorder) Recorded() int64 { return r.recorded.Load() }

// Retries is how often the store failed to take a batch.
func (r *Recorder) Retries() int64 { return r.retries.Load() }

// Dead is how many records were put aside for a person to look at.
func (r *Recorder) Dead() int64 { return r.dead.Load() }

// Lag is what is journalled and not stored.
func (r *Recorder) Lag() journal.Lag { return r.journal.Lag() }
