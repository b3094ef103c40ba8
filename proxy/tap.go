package proxy

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// tap is the body of a metered answer. It hands on each read at once, lets the meter look at it, and holds the
// end back until the settlement is durable. Read and Close are called by one goroutine, ReverseProxy's copy.
type tap struct {
	c    *call
	src  io.ReadCloser
	left int64 // what Content-Length still promises; < 0: unknown

	ready []byte // for the client, not yet handed over; the front of buf
	buf   []byte
	err   error // ends the body once ready is empty

	endedAt time.Time // when the unit that ends the answer passed
	late    chan read // a read that outlived the wait for usage
}

// read is the outcome of a read of the provider's body.
type read struct {
	p   []byte
	err error
}

func newTap(c *call, src io.ReadCloser, length int64) *tap {
	if length < 0 {
		length = -1
	}
	return &tap{c: c, src: src, left: length}
}

// errUnrecorded cuts an answer whose usage could not be made durable: it must not look whole.
var errUnrecorded = errors.New("the usage could not be recorded")

func (t *tap) Read(p []byte) (int, error) {
	for len(t.ready) == 0 {
		if t.err != nil {
			return 0, t.err
		}
		t.next(p)
	}
	t.c.renewDeadline()
	n := copy(p, t.ready)
	t.ready = t.ready[n:]
	if len(t.ready) == 0 && t.err == io.EOF {
		return n, io.EOF
	}
	return n, nil
}

// next reads once from the provider, with p as scratch space, and leaves in ready what the client may have.
func (t *tap) next(p []byte) {
	c := t.c
	r, timedOut := t.fetch(p)
	if c.first == 0 && len(r.p) > 0 {
		c.first = time.Since(c.started)
	}
	t.buf = c.meter.Feed(t.buf[:0], r.p)
	if t.left > 0 {
		if t.left -= int64(len(r.p)); t.left == 0 && r.err == nil {
			r.err = io.EOF
		}
	}
	c.look()
	switch {
	case r.err == io.EOF:
		t.buf = c.meter.Finish(t.buf)
		c.look()
		t.finish(c.outcome(), io.EOF)
	case r.err != nil:
		t.broken(r.err)
	case timedOut || c.meter.Ready():
		t.finish(c.outcome(), nil)
	case !c.meter.Ended():
		t.endedAt = time.Time{}
	case t.endedAt.IsZero():
		t.endedAt = time.Now()
	}
	t.ready = t.buf
}

// look keeps what the meter has seen, as tokens for an estimate.
func (c *call) look() {
	if events, text := c.meter.Seen(); events > 0 || text > 0 {
		c.seen.Store(max(events, (text+3)/4))
	}
}

// mendWait is how long an answer that has ended and told its usage is waited for to go on. What comes behind the end
// ([DONE], a chunk that repeats the usage or mends it) was sent with it; a provider that only lingers keeps nobody longer.
const mendWait = 20 * time.Millisecond

// fetch reads from the provider. Once the answer has ended and only its usage is awaited, it waits no longer
// than UsageWait in all; what comes later is met by the next call.
func (t *tap) fetch(p []byte) (r read, timedOut bool) {
	t.c.timer.Reset(t.c.provider.Idle)
	waiting := !t.endedAt.IsZero() && !t.c.settled
	if !waiting && t.late == nil {
		n, err := t.src.Read(p)
		return read{p[:n], err}, false
	}
	if t.late == nil {
		late := make(chan read, 1)
		t.late = late
		go func() {
			own := make([]byte, 4<<10)
			n, err := t.src.Read(own)
			late <- read{own[:n], err}
		}()
	}
	if !waiting {
		r, t.late = <-t.late, nil
		return r, false
	}
	wait := time.Until(t.endedAt.Add(t.c.set.UsageWait))
	if t.c.meter.Told() {
		wait = min(wait, mendWait)
	}
	limit := time.NewTimer(wait)
	defer limit.Stop()
	select {
	case r = <-t.late:
		t.late = nil
		return r, false
	case <-limit.C:
		return read{}, true
	}
}

// finish settles the answer, if that is still to do, and then lets the rest of it go.
func (t *tap) finish(outcome accounting.Outcome, end error) {
	if !t.c.settled && t.c.settle(outcome) != nil {
		t.err = errUnrecorded
		return
	}
	t.buf = t.c.meter.Release(t.buf)
	if end != nil {
		t.err = end
	}
}

// broken settles an answer that ended before its end and passes the break on.
func (t *tap) broken(err error) {
	t.err = err
	if !t.c.settled {
		t.c.settle(t.c.brokenOutcome())
	}
}

// outcome of an answer that came to its end.
func (c *call) outcome() accounting.Outcome {
	switch {
	case c.gone.Load():
		return accounting.ClientClosed
	case c.status >= http.StatusMultipleChoices, c.meter.Error() != "":
		return accounting.UpstreamError
	}
	return accounting.Completed
}

// brokenOutcome of an answer that did not.
func (c *call) brokenOutcome() accounting.Outcome {
	switch {
	case c.h.stop.Err() != nil:
		return accounting.Interrupted
	case c.gone.Load():
		return accounting.ClientClosed
	}
	return accounting.UpstreamBroken
}

// Close ends the body. If the answer is not settled yet its client has left: what the provider still sends is
// read within the bounds of on_client_gone, so that its own count is heard.
func (t *tap) Close() error {
	if !t.c.settled {
		t.c.gone.Store(true)
		t.drain()
	}
	return t.src.Close()
}

func (t *tap) drain() {
	c := t.c
	if c.provider.Drain {
		limit := time.AfterFunc(c.provider.DrainFor, func() { c.cancel(errDrained) })
		defer limit.Stop()
		scratch := c.h.buffers.Get()
		defer c.h.buffers.Put(scratch)
		for bytes := int64(0); bytes < c.provider.DrainBytes && !c.settled && t.err == nil; {
			before := c.seen.Load()
			t.next(scratch)
			bytes += int64(len(t.ready)) + c.seen.Load() - before
		}
	}
	if !c.settled {
		c.settle(c.brokenOutcome())
	}
}
