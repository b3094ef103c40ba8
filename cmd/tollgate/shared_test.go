package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/store/pgtest"
)

// sharing are the settings of a replica that shares a store.
func sharing(t *testing.T, provider, url string) (dir, yaml string) {
	dir = t.TempDir()
	return dir, settings(dir+"/data", provider, fmt.Sprintf("store: %q\n", url))
}

// tollgate runs another command of the binary on a replica's file.
func tollgate(t *testing.T, dir string, args ...string) (said string, status int) {
	t.Helper()
	cmd := exec.Command(binary, append(args, "--config", dir+"/gateway.yaml")...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		return string(out), ended.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(out), 0
}

// status is what a request of so many tokens is answered with.
func status(t *testing.T, origin, key string, tokens int) int {
	t.Helper()
	return answered(t, origin, key, fmt.Sprintf(`{"model":"gpt-4o-mini","max_tokens":5,"messages":[{"role":"user","content":"hello"}],"proxytest":{"input":%d,"output":1}}`, tokens-1))
}

func answered(t *testing.T, origin, key, body string) int {
	t.Helper()
	resp, err := crowd.Do(request(t, origin+"/v1/chat/completions", key, body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// eventually waits for what another replica did to be seen, and says how long that took.
func eventually(t *testing.T, what string, limit time.Duration, done func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !done() {
		if time.Since(began) > limit {
			t.Fatalf("%s: not after %v", what, limit)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

func TestTwoReplicasShareOnePostgres(t *testing.T) {
	_, origin := newProvider(t)
	url := pgtest.URL(t)
	dirA, yamlA := sharing(t, origin, url)
	dirB, yamlB := sharing(t, origin, url)
	a, b := begin(t, dirA, yamlA), begin(t, dirB, yamlB)

	key := a.account(t, "acme", 100, nil)
	if got := status(t, b.data, key, 100); got != http.StatusOK {
		t.Fatalf("a request at the other replica than its account was made at: %d", got)
	}
	for _, r := range []*child{a, b} {
		eventually(t, "the block", 3*time.Second, func() bool { return status(t, r.data, key, 100) == http.StatusPaymentRequired })
	}
	a.purchase(t, "acme", "invoice", 1000)
	lifted := eventually(t, "the purchase at the other replica", time.Second, func() bool { return status(t, b.data, key, 100) == http.StatusOK })

	// Both spend what is left of it: what one has idle comes back for the other.
	const requests, tokens = 200, 50
	big := a.account(t, "big", requests*tokens, nil)
	var wait sync.WaitGroup
	var served, held atomic.Int64
	for w := range 8 {
		wait.Go(func() {
			for range requests / 8 {
				for {
					got := status(t, []*child{a, b}[w%2].data, big, tokens)
					if got == http.StatusOK {
						served.Add(1)
						break
					}
					if got != http.StatusTooManyRequests {
						t.Errorf("status %d", got)
						break
					}
					held.Add(1)
					time.Sleep(100 * time.Millisecond)
				}
			}
		})
	}
	wait.Wait()
	var events []accounting.Event
	eventually(t, "all events", 3*time.Second, func() bool { events = a.events(t, "big"); return len(events) >= requests })
	v := a.audit(t, "big", events)
	if served.Load() != requests || len(events) != requests || v.Monthly.Used != requests*tokens || v.Over != 0 {
		t.Errorf("%d served, %d events, view %+v", served.Load(), len(events), v)
	}
	eventually(t, "the block of what is used up", 3*time.Second, func() bool { return status(t, b.data, big, tokens) == http.StatusPaymentRequired })
	fmt.Printf("SHARED two-replicas purchase_lifts_block_ms=%d requests=%d charged=%d overdraft=%d retries_on_tokens_held=%d %s\n",
		lifted.Milliseconds(), served.Load(), v.Monthly.Used, v.Over, held.Load(), verdict(t))
	a.stop(t)
	b.stop(t)
	if said, status := tollgate(t, dirA, "verify"); status != 0 || !strings.Contains(said, "ok: 2 accounts, 0 drift") {
		t.Errorf("verify: status %d, %s", status, said)
	}
	if said, status := tollgate(t, dirA, "doctor", "--json"); strings.Contains(said, "fail") || !strings.Contains(said, "reached and known") {
		t.Errorf("doctor: status %d, %s", status, said)
	}
	if said, status := tollgate(t, dirA, "backup", dirA+"/copy"); status != 1 || !strings.Contains(said, "pg_dump") {
		t.Errorf("backup: status %d, %s", status, said)
	}
}

// TestServeWaitsForItsStore starts before Postgres does, and goes on when Postgres is gone for a while.
func TestServeWaitsForItsStore(t *testing.T) {
	t.Parallel()
	_, origin := newProvider(t)
	server := pgtest.Start(t)
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	dir, yaml := sharing(t, origin, server.URL())
	ports := [2]string{freeAddress(t), freeAddress(t)}
	yaml = strings.Replace(strings.Replace(yaml, "listen: 127.0.0.1:0", "listen: "+ports[0], 1), `listen: "127.0.0.1:0"`, "listen: "+ports[1], 1)
	c, ready := launch(t, dir, yaml)
	eventually(t, "not ready", 20*time.Second, func() bool {
		resp, err := http.Get("http://" + ports[1] + "/readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		said, _ := io.ReadAll(resp.Body)
		return resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(string(said), "waits for its store")
	})
	resp, err := crowd.Do(request(t, "http://"+ports[0]+"/v1/chat/completions", "tg_"+strings.Repeat("a", 43), `{"model":"gpt-4o","messages":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if code := resp.Header.Get("X-Tollgate-Error"); resp.StatusCode != http.StatusServiceUnavailable || code != "accounting_unavailable" {
		t.Errorf("a request meanwhile: %s %s", resp.Status, code)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case at, ok := <-ready:
		if !ok {
			t.Fatal("it ended")
		}
		c.data, c.admin = at[0], at[1]
	case <-time.After(20 * time.Second):
		t.Fatal("not ready, though its store is there")
	}
	unknown := c.account(t, "not-met", 1000, nil)
	key := c.account(t, "acme", 1000, nil)
	for range 2 {
		if got := status(t, c.data, key, 10); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
		time.Sleep(600 * time.Millisecond) // it has heard that the key is new, and reads it again
	}
	if got := status(t, c.data, key, 10); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	if err := server.Stop(); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if got := status(t, c.data, key, 10); got != http.StatusOK {
			t.Errorf("from the lease, while the store is down: %d", got)
		}
	}
	resp, err = crowd.Do(request(t, c.data+"/v1/chat/completions", unknown, `{"model":"gpt-4o","messages":[]}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	code := resp.Header.Get("X-Tollgate-Error")
	if resp.StatusCode != http.StatusServiceUnavailable || code != "accounting_unavailable" {
		t.Errorf("an account that this gateway has not met, while the store is down: %s %s", resp.Status, code)
	}
	fmt.Printf("FAULT postgres-away-unknown served_from_lease=5 unknown_account=%d unknown_code=%s %s\n", resp.StatusCode, code, verdict(t))
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is stored", 20*time.Second, func() bool {
		q, _ := http.NewRequest("GET", c.admin+"/api/v1/accounts/acme/tokens", nil)
		q.Header.Set("Authorization", "Bearer "+adminToken)
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		var v accounting.View
		return resp.StatusCode == http.StatusOK && json.NewDecoder(resp.Body).Decode(&v) == nil && v.Monthly.Used == 80
	})
	c.stop(t)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestServeEndsForWhatWaitingDoesNotMend(t *testing.T) {
	_, origin := newProvider(t)
	url := pgtest.URL(t)
	pgtest.Exec(t, url, `CREATE TABLE tollgate_schema (version BIGINT, serves BIGINT); INSERT INTO tollgate_schema VALUES (99, 99)`)
	dir, yaml := sharing(t, origin, strings.Replace(url, "postgres@", "postgres:hush-pw@", 1))
	c, ready := launch(t, dir, yaml)
	if _, ok := <-ready; ok {
		t.Error("it is ready on a database of a newer program")
	}
	if err := c.wait(t, 20*time.Second); err == nil || c.cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("it ended with %v, want status 1", err)
	}
	if said := c.log.String(); !strings.Contains(said, "written by a newer tollgate") || strings.Contains(said, "hush-pw") {
		t.Errorf("it said: %s", said)
	}
}
