package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

// TestOutcomes ends requests in every way but the good one: each is charged, once, and marked as what it is.
func TestOutcomes(t *testing.T) {
	_, origin := newProvider(t)
	dir := t.TempDir()
	yaml := strings.Replace(settings(dir+"/data", origin, ""), "base_url:", "drain_for: 1s, base_url:", 1)
	gateway := begin(t, dir, yaml)

	const (
		stream = `"stream":true,`
		chunks = 30
	)
	tests := []struct {
		name   string
		ask    string // how the request differs from a plain chat
		script proxytest.Script
		// leave: the client goes after its first bytes, or after this long without any.
		leave    time.Duration
		outcome  accounting.Outcome
		measured accounting.Measured
		whole    bool // the client gets the answer to its end
		within   time.Duration
	}{
		{"client gone in a stream, the provider goes on", stream, proxytest.Script{Pace: 10}, time.Minute, accounting.ClientClosed, accounting.ByProvider, false, 2 * time.Second},
		{"client gone before a JSON answer", "", proxytest.Script{DelayMS: 500}, 100 * time.Millisecond, accounting.ClientClosed, accounting.ByProvider, false, 2 * time.Second},
		{"client gone before a stream", stream, proxytest.Script{DelayMS: 500}, 100 * time.Millisecond, accounting.ClientClosed, accounting.ByProvider, false, 2 * time.Second},
		{"client gone, then the provider stalls", stream, proxytest.Script{StallAfter: new(5)}, time.Minute, accounting.ClientClosed, accounting.ByEstimate, false, 3 * time.Second},
		{"client gone, then the provider breaks off", stream, proxytest.Script{Pace: 20, BreakAfter: new(15)}, time.Minute, "", accounting.ByEstimate, false, 3 * time.Second},
		{"provider broken off in a stream", stream, proxytest.Script{BreakAfter: new(5)}, 0, accounting.UpstreamBroken, accounting.ByEstimate, false, time.Second},
		{"provider broken off in a JSON answer", "", proxytest.Script{BreakAfter: new(1)}, 0, accounting.UpstreamBroken, accounting.ByEstimate, false, time.Second},
		{"provider broken off after its usage", `"stream_options":{"include_usage":true},` + stream, proxytest.Script{BreakAfter: new(chunks + 3)}, 0, "", accounting.ByProvider, false, time.Second},
		{"stream without usage", stream, proxytest.Script{NoUsage: true}, 0, accounting.Completed, accounting.ByEstimate, true, time.Second},
		{"JSON answer without usage", "", proxytest.Script{NoUsage: true}, 0, accounting.Completed, accounting.ByEstimate, true, time.Second},
		{"usage comes late", stream, proxytest.Script{LateUsageMS: 600}, 0, accounting.Completed, accounting.ByProvider, true, time.Second},
		{"usage comes too late", stream, proxytest.Script{LateUsageMS: 4000}, 0, accounting.Completed, accounting.ByEstimate, true, time.Second},
		{"usage twice, then null", stream, proxytest.Script{UsageTwice: true, NullAfter: true}, 0, accounting.Completed, accounting.ByProvider, true, time.Second},
		{"compressed unasked", "", proxytest.Script{Gzip: true}, 0, accounting.Completed, accounting.ByProvider, true, time.Second},
		{"lines end with CRLF", stream, proxytest.Script{CRLF: true}, 0, accounting.Completed, accounting.ByProvider, true, time.Second},
		{"length of a stream announced", stream, proxytest.Script{ContentLength: true}, 0, accounting.Completed, accounting.ByProvider, true, time.Second},
	}
	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			account := fmt.Sprintf("case-%02d", i)
			key := gateway.account(t, account, 1_000_000, nil)
			s := test.script
			s.ID, s.Input, s.Output, s.Chunks = account, 5000+int64(i), 70+int64(i), chunks
			script, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			body := fmt.Sprintf(`{"model":"gpt-4o-mini",%s"messages":[{"role":"user","content":"hello"}],"max_tokens":100,"proxytest":%s}`, test.ask, script)
			answer, whole := leaveAfter(t, gateway.data+"/v1/chat/completions", key, body, test.leave)
			left := time.Now()
			e := theEvent(t, gateway, account, test.within)
			took := time.Since(left)
			if whole != test.whole {
				t.Errorf("the answer of %d bytes is whole: %v, want %v", len(answer), whole, test.whole)
			}
			if test.outcome != "" && e.Outcome != test.outcome || e.Measured != test.measured {
				t.Errorf("got %s, %s, want %s, %s", e.Outcome, e.Measured, test.outcome, test.measured)
			}
			if e.Measured == accounting.ByProvider && (e.Tokens.Input != s.Input || e.Tokens.Output != s.Output) {
				t.Errorf("got %+v, want %d and %d", e.Tokens, s.Input, s.Output)
			}
			if e.Charged.Total <= 0 || e.Charged.Total != e.Tokens.Total {
				t.Errorf("charged %+v for %+v", e.Charged, e.Tokens)
			}
			if test.whole {
				_, want := read(t, origin+"/v1/chat/completions", providerKey, body)
				if at, differs := firstDifference(want, answer); differs {
					t.Errorf("the answer differs from the provider's %s", at)
				}
			}
			gateway.audit(t, account, []accounting.Event{e})
			fmt.Printf("FAULT outcome case=%q outcome=%s measured=%s charged=%d settled_after=%v %s\n", test.name, e.Outcome, e.Measured, e.Charged.Total, took.Round(time.Millisecond), verdict(t))
		})
	}
	t.Run("errors of the provider", func(t *testing.T) {
		t.Parallel()
		providerErrors(t, gateway, origin)
	})
}

// leaveAfter reads an answer, but goes after its first bytes, or after that long without any; 0: it stays.
func leaveAfter(t *testing.T, url, key, body string, leave time.Duration) (answer string, whole bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if leave > 0 {
		defer time.AfterFunc(leave, cancel).Stop()
	}
	resp, err := crowd.Do(request(t, url, key, body).WithContext(ctx))
	if err != nil {
		return "", false
	}
	defer resp.Body.Close()
	if leave > 0 {
		first := make([]byte, 6)
		n, _ := io.ReadFull(resp.Body, first) // what it got is what it got
		return string(first[:n]), false
	}
	b, err := io.ReadAll(resp.Body)
	return string(b), err == nil
}

// theEvent waits for the only event of an account.
func theEvent(t *testing.T, gateway *child, account string, within time.Duration) accounting.Event {
	t.Helper()
	if raced {
		within *= 5
	}
	for end := time.Now().Add(within); ; {
		events := gateway.events(t, account)
		if len(events) > 1 {
			t.Fatalf("%d events of one request: %+v", len(events), events)
		}
		if len(events) == 1 {
			return events[0]
		}
		if time.Now().After(end) {
			t.Fatalf("no event after %v; held: %d", within, gateway.tokens(t, account).Held)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// providerErrors pass through as they come and cost only what they report.
func providerErrors(t *testing.T, gateway *child, origin string) {
	key := gateway.account(t, "errors", 1_000_000, nil)
	for _, status := range []int{400, 401, 404, 429, 500, 503} {
		body := fmt.Sprintf(`{"model":"gpt-4o-mini","messages":[],"proxytest":{"id":"e%d","status":%d}}`, status, status)
		want, wantBody := read(t, origin+"/v1/chat/completions", providerKey, body)
		got, gotBody := read(t, gateway.data+"/v1/chat/completions", key, body)
		if got.StatusCode != want.StatusCode || gotBody != wantBody || got.Header.Get("X-Request-Id") != want.Header.Get("X-Request-Id") {
			t.Errorf("%d: got %s %s, the provider's is %s %s", status, got.Status, gotBody, want.Status, wantBody)
		}
		blamed := got.Header.Get("X-Tollgate-Error") == "provider_credentials"
		if blamed != (status == 401) {
			t.Errorf("%d: X-Tollgate-Error is %q", status, got.Header.Get("X-Tollgate-Error"))
		}
	}
	resp, body := read(t, gateway.data+"/v1/chat/completions", key, `{"model":"gpt-4o-mini","messages":[],"proxytest":{"break_after":0}}`)
	if resp.StatusCode/100 != 5 || resp.Header.Get("X-Tollgate-Error") != "provider_unavailable" || !strings.Contains(body, "provider_unavailable") {
		t.Errorf("never begun: got %s, %q: %s", resp.Status, resp.Header.Get("X-Tollgate-Error"), body)
	}
	events := gateway.events(t, "errors")
	for _, e := range events {
		if e.Outcome != accounting.UpstreamError {
			t.Errorf("an error of the provider gave %+v", e)
		}
	}
	if v := gateway.audit(t, "errors", events); v.Monthly.Used != 0 {
		t.Errorf("errors cost %d tokens", v.Monthly.Used)
	}
}
