package main_test

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tollgate/tollgate/deploy/deploytest"
)

// slowFlag is how many clients are slow. What is timed beside other tests would prove nothing, so only 2,000 or more
// hold the good ones to twice their time.
var slowFlag = flag.Int("slow", 300, "how many clients TestSlowClients has that hold connections up")

// residentMost is how much memory a slow client may cost the gateway: a connection's buffers and goroutines.
const residentMost = 100 << 10

// TestSlowClients has clients send headers and bodies byte by byte, or not read what they asked for, each again as soon
// as it is cut, beside good ones.
func TestSlowClients(t *testing.T) {
	_, origin := newProvider(t)
	dir := t.TempDir()
	c := begin(t, dir, settings(dir+"/data", origin, "header_timeout: 5s\nbody_timeout: 5s\n"))
	key := c.account(t, "acme", 1<<40, nil)
	host := strings.TrimPrefix(c.data, "http://")
	good := func() time.Duration {
		var lock sync.Mutex
		var all []time.Duration
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				for range 150 {
					began := time.Now()
					if got := status(t, c.data, key, 10); got != http.StatusOK {
						t.Errorf("a good client's request: %d", got)
					}
					lock.Lock()
					all = append(all, time.Since(began))
					lock.Unlock()
					time.Sleep(10 * time.Millisecond)
				}
			})
		}
		workers.Wait()
		slices.Sort(all)
		return all[len(all)*99/100]
	}
	good()
	alone, before := good(), resident(t, c)

	stop, cuts := make(chan struct{}), atomic.Int64{}
	var slow sync.WaitGroup
	for n := range *slowFlag {
		slow.Go(func() {
			time.Sleep(time.Duration(n) * 5 * time.Second / time.Duration(*slowFlag)) // they are not in step
			for hold(host, key, n, stop) {
				cuts.Add(1)
			}
		})
	}
	time.Sleep(6 * time.Second) // all are there, and some again
	beside, grown := good(), resident(t, c)-before
	time.Sleep(4 * time.Second)
	close(stop)
	slow.Wait()
	if *slowFlag >= 2000 && beside > 2*alone+10*time.Millisecond {
		t.Errorf("good clients' p99: %v alone, %v beside the slow ones", alone, beside)
	}
	if limit := int64(*slowFlag)*residentMost + 64<<20; !raced && grown > limit {
		t.Errorf("the gateway grew by %d bytes, want at most %d", grown, limit)
	}
	if cuts.Load() == 0 {
		t.Error("no slow client was cut")
	}
	fmt.Printf("FAULT slow-clients slow=%d cut=%d good_p99_alone_ms=%.1f good_p99_beside_ms=%.1f grown_mib=%d %s\n",
		*slowFlag, cuts.Load(), ms(alone), ms(beside), grown>>20, verdict(t))
	eventually(t, "nothing is held", 20*time.Second, func() bool { return c.tokens(t, "acme").Held == 0 })
	c.stop(t)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// hold holds a connection up until it is cut; false: until it should stop.
func hold(host, key string, n int, stop <-chan struct{}) bool {
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return false
	}
	defer conn.Close()
	const answer = `{"model":"gpt-4o-mini","stream":true,"max_tokens":5,"messages":[],"proxytest":{"input":9,"output":1,"size":200000}}`
	drip, head := "x", "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer "+key+"\r\n"
	switch n % 3 {
	case 0:
		head += "X-Slow: "
	case 1:
		head += "Content-Length: 1000\r\n\r\n"
	case 2: // does not read
		head, drip = head+fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(answer), answer), "\r\n"
	}
	if _, err := io.WriteString(conn, head); err != nil {
		return true
	}
	for {
		select {
		case <-stop:
			return false
		case <-time.After(time.Second):
		}
		if _, err := io.WriteString(conn, drip); err != nil {
			return true
		}
	}
}

// resident is the gateway's memory, in bytes.
func resident(t *testing.T, c *child) (size int64) {
	t.Helper()
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.cmd.Process.Pid))
	if err != nil {
		deploytest.Missing(t, err)
	}
	for line := range strings.Lines(string(content)) {
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &size); err == nil {
			return size << 10
		}
	}
	t.Fatalf("no VmRSS in %s", content)
	return 0
}
