package storetest

import (
	"fmt"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

func exchange(r *rig) {
	r.account("acme", 1000)
	r.buy("acme", "invoice", 500)
	r.do(r.Start(r.ctx(), "epoch", "journal", r.now))
	terms := r.exchange(policy.Ask{Account: "acme"})
	if terms.Granted != 0 || terms.Verdict != policy.Granted || terms.Left != (accounting.Amounts{Monthly: 1000, Extra: 500}) {
		r.Fatalf("terms alone: %+v", terms)
	}
	period := terms.Period.Start
	want := policy.Lease{
		Period:  accounting.Period{Start: period, End: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), Total: 1000},
		Granted: 1500, Left: accounting.Amounts{Monthly: 1000, Extra: 500}, ExtraPurchased: 500, Status: accounting.Active,
	}
	r.same("everything", want, r.exchange(policy.Ask{Account: "acme", PeriodStart: period, Need: 10}))
	r.same("an answer that was lost", want, r.exchange(policy.Ask{Account: "acme", PeriodStart: period, Need: 10}))
	r.same("one that knows no period", want, r.exchange(policy.Ask{Account: "acme", Need: 10}))

	told := policy.Ask{Account: "acme", PeriodStart: period, Granted: 1500, Returned: 900, Spent: 200} // 400 are held
	want.Returned, want.Spent, want.Left.Monthly = 900, 200, 800
	r.same("given back", want, r.exchange(told))
	r.same("given back again", want, r.exchange(told))
	r.same("an older message", want, r.exchange(policy.Ask{Account: "acme", PeriodStart: period, Granted: 1500, Returned: 100, Spent: 50}))
	told.Need = 50
	want.Granted = 2400 // what was given back, and what nobody had
	r.same("asked again", want, r.exchange(told))

	s := r.settlement("acme", id(1), 200)
	r.apply(s)
	told = policy.Ask{Account: "acme", PeriodStart: period, Granted: 2400, Returned: 900, Spent: 200}
	want.Period.Used = 200
	r.same("after the settlement", want, r.exchange(told))

	r.apply(r.settlement("acme", id(2), 100))
	told = policy.Ask{Account: "acme", PeriodStart: period, Granted: 2400, Returned: 1400, Spent: 300, Need: 400} // 700 are held
	want.Granted, want.Returned, want.Spent, want.Left.Monthly, want.Period.Used = 2900, 1400, 300, 700, 300
	r.same("after two settlements", want, r.exchange(told))

	forgot := r.exchange(policy.Ask{Account: "acme", Need: 1})
	r.same("a replica that forgot the account", want, forgot)
}

func exchangeOverTime(r *rig) {
	r.account("acme", 100)
	r.buy("acme", "invoice", 50)
	r.do(r.Start(r.ctx(), "epoch", "journal", r.now))
	november := r.exchange(policy.Ask{Account: "acme", Need: 150})
	old := r.settlement("acme", id(1), 120)
	r.now = november.Period.End
	r.pools("acme") // the reset is stored

	// All of November's lease may still be charged: 100 of it to November's pool, so that 50 of the extra are spoken for.
	told := policy.Ask{Account: "acme", PeriodStart: november.Period.Start, Granted: 150, Need: 10}
	december := r.exchange(told)
	if december.Granted != 100 || december.Returned != 0 || !december.Period.Start.Equal(november.Period.End) {
		r.Fatalf("the lease of the next period beside the old one: %+v", december)
	}
	told = policy.Ask{Account: "acme", PeriodStart: november.Period.Start, Granted: 150, Returned: 30, Spent: 120}
	r.exchange(told)
	r.apply(old)
	r.same("the late charge", accounting.Charged{Total: 120, Monthly: 100, Extra: 20}, r.charged("acme", id(1)))
	told = policy.Ask{Account: "acme", PeriodStart: december.Period.Start, Granted: 100, Need: 101}
	if all := r.exchange(told); all.Granted != 100 || all.Verdict != policy.Busy {
		r.Fatalf("more than there is: %+v", all)
	}
	told.Need = 30
	if all := r.exchange(told); all.Granted != 130 {
		r.Fatalf("what the old lease gave up: %+v", all)
	}

	// The store went back in time: what the replica says is booked.
	told = policy.Ask{Account: "acme", PeriodStart: december.Period.Start, Granted: 500, Spent: 10}
	if ahead := r.exchange(told); ahead.Granted != 500 {
		r.Fatalf("a grant that the store forgot: %+v", ahead)
	}

	// The replica's next life has drained its journal: the old one's lease ends and gets no more.
	r.do(r.Start(r.ctx(), "next", "journal", r.now))
	if l := r.exchange(policy.Ask{Account: "acme", Epoch: "next", Need: 1}); l.Granted != 0 || l.Verdict != policy.Busy {
		r.Fatalf("beside the old life's lease: %+v", l)
	}
	r.do(r.CloseEpochs(r.ctx(), "journal", "next"))
	if l := r.exchange(policy.Ask{Account: "acme", Epoch: "next", Need: 1}); l.Granted != 130 {
		r.Fatalf("after the old life's end: %+v", l)
	}
	told = policy.Ask{Account: "acme", PeriodStart: december.Period.Start, Granted: 500, Spent: 10, Need: 1}
	if l := r.exchange(told); l.Granted != 0 || l.Verdict == policy.Granted {
		r.Fatalf("a life that was closed: %+v", l)
	}
	r.apply(r.settlement("acme", id(2), 10)) // of the closed life
	r.same("a charge of a closed life", accounting.Charged{Total: 10, Monthly: 10}, r.charged("acme", id(2)))
	if l := r.exchange(policy.Ask{Account: "acme", Epoch: "next", PeriodStart: december.Period.Start, Granted: 130}); l.Granted != 130 || l.Left.Monthly != 90 {
		r.Fatalf("the new life's lease after it: %+v", l)
	}
}

func refusals(r *rig) {
	r.account("acme", 100)
	period := r.exchange(policy.Ask{Account: "acme", Need: 40}).Period.Start
	ask := policy.Ask{Account: "acme", PeriodStart: period, Granted: 100}

	ask.Spent, ask.Need, ask.Held = 40, 80, true // 60 are held
	if l := r.exchange(ask); l.Verdict != policy.Busy || l.Left.Monthly != 60 {
		r.Errorf("while the rest is held: %+v", l)
	}
	ask.Returned, ask.Last = 20, true // 40 are held, so this is not the last request
	if l := r.exchange(ask); l.Verdict != policy.Busy || l.Granted != 100 {
		r.Errorf("the rest for one of several: %+v", l)
	}
	ask.Returned, ask.Held = 60, false
	if l := r.exchange(ask); l.Verdict != policy.Granted || l.Granted != 160 {
		r.Errorf("the rest for one last request: %+v", l)
	}
	other := r.exchange(policy.Ask{Account: "acme", Epoch: "other", Need: 10, Last: true})
	if other.Verdict != policy.Busy || other.Granted != 0 {
		r.Errorf("beside the last request: %+v", other)
	}
	ask.Granted, ask.Spent, ask.Need = 160, 130, 40 // it took 30 more than there was and wants 10
	if l := r.exchange(ask); l.Verdict != policy.Exhausted || l.Granted != 190 || l.Left != (accounting.Amounts{}) {
		r.Errorf("after everything is spent: %+v", l)
	}
	s := r.settlement("acme", id(1), 130)
	r.apply(s)
	if l := r.exchange(ask); l.Verdict != policy.Exhausted {
		r.Errorf("after everything is charged: %+v", l)
	}
	r.buy("acme", "invoice", 50)
	ask.Granted, ask.Need = 190, 10
	if l := r.exchange(ask); l.Verdict != policy.Granted || l.Granted != 210 || l.Left != (accounting.Amounts{Extra: 20}) {
		r.Errorf("after a purchase that paid 30: %+v", l)
	}

	must[accounting.Account](r)(r.ChangeAccount(r.ctx(), "acme", 0, func(a *accounting.Account) error {
		a.Status, a.Admission = accounting.Suspended, "strict"
		return nil
	}, r.now))
	if l := r.exchange(ask); l.Status != accounting.Suspended || l.Admission != "strict" {
		r.Errorf("of a suspended account: %+v", l)
	}
	r.do(r.DeleteAccount(r.ctx(), "acme", r.now))
	ask.Now = r.now
	_, err := r.Exchange(r.ctx(), ask)
	r.fails(err, accounting.ErrNotFound)
	ask.Account = "nobody"
	_, err = r.Exchange(r.ctx(), ask)
	r.fails(err, accounting.ErrNotFound)
}

// exchangeAfterOverspend tells of a period in which the store had lent nothing, and which it has no reason to load.
func exchangeAfterOverspend(r *rig) {
	r.account("acme", 100)
	r.do(r.Start(r.ctx(), "epoch", "journal", r.now))
	november := r.exchange(policy.Ask{Account: "acme"})
	r.now = november.Period.End
	r.pools("acme") // the reset is stored
	told := policy.Ask{Account: "acme", PeriodStart: november.Period.Start, Spent: 500, Need: 60}
	if december := r.exchange(told); december.Verdict != policy.Granted || december.Granted != 100 {
		r.Fatalf("after 500 spent in November: %+v", december)
	}
}

// giveBack has accounts tell of all that one could tell by itself: leases of the running month and of the last one.
func giveBack(r *rig) {
	const accounts = 40 // more than go into one statement of the embedded store
	r.do(r.Start(r.ctx(), "epoch", "journal", r.now))
	var asks []policy.Ask
	for i := range accounts {
		id := fmt.Sprintf("a%02d", accounts-i)
		r.account(id, 1000)
		november := r.exchange(policy.Ask{Account: id, Need: 1})
		asks = append(asks, policy.Ask{Account: id, Epoch: "epoch", PeriodStart: november.Period.Start, Granted: 1000, Returned: 700 + int64(i), Spent: 100})
		r.now = november.Period.End.Add(-time.Hour)
	}
	r.now = r.now.Add(2 * time.Hour) // the month ends for all, and they roll with it
	r.do(r.DeleteAccount(r.ctx(), "a03", r.now))
	for i := range asks {
		asks[i].Now = r.now
	}
	asks = append(asks, policy.Ask{Account: "nobody", Epoch: "epoch", Now: r.now})
	got := must[map[string]policy.Lease](r)(r.GiveBack(r.ctx(), asks))
	if len(got) != accounts-1 {
		r.Errorf("%d accounts are answered for, want those that live", len(got))
	}
	for _, ask := range asks {
		answer, answered := got[ask.Account]
		if !answered {
			continue
		}
		if answer.Left.Monthly != 1000 || answer.Period.Used != 0 || !answer.Period.Start.After(ask.PeriodStart) {
			r.Errorf("%s: %+v", ask.Account, answer)
		}
		r.same(ask.Account+" by itself", r.exchange(ask), answer)
	}
	if none := must[map[string]policy.Lease](r)(r.GiveBack(r.ctx(), nil)); len(none) != 0 {
		r.Errorf("nobody is answered with %+v", none)
	}
	r.do(r.CloseEpochs(r.ctx(), "journal", ""))
	for id, answer := range must[map[string]policy.Lease](r)(r.GiveBack(r.ctx(), asks)) {
		if answer.Granted != 0 || answer.Spent != 0 {
			r.Errorf("%s: a closed life tells: %+v", id, answer)
		}
	}
}
