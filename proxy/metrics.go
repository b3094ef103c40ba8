package proxy

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/tollgate/tollgate/accounting"
)

// metrics of the data plane. Labels come from closed sets: configured providers, our APIs, outcomes and codes.
type metrics struct {
	requests *prometheus.CounterVec
	refused  *prometheus.CounterVec
	tokens   *prometheus.CounterVec
	charged  *prometheus.CounterVec
	duration *prometheus.HistogramVec
	first    *prometheus.HistogramVec
	sealed   *prometheus.CounterVec

	admission, settlement prometheus.Observer // the gateway's own time
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollgate_requests_total", Help: "Metered requests that ended, by outcome, class of the provider's status and where their counts come from.",
		}, []string{"provider", "api", "outcome", "status", "measured"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollgate_refused_requests_total", Help: "Requests that the gateway refused, by code.",
		}, []string{"code"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollgate_tokens_total", Help: "Tokens that providers reported or that were estimated, by class; cached_input is inside input, reasoning_output inside output.",
		}, []string{"provider", "api", "class"}),
		charged: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollgate_charged_tokens_total", Help: "Tokens charged to accounts, after weights.",
		}, []string{"provider", "api"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tollgate_request_duration_seconds", Help: "Time from a metered request's arrival to its end.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2.5, 12), NativeHistogramBucketFactor: 1.1,
		}, []string{"provider", "api"}),
		first: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tollgate_first_byte_seconds", Help: "Time from a metered request's arrival to its answer's first byte.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2.5, 10), NativeHistogramBucketFactor: 1.1,
		}, []string{"provider", "api"}),
		sealed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollgate_unreadable_answers_total", Help: "Answers in a Content-Encoding that can't be read, so that they were charged by estimate.",
		}, []string{"provider"}),
	}
	overhead := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "tollgate_overhead_seconds",
		Help: "The gateway's own part of a metered request: admission is from its arrival until it leaves for the provider, " +
			"without the time that its body took to come; settlement is how long its usage took to become durable.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12), NativeHistogramBucketFactor: 1.1,
	}, []string{"part"})
	m.admission, m.settlement = overhead.WithLabelValues("admission"), overhead.WithLabelValues("settlement")
	r.MustRegister(m.requests, m.refused, m.tokens, m.charged, m.duration, m.first, overhead, m.sealed)
	for code := range statuses { // a series that is there from the start shows its first increase
		m.refused.WithLabelValues(string(code))
	}
	return m
}

// gauges show what the handler holds now.
func (h *Handler) gauges(r prometheus.Registerer) {
	r.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tollgate_running_requests", Help: "Requests that run, of every kind; max_concurrent_requests bounds them."},
			func() float64 { return float64(h.running.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tollgate_buffered_bytes", Help: "Bytes of request bodies in memory; max_buffered_bytes bounds them."},
			func() float64 { return float64(h.buffered.used.Load()) }),
	)
}

// count adds an ended call.
func (m *metrics) count(c *call) {
	if c.refused != "" {
		m.refused.WithLabelValues(string(c.refused)).Inc()
	}
	e := &c.event
	if e.ID == "" {
		return
	}
	if c.meter != nil && c.meter.Unreadable() {
		m.sealed.WithLabelValues(e.Provider).Inc()
	}
	m.requests.WithLabelValues(e.Provider, e.API, string(e.Outcome), statusClass(e.Status), string(e.Measured)).Inc()
	m.countTokens(e)
	m.charged.WithLabelValues(e.Provider, e.API).Add(float64(e.Charged.Total))
	observe(m.duration.WithLabelValues(e.Provider, e.API), time.Since(c.started), c.spans.server)
	if c.first > 0 {
		observe(m.first.WithLabelValues(e.Provider, e.API), c.first, c.spans.server)
	}
	if c.sent > 0 {
		m.admission.Observe((c.sent - c.reading).Seconds())
	}
}

func (m *metrics) countTokens(e *accounting.Event) {
	for _, t := range []struct {
		class string
		n     int64
	}{
		{"input", e.Tokens.Input}, {"output", e.Tokens.Output}, {"cached_input", e.Tokens.CachedInput},
		{"cache_write_input", e.Tokens.CacheWriteInput}, {"reasoning_output", e.Tokens.ReasoningOutput},
	} {
		if t.n > 0 {
			m.tokens.WithLabelValues(e.Provider, e.API, t.class).Add(float64(t.n))
		}
	}
}

// observe leaves an exemplar where the call's trace can be looked at.
func observe(h prometheus.Observer, took time.Duration, span trace.Span) {
	if span != nil && span.SpanContext().IsSampled() {
		h.(prometheus.ExemplarObserver).ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": span.SpanContext().TraceID().String()})
		return
	}
	h.Observe(took.Seconds())
}

// statusClass is 2xx and the like; none where the provider answered nothing, or what no status is.
func statusClass(status int) string {
	if status < 100 || status > 599 {
		return "none"
	}
	return strconv.Itoa(status/100) + "xx"
}
