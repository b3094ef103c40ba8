package proxy

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
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
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollgate_requests_total", Help: "Metered requests that ended, by outcome and by where their counts come from.",
		}, []string{"provider", "api", "outcome", "measured"}),
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
	}
	m.sealed = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tollgate_unreadable_answers_total", Help: "Answers in a Content-Encoding that can't be read, so that they were charged by estimate.",
	}, []string{"provider"})
	r.MustRegister(m.requests, m.refused, m.tokens, m.charged, m.duration, m.first, m.sealed)
	return m
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
	m.requests.WithLabelValues(e.Provider, e.API, string(e.Outcome), string(e.Measured)).Inc()
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
	m.charged.WithLabelValues(e.Provider, e.API).Add(float64(e.Charged.Total))
	m.duration.WithLabelValues(e.Provider, e.API).Observe(time.Since(c.started).Seconds())
	if c.first > 0 {
		m.first.WithLabelValues(e.Provider, e.API).Observe(c.first.Seconds())
	}
}
