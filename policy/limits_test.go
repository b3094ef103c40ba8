package policy

import (
	"strings"
	"testing"
	"time"
)

func limit(n int64) *int64 { return &n }

func TestRequestsPerMinute(t *testing.T) {
	l := newLedger().account("acme", 1e6).key(Key{ID: "key_acme", Account: "acme", RequestsPerMinute: limit(2)})
	w := newWorld(t, l, Options{})
	for range 2 {
		w.admit("acme", asking(4, 1)).Release()
	}
	if d := w.deny("acme", asking(4, 1), RateLimitExceeded); d.RetryAfter != 30*time.Second {
		t.Errorf("retry after %s, want 30s", d.RetryAfter)
	}
	w.at = w.at.Add(30 * time.Second)
	w.admit("acme", asking(4, 1)).Release()
	w.deny("acme", asking(4, 1), RateLimitExceeded)

	// A changed key keeps what it has used.
	l.key(Key{ID: "key_acme", Account: "acme", RequestsPerMinute: limit(60)})
	w.hear()
	if d := w.deny("acme", asking(4, 1), RateLimitExceeded); d.RetryAfter != time.Second {
		t.Errorf("retry after %s, want 1s", d.RetryAfter)
	}
	l.key(Key{ID: "key_acme", Account: "acme"})
	w.hear()
	w.admit("acme", asking(4, 1)).Release()
	l.key(Key{ID: "key_acme", Account: "acme", RequestsPerMinute: limit(0)})
	w.hear()
	w.deny("acme", asking(4, 1), RateLimitExceeded)
	w.atRest()
}

func TestRateCountsAdmittedOnly(t *testing.T) {
	l := newLedger().account("acme", 10).key(Key{ID: "key_acme", Account: "acme", RequestsPerMinute: limit(2)})
	w := newWorld(t, l, Options{Mode: ModeStrict})
	for range 10 {
		w.deny("acme", asking(400, 1), InsufficientQuota)
	}
	w.admit("acme", asking(4, 1)).Release()
	w.admit("acme", asking(4, 1)).Release()
	w.deny("acme", asking(4, 1), RateLimitExceeded)
	w.atRest()
}

func TestConcurrent(t *testing.T) {
	l := newLedger().account("acme", 1e6).key(Key{ID: "key_acme", Account: "acme", Concurrent: limit(2)})
	w := newWorld(t, l, Options{})
	a, b := w.admit("acme", asking(4, 1)), w.admit("acme", asking(4, 1))
	if d := w.deny("acme", asking(4, 1), RateLimitExceeded); d.RetryAfter != time.Second {
		t.Errorf("retry after %s, want 1s", d.RetryAfter)
	}
	a.Settle(5)
	a.Settle(5) // counts nothing out twice
	w.admit("acme", asking(4, 1)).Release()
	c := w.admit("acme", asking(4, 1))
	w.deny("acme", asking(4, 1), RateLimitExceeded)
	b.Release()
	c.Release()
	if holds, denied := atOnce(w, 100, asking(4, 1)); len(holds) != 2 || denied[RateLimitExceeded] != 98 {
		t.Errorf("of 100 at once %d in, denied %v, want 2 in", len(holds), denied)
	}
}

func TestConcurrentIsFreedByRefusals(t *testing.T) {
	l := newLedger().account("acme", 10).key(Key{ID: "key_acme", Account: "acme", Concurrent: limit(1), MonthlyCap: limit(5)})
	w := newWorld(t, l, Options{Mode: ModeStrict})
	for range 3 {
		w.deny("acme", asking(400, 1), InsufficientQuota)
	}
	w.settle(w.admit("acme", asking(4, 1)), 5)
	for range 3 {
		w.deny("acme", asking(4, 1), InsufficientQuota) // the cap
	}
	if m := w.gate.limits.meters["key_acme"]; m.running != 0 || m.budget.held != 0 {
		t.Errorf("at rest: %+v", *m)
	}
	w.atRest()
}

func TestMonthlyCap(t *testing.T) {
	l := newLedger().account("acme", 1e6).key(Key{ID: "key_acme", Account: "acme", MonthlyCap: limit(1000)})
	l.used["key_acme"] = map[time.Time]int64{t0: 400}
	w := newWorld(t, l, Options{})
	a := w.admit("acme", asking(40, 490))            // 900 of 1000
	b := w.admit("acme", asking(40, 490))            // while anything is left
	d := w.deny("acme", asking(40, 490), TokensHeld) // 400 are used, the rest is held
	if !strings.HasPrefix(d.Message, "what is left of this key's own monthly cap of 1000 tokens is held") || d.Standing == nil || d.Standing.Monthly != 1e6 {
		t.Errorf("got %v, %+v", d, d.Standing)
	}
	w.settle(a, 50)
	b.Release()
	w.settle(w.admit("acme", asking(40, 490)), 549) // 999
	l.book("acme")                                  // what the store hears of now is counted here already
	w.settle(w.admit("acme", asking(40, 490)), 10)
	w.deny("acme", asking(40, 490), InsufficientQuota)

	// A higher cap counts on from there.
	l.key(Key{ID: "key_acme", Account: "acme", MonthlyCap: limit(1010)})
	w.hear()
	late := w.admit("acme", asking(40, 490))
	w.deny("acme", asking(40, 490), TokensHeld)

	// A new period begins at 0, and what the old one's requests cost does not count in it.
	w.at = t0.AddDate(0, 1, 0)
	w.admit("acme", asking(40, 990)).Release()
	w.settle(late, 5000)
	w.settle(w.admit("acme", asking(40, 490)), 1010)
	w.deny("acme", asking(4, 1), InsufficientQuota)
	if b := w.gate.limits.meters["key_acme"].budget; b.held != 0 || b.used() != 1010 {
		t.Errorf("got %+v, want 1010 used and nothing held", b)
	}
	w.atRest()
}

func TestCapAtOnce(t *testing.T) {
	l := newLedger().account("acme", 1e6).key(Key{ID: "key_acme", Account: "acme", MonthlyCap: limit(1000)})
	w := newWorld(t, l, Options{})
	holds, denied := atOnce(w, 200, asking(40, 90))
	if len(holds) != 10 || denied[TokensHeld] != 190 {
		t.Errorf("%d in, denied %v, want 10 in", len(holds), denied)
	}
	for _, h := range holds {
		h.Release()
	}
	w.atRest()
}

func TestCapWithoutStore(t *testing.T) {
	l := newLedger().account("acme", 1e6).key(Key{ID: "key_acme", Account: "acme", MonthlyCap: limit(1000), Concurrent: limit(1)})
	w := newWorld(t, l, Options{OnStoreDownServe: true})
	if err := free(w.gate, w.caller("key_acme")); err != nil {
		t.Fatal(err)
	}
	l.down = true
	w.deny("acme", asking(4, 1), AccountingUnavailable)
	l.down = false
	w.admit("acme", asking(4, 1)).Release()
	w.atRest()
}

func TestUnusedMetersAreForgotten(t *testing.T) {
	l := newLedger().account("acme", 1e6).key(Key{ID: "key_acme", Account: "acme", Concurrent: limit(1)})
	w := newWorld(t, l, Options{})
	h := w.admit("acme", asking(4, 1))
	w.at = w.at.Add(time.Hour)
	w.gate.limits.tidy(w.at)
	w.deny("acme", asking(4, 1), RateLimitExceeded)
	h.Release()
	w.at = w.at.Add(time.Hour)
	w.gate.limits.tidy(w.at)
	if n := len(w.gate.limits.meters); n != 0 {
		t.Errorf("%d meters are kept", n)
	}
	w.admit("acme", asking(4, 1)).Release()
	w.atRest()
}
