package main_test

import (
	"bufio"
	"encoding/json"
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

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

// asked is what a client remembers of one request. Its input tokens are unlike those of any other, so that
// an event can be told by them.
type asked struct {
	account       string
	input, output int64
	eventID       string // X-Tollgate-Request-Id; "" if no header came
	ended         bool   // the unit that ends the response came whole: its usage must be in the ledger
}

// client asks one account's gateway for answers of all kinds. It is used by one goroutine.
type client struct {
	account, key string
	random       *rand.Rand
	serial       *atomic.Int64
	// kind says what it asks for.
	kind kind
}

type kind int

const (
	ofAllKinds kind = iota
	slowly          // streams that outlast a round
	volleys         // JSON, as fast as it comes, in the moments before the kill
)

// shapes are the requests that it makes.
var shapes = []struct {
	path   string
	body   string // without its opening brace
	stream bool
	end    string // what the event that ends a stream has in it
}{
	{"/v1/chat/completions", `"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}],"max_tokens":40`, false, ""},
	{"/v1/chat/completions", `"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}],"max_tokens":40,"stream":true`, true, `"finish_reason":"stop"`},
	{"/v1/chat/completions", `"model":"gpt-4o","messages":[{"role":"user","content":"hello"}],"max_tokens":40,"stream":true,"stream_options":{"include_usage":true}`, true, `"finish_reason":"stop"`},
	{"/v1/completions", `"model":"gpt-3.5-turbo-instruct","prompt":"hello","max_tokens":40,"stream":true`, true, `"finish_reason":"stop"`},
	{"/v1/responses", `"model":"gpt-4.1","input":"hello","max_output_tokens":40,"stream":true`, true, `"response.completed"`},
	{"/v1/embeddings", `"model":"text-embedding-3-small","input":"hello","dimensions":16`, false, ""},
}

// ask makes one request.
func (c *client) ask(t *testing.T, origin string) asked {
	a := asked{account: c.account, input: 1_000_000 + c.serial.Add(1), output: 1 + c.random.Int64N(30)}
	s := proxytest.Script{Input: a.input, Output: a.output, Chunks: 1 + c.random.IntN(12)}
	shape := shapes[0]
	switch c.kind {
	case ofAllKinds:
		shape = shapes[c.random.IntN(len(shapes))]
		s.Pace, s.DelayMS = 1+c.random.IntN(4), c.random.IntN(15)
	case slowly:
		shape = shapes[1]
		s.Chunks, s.Pace = 100, 40
	}
	if shape.path == "/v1/embeddings" {
		a.output = 0
	}
	script, err := json.Marshal(s)
	if err != nil {
		t.Error(err)
		return a
	}
	resp, err := crowd.Do(request(t, origin+shape.path, c.key, "{"+shape.body+`,"proxytest":`+string(script)+"}"))
	if err != nil {
		return a
	}
	defer resp.Body.Close()
	a.eventID = resp.Header.Get("X-Tollgate-Request-Id")
	switch {
	case !shape.stream:
		a.ended = sawWhole(resp)
	case resp.StatusCode == http.StatusOK:
		a.ended = sawEnd(resp.Body, shape.end)
	}
	return a
}

// sawWhole says whether a JSON answer came to its end.
func sawWhole(resp *http.Response) bool {
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode == http.StatusOK && err == nil && json.Valid(body)
}

// sawEnd says whether the line with that mark came with its newline.
func sawEnd(body io.Reader, mark string) (ended bool) {
	for lines := bufio.NewReader(body); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			return ended
		}
		ended = ended || strings.HasPrefix(line, "data: ") && strings.Contains(line, mark)
	}
}

// storm is clients that ask until they are told to stop.
type storm struct {
	t *testing.T
	// origin is the running gateway; nil while there is none. volley lets those shoot that wait for the kill.
	origin atomic.Pointer[string]
	volley atomic.Bool
	stop   chan struct{}
	group  sync.WaitGroup
	lock   sync.Mutex
	asked  []asked
}

func newStorm(t *testing.T, clients []*client) *storm {
	s := &storm{t: t, stop: make(chan struct{})}
	for _, c := range clients {
		s.group.Go(func() { s.run(c) })
	}
	return s
}

func (s *storm) run(c *client) {
	for {
		select {
		case <-s.stop:
			return
		default:
		}
		origin := s.origin.Load()
		if origin == nil || c.kind == volleys && !s.volley.Load() {
			time.Sleep(2 * time.Millisecond)
			continue
		}
		a := c.ask(s.t, *origin)
		s.lock.Lock()
		s.asked = append(s.asked, a)
		s.lock.Unlock()
		if !a.ended {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// end waits for the clients and gives what they remember.
func (s *storm) end() []asked {
	close(s.stop)
	s.group.Wait()
	return s.asked
}

// books compares what clients remember and what the provider answered with the ledger.
type books struct {
	answered, events, interrupted, lost, dup, unexplained, wrong int
}

func compare(t *testing.T, remembered []asked, witness []proxytest.Answer, events []accounting.Event) (b books) {
	t.Helper()
	answers := map[int64]proxytest.Answer{}
	for _, w := range witness {
		answers[w.Input] = w
	}
	byID, byInput := map[string]accounting.Event{}, map[int64]string{}
	for _, e := range events {
		b.events++
		if _, twice := byID[e.ID]; twice {
			b.dup++
			t.Errorf("event %s is there twice", e.ID)
		}
		byID[e.ID] = e
		if e.Outcome == accounting.Interrupted && e.Measured == accounting.ByEstimate {
			b.interrupted++
			continue
		}
		if other, twice := byInput[e.Tokens.Input]; twice {
			b.dup++
			t.Errorf("events %s and %s are of one answer", e.ID, other)
		}
		byInput[e.Tokens.Input] = e.ID
		if w, ok := answers[e.Tokens.Input]; !ok || w.Output != e.Tokens.Output {
			b.unexplained++
			t.Errorf("event %s has %+v tokens; the provider's answer was %+v", e.ID, e.Tokens, w)
		}
	}
	for _, a := range remembered {
		if !a.ended {
			continue
		}
		b.answered++
		e, ok := byID[a.eventID]
		switch {
		case !ok:
			b.lost++
			t.Errorf("event %q of a response that ended is lost (%d input tokens)", a.eventID, a.input)
		case e.Account != a.account || e.Measured != accounting.ByProvider || e.Tokens.Input != a.input || e.Tokens.Output != a.output:
			b.wrong++
			t.Errorf("event %+v is wrong: want account %s, %d input and %d output tokens by the provider", e, a.account, a.input, a.output)
		}
	}
	return b
}

var roundsFlag = flag.Int("rounds", 50, "how often TestKillStorm kills the gateway")

// TestKillStorm kills the gateway again and again under load, every fourth time once more while it recovers.
func TestKillStorm(t *testing.T) {
	rounds := *roundsFlag
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	provider, origin := newProvider(t)
	dir := t.TempDir()
	yaml := settings(dir+"/data", origin, "")

	gateway := begin(t, dir, yaml)
	var clients []*client
	var serial atomic.Int64
	accounts := []string{"one", "two", "three"}
	for i, account := range accounts {
		key := gateway.account(t, account, 200_000_000, nil) // used up on the way, so that both pools pay
		gateway.purchase(t, account, "r", 1_000_000_000_000)
		for j, k := range []kind{ofAllKinds, ofAllKinds, ofAllKinds, ofAllKinds, slowly, volleys, volleys, volleys, volleys, volleys, volleys} {
			clients = append(clients, &client{account, key, rand.New(rand.NewPCG(seed, uint64(1+100*i+j))), &serial, k})
		}
	}
	s := newStorm(t, clients)
	recoveries := 0
	for round := range rounds {
		s.origin.Store(&gateway.data)
		life := time.Duration(150+random.IntN(450)) * time.Millisecond
		if round%10 == 5 {
			life += 1500 * time.Millisecond // the journal then knows of requests that still run
		}
		time.Sleep(life)
		s.volley.Store(true)
		time.Sleep(time.Duration(5+random.IntN(25)) * time.Millisecond)
		gateway.kill(t)
		s.volley.Store(false)
		s.origin.Store(nil)
		if round%4 == 3 {
			again, _ := launch(t, dir, yaml)
			time.Sleep(time.Duration(random.IntN(120)) * time.Millisecond)
			again.kill(t)
			recoveries++
		}
		gateway = begin(t, dir, yaml)
	}
	remembered := s.end()

	var events []accounting.Event
	for _, account := range accounts {
		own := gateway.events(t, account)
		gateway.audit(t, account, own)
		events = append(events, own...)
	}
	b := compare(t, remembered, provider.Answered(), events)
	if b.answered < 10*rounds {
		t.Errorf("only %d responses ended: that is no load", b.answered)
	}
	if b.interrupted == 0 {
		t.Error("no event of a request in which the gateway died")
	}
	if b.events > len(remembered) {
		t.Errorf("%d events of %d requests", b.events, len(remembered))
	}
	fmt.Printf("FAULT kill-9-storm rounds=%d during_recovery=%d requests=%d answered=%d events=%d interrupted=%d lost=%d dup=%d unexplained=%d wrong=%d seed=%d %s\n",
		rounds, recoveries, len(remembered), b.answered, b.events, b.interrupted, b.lost, b.dup, b.unexplained, b.wrong, seed, verdict(t))
	gateway.stop(t)
}

// running starts streams and returns when each has begun; wait gives what became of them.
func running(t *testing.T, gateway *child, key string, n, chunks, pace int) (wait func() []asked) {
	t.Helper()
	var group, begun sync.WaitGroup
	all := make([]asked, n)
	for i := range n {
		begun.Add(1)
		group.Go(func() {
			first := sync.OnceFunc(begun.Done)
			defer first()
			a := &all[i]
			a.input, a.output = 2_000_000+int64(i), 7
			body := fmt.Sprintf(`{"model":"gpt-4o-mini","stream":true,"max_tokens":40,"messages":[{"role":"user","content":"hello"}],"proxytest":{"input":%d,"output":%d,"chunks":%d,"pace":%d}}`, a.input, a.output, chunks, pace)
			resp, err := crowd.Do(request(t, gateway.data+"/v1/chat/completions", key, body))
			if err != nil {
				return
			}
			defer resp.Body.Close()
			a.eventID = resp.Header.Get("X-Tollgate-Request-Id")
			head := make([]byte, 6)
			if _, err := io.ReadFull(resp.Body, head); err != nil {
				return
			}
			first()
			rest, err := io.ReadAll(resp.Body)
			a.ended = err == nil && strings.HasSuffix(string(rest), "data: [DONE]\n\n")
		})
	}
	begun.Wait()
	return func() []asked { group.Wait(); return all }
}

func TestSIGTERMLetsStreamsEnd(t *testing.T) {
	provider, origin := newProvider(t)
	dir := t.TempDir()
	yaml := settings(dir+"/data", origin, "")
	gateway := begin(t, dir, yaml)
	key := gateway.account(t, "acme", 1_000_000_000, nil)
	wait := running(t, gateway, key, 20, 30, 50)

	gateway.signal(t, syscall.SIGTERM)
	refused := notReady(t, gateway)
	streams := wait()
	err := gateway.wait(t, 30*time.Second)
	if err != nil {
		t.Errorf("SIGTERM ended the gateway with %v, want status 0", err)
	}
	whole := 0
	for i := range streams {
		streams[i].account = "acme"
		if streams[i].ended {
			whole++
		}
	}
	if whole != 20 {
		t.Errorf("%d of 20 streams ended whole", whole)
	}
	gateway = begin(t, dir, yaml)
	b := compare(t, streams, provider.Answered(), gateway.events(t, "acme"))
	fmt.Printf("FAULT sigterm streams=20 whole=%d readyz_503=%v exit=%v lost=%d dup=%d %s\n", whole, refused, err, b.lost, b.dup, verdict(t))
	gateway.stop(t)
}

// notReady says whether the admin plane told of the stop while the streams ran.
func notReady(t *testing.T, gateway *child) bool {
	t.Helper()
	for range 50 {
		resp, err := http.Get(gateway.admin + "/readyz")
		if err != nil {
			t.Errorf("the admin plane is gone before the streams are: %v", err)
			return false
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusServiceUnavailable {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("/readyz does not turn 503")
	return false
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	provider, origin := newProvider(t)
	dir := t.TempDir()
	yaml := settings(dir+"/data", origin, "")
	gateway := begin(t, dir, yaml)
	key := gateway.account(t, "acme", 1_000_000_000, nil)
	var serial atomic.Int64
	c := &client{"acme", key, rand.New(rand.NewPCG(1, 1)), &serial, ofAllKinds}
	var remembered []asked
	wait := running(t, gateway, key, 20, 40, 500)
	for range 30 {
		remembered = append(remembered, c.ask(t, gateway.data))
	}
	gateway.signal(t, syscall.SIGTERM)
	notReady(t, gateway)
	time.Sleep(200 * time.Millisecond) // two signals at once are one
	start := time.Now()
	gateway.signal(t, syscall.SIGTERM)
	err := gateway.wait(t, 10*time.Second)
	took := time.Since(start)
	if err == nil {
		t.Error("the second signal ended the gateway as if clean")
	}
	wait()
	gateway = begin(t, dir, yaml)
	b := compare(t, remembered, provider.Answered(), gateway.events(t, "acme"))
	if b.answered != 30 {
		t.Errorf("%d of 30 requests were answered", b.answered)
	}
	fmt.Printf("FAULT second-signal took=%v answered=%d lost=%d dup=%d %s\n", took.Round(time.Millisecond), b.answered, b.lost, b.dup, verdict(t))
	gateway.stop(t)
}
