package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/store"
)

// storeClock is the store as the gate and the recorder call it, with how long it takes and how often it fails.
type storeClock struct {
	*store.Store
	took   *prometheus.HistogramVec
	failed *prometheus.CounterVec
	heard  atomic.Int64 // when the change feed last answered, in Unix nanoseconds
}

// storeCalls are the calls that are timed.
var storeCalls = []string{"apply", "exchange", "key", "changes"}

func newStoreClock(s *store.Store) *storeClock {
	c := &storeClock{
		Store: s,
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "tollgate_store_call_seconds", Help: "How long the store took to answer the gate (exchange, key, changes) and the recorder (apply), failures included.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 12), NativeHistogramBucketFactor: 1.1,
		}, []string{"call"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollgate_store_errors_total", Help: "Calls of the store that failed.",
		}, []string{"call"}),
	}
	for _, call := range storeCalls {
		c.took.WithLabelValues(call)
		c.failed.WithLabelValues(call)
	}
	c.heard.Store(time.Now().UnixNano())
	return c
}

// unheard is how long ago the change feed last answered, or the gateway began.
func (c *storeClock) unheard() time.Duration { return time.Since(time.Unix(0, c.heard.Load())) }

// count adds a call. That something is not there, or that the store is elsewhere in the journal, is an answer too.
func (c *storeClock) count(call string, began time.Time, err error) {
	c.took.WithLabelValues(call).Observe(time.Since(began).Seconds())
	for _, answer := range []error{nil, accounting.ErrNotFound, accounting.ErrPosition, accounting.ErrData, context.Canceled} {
		if errors.Is(err, answer) {
			return
		}
	}
	c.failed.WithLabelValues(call).Inc()
}

func (c *storeClock) Apply(ctx context.Context, b accounting.Batch) error {
	began := time.Now()
	err := c.Store.Apply(ctx, b)
	c.count("apply", began, err)
	return err
}

func (c *storeClock) Exchange(ctx context.Context, ask policy.Ask) (policy.Lease, error) {
	began := time.Now()
	lease, err := c.Store.Exchange(ctx, ask)
	c.count("exchange", began, err)
	return lease, err
}

// GiveBack counts as an exchange.
func (c *storeClock) GiveBack(ctx context.Context, asks []policy.Ask) (map[string]policy.Lease, error) {
	began := time.Now()
	answers, err := c.Store.GiveBack(ctx, asks)
	c.count("exchange", began, err)
	return answers, err
}

func (c *storeClock) Key(ctx context.Context, hash policy.Hash) (policy.Key, bool, error) {
	began := time.Now()
	k, lives, err := c.Store.Key(ctx, hash)
	c.count("key", began, err)
	return k, lives, err
}

func (c *storeClock) Changes(ctx context.Context, after int64) ([]policy.Change, int64, error) {
	began := time.Now()
	changes, newest, err := c.Store.Changes(ctx, after)
	c.count("changes", began, err)
	if err == nil {
		c.heard.Store(time.Now().UnixNano())
	}
	return changes, newest, err
}
