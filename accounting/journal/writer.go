package journal

import (
	"context"
	"fmt"
	"maps"
	"time"
)

// choresEvery is how often Run looks after marks, deletions and the ballast.
const choresEvery = 500 * time.Millisecond

// Run commits what is appended until ctx ends: then it commits what is queued and returns nil. It returns
// the error after which the disk can't be trusted; every Append fails from then on. Call it once.
func (j *Journal) Run(ctx context.Context) error {
	if j.o.Memory {
		j.log.Warn("the journal is not synced: a power loss loses events", "file", j.path)
	}
	tick := time.NewTicker(choresEvery)
	defer tick.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return j.commit(j.refuse(errClosed))
		case <-j.wake:
			if j.crowded && j.o.Gather > 0 {
				time.Sleep(j.o.Gather)
			}
			err = j.commit(j.take())
		case <-tick.C:
			err = j.chores()
		}
		if err != nil {
			j.finish(j.refuse(err), err)
			return err
		}
	}
}

// commit writes a batch and tells its waiters. Its error is one after which nothing more may be written.
func (j *Journal) commit(b *batch) error {
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	err := j.write(b)
	if err == nil {
		j.total += b.bytes
	}
	if !b.empty() {
		j.crowded = len(b.records) > 1
	}
	if outOfSpace(err) {
		j.finish(b, fmt.Errorf("%w: %w", ErrFull, err))
		return nil
	}
	err = j.fault(err)
	j.finish(b, err)
	return err
}

// write commits a batch with the marks that wait. On a full disk it gives up the ballast and tries again.
func (j *Journal) write(b *batch) error {
	j.mu.Lock()
	marks := maps.Clone(j.marks)
	b.first = max(j.last.Load(), j.stored) + 1
	j.mu.Unlock()
	if b.empty() && len(marks) == 0 {
		return nil
	}
	began := time.Now()
	b.first = max(b.first, Number(began))
	err := j.file.write(b, marks)
	if outOfSpace(err) {
		j.diskIsFull(err)
		j.ballast.drop()
		j.file.shrink()
		err = j.file.write(b, marks)
	}
	if err != nil {
		return err
	}
	j.commits.Add(1)
	if j.o.Committed != nil {
		j.o.Committed(time.Since(began))
	}
	j.mu.Lock()
	for id, written := range marks {
		if j.marks[id] == written {
			delete(j.marks, id)
		}
	}
	j.mu.Unlock()
	return nil
}

// fault says that an I/O error, if it is one, was the last.
func (j *Journal) fault(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("write journal %s: %w: %w", j.path, ErrBroken, err)
}

func (j *Journal) chores() error {
	if j.obstacles.Load()&diskFull != 0 && j.ballast.make() == nil {
		j.diskHasRoom()
	}
	for {
		if err := j.commit(j.take()); err != nil {
			return err
		}
		if more, err := j.tidy(); err != nil || !more {
			return j.fault(err)
		}
	}
}

func (j *Journal) diskIsFull(err error) {
	if j.obstacles.Or(diskFull)&diskFull == 0 {
		j.log.Error("the disk is full: no new requests until it has room again", "file", j.path, "error", err)
	}
}

func (j *Journal) diskHasRoom() {
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	j.file.walPages(walPages)
	j.obstacles.And(^diskFull)
	j.log.Info("the disk has room again", "file", j.path)
}

// tidy deletes some of the records that the store has and nobody has to keep, and writes down how far the
// store is. It never touches a record that the store lacks. more says that there is more to delete.
func (j *Journal) tidy() (more bool, err error) {
	j.fileMu.Lock()
	defer j.fileMu.Unlock()
	j.mu.Lock()
	stored, excess := j.stored, j.total-j.lag.Bytes-j.o.KeepBytes
	j.mu.Unlock()
	old := Number(time.Now().Add(-j.o.Keep))
	var expired cut
	if j.oldest <= stored && (j.oldest < old || excess > 0) {
		if expired, err = j.file.expired(stored, old, excess); err != nil {
			return false, err
		}
		j.oldest = expired.next
	}
	if expired.upto == 0 && stored == j.told {
		return false, nil
	}
	switch err := j.file.cut(stored, expired.upto); {
	case outOfSpace(err):
		return false, nil
	case err != nil:
		return false, err
	}
	j.told = stored
	j.total -= expired.bytes
	return expired.more, nil
}
