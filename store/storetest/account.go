package storetest

import (
	"errors"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

func accounts(r *rig) {
	full := accounting.Account{
		ID: "acme", Name: "Acme", Plan: "pro", MonthlyTokens: ptr[int64](2_000_000), NextPlan: ptr("basic"), NextMonthlyTokens: ptr[int64](7),
		Anchor: accounting.Anchor{Timezone: "Asia/Manila", Day: 15}, Status: accounting.Suspended, Admission: "strict",
	}
	made := must[accounting.Account](r)(r.CreateAccount(r.ctx(), full, r.now))
	full.CreatedAt, full.UpdatedAt, full.Version = r.now, r.now, 1
	r.same("the account made", full, made)
	r.same("the account read", full, must[accounting.Account](r)(r.Account(r.ctx(), "acme")))
	if p := r.pools("acme"); p.Running().Total != 2_000_000 || !p.Running().Start.Equal(time.Date(2026, 11, 14, 16, 0, 0, 0, time.UTC)) {
		r.Errorf("its first period: %+v", *p.Running())
	}
	_, err := r.CreateAccount(r.ctx(), accounting.Account{ID: "acme"}, r.now)
	r.fails(err, accounting.ErrExists)
	_, err = r.Account(r.ctx(), "nobody")
	r.fails(err, accounting.ErrNotFound)
	_, err = r.Pools(r.ctx(), "nobody", r.now)
	r.fails(err, accounting.ErrNotFound)

	for _, id := range []string{"b", "a", "c"} {
		r.account(id, 10)
	}
	r.same("the first page", []string{"a", "acme"}, names(must[[]accounting.Account](r)(r.Accounts(r.ctx(), "", 2))))
	r.same("the next page", []string{"b", "c"}, names(must[[]accounting.Account](r)(r.Accounts(r.ctx(), "acme", 2))))

	r.do(r.DeleteAccount(r.ctx(), "b", r.now))
	r.same("those that live", []string{"a", "acme", "c"}, names(must[[]accounting.Account](r)(r.Accounts(r.ctx(), "", 10))))
	if b := must[accounting.Account](r)(r.Account(r.ctx(), "b")); b.Live() {
		r.Errorf("a deleted account lives: %+v", b)
	}
	r.fails(r.DeleteAccount(r.ctx(), "b", r.now), accounting.ErrNotFound)
	_, err = r.Pools(r.ctx(), "b", r.now)
	r.fails(err, accounting.ErrNotFound)
	_, err = r.CreateAccount(r.ctx(), accounting.Account{ID: "b"}, r.now)
	r.fails(err, accounting.ErrExists)
	_, err = r.ChangeAccount(r.ctx(), "b", 0, func(*accounting.Account) error { return nil }, r.now)
	r.fails(err, accounting.ErrNotFound)
	_, _, err = r.CreateGrant(r.ctx(), accounting.Grant{Account: "b", Reference: "r", Tokens: 1}, r.now)
	r.fails(err, accounting.ErrNotFound)
}

func names(all []accounting.Account) []string {
	ids := make([]string, len(all))
	for i, a := range all {
		ids[i] = a.ID
	}
	return ids
}

func accountRefusals(r *rig) {
	was := r.account("acme", 100)
	refusal := errors.New("no")
	_, err := r.ChangeAccount(r.ctx(), "acme", 0, func(a *accounting.Account) error {
		a.Name = "other"
		return refusal
	}, r.now)
	if err != refusal {
		r.Fatalf("got the error %v, want the change's own", err)
	}
	_, err = r.ChangeAccount(r.ctx(), "acme", 2, func(*accounting.Account) error { return nil }, r.now)
	r.fails(err, accounting.ErrVersion)
	r.same("after both", was, must[accounting.Account](r)(r.Account(r.ctx(), "acme")))

	r.now = r.now.Add(time.Minute)
	changed := must[accounting.Account](r)(r.ChangeAccount(r.ctx(), "acme", 1, func(a *accounting.Account) error {
		a.ID, a.CreatedAt, a.Version = "hijacked", time.Time{}, 99
		a.Name, a.Status, a.MonthlyTokens = "Acme", accounting.Suspended, ptr[int64](150)
		return nil
	}, r.now))
	want := was
	want.Name, want.Status, want.MonthlyTokens, want.UpdatedAt, want.Version = "Acme", accounting.Suspended, ptr[int64](150), r.now, 2
	r.same("changed", want, changed)
	r.same("read", want, must[accounting.Account](r)(r.Account(r.ctx(), "acme")))
	newest := must[[]accounting.Entry](r)(r.Ledger(r.ctx(), "acme", 0, 1))[0]
	r.same("its entry", accounting.Entry{At: r.now, Kind: accounting.EntryPlan, Change: accounting.Amounts{Monthly: 50}, Balance: accounting.Amounts{Monthly: 150}},
		newest, cmpopts.IgnoreFields(accounting.Entry{}, "Seq"))
}

func plans(r *rig) {
	r.do(r.SetPlans(r.ctx(), map[string]int64{"basic": 100, "pro": 1000}))
	must[accounting.Account](r)(r.CreateAccount(r.ctx(), accounting.Account{ID: "acme", Plan: "basic", Status: accounting.Active}, r.now))
	r.apply(r.settlement("acme", id(1), 30))
	_, before, err := r.Changes(r.ctx(), -1)
	r.do(err)
	r.do(r.SetPlans(r.ctx(), map[string]int64{"basic": 100}))
	changes, _, err := r.Changes(r.ctx(), before)
	r.do(err)
	r.same("changes of plans that are as they were", 0, len(changes))

	r.do(r.SetPlans(r.ctx(), map[string]int64{"basic": 50}))
	changes, _, err = r.Changes(r.ctx(), before)
	r.do(err)
	r.same("changes of a changed total", []policy.Change{{Seq: before + 1, Kind: policy.ChangedPlans}}, changes)
	r.same("a lowered total", accounting.MonthlyView{Total: 50, Used: 30, Remaining: 20}, r.view("acme").Monthly)

	change := func(edit func(*accounting.Account)) {
		must[accounting.Account](r)(r.ChangeAccount(r.ctx(), "acme", 0, func(a *accounting.Account) error { edit(a); return nil }, r.now))
	}
	change(func(a *accounting.Account) { a.NextPlan = ptr("pro") })
	change(func(a *accounting.Account) { a.Anchor = accounting.Anchor{Timezone: "Asia/Manila", Day: 28} })
	running := *r.pools("acme").Running()
	if running.Total != 50 || !running.End.Equal(time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)) {
		r.Fatalf("what waits for the next period counts at once: %+v", running)
	}
	r.now = running.End
	if a := must[[]accounting.Account](r)(r.Accounts(r.ctx(), "", 1))[0]; a.Plan != "pro" || a.NextPlan != nil {
		r.Fatalf("listed after the reset: %+v", a)
	}
	r.same("the next plan, which the file no longer lists", int64(1000), r.view("acme").Monthly.Total)
	r.same("the new anchor's first reset", time.Date(2026, 12, 27, 16, 0, 0, 0, time.UTC).AddDate(0, 1, 0), r.view("acme").Reset.At)
	a := must[accounting.Account](r)(r.Account(r.ctx(), "acme"))
	if a.Plan != "pro" || a.NextPlan != nil || a.Version != 4 {
		r.Fatalf("after the reset: %+v", a)
	}
}
