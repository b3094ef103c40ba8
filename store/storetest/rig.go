package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// start is when each part of the suite begins.
var start = time.Date(2026, 11, 24, 7, 0, 0, 123456000, time.UTC)

// rig is a store under test at an instant, with one journal whose records it numbers.
type rig struct {
	*testing.T
	Store
	now    time.Time
	stored int64 // the position that the store must have
}

func (r *rig) ctx() context.Context { return context.Background() }

func must[V any](r *rig) func(V, error) V {
	r.Helper()
	return func(v V, err error) V {
		r.Helper()
		if err != nil {
			r.Fatal(err)
		}
		return v
	}
}

func (r *rig) do(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// fails wants an error that is one of accounting's.
func (r *rig) fails(got, want error) {
	r.Helper()
	if !errors.Is(got, want) {
		r.Fatalf("got the error %v, want %v", got, want)
	}
}

func (r *rig) same(what string, want, got any, options ...cmp.Option) {
	r.Helper()
	if diff := cmp.Diff(want, got, options...); diff != "" {
		r.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}

// account makes one with its own monthly total.
func (r *rig) account(id string, monthly int64) accounting.Account {
	r.Helper()
	return must[accounting.Account](r)(r.CreateAccount(r.ctx(), accounting.Account{ID: id, Status: accounting.Active, MonthlyTokens: &monthly}, r.now))
}

func (r *rig) buy(account, reference string, tokens int64) accounting.Grant {
	r.Helper()
	g, created, err := r.CreateGrant(r.ctx(), accounting.Grant{Account: account, Reference: reference, Tokens: tokens}, r.now)
	r.do(err)
	if !created {
		r.Fatalf("grant %s: not created", reference)
	}
	return g
}

func (r *rig) pools(account string) *accounting.Pools {
	r.Helper()
	return must[*accounting.Pools](r)(r.Pools(r.ctx(), account, r.now))
}

func (r *rig) view(account string) accounting.View {
	r.Helper()
	return accounting.NewView(r.pools(account), r.now, 0, 0)
}

// settlement is a plain event of an account's running period.
func (r *rig) settlement(account, id string, tokens int64) accounting.Settlement {
	r.Helper()
	return accounting.Settlement{
		PeriodStart: r.pools(account).Running().Start, Epoch: "epoch", Event: r.event(account, id, tokens),
	}
}

func (r *rig) event(account, id string, tokens int64) accounting.Event {
	return accounting.Event{
		ID: id, Account: account, Key: "key_" + account, Activity: "chat", Chatbot: "bot", User: "u", Provider: "openai", API: "chat.completions",
		Model: "gpt-4o-mini-2024-07-18", RequestedModel: "gpt-4o-mini", Stream: true, Status: 200, Outcome: accounting.Completed,
		Measured: accounting.ByProvider, Tokens: accounting.Tokens{Input: 1, Output: tokens - 1, CachedInput: 1, CacheWriteInput: 1, ReasoningOutput: 1, Total: tokens},
		Charged: accounting.Charged{Total: tokens}, StartedAt: r.now, DurationMS: 1290, TraceID: "trace",
	}
}

// apply stores settlements as the journal's next records.
func (r *rig) apply(settlements ...accounting.Settlement) accounting.Batch {
	r.Helper()
	b := r.batch(settlements...)
	r.do(r.Apply(r.ctx(), b))
	r.stored = b.Upto
	return b
}

func (r *rig) batch(settlements ...accounting.Settlement) accounting.Batch {
	return accounting.Batch{Journal: "journal", After: r.stored, Upto: r.stored + int64(len(settlements)), Settlements: settlements, At: r.now}
}

// charged is how an event was split.
func (r *rig) charged(account, id string) accounting.Charged {
	r.Helper()
	return must[accounting.Event](r)(r.Event(r.ctx(), account, id)).Charged
}

// verified fails where a balance is not what its parts make it.
func (r *rig) verified() {
	r.Helper()
	if drifts := must[[]accounting.Drift](r)(r.Verify(r.ctx())); len(drifts) > 0 {
		r.Fatalf("drift: %+v", drifts)
	}
}

// exchange asks as a replica that knows nothing but what it needs.
func (r *rig) exchange(ask policy.Ask) policy.Lease {
	r.Helper()
	ask.Now = r.now
	if ask.Epoch == "" {
		ask.Epoch = "epoch"
	}
	return must[policy.Lease](r)(r.Exchange(r.ctx(), ask))
}

// state is everything that a reader sees of an account.
type state struct {
	Pools  accounting.View
	Ledger []accounting.Entry
	Events []accounting.Event
	Usage  []accounting.UsageRow
}

func (r *rig) state(account string) state {
	r.Helper()
	return state{
		Pools:  r.view(account),
		Ledger: must[[]accounting.Entry](r)(r.Ledger(r.ctx(), account, 0, 10_000)),
		Events: must[[]accounting.Event](r)(r.Events(r.ctx(), account, accounting.EventFilter{}, "", 10_000)),
		Usage: must[[]accounting.UsageRow](r)(r.Usage(r.ctx(), account, accounting.UsageQuery{
			GroupBy: []string{"day", "activity", "chatbot", "model", "provider", "key"}})),
	}
}

func ptr[V any](v V) *V { return &v }

func id(n int) string { return fmt.Sprintf("019ab000-0000-7000-8000-%012x", n) }
