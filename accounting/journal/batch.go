package journal

// batch is what one commit writes, and what its waiters wait on.
type batch struct {
	records [][]byte
	strikes []string // ids of marks to forget
	bytes   int64
	done    chan struct{} // closed when first and err are final
	first   int64         // number of the first record; the others follow without a gap
	err     error
}

func newBatch(size int) *batch {
	return &batch{records: make([][]byte, 0, size), done: make(chan struct{})}
}

// add gives the record's place in the batch.
func (b *batch) add(rec []byte) int {
	b.records = append(b.records, blob(rec))
	b.bytes += int64(len(rec))
	return len(b.records) - 1
}

// blob keeps an empty record from becoming NULL.
func blob(rec []byte) []byte {
	if rec == nil {
		return []byte{}
	}
	return rec
}

func (b *batch) empty() bool { return len(b.records) == 0 && len(b.strikes) == 0 }

// Append returns once the record is durable, with its number; records of concurrent calls share a sync.
// running, if not "", is the id of a Mark, which the same transaction forgets. It fails with ErrFull or ErrBroken, and it works as long as the
// disk does, whatever Room says: an admitted request settles.
func (j *Journal) Append(rec []byte, running string) (seq int64, err error) {
	j.mu.Lock()
	if j.refused != nil {
		j.mu.Unlock()
		return 0, j.refused
	}
	b := j.queue
	i := b.add(rec)
	if running != "" {
		delete(j.marks, running)
		b.strikes = append(b.strikes, running)
	}
	j.mu.Unlock()
	if i == 0 {
		j.poke()
	}
	<-b.done
	return b.first + int64(i), b.err
}

// AppendAll commits records at once, on the caller's goroutine, and forgets the marks with these ids, all or
// nothing. It is for the start, before Run.
func (j *Journal) AppendAll(records [][]byte, running []string) error {
	b := newBatch(0)
	for _, rec := range records {
		b.add(rec)
	}
	b.strikes = running
	if err := j.commit(b); err != nil {
		return err
	}
	return b.err
}

// mark is what Mark remembers.
type mark struct{ bytes []byte }

// Mark remembers that a request is in flight, so that the next life can settle it as interrupted; of several
// marks of one id the last counts. It waits for nothing: rec is written with the next commit or within a
// second, or lost with a crash before. The journal keeps rec.
func (j *Journal) Mark(running string, rec []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refused == nil {
		j.marks[running] = &mark{blob(rec)}
	}
}

// Forget takes a Mark back, as late as Mark may write it.
func (j *Journal) Forget(running string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.marks, running)
	j.queue.strikes = append(j.queue.strikes, running)
}

// poke wakes Run.
func (j *Journal) poke() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// take makes the queue the writing batch.
func (j *Journal) take() *batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.writing = j.queue
	j.queue = newBatch(len(j.writing.records))
	return j.writing
}

// refuse makes every later Append fail with err and takes what is queued.
func (j *Journal) refuse(err error) *batch {
	j.obstacles.Or(broken)
	j.mu.Lock()
	if j.refused == nil {
		j.refused = err
	}
	j.mu.Unlock()
	return j.take()
}

// finish makes a batch's outcome known: to the counters first, then to its waiters.
func (j *Journal) finish(b *batch, err error) {
	b.err = err
	j.mu.Lock()
	j.writing = nil
	if err == nil && len(b.records) > 0 {
		j.lag.Records += int64(len(b.records))
		j.lag.Bytes += b.bytes
		j.last.Store(b.first + int64(len(b.records)) - 1)
		j.weigh()
	}
	j.mu.Unlock()
	close(b.done)
}
