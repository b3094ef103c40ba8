package storetest

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// sharing lends slices to replicas that live at the same time.
func sharing(r *rig) {
	r.account("acme", 1_000_000)
	r.account("small", 4000)
	r.do(r.Start(r.ctx(), "one", "j1", r.now))
	r.same("alone: everything", int64(1_000_000), r.exchange(policy.Ask{Account: "acme", Epoch: "one", Need: 10}).Granted)
	r.account("other", 1_000_000)
	r.do(r.Start(r.ctx(), "two", "j2", r.now))
	r.same("of two: a quarter", int64(250_000), r.exchange(policy.Ask{Account: "other", Epoch: "one", Need: 10}).Granted)
	r.same("of two: a quarter of the rest", int64(187_500), r.exchange(policy.Ask{Account: "other", Epoch: "two", Need: 10}).Granted)
	r.same("of two: what is little, whole", int64(4000), r.exchange(policy.Ask{Account: "small", Epoch: "two", Need: 10}).Granted)
	r.now = r.now.Add(time.Hour)
	r.do(r.Seen(r.ctx(), "two", "j2", r.now)) // the first was not
	r.same("of one that is left: everything", int64(1_000_000-250_000), r.exchange(policy.Ask{Account: "other", Epoch: "two", Need: 200_000}).Granted)
}

func forfeits(r *rig) {
	r.account("acme", 100)
	r.do(r.Start(r.ctx(), "gone", "j1", r.now))
	r.do(r.Start(r.ctx(), "here", "j2", r.now))
	lost := r.exchange(policy.Ask{Account: "acme", Epoch: "gone", Need: 60})
	r.same("lent to the one that goes", int64(100), lost.Granted)
	r.now = r.now.Add(time.Hour)
	r.do(r.Seen(r.ctx(), "here", "j2", r.now))
	r.same("too early", 0, len(must[[]string](r)(r.Forfeit(r.ctx(), r.now.Add(-2*time.Hour)))))
	if l := r.exchange(policy.Ask{Account: "acme", Epoch: "here", Need: 60}); l.Granted != 0 || l.Verdict != policy.Busy {
		r.Fatalf("beside the lease of one that is gone: %+v", l)
	}
	r.same("closed", []string{"gone"}, must[[]string](r)(r.Forfeit(r.ctx(), r.now.Add(-time.Minute))))
	r.same("closed again", 0, len(must[[]string](r)(r.Forfeit(r.ctx(), r.now.Add(-time.Minute)))))
	r.same("lent again", int64(100), r.exchange(policy.Ask{Account: "acme", Epoch: "here", Need: 60}).Granted)
	if err := r.Seen(r.ctx(), "gone", "j1", r.now); err == nil {
		r.Error("one whose leases were closed lives on")
	}
	r.do(r.Seen(r.ctx(), "of before the store went back", "j3", r.now))
	if l := r.exchange(policy.Ask{Account: "acme", Epoch: "gone", PeriodStart: lost.Period.Start, Granted: 100, Need: 1}); l.Granted != 0 {
		r.Errorf("lent to one that was closed: %+v", l)
	}
	s := r.settlement("acme", id(1), 60) // it turns up after all
	s.Epoch = "gone"
	r.apply(s)
	r.same("its charge", accounting.Charged{Total: 60, Monthly: 60}, r.charged("acme", id(1)))
}

// twiceAtOnce sends each batch by several connections, as a recorder does that lost the answer to the first.
func twiceAtOnce(r *rig) {
	const rounds, senders = 10, 4
	r.account("acme", 1000)
	for n := range rounds {
		s := r.settlement("acme", id(n), 7)
		stranger := s
		stranger.Event.Account = "nobody"
		b := r.batch(s, stranger)
		var all sync.WaitGroup
		stored := make(chan bool, senders)
		for range senders {
			all.Go(func() {
				err := r.Apply(r.ctx(), b)
				if err != nil && !errors.Is(err, accounting.ErrPosition) {
					r.Error(err)
				}
				stored <- err == nil
			})
		}
		// A record of an account that there is nothing to lock of, by a copy of the journal.
		for j := range senders {
			all.Go(func() {
				copied := accounting.Batch{Journal: fmt.Sprint("copy", j, n), Upto: 1, Settlements: []accounting.Settlement{stranger}, At: r.now}
				r.check(r.Apply(r.ctx(), copied))
			})
		}
		all.Wait()
		close(stored)
		took := 0
		for ok := range stored {
			if ok {
				took++
			}
		}
		r.same("senders of a batch that stored it", 1, took)
		r.stored = b.Upto
	}
	s := r.state("acme")
	r.same("events", rounds, len(s.Events))
	r.same("used", int64(7*rounds), s.Pools.Monthly.Used)
	r.same("requests", int64(rounds), s.Usage[0].Requests)
	r.same("events of no account", rounds, len(must[[]accounting.Event](r)(r.Events(r.ctx(), "nobody", accounting.EventFilter{}, "", 100))))
}

// lentAtOnce has replicas ask at once, spend what they got, and give it back.
func lentAtOnce(r *rig) {
	const replicas, rounds, total = 4, 12, 20_000
	account := r.account("acme", total).ID
	period := r.pools(account).Running().Start
	var all sync.WaitGroup
	spent := make([]int64, replicas)
	for i := range replicas {
		epoch := fmt.Sprint("epoch", i)
		r.do(r.Start(r.ctx(), epoch, epoch, r.now))
		all.Go(func() {
			ask := policy.Ask{Account: account, Epoch: epoch, PeriodStart: period, Now: r.now}
			for range rounds {
				ask.Need = 700
				l, err := r.Exchange(r.ctx(), ask)
				r.check(err)
				ask.Granted = l.Granted
				if free := l.Granted - ask.Returned - ask.Spent; free >= 700 {
					ask.Spent += 700
				}
				ask.Returned = ask.Granted - ask.Spent
			}
			ask.Need = 0
			_, err := r.Exchange(r.ctx(), ask)
			r.check(err)
			spent[i] = ask.Spent
		})
	}
	all.Wait()
	var sum int64
	for _, n := range spent {
		sum += n
	}
	l := r.exchange(policy.Ask{Account: account, Epoch: "epoch0"})
	if sum > total || l.Left.Monthly != total-sum {
		r.Fatalf("%d of %d were spent, %d are left", sum, total, l.Left.Monthly)
	}
	if sum < total-700 {
		r.Errorf("%d of %d were spent, though each replica gave back all it had", sum, total)
	}
}

// heardInOrder follows the changes while several connections make them: none may turn up behind the follower.
func heardInOrder(r *rig) {
	const writers, each = 4, 10
	_, seq, err := r.Changes(r.ctx(), -1)
	r.do(err)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range each {
				_, err := r.CreateAccount(r.ctx(), accounting.Account{ID: fmt.Sprintf("a-%d-%d", w, n), Status: accounting.Active, MonthlyTokens: ptr[int64](1)}, r.now)
				r.check(err)
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	heard := map[string]bool{}
	for finished := false; ; {
		changes, next, err := r.Changes(r.ctx(), seq)
		r.do(err)
		for _, c := range changes {
			if c.Seq != seq+1 {
				r.Errorf("change %d after %d", c.Seq, seq)
			}
			heard[c.ID], seq = true, c.Seq
		}
		if finished && len(changes) == 0 {
			r.same("the newest", seq, next)
			break
		}
		select {
		case <-done:
			finished = true
		case <-time.After(time.Millisecond):
		}
	}
	r.same("changes heard", writers*each, len(heard))
}
