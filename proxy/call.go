package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy/dialect"
	"github.com/tollgate/tollgate/proxy/provider"
)

// call is one request on its way. It belongs to the request's goroutine; only the fields under mu and the
// atomic ones are shared, with the sweep that marks long requests and with the client's leaving.
type call struct {
	h    *Handler
	gate *policy.Gate
	set  *Settings
	log  *slog.Logger

	w       http.ResponseWriter
	in      *http.Request
	started time.Time

	caller        *policy.Caller
	originAllowed bool
	provider      *provider.Provider
	path          string // raw, behind the provider's name
	route         provider.Route
	labels        labels
	body          []byte
	reserved      int64
	request       dialect.Request
	asks          bool // usage is asked for on the client's behalf

	id      string
	hold    *policy.Hold
	meter   *dialect.Meter
	cancel  context.CancelCauseFunc
	timer   *time.Timer // until the answer's first byte, then until each next one
	gone    atomic.Bool // the client left
	seen    atomic.Int64
	status  int
	refused policy.Code
	reading time.Duration // how long the body took to come
	sent    time.Duration // from the arrival until the request left for the provider; 0: it did not
	first   time.Duration // to the answer's first byte; 0: none came
	renewed time.Time     // when the client's write deadline was last moved
	spans   spans

	mu      sync.Mutex
	settled bool
	marked  bool
	event   accounting.Event // as settled
}

// serve takes a request as far as its answer; an error is a refusal that nothing was sent for yet.
func (c *call) serve() error {
	raw := c.in.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(raw, windowPrefix); ok {
		return c.window(rest)
	}
	c.locate(raw)
	if c.in.Method == http.MethodOptions {
		return c.preflight()
	}
	if err := c.identify(); err != nil {
		return err
	}
	if err := c.caller.AllowCalls(); err != nil {
		return err
	}
	if err := c.find(); err != nil {
		return err
	}
	if err := c.judgeBody(); err != nil {
		return err
	}
	if missing := c.provider.Missing(); missing != "" {
		return &unavailable{http.StatusBadGateway, "the provider " + c.provider.Name + " is not set up at this gateway",
			errors.New(missing + " is empty")}
	}
	if c.route.API == nil {
		return c.pass()
	}
	return c.metered()
}

// locate tells the provider by the path's first segment, else it is the default one.
func (c *call) locate(raw string) {
	name, rest, ok := provider.Split(raw, func(name string) bool { return c.set.Providers[name] != nil })
	c.path = rest
	if ok {
		c.provider = c.set.Providers[name]
	} else {
		c.provider = c.set.Default
	}
}

// identify finds who is calling, and from where.
func (c *call) identify() error {
	query := ""
	if c.provider != nil && c.provider.QueryKey {
		query = c.in.URL.RawQuery
	}
	shown, ok := secret(c.in.Header, query)
	if !ok {
		shown = "" // one answer, in the same time, whatever is wrong with the key
	}
	caller, err := c.gate.Identify(c.in.Context(), shown)
	if err != nil {
		return err
	}
	c.caller = caller
	c.startSpan()
	origin := c.in.Header.Get("Origin")
	if err := caller.AllowOrigin(origin); err != nil {
		return err
	}
	c.originAllowed = true
	return nil
}

// find looks the path up in the provider's table.
func (c *call) find() error {
	if c.provider == nil {
		return denied(codeUnmetered, "this path belongs to no provider of this gateway")
	}
	if strings.EqualFold(c.in.Header.Get("Upgrade"), "websocket") {
		return denied(codeUnmetered, "WebSocket connections are not metered here and so not served")
	}
	if name := bendsRequest(c.in.URL.RawQuery); name != "" {
		return denied(codeUnmetered, "a query with %s, which makes it another request than the one that is metered, is not served", clip(name))
	}
	if err := c.caller.AllowProvider(c.provider.Name); err != nil {
		return err
	}
	route, ok := c.provider.Route(c.in.Method, c.path)
	if !ok {
		return denied(codeUnmetered, "%s %s is neither metered nor free at %s, so it is not served", c.in.Method, clip(c.path), c.provider.Name)
	}
	c.route = route
	if name := bendsAnswer(c.in.URL.RawQuery); name != "" && route.API != nil {
		return denied(codeUnmetered, "a query with %s, which leaves what is counted out of the answer, is not served", clip(name))
	}
	return nil
}

// clip bounds what a refusal repeats of a request.
func clip(s string) string {
	if len(s) > 100 {
		return s[:100] + "…"
	}
	return s
}

// pass forwards a request that costs nothing and shows nothing of others.
func (c *call) pass() error {
	leave, err := c.gate.Enter(c.in.Context(), c.caller)
	if err != nil {
		return err
	}
	defer leave()
	if c.route.Model != "" {
		if err := c.caller.AllowModel(c.route.Model); err != nil {
			return err
		}
	}
	if err := c.readBody(); err != nil {
		return err
	}
	c.forward()
	return nil
}

// metered reads a request, takes a hold for it and forwards it.
func (c *call) metered() error {
	var err error
	if c.labels, err = readLabels(c.caller, c.in.Header, c.set.Activities); err != nil {
		return err
	}
	if err := c.readBody(); err != nil {
		return err
	}
	if c.request, err = c.route.API.ReadRequest(c.head(), c.body); err != nil {
		return invalid("%s", err)
	}
	if c.request.Background {
		return denied(codeUnmetered, "a request that is answered before it is counted (background, deferred) is not served")
	}
	if err := c.allowModels(); err != nil {
		return err
	}
	if err := c.h.recorder.Room(); err != nil {
		c.log.Error("no room for another request's usage", "error", err)
		return denied(policy.Overloaded, "the gateway can't record usage right now; try again")
	}
	if c.hold, err = c.gate.Admit(c.in.Context(), c.caller, c.need()); err != nil {
		return err
	}
	c.id = newID()
	c.asks = c.request.Stream && !c.request.UsageAsked && c.provider.Asks(c.route, c.in.URL.RawQuery)
	c.body = c.request.Splice(c.body, dialect.Splice{AskUsage: c.asks, OutputLimit: c.hold.OutputLimit})
	c.h.calls.add(c)
	c.forward()
	return nil
}

// allowModels judges all models that the request names.
func (c *call) allowModels() error {
	if err := c.caller.AllowModel(c.request.Model); err != nil {
		return err
	}
	for _, model := range c.request.Others {
		if err := c.caller.AllowModel(model); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) head() dialect.Head {
	return dialect.Head{Model: c.route.Model, Query: c.in.URL.RawQuery, ContentType: c.in.Header.Get("Content-Type")}
}

// The paths of the gateway's own.
const (
	windowPrefix = "/tollgate/"
	windowTokens = windowPrefix + "v1/tokens"
	windowEmbed  = windowPrefix + "embed.js"
)

// window is what the gateway itself shows to customers.
func (c *call) window(path string) error {
	switch windowPrefix + path {
	case windowTokens:
	case windowEmbed:
		return c.embed()
	default:
		return denied(codeUnmetered, "this path belongs to no provider of this gateway")
	}
	if c.in.Method == http.MethodOptions {
		return c.preflight()
	}
	c.route.Pattern = windowTokens
	if err := c.identify(); err != nil {
		return err
	}
	if c.in.Method != http.MethodGet {
		return denied(codeUnmetered, "the Token view is read with GET")
	}
	view, err := c.h.view(c.in.Context(), c.caller.Key.Account)
	if err != nil {
		return err
	}
	body, err := json.Marshal(view)
	if err != nil {
		return err
	}
	header := c.w.Header()
	c.corsFields(header)
	c.limitOwnAnswer()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	c.status = http.StatusOK
	c.w.Write(body)
	return nil
}

// end closes what a request opened. What is still held here never got to its settlement.
func (c *call) end() {
	if c.hold != nil {
		c.h.calls.remove(c)
		if !c.settled {
			c.settleOpen()
		}
	}
	if c.reserved > 0 {
		c.h.buffered.used.Add(-c.reserved)
	}
	c.h.running.Add(-1)
	c.endSpans()
	c.h.metrics.count(c)
	c.logLine()
}

func (c *call) providerName() string {
	if c.provider == nil {
		return ""
	}
	return c.provider.Name
}

// logLine is the one line that a request leaves, at its end.
func (c *call) logLine() {
	attrs := make([]slog.Attr, 0, 16)
	attrs = append(attrs, slog.String("method", c.method()), slog.String("provider", c.providerName()),
		slog.String("route", c.route.Pattern), slog.Int("status", c.status),
		slog.Int64("duration_ms", time.Since(c.started).Milliseconds()))
	if c.caller != nil {
		attrs = append(attrs, slog.String("account", c.caller.Key.Account), slog.String("key", c.caller.Key.ID))
	}
	level := slog.LevelInfo
	if c.refused != "" {
		attrs = append(attrs, slog.String("refused", string(c.refused)))
	}
	if e := &c.event; e.ID != "" {
		attrs = append(attrs, slog.String("event", e.ID), slog.String("api", e.API), slog.String("model", e.Model),
			slog.String("outcome", string(e.Outcome)), slog.String("measured", string(e.Measured)),
			slog.Int64("input", e.Tokens.Input), slog.Int64("output", e.Tokens.Output), slog.Int64("charged", e.Charged.Total))
		if e.Measured == accounting.ByEstimate {
			level = slog.LevelWarn
		}
	}
	if trace := c.traceID(); trace != "" {
		attrs = append(attrs, slog.String("trace", trace))
	}
	c.log.LogAttrs(context.Background(), level, "request", attrs...)
}
