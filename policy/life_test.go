package policy

import (
	"context"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

func TestALifeThatIsOverSpendsNothing(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 1000).account("watched", 1000), Options{OnStoreDownServe: true})
	w.ledger.change("watched", func(a *accounting.Account) { a.Admission = "observe" })
	w.gate.Extend(w.at.Add(time.Hour))
	running := w.admit("acme", asking(4, 99))
	w.admit("watched", asking(4, 99)).Settle(100)
	w.ledger.mu.Lock()
	w.ledger.down = true
	w.ledger.mu.Unlock()

	w.at = w.at.Add(time.Hour - time.Second)
	w.admit("acme", asking(4, 99)).Settle(100)
	w.at = w.at.Add(time.Second)
	w.deny("acme", asking(4, 99), AccountingUnavailable)
	w.admit("watched", asking(4, 99)).Settle(100) // nothing is refused by observe
	running.Settle(100)
	if !w.gate.Over() {
		t.Error("it is not over")
	}
	w.gate.Extend(w.at.Add(time.Hour))
	w.admit("acme", asking(4, 99)).Settle(100)
}

// A process that is stopped finds that time has passed on the monotonic clock, and one whose machine slept on the other.
func TestEitherClockEndsALife(t *testing.T) {
	began := time.Now()
	l := &life{until: began.Add(time.Hour)}
	for name, now := range map[string]struct {
		at   time.Time
		over bool
	}{
		"neither":                     {began.Add(time.Hour - time.Second), false},
		"both":                        {began.Add(time.Hour), true},
		"the wall clock alone":        {began.Round(0).Add(time.Hour), true},
		"a wall clock that went back": {began.Round(0).Add(-time.Hour), false},
	} {
		if got := l.over(now.at); got != now.over {
			t.Errorf("%s: over %v, want %v", name, got, now.over)
		}
	}
	if (&life{}).over(began) {
		t.Error("a life without end is over")
	}
}

func TestAnotherLifeBeginsWithNothing(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 1000), Options{})
	running := w.admit("acme", asking(4, 99))
	w.admit("acme", asking(4, 99)).Settle(100)
	w.ledger.mu.Lock()
	w.ledger.accounts["acme"].leases = nil // as the store forfeits them
	w.ledger.mu.Unlock()
	w.gate.Extend(w.at)
	w.deny("acme", asking(4, 99), AccountingUnavailable)

	w.gate.Renew("e2", w.at.Add(time.Hour))
	again := w.admit("acme", asking(4, 99))
	if running.Epoch != "e1" || again.Epoch != "e2" {
		t.Errorf("the lives are %s and %s, want e1 and e2", running.Epoch, again.Epoch)
	}
	leases := w.ledger.accounts["acme"].leases
	if len(leases) != 1 || leases[0].Epoch != "e2" || leases[0].Granted != 1000 || leases[0].Spent != 0 {
		t.Errorf("the store lends %+v", leases)
	}
	running.Settle(100)
	again.Settle(100)
	if s := w.gate.Stats(); s.Held != 0 || s.Open != 0 || s.Admitted != s.Settled {
		t.Errorf("%+v", s)
	}
	w.gate.tidy(t.Context(), 0)
	if leases := w.ledger.accounts["acme"].leases; len(leases) != 1 || leases[0].Returned != 900 || leases[0].Spent != 100 {
		t.Errorf("the store was told %+v", leases)
	}
}

// What the store answers to a life that has ended meanwhile is not for the next one.
func TestAnAnswerToTheLastLifeIsForgotten(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 1000), Options{})
	caller := w.caller("key_acme")
	w.ledger.during = func() {
		w.ledger.during = nil
		w.ledger.close(w.gate.life.Load().epoch)
		w.gate.Renew("e2", time.Time{})
	}
	_, err := w.gate.Admit(t.Context(), caller, asking(4, 99))
	w.denied(err, AccountingUnavailable)
	if h := w.admit("acme", asking(4, 99)); h.Epoch != "e2" {
		t.Errorf("the life is %s", h.Epoch)
	}
}

func TestChangesThatWereDeletedUnheard(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 0), Options{})
	w.deny("acme", asking(4, 1), InsufficientQuota)
	w.ledger.purchase("acme", 100)
	w.ledger.key(Key{ID: "other", Account: "acme"})
	w.ledger.mu.Lock()
	kept := w.ledger.changes[len(w.ledger.changes)-1:]
	w.ledger.mu.Unlock()
	w.at = w.at.Add(refusalKept)
	w.gate.keys = forgetful{w.ledger, kept}
	w.feed.poll(t.Context())
	w.admit("acme", asking(4, 1))
	if w.feed.seq != kept[0].Seq {
		t.Errorf("it goes on after %d, want %d", w.feed.seq, kept[0].Seq)
	}
}

// forgetful is keys of which only some changes are kept.
type forgetful struct {
	Keys
	kept []Change
}

func (f forgetful) Changes(_ context.Context, after int64) (changes []Change, newest int64, err error) {
	for _, c := range f.kept {
		if newest = c.Seq; c.Seq > after {
			changes = append(changes, c)
		}
	}
	return changes, newest, nil
}
