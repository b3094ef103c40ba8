package policy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/tollgate/tollgate/accounting"
)

// running starts a gate in a bubble, where time passes as the test sleeps.
func running(t *testing.T, l *memoryLedger, o Options) (*Gate, func()) {
	l.now = time.Now
	o.Epoch = "e1"
	g := New(l, l, o)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	return g, func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func admits(g *Gate, key string) error {
	c, err := g.Identify(context.Background(), key)
	if err != nil {
		return err
	}
	h, err := g.Admit(context.Background(), c, asking(4, 1))
	if err != nil {
		return err
	}
	h.Release()
	return nil
}

func TestChangesCountWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1000).account("empty", 0)
		l.key(Key{ID: "second", Account: "acme"})
		g, stop := running(t, l, Options{})
		defer stop()
		step := func(name string, change func(), key string, want Code) {
			t.Helper()
			change()
			time.Sleep(pollEach + time.Millisecond)
			err := admits(g, key)
			var got Code
			if d, ok := errors.AsType[*Denied](err); ok {
				got = d.Code
			}
			if got != want {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
		}
		step("known", func() {}, "key_acme", "")
		step("empty", func() {}, "key_empty", InsufficientQuota)
		step("purchase", func() { l.purchase("empty", 100) }, "key_empty", "")
		step("suspension", func() { l.change("acme", func(a *accounting.Account) { a.Status = accounting.Suspended }) }, "key_acme", AccountSuspended)
		step("end of it", func() { l.change("acme", func(a *accounting.Account) { a.Status = accounting.Active }) }, "key_acme", "")
		step("revocation", func() { l.key(Key{ID: "key_acme", Account: "acme", RevokedAt: time.Now()}) }, "key_acme", InvalidAPIKey)
		step("another key", func() {}, "second", "")
		step("deletion", func() { l.change("acme", func(a *accounting.Account) { a.DeletedAt = time.Now() }) }, "second", InvalidAPIKey)
	})
}

func TestPlanCountsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 0)
		l.accounts["acme"].pools.Account = accounting.Account{ID: "acme", Plan: "basic", Status: accounting.Active}
		g, stop := running(t, l, Options{})
		defer stop()
		if err := admits(g, "key_acme"); err == nil {
			t.Error("admitted on an empty pool")
		}
		l.mu.Lock()
		l.plans["basic"] = 500
		l.changed(ChangedPlans, "")
		l.mu.Unlock()
		time.Sleep(pollEach + time.Millisecond)
		if err := admits(g, "key_acme"); err != nil {
			t.Error(err)
		}
	})
}

func TestKick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 0)
		g, stop := running(t, l, Options{})
		defer stop()
		synctest.Wait()
		admits(g, "key_acme")
		l.purchase("acme", 100)
		g.Kick()
		g.Kick()
		synctest.Wait()
		if err := admits(g, "key_acme"); err != nil {
			t.Errorf("right after the kick: %v", err)
		}
	})
}

func TestManyChangesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1000)
		g, stop := running(t, l, Options{})
		defer stop()
		if err := admits(g, "key_acme"); err != nil {
			t.Fatal(err)
		}
		for range 2500 {
			l.key(Key{ID: "other", Account: "acme"})
		}
		l.key(Key{ID: "key_acme", Account: "acme", RevokedAt: time.Now()})
		time.Sleep(pollEach + time.Millisecond)
		if err := admits(g, "key_acme"); err == nil {
			t.Error("the last of 2,501 changes was not heard")
		}
	})
}

func TestStoreThatWentBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1000)
		l.key(Key{ID: "x", Account: "acme"})
		l.key(Key{ID: "x", Account: "acme"})
		g, stop := running(t, l, Options{})
		defer stop()
		synctest.Wait()
		if err := admits(g, "x"); err != nil {
			t.Fatal(err)
		}
		l.mu.Lock()
		l.changes = l.changes[:1]
		delete(l.keys, HashSecret("x"))
		l.mu.Unlock()
		time.Sleep(pollEach + time.Millisecond)
		if err := admits(g, "x"); err == nil {
			t.Error("a key that the store no longer has is served")
		}
	})
}

func TestPreflight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1000)
		l.key(Key{ID: "a", Account: "acme", Origins: []string{"https://a.example"}})
		l.key(Key{ID: "b", Account: "acme", Origins: []string{"https://b.example"}, ExpiresAt: time.Now().Add(5 * time.Second)})
		g := New(l, l, Options{})
		want := func(origin string, allowed bool) {
			t.Helper()
			if got := g.Preflight(t.Context(), origin); got != allowed {
				t.Errorf("%q: %t, want %t", origin, got, allowed)
			}
		}
		want("https://a.example", true)
		want("https://c.example", false)
		want("", false)
		want("null", false)
		want("*", false)

		g, stop := running(t, l, Options{})
		defer stop()
		synctest.Wait()
		want("https://b.example", true)
		l.key(Key{ID: "c", Account: "acme", Origins: []string{"https://c.example"}})
		want("https://c.example", true) // before the feed tells of it
		time.Sleep(5*time.Second + originsEach)
		want("https://b.example", false)
	})
}

// TestPreflightOfManyUnknownOrigins bounds what a flood of made-up origins costs the store, and lets none of them
// hide an origin that was just made known to it.
func TestPreflightOfManyUnknownOrigins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1000)
		l.now = time.Now
		g := New(l, l, Options{})
		began, stop := time.Now(), make(chan struct{})
		var flood sync.WaitGroup
		for i := range 100 {
			flood.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						g.Preflight(t.Context(), fmt.Sprintf("https://x%d.example", i))
					}
				}
			})
		}
		for i := range 20 {
			origin := fmt.Sprintf("https://page%d.example", i)
			l.key(Key{ID: origin, Account: "acme", Origins: []string{origin}})
			if !g.Preflight(t.Context(), origin) {
				t.Errorf("%s is refused, its key was made before", origin)
			}
		}
		close(stop)
		flood.Wait()
		if most := int(time.Since(began)/originsGap) + 1; l.readings > most {
			t.Errorf("%d readings in %v, want at most %d", l.readings, time.Since(began), most)
		}
	})
}

func TestIdleLeaseGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1000)
		g, stop := running(t, l, Options{})
		c, _ := g.Identify(t.Context(), "key_acme")
		h, err := g.Admit(t.Context(), c, asking(4, 99))
		if err != nil {
			t.Fatal(err)
		}
		lent := func() int64 {
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.accounts["acme"].leases[0].Outstanding()
		}
		if got := lent(); got != 1000 {
			t.Errorf("%d lent, want all", got)
		}
		time.Sleep(3 * time.Second)
		if got := lent(); got != 100 {
			t.Errorf("%d lent while one runs, want what it holds", got)
		}
		h.Settle(30)
		time.Sleep(time.Second)
		if got := lent(); got != 30 {
			t.Errorf("%d lent at rest, want what was spent", got)
		}
		before := l.exchanges
		time.Sleep(time.Minute)
		if l.exchanges != before {
			t.Errorf("%d exchanges at rest", l.exchanges-before)
		}
		if err := admits(g, "key_acme"); err != nil {
			t.Error(err)
		}
		stop()
		if got := lent(); got != 30 {
			t.Errorf("%d lent after Run, want what was spent", got)
		}
	})
}

func TestIdleLeaseStaysWhileTheStoreIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1000)
		g, stop := running(t, l, Options{OnStoreDownServe: true})
		defer stop()
		synctest.Wait() // until the feed was looked at
		if err := admits(g, "key_acme"); err != nil {
			t.Fatal(err)
		}
		l.mu.Lock()
		l.down = true
		l.mu.Unlock()
		time.Sleep(time.Minute)
		if err := admits(g, "key_acme"); err != nil {
			t.Errorf("a known account with a lease: %v", err)
		}
		l.mu.Lock()
		l.down = false
		l.mu.Unlock()
	})
}

// TestBlindReplicaBlocks: a store that takes a request for changes and does not answer is as good as none.
func TestBlindReplicaBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1000)
		g, stop := running(t, l, Options{OnStoreDownServe: false})
		defer stop()
		synctest.Wait()
		if err := admits(g, "key_acme"); err != nil {
			t.Fatal(err)
		}
		l.mu.Lock()
		l.delay = 4 * time.Second
		l.mu.Unlock()
		time.Sleep(blindAfter + 2*pollEach)
		if d, ok := errors.AsType[*Denied](admits(g, "key_acme")); !ok || d.Code != AccountingUnavailable {
			t.Errorf("blind for more than a second: %v", d)
		}
		l.mu.Lock()
		l.delay = 0
		l.mu.Unlock()
		time.Sleep(5 * time.Second)
		if err := admits(g, "key_acme"); err != nil {
			t.Errorf("no longer blind: %v", err)
		}
	})
}

// TestWaitersShareAnAnswer has many requests wait for one exchange, and for one failure.
func TestWaitersShareAnAnswer(t *testing.T) {
	for _, down := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l := newLedger().account("acme", 1_000_000)
			l.now = time.Now
			g := New(l, l, Options{OnStoreDownServe: true})
			c, err := g.Identify(t.Context(), "key_acme")
			if err != nil {
				t.Fatal(err)
			}
			if err := free(g, c); err != nil {
				t.Fatal(err)
			}
			before := l.exchanges
			l.delay, l.down = time.Second, down
			began := time.Now()
			var in int
			results := make(chan error)
			for range 100 {
				go func() {
					h, err := g.Admit(t.Context(), c, asking(40, 90))
					if err == nil {
						h.Release()
					}
					results <- err
				}()
			}
			for range 100 {
				if <-results == nil {
					in++
				}
			}
			if want := map[bool]int{false: 100, true: 0}[down]; in != want {
				t.Errorf("down %t: %d in, want %d", down, in, want)
			}
			if took := time.Since(began); took != time.Second || !down && l.exchanges != before+1 {
				t.Errorf("down %t: took %s and %d exchanges, want one", down, took, l.exchanges-before)
			}
		})
	}
}

func TestWaiterLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1_000_000)
		l.now = time.Now
		g := New(l, l, Options{})
		c, _ := g.Identify(t.Context(), "key_acme")
		l.delay = time.Second
		first := make(chan error)
		go func() { _, err := g.Admit(t.Context(), c, asking(40, 90)); first <- err }()
		synctest.Wait()
		ctx, leave := context.WithTimeout(t.Context(), time.Millisecond)
		defer leave()
		if _, err := g.Admit(ctx, c, asking(40, 90)); err == nil {
			t.Error("admitted without an answer")
		}
		if err := <-first; err != nil {
			t.Error(err)
		}
		if s := g.Stats(); s.Open != 1 || s.Admitted != 1 {
			t.Errorf("%+v", s)
		}
	})
}

func TestRunLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t)
	l := newLedger().account("acme", 1000)
	l.now = time.Now
	g := New(l, l, Options{})
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- g.Run(ctx) }()
	if err := admits(g, "key_acme"); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got := l.accounts["acme"].leases[0].Outstanding(); got != 0 {
		t.Errorf("%d lent after the end", got)
	}
}
