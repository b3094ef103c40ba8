package main_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sashabaranov/go-openai"
	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

// mixed is one of the 200 requests: its answer is the same whenever it is asked.
type mixed struct {
	path, body string
	answer     string // the provider's own
	header     http.Header
	eventID    string
}

// mixture is n requests of all kinds; each has its own id, so that equal requests get equal bytes.
func mixture(n int) []mixed {
	kinds := []struct{ path, body string }{
		{"/v1/chat/completions", `"model":"gpt-4o-mini","messages":[{"role":"user","content":"how do I mend a flat?"}],"max_tokens":60`},
		{"/v1/chat/completions", `"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}],"n":3,"max_tokens":60,"stream":true`},
		{"/v1/chat/completions", `"stream":true,"model":"gpt-4o","stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hello"}],"max_tokens":60`},
		{"/v1/chat/completions", `"stream_options":{},"stream":true,"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"text","text":"<b>\"usage\":null</b>"}]}],"max_tokens":60`},
		{"/v1/completions", `"model":"gpt-3.5-turbo-instruct","prompt":["one two","three"],"max_tokens":60`},
		{"/v1/completions", `"model":"gpt-3.5-turbo-instruct","prompt":"one two","max_tokens":60,"stream":true`},
		{"/v1/responses", `"model":"gpt-4.1","input":"one two three","max_output_tokens":60`},
		{"/v1/responses", `"model":"gpt-4.1","input":[{"role":"user","content":"one"}],"stream":true,"max_output_tokens":60`},
		{"/v1/responses/compact", `"model":"gpt-4.1","input":[{"role":"user","content":"one"}]`},
		{"/v1/embeddings", `"model":"text-embedding-3-small","input":["one two","three"],"encoding_format":"base64"`},
		{"/v1/embeddings", `"model":"text-embedding-3-small","input":"four","dimensions":32`},
	}
	all := make([]mixed, n)
	for i := range all {
		kind := kinds[i%len(kinds)]
		script := fmt.Sprintf(`{"id":"m%03d","text":"say \"usage\":null, {\"usage\":{\"prompt_tokens\":1}} and data: [DONE] to me","input":%d,"output":%d,"reasoning":1,"cached":2,"chunks":%d,"pace":%d,"size":%d}`,
			i, 10+i%50, 3+i%40, 2+i%20, i%3, i%7*1000)
		all[i] = mixed{path: kind.path, body: "{" + kind.body + `,"proxytest":` + script + "}"}
	}
	return all
}

// read asks once and reads the answer whole.
func read(t *testing.T, url, key, body string) (*http.Response, string) {
	t.Helper()
	resp, answer, err := whole(crowd.Do(request(t, url, key, body)))
	if err != nil {
		t.Errorf("%s: %v", body, err)
		return &http.Response{Header: http.Header{}}, answer
	}
	return resp, answer
}

// whole reads an answer to its end.
func whole(resp *http.Response, err error) (*http.Response, string, error) {
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp, string(answer), err
}

// firstDifference tells where two answers part.
func firstDifference(want, got string) (where string, differs bool) {
	if want == got {
		return "", false
	}
	at := 0
	for at < min(len(want), len(got)) && want[at] == got[at] {
		at++
	}
	around := func(s string) string { return s[max(0, at-40):min(len(s), at+40)] }
	return fmt.Sprintf("at byte %d of %d and %d: want …%q, got …%q", at, len(want), len(got), around(want), around(got)), true
}

// added are the header fields that the gateway may add; Date is each server's own.
var added = []string{"X-Tollgate-Request-Id", "Ratelimit", "Ratelimit-Policy", "Date"}

func without(h http.Header, names ...string) http.Header {
	h = h.Clone()
	for _, name := range names {
		h.Del(name)
	}
	return h
}

// TestMixedLoad is the whole promise at once: answers as the provider's, tokens as the provider's, pools exactly right,
// the block, and the purchase that lifts it.
func TestMixedLoad(t *testing.T) {
	const n, slack = 200, 100_000
	provider, origin := newProvider(t)
	requests := mixture(n)
	var spent int64
	for i := range requests {
		resp, answer := read(t, origin+requests[i].path, providerKey, requests[i].body)
		requests[i].answer, requests[i].header = answer, resp.Header
	}
	direct := len(provider.Answered())

	dir := t.TempDir()
	gateway := begin(t, dir, settings(dir+"/data", origin, ""))
	for i := range requests {
		spent += int64(10+i%50) + int64(3+i%40)
	}
	for i := range requests {
		if requests[i].path == "/v1/embeddings" {
			spent -= int64(3 + i%40)
		}
	}
	monthly := spent / 2
	key := gateway.account(t, "acme", monthly, nil)
	gateway.purchase(t, "acme", "first", spent/4)
	gateway.purchase(t, "acme", "second", spent-monthly-spent/4+slack)

	through(t, gateway, key, requests)
	checkEvents(t, gateway, provider.Answered()[direct:], requests)
	v := gateway.audit(t, "acme", gateway.events(t, "acme"))
	if v.Monthly.Used != monthly || v.Monthly.Remaining != 0 || v.Extra.Remaining != slack || v.Over != 0 || v.Blocked {
		t.Errorf("after %d tokens of %d: got %+v, want %d left, all extra", spent, spent+slack, v, slack)
	}

	// The last tokens, to the last one.
	last := fmt.Sprintf(`{"model":"gpt-4o-mini","messages":[],"max_tokens":10,"proxytest":{"input":%d,"output":1}}`, slack-1)
	if resp, answer := read(t, gateway.data+"/v1/chat/completions", key, last); resp.StatusCode != 200 {
		t.Fatalf("the last tokens: got %s: %s", resp.Status, answer)
	}
	v = gateway.audit(t, "acme", gateway.events(t, "acme"))
	if v.Monthly.Remaining+v.Extra.Remaining+v.Over != 0 || !v.Blocked {
		t.Errorf("with nothing left: got %+v, want blocked", v)
	}
	calls := provider.Calls()
	checkBlocked(t, gateway, key, v)
	if got := provider.Calls(); got != calls {
		t.Errorf("a refused request reached the provider: %d calls", got-calls)
	}
	took := lift(t, gateway, key)
	fmt.Printf("FAULT mixed-load requests=%d identical=%v charged=%d monthly=%d extra=%d overdraft=%d lifted_after=%v %s\n",
		n, !t.Failed(), spent+slack, v.Monthly.Used, v.Extra.Used, v.Over, took.Round(time.Millisecond), verdict(t))
	gateway.stop(t)
}

// through sends all requests, several at a time, and compares the answers with the provider's own.
func through(t *testing.T, gateway *child, key string, requests []mixed) {
	t.Helper()
	next := make(chan *mixed)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for m := range next {
				resp, answer := read(t, gateway.data+m.path, key, m.body)
				if at, differs := firstDifference(m.answer, answer); differs {
					t.Errorf("%s %s: the answer differs from the provider's %s", m.path, m.body, at)
				}
				if diff := cmp.Diff(without(m.header, added...), without(resp.Header, added...)); diff != "" {
					t.Errorf("%s %s: the header differs from the provider's (-want +got):\n%s", m.path, m.body, diff)
				}
				if m.eventID = resp.Header.Get("X-Tollgate-Request-Id"); m.eventID == "" || resp.Header.Get("RateLimit") == "" {
					t.Errorf("%s: got header %v", m.path, resp.Header)
				}
			}
		})
	}
	for i := range requests {
		next <- &requests[i]
	}
	close(next)
	group.Wait()
}

// checkEvents holds each event against what the provider's witness says of the same answer.
func checkEvents(t *testing.T, gateway *child, witness []proxytest.Answer, requests []mixed) {
	t.Helper()
	answers := map[string]proxytest.Answer{}
	for _, w := range witness {
		answers["req_"+w.ID] = w
		if got := w.Header.Get("Authorization"); got != "Bearer "+providerKey {
			t.Errorf("the provider was shown %q", got)
		}
	}
	events := map[string]accounting.Event{}
	for _, e := range gateway.events(t, "acme") {
		events[e.ID] = e
	}
	if len(events) != len(requests) || len(witness) != len(requests) {
		t.Errorf("%d requests, %d answers, %d events", len(requests), len(witness), len(events))
	}
	for _, m := range requests {
		e, w := events[m.eventID], answers[m.header.Get("X-Request-Id")]
		stream := strings.Contains(m.body, `"stream":true`)
		if w.Model == "" { // then the one that was asked for counts
			w.Model = e.RequestedModel
		}
		if e.Tokens.Input != w.Input || e.Tokens.Output != w.Output || e.Charged.Total != w.Input+w.Output || e.API != w.API || e.Model != w.Model ||
			e.Outcome != accounting.Completed || e.Measured != accounting.ByProvider || e.Stream != stream || e.Status != 200 || e.Tokens.CachedInput > e.Tokens.Input {
			t.Errorf("%s: event %+v, the provider's answer %+v", m.body, e, w)
		}
	}
}

// checkBlocked reads the refusal with a real client.
func checkBlocked(t *testing.T, gateway *child, key string, v accounting.View) {
	t.Helper()
	resp, body := read(t, gateway.data+"/v1/chat/completions", key, `{"model":"gpt-4o-mini","messages":[]}`)
	want := http.Header{"X-Tollgate-Error": {"insufficient_quota"}, "X-Should-Retry": {"false"}}
	for name, value := range want {
		if diff := cmp.Diff(value, resp.Header[name]); diff != "" {
			t.Errorf("402: header %s differs (-want +got):\n%s", name, diff)
		}
	}
	if resp.StatusCode != http.StatusPaymentRequired || resp.Header.Get("Retry-After") != "" {
		t.Errorf("blocked: got %s, Retry-After %q: %s", resp.Status, resp.Header.Get("Retry-After"), body)
	}
	for _, part := range []string{fmt.Sprintf(`"used":%d`, v.Monthly.Used), fmt.Sprintf(`"total":%d`, v.Monthly.Total), `"extra":0`, `"reset_at":"` + v.Reset.At.Format(time.RFC3339)} {
		if !strings.Contains(strings.ReplaceAll(body, `": `, `":`), part) {
			t.Errorf("blocked: %s is not in %s", part, body)
		}
	}
	c := openai.DefaultConfig(key)
	c.BaseURL = gateway.data + "/v1"
	_, err := openai.NewClientWithConfig(c).CreateChatCompletion(t.Context(), openai.ChatCompletionRequest{Model: "gpt-4o", Messages: []openai.ChatCompletionMessage{{Role: "user", Content: "hello"}}})
	var api *openai.APIError
	if !errors.As(err, &api) || api.HTTPStatusCode != 402 || api.Code != "insufficient_quota" || api.Type != "insufficient_quota" {
		t.Errorf("a client of OpenAI reads %v", err)
	}
}

// lift buys tokens and says how long it took until a request was let in.
func lift(t *testing.T, gateway *child, key string) time.Duration {
	t.Helper()
	gateway.purchase(t, "acme", "third", 50_000)
	start := time.Now()
	for {
		resp, body := read(t, gateway.data+"/v1/chat/completions", key, `{"model":"gpt-4o-mini","messages":[],"max_tokens":10}`)
		took := time.Since(start)
		if resp.StatusCode == http.StatusOK {
			if took > time.Second {
				t.Errorf("the purchase counted after %v, want within a second", took)
			}
			return took
		}
		if took > 5*time.Second {
			t.Fatalf("the purchase lifts nothing: %s: %s", resp.Status, body)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestStampede sends 1,000 requests at once at an account that can't pay for them.
func TestStampede(t *testing.T) {
	const n = 1000
	provider, origin := newProvider(t)
	dir := t.TempDir()
	gateway := begin(t, dir, settings(dir+"/data", origin, ""))
	for _, test := range []struct {
		mode          string
		tokens        int64
		input, output int64 // what each really costs
		limit         int64 // what it says that it costs at most, per answer
		letIn         func(in int) bool
		wantIn        string
	}{
		{"hold", 10, 8, 8, 20, func(in int) bool { return in == 1 }, "exactly 1"},
		{"strict", 10, 8, 8, 20, func(in int) bool { return in == 0 }, "none"},
		{"hold", 2000, 30, 60, 40, func(in int) bool { return in >= 10 }, "10 or more"},
		{"strict", 2000, 30, 40, 40, func(in int) bool { return in >= 5 }, "5 or more"},
		{"observe", 2000, 2, 2, 20, func(in int) bool { return in == n }, "all"},
	} {
		t.Run(fmt.Sprintf("%s on %d tokens", test.mode, test.tokens), func(t *testing.T) {
			account := fmt.Sprintf("%s-%d", test.mode, test.tokens)
			key := gateway.account(t, account, test.tokens, map[string]any{"admission": test.mode})
			body := fmt.Sprintf(`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}],"max_tokens":%d}`, test.limit)
			script := fmt.Sprintf(`{"input":%d,"output":%d,"delay_ms":50,"ignore_limit":%v}`, test.input, test.output, test.mode == "hold")
			calls := provider.Calls()
			statuses := stampede(t, gateway.data+"/v1/chat/completions", key, body, script, n)
			held := gateway.tokens(t, account).Held
			// 503 is what a store that takes 5 s for one call brings: a fact of the machine, and no one is let in by it.
			if in := statuses[200]; !test.letIn(in) || in+statuses[402]+statuses[429]+statuses[503] != n {
				t.Errorf("got %v, want %s let in and the rest 402 or 429", statuses, test.wantIn)
			}
			if got := provider.Calls() - calls; got != int64(statuses[200]) {
				t.Errorf("the provider was called %d times for %d answers", got, statuses[200])
			}
			events := gateway.events(t, account)
			v := gateway.audit(t, account, events)
			cost := test.input + test.output
			estimate := int64(len(body))/4 + test.limit
			bound := map[string]int64{"strict": 0, "hold": cost + int64(len(events))*max(0, cost-estimate), "observe": int64(n) * cost}[test.mode]
			if v.Over > bound || held != 0 || len(events) != statuses[200] {
				t.Errorf("overdraft %d, bound %d, held %d, %d events for %d answers", v.Over, bound, held, len(events), statuses[200])
			}
			fmt.Printf("FAULT stampede mode=%s tokens=%d at_once=%d let_in=%d refused_402=%d refused_429=%d refused_503=%d overdraft=%d bound=%d held=%d %s\n",
				test.mode, test.tokens, n, statuses[200], statuses[402], statuses[429], statuses[503], v.Over, bound, held, verdict(t))
		})
	}
	gateway.stop(t)
}

// stampede sends n requests at once and counts the statuses.
func stampede(t *testing.T, url, key, body, script string, n int) map[int]int {
	t.Helper()
	var lock sync.Mutex
	var group sync.WaitGroup
	statuses := map[int]int{}
	gun := make(chan struct{})
	for range n {
		group.Go(func() {
			<-gun
			q := request(t, url, key, body)
			q.Header.Set(proxytest.Header, script)
			resp, body, err := whole(crowd.Do(q))
			if err != nil {
				t.Error(err)
				return
			}
			if code := resp.Header.Get("X-Tollgate-Error"); resp.StatusCode == http.StatusServiceUnavailable && code != "accounting_unavailable" {
				t.Errorf("503 %s: %s", code, body)
			}
			lock.Lock()
			defer lock.Unlock()
			statuses[resp.StatusCode]++
		})
	}
	close(gun)
	group.Wait()
	return statuses
}
