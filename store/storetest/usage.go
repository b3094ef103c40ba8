package storetest

import (
	"fmt"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

func events(r *rig) {
	r.account("acme", 1000)
	for n := range 6 {
		s := r.settlement("acme", id(n), 10)
		e := &s.Event
		e.Activity, e.Chatbot, e.Model = []string{"chat", "ingest"}[n%2], fmt.Sprintf("bot-%d", n%3), fmt.Sprintf("m%d", n/3)
		e.Key, e.Outcome = fmt.Sprintf("key_%d", n%2), []accounting.Outcome{accounting.Completed, accounting.ClientClosed}[n/4]
		r.apply(s)
		r.now = r.now.Add(time.Hour)
	}
	ids := func(f accounting.EventFilter, before string, limit int) []string {
		got := []string{}
		for _, e := range must[[]accounting.Event](r)(r.Events(r.ctx(), "acme", f, before, limit)) {
			got = append(got, e.ID)
		}
		return got
	}
	r.same("newest first", []string{id(5), id(4)}, ids(accounting.EventFilter{}, "", 2))
	r.same("the page after", []string{id(3), id(2)}, ids(accounting.EventFilter{}, id(4), 2))
	r.same("of a time", []string{id(3), id(2)}, ids(accounting.EventFilter{From: start.Add(2 * time.Hour), To: start.Add(4 * time.Hour)}, "", 9))
	r.same("of an activity", []string{id(5), id(3), id(1)}, ids(accounting.EventFilter{Activity: "ingest"}, "", 9))
	r.same("of a chatbot", []string{id(4), id(1)}, ids(accounting.EventFilter{Chatbot: "bot-1"}, "", 9))
	r.same("of a model", []string{id(5), id(4), id(3)}, ids(accounting.EventFilter{Model: "m1"}, "", 9))
	r.same("of a key", []string{id(4), id(2), id(0)}, ids(accounting.EventFilter{Key: "key_0"}, "", 9))
	r.same("of an outcome", []string{id(5), id(4)}, ids(accounting.EventFilter{Outcome: "client_closed"}, "", 9))
	r.same("of all at once", []string{id(4)}, ids(accounting.EventFilter{From: start, To: r.now, Activity: "chat", Chatbot: "bot-1", Model: "m1", Key: "key_0",
		Outcome: "client_closed"}, id(5), 9))
	r.same("of an injection", []string{}, ids(accounting.EventFilter{Activity: "' OR 1=1 --"}, "", 9))
}

func retention(r *rig) {
	r.account("acme", 100)
	r.buy("acme", "invoice", 20)
	for n := range 5 {
		r.apply(r.settlement("acme", id(n), 30))
		r.now = r.now.Add(24 * time.Hour)
	}
	was := r.state("acme")
	cut := start.Add(72 * time.Hour)
	r.same("deleted", 2, must[int](r)(r.DeleteEvents(r.ctx(), cut, 2)))
	r.verified()
	r.same("deleted then", 1, must[int](r)(r.DeleteEvents(r.ctx(), cut, 2)))
	r.same("deleted last", 0, must[int](r)(r.DeleteEvents(r.ctx(), cut, 2)))
	is := r.state("acme")
	r.same("events kept", was.Events[:2], is.Events)
	was.Events, is.Events = nil, nil
	r.same("all else", was, is)
}

func usage(r *rig) {
	must[accounting.Account](r)(r.CreateAccount(r.ctx(), accounting.Account{ID: "acme", MonthlyTokens: ptr[int64](100), Status: accounting.Active,
		Anchor: accounting.Anchor{Timezone: "Asia/Kathmandu"}}, r.now)) // +05:45
	midnight := time.Date(2026, 11, 24, 18, 15, 0, 0, time.UTC)
	for n, at := range []time.Time{midnight.Add(-time.Minute), midnight, midnight.Add(50 * time.Minute), midnight.Add(70 * time.Minute)} {
		r.now = at
		s := r.settlement("acme", id(n), 30)
		s.Event.Activity, s.Event.Chatbot = []string{"chat", "ingest"}[n/3], fmt.Sprintf("bot-%d", n%2)
		r.apply(s)
	}
	row := func(requests, monthly, over int64, group ...string) accounting.UsageRow {
		total := 30 * requests
		if group == nil {
			group = []string{}
		}
		return accounting.UsageRow{Group: group, Requests: requests,
			Tokens:  accounting.Tokens{Input: requests, Output: 29 * requests, CachedInput: requests, CacheWriteInput: requests, ReasoningOutput: requests, Total: total},
			Charged: accounting.Charged{Total: total, Monthly: monthly, Overdraft: over}}
	}
	ask := func(from, to time.Time, groupBy ...string) []accounting.UsageRow {
		r.Helper()
		return must[[]accounting.UsageRow](r)(r.Usage(r.ctx(), "acme", accounting.UsageQuery{From: from, To: to, GroupBy: groupBy}))
	}
	r.same("in all", []accounting.UsageRow{row(4, 100, 20)}, ask(time.Time{}, time.Time{}))
	r.same("by day", []accounting.UsageRow{row(1, 30, 0, "2026-11-24"), row(3, 70, 20, "2026-11-25")}, ask(time.Time{}, time.Time{}, "day"))
	r.same("by activity and day", []accounting.UsageRow{row(1, 30, 0, "chat", "2026-11-24"), row(2, 60, 0, "chat", "2026-11-25"),
		row(1, 10, 20, "ingest", "2026-11-25")}, ask(time.Time{}, time.Time{}, "activity", "day"))
	r.same("by all", []accounting.UsageRow{row(4, 100, 20, "gpt-4o-mini-2024-07-18", "openai", "key_acme")}, ask(time.Time{}, time.Time{}, "model", "provider", "key"))
	r.same("of two local hours", []accounting.UsageRow{row(2, 60, 0, "bot-0"), row(1, 30, 0, "bot-1")}, ask(midnight.Add(-time.Hour), midnight.Add(time.Hour), "chatbot"))
	r.same("from a moment on: its whole hour", []accounting.UsageRow{row(3, 70, 20)}, ask(midnight.Add(59*time.Minute), time.Time{}))
	r.same("up to midnight", []accounting.UsageRow{row(1, 30, 0)}, ask(time.Time{}, midnight))
	r.same("of a time without use", 0, len(ask(midnight.AddDate(0, 0, 2), midnight.AddDate(0, 0, 3))))
	filteredUsage(r, midnight)
	if _, err := r.Usage(r.ctx(), "acme", accounting.UsageQuery{GroupBy: []string{"1; DROP TABLE account"}}); err == nil {
		r.Error("a dimension that does not exist is no error")
	}
	_, err := r.Usage(r.ctx(), "nobody", accounting.UsageQuery{})
	r.fails(err, accounting.ErrNotFound)
}

// filteredUsage asks for parts of what usage has applied: three chats, one ingest after midnight.
func filteredUsage(r *rig, midnight time.Time) {
	for _, c := range []struct {
		what     string
		asked    accounting.UsageQuery
		requests int64
	}{
		{"of an activity", accounting.UsageQuery{Activity: "chat"}, 3},
		{"of a chatbot", accounting.UsageQuery{Chatbot: "bot-0"}, 2},
		{"of a chatbot's activity", accounting.UsageQuery{Chatbot: "bot-1", Activity: "ingest"}, 1},
		{"of a chatbot that had no such activity", accounting.UsageQuery{Chatbot: "bot-0", Activity: "ingest"}, 0},
		{"of a model", accounting.UsageQuery{Model: "gpt-4o-mini-2024-07-18"}, 4},
		{"of a provider", accounting.UsageQuery{Provider: "openai", From: midnight}, 3},
		{"of a key", accounting.UsageQuery{Key: "key_acme"}, 4},
		{"of another model", accounting.UsageQuery{Model: "gpt-4o-mini"}, 0},
		{"of another provider", accounting.UsageQuery{Provider: "open%"}, 0},
		{"of another key", accounting.UsageQuery{Key: "key_acme' OR '1'='1"}, 0},
	} {
		var requests int64
		for _, u := range must[[]accounting.UsageRow](r)(r.Usage(r.ctx(), "acme", c.asked)) {
			requests += u.Requests
		}
		r.same(c.what, c.requests, requests)
	}
}

func manyChatbots(r *rig) {
	r.account("acme", 1<<40)
	batch := func(from, to int) {
		var s []accounting.Settlement
		one := r.settlement("acme", "", 2)
		for n := from; n < to; n++ {
			one.Event.ID, one.Event.Chatbot = id(n), fmt.Sprintf("bot-%04d", n)
			s = append(s, one)
		}
		r.apply(s...)
	}
	named := func() (rows int, other int64) {
		for _, u := range must[[]accounting.UsageRow](r)(r.Usage(r.ctx(), "acme", accounting.UsageQuery{GroupBy: []string{"chatbot"}})) {
			if u.Group[0] == "(other)" {
				other = u.Requests
			} else {
				rows++
			}
		}
		return rows, other
	}
	batch(0, 600)
	batch(600, 1100)
	rows, other := named()
	r.same("chatbots told apart in an hour", 1000, rows)
	r.same("requests of the others", int64(100), other)
	one := r.settlement("acme", id(2000), 2)
	one.Event.Chatbot, one.Event.Activity = "bot-0001", "ingest"
	r.apply(one) // one that is known may have another row
	rows, other = named()
	r.same("chatbots told apart after a known one", 1000, rows)
	r.same("requests of the others after a known one", int64(100), other)
	r.now = r.now.Add(time.Hour)
	batch(3000, 3001)
	rows, other = named()
	r.same("chatbots told apart in two hours", 1001, rows)
	r.same("requests of the others in two hours", int64(100), other)
}

func ledger(r *rig) {
	r.account("acme", 100)
	r.buy("acme", "invoice", 20)
	r.apply(r.settlement("acme", id(1), 30))
	r.apply(r.settlement("acme", id(2), 0)) // changes nothing: no entry
	entries := must[[]accounting.Entry](r)(r.Ledger(r.ctx(), "acme", 0, 2))
	entries = append(entries, must[[]accounting.Entry](r)(r.Ledger(r.ctx(), "acme", entries[1].Seq, 2))...)
	kinds := []accounting.EntryKind{}
	for i, e := range entries {
		kinds = append(kinds, e.Kind)
		if e.Seq != int64(len(entries)-i) {
			r.Errorf("entry %d has the number %d", i, e.Seq)
		}
	}
	r.same("two pages", []accounting.EntryKind{accounting.EntryUsage, accounting.EntryPurchase, accounting.EntryOpened}, kinds)

	r.now = r.now.AddDate(0, 1, 0)
	newest := must[[]accounting.Entry](r)(r.Ledger(r.ctx(), "acme", 0, 1))[0]
	r.same("the reset of an account that nobody has read since", accounting.Entry{Seq: 4, At: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Kind: accounting.EntryReset,
		Change: accounting.Amounts{Monthly: 30}, Balance: accounting.Amounts{Monthly: 100, Extra: 20}, Reference: "2026-12-01T00:00:00Z"}, newest)
	v := r.view("acme")
	r.same("the newest balance", accounting.Amounts{Monthly: v.Monthly.Remaining, Extra: v.Extra.Remaining}, newest.Balance)
	r.do(r.DeleteAccount(r.ctx(), "acme", r.now))
	r.same("entries of a deleted account", 4, len(must[[]accounting.Entry](r)(r.Ledger(r.ctx(), "acme", 0, 10))))
}

func remembered(r *rig) {
	answer := accounting.Remembered{Key: "POST /api/v1/accounts k", Body: [32]byte{1, 2, 3}, Status: 201, Answer: []byte(`{"id":"acme"}`), At: r.now}
	_, err := r.Recall(r.ctx(), answer.Key, r.now)
	r.fails(err, accounting.ErrNotFound)
	r.do(r.Remember(r.ctx(), answer))
	r.same("recalled", answer, must[accounting.Remembered](r)(r.Recall(r.ctx(), answer.Key, r.now.Add(24*time.Hour-time.Microsecond))))
	_, err = r.Recall(r.ctx(), answer.Key, r.now.Add(24*time.Hour))
	r.fails(err, accounting.ErrNotFound)
	answer.Status, answer.Answer, answer.At = 409, []byte{}, r.now.Add(25*time.Hour)
	r.do(r.Remember(r.ctx(), answer))
	r.same("recalled later", answer, must[accounting.Remembered](r)(r.Recall(r.ctx(), answer.Key, answer.At)))
}
