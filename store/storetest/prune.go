package storetest

import (
	"fmt"
	"time"

	"pgregory.net/rapid"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// change makes one change and gives its number.
func (r *rig) change() int64 {
	r.Helper()
	must[accounting.Account](r)(r.ChangeAccount(r.ctx(), "acme", 0, func(a *accounting.Account) error { a.Name += "x"; return nil }, r.now))
	_, seq, err := r.Changes(r.ctx(), -1)
	r.do(err)
	return seq
}

func oldChanges(r *rig) {
	r.same("deleted of none", 0, must[int](r)(r.DeleteChanges(r.ctx(), 5, 10)))
	r.account("acme", 100)
	var newest int64
	for range 12 {
		newest = r.change()
	}
	oldest := must[[]policy.Change](r)(first(r.Changes(r.ctx(), 0)))[0].Seq
	for have := newest - oldest + 1; have > 5; {
		n := must[int](r)(r.DeleteChanges(r.ctx(), 5, 3))
		r.same("deleted at once", min(3, int(have-5)), n)
		have -= int64(n)
	}
	r.same("deleted of what is kept", 0, must[int](r)(r.DeleteChanges(r.ctx(), 5, 3)))
	kept := must[[]policy.Change](r)(first(r.Changes(r.ctx(), newest-7)))
	r.same("kept", []int64{newest - 4, newest - 3, newest - 2, newest - 1, newest}, seqs(kept))
	for must[int](r)(r.DeleteChanges(r.ctx(), 0, 3)) > 0 {
	}
	r.same("the one that always stays", []int64{newest}, seqs(must[[]policy.Change](r)(first(r.Changes(r.ctx(), 0)))))
	r.same("the next number", newest+1, r.change())
}

func first[V any](v V, _ int64, err error) (V, error) { return v, err }

func seqs(changes []policy.Change) []int64 {
	all := make([]int64, len(changes))
	for i, c := range changes {
		all[i] = c.Seq
	}
	return all
}

// followed has a follower that looks now and then, while changes are made and deleted: each change is either heard or
// shows as a gap.
func followed(r *rig) {
	r.account("acme", 100)
	rapid.Check(r.T, func(t *rapid.T) {
		_, at, err := r.Changes(r.ctx(), -1)
		r.do(err)
		unheard := map[int64]bool{}
		t.Repeat(map[string]func(*rapid.T){
			"change": func(*rapid.T) { unheard[r.change()] = true },
			"delete": func(t *rapid.T) {
				must[int](r)(r.DeleteChanges(r.ctx(), rapid.IntRange(0, 4).Draw(t, "keep"), rapid.IntRange(1, 4).Draw(t, "limit")))
			},
			"look": func(t *rapid.T) {
				changes, _, err := r.Changes(r.ctx(), at)
				r.do(err)
				if len(changes) > 0 && changes[0].Seq != at+1 {
					clear(unheard) // it treats all as changed
				}
				for _, c := range changes {
					delete(unheard, c.Seq)
					at = c.Seq
				}
				if len(unheard) > 0 {
					t.Fatalf("after %d, not heard: %v", at, unheard)
				}
			},
		})
	})
}

func endedReplicas(r *rig) {
	r.account("acme", 1000)
	for n := range 5 {
		r.do(r.Start(r.ctx(), fmt.Sprint("life", n), "j1", r.now))
		r.exchange(policy.Ask{Account: "acme", Epoch: fmt.Sprint("life", n), Need: 10})
	}
	r.do(r.CloseEpochs(r.ctx(), "j1", "life4"))
	late := r.settlement("acme", id(1), 30)
	late.Epoch = "life0"
	r.apply(late) // after its end
	r.same("too early", 0, must[int](r)(r.DeleteEnded(r.ctx(), r.now.Add(-time.Minute), 10)))
	r.now = r.now.Add(time.Hour)
	was := r.state("acme")
	lent := r.exchange(policy.Ask{Account: "acme", Epoch: "life4"})
	r.same("deleted", 3, must[int](r)(r.DeleteEnded(r.ctx(), r.now, 3)))
	r.same("deleted then", 1, must[int](r)(r.DeleteEnded(r.ctx(), r.now, 3)))
	r.same("deleted last", 0, must[int](r)(r.DeleteEnded(r.ctx(), r.now, 3)))
	r.same("the books", was, r.state("acme"))
	r.same("what the one that lives has", lent, r.exchange(policy.Ask{Account: "acme", Epoch: "life4"}))
	r.do(r.Seen(r.ctx(), "life4", "j1", r.now))

	late = r.settlement("acme", id(2), 20)
	late.Epoch = "life1"
	r.apply(late)
	r.same("an event that turns up", accounting.Charged{Total: 20, Monthly: 20}, r.charged("acme", id(2)))
}
