package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tollgate/tollgate/policy"
)

// registerMetrics shows what the gate, the recorder and the journal count.
func (g *gateway) registerMetrics(r prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	counter := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, value))
	}
	stat := func(read func(policy.Stats) int64) func() float64 {
		return func() float64 { return float64(read(g.gate.Stats())) }
	}
	counter("tollgate_admitted_requests_total", "Requests that took a hold.", stat(func(s policy.Stats) int64 { return s.Admitted }))
	counter("tollgate_settled_requests_total", "Holds that ended with a charge.", stat(func(s policy.Stats) int64 { return s.Settled }))
	counter("tollgate_released_requests_total", "Holds that ended without one.", stat(func(s policy.Stats) int64 { return s.Released }))
	gauge("tollgate_open_holds", "Holds of running requests.", stat(func(s policy.Stats) int64 { return s.Open }))
	gauge("tollgate_unaccounted_holds", "Admitted less settled, released and running: anything but 0 is a bug.",
		stat(func(s policy.Stats) int64 { return s.Admitted - s.Settled - s.Released - s.Open }))
	gauge("tollgate_held_tokens", "Tokens that running requests hold.", stat(func(s policy.Stats) int64 { return s.Held }))
	gauge("tollgate_oldest_hold_seconds", "Age of the oldest hold.", func() float64 { return g.gate.Stats().OldestHold.Seconds() })
	counter("tollgate_double_ends_total", "Holds that were ended twice: each is a bug.", stat(func(s policy.Stats) int64 { return s.DoubleEnds }))
	counter("tollgate_exchanges_total", "Calls to the store about a lease.", stat(func(s policy.Stats) int64 { return s.Exchanges }))
	gauge("tollgate_accounts_in_memory", "Accounts whose lease is held in memory.", stat(func(s policy.Stats) int64 { return s.Accounts }))
	gauge("tollgate_store_down", "1 while the store can't be reached.", func() float64 {
		if g.gate.Stats().StoreDown {
			return 1
		}
		return 0
	})
	counter("tollgate_recorded_events_total", "Events that were made durable.", func() float64 { return float64(g.record.Recorded()) })
	counter("tollgate_recorder_retries_total", "Batches that the store did not take at once.", func() float64 { return float64(g.record.Retries()) })
	counter("tollgate_dead_letters_total", "Records that the store can't take and a person must look at.", func() float64 { return float64(g.record.Dead()) })
	gauge("tollgate_unstored_events", "Events in the journal that the store has not got yet.", func() float64 { return float64(g.record.Lag().Records) })
	gauge("tollgate_unstored_bytes", "Their size.", func() float64 { return float64(g.record.Lag().Bytes) })
}
