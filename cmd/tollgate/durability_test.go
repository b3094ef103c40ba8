package main_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tollgate/tollgate/store/pgtest"
)

// number is the one number that a query of a database gives.
func number(t *testing.T, database, query string, args ...any) (n int64) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if err := db.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const countEvents = `SELECT COUNT(*) FROM usage_event`

// TestDurabilityDatabase: when a response has ended the database has its usage, or the journal while there is none.
func TestDurabilityDatabase(t *testing.T) {
	t.Parallel()
	_, origin := newProvider(t)
	server := pgtest.Start(t)
	dir, yaml := sharing(t, origin, server.URL())
	yaml += "durability: database\n"
	c := begin(t, dir, yaml)
	key := c.account(t, "acme", 100_000, nil)
	const requests = 20
	for n := range requests {
		if got := status(t, c.data, key, 10); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
		if stored := number(t, server.URL(), countEvents); stored != int64(n+1) {
			t.Errorf("%d responses ended, and the database has %d events", n+1, stored)
		}
	}
	do(t, server.Stop)
	for range requests {
		if got := status(t, c.data, key, 10); got != http.StatusOK {
			t.Fatalf("without the database: status %d", got)
		}
	}
	c.kill(t)
	do(t, server.Start)
	c = begin(t, dir, yaml)
	eventually(t, "what the journal had", 10*time.Second, func() bool { return number(t, server.URL(), countEvents) == 2*requests })
	if v := c.audit(t, "acme", c.events(t, "acme")); v.Monthly.Used != 2*requests*10 {
		t.Errorf("view %+v", v)
	}
	c.stop(t)
	fmt.Printf("FAULT durability-database responses=%d stored_at_their_end=%d responses_without_it=%d lost_by_kill=0 %s\n", requests, requests, requests, verdict(t))
}

// TestDurabilityMemory says at its start what it risks, and stores all the same.
func TestDurabilityMemory(t *testing.T) {
	t.Parallel()
	_, origin := newProvider(t)
	dir, yaml := sharing(t, origin, pgtest.URL(t))
	c := begin(t, dir, yaml+"durability: memory\n")
	if c.log.count("a crash loses the usage that the store has not got yet") != 1 {
		t.Errorf("it said: %s", c.log)
	}
	key := c.account(t, "acme", 100_000, nil)
	for range 20 {
		if got := status(t, c.data, key, 10); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
	}
	if events := c.events(t, "acme"); len(events) != 20 {
		t.Errorf("%d events of 20", len(events))
	}
	c.stop(t)
}

// TestOnStoreDownBlock serves nobody without the database, and everybody again with it. (That serve goes on from its
// leases is TestPostgresIsAway's.)
func TestOnStoreDownBlock(t *testing.T) {
	t.Parallel()
	_, origin := newProvider(t)
	server := pgtest.Start(t)
	dir, yaml := sharing(t, origin, server.URL())
	c := begin(t, dir, yaml+"policy: { on_store_down: block }\n")
	key := c.account(t, "acme", 100_000, nil)
	if got := status(t, c.data, key, 10); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	do(t, server.Stop)
	blocked := eventually(t, "the block", 10*time.Second, func() bool { return status(t, c.data, key, 10) == http.StatusServiceUnavailable })
	for range 20 {
		if got := status(t, c.data, key, 10); got != http.StatusServiceUnavailable {
			t.Errorf("without the database: status %d", got)
		}
	}
	do(t, server.Start)
	served := eventually(t, "service", 10*time.Second, func() bool { return status(t, c.data, key, 10) == http.StatusOK })
	fmt.Printf("FAULT store-down-block blocked_after_ms=%d served_again_after_ms=%d %s\n", blocked.Milliseconds(), served.Milliseconds(), verdict(t))
	c.stop(t)
}

// TestLeaseTokensMax bounds what one of two replicas holds of an account, but for one request's need.
func TestLeaseTokensMax(t *testing.T) {
	t.Parallel()
	_, origin := newProvider(t)
	database := pgtest.URL(t)
	c := newCluster(t, 2, origin, database, "policy: { lease_tokens_max: 5000 }\n")
	const leased = `SELECT MAX(granted - returned - spent) FROM lease WHERE account = $1`
	for account, need := range map[string]int{"small": 100, "large": 60_000} {
		key := c.replicas[0].account(t, account, 1_000_000, nil)
		body := fmt.Sprintf(`{"model":"gpt-4o-mini","max_tokens":1,"messages":[{"role":"user","content":"%0*d"}],"proxytest":{"input":10,"output":1}}`, 4*need, 0)
		if got := answered(t, c.replicas[0].data, key, body); got != http.StatusOK {
			t.Errorf("%s: status %d", account, got)
		}
		most := max(5000, int64(need)+100)
		if n := number(t, database, leased, account); n > most || n < most-1000 {
			t.Errorf("%s: %d tokens are leased, want about %d", account, n, most)
		}
	}
	c.stop(t)
}

// TestCapOfAKeyAcrossReplicas uses a key at three replicas at once: all together let its cap pass, and what the others
// let pass in a second.
func TestCapOfAKeyAcrossReplicas(t *testing.T) {
	const limit, tokens, clients, each = 30_000, 100, 6, 30 * time.Millisecond
	_, origin := newProvider(t)
	c := newCluster(t, 3, origin, pgtest.URL(t), "")
	c.replicas[0].account(t, "acme", 10_000_000, nil)
	var made struct{ Secret string }
	c.replicas[0].call(t, http.StatusCreated, "POST", "/api/v1/accounts/acme/keys", map[string]any{"name": "capped", "monthly_cap": limit}, &made)
	began := time.Now()
	var used atomic.Int64
	var clientsEnd sync.WaitGroup
	for i := range clients {
		clientsEnd.Go(func() {
			for tick := time.Tick(each); ; <-tick {
				switch got := status(t, c.replicas[i%3].data, made.Secret, tokens); got {
				case http.StatusOK:
					used.Add(tokens)
				case http.StatusPaymentRequired:
					return
				case http.StatusTooManyRequests: // the rest is held
				default:
					t.Errorf("status %d", got)
					return
				}
			}
		})
	}
	clientsEnd.Wait()
	aSecond := used.Load() * int64(time.Second) / int64(time.Since(began))
	beyond := used.Load() - limit
	if beyond < 0 || beyond > 2*aSecond {
		t.Errorf("%d tokens beyond the cap of %d were used, at %d a second", beyond, limit, aSecond)
	}
	for i, r := range c.replicas {
		if got := status(t, r.data, made.Secret, tokens); got != http.StatusPaymentRequired {
			t.Errorf("replica %d, with the cap used up: %d", i, got)
		}
	}
	fmt.Printf("FAULT cap-across-replicas replicas=3 cap=%d used=%d beyond=%d tokens_a_second=%d %s\n", limit, used.Load(), beyond, aSecond, verdict(t))
	c.stop(t)
}
