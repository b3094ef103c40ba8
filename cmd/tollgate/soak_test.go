package main_test

import (
	"bufio"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tollgate/tollgate/store/pgtest"
)

var soakFlag = flag.Duration("soak", 12*time.Second, "how long TestSoak lets faults happen")

// TestSoak lets faults happen to three replicas under load, one after the other, drawn at random.
func TestSoak(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	line, at := newBadLine(t, server.URL())
	o := newOrdeal(t, 3, at)
	random := rand.New(rand.NewPCG(o.seed, 1))
	pause := func(most time.Duration) { time.Sleep(time.Duration(random.Int64N(int64(most)))) }
	faults := []func(){
		func() { do(t, server.Stop); pause(2 * time.Second); do(t, server.Start) },
		func() { line.add("latency", `{"latency":150,"jitter":100}`); pause(2 * time.Second); line.heal() },
		func() { line.add("reset_peer", `{"timeout":20}`); pause(time.Second); line.heal() },
		func() { line.add("timeout", `{"timeout":0}`); pause(2 * time.Second); line.heal() },
		func() { line.proxy.Stop(); pause(time.Second); line.start() },
		func() { o.restart(t, random.IntN(len(o.replicas)))() },
		func() {
			r := o.replicas[random.IntN(len(o.replicas))]
			r.signal(t, syscall.SIGSTOP)
			pause(2 * time.Second)
			r.signal(t, syscall.SIGCONT)
		},
	}
	happened := make([]int, len(faults))
	for began := time.Now(); time.Since(began) < *soakFlag; pause(time.Second) {
		i := random.IntN(len(faults))
		happened[i]++
		faults[i]()
	}
	time.Sleep(time.Second)
	for _, s := range o.storms {
		s.origin.Store(nil) // rest
	}
	var goroutines []int
	for _, r := range o.replicas {
		goroutines = append(goroutines, atRest(t, r))
	}
	o.judge(t, "soak", fmt.Sprintf("lasts=%v faults=%d goroutines_at_rest=%d", *soakFlag, sum(happened), slices.Max(goroutines)))
}

func sum(all []int) (n int) {
	for _, one := range all {
		n += one
	}
	return n
}

// restingMax is how many goroutines a gateway that serves nobody has at most: those of the table in ARCHITECTURE.md, of the
// runtime, and of connections that wait to be used again.
const restingMax = 150

// atRest waits until nothing of what ran is left, and gives how many goroutines are.
func atRest(t *testing.T, c *child) (n int) {
	t.Helper()
	eventually(t, "few goroutines at rest", 60*time.Second, func() bool {
		n = goroutinesOf(t, c)
		return n > 0 && n < restingMax
	})
	return n
}

func goroutinesOf(t *testing.T, c *child) (n int) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), "GET", c.admin+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+adminToken)
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
		if strings.HasPrefix(scan.Text(), "go_goroutines ") {
			fmt.Sscanf(scan.Text(), "go_goroutines %d", &n)
		}
	}
	return n
}
