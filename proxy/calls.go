package proxy

import (
	"context"
	"sync"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy/dialect"
)

// markAfter is how old a request must be before the journal notes that it runs. A gateway that dies settles
// what it had noted as interrupted; younger requests are cheap to lose and dear to note.
const markAfter = time.Second

// calls are the metered requests that run.
type calls struct {
	mu  sync.Mutex
	set map[*call]time.Time // when it is next marked
}

func (s *calls) add(c *call) {
	s.mu.Lock()
	if s.set == nil {
		s.set = make(map[*call]time.Time)
	}
	s.set[c] = c.started.Add(markAfter)
	s.mu.Unlock()
}

func (s *calls) remove(c *call) {
	s.mu.Lock()
	delete(s.set, c)
	s.mu.Unlock()
}

// due are the requests to be marked at now. Each comes again when it is twice as old.
func (s *calls) due(now time.Time) []*call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var due []*call
	for c, at := range s.set {
		if !now.Before(at) {
			due = append(due, c)
			s.set[c] = now.Add(now.Sub(c.started))
		}
	}
	return due
}

// Run marks long requests in the journal until ctx ends.
func (h *Handler) Run(ctx context.Context) error {
	tick := time.NewTicker(markAfter / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C:
			for _, c := range h.calls.due(now) {
				c.mark()
			}
		}
	}
}

// mark notes a running request with what it would cost if it ended now.
func (c *call) mark() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settled {
		return
	}
	c.marked = true
	tokens := tokensOf(c.estimate(dialect.Usage{}))
	c.h.recorder.Mark(accounting.Settlement{
		Event: accounting.Event{
			ID: c.id, Account: c.caller.Key.Account, Key: c.caller.Key.ID,
			Activity: c.labels.activity, Chatbot: c.labels.chatbot, User: c.labels.user,
			Provider: c.provider.Name, API: c.route.API.Name, RequestedModel: c.request.Model,
			Stream: c.request.Stream, Outcome: accounting.Interrupted, Measured: accounting.ByEstimate,
			Tokens: tokens, Charged: accounting.Charged{Total: c.set.Weights.For("", c.request.Model).Charge(tokens)},
			StartedAt: c.started.UTC(), DurationMS: time.Since(c.started).Milliseconds(), TraceID: c.traceID(),
		},
		PeriodStart: c.hold.Period.Start, Epoch: c.hold.Epoch,
	})
}
