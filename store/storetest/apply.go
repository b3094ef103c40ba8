package storetest

import (
	"fmt"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

func batches(r *rig) {
	r.account("acme", 100)
	r.account("other", 100)
	r.buy("acme", "invoice", 20)
	first := int64(312)
	one := r.settlement("acme", id(1), 90)
	one.Event.FirstTokenMS = &first
	batch := r.apply(one, r.settlement("acme", id(2), 25), r.settlement("acme", id(3), 25), r.settlement("other", id(4), 1))
	r.same("position", int64(4), must[int64](r)(r.Position(r.ctx(), "journal")))
	r.same("position of another journal", int64(0), must[int64](r)(r.Position(r.ctx(), "else")))
	for n, want := range []accounting.Charged{{Total: 90, Monthly: 90}, {Total: 25, Monthly: 10, Extra: 15}, {Total: 25, Extra: 5, Overdraft: 20}} {
		r.same(fmt.Sprintf("charge %d", n+1), want, r.charged("acme", id(n+1)))
	}
	one.Event.Charged.Monthly = 90
	r.same("the event", one.Event, must[accounting.Event](r)(r.Event(r.ctx(), "acme", id(1))))
	_, err := r.Event(r.ctx(), "other", id(1))
	r.fails(err, accounting.ErrNotFound)
	r.same("entries of the batch", 3, len(must[[]accounting.Entry](r)(r.Ledger(r.ctx(), "acme", 0, 10))))
	r.same("use of the key", int64(140), must[int64](r)(r.Used(r.ctx(), "key_acme", batch.Settlements[0].PeriodStart)))
	r.same("pace", int64(140), must[int64](r)(r.Pace(r.ctx(), "acme", r.now.Add(-time.Hour))))

	was := r.state("acme")
	r.fails(r.Apply(r.ctx(), batch), accounting.ErrPosition)
	ahead := r.batch(r.settlement("acme", id(9), 1))
	ahead.After++
	r.fails(r.Apply(r.ctx(), ahead), accounting.ErrPosition)
	r.same("after batches at other positions", was, r.state("acme"))

	// The same records by another journal, some twice in one batch: facts that the store has already.
	again := accounting.Batch{Journal: "copy", Upto: 8, At: r.now, Settlements: append(batch.Settlements, batch.Settlements...)}
	r.do(r.Apply(r.ctx(), again))
	r.same("after a replay", was, r.state("acme"))
	r.same("use of the key after a replay", int64(140), must[int64](r)(r.Used(r.ctx(), "key_acme", batch.Settlements[0].PeriodStart)))
	r.same("position of the copy", int64(8), must[int64](r)(r.Position(r.ctx(), "copy")))

	r.do(r.Apply(r.ctx(), accounting.Batch{Journal: "journal", After: 4, Upto: 6, At: r.now})) // records without events
	r.same("position after no events", int64(6), must[int64](r)(r.Position(r.ctx(), "journal")))
	r.stored = 6
	r.suspendedAndDeleted()
}

// suspendedAndDeleted settles what was admitted before: no settlement is refused.
func (r *rig) suspendedAndDeleted() {
	suspended, deleted := r.settlement("other", id(5), 2), r.settlement("other", id(6), 3)
	must[accounting.Account](r)(r.ChangeAccount(r.ctx(), "other", 0, func(a *accounting.Account) error { a.Status = accounting.Suspended; return nil }, r.now))
	r.apply(suspended)
	r.do(r.DeleteAccount(r.ctx(), "other", r.now))
	r.apply(deleted)
	r.same("a charge on a suspended account", accounting.Charged{Total: 2, Monthly: 2}, r.charged("other", id(5)))
	r.same("a charge on a deleted account", accounting.Charged{Total: 3, Monthly: 3}, r.charged("other", id(6)))
}

func deadRecords(r *rig) {
	r.account("acme", 100)
	was := r.state("acme")
	for _, break_ := range []func(*accounting.Settlement){
		func(s *accounting.Settlement) { s.Event.ID = "" },
		func(s *accounting.Settlement) { s.Event.Account = "" },
		func(s *accounting.Settlement) { s.Event.Charged.Total = -1 },
		func(s *accounting.Settlement) { s.Event.Charged.Total = 1 << 60 },
	} {
		good, bad := r.settlement("acme", id(1), 1), r.settlement("acme", id(2), 1)
		break_(&bad)
		r.fails(r.Apply(r.ctx(), r.batch(good, bad)), accounting.ErrData)
	}
	r.same("after batches with a bad record", was, r.state("acme"))
	r.same("position", int64(0), must[int64](r)(r.Position(r.ctx(), "journal")))

	b := r.batch(r.settlement("acme", id(1), 1))
	b.Upto = 3
	b.Dead = []accounting.DeadLetter{{Seq: 2, Bytes: []byte("?"), Error: "not a record"}, {Seq: 3, Error: "empty"}}
	r.do(r.Apply(r.ctx(), b))
	r.same("dead letters", int64(2), must[int64](r)(r.DeadLetters(r.ctx())))
}

func lateEvents(r *rig) {
	r.account("acme", 100)
	r.buy("acme", "invoice", 5)
	november, old := r.settlement("acme", id(1), 60), r.settlement("acme", id(2), 60)
	r.now = r.now.AddDate(0, 1, 0)
	none := r.settlement("acme", id(3), 7) // of a replica that knew no period, in December
	none.PeriodStart = time.Time{}
	r.now = time.Date(2027, 2, 3, 4, 5, 6, 0, time.UTC)
	february := r.settlement("acme", id(4), 30)
	r.apply(february, november, old, none)
	r.same("the running period's", accounting.Charged{Total: 30, Monthly: 30}, r.charged("acme", id(4)))
	r.same("November's first", accounting.Charged{Total: 60, Monthly: 60}, r.charged("acme", id(1)))
	r.same("November's second", accounting.Charged{Total: 60, Monthly: 40, Extra: 5, Overdraft: 15}, r.charged("acme", id(2)))
	r.same("the one without a period", accounting.Charged{Total: 7, Monthly: 7}, r.charged("acme", id(3)))
	if v := r.view("acme"); v.Monthly.Used != 30 || v.Over != 0 || v.Extra.Remaining != 0 || v.Extra.Used != 5 {
		r.Errorf("view: %+v", v)
	}
	resets := 0
	for _, e := range must[[]accounting.Entry](r)(r.Ledger(r.ctx(), "acme", 0, 100)) {
		if e.Kind == accounting.EntryReset {
			resets++
		}
	}
	r.same("resets of an account that slept", 3, resets)
	r.same("use of the key in November", int64(120), must[int64](r)(r.Used(r.ctx(), "key_acme", november.PeriodStart)))
}

func oddModels(r *rig) {
	r.account("acme", 100)
	s := r.settlement("acme", id(1), 7)
	s.Event.Model, s.Event.RequestedModel = "gpt\x00-\xff4", "\xf0\x9f"
	again := s
	again.Event.ID, again.Event.Model = id(2), "gpt\x00-\xfe4"
	r.apply(s, again)
	e := must[accounting.Event](r)(r.Event(r.ctx(), "acme", id(1)))
	r.same("its models", []string{"gpt\ufffd-\ufffd4", "\ufffd"}, []string{e.Model, e.RequestedModel})
	r.same("rows of its usage", 1, len(must[[]accounting.UsageRow](r)(r.Usage(r.ctx(), "acme", accounting.UsageQuery{GroupBy: []string{"model"}}))))
}

func strangers(r *rig) {
	s := accounting.Settlement{PeriodStart: r.now, Epoch: "epoch", Event: r.event("nobody", id(1), 9)}
	r.apply(s)
	r.same("charge", accounting.Charged{Total: 9, Overdraft: 9}, r.charged("nobody", id(1)))
	r.apply(s)
	r.same("events", 1, len(must[[]accounting.Event](r)(r.Events(r.ctx(), "nobody", accounting.EventFilter{}, "", 10))))
}
