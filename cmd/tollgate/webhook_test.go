package main_test

import (
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tollgate/tollgate/store/pgtest"
)

// hooked are settings with a target.
func hooked(url, secret, more string) string {
	return fmt.Sprintf("webhooks:\n  targets: { shop: { url: %q, secret: %q%s } }\n  timeout: 1s\n  retries: [%s100ms]\n",
		url, secret, more, strings.Repeat("300ms, ", 90))
}

// rush sends requests of 50 tokens, all at once, each until it is let in or the pools are empty, to whatever origin is
// given at the time; at is called with the number of each that ended.
func rush(t *testing.T, requests int, key string, origin func(n int) string, at func(ended int64)) {
	var wait sync.WaitGroup
	var ended atomic.Int64
	for n := range requests {
		wait.Go(func() {
			for {
				body := `{"model":"gpt-4o-mini","max_tokens":5,"messages":[{"role":"user","content":"hello"}],"proxytest":{"input":49,"output":1}}`
				resp, err := crowd.Do(request(t, origin(n)+"/v1/chat/completions", key, body))
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				if err == nil && (resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusPaymentRequired) {
					at(ended.Add(1))
					return
				}
				if t.Context().Err() != nil {
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	wait.Wait()
}

// crossed is what is told of an account that was used up.
func crossed(account string) []string {
	return []string{account + " account.low 0.8", account + " account.low 0.95", account + " account.blocked"}
}

// TestAThresholdIsToldOnceThroughKills: of 1,000 requests at once, with the gateway killed among them and killed again
// while it posts, to a target that is away at first, then fails, then hangs.
func TestAThresholdIsToldOnceThroughKills(t *testing.T) {
	const requests = 1000
	_, provider := newProvider(t)
	address := freeAddress(t)
	dir := t.TempDir()
	yaml := settings(dir+"/data", provider, hooked("http://"+address+"/hooks", hookSecret(1), ""))
	c := begin(t, dir, yaml)
	key := c.account(t, "acme", requests*50, map[string]any{"name": "Canary & Sons"})
	var origin atomic.Pointer[string]
	origin.Store(&c.data)
	restart := func() {
		c.kill(t)
		c = begin(t, dir, yaml)
		origin.Store(&c.data)
	}
	killed := make(chan struct{})
	rush(t, requests, key, func(int) string { return *origin.Load() }, func(ended int64) {
		if ended == requests*85/100 { // the first share is reached, perhaps not stored
			go func() { defer close(killed); restart() }()
		}
	})
	<-killed
	for status(t, c.data, key, 50) != http.StatusPaymentRequired { // what the kill took from the count
		time.Sleep(50 * time.Millisecond)
	}

	h := newHooks(t, address, hookSecret(1))
	var posts, hung atomic.Int64
	hangs := make(chan struct{}, 100)
	misbehave := behaviour(func(w http.ResponseWriter, r *http.Request, fact string) {
		if posts.Add(1) <= 3 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		h.take(r.Header.Get("webhook-id"), fact) // and the gateway will not know
		hung.Add(1)
		hangs <- struct{}{}
		<-r.Context().Done()
	})
	h.behave.Store(&misbehave)
	<-hangs
	c.kill(t)
	h.behave.Store(nil)
	c = begin(t, dir, yaml)
	for _, fact := range crossed("acme") {
		eventually(t, fact, 30*time.Second, func() bool { return h.has(fact) })
	}
	eventually(t, "the same again of what hung", 30*time.Second, func() bool {
		_, resent := h.counts()
		return int64(resent) == hung.Load()
	})

	c.purchase(t, "acme", "invoice-17", c.tokens(t, "acme").Over+100) // what the kill left open is paid first
	for status(t, c.data, key, 50) != http.StatusPaymentRequired {
		time.Sleep(50 * time.Millisecond)
	}
	fired := append(crossed("acme"), "acme grant.created invoice-17", "acme account.blocked again")
	eventually(t, "what came of the purchase", 30*time.Second, func() bool { return h.has(fired[3]) && h.has(fired[4]) })
	time.Sleep(2 * time.Second) // for what should not come
	h.judge("once-through-kills requests=1000 kills=2", fired)
	if c.log.count("/hooks") > 0 || c.log.count(hookSecret(1)) > 0 {
		t.Error("the gateway's log has the target's URL or its secret")
	}
	c.stop(t)
}

// TestReplicasTellOnce: three on one Postgres, 1,000 requests at once over five accounts; one replica is killed in the
// middle of the second thousand.
func TestReplicasTellOnce(t *testing.T) {
	const accounts, requests = 5, 1000
	_, provider := newProvider(t)
	h := newHooks(t, "", hookSecret(1))
	c := newCluster(t, 3, provider, pgtest.URL(t), hooked(h.URL, hookSecret(1), ""))
	victim := c.replicas[2]
	var third atomic.Pointer[string]
	third.Store(&victim.data)
	origin := func(n int) string {
		if n%3 == 2 {
			return *third.Load()
		}
		return c.replicas[n%3].data
	}
	var fired []string
	spend := func(name string, at func(ended int64)) {
		var keys []string
		for n := range accounts {
			account := fmt.Sprintf("%s-%d", name, n)
			keys = append(keys, c.replicas[0].account(t, account, requests/accounts*50, nil))
			fired = append(fired, crossed(account)...)
		}
		var all sync.WaitGroup
		for n, key := range keys {
			all.Go(func() {
				rush(t, requests/accounts, key, func(i int) string { return origin(n + i) }, at)
				last := c.replicas[n%2].data
				for status(t, last, key, 50) != http.StatusPaymentRequired {
					time.Sleep(100 * time.Millisecond)
				}
			})
		}
		all.Wait()
	}
	told := func() {
		for _, fact := range fired {
			eventually(t, fact, 30*time.Second, func() bool { return h.has(fact) })
		}
		time.Sleep(2 * time.Second)
	}
	spend("calm", func(int64) {})
	told()
	if came, _ := h.counts(); came != len(fired) {
		t.Errorf("%d posts of %d notices, though nothing failed", came, len(fired))
	}
	h.judge("three-replicas requests=1000 kills=0", fired)

	killed := make(chan struct{})
	var ended atomic.Int64
	spend("storm", func(int64) {
		if ended.Add(1) == requests*85/100 {
			go func() {
				defer close(killed)
				victim.kill(t)
				c.replicas[2] = begin(t, c.dirs[2], c.files[2])
				third.Store(&c.replicas[2].data)
			}()
		}
	})
	<-killed
	told()
	h.judge("three-replicas requests=2000 kills=1", fired)
	c.stop(t)
}

// TestAResetIsToldWithoutTraffic: of accounts that nobody uses, once, by one of two replicas, and by the embedded store.
func TestAResetIsToldWithoutTraffic(t *testing.T) {
	const accounts = 40
	_, provider := newProvider(t)
	h := newHooks(t, "", hookSecret(1))
	url := pgtest.URL(t)
	c := newCluster(t, 2, provider, url, hooked(h.URL, hookSecret(1), ", events: [account.reset]"))
	var fired []string
	for n := range accounts {
		account := fmt.Sprint("sleeper-", n)
		c.replicas[0].account(t, account, 1000, nil)
		fired = append(fired, account+" account.reset")
	}
	end := time.Now().Add(time.Second).UTC().Truncate(time.Second)
	pgtest.Exec(t, url, fmt.Sprintf(`UPDATE account_period SET period_end = %d`, end.UnixMicro()))
	for _, fact := range fired {
		eventually(t, fact, 30*time.Second, func() bool { return h.has(fact) })
	}
	took := time.Since(end)
	if v := c.replicas[1].tokens(t, "sleeper-0"); !v.Reset.PeriodStart.Equal(end) {
		t.Errorf("the new period began at %s, want %s", v.Reset.PeriodStart, end)
	}
	time.Sleep(2 * time.Second)
	h.judge(fmt.Sprintf("resets-without-traffic replicas=2 last_after_ms=%d", took.Milliseconds()), fired)
	c.stop(t)
}

func TestAResetIsToldWithoutTrafficByTheEmbeddedStore(t *testing.T) {
	_, provider := newProvider(t)
	h := newHooks(t, "", hookSecret(1))
	dir := t.TempDir()
	yaml := settings(dir+"/data", provider, hooked(h.URL, hookSecret(1), ""))
	c := begin(t, dir, yaml)
	c.account(t, "sleeper", 1000, nil)
	c.stop(t)
	db, err := sql.Open("sqlite3", filepath.Join(dir, "data", "tollgate.db"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`UPDATE account_period SET period_end = ?`, time.Now().Add(2*time.Second).UnixMicro()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	c = begin(t, dir, yaml)
	eventually(t, "the reset", 30*time.Second, func() bool { return h.has("sleeper account.reset") })
	c.kill(t)
	c = begin(t, dir, yaml)
	time.Sleep(3 * time.Second)
	h.judge("reset-without-traffic store=sqlite kills=1", []string{"sleeper account.reset"})
	c.stop(t)
}

// TestASecretIsChangedWithoutALoss: the file names the new one and, for a while, the old one; receivers have either.
func TestASecretIsChangedWithoutALoss(t *testing.T) {
	_, provider := newProvider(t)
	before, after := newHooks(t, "", hookSecret(1)), newHooks(t, "", hookSecret(2))
	dir := t.TempDir()
	targets := func(secret, more string) string {
		return settings(dir+"/data", provider, fmt.Sprintf("webhooks:\n  targets:\n    a: { url: %q, secret: %q }\n    b: { url: %q, secret: %q%s }\n",
			before.URL, hookSecret(1), after.URL, secret, more))
	}
	c := begin(t, dir, targets(hookSecret(2), ""))
	c.account(t, "acme", 1000, nil)
	c.purchase(t, "acme", "one", 1)
	both := func(fact string) {
		t.Helper()
		for _, h := range []*hooks{before, after} {
			eventually(t, fact, 10*time.Second, func() bool { return h.has(fact) })
		}
	}
	both("acme grant.created one")
	for n, file := range []string{
		targets(hookSecret(3), fmt.Sprintf(", old_secret: %q", hookSecret(2))), // b knows the old one
		targets(hookSecret(2), fmt.Sprintf(", old_secret: %q", hookSecret(3))), // … the new one
	} {
		loaded := c.log.count(`"msg":"reloaded"`)
		if err := os.WriteFile(filepath.Join(dir, "gateway.yaml"), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		c.signal(t, syscall.SIGHUP)
		eventually(t, "the reload", 5*time.Second, func() bool { return c.log.count(`"msg":"reloaded"`) > loaded })
		c.purchase(t, "acme", fmt.Sprint("change ", n), 1)
		both(fmt.Sprint("acme grant.created change ", n))
	}
	if c.log.count("whsec_") > 0 || c.log.count(hookSecret(2)) > 0 {
		t.Error("the log has a secret")
	}
	c.stop(t)
}
