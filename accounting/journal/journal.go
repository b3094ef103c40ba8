// Package journal is the local, synced record of events that the store has not got yet.
//
// It is one SQLite file with one connection that holds the file's lock for its whole life: no second
// process can open it, there is no shared memory beside it, and a commit costs no locking. One goroutine
// (Run) commits what queued during the last commit, in one transaction with one sync. The recorder reads
// through the same connection, between commits: a record costs it 0.2 µs, so nothing is kept in memory.
//
// # Sequence numbers
//
// Numbers grow and are never given twice, also not after a restart with an empty table, a power loss that
// took unsynced records, or a data directory restored from an older copy: a number is the larger of the
// last one plus one and Number(now). For the same reason a number tells how old its record is. Numbers
// have gaps.
package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// ErrFull says that the journal takes no new requests: the store lacks too much, or the disk is full.
// From Append it says that the record was not written.
var ErrFull = errors.New("the journal is full")

// ErrBroken says that the disk failed under the journal, or that the journal was closed. It stays so until
// the process ends. From Append it says that the record may or may not turn up after a restart.
var ErrBroken = errors.New("the journal is broken")

var errClosed = fmt.Errorf("%w: it was closed", ErrBroken)

// Options are the bounds of a journal. Zero bytes and times mean none of it, except MaxBytes: no bound.
type Options struct {
	MaxBytes     int64         // what the store has not got yet
	Keep         time.Duration // how long records stay that the store has
	KeepBytes    int64         // how many bytes of them
	Gather       time.Duration // how long a sync waits for company, when the last one had any
	BallastBytes int64         // given up when the disk is full, so that admitted requests settle
	Memory       bool          // no syncs: Append's records survive the process, not the power
	Logger       *slog.Logger  // nil discards
	// Committed hears of each commit, by the goroutine that made it; nil: nobody does.
	Committed func(took time.Duration)

	vfs string // of SQLite; "" is the operating system's
}

// Record is one journalled event.
type Record struct {
	Seq   int64
	Bytes []byte
}

// Lag is what the store has not got yet.
type Lag struct{ Records, Bytes int64 }

// Journal may be used by any number of goroutines.
type Journal struct {
	o       Options
	log     *slog.Logger
	path    string
	id      string
	ballast ballast

	obstacles atomic.Uint32 // why there is no room; 0: there is
	last      atomic.Int64  // the newest committed record
	commits   atomic.Int64

	wake chan struct{}

	// file is guarded by fileMu, which is held during I/O and taken before mu.
	fileMu  sync.Mutex
	file    *file
	total   int64 // bytes of all records in the file
	oldest  int64 // no record in the file has a lower number
	told    int64 // stored, as the file has it
	crowded bool  // the last batch had more than one waiter

	mu      sync.Mutex // never held during I/O
	queue   *batch     // what the next commit takes
	writing *batch     // what the running commit took; nil: none runs
	marks   map[string]*mark
	refused error // why Append fails; nil: it doesn't
	stored  int64 // the store has everything up to here
	lag     Lag
}

// The bits of Journal.obstacles.
const (
	tooMuch uint32 = 1 << iota // the store lacks more than MaxBytes
	diskFull
	broken
)

// Open opens the journal in path, or makes one, and its ballast beside it. It starts nothing. It fails,
// naming the file and the way out, when another process has it open, when it is damaged, and when a newer
// version made it.
func Open(path string, o Options) (*Journal, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	f, err := openFile(path, o)
	if err != nil {
		return nil, fmt.Errorf("open journal %s: %w", path, err)
	}
	held, err := f.contents()
	if err != nil {
		f.close()
		return nil, fmt.Errorf("read journal %s: %w", path, err)
	}
	j := &Journal{
		o: o, log: o.Logger, path: path, id: held.id,
		ballast: ballastOf(path, o.BallastBytes),
		wake:    make(chan struct{}, 1),
		file:    f, total: held.bytes, oldest: held.oldest, told: held.stored,
		queue: newBatch(0), marks: map[string]*mark{},
		stored: held.stored, lag: held.lag,
	}
	j.last.Store(held.newest)
	j.weigh()
	if err := j.ballast.make(); err != nil {
		j.diskIsFull(err)
	}
	return j, nil
}

// Close closes the file. Call it last: after Run has returned and the readers have ended.
func (j *Journal) Close() error {
	j.finish(j.refuse(errClosed), errClosed)
	_, err := j.tidy()
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	if err = errors.Join(err, j.file.close()); err != nil {
		return fmt.Errorf("close journal %s: %w", j.path, err)
	}
	return nil
}

// ID names the journal: a UUID made with the file.
func (j *Journal) ID() string { return j.id }

// Last is the number of the newest durable record; 0 before the first.
func (j *Journal) Last() int64 { return j.last.Load() }

// Room says whether new requests may be admitted: nil, ErrFull or ErrBroken. It touches one word of memory.
func (j *Journal) Room() error {
	switch o := j.obstacles.Load(); {
	case o == 0:
		return nil
	case o&broken != 0:
		return ErrBroken
	}
	return ErrFull
}

// Lag is what is journalled and not stored.
func (j *Journal) Lag() Lag {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lag
}

// Number is the smallest sequence number that a record of this instant or a later one gets, unless the
// clock was set back. It stays below 2^53 until the year 2242.
func Number(t time.Time) int64 { return t.Unix() << 20 }

// Bytes is the size of all records in the file, those that the store has included.
func (j *Journal) Bytes() int64 {
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	return j.total
}

// Waiting is how long the oldest record has waited that the store has not got, to the second; 0: none waits.
func (j *Journal) Waiting(now time.Time) (time.Duration, error) {
	j.mu.Lock()
	stored, lag := j.stored, j.lag
	j.mu.Unlock()
	if lag.Records == 0 {
		return 0, nil
	}
	first, err := j.Read(stored, 1)
	if err != nil || len(first) == 0 {
		return 0, err
	}
	return max(0, now.Sub(time.Unix(first[0].Seq>>20, 0))), nil
}

// weigh sets the obstacle of a store that lacks too much. Called with mu held, or before j is shared.
func (j *Journal) weigh() {
	if j.o.MaxBytes > 0 && j.lag.Bytes > j.o.MaxBytes {
		j.obstacles.Or(tooMuch)
	} else {
		j.obstacles.And(^tooMuch)
	}
}
