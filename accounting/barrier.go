package accounting

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Sync returns when the store has everything that was journalled before the call. It fails with ctx's error,
// when the store fails a try that began after the call, and when that takes longer than waitFor.
func (r *Recorder) Sync(ctx context.Context) error {
	target := r.journal.Last()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.covered >= target {
		return nil
	}
	r.hurry()
	round := r.round + 1
	return r.await(ctx, func() (bool, error) {
		if r.covered >= target || r.failed < round {
			return r.covered >= target, nil
		}
		return true, fmt.Errorf("store journalled events: %w", r.failure)
	})
}

// Try has the recorder try the store at once, and returns how that went: for a store that could not be reached until now.
// It returns nil as well when there is so much to store that it takes longer than waitFor.
func (r *Recorder) Try(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hurry()
	round := r.round + 1
	err := r.await(ctx, func() (bool, error) {
		switch {
		case r.tried < round:
			return false, nil
		case r.failed < round:
			return true, nil
		}
		return true, fmt.Errorf("try the store: %w", r.failure)
	})
	if err == errTakesLong {
		return nil
	}
	return err
}

var errTakesLong = errors.New("the store takes too long")

// awaitStore returns when the store has everything up to seq, or does not take it now.
func (r *Recorder) awaitStore(seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.await(context.Background(), func() (bool, error) { return r.covered >= seq || r.failure != nil, nil })
}

// await calls done, with mu held, whenever something changed, until it says so. Called with mu held.
func (r *Recorder) await(ctx context.Context, done func() (bool, error)) error {
	limit := time.NewTimer(waitFor)
	defer limit.Stop()
	for {
		if ok, err := done(); ok {
			return err
		}
		changed := r.changed
		r.mu.Unlock()
		var err error
		select {
		case <-changed:
		case <-ctx.Done():
			err = ctx.Err()
		case <-limit.C:
			err = errTakesLong
		}
		r.mu.Lock()
		if err != nil {
			return err
		}
	}
}

// begin opens a round; hurry ends it.
func (r *Recorder) begin(ctx context.Context) (context.Context, context.CancelFunc) {
	round, end := context.WithCancel(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.round++
	r.hurry = end
	return round, end
}

// ended tells those who wait how the round's look into the journal went.
func (r *Recorder) ended(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure, r.tried = err, r.round
	if err != nil {
		r.failed = r.round
	}
	r.tell()
}

// tell is called with mu held.
func (r *Recorder) tell() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// cover tells those who wait that the store has everything up to seq.
func (r *Recorder) cover(seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if seq != r.covered {
		r.covered = seq
		r.tell()
	}
}
