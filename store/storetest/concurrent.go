package storetest

import (
	"fmt"
	"sync"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// concurrent lets journals, buyers, replicas and readers work on the same accounts.
func concurrent(r *rig) {
	const journals, rounds, tokens = 3, 5, 7
	r.account("a", 50)
	r.account("b", 50)
	period := r.pools("a").Running().Start
	var all sync.WaitGroup
	for j := range journals {
		all.Go(func() {
			r.check(r.journalOf(j, rounds, tokens, accounting.Settlement{PeriodStart: period, Epoch: "epoch", Event: r.event("", "", tokens)}))
		})
		all.Go(func() { r.check(r.buyerOf(j, rounds, tokens)) })
		all.Go(func() { r.check(r.readerOf(rounds)) })
		all.Go(func() {
			for range rounds {
				_, err := r.Exchange(r.ctx(), policy.Ask{Account: "b", Epoch: fmt.Sprint(j), Need: 1, Now: r.now})
				r.check(err)
			}
		})
	}
	all.Wait()
	for _, account := range []string{"a", "b"} {
		s := r.state(account)
		var sum int64
		for _, e := range s.Events {
			sum += e.Charged.Total
		}
		r.same("charged to "+account, int64(journals*rounds*tokens), sum)
		r.same("bought by "+account, int64(journals*rounds*tokens), bought(s.Ledger))
	}
}

func bought(entries []accounting.Entry) (sum int64) {
	for _, e := range entries {
		if e.Kind == accounting.EntryPurchase {
			sum += e.Change.Extra
		}
	}
	return sum
}

// check reports an error from any goroutine.
func (r *rig) check(err error) {
	if err != nil {
		r.Error(err)
	}
}

func (r *rig) journalOf(j, rounds, tokens int, s accounting.Settlement) error {
	for n := range rounds {
		b := accounting.Batch{Journal: fmt.Sprint(j), After: int64(n), Upto: int64(n + 1), At: r.now}
		for _, account := range []string{"b", "a"} {
			s.Event.Account, s.Event.ID, s.Event.Key = account, id(j*rounds+n), "key_"+account
			b.Settlements = append(b.Settlements, s)
		}
		if err := r.Apply(r.ctx(), b); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) buyerOf(j, rounds, tokens int) error {
	for n := range rounds {
		for _, account := range []string{"a", "b"} {
			g := accounting.Grant{Account: account, Reference: fmt.Sprint(j, n), Tokens: int64(tokens)}
			if _, _, err := r.CreateGrant(r.ctx(), g, r.now); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *rig) readerOf(rounds int) error {
	for range rounds {
		p, err := r.Pools(r.ctx(), "a", r.now)
		if err != nil {
			return err
		}
		if b := p.Balance(); b.Monthly < 0 || b.Extra < 0 {
			return fmt.Errorf("balance %+v", b)
		}
	}
	return nil
}
