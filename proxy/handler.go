// Package proxy is the data plane: the way of one request from its key to its settlement, on
// httputil.ReverseProxy. It never changes what a client or a provider wrote, except to ask for usage and to
// take out again what that adds; and it hands over the last bytes of an answer only when its usage is durable.
package proxy

import (
	"context"
	"log"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/asset"
	"github.com/tollgate/tollgate/policy"
)

// Options are what a Handler is built from.
type Options struct {
	Gate     *policy.Gate
	Recorder *accounting.Recorder
	// View is the Token view of an account.
	View func(ctx context.Context, account string) (accounting.View, error)
	// Embed is the module script that shows the Token view on other sites.
	Embed    []byte
	Settings *Settings
	// Stop ends what still runs when the shutdown's grace is over; requests that it cuts are settled first.
	Stop context.Context
	// Tracer makes the spans; nil: none are made.
	Tracer     trace.Tracer
	Registerer prometheus.Registerer
	Log        *slog.Logger
}

// Handler serves the data plane.
type Handler struct {
	gate      *policy.Gate
	recorder  *accounting.Recorder
	view      func(ctx context.Context, account string) (accounting.View, error)
	script    *asset.File
	settings  atomic.Pointer[Settings]
	stop      context.Context
	tracer    trace.Tracer
	metrics   *metrics
	log       *slog.Logger
	errorLog  *log.Logger
	transport *http.Transport
	buffers   bufferPool
	buffered  budget
	running   atomic.Int64
	calls     calls
}

// New builds a handler. It starts nothing; Run keeps the marks of long requests.
func New(o Options) *Handler {
	h := &Handler{
		gate: o.Gate, recorder: o.Recorder, view: o.View, script: asset.New("text/javascript; charset=utf-8", o.Embed), stop: o.Stop, tracer: o.Tracer,
		metrics: newMetrics(o.Registerer), log: o.Log,
		errorLog:  LibraryLog(o.Log),
		transport: newTransport(),
	}
	h.settings.Store(o.Settings)
	h.gauges(o.Registerer)
	for name := range o.Settings.Providers {
		h.metrics.sealed.WithLabelValues(name)
	}
	return h
}

// Apply swaps the settings; running requests end with those they began with.
func (h *Handler) Apply(s *Settings) {
	earlier := h.settings.Load()
	for name, p := range s.Providers {
		if known := earlier.Providers[name]; known != nil {
			p.Inherit(known)
		}
	}
	h.settings.Store(s)
}

// newTransport keeps connections for less time than providers do, so that a request seldom meets one that is
// just being closed: without GetBody, which would let net/http send a billed POST twice, it could not be retried.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DisableCompression:    true,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          4096,
		MaxIdleConnsPerHost:   1024,
		IdleConnTimeout:       30 * time.Second,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// ServeHTTP serves one request. Whatever happens in it, its hold has ended when ServeHTTP returns.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := &call{h: h, gate: h.gate, set: h.settings.Load(), log: h.log, w: w, in: r, started: time.Now()}
	defer c.end()
	c.limitAnswer(0) // the last answer on this connection left its own
	c.limitBody()
	if h.running.Add(1) > c.set.MaxConcurrentRequests {
		c.refuse(denied(policy.Overloaded, "the gateway serves as many requests as it may (max_concurrent_requests); try again"))
		return
	}
	if err := c.serve(); err != nil {
		c.refuse(err)
	}
}

// newID is a UUIDv7: ids sort by the time of admission.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
