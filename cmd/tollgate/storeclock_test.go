package main

import (
	"context"
	"errors"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/store"
)

// TestStoreClock: what the store can't do counts as an error, what it does not know is an answer.
func TestStoreClock(t *testing.T) {
	s, err := store.Open(t.Context(), t.TempDir()+"/tollgate.db", store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := newStoreClock(s)
	failed := func(call string) float64 {
		var m dto.Metric
		if err := c.failed.WithLabelValues(call).Write(&m); err != nil {
			t.Fatal(err)
		}
		return m.GetCounter().GetValue()
	}
	everything := func(ctx context.Context) (errs [5]error) {
		_, _, errs[0] = c.Key(ctx, policy.Hash{1})
		_, errs[1] = c.Exchange(ctx, policy.Ask{Account: "nobody", Epoch: "e", Now: time.Now()})
		errs[2] = c.Apply(ctx, accounting.Batch{Journal: "j", After: 5, Upto: 6, At: time.Now()})
		_, _, errs[3] = c.Changes(ctx, 0)
		_, errs[4] = c.GiveBack(ctx, []policy.Ask{{Account: "nobody", Epoch: "e", Now: time.Now()}})
		return errs
	}
	errs := everything(t.Context())
	if !errors.Is(errs[0], accounting.ErrNotFound) || !errors.Is(errs[1], accounting.ErrNotFound) || !errors.Is(errs[2], accounting.ErrPosition) ||
		errs[3] != nil || errs[4] != nil {
		t.Errorf("the errors changed on their way: %v", errs)
	}
	heard := c.heard.Load()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for i, err := range everything(context.Background()) {
		if err == nil {
			t.Errorf("call %d of a closed store worked", i)
		}
	}
	for _, call := range storeCalls {
		want := 1.0
		if call == "exchange" {
			want = 2 // of one account, of many
		}
		if n := failed(call); n != want {
			t.Errorf("%v failures of %s are counted, want %v", n, call, want)
		}
	}
	if c.heard.Load() != heard || c.unheard() <= 0 {
		t.Errorf("a feed that failed counts as heard, %s ago", c.unheard())
	}
}
