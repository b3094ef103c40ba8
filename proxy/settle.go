package proxy

import (
	"net/http"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy/dialect"
)

// need is what the request may cost.
func (c *call) need() policy.Need {
	r := &c.request
	n := policy.Need{
		BodyBytes:   int64(len(c.body)),
		AddedInput:  r.AddedInput,
		OutputLimit: r.OutputLimit,
		MinOutput:   max(c.route.API.MinOutput, r.MinOutput),
		NoLimit:     c.route.API.Limitless,
		Unbounded:   r.Unbounded,
		Weight:      c.set.Weights.For("", r.Model),
	}
	if r.HasOutput {
		n.Choices = r.Choices
	}
	return n
}

// settle ends the hold with what the request cost and makes its event durable. It is called once a call.
func (c *call) settle(outcome accounting.Outcome) error {
	s := c.settlement(outcome)
	c.mu.Lock()
	c.settled = true
	c.event = s.Event
	marked := c.marked
	c.mu.Unlock()
	c.hold.Settle(s.Event.Charged.Total)
	began := time.Now()
	err := c.h.recorder.Settle(s, marked)
	c.h.metrics.settlement.Observe(time.Since(began).Seconds())
	if err != nil {
		c.log.Error("usage not recorded, the answer is cut", "event", s.Event.ID, "account", s.Event.Account,
			"charged", s.Event.Charged.Total, "error", err)
		return err
	}
	return nil
}

// settleOpen ends what no other place did: a request that was refused after its admission costs nothing; one
// that the program broke off is settled by what is known.
func (c *call) settleOpen() {
	if c.refused != "" || c.cancel == nil || c.status == statusClientGone {
		c.mu.Lock()
		c.settled = true
		marked := c.marked
		c.mu.Unlock()
		c.hold.Release()
		if marked {
			c.h.recorder.Unmark(c.id)
		}
		return
	}
	c.settle(accounting.Interrupted)
}

// settlement is the event of this call as things stand.
func (c *call) settlement(outcome accounting.Outcome) accounting.Settlement {
	e := accounting.Event{
		ID: c.id, Account: c.caller.Key.Account, Key: c.caller.Key.ID,
		Activity: c.labels.activity, Chatbot: c.labels.chatbot, User: c.labels.user,
		Provider: c.provider.Name, API: c.route.API.Name, RequestedModel: c.request.Model,
		Stream: c.request.Stream, Status: c.status, Outcome: outcome,
		StartedAt: c.started.UTC(), DurationMS: time.Since(c.started).Milliseconds(), TraceID: c.traceID(),
	}
	if c.first > 0 {
		ms := c.first.Milliseconds()
		e.FirstTokenMS = &ms
	}
	if c.meter != nil {
		e.Model = c.meter.Model()
	}
	if e.Model == "" { // the answer names none
		e.Model = e.RequestedModel
	}
	u, measured := c.measure(outcome)
	e.Measured = measured
	e.Tokens = tokensOf(u)
	e.Charged.Total = c.set.Weights.For(e.Model, e.RequestedModel).Charge(e.Tokens)
	if e.Tokens.Total == 0 {
		e.Charged.Total = c.set.Units.Charge(accounting.Units(u.Units))
	}
	return accounting.Settlement{Event: e, PeriodStart: c.hold.Period.Start, Epoch: c.hold.Epoch}
}

func tokensOf(u dialect.Usage) accounting.Tokens {
	return accounting.Tokens{
		Input: u.Input, Output: u.Output, CachedInput: u.CachedInput, CacheWriteInput: u.CacheWriteInput,
		ReasoningOutput: u.ReasoningOutput, Total: u.Input + u.Output,
	}
}

// measure tells the usage: the provider's own where it reported any, else by an estimate. An error that
// reports nothing and answered nothing costs nothing, and neither does what is counted in units alone.
func (c *call) measure(outcome accounting.Outcome) (dialect.Usage, accounting.Measured) {
	if c.meter == nil {
		return c.estimate(dialect.Usage{}), accounting.ByEstimate
	}
	u := c.meter.Usage()
	switch {
	case u.Known() && c.meter.Whole():
		return u, accounting.ByProvider
	case u.Known():
		return u, accounting.ByEstimate
	case u.Units != dialect.Units{}:
		if c.set.Units.Charge(accounting.Units(u.Units)) == 0 {
			return u, accounting.NotMeasured
		}
		return u, accounting.ByProvider
	case c.status >= http.StatusMultipleChoices, outcome == accounting.UpstreamError && c.seen.Load() == 0:
		return dialect.Usage{}, accounting.NotMeasured
	}
	return c.estimate(u), accounting.ByEstimate
}

// estimate counts one token per 4 bytes of the request's text, and per 4 bytes of answer text or per streamed
// event, whichever is more. What the provider told of either counts before that.
func (c *call) estimate(told dialect.Usage) dialect.Usage {
	if !told.InputKnown {
		told.Input = max(told.Input, (c.request.TextBytes()+3)/4)
	}
	if !told.OutputKnown && c.request.HasOutput {
		told.Output = max(told.Output, c.seen.Load())
	}
	return told
}
