package policy

import (
	"math"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// meterKept is how long the counters of an unused key are kept. A minute fills its rate up again; the rest is
// for the store to have heard what was settled here.
const meterKept = 10 * time.Minute

// limits keeps the counters of the keys that have limits, by key id, so that a changed key keeps them.
type limits struct {
	looks  singleflight.Group // at what the store has of a key's use
	mu     sync.Mutex
	meters map[string]*meter
}

// meter counts one key's requests on this replica. Guarded by limits.mu.
type meter struct {
	running   int64
	perMinute int64
	rate      *rate.Limiter // nil: the key has no such limit
	usedAt    time.Time
	budget    budget
}

// budget is what counts against a key's cap in the period that began at start: what the store had charged
// when it was last asked, what was settled here since, and what running requests hold here.
type budget struct {
	start                 time.Time
	askedAt               time.Time // zero: never
	stored, settled, held int64
}

func (b *budget) used() int64 { return b.stored + b.settled + b.held }

// entry is one request past its key's limits. It ends with leave or end.
type entry struct {
	meter *meter
	// held is what the request has in the budget of the period that began at start; zero: the key has no cap.
	held  int64
	start time.Time

	estimate int64
	capped   bool
}

func newLimits() *limits { return &limits{meters: map[string]*meter{}} }

// enter counts a request in, or refuses it. It takes nothing from the requests per minute yet.
func (s *limits) enter(k *Key, estimate int64, now time.Time) (*entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.meters[k.ID]
	if m == nil {
		m = &meter{}
		s.meters[k.ID] = m
	}
	m.usedAt = now
	m.setRate(k.RequestsPerMinute, now)
	if k.Concurrent != nil && m.running >= *k.Concurrent {
		return nil, rateLimited(time.Second, "this key may have %d requests running at once", *k.Concurrent)
	}
	if wait := m.wait(now); wait > 0 {
		return nil, m.tooOften(wait)
	}
	m.running++
	return &entry{meter: m, estimate: estimate, capped: k.MonthlyCap != nil}, nil
}

func (m *meter) setRate(perMinute *int64, now time.Time) {
	if perMinute == nil {
		m.rate = nil
		return
	}
	limit, burst := rate.Limit(float64(*perMinute)/60), int(min(max(0, *perMinute), math.MaxInt32))
	switch {
	case m.rate == nil:
		m.rate = rate.NewLimiter(limit, burst)
	case m.perMinute != *perMinute:
		m.rate.SetLimitAt(now, limit)
		m.rate.SetBurstAt(now, burst)
	}
	m.perMinute = *perMinute
}

// wait is how long the key has to wait for its next request; 0: it has not.
func (m *meter) wait(now time.Time) time.Duration {
	if m.rate == nil {
		return 0
	}
	missing := 1 - m.rate.TokensAt(now)
	switch {
	case m.perMinute <= 0:
		return time.Minute
	case missing <= 0:
		return 0
	}
	return time.Duration(math.Ceil(missing / float64(m.rate.Limit()) * float64(time.Second)))
}

func (m *meter) tooOften(wait time.Duration) *Denied {
	return rateLimited(wait, "this key may make %d requests a minute", m.perMinute)
}

// asked says when the store was last asked what the key has used in the period that began at start, and what was
// settled here since then; the zero time: it never was.
func (s *limits) asked(e *entry, start time.Time) (at time.Time, settled int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &e.meter.budget
	if b.start.Before(start) {
		*b = budget{start: start}
	}
	return b.askedAt, b.settled
}

// learn takes in the store's answer of an instant, which has what was settled here before it was asked for.
func (s *limits) learn(e *entry, start time.Time, used, settled int64, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b := &e.meter.budget; b.start.Equal(start) {
		b.stored, b.askedAt = used, at
		b.settled -= settled
	}
}

// reserve puts the request's estimate into the budget while anything of the cap is left. It says what is used, and
// how much of that running requests only hold.
func (s *limits) reserve(e *entry, start time.Time, keyCap int64) (used, held int64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &e.meter.budget
	if used = b.used(); used >= keyCap {
		return used, b.held, false
	}
	e.hold(b.start, e.estimate)
	return used, b.held, true
}

// hold moves what the request has in a budget to the period that began at start.
func (e *entry) hold(start time.Time, tokens int64) {
	b := &e.meter.budget
	if b.start.Equal(e.start) {
		b.held -= e.held
	}
	if b.start.Before(start) {
		*b = budget{start: start}
	}
	e.start, e.held = start, tokens
	if b.start.Equal(start) {
		b.held += tokens
	}
}

// admit takes a request of the key's rate and counts the hold instead of the estimate.
func (s *limits) admit(e *entry, h *Hold, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := e.meter.take(now); err != nil {
		return err
	}
	if e.capped {
		e.hold(h.Period.Start, h.Held)
	}
	return nil
}

// admitFree takes a request of the key's rate that holds nothing.
func (s *limits) admitFree(e *entry, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return e.meter.take(now)
}

func (m *meter) take(now time.Time) error {
	if m.rate != nil && !m.rate.AllowN(now, 1) { // others were quicker since enter
		return m.tooOften(max(m.wait(now), time.Second))
	}
	return nil
}

// leave counts a request out that was refused after all.
func (s *limits) leave(e *entry) { s.end(e, 0) }

// end counts a request out, and what it cost against the cap of the period that it belongs to.
func (s *limits) end(e *entry, tokens int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &e.meter.budget
	e.meter.running--
	if e.capped && b.start.Equal(e.start) {
		b.held -= e.held
		b.settled += tokens
	}
}

// tidy forgets the counters of keys that were not used for long.
func (s *limits) tidy(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, m := range s.meters {
		if m.running == 0 && now.Sub(m.usedAt) > meterKept {
			delete(s.meters, id)
		}
	}
}
