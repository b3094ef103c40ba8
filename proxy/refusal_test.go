package proxy_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
)

const chatPath = "/v1/chat/completions"

// refusalRow is one line of the contract's table: what is asked, and what the client must read.
type refusalRow struct {
	name    string
	change  func(*accounting.Account, *policy.Key)
	monthly int64
	request request
	noKey   bool
	status  int
	code    string
	message string // a part of it
	header  map[string]string
}

func tokens(n int64) *int64 { return &n }

func TestEveryRefusal(t *testing.T) {
	r := newRig(t, nil)
	const ok = `{"input":1,"output":1}`
	rows := []refusalRow{
		{name: "no key", request: request{path: chatPath, body: chat(ok)}, noKey: true, status: 401, code: "invalid_api_key", message: "key"},
		{name: "unknown key", request: request{path: chatPath, body: chat(ok), secret: "tg_unknown"}, status: 401, code: "invalid_api_key", message: "key"},
		{name: "a key of somebody else's kind", request: request{path: chatPath, body: chat(ok), secret: "sk-abc"}, status: 401, code: "invalid_api_key", message: "key"},
		{name: "two keys", request: request{path: chatPath, body: chat(ok), header: http.Header{"X-Api-Key": {"tg_another"}}}, status: 401, code: "invalid_api_key", message: "key"},
		{name: "expired key", change: func(_ *accounting.Account, k *policy.Key) { k.ExpiresAt = time.Now().Add(-time.Second) },
			request: request{path: chatPath, body: chat(ok)}, status: 401, code: "invalid_api_key", message: "key"},
		{name: "unmetered path", request: request{method: "GET", path: "/v1/files"}, status: 404, code: "unmetered_endpoint", message: "/v1/files"},
		{name: "unmetered path of a named provider", request: request{method: "GET", path: "/openai/v1/files"}, status: 404, code: "unmetered_endpoint", message: "/v1/files"},
		{name: "websocket", request: request{method: "GET", path: "/v1/models", header: http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}},
			status: 404, code: "unmetered_endpoint", message: "WebSocket"},
		{name: "background", request: request{path: "/v1/responses", body: `{"model":"m","input":"x","background":true}`}, status: 404, code: "unmetered_endpoint", message: "background"},
		{name: "escape in a literal segment", request: request{path: "/v1/chat/%63ompletions", body: chat(ok)}, status: 404, code: "unmetered_endpoint", message: "%63"},
		{name: "view key", change: func(_ *accounting.Account, k *policy.Key) { k.Scope = policy.ScopeView },
			request: request{path: chatPath, body: chat(ok)}, status: 403, code: "not_allowed", message: "Token view"},
		{name: "view key on a free path", change: func(_ *accounting.Account, k *policy.Key) { k.Scope = policy.ScopeView },
			request: request{method: "GET", path: "/v1/models"}, status: 403, code: "not_allowed", message: "Token view"},
		{name: "model not allowed", change: func(_ *accounting.Account, k *policy.Key) { k.Models = []string{"gpt-3*"} },
			request: request{path: chatPath, body: chat(ok)}, status: 403, code: "not_allowed", message: "gpt-4o-mini"},
		{name: "provider not allowed", change: func(_ *accounting.Account, k *policy.Key) { k.Providers = []string{"other"} },
			request: request{path: chatPath, body: chat(ok)}, status: 403, code: "not_allowed", message: "openai"},
		{name: "origin missing", change: func(_ *accounting.Account, k *policy.Key) { k.Origins = []string{"https://shop.example"} },
			request: request{path: chatPath, body: chat(ok)}, status: 403, code: "not_allowed", message: "origin"},
		{name: "another origin", change: func(_ *accounting.Account, k *policy.Key) { k.Origins = []string{"https://shop.example"} },
			request: request{path: chatPath, body: chat(ok), header: http.Header{"Origin": {"https://shop.example.evil"}}}, status: 403, code: "not_allowed", message: "origin"},
		{name: "origin null", change: func(_ *accounting.Account, k *policy.Key) { k.Origins = []string{"https://shop.example"} },
			request: request{path: chatPath, body: chat(ok), header: http.Header{"Origin": {"null"}}}, status: 403, code: "not_allowed", message: "origin"},
		{name: "suspended", change: func(a *accounting.Account, _ *policy.Key) { a.Status = accounting.Suspended },
			request: request{path: chatPath, body: chat(ok)}, status: 403, code: "account_suspended", message: "suspended"},
		{name: "suspended on a free path", change: func(a *accounting.Account, _ *policy.Key) { a.Status = accounting.Suspended },
			request: request{method: "GET", path: "/v1/models"}, status: 403, code: "account_suspended", message: "suspended"},
		{name: "strict can't bound", change: func(a *accounting.Account, _ *policy.Key) { a.Admission = "strict" },
			request: request{path: chatPath, body: `{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}`},
			status:  403, code: "not_allowed", message: "image_url"},
		{name: "not JSON", request: request{path: chatPath, body: `{"model":`}, status: 400, code: "invalid_request", message: "JSON"},
		{name: "no object", request: request{path: chatPath, body: `[1]`}, status: 400, code: "invalid_request", message: "JSON"},
		{name: "no body", request: request{path: chatPath}, status: 400, code: "invalid_request", message: "JSON"},
		{name: "model twice", request: request{path: chatPath, body: `{"model":"a","model":"b"}`}, status: 400, code: "invalid_request", message: "model"},
		{name: "another letter case", request: request{path: chatPath, body: `{"model":"a","Stream":true}`}, status: 400, code: "invalid_request", message: "Stream"},
		{name: "unknown activity", request: request{path: chatPath, body: chat(ok), header: http.Header{"X-Tollgate-Activity": {"mining"}}},
			status: 400, code: "invalid_request", message: "X-Tollgate-Activity"},
		{name: "malformed label", request: request{path: chatPath, body: chat(ok), header: http.Header{"X-Tollgate-User": {"a b"}}},
			status: 400, code: "invalid_request", message: "X-Tollgate-User"},
		{name: "label too long", request: request{path: chatPath, body: chat(ok), header: http.Header{"X-Tollgate-Chatbot": {strings.Repeat("x", 65)}}},
			status: 400, code: "invalid_request", message: "X-Tollgate-Chatbot"},
		{name: "encoded body, named second", request: request{path: chatPath, body: chat(ok), header: http.Header{"Content-Encoding": {"identity", "gzip"}}},
			status: 415, code: "unsupported_encoding", message: "gzip"},
		{name: "encoded body", request: request{path: chatPath, body: chat(ok), header: http.Header{"Content-Encoding": {"gzip"}}},
			status: 415, code: "unsupported_encoding", message: "gzip"},
		{name: "too large", request: request{path: chatPath, body: `{"model":"m","x":"` + strings.Repeat("x", 1<<20) + `"}`},
			status: 413, code: "request_too_large", message: "max_request_bytes"},
		{name: "both pools empty", monthly: -1, request: request{path: chatPath, body: chat(ok)}, status: 402, code: "insufficient_quota",
			message: "0", header: map[string]string{"X-Should-Retry": "false", "Retry-After": ""}},
		{name: "strict: fewer than it may take", monthly: 60, change: func(a *accounting.Account, _ *policy.Key) { a.Admission = "strict" },
			request: request{path: chatPath, body: `{"model":"m","max_tokens":50,"messages":[{"role":"user","content":"Hello"}]}`}, status: 402, code: "insufficient_quota", message: "needs up to", header: map[string]string{"X-Should-Retry": "false"}},
		{name: "the key's cap", change: func(_ *accounting.Account, k *policy.Key) { k.MonthlyCap = tokens(0) },
			request: request{path: chatPath, body: chat(ok)}, status: 402, code: "insufficient_quota", message: "key", header: map[string]string{"X-Should-Retry": "false"}},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) { r.refuses(t, row) })
	}
}

// refuses sends the row's request and holds everything that the client, the provider and the ledger see against it.
func (r *rig) refuses(t *testing.T, row refusalRow) {
	monthly := row.monthly
	switch monthly {
	case 0:
		monthly = 100_000
	case -1:
		monthly = 0
	}
	account, secret := r.account(monthly, row.change)
	if !row.noKey && row.request.secret == "" {
		row.request.secret = secret
	}
	before := r.provider.Calls()
	res := r.do(row.request)
	got := readRefusal(t, res)
	if res.StatusCode != row.status {
		t.Errorf("status %d, want %d", res.StatusCode, row.status)
	}
	if c := res.Header.Get("X-Tollgate-Error"); c != row.code {
		t.Errorf("X-Tollgate-Error %q, want %q", c, row.code)
	}
	if got.Error.Code != row.code || got.Error.Type != row.code {
		t.Errorf("error.code %q, error.type %q, want %q", got.Error.Code, got.Error.Type, row.code)
	}
	if !strings.Contains(got.Error.Message, row.message) {
		t.Errorf("message %q does not name %q", got.Error.Message, row.message)
	}
	for name, want := range row.header {
		if h := res.Header.Get(name); h != want {
			t.Errorf("%s: %q, want %q", name, h, want)
		}
	}
	if quota := got.Error.Total != nil; quota != (row.code == "insufficient_quota") {
		t.Errorf("the body's numbers are there: %v", quota)
	} else if quota {
		if *got.Error.Total != monthly || *got.Error.Used != 0 || *got.Error.Extra != 0 {
			t.Errorf("used %d of %d, extra %d; want 0 of %d, 0", *got.Error.Used, *got.Error.Total, *got.Error.Extra, monthly)
		}
		if at, err := time.Parse(time.RFC3339, got.Error.ResetAt); err != nil || !at.After(time.Now()) {
			t.Errorf("reset_at %q", got.Error.ResetAt)
		}
	}
	if calls := r.provider.Calls(); calls != before {
		t.Errorf("the provider was called %d times", calls-before)
	}
	if v := r.mustView(account); v.Monthly.Used != 0 || v.Held != 0 {
		t.Errorf("charged %d, held %d after a refusal", v.Monthly.Used, v.Held)
	}
	if events := r.events(account); len(events) != 0 {
		t.Errorf("a refusal left %d events", len(events))
	}
}

func TestRevokedKeyAndDeletedAccountAreUnknown(t *testing.T) {
	r := newRig(t, nil)
	for _, kill := range []func(account string) error{
		func(a string) error { _, err := r.store.RevokeKey(t.Context(), a, "key_"+a, time.Now()); return err },
		func(a string) error { return r.store.DeleteAccount(t.Context(), a, time.Now()) },
	} {
		account, secret := r.account(1000, nil)
		q := request{path: chatPath, body: chat(`{"input":1,"output":1}`), secret: secret}
		if res := r.do(q); res.StatusCode != 200 {
			t.Fatalf("before: %d", res.StatusCode)
		}
		must(t, kill(account))
		eventually(t, "the key is refused", time.Second, func() bool { return r.do(q).StatusCode == 401 })
	}
}

func TestTokensHeld(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(100, nil)
	first := r.do(request{path: chatPath, secret: secret, body: streamed(`{"input":5,"output":5,"chunks":3,"stall_after":1}`)})
	if first.StatusCode != 200 {
		t.Fatalf("the first request: %d", first.StatusCode)
	}
	before := r.provider.Calls()
	res := r.do(request{path: chatPath, secret: secret, body: chat(`{}`)})
	got := readRefusal(t, res)
	if res.StatusCode != 429 || got.Error.Code != "tokens_held" || res.Header.Get("Retry-After") != "1" {
		t.Errorf("got %d %s, Retry-After %q, want 429 tokens_held, 1", res.StatusCode, got.Error.Code, res.Header.Get("Retry-After"))
	}
	if limit := res.Header.Get("RateLimit"); limit == "" || strings.Contains(limit, "t=") {
		t.Errorf("RateLimit %q, want one without t", limit)
	}
	if r.provider.Calls() != before {
		t.Error("the provider was called")
	}
	if r.mustView(account).Held == 0 {
		t.Error("held is 0 while a request runs")
	}
}

func TestRateLimits(t *testing.T) {
	r := newRig(t, nil)
	for name, change := range map[string]func(*accounting.Account, *policy.Key){
		"requests per minute": func(_ *accounting.Account, k *policy.Key) { k.RequestsPerMinute = tokens(1) },
		"concurrent":          func(_ *accounting.Account, k *policy.Key) { k.Concurrent = tokens(1) },
	} {
		_, secret := r.account(100_000, change)
		first := r.do(request{path: chatPath, secret: secret, body: streamed(`{"chunks":3,"stall_after":1}`)})
		if first.StatusCode != 200 {
			t.Fatalf("%s: the first request: %d", name, first.StatusCode)
		}
		res := r.do(request{path: chatPath, secret: secret, body: chat(`{}`)})
		got := readRefusal(t, res)
		wait, err := strconv.Atoi(res.Header.Get("Retry-After"))
		if res.StatusCode != 429 || got.Error.Code != "rate_limit_exceeded" || err != nil || wait < 1 {
			t.Errorf("%s: got %d %s, Retry-After %q", name, res.StatusCode, got.Error.Code, res.Header.Get("Retry-After"))
		}
	}
}

func TestProviderThatCannotAnswer(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*provider.Settings)
		body   string
		status int
	}{
		"unreachable":  {func(s *provider.Settings) { s.BaseURL = "http://127.0.0.1:1" }, chat(`{}`), 502},
		"no key":       {func(s *provider.Settings) { s.BaseURL, s.Key = "", "" }, chat(`{}`), 502},
		"silent":       {func(s *provider.Settings) { s.FirstByte = 50 * time.Millisecond }, chat(`{"stall_after":0}`), 504},
		"torn at once": {func(*provider.Settings) {}, chat(`{"break_after":0}`), 502},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(_ *proxy.Settings, s *provider.Settings) { tc.change(s) })
			account, secret := r.account(1000, nil)
			res := r.do(request{path: chatPath, secret: secret, body: tc.body})
			got := readRefusal(t, res)
			if res.StatusCode != tc.status || got.Error.Code != "provider_unavailable" || !strings.Contains(got.Error.Message, "openai") {
				t.Errorf("got %d %+v, want %d provider_unavailable", res.StatusCode, got.Error, tc.status)
			}
			if v := r.mustView(account); v.Monthly.Used != 0 || v.Held != 0 || len(r.events(account)) != 0 {
				t.Errorf("charged %d, held %d", v.Monthly.Used, v.Held)
			}
			if name == "no key" && !strings.Contains(r.log.String(), "providers.openai.api_key") {
				t.Error("the log does not name the setting")
			}
		})
	}
}

func TestLimitsOfTheGateway(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*proxy.Settings)
		status int
		code   string
	}{
		"concurrent requests": {func(s *proxy.Settings) { s.MaxConcurrentRequests = 0 }, 503, "overloaded"},
		"buffered bytes":      {func(s *proxy.Settings) { s.MaxBufferedBytes = 10 }, 503, "overloaded"},
		"request bytes":       {func(s *proxy.Settings) { s.MaxRequestBytes = 10 }, 413, "request_too_large"},
		"empty status":        {func(s *proxy.Settings) { s.EmptyStatus = 429 }, 429, "insufficient_quota"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(s *proxy.Settings, _ *provider.Settings) { tc.change(s) })
			monthly := int64(1000)
			if name == "empty status" {
				monthly = 0
			}
			_, secret := r.account(monthly, nil)
			res := r.do(request{path: chatPath, secret: secret, body: chat(`{}`)})
			if got := readRefusal(t, res); res.StatusCode != tc.status || got.Error.Code != tc.code {
				t.Errorf("got %d %s, want %d %s", res.StatusCode, got.Error.Code, tc.status, tc.code)
			}
			if tc.code == "overloaded" && res.Header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After %q, want 1", res.Header.Get("Retry-After"))
			}
			if r.provider.Calls() != 0 {
				t.Error("the provider was called")
			}
		})
	}
}

func TestStoreDown(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(100_000, nil)
	_, stranger := r.account(100_000, nil)
	q := request{path: chatPath, secret: secret, body: chat(`{"input":1,"output":1}`)}
	if res := r.do(q); res.StatusCode != 200 {
		t.Fatalf("before: %d", res.StatusCode)
	}
	must(t, r.recorder.Sync(context.Background()))
	must(t, r.store.Close())
	if res := r.do(q); res.StatusCode != 200 {
		t.Errorf("a known account goes on from its lease: got %d", res.StatusCode)
	}
	q.secret = stranger
	res := r.do(q)
	if got := readRefusal(t, res); res.StatusCode != 503 || got.Error.Code != "accounting_unavailable" || res.Header.Get("Retry-After") != "5" {
		t.Errorf("an unknown one: got %d %s, Retry-After %q", res.StatusCode, got.Error.Code, res.Header.Get("Retry-After"))
	}
	_ = account
}
