package main_test

import (
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tollgate/tollgate/store/pgtest"
)

var killsFlag = flag.Int("kills", 8, "how often TestKillStormOfOneOfThree kills a replica")

// TestKillStormOfOneOfThree kills one of three replicas under load, again and again, every fourth time once more while
// it recovers: what any of them answered is in the ledger when all are back.
func TestKillStormOfOneOfThree(t *testing.T) {
	o := newOrdeal(t, 3, pgtest.URL(t))
	recoveries := 0
	for round := range *killsFlag {
		time.Sleep(time.Duration(100+rand.IntN(300)) * time.Millisecond)
		i := rand.IntN(len(o.replicas))
		o.replicas[i].kill(t)
		o.storms[i].origin.Store(nil)
		if round%4 == 3 {
			again, _ := launch(t, o.dirs[i], o.files[i])
			time.Sleep(time.Duration(rand.IntN(250)) * time.Millisecond)
			again.kill(t)
			recoveries++
		}
		o.replicas[i] = begin(t, o.dirs[i], o.files[i])
		o.storms[i].origin.Store(&o.replicas[i].data)
	}
	if n := o.answered(); n < 10**killsFlag {
		t.Errorf("only %d responses ended: that is no load", n)
	}
	o.judge(t, "kill-9-of-one-of-three", fmt.Sprintf("rounds=%d during_recovery=%d", *killsFlag, recoveries))
}

// TestAReplicaIsGone takes one of three away under load, for longer than the others wait for it: they lend what it
// held to whoever asks, and use the pool up. Then it turns up, and what it had answered is booked.
func TestAReplicaIsGone(t *testing.T) {
	goesOn := func(t *testing.T, c *child) {
		eventually(t, "a new life in the same process", 30*time.Second, func() bool { return c.log.count("it goes on with new leases") == 1 })
	}
	for name, gone := range map[string]struct {
		leave, back func(*testing.T, *child, *badLine)
	}{
		"killed": {func(t *testing.T, c *child, _ *badLine) { c.kill(t) }, func(*testing.T, *child, *badLine) {}},
		"stopped": {
			func(t *testing.T, c *child, _ *badLine) { c.signal(t, syscall.SIGSTOP) },
			func(t *testing.T, c *child, _ *badLine) { c.signal(t, syscall.SIGCONT); goesOn(t, c) },
		},
		"cut-off": { // it goes on from its lease, as long as that is its own
			func(_ *testing.T, _ *child, line *badLine) { line.proxy.Stop() },
			func(t *testing.T, c *child, line *badLine) { line.start(); goesOn(t, c) },
		},
	} {
		t.Run(name, func(t *testing.T) { replicaGone(t, name, gone.leave, gone.back) })
	}
}

func replicaGone(t *testing.T, name string, leave, back func(*testing.T, *child, *badLine)) {
	const total, forfeitAfter = 2_000_000, 4 * time.Second
	provider, origin := newProvider(t)
	database := pgtest.URL(t)
	policy := fmt.Sprintf("policy: { lease_forfeit_after: %v }\n", forfeitAfter)
	c := newCluster(t, 2, origin, database, policy)
	line, its := newBadLine(t, database)
	dir, yaml := sharing(t, origin, its)
	c.dirs, c.files, c.replicas = append(c.dirs, dir), append(c.files, yaml+policy), append(c.replicas, begin(t, dir, yaml+policy))
	key := c.replicas[0].account(t, "acme", total, nil)
	time.Sleep(600 * time.Millisecond) // all have heard of it

	var s spenders
	for i := range 9 {
		s.start(t, c.replicas[i%3].data, key)
	}
	s.until(t, 60)
	leave(t, c.replicas[2], line)
	leased := outstanding(t, database)
	if leased <= 0 {
		t.Error("the replica that went had nothing leased")
	}
	began := time.Now()
	s.exhausted.Wait() // those of the two that stay
	used := time.Since(began)
	back(t, c.replicas[2], line)
	s.all.Wait()
	if name == "killed" {
		c.replicas[2] = begin(t, c.dirs[2], c.files[2])
	}
	for _, r := range c.replicas[1:] {
		r.stop(t) // with its journal stored
	}
	events := c.replicas[0].events(t, "acme")
	v := c.replicas[0].audit(t, "acme", events)
	found := compare(t, s.asked, provider.Answered(), events)
	bound := leased + s.dearest // one last request runs past the end
	if v.Over > bound || v.Monthly.Remaining > 0 {
		t.Errorf("overdraft %d, want at most %d; %d are left", v.Over, bound, v.Monthly.Remaining)
	}
	c.replicas[0].stop(t)
	said, status := tollgate(t, c.dirs[0], "verify")
	if status != 0 {
		t.Errorf("verify: %s", said)
	}
	fmt.Printf("FAULT replica-%s-past-its-lease replicas=3 forfeit_after=%v used_up_after=%v requests=%d answered=%d events=%d lost=%d dup=%d leased=%d overdraft=%d bound=%d verify=%q %s\n",
		name, forfeitAfter, used.Round(100*time.Millisecond), len(s.asked), found.answered, found.events, found.lost, found.dup, leased, v.Over, bound, strings.TrimSpace(said), verdict(t))
}

// outstanding is what the replica that started last has leased.
func outstanding(t *testing.T, database string) (tokens int64) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	err = db.QueryRow(t.Context(), `SELECT COALESCE(SUM(granted - returned - settled), 0) FROM lease
		WHERE epoch = (SELECT epoch FROM replica ORDER BY started_at DESC LIMIT 1)`).Scan(&tokens)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// spenders are clients that ask for what costs no more than its estimate, until the pools are empty.
type spenders struct {
	all, exhausted sync.WaitGroup // exhausted is for those of the first two replicas
	n              atomic.Int64
	lock           sync.Mutex
	started        int
	asked          []asked
	dearest        int64
}

func (s *spenders) start(t *testing.T, origin, key string) {
	stays := s.started%3 != 2
	s.started++
	if stays {
		s.exhausted.Add(1)
	}
	s.all.Go(func() {
		if stays {
			defer s.exhausted.Done()
		}
		for s.ask(t, origin, key, stays) {
		}
	})
}

// ask makes a request and says whether there is a use in another one. On a slow machine a replica that stays may be late
// to show itself too, and serves again once it has.
func (s *spenders) ask(t *testing.T, origin, key string, stays bool) bool {
	a := asked{account: "acme", input: 1000 + s.n.Add(1), output: 7}
	body := fmt.Sprintf(`{"model":"gpt-4o-mini","max_tokens":20,"messages":[{"role":"user","content":%q}],"proxytest":{"input":%d,"output":%d,"delay_ms":5}}`,
		strings.Repeat("four", int(a.input)), a.input, a.output)
	resp, err := crowd.Do(request(t, origin+"/v1/chat/completions", key, body))
	status := 0
	if err == nil {
		a.eventID, status = resp.Header.Get("X-Tollgate-Request-Id"), resp.StatusCode
		a.ended = sawWhole(resp)
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	s.lock.Lock()
	s.asked = append(s.asked, a)
	s.dearest = max(s.dearest, a.input+a.output)
	s.lock.Unlock()
	switch {
	case status == http.StatusOK:
		return true
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && stays:
		time.Sleep(100 * time.Millisecond)
		return true
	case status == 0, status == http.StatusPaymentRequired, status == http.StatusServiceUnavailable: // gone, empty, or cut off with its lease used up
		return false
	}
	t.Errorf("status %d", status)
	return false
}

// until waits for so many requests.
func (s *spenders) until(t *testing.T, n int64) {
	t.Helper()
	eventually(t, "load", 30*time.Second, func() bool { return s.n.Load() > n })
}
