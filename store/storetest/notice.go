package storetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tollgate/tollgate/accounting"
)

// tell makes a target of each name that hears everything.
func (r *rig) tell(names ...string) {
	a := accounting.Audience{LowShares: []int64{800, 950}}
	for _, name := range names {
		a.Targets = append(a.Targets, accounting.Target{Name: name, Kinds: accounting.NoticeKinds})
	}
	r.Tell(a)
}

func (r *rig) claim(target string, limit int) []accounting.Delivery {
	r.Helper()
	return must[[]accounting.Delivery](r)(r.ClaimNotices(r.ctx(), target, r.now, r.now.Add(time.Minute), limit))
}

func (r *rig) finish(d accounting.Delivery, f accounting.Fate, next time.Time) {
	r.Helper()
	r.do(r.FinishNotices(r.ctx(), []accounting.Attempt{{Delivery: d, Fate: f, Next: next}}))
}

// heard is what a target was told since the last call, delivered and in order.
func (r *rig) heard(target string) (all []string) {
	r.Helper()
	for _, d := range r.claim(target, 1000) {
		var body struct {
			Type string
			Data struct {
				Share float64
				Grant *struct{ Reference string }
			}
		}
		r.do(json.Unmarshal([]byte(d.Body), &body))
		said := body.Type
		if body.Data.Share > 0 {
			said += fmt.Sprintf(" %g", body.Data.Share)
		}
		if body.Data.Grant != nil {
			said += " " + body.Data.Grant.Reference
		}
		all = append(all, said)
		r.finish(d, accounting.Delivered, time.Time{})
	}
	slices.Sort(all)
	return all
}

func (r *rig) told(when string, target string, want ...string) {
	r.Helper()
	r.same("told "+when, want, r.heard(target), cmpopts.EquateEmpty())
}

func thresholds(r *rig) {
	r.account("quiet", 100)
	r.apply(r.settlement("quiet", id(1), 100))
	r.tell("shop")
	r.told("of what was before there was anyone", "shop")

	r.account("acme", 100)
	r.apply(r.settlement("acme", id(2), 79))
	r.told("below the first share", "shop")
	r.apply(r.settlement("acme", id(3), 1))
	r.told("at the first share", "shop", "account.low 0.8")
	r.apply(r.settlement("acme", id(4), 10), r.settlement("acme", id(5), 10))
	r.told("at the end", "shop", "account.blocked", "account.low 0.95")
	r.apply(r.settlement("acme", id(6), 10))
	r.told("beyond the end", "shop")

	r.buy("acme", "small", 5)
	r.told("of a purchase that pays the overdraft alone", "shop", "grant.created small")
	r.buy("acme", "large", 20)
	r.apply(r.settlement("acme", id(7), 15))
	r.told("when it is used up as well", "shop", "account.blocked", "grant.created large")

	raise := func(to int64) {
		must[accounting.Account](r)(r.ChangeAccount(r.ctx(), "acme", 0, func(a *accounting.Account) error { a.MonthlyTokens = &to; return nil }, r.now))
	}
	raise(1000)
	r.apply(r.settlement("acme", id(8), 700), r.settlement("acme", id(9), 200))
	r.told("of the shares of a higher total", "shop", "account.blocked")
	raise(2000)
	raise(1000)
	r.told("of a total that came and went", "shop")

	r.now = r.view("acme").Reset.At.Add(time.Second)
	r.apply(r.settlement("acme", id(10), 850))
	r.told("in the next period", "shop", "account.low 0.8", "account.reset")
}

func noticeBody(r *rig) {
	r.tell("shop")
	r.account("acme", 100)
	r.apply(r.settlement("acme", id(1), 90))
	d := r.claim("shop", 10)[0]
	var got struct {
		Type      string
		Timestamp time.Time
		Data      struct {
			Pool  string
			Share float64
			accounting.View
		}
	}
	r.do(json.Unmarshal([]byte(d.Body), &got))
	r.same("type and time", []any{"account.low", r.now, "monthly", 0.8}, []any{got.Type, got.Timestamp, got.Data.Pool, got.Data.Share})
	want := r.view("acme")
	r.same("account", "acme", got.Data.Account)
	r.same("monthly", want.Monthly, got.Data.Monthly)
	r.same("reset", want.Reset, got.Data.Reset)
	r.same("the delivery", accounting.Delivery{ID: d.ID, Target: "shop", Kind: accounting.AccountLow, At: r.now, Body: d.Body, Tries: 1, Until: r.now.Add(time.Minute)}, d)
	r.finish(d, accounting.Delivered, time.Time{})

	r.buy("acme", "one", 20)
	r.apply(r.settlement("acme", id(2), 30))
	r.buy("acme", "two", 50)
	for _, d := range r.claim("shop", 10) { // a used up purchase is part of the extra pool until the reset
		if d.Kind == accounting.GrantCreated {
			r.do(json.Unmarshal([]byte(d.Body), &got))
		}
	}
	r.same("extra", r.view("acme").Extra, got.Data.Extra)
}

func subscriptions(r *rig) {
	r.Tell(accounting.Audience{LowShares: []int64{500}, Targets: []accounting.Target{
		{Name: "all", Kinds: accounting.NoticeKinds}, {Name: "money", Kinds: []accounting.NoticeKind{accounting.GrantCreated}}}})
	r.account("acme", 100)
	r.buy("acme", "one", 1)
	r.apply(r.settlement("acme", id(1), 60))
	if a, m := r.claim("all", 10), r.claim("money", 10); len(a) != 2 || len(m) != 1 || m[0].Kind != accounting.GrantCreated || m[0].ID != a[0].ID && m[0].ID != a[1].ID {
		r.Errorf("of one change, all: %+v, money: %+v", a, m)
	}
	r.Tell(accounting.Audience{})
	r.buy("acme", "two", 1)
	r.told("when the target was taken away", "money")
}

func noticeClaims(r *rig) {
	r.tell("shop")
	r.account("acme", 100)
	r.buy("acme", "one", 1)
	first := r.claim("shop", 10)[0]
	if again := r.claim("shop", 10); len(again) != 0 {
		r.Errorf("claimed twice: %+v", again)
	}
	n, oldest, err := r.WaitingNotices(r.ctx(), "shop")
	r.do(err)
	r.same("waiting", []any{int64(1), r.now}, []any{n, oldest})

	r.now = first.Until
	second := r.claim("shop", 10)[0]
	if second.ID != first.ID || second.Tries != 2 || second.Body != first.Body {
		r.Errorf("claimed again after its time: %+v, before %+v", second, first)
	}
	r.finish(first, accounting.GivenUp, time.Time{}) // by one that was too slow
	r.finish(first, accounting.Failed, r.now)
	if again := r.claim("shop", 10); len(again) != 0 {
		r.Errorf("one that was too slow has let others in: %+v", again)
	}
	r.finish(second, accounting.Failed, r.now.Add(time.Hour))
	r.now = r.now.Add(59 * time.Minute)
	r.told("before the next try is due", "shop")
	r.now = r.now.Add(time.Minute)
	third := r.claim("shop", 10)[0]
	r.finish(third, accounting.GivenUp, time.Time{})
	r.now = r.now.Add(1000 * time.Hour)
	r.told("after it was given up", "shop")
	n, _, err = r.WaitingNotices(r.ctx(), "shop")
	r.do(err)
	r.same("waiting at last", int64(0), n)
}

// claimedAtOnce has many claim the same notices: each gets others.
func claimedAtOnce(r *rig) {
	const notices, replicas = 40, 6
	r.tell("shop")
	r.account("acme", 100)
	for n := range notices {
		r.buy("acme", fmt.Sprint(n), 1)
	}
	claims := map[string]int{}
	var lock sync.Mutex
	var all sync.WaitGroup
	for range replicas {
		all.Go(func() {
			for range 2 * notices {
				got, err := r.ClaimNotices(r.ctx(), "shop", r.now, r.now.Add(time.Minute), 3)
				r.check(err)
				lock.Lock()
				for _, d := range got {
					claims[d.ID]++
				}
				if len(got) > 3 {
					r.Errorf("%d notices were claimed at once, asked for 3", len(got))
				}
				lock.Unlock()
			}
		})
	}
	all.Wait()
	twice := 0
	for _, n := range claims {
		twice += n - 1
	}
	if len(claims) != notices || twice != 0 {
		r.Errorf("%d of %d notices were claimed, %d twice", len(claims), notices, twice)
	}
}

func sleepers(r *rig) {
	r.tell("shop")
	for _, id := range []string{"a", "b", "c", "used", "closed"} {
		r.account(id, 100)
	}
	r.do(r.DeleteAccount(r.ctx(), "closed", r.now))
	end := r.view("a").Reset.At
	sweep := func() (calls int) {
		for calls = 1; must[bool](r)(r.ResetEnded(r.ctx(), 2)); calls++ {
		}
		return calls
	}
	r.now = end.Add(2 * time.Second)
	sweep()
	r.told("in the moment of the reset", "shop")
	r.apply(r.settlement("used", id(1), 1))
	r.told("by traffic", "shop", "account.reset")
	r.now = end.Add(5 * time.Second)
	r.same("calls for five accounts", 3, sweep())
	r.told("without traffic", "shop", "account.reset", "account.reset", "account.reset")
	sweep()
	r.told("of it again", "shop")
	if v := r.view("b"); !v.Reset.PeriodStart.Equal(end) {
		r.Errorf("b's period began at %s, want %s", v.Reset.PeriodStart, end)
	}
	r.now = end.AddDate(0, 3, 1) // the gateways were off for long
	sweep()
	r.told("once for all that was missed", "shop", "account.reset", "account.reset", "account.reset", "account.reset")
}

func oldNotices(r *rig) {
	r.tell("shop")
	r.account("acme", 100)
	for n := range 3 {
		r.buy("acme", fmt.Sprint(n), 1)
		r.now = r.now.Add(time.Hour)
	}
	r.same("deleted", 1, must[int](r)(r.DeleteNotices(r.ctx(), r.now.Add(-time.Hour), 1)))
	r.same("deleted of the rest", 1, must[int](r)(r.DeleteNotices(r.ctx(), r.now.Add(-time.Hour), 10)))
	r.told("of what was kept", "shop", "grant.created 2")
}
