package journal

import (
	"context"
	"fmt"
)

// Read gives the records after a number, oldest first, at most max of them. It gives none when there are
// none yet.
func (j *Journal) Read(after int64, max int) ([]Record, error) {
	if after >= j.Last() {
		return nil, nil
	}
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	records, err := j.file.read(after, max)
	if err != nil {
		return nil, fmt.Errorf("read journal %s: %w", j.path, err)
	}
	return records, nil
}

// Wait returns when the journal has at least n records that the store has not got. It fails with ctx's
// error, and with ErrBroken when no more can come.
func (j *Journal) Wait(ctx context.Context, n int64) error {
	for {
		j.mu.Lock()
		enough, refused, next := j.lag.Records >= n, j.refused, j.queue.done
		if j.writing != nil {
			next, refused = j.writing.done, nil
		}
		j.mu.Unlock()
		switch {
		case enough:
			return nil
		case refused != nil:
			return refused
		}
		select {
		case <-next:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Stored says that the store has everything up to seq. Such records may be deleted, within Keep and
// KeepBytes. A lower number than before says that the store went back in time.
func (j *Journal) Stored(seq int64) error {
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	low, high, sign := j.Told(), seq, int64(-1)
	if low > high {
		low, high, sign = high, low, 1
	}
	between, err := j.file.between(low, high)
	if err != nil {
		return fmt.Errorf("read journal %s: %w", j.path, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.stored = seq
	j.lag.Records += sign * between.Records
	j.lag.Bytes += sign * between.Bytes
	j.weigh()
	return nil
}

// Told is up to where Stored last said, in this life or the one before, that the store has everything.
func (j *Journal) Told() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stored
}

// Running are the marks that the last life left: id and record of each request that had no end. Each stays
// until Append or Forget names it.
func (j *Journal) Running() (map[string][]byte, error) {
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	marks, err := j.file.marks()
	if err != nil {
		return nil, fmt.Errorf("read journal %s: %w", j.path, err)
	}
	return marks, nil
}

// Gone is the highest number of a record that was deleted; 0 when none was. A store whose position is
// below it can't be refilled whole.
func (j *Journal) Gone() int64 {
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	return j.file.gone
}
