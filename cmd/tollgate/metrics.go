package main

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tollgate/tollgate/policy"
)

// registerMetrics shows what the gate, the recorder, the journal and the store's clock count.
func (g *gateway) registerMetrics(r prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	counter := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
	}
	r.MustRegister(newGateCollector(g.gate), g.clock.took, g.clock.failed, g.commits)
	counter("tollgate_recorded_events_total", "Events that were made durable.", func() float64 { return float64(g.record.Recorded()) })
	counter("tollgate_recorder_retries_total", "Batches that the store did not take at once.", func() float64 { return float64(g.record.Retries()) })
	counter("tollgate_dead_letters_total", "Records that the store can't take and a person must look at.", func() float64 { return float64(g.record.Dead()) })
	gauge("tollgate_unstored_events", "Events in the journal that the store has not got yet.", func() float64 { return float64(g.record.Lag().Records) })
	gauge("tollgate_unstored_bytes", "Their size; journal.max_bytes bounds it.", func() float64 { return float64(g.record.Lag().Bytes) })
	gauge("tollgate_unstored_seconds", "How long the oldest of them has waited.", g.recorderLag)
	gauge("tollgate_journal_bytes", "Size of all events in the journal, those included that the store has and journal.keep keeps.",
		func() float64 { return float64(g.journal.Bytes()) })
	gauge("tollgate_journal_max_bytes", "The setting journal.max_bytes.", func() float64 { return float64(g.began.Journal.MaxBytes) })
	gauge("tollgate_change_feed_age_seconds", "How long ago the store last told what other replicas changed.", func() float64 { return g.clock.unheard().Seconds() })
	gauge("tollgate_ready", "1 while the gateway serves, as /readyz says.", func() float64 { return truth(g.readiness() == nil) })
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tollgate_build_info", Help: "Always 1; the labels say what runs.",
		ConstLabels: prometheus.Labels{"version": version, "go_version": runtime.Version()},
	}, func() float64 { return 1 }))
}

// recorderLag is 0 where the journal can't be read: its own alarms say so.
func (g *gateway) recorderLag() float64 {
	waiting, err := g.journal.Waiting(time.Now())
	if err != nil {
		return 0
	}
	return waiting.Seconds()
}

func newCommitClock() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "tollgate_journal_commit_seconds", Help: "How long a commit of the journal took, its sync included: the end of an answer waits for one.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12), NativeHistogramBucketFactor: 1.1,
	})
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// gateCollector looks at the gate once a scrape, so that its numbers belong together.
type gateCollector struct {
	gate    *policy.Gate
	figures []gateFigure
}

type gateFigure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(policy.Stats) float64
}

func newGateCollector(gate *policy.Gate) *gateCollector {
	c := &gateCollector{gate: gate}
	add := func(kind prometheus.ValueType, name, help string, read func(policy.Stats) float64) {
		c.figures = append(c.figures, gateFigure{prometheus.NewDesc(name, help, nil, nil), kind, read})
	}
	const counter, gauge = prometheus.CounterValue, prometheus.GaugeValue
	add(counter, "tollgate_admitted_requests_total", "Requests that took a hold.", func(s policy.Stats) float64 { return float64(s.Admitted) })
	add(counter, "tollgate_settled_requests_total", "Holds that ended with a charge.", func(s policy.Stats) float64 { return float64(s.Settled) })
	add(counter, "tollgate_released_requests_total", "Holds that ended without one.", func(s policy.Stats) float64 { return float64(s.Released) })
	add(gauge, "tollgate_open_holds", "Holds of running requests.", func(s policy.Stats) float64 { return float64(s.Open) })
	add(gauge, "tollgate_unaccounted_holds", "The clearing difference: admitted less settled, released and running. Anything but 0 is a bug.",
		func(s policy.Stats) float64 { return float64(s.Admitted - s.Settled - s.Released - s.Open) })
	add(gauge, "tollgate_held_tokens", "Tokens that running requests hold.", func(s policy.Stats) float64 { return float64(s.Held) })
	add(gauge, "tollgate_oldest_hold_seconds", "Age of the oldest hold.", func(s policy.Stats) float64 { return s.OldestHold.Seconds() })
	add(counter, "tollgate_double_ends_total", "Holds that were ended twice: each is a bug.", func(s policy.Stats) float64 { return float64(s.DoubleEnds) })
	add(counter, "tollgate_exchanges_total", "Calls to the store about a lease.", func(s policy.Stats) float64 { return float64(s.Exchanges) })
	add(gauge, "tollgate_accounts_in_memory", "Accounts whose lease is held in memory.", func(s policy.Stats) float64 { return float64(s.Accounts) })
	add(gauge, "tollgate_keys_in_memory", "Keys that are remembered.", func(s policy.Stats) float64 { return float64(s.Keys) })
	add(gauge, "tollgate_store_down", "1 while the store can't be reached.", func(s policy.Stats) float64 { return truth(s.StoreDown) })
	return c
}

func (c *gateCollector) Describe(out chan<- *prometheus.Desc) {
	for _, f := range c.figures {
		out <- f.desc
	}
}

func (c *gateCollector) Collect(out chan<- prometheus.Metric) {
	stats := c.gate.Stats()
	for _, f := range c.figures {
		out <- prometheus.MustNewConstMetric(f.desc, f.kind, f.read(stats))
	}
}
