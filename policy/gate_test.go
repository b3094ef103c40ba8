package policy

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/accounting"
)

// whole charges each token as one.
var whole = accounting.Weight{Input: 1000, Cached: 1000, Output: 1000}

// asking is a chat request of so many bytes and an output limit.
func asking(bytes, limit int64) Need {
	return Need{BodyBytes: bytes, Choices: 1, OutputLimit: limit, MinOutput: 1, Weight: whole}
}

// world is one replica on a ledger, with a clock that stands still unless it is moved.
type world struct {
	*testing.T
	ledger *memoryLedger
	gate   *Gate
	feed   *feed
	at     time.Time
}

func newWorld(t *testing.T, l *memoryLedger, o Options) *world {
	w := &world{T: t, ledger: l, at: t0.Add(10 * 24 * time.Hour)}
	now := func() time.Time { return w.at }
	l.now, o.Now = now, now
	if o.Epoch == "" {
		o.Epoch = "e1"
	}
	w.gate = New(l, l, o)
	w.feed = &feed{gate: w.gate, seq: int64(len(l.changes))}
	return w
}

func (w *world) caller(secret string) *Caller {
	w.Helper()
	c, err := w.gate.Identify(context.Background(), secret)
	if err != nil {
		w.Fatalf("Identify(%s): %v", secret, err)
	}
	return c
}

func (w *world) admit(account string, n Need) *Hold {
	w.Helper()
	h, err := w.gate.Admit(context.Background(), w.caller("key_"+account), n)
	if err != nil {
		w.Fatalf("Admit(%+v): %v", n, err)
	}
	return h
}

func (w *world) deny(account string, n Need, code Code) *Denied {
	w.Helper()
	_, err := w.gate.Admit(context.Background(), w.caller("key_"+account), n)
	return w.denied(err, code)
}

func (w *world) denied(err error, code Code) *Denied {
	w.Helper()
	d, ok := errors.AsType[*Denied](err)
	if !ok || d.Code != code {
		w.Fatalf("got %v, want %s", err, code)
	}
	return d
}

// settle ends a hold and takes its cost to the ledger's journal.
func (w *world) settle(h *Hold, tokens int64) {
	h.Settle(tokens)
	w.ledger.settled(h.account.id, settlement{key: "key_" + h.account.id, epoch: h.Epoch, period: h.Period.Start, tokens: tokens})
}

// hear has the gate read the change feed once.
func (w *world) hear() { w.feed.poll(context.Background()) }

// atRest fails unless nothing is held and the clearing check holds.
func (w *world) atRest() {
	w.Helper()
	s := w.gate.Stats()
	if s.Held != 0 || s.Open != 0 || s.Admitted != s.Settled+s.Released || s.DoubleEnds != 0 {
		w.Errorf("at rest: %+v", s)
	}
}

func TestHoldCountsAgainstWhatIsLeft(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 3000), Options{})
	a := w.admit("acme", asking(400, 900)) // 100 + 900
	b := w.admit("acme", asking(400, 900))
	if got := w.gate.Held("acme"); got != 2000 || a.Held != 1000 {
		t.Errorf("held %d, of the first %d, want 2000 and 1000", got, a.Held)
	}
	before := w.ledger.exchanges
	w.deny("acme", asking(404, 900), TokensHeld) // 1001 of 1000
	w.deny("acme", asking(404, 900), TokensHeld)
	if n := w.ledger.exchanges - before; n != 1 {
		t.Errorf("%d exchanges for two refusals, want 1", n)
	}
	w.settle(a, 100)
	w.admit("acme", asking(404, 900)).Release()
	w.settle(b, 900)
	w.atRest()
}

func TestEstimate(t *testing.T) {
	for _, c := range []struct {
		need Need
		key  int64 // the key's own limit, 0: none
		want int64
		set  int64
	}{
		{need: asking(400, 0), want: 100 + 1024},
		{need: asking(400, 50), want: 150},
		{need: asking(400, 5000), want: 100 + 1024},
		{need: Need{BodyBytes: 400, Choices: 3, OutputLimit: 50, Weight: whole}, want: 250},
		{need: Need{BodyBytes: 400, Weight: whole}, want: 100}, // embeddings
		{need: Need{BodyBytes: 3, Weight: whole}, want: 1},     // nothing is free of a hold
		{need: Need{BodyBytes: 400}, want: 1},                  // a weight of 0
		{need: Need{BodyBytes: 400, Choices: 1, OutputLimit: 10, Weight: accounting.Weight{Input: 500, Output: 4000}}, want: 50 + 40},
		{need: Need{BodyBytes: 404, Choices: 1, OutputLimit: 1, Weight: accounting.Weight{Input: 333, Output: 500}}, want: 35}, // 34.133
		{need: asking(400, 0), key: 60, want: 160, set: 60},
		{need: asking(400, 50), key: 60, want: 150},
		{need: asking(400, 70), key: 60, want: 160, set: 60},
		{need: Need{BodyBytes: 400, Weight: whole}, key: 60, want: 100},
	} {
		var limit *int64
		if c.key > 0 {
			limit = &c.key
		}
		w := newWorld(t, newLedger().account("acme", 1e6).key(Key{ID: "key_acme", Account: "acme", MaxOutputTokens: limit}), Options{})
		h := w.admit("acme", c.need)
		if h.Held != c.want || h.OutputLimit != c.set {
			t.Errorf("%+v under %d: holds %d and sets the limit %d, want %d and %d", c.need, c.key, h.Held, h.OutputLimit, c.want, c.set)
		}
	}
}

func TestLastRequestTakesEverything(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 10), Options{})
	h := w.admit("acme", asking(400, 0))
	if h.Held != 10 {
		t.Errorf("holds %d, want all 10", h.Held)
	}
	d := w.deny("acme", asking(4, 1), TokensHeld)
	if d.RetryAfter != time.Second || d.Standing == nil || d.Standing.Left() != 10 {
		t.Errorf("got %+v", d)
	}
	w.settle(h, 1500)
	d = w.deny("acme", asking(4, 1), InsufficientQuota)
	if want := "both pools are empty: 10 of 10 monthly tokens are used, 0 extra tokens are left; the monthly pool is filled again at 2026-12-01T00:00:00Z"; d.Message != want {
		t.Errorf("got  %s\nwant %s", d.Message, want)
	}
	w.ledger.book("acme")
	w.at = w.at.Add(time.Minute)
	w.deny("acme", asking(4, 1), InsufficientQuota)
	w.atRest()
}

func TestNothingPassesAnEmptyPool(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 0), Options{})
	w.deny("acme", Need{}, InsufficientQuota)
	w.deny("acme", asking(4, 1), InsufficientQuota)
}

func TestPurchaseLiftsBlock(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 10), Options{})
	w.settle(w.admit("acme", asking(400, 0)), 1500)
	w.ledger.book("acme")
	w.deny("acme", asking(400, 0), InsufficientQuota)
	w.ledger.purchase("acme", 5000)
	w.hear()
	h := w.admit("acme", asking(400, 0))
	want := Standing{Period: h.Period, Used: 10, Extra: 5000 - 1490, ExtraPurchased: 5000}
	if diff := cmp.Diff(want, h.Standing); diff != "" {
		t.Error(diff)
	}
	// What was overdrawn is paid: no more and no less than the rest can be used.
	w.settle(h, 3500)
	w.ledger.book("acme")
	h = w.admit("acme", asking(40, 0))
	if h.Held != 10 {
		t.Errorf("holds %d, want the last 10", h.Held)
	}
}

func TestObserveNeverRefuses(t *testing.T) {
	l := newLedger().account("acme", 10)
	w := newWorld(t, l, Options{Mode: ModeObserve, OnStoreDownServe: true})
	var holds []*Hold
	for range 100 {
		holds = append(holds, w.admit("acme", asking(400, 100)))
	}
	if got := w.gate.Held("acme"); got != 100*200 {
		t.Errorf("held %d, want 20000", got)
	}
	if l.exchanges > 3 {
		t.Errorf("%d exchanges, want one for the terms and one for tokens in 50 ms", l.exchanges)
	}
	l.down = true
	w.at = w.at.Add(time.Second)
	holds = append(holds, w.admit("acme", asking(400, 100)))
	for _, h := range holds {
		w.settle(h, 300)
	}
	w.atRest()
}

func TestModeIsTheAccounts(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 10), Options{})
	w.ledger.change("acme", func(a *accounting.Account) { a.Admission = "strict" })
	d := w.deny("acme", asking(400, 0), InsufficientQuota)
	if !strings.HasPrefix(d.Message, "the request needs up to 401 tokens, 10 left") {
		t.Errorf("got %s", d.Message)
	}
	w.ledger.change("acme", func(a *accounting.Account) { a.Admission = "" })
	w.hear()
	w.admit("acme", asking(400, 0)).Release()
	w.gate.Apply(Options{Mode: ModeStrict})
	w.deny("acme", asking(400, 0), InsufficientQuota)
	w.atRest()
}

func TestStrictLowersTheOutputLimit(t *testing.T) {
	l := newLedger().account("acme", 5000)
	w := newWorld(t, l, Options{Mode: ModeStrict})
	a := w.admit("acme", asking(100, 0))
	if a.Held != 100+4096 || a.OutputLimit != 4096 {
		t.Errorf("the first holds %d with the limit %d, want 4196 and 4096", a.Held, a.OutputLimit)
	}
	b := w.admit("acme", asking(100, 500))
	if b.Held != 600 || b.OutputLimit != 0 {
		t.Errorf("the second holds %d with the limit %d, want 600 and its own", b.Held, b.OutputLimit)
	}
	c := w.admit("acme", Need{BodyBytes: 100, Choices: 2, OutputLimit: 500, MinOutput: 16, Weight: whole})
	if c.Held != 204 || c.OutputLimit != 52 {
		t.Errorf("the third holds %d with the limit %d, want all 204 and 52", c.Held, c.OutputLimit)
	}
	w.deny("acme", asking(4, 0), TokensHeld)
	w.settle(a, 4196)
	w.settle(b, 600)
	w.ledger.book("acme")
	c.Release()
	d := w.deny("acme", Need{BodyBytes: 200, Choices: 1, MinOutput: 16, Weight: whole}, InsufficientQuota)
	if !strings.HasPrefix(d.Message, "the request needs up to 216 tokens, 204 left") {
		t.Errorf("got %s", d.Message)
	}
	w.admit("acme", Need{BodyBytes: 188, Choices: 1, MinOutput: 16, Weight: whole}).Release()
	w.deny("acme", Need{BodyBytes: 1, Choices: 1, Unbounded: "a hosted tool", Weight: whole}, NotAllowed)
	w.atRest()
}

func TestStrictUnderAbsurdNumbers(t *testing.T) {
	const huge = int64(math.MaxInt64)
	w := newWorld(t, newLedger().account("acme", 1000), Options{Mode: ModeStrict})
	h := w.admit("acme", asking(100, huge))
	if h.Held != 1000 || h.OutputLimit != 900 {
		t.Errorf("holds %d with the limit %d, want 1000 and 900", h.Held, h.OutputLimit)
	}
	h.Release()
	w.deny("acme", Need{BodyBytes: 100, Choices: huge, OutputLimit: huge, Weight: accounting.Weight{Input: huge, Output: huge}}, InsufficientQuota)
	w.gate.Apply(Options{Mode: ModeHold})
	w.at = w.at.Add(refusalKept)
	h = w.admit("acme", Need{BodyBytes: huge, Choices: huge, OutputLimit: huge, Weight: whole})
	if h.Held != 1000 {
		t.Errorf("holds %d, want 1000", h.Held)
	}
	h.Settle(huge)
	w.deny("acme", asking(1, 1), InsufficientQuota)
	w.atRest()
}

func TestKeyLimitUnderTheProvidersLeast(t *testing.T) {
	limit := int64(10)
	w := newWorld(t, newLedger().account("acme", 1000).key(Key{ID: "key_acme", Account: "acme", MaxOutputTokens: &limit}), Options{})
	w.deny("acme", Need{BodyBytes: 100, Choices: 1, MinOutput: 16, Weight: whole}, NotAllowed)
	w.atRest()
}

// atOnce lets n requests in together; each that gets in waits until all have their answer.
func atOnce(w *world, n int, need Need) (holds []*Hold, denied map[Code]int) {
	c := w.caller("key_acme")
	var mu sync.Mutex
	var group sync.WaitGroup
	denied = map[Code]int{}
	for range n {
		group.Go(func() {
			h, err := w.gate.Admit(context.Background(), c, need)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				holds = append(holds, h)
				return
			}
			d, _ := errors.AsType[*Denied](err)
			denied[d.Code]++
		})
	}
	group.Wait()
	return holds, denied
}

func TestThousandAtOnce(t *testing.T) {
	need := asking(40, 50) // hold: 60; strict: 90, at least 41
	for _, c := range []struct {
		mode   Mode
		tokens int64
		in     int
		refuse Code
	}{
		{ModeHold, 10, 1, TokensHeld},
		{ModeStrict, 10, 0, InsufficientQuota},
		{ModeHold, 2000, 33, TokensHeld},
		{ModeStrict, 2000, 22, TokensHeld},
		{ModeObserve, 10, 1000, ""},
	} {
		l := newLedger().account("acme", c.tokens)
		w := newWorld(t, l, Options{Mode: c.mode})
		holds, denied := atOnce(w, 1000, need)
		if len(holds) != c.in || len(denied) > 1 || denied[c.refuse] != 1000-c.in {
			t.Errorf("%s on %d tokens: %d in, denied %v, want %d in and the others %q", c.mode, c.tokens, len(holds), denied, c.in, c.refuse)
		}
		var over int64
		for _, h := range holds {
			w.settle(h, 80)
			over += 80 - h.Held
		}
		l.book("acme")
		bound := max(0, over)
		if c.mode == ModeHold {
			bound += 80
		}
		if got := l.accounts["acme"].charged.Overdraft; c.mode != ModeObserve && got > bound {
			t.Errorf("%s on %d tokens: overdraft %d, want at most %d", c.mode, c.tokens, got, bound)
		}
		w.atRest()
	}
}

// TestManyAtOnceToTheEnd drains a pool by requests that come and go, some dearer than their estimates.
func TestManyAtOnceToTheEnd(t *testing.T) {
	for _, mode := range []Mode{ModeHold, ModeStrict} {
		l := newLedger().account("acme", 200_000)
		w := newWorld(t, l, Options{Mode: mode})
		c := w.caller("key_acme")
		var spent, dearest atomic.Int64
		var group sync.WaitGroup
		for range 16 {
			group.Go(func() {
				for i := 0; ; {
					h, err := w.gate.Admit(context.Background(), c, asking(200, 100))
					if d, ok := errors.AsType[*Denied](err); ok {
						if d.Code == InsufficientQuota {
							return
						}
						continue
					}
					cost := min(h.Held, int64(100+i%40))
					if mode == ModeHold && i%50 == 0 {
						cost = 3 * h.Held
						dearest.Store(3 * 150)
					}
					i++
					w.settle(h, cost)
					spent.Add(cost)
					if i%7 == 0 {
						l.book("acme")
					}
				}
			})
		}
		group.Wait()
		l.book("acme")
		overdraft, left := l.accounts["acme"].charged.Overdraft, l.accounts["acme"].pools.Balance()
		if bound := 16*300 + dearest.Load(); mode == ModeHold && (overdraft > bound || left.Monthly != 0) {
			t.Errorf("hold: overdraft %d and %d unused, want at most %d and 0", overdraft, left.Monthly, bound)
		}
		if mode == ModeStrict && (overdraft != 0 || left.Monthly > 200) {
			t.Errorf("strict: overdraft %d and %d unused, want 0 and less than the least need", overdraft, left.Monthly)
		}
		w.atRest()
	}
}

func TestSuspendedAndDeleted(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 1000), Options{})
	running := w.admit("acme", asking(4, 1))
	w.ledger.change("acme", func(a *accounting.Account) { a.Status = accounting.Suspended })
	w.hear()
	w.deny("acme", asking(4, 1), AccountSuspended)
	w.denied(free(w.gate, w.caller("key_acme")), AccountSuspended)
	w.ledger.change("acme", func(a *accounting.Account) { a.Status = accounting.Active })
	w.hear()
	if err := free(w.gate, w.caller("key_acme")); err != nil {
		t.Error(err)
	}
	w.admit("acme", asking(4, 1)).Release()
	c := w.caller("key_acme")
	w.ledger.change("acme", func(a *accounting.Account) { a.DeletedAt = w.at })
	w.hear()
	_, err := w.gate.Identify(context.Background(), "key_acme")
	w.denied(err, InvalidAPIKey)
	_, err = w.gate.Admit(context.Background(), c, asking(4, 1))
	w.denied(err, InvalidAPIKey)
	w.denied(free(w.gate, c), InvalidAPIKey)
	running.Settle(5)
	w.atRest()
}

func TestStoreDown(t *testing.T) {
	l := newLedger().account("acme", 1000).account("other", 1000)
	w := newWorld(t, l, Options{OnStoreDownServe: true})
	other := w.caller("key_other")
	w.admit("acme", asking(40, 90)).Release()
	l.down = true
	for range 10 {
		w.settle(w.admit("acme", asking(40, 90)), 100)
	}
	d := w.deny("acme", asking(40, 90), AccountingUnavailable)
	if d.RetryAfter != 5*time.Second {
		t.Errorf("retry after %s, want 5s", d.RetryAfter)
	}
	_, err := w.gate.Admit(context.Background(), other, asking(4, 1))
	w.denied(err, AccountingUnavailable)
	_, err = w.gate.Identify(context.Background(), "key_new")
	w.denied(err, AccountingUnavailable)
	w.denied(free(w.gate, other), AccountingUnavailable)
	l.down = false
	w.at = w.at.Add(time.Second)
	w.deny("acme", asking(4, 1), InsufficientQuota)
	w.atRest()
}

func TestStoreDownBlocks(t *testing.T) {
	l := newLedger().account("acme", 1000)
	w := newWorld(t, l, Options{OnStoreDownServe: false})
	w.admit("acme", asking(4, 1)).Release()
	l.down = true
	w.hear()
	w.deny("acme", asking(4, 1), AccountingUnavailable)
	l.down = false
	w.hear()
	w.admit("acme", asking(4, 1)).Release()
	w.atRest()
}

func TestLostAnswerHeals(t *testing.T) {
	l := newLedger().account("acme", 1000)
	w := newWorld(t, l, Options{OnStoreDownServe: true})
	w.denied(nilStanding(w), "")
	l.loseAnswer = true
	w.deny("acme", asking(40, 90), AccountingUnavailable) // granted, and not heard of
	w.at = w.at.Add(time.Second)
	for range 10 {
		w.settle(w.admit("acme", asking(40, 90)), 100)
	}
	w.deny("acme", asking(40, 90), InsufficientQuota)
	w.atRest()
}

// nilStanding makes the account known without a lease.
func nilStanding(w *world) error {
	if err := free(w.gate, w.caller("key_acme")); err != nil {
		return err
	}
	return &Denied{}
}

func TestPeriodOfAdmissionCounts(t *testing.T) {
	l := newLedger().account("acme", 1000)
	w := newWorld(t, l, Options{})
	l.purchase("acme", 500)
	w.at = t0.AddDate(0, 1, 0).Add(-time.Second)
	old := w.admit("acme", asking(4, 899))
	w.at = w.at.Add(2 * time.Second)
	// The new month's pool and what the old lease can't draw from the extra pool: the 900 held fit into the old month.
	fresh := w.admit("acme", asking(4, 1))
	if fresh.Period.Start.Equal(old.Period.Start) || !fresh.Period.Start.Equal(t0.AddDate(0, 1, 0)) {
		t.Errorf("admitted in %s, want the new period", fresh.Period.Start)
	}
	if s := fresh.Standing; s.Monthly != 1000 || s.Extra != 500 {
		t.Errorf("new period: %+v", s)
	}
	big := w.admit("acme", asking(4, 1023))
	more := w.admit("acme", asking(4, 469))
	if left := 1500 - fresh.Held - big.Held - more.Held; left != 4 {
		t.Errorf("%d left", left)
	}
	w.deny("acme", asking(4, 9), TokensHeld)
	w.settle(old, 950)
	for _, h := range []*Hold{fresh, big, more} {
		w.settle(h, h.Held)
	}
	l.book("acme")
	b := l.accounts["acme"]
	if got := b.pools.Period(old.Period.Start); got.Used != 950 {
		t.Errorf("old period used %d, want 950", got.Used)
	}
	if b.charged.Overdraft != 0 {
		t.Errorf("overdraft %d", b.charged.Overdraft)
	}
	w.atRest()
}

// A store that went back in time to when it had lent, and not heard back of, what an account spent that went out of
// memory since: what it still says is lent is not there to be spent again.
func TestWhatWasForgottenIsNotSpentTwice(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 1000).account("other", 1000), Options{AccountsCached: 1})
	w.settle(w.admit("acme", asking(4, 1)), 600)
	leases := slices.Clone(w.ledger.accounts["acme"].leases)
	w.at = w.at.Add(3 * time.Second)
	w.gate.tidy(context.Background(), w.gate.idleAfter)
	w.admit("other", asking(4, 1)).Release()
	if w.gate.accounts.peek("acme") != nil {
		t.Fatal("acme is still in memory")
	}
	w.ledger.accounts["acme"].leases = leases
	w.deny("acme", asking(4, 1), InsufficientQuota)
}

// The first request of an account is one exchange, whatever the answers to those before it granted.
func TestTheFirstRequestIsOneExchange(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 1000), Options{})
	w.ledger.loseAnswer = true
	w.deny("acme", asking(4, 1), AccountingUnavailable)
	w.at = w.at.Add(failureKept)
	w.hear()
	before := w.ledger.exchanges
	w.settle(w.admit("acme", asking(4, 1)), 10)
	if n := w.ledger.exchanges - before; n != 1 {
		t.Errorf("%d exchanges, want 1", n)
	}
	if free := w.gate.accounts.peek("acme").lease.free(); free != 990 {
		t.Errorf("%d are free, want 990", free)
	}
	w.atRest()
}

func TestSecondEndIsCounted(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 1000), Options{})
	h := w.admit("acme", asking(4, 1))
	h.Settle(10)
	h.Release()
	h.Settle(10)
	want := Stats{Admitted: 1, Settled: 1, DoubleEnds: 2, Exchanges: 1, Keys: 1, Accounts: 1}
	if diff := cmp.Diff(want, w.gate.Stats()); diff != "" {
		t.Error(diff)
	}
	if left := w.admit("acme", asking(4, 1)).Standing.Left(); left != 990 {
		t.Errorf("%d left, want 990", left)
	}
}

func TestOldestHold(t *testing.T) {
	w := newWorld(t, newLedger().account("acme", 1000), Options{})
	var holds []*Hold
	for range 3 {
		holds = append(holds, w.admit("acme", asking(4, 1)))
		w.at = w.at.Add(time.Second)
	}
	for i, want := range []time.Duration{3 * time.Second, 2 * time.Second, 2 * time.Second, 0} {
		if got := w.gate.Stats().OldestHold; got != want {
			t.Errorf("after %d ends: oldest %s, want %s", i, got, want)
		}
		if i < 3 {
			holds[[]int{0, 2, 1}[i]].Release()
		}
	}
	w.atRest()
}

func TestForgottenAccountGoesOn(t *testing.T) {
	l := newLedger().account("acme", 1000)
	for _, id := range []string{"b", "c", "d"} {
		l.account(id, 1000)
	}
	w := newWorld(t, l, Options{AccountsCached: 2})
	w.settle(w.admit("acme", asking(4, 1)), 1300)
	w.at = w.at.Add(3 * time.Second)
	for _, id := range []string{"b", "c", "d"} {
		w.gate.tidy(context.Background(), w.gate.idleAfter)
		w.admit(id, asking(4, 1)).Release()
	}
	if w.gate.accounts.peek("acme") != nil {
		t.Fatal("acme is still in memory")
	}
	w.deny("acme", asking(4, 1), InsufficientQuota)
	l.book("acme")
	l.purchase("acme", 500)
	w.hear()
	if h := w.admit("acme", asking(4, 1023)); h.Held != 200 {
		t.Errorf("holds %d, want the 200 that the purchase left", h.Held)
	}
	if s := w.gate.Stats(); s.Admitted != 5 || s.Settled+s.Released+s.Open != 5 {
		t.Errorf("%+v", s)
	}
}

// A request that asks for more while another one turns out dearer than it held is no last request.
func TestNotTheLastWhileOthersRun(t *testing.T) {
	l := newLedger().account("acme", 1000)
	w := newWorld(t, l, Options{})
	dear, other := w.admit("acme", asking(40, 90)), w.admit("acme", asking(40, 90))
	w.gate.tidy(context.Background(), 0)
	l.during = func() {
		l.during = nil
		w.settle(dear, 850)
	}
	w.deny("acme", asking(400, 100), TokensHeld)
	other.Release()
	w.admit("acme", asking(400, 100)).Release()
	w.atRest()
}

// What requests took beyond their estimates is asked for together with the next need, so that their
// neighbours' holds stay covered.
func TestDearRequestLeavesOthersCovered(t *testing.T) {
	l := newLedger().account("acme", 10_000)
	l.replicas = 4
	w := newWorld(t, l, Options{})
	w.admit("acme", asking(40, 90)).Release()
	w.gate.tidy(context.Background(), 0)
	l.purchase("acme", 30_000) // more than what is lent whole
	w.hear()
	var holds []*Hold
	for range 20 {
		holds = append(holds, w.admit("acme", asking(40, 900)))
	}
	w.gate.tidy(context.Background(), 0)
	w.settle(holds[0], 9000)
	before := l.exchanges
	w.admit("acme", asking(40, 900)).Release()
	if n := l.exchanges - before; n != 1 {
		t.Errorf("%d exchanges, want 1", n)
	}
	for _, h := range holds[1:] {
		h.Release()
	}
	w.atRest()
}

func TestStrictStaysBoundedWhenHoldsEndMeanwhile(t *testing.T) {
	l := newLedger().account("acme", 1000)
	w := newWorld(t, l, Options{Mode: ModeStrict})
	big := w.admit("acme", asking(40, 860))
	var small []*Hold
	for range 2 * exchangesMax {
		small = append(small, w.admit("acme", asking(4, 8)))
	}
	l.during = func() { // each answer is late by one hold
		small[0].Release()
		small = small[1:]
	}
	if _, err := w.gate.Admit(context.Background(), w.caller("key_acme"), Need{BodyBytes: 10, Choices: 1, MinOutput: 16, Weight: whole}); err == nil {
		t.Error("admitted without the least that it needs")
	}
	l.during = nil
	for _, h := range append(small, big) {
		h.Release()
	}
	w.atRest()
}

// A change that is heard at any one moment of a request's exchanges does not cost it the tokens that are there.
func TestStrictIsServedThoughChangesAreHeardMeanwhile(t *testing.T) {
	for heard := range exchangesMax {
		l := newLedger().account("acme", 600)
		l.change("acme", func(a *accounting.Account) { a.Admission = string(ModeStrict) })
		w := newWorld(t, l, Options{})
		w.hear()
		exchanges := 0
		l.during = func() {
			if exchanges == heard {
				l.change("acme", func(a *accounting.Account) { a.Name += "x" })
				w.hear()
			}
			exchanges++
		}
		h := w.admit("acme", Need{BodyBytes: 100, Choices: 1, OutputLimit: 5000, Weight: whole})
		l.during = nil
		if h.Held != 600 {
			t.Errorf("a change heard in exchange %d: held %d of 600", heard, h.Held)
		}
		h.Release()
		w.atRest()
	}
}

// What an old period's request held and did not use comes back when the new period needs it.
func TestCrumbsOfTheOldPeriod(t *testing.T) {
	l := newLedger().account("acme", 100)
	w := newWorld(t, l, Options{})
	l.purchase("acme", 1000)
	w.at = t0.AddDate(0, 1, 0).Add(-time.Second)
	old := w.admit("acme", Need{BodyBytes: 4400, Weight: whole})
	w.at = w.at.Add(2 * time.Second)
	w.admit("acme", asking(4, 49)).Release()
	w.deny("acme", asking(4, 599), TokensHeld)
	w.settle(old, 10)
	h := w.admit("acme", asking(4, 599))
	if h.Held != 600 {
		t.Errorf("holds %d, want 600", h.Held)
	}
	h.Release()
	w.atRest()
}

func TestAccountWithAHoldIsNotForgotten(t *testing.T) {
	l := newLedger().account("acme", 0)
	w := newWorld(t, l, Options{Mode: ModeObserve, AccountsCached: 1})
	w.admit("acme", asking(4, 1)).Release()
	w.gate.tidy(context.Background(), 0)
	h := w.admit("acme", asking(4, 1)) // from memory alone
	for _, id := range []string{"b", "c", "d"} {
		l.account(id, 1000)
		w.admit(id, asking(4, 1)).Release()
		w.gate.tidy(context.Background(), 0)
	}
	if got := w.gate.Held("acme"); got != h.Held {
		t.Errorf("held %d, want %d", got, h.Held)
	}
	h.Release()
	w.atRest()
}

// A store that went back in time knows less than was granted; what this replica knows of counts.
func TestLeaseCountersOnlyGrow(t *testing.T) {
	a := &account{id: "acme", lease: &lease{start: t0, granted: 100, returned: 40}}
	past := &lease{start: t0.AddDate(0, -1, 0)}
	a.learn(past, Ask{}, Lease{Period: accounting.Period{Start: t0}, Granted: 50, Returned: 10})
	if a.lease.granted != 100 || a.lease.returned != 40 {
		t.Errorf("got %+v, want 100 granted and 40 returned", *a.lease)
	}
	a.learn(a.lease, Ask{}, Lease{Period: accounting.Period{Start: t0}, Granted: 120, Returned: 60})
	if a.lease.granted != 120 || a.lease.returned != 60 {
		t.Errorf("got %+v, want 120 granted and 60 returned", *a.lease)
	}
}

// A change that could not be read, since the store was down, is read later.
func TestChangeIsNotForgottenWhileTheStoreIsDown(t *testing.T) {
	l := newLedger().account("acme", 1000)
	w := newWorld(t, l, Options{OnStoreDownServe: true})
	h := w.admit("acme", asking(4, 1))
	l.change("acme", func(a *accounting.Account) { a.Status = accounting.Suspended })
	w.hear()
	c := w.caller("key_acme")
	l.down = true
	_, err := w.gate.Admit(context.Background(), c, asking(4, 1))
	w.denied(err, AccountingUnavailable)
	h.Release()
	l.down = false
	w.at = w.at.Add(time.Second)
	w.deny("acme", Need{BodyBytes: 4, Weight: whole}, AccountSuspended)
	w.atRest()
}

// free is a request that costs nothing, from its key to its end.
func free(g *Gate, c *Caller) error {
	leave, err := g.Enter(context.Background(), c)
	if err == nil {
		leave()
	}
	return err
}
