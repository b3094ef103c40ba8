package policy

import (
	"context"
	"testing"
	"time"
)

// TestCapAcrossReplicas: what the others used of a key's cap counts here too, once the store has it and a look is due.
func TestCapAcrossReplicas(t *testing.T) {
	l := newLedger().account("acme", 1e6).key(Key{ID: "key_acme", Account: "acme", MonthlyCap: limit(1000)})
	l.replicas = 2
	w := newWorld(t, l, Options{})
	other := *w
	other.gate = New(l, l, Options{Epoch: "e2", Now: w.gate.now})
	w.settle(w.admit("acme", asking(40, 90)), 100)
	other.settle(other.admit("acme", asking(40, 90)), 300)
	l.book("acme")
	w.admit("acme", asking(40, 90)).Release()
	if got := w.use("acme"); got != 100 {
		t.Errorf("before a look is due: %d used, want 100", got)
	}

	w.at = w.at.Add(capLookMax) // old enough to be waited for
	w.settle(w.admit("acme", asking(40, 90)), 550)
	if got := w.use("acme"); got != 950 {
		t.Errorf("%d used, want 950: each replica's once", got)
	}
	l.book("acme")
	h := other.admit("acme", asking(40, 90)) // 50 are left
	other.settle(h, 60)
	l.book("acme")
	w.at = w.at.Add(capLookMax)
	w.deny("acme", asking(40, 90), InsufficientQuota)

	// A look is on no request's way while what is known is newer than a second.
	l.delay = 20 * time.Millisecond
	w.at = w.at.Add(capLookEach)
	began := time.Now()
	w.deny("acme", asking(40, 90), InsufficientQuota)
	if took := time.Since(began); took >= l.delay {
		t.Errorf("a request waited %v for a look that was not old", took)
	}
	w.looked()
	l.delay = 0

	// A store that is away is gone by without.
	l.down = true
	w.at = w.at.Add(time.Hour)
	w.deny("acme", asking(40, 90), InsufficientQuota)
	l.down = false
	w.atRest()
	other.atRest()
}

// TestCapOfOneReplicaAlone asks the store once.
func TestCapOfOneReplicaAlone(t *testing.T) {
	l := newLedger().account("acme", 1e6).key(Key{ID: "key_acme", Account: "acme", MonthlyCap: limit(1000)})
	w := newWorld(t, l, Options{Alone: true})
	w.settle(w.admit("acme", asking(40, 90)), 100)
	l.used["key_acme"] = map[time.Time]int64{t0: 5000}
	w.at = w.at.Add(time.Hour)
	w.admit("acme", asking(40, 90)).Release()
	w.atRest()
}

func (w *world) use(key string) int64 {
	w.gate.limits.mu.Lock()
	defer w.gate.limits.mu.Unlock()
	b := &w.gate.limits.meters["key_"+key].budget
	return b.used()
}

// looked waits for the look that runs.
func (w *world) looked() {
	w.Helper()
	c := w.caller("key_acme")
	e, err := w.gate.limits.enter(&c.Key, 0, w.at)
	if err != nil {
		w.Fatal(err)
	}
	defer w.gate.limits.leave(e)
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		if at, _ := w.gate.limits.asked(e, t0); at.Equal(w.at) {
			return
		}
		if time.Now().After(deadline) || context.Cause(w.Context()) != nil {
			w.Fatal("no look")
		}
	}
}
