package main_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tollgate/tollgate/store/pgtest"
)

// cluster are replicas on one Postgres.
type cluster struct {
	dirs, files []string
	replicas    []*child
}

func newCluster(t *testing.T, n int, provider, url, more string) *cluster {
	t.Helper()
	c := &cluster{}
	for range n {
		dir, yaml := sharing(t, provider, url)
		c.dirs, c.files = append(c.dirs, dir), append(c.files, yaml+more)
		c.replicas = append(c.replicas, begin(t, dir, yaml+more))
	}
	return c
}

func (c *cluster) stop(t *testing.T) {
	t.Helper()
	for _, r := range c.replicas {
		r.stop(t)
	}
}

// answers counts statuses.
type answers struct {
	lock sync.Mutex
	by   map[int]int
}

func (a *answers) add(status int) {
	a.lock.Lock()
	defer a.lock.Unlock()
	if a.by == nil {
		a.by = map[int]int{}
	}
	a.by[status]++
}

// TestOneLastRequestInTheWholeCluster: of 1,000 that come at once for 10 tokens, to three replicas, one is let in.
func TestOneLastRequestInTheWholeCluster(t *testing.T) {
	provider, origin := newProvider(t)
	c := newCluster(t, 3, origin, pgtest.URL(t), "")
	key := c.replicas[0].account(t, "acme", 10, nil)
	for _, r := range c.replicas { // each knows the key
		eventually(t, "the key", 2*time.Second, func() bool {
			q, _ := http.NewRequest("GET", r.data+"/tollgate/v1/tokens", nil)
			q.Header.Set("Authorization", "Bearer "+key)
			resp, err := http.DefaultClient.Do(q)
			if err != nil {
				return false
			}
			resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
	}
	body := `{"model":"gpt-4o-mini","max_tokens":5,"messages":[{"role":"user","content":"hello"}],"proxytest":{"input":9,"output":1,"delay_ms":3000}}`
	var got answers
	var wait sync.WaitGroup
	for i := range 1000 {
		wait.Go(func() {
			resp, err := crowd.Do(request(t, c.replicas[i%3].data+"/v1/chat/completions", key, body))
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			got.add(resp.StatusCode)
		})
	}
	wait.Wait()
	if got.by[http.StatusOK] != 1 || got.by[http.StatusOK]+got.by[http.StatusTooManyRequests]+got.by[http.StatusPaymentRequired] != 1000 || len(provider.Answered()) != 1 {
		t.Errorf("answers %v, the provider saw %d", got.by, len(provider.Answered()))
	}
	eventually(t, "the charge", 5*time.Second, func() bool { return c.replicas[0].tokens(t, "acme").Monthly.Used > 0 })
	v := c.replicas[0].tokens(t, "acme")
	if v.Monthly.Used != 10 || v.Over != 0 || v.Held != 0 {
		t.Errorf("view %+v", v)
	}
	fmt.Printf("CLUSTER one-last-request replicas=3 requests=1000 let_in=%d tokens_held=%d insufficient_quota=%d used=%d overdraft=%d %s\n",
		got.by[200], got.by[429], got.by[402], v.Monthly.Used, v.Over, verdict(t))
	c.stop(t)
}

// TestAPoolIsUsedToTheLastToken by clients that come back on tokens_held, however unevenly the load falls on replicas.
func TestAPoolIsUsedToTheLastToken(t *testing.T) {
	const total = 20_000
	_, origin := newProvider(t)
	c := newCluster(t, 3, origin, pgtest.URL(t), "")
	for name, load := range map[string]struct {
		admission string
		onFirst   int // of 10 clients
	}{
		"even": {"hold", 4}, "skewed": {"hold", 9}, "strict": {"strict", 4},
	} {
		t.Run(name, func(t *testing.T) {
			key := c.replicas[0].account(t, name, total, map[string]any{"admission": load.admission})
			var served, held atomic.Int64
			var wait sync.WaitGroup
			for client := range 10 {
				r := c.replicas[0]
				if client >= load.onFirst {
					r = c.replicas[1+client%2]
				}
				wait.Go(func() {
					for {
						var got int
						if load.admission == "strict" { // bounds only what it knows whole
							got = answered(t, r.data, key, `{"model":"gpt-4o-mini","max_tokens":50,"messages":[{"role":"user","content":"hello"}]}`)
						} else {
							got = status(t, r.data, key, 40+client)
						}
						switch got {
						case http.StatusOK:
							served.Add(1)
						case http.StatusTooManyRequests:
							held.Add(1)
							time.Sleep(100 * time.Millisecond)
						case http.StatusPaymentRequired:
							return
						default:
							t.Errorf("status %d", got)
							return
						}
					}
				})
			}
			wait.Wait()
			time.Sleep(1200 * time.Millisecond)
			v := c.replicas[0].tokens(t, name)
			over, left := int64(10*50), int64(0) // one true cost, and what those in flight took beyond their estimates
			if load.admission == "strict" {
				over, left = 0, 200 // what a request may take at worst
			}
			if v.Over > over || v.Held != 0 || v.Monthly.Remaining > left {
				t.Errorf("%+v", v)
			}
			fmt.Printf("CLUSTER to-the-last-token load=%s replicas=3 served=%d tokens_held=%d used=%d of=%d overdraft=%d held=%d %s\n",
				name, served.Load(), held.Load(), v.Monthly.Used, total, v.Over, v.Held, verdict(t))
		})
	}
	c.stop(t)
	if said, status := tollgate(t, c.dirs[0], "verify"); status != 0 {
		t.Errorf("verify: %s", said)
	}
}

// TestAForfeitedLeaseIsNotSpent takes a replica away with most of a pool leased, for longer than the others wait for it.
// They spend the pool; it must not, whether it notices only when it is back or is asked meanwhile. Then it goes on, in
// the same process, with new leases.
func TestAForfeitedLeaseIsNotSpent(t *testing.T) {
	for name, away := range map[string]struct {
		leave func(*testing.T, *child, *badLine)
		back  func(t *testing.T, c *child, line *badLine, key string)
	}{
		"stopped": {
			func(t *testing.T, c *child, _ *badLine) { c.signal(t, syscall.SIGSTOP) },
			func(t *testing.T, c *child, _ *badLine, _ string) { c.signal(t, syscall.SIGCONT) },
		},
		"cut-off": {
			func(_ *testing.T, _ *child, line *badLine) { line.proxy.Stop() },
			func(t *testing.T, c *child, line *badLine, key string) {
				if got := status(t, c.data, key, 100); got != http.StatusServiceUnavailable {
					t.Errorf("asked while it is cut off, with a lease that is forfeited: %d", got)
				}
				line.start()
			},
		},
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); forfeited(t, name, away.leave, away.back) })
	}
}

func forfeited(t *testing.T, name string, leave func(*testing.T, *child, *badLine), back func(*testing.T, *child, *badLine, string)) {
	_, origin := newProvider(t)
	database, waits := pgtest.URL(t), "policy: { lease_forfeit_after: 4s }\n"
	c := newCluster(t, 1, origin, database, waits)
	line, its := newBadLine(t, database)
	dir, yaml := sharing(t, origin, its)
	gone := begin(t, dir, yaml+waits)
	key := c.replicas[0].account(t, "acme", 1000, nil)
	served := 0
	for range 2 {
		if got := status(t, gone.data, key, 100); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
		served++
		time.Sleep(1500 * time.Millisecond) // the charge is stored, and the rest still leased
	}
	if got := status(t, gone.data, key, 100); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	served++
	leave(t, gone, line) // with one event in its journal
	if got := status(t, c.replicas[0].data, key, 100); got != http.StatusTooManyRequests {
		t.Errorf("while the other one has it all: %d", got)
	}
	began := time.Now()
	var took time.Duration
	eventually(t, "the end of the pool", 20*time.Second, func() bool {
		got := status(t, c.replicas[0].data, key, 100)
		if got == http.StatusOK {
			served++
			took = max(took, time.Since(began))
		}
		return got == http.StatusPaymentRequired
	})
	back(t, gone, line, key)
	renewed := eventually(t, "that it knows of the empty pool", 20*time.Second, func() bool {
		return status(t, gone.data, key, 100) == http.StatusPaymentRequired
	})
	beyond := len(c.replicas[0].events(t, "acme")) - served
	if gone.log.count("it goes on with new leases") != 1 {
		t.Error("it did not say that it goes on with new leases")
	}
	v := c.replicas[0].audit(t, "acme", c.replicas[0].events(t, "acme"))
	if v.Over > 100 || beyond != 0 { // by what it had journalled when it went
		t.Errorf("%d tokens of overdraft, %d requests served on a lease that others had: %+v", v.Over, beyond, v)
	}
	c.replicas[0].purchase(t, "acme", "more", 10_000)
	eventually(t, "a request of its new life", 5*time.Second, func() bool { return status(t, gone.data, key, 100) == http.StatusOK })
	gone.stop(t)
	c.stop(t)
	said, status := tollgate(t, c.dirs[0], "verify")
	if status != 0 {
		t.Errorf("verify: %s", said)
	}
	fmt.Printf("FAULT forfeited-lease-%s forfeit_after=4s used_up_after=%v spent_of_it=%d goes_on_after=%v lost=%d dup=0 overdraft=%d bound=100 verify=%q %s\n",
		name, took.Round(100*time.Millisecond), 100*max(0, beyond), renewed.Round(100*time.Millisecond), max(0, -beyond), v.Over, strings.TrimSpace(said), verdict(t))
}
