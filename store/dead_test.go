package store_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/accounting/journal"
	"github.com/tollgate/tollgate/store"
	"github.com/tollgate/tollgate/store/pgtest"
)

// TestARecordThatPostgresRefusesStandsInNobodysWay: of a batch, that one alone is put aside, for its SQLSTATE.
func TestARecordThatPostgresRefusesStandsInNobodysWay(t *testing.T) {
	s := connect(t, pgtest.URL(t), store.Options{})
	account(t, s, "acme", 1000)
	j, err := journal.Open(filepath.Join(t.TempDir(), "journal.db"), journal.Options{MaxBytes: 1 << 20, Keep: time.Hour, KeepBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	var runs sync.WaitGroup
	runs.Go(func() {
		if err := j.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	r := accounting.NewRecorder(j, s, accounting.RecorderOptions{})
	for n := range 5 {
		e := event("acme", n, 10)
		if n == 2 {
			e.Event.TraceID = "\xff" // 22021: not in UTF-8
		}
		if err := r.Settle(e, false); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Recover(t.Context()); err != nil { // as a start does
		t.Fatal(err)
	}
	if lag := r.Lag().Records; lag != 0 || r.Dead() != 1 {
		t.Errorf("%d records are not stored, %d were put aside", lag, r.Dead())
	}
	if n, err := s.DeadLetters(t.Context()); err != nil || n != 1 {
		t.Errorf("the database has %d dead letters, %v", n, err)
	}
	pools, err := s.Pools(t.Context(), "acme", now)
	if err != nil || pools.Running().Used != 40 {
		t.Errorf("used: %+v, %v", pools, err)
	}
	end()
	runs.Wait()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}
