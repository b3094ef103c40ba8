package store

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/store/pgtest"
)

// BenchmarkApply500 stores batches of 500 events of 50 accounts, with three chatbots and two models each; told: with a
// target of webhooks that hears everything.
func BenchmarkApply500(b *testing.B) {
	for _, told := range []bool{false, true} {
		b.Run(fmt.Sprintf("SQLite/told=%t", told), func(b *testing.B) {
			s, err := Open(b.Context(), filepath.Join(b.TempDir(), "tollgate.db"), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			apply500(b, s, told)
		})
		b.Run(fmt.Sprintf("Postgres/told=%t", told), func(b *testing.B) {
			s, err := Connect(pgtest.URL(b), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if err := s.Migrate(b.Context()); err != nil {
				b.Fatal(err)
			}
			apply500(b, s, told)
		})
	}
}

func apply500(b *testing.B, s *Store, told bool) {
	if told {
		s.Tell(accounting.Audience{LowShares: []int64{800, 950}, Targets: []accounting.Target{{Name: "shop", Kinds: accounting.NoticeKinds}}})
	}
	const batch, accounts = 500, 50
	now := time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC)
	monthly := int64(1) << 40
	for i := range accounts {
		a := accounting.Account{ID: fmt.Sprintf("account-%d", i), Status: accounting.Active, MonthlyTokens: &monthly}
		if _, err := s.CreateAccount(b.Context(), a, now); err != nil {
			b.Fatal(err)
		}
	}
	start := accounting.PeriodAt(accounting.Anchor{}, now).Start
	seq := int64(0)
	settlements := make([]accounting.Settlement, batch)
	for i := range settlements {
		first := int64(312)
		settlements[i] = accounting.Settlement{Epoch: "epoch", PeriodStart: start, Event: accounting.Event{
			Account: fmt.Sprintf("account-%d", i%accounts), Key: fmt.Sprintf("key_%d", i%accounts), Activity: "chat",
			Chatbot: fmt.Sprintf("bot-%d", i%3), Provider: "openai", API: "chat.completions", Model: fmt.Sprintf("gpt-4o-mini-%d", i%2),
			RequestedModel: "gpt-4o-mini", Stream: true, Status: 200, Outcome: accounting.Completed, Measured: accounting.ByProvider,
			Tokens: accounting.Tokens{Input: 12, Output: 34, Total: 46}, Charged: accounting.Charged{Total: 46},
			FirstTokenMS: &first, DurationMS: 1290, TraceID: "0af7651916cd43dd8448eb211c80319c",
		}}
	}
	for b.Loop() {
		for i := range settlements {
			n := seq + int64(i)
			settlements[i].Event.ID = fmt.Sprintf("019ab000-0000-7000-8000-%012x", n)
			settlements[i].Event.StartedAt = now.Add(time.Duration(n) * time.Millisecond)
		}
		err := s.Apply(b.Context(), accounting.Batch{Journal: "j", After: seq, Upto: seq + batch, Settlements: settlements, At: now})
		if err != nil {
			b.Fatal(err)
		}
		seq += batch
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(seq), "µs/event")
}
