package policy

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestIdentifyGivesOneAnswer(t *testing.T) {
	l := newLedger().account("acme", 1000)
	w := newWorld(t, l, Options{})
	l.key(Key{ID: "revoked", Account: "acme", RevokedAt: w.at})
	l.key(Key{ID: "expired", Account: "acme", ExpiresAt: w.at})
	l.key(Key{ID: "expiring", Account: "acme", ExpiresAt: w.at.Add(time.Minute)})
	w.caller("expiring")
	w.at = w.at.Add(time.Minute)
	var first string
	for _, secret := range []string{"", "unknown", "sk-malformed \x00", "revoked", "expired", "expiring", "revoked", "unknown"} {
		_, err := w.gate.Identify(context.Background(), secret)
		d := w.denied(err, InvalidAPIKey)
		if first == "" {
			first = d.Message
		}
		if d.Message != first || d.Standing != nil || d.RetryAfter != 0 {
			t.Errorf("%q: got %+v, want the same as for the others", secret, d)
		}
	}
	if l.lookups != 6 {
		t.Errorf("%d lookups, want one for each secret", l.lookups)
	}
}

func TestUnknownKeysDontPushOutKnownOnes(t *testing.T) {
	l := newLedger().account("acme", 1000)
	w := newWorld(t, l, Options{KeysCached: 8})
	w.caller("key_acme")
	for i := range 1000 {
		w.gate.Identify(context.Background(), fmt.Sprint("tg_", i))
	}
	before := l.lookups
	w.caller("key_acme")
	if l.lookups != before {
		t.Error("the known key was looked up again")
	}
	if s := w.gate.Stats(); s.Keys != 1 || s.UnknownKeys != 2 {
		t.Errorf("got %d keys and %d unknown ones, want 1 and 2", s.Keys, s.UnknownKeys)
	}
}

func TestEvictedKeysLeaveNothingBehind(t *testing.T) {
	l := newLedger()
	w := newWorld(t, l, Options{KeysCached: 4})
	for i := range 50 {
		l.account(fmt.Sprint(i), 1000)
		w.caller(fmt.Sprint("key_", i))
	}
	r := w.gate.keyring
	if len(r.ids) != 4 || len(r.accounts) != 4 {
		t.Errorf("%d ids and %d accounts are listed, want 4", len(r.ids), len(r.accounts))
	}
}

func TestUnknownKeyIsAskedForAgain(t *testing.T) {
	l := newLedger().account("acme", 1000)
	w := newWorld(t, l, Options{})
	_, err := w.gate.Identify(context.Background(), "late")
	w.denied(err, InvalidAPIKey)
	l.key(Key{ID: "late", Account: "acme"})
	w.at = w.at.Add(unknownKept)
	w.caller("late")
}

func TestMissAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1000)
		l.delay = 100 * time.Millisecond
		g := New(l, l, Options{})
		var group sync.WaitGroup
		for range 100 {
			group.Go(func() {
				if _, err := g.Identify(t.Context(), "key_acme"); err != nil {
					t.Error(err)
				}
			})
		}
		// One who leaves does not take the others' answer along.
		left, leave := context.WithCancel(t.Context())
		go g.Identify(left, "key_acme")
		synctest.Wait()
		leave()
		group.Wait()
		if l.lookups != 1 {
			t.Errorf("%d lookups, want 1", l.lookups)
		}
	})
}

func TestFewLookupsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		l.delay = 100 * time.Millisecond
		g := New(l, l, Options{})
		began := time.Now()
		var group sync.WaitGroup
		for i := range 10 * lookups {
			group.Go(func() { g.Identify(t.Context(), fmt.Sprint(i)) })
		}
		group.Wait()
		if took := time.Since(began); took != 10*l.delay {
			t.Errorf("took %s, want 10 rounds of %d", took, lookups)
		}
		if g.down.Load() {
			t.Error("the store is taken for down")
		}
	})
}

// A key that is revoked while it is looked up must not be remembered as it was.
func TestRevokedDuringLookup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLedger().account("acme", 1000)
		g := New(slowAnswer{l}, l, Options{Now: func() time.Time { return t0 }})
		f := &feed{gate: g, seq: int64(len(l.changes))}
		go g.Identify(t.Context(), "key_acme")
		synctest.Wait() // the store has read the key and is about to answer
		l.key(Key{ID: "key_acme", Account: "acme", RevokedAt: t0})
		f.poll(t.Context())
		time.Sleep(2 * time.Second)
		if _, err := g.Identify(t.Context(), "key_acme"); err == nil {
			t.Error("the revoked key is served")
		}
	})
}

// slowAnswer is a ledger whose answers about keys take a second on their way back.
type slowAnswer struct{ *memoryLedger }

func (s slowAnswer) Key(ctx context.Context, hash Hash) (Key, bool, error) {
	k, lives, err := s.memoryLedger.Key(ctx, hash)
	time.Sleep(time.Second)
	return k, lives, err
}
