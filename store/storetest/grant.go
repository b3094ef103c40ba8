package storetest

import (
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tollgate/tollgate/accounting"
)

func purchases(r *rig) {
	r.account("acme", 100)
	r.account("other", 100)
	expires := r.now.AddDate(1, 0, 0)
	g, created, err := r.CreateGrant(r.ctx(), accounting.Grant{Account: "acme", Reference: "invoice-17", Tokens: 500, ExpiresAt: expires}, r.now)
	r.do(err)
	want := accounting.Grant{Account: "acme", Reference: "invoice-17", Tokens: 500, Remaining: 500, ExpiresAt: expires, CreatedAt: r.now}
	r.same("the grant", want, g, cmpopts.IgnoreFields(accounting.Grant{}, "ID"))
	if !created || g.ID == "" {
		r.Errorf("created %t, id %q", created, g.ID)
	}
	r.now = r.now.Add(time.Minute)
	again, created, err := r.CreateGrant(r.ctx(), accounting.Grant{Account: "acme", Reference: "invoice-17", Tokens: 500}, r.now)
	r.do(err)
	r.same("the same reference again", g, again)
	if created {
		r.Error("the same reference was created twice")
	}
	_, _, err = r.CreateGrant(r.ctx(), accounting.Grant{Account: "acme", Reference: "invoice-17", Tokens: 501}, r.now)
	r.fails(err, accounting.ErrConflict)
	r.buy("other", "invoice-17", 7)
	r.same("extra", accounting.ExtraView{Purchased: 500, Remaining: 500, NextExpiry: &expires}, r.view("acme").Extra)
	r.same("read", g, must[accounting.Grant](r)(r.Grant(r.ctx(), "acme", g.ID)))
	_, err = r.Grant(r.ctx(), "other", g.ID)
	r.fails(err, accounting.ErrNotFound)

	r.buy("acme", "invoice-18", 1)
	page := must[[]accounting.Grant](r)(r.Grants(r.ctx(), "acme", "", 1))
	page = append(page, must[[]accounting.Grant](r)(r.Grants(r.ctx(), "acme", page[0].ID, 10))...)
	if len(page) != 2 || page[0].ID >= page[1].ID {
		r.Errorf("both pages: %+v", page)
	}
}

func lapses(r *rig) {
	r.account("acme", 100)
	expires := r.now.AddDate(0, 0, 2)
	_, _, err := r.CreateGrant(r.ctx(), accounting.Grant{Account: "acme", Reference: "short", Tokens: 40, ExpiresAt: expires}, r.now)
	r.do(err)
	g := r.buy("acme", "long", 50)
	r.apply(r.settlement("acme", id(1), 110)) // 10 of the short one
	r.now = expires
	for _, g := range must[[]accounting.Grant](r)(r.Grants(r.ctx(), "acme", "", 10)) {
		if g.Reference == "short" && (g.Remaining != 0 || !g.ExpiredAt.Equal(expires)) {
			r.Errorf("listed after its expiry: %+v", g)
		}
	}
	r.same("after the expiry", accounting.ExtraView{Purchased: 50, Remaining: 50}, r.view("acme").Extra)
	r.apply(r.settlement("acme", id(2), 20))
	void := must[accounting.Grant](r)(r.VoidGrant(r.ctx(), "acme", g.ID, r.now))
	if void.Remaining != 0 || !void.VoidedAt.Equal(r.now) {
		r.Errorf("void: %+v", void)
	}
	r.same("void again", void, must[accounting.Grant](r)(r.VoidGrant(r.ctx(), "acme", g.ID, r.now.Add(time.Hour))))
	_, err = r.VoidGrant(r.ctx(), "acme", "grant_0", r.now)
	r.fails(err, accounting.ErrNotFound)
	r.same("after the void", accounting.ExtraView{}, r.view("acme").Extra)
	r.apply(r.settlement("acme", id(3), 5))
	r.same("a charge on empty pools", accounting.Charged{Total: 5, Overdraft: 5}, r.charged("acme", id(3)))
	want := []accounting.Entry{
		{Kind: accounting.EntryVoid, Change: accounting.Amounts{Extra: -30}, Reference: "long"},
		{Kind: accounting.EntryUsage, Change: accounting.Amounts{Extra: -20}, Balance: accounting.Amounts{Extra: 30}, Reference: id(2)},
		{Kind: accounting.EntryExpiry, Change: accounting.Amounts{Extra: -30}, Balance: accounting.Amounts{Extra: 50}, Reference: "short"},
		{Kind: accounting.EntryUsage, Change: accounting.Amounts{Monthly: -100, Extra: -10}, Balance: accounting.Amounts{Extra: 80}, Reference: id(1)},
		{Kind: accounting.EntryPurchase, Change: accounting.Amounts{Extra: 50}, Balance: accounting.Amounts{Monthly: 100, Extra: 90}, Reference: "long"},
		{Kind: accounting.EntryPurchase, Change: accounting.Amounts{Extra: 40}, Balance: accounting.Amounts{Monthly: 100, Extra: 40}, Reference: "short"},
		{Kind: accounting.EntryOpened, Change: accounting.Amounts{Monthly: 100}, Balance: accounting.Amounts{Monthly: 100}},
	}
	r.same("ledger", want, must[[]accounting.Entry](r)(r.Ledger(r.ctx(), "acme", 0, 100)), cmpopts.IgnoreFields(accounting.Entry{}, "Seq", "At"))
}

func overdraft(r *rig) {
	r.account("acme", 100)
	r.apply(r.settlement("acme", id(1), 130))
	if v := r.view("acme"); v.Over != 30 || !v.Blocked {
		r.Fatalf("overdrawn: %+v", v)
	}
	if g := r.buy("acme", "small", 10); g.Remaining != 0 || g.Collected != 10 || r.view("acme").Over != 20 {
		r.Errorf("a purchase that pays a part: %+v", g)
	}
	if g := r.buy("acme", "large", 50); g.Remaining != 30 || g.Collected != 20 {
		r.Errorf("a purchase that pays the rest: %+v", g)
	}
	if v := r.view("acme"); v.Over != 0 || v.Blocked || v.Extra.Remaining != 30 {
		r.Errorf("after the purchases: %+v", v)
	}
	r.apply(r.settlement("acme", id(2), 35))
	r.now = r.view("acme").Reset.At
	r.buy("acme", "next month", 10)
	if v := r.view("acme"); v.Over != 0 || v.Extra.Remaining != 10 || v.Monthly.Remaining != 100 {
		r.Errorf("a purchase after the reset paid last month's overdraft: %+v", v)
	}
}

func forgiven(r *rig) {
	r.account("acme", 100)
	r.apply(r.settlement("acme", id(1), 130))
	if g := r.buy("acme", "small", 10); g.Remaining != 10 || g.Collected != 0 || r.view("acme").Over != 30 {
		r.Errorf("a purchase: %+v, %+v", g, r.view("acme"))
	}
}
