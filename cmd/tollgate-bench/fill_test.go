package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/pgtest"
)

func TestAHistoryFillsAStoreThatAddsUp(t *testing.T) {
	h := newHistory(30, 3_010, time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
	t.Run("SQLite", func(t *testing.T) {
		s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "tollgate.db"), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		fillAndCheck(t, s, h)
	})
	t.Run("Postgres", func(t *testing.T) {
		s, err := store.Connect(pgtest.URL(t), store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		fillAndCheck(t, s, h)
	})
}

func fillAndCheck(t *testing.T, s *store.Store, h *history) {
	t.Helper()
	f := &fill{history: h, store: s, parts: 2}
	if err := f.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := f.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var sum accounting.UsageRow
	var newest time.Time
	for i := range h.accounts {
		rows, err := s.Usage(t.Context(), accountID(i), accounting.UsageQuery{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			sum.Requests += r.Requests
			sum.Charged.Monthly += r.Charged.Monthly
			sum.Charged.Extra += r.Charged.Extra
			sum.Charged.Overdraft += r.Charged.Overdraft
		}
		page, err := s.Events(t.Context(), accountID(i), accounting.EventFilter{}, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			if e.StartedAt.After(newest) {
				newest = e.StartedAt
			}
		}
	}
	if sum.Requests != int64(h.events) {
		t.Errorf("rollups of %d events tell of %d", h.events, sum.Requests)
	}
	if sum.Charged.Monthly == 0 || sum.Charged.Extra == 0 || sum.Charged.Overdraft == 0 {
		t.Errorf("not all pools were drawn from: %+v", sum.Charged)
	}
	if newest.Before(h.to.Add(-7 * day)) {
		t.Errorf("the newest event is of %v", newest)
	}
	if drifts, err := s.Verify(t.Context()); err != nil || len(drifts) > 0 {
		t.Errorf("it does not add up: %v, %v", drifts, err)
	}
}
