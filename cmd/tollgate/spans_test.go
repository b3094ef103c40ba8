package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	genai "go.opentelemetry.io/otel/semconv/v1.41.0"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

// Attributes that spans may have, by the names of OpenTelemetry's own packages: anything else could carry content.
var (
	serverKeys = append(keysOf(semconv.HTTPRequestMethodKey, semconv.HTTPRouteKey, semconv.HTTPResponseStatusCodeKey, semconv.URLSchemeKey, semconv.ErrorTypeKey),
		"tollgate.account", "tollgate.key", "tollgate.provider", "tollgate.event", "tollgate.activity", "tollgate.outcome", "tollgate.measured", "tollgate.charged_tokens")
	clientKeys = keysOf(genai.GenAIOperationNameKey, genai.GenAIProviderNameKey, genai.GenAIRequestModelKey, genai.GenAIRequestMaxTokensKey, genai.GenAIRequestStreamKey,
		genai.GenAIResponseModelKey, genai.GenAIResponseIDKey, genai.GenAIResponseFinishReasonsKey, genai.GenAIResponseTimeToFirstChunkKey,
		genai.GenAIUsageInputTokensKey, genai.GenAIUsageOutputTokensKey, genai.GenAIUsageCacheReadInputTokensKey, genai.GenAIUsageCacheCreationInputTokensKey,
		genai.GenAIUsageReasoningOutputTokensKey, semconv.ServerAddressKey, semconv.ServerPortKey, semconv.ErrorTypeKey)
)

func keysOf(keys ...attribute.Key) []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = string(k)
	}
	return names
}

func unknownAttributes(s *tracepb.Span, known []string) (unknown []string) {
	for _, kv := range s.Attributes {
		if !slices.Contains(known, kv.Key) {
			unknown = append(unknown, kv.Key)
		}
	}
	return unknown
}

// spanCase is one request and what its spans must say beside what they all say.
type spanCase struct {
	name   string
	method string // "": POST
	path   string // "": chat completions
	body   string
	header map[string]string
	gone   bool   // the client leaves in the middle
	key    string // whose key is shown: empty's, view's; "": acme's

	server map[string]any // attributes; status and route stand here
	client map[string]any // nil: there is no CLIENT span
}

const chatPath = "/v1/chat/completions"

// scripted is a chat with a script for the provider.
func scripted(more, script string) string {
	return `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello there"}],"max_tokens":50,` + more + `"proxytest":` + script + `}`
}

func spanCases() []spanCase {
	type m = map[string]any
	status := func(code int64, more m) m {
		all := m{"http.response.status_code": code, "http.route": chatPath}
		for k, v := range more {
			all[k] = v
		}
		return all
	}
	refused := func(code int64, kind string) m { return status(code, m{"error.type": kind}) }
	noRoute := func(code int64, kind string) m { return m{"http.response.status_code": code, "error.type": kind} }
	chatSpan := m{"gen_ai.response.model": "gpt-4o-mini-2024-07-18", "gen_ai.response.finish_reasons": []string{"stop"}, "gen_ai.request.max_tokens": int64(50)}
	script := func(s string) map[string]string {
		return map[string]string{"Proxytest-Script": s, "Anthropic-Version": "2023-06-01"}
	}
	onMessages := m{"http.response.status_code": int64(200), "http.route": "/v1/messages"}
	const message = `"max_tokens":50,"messages":[{"role":"user","content":"Hello there"}]}`
	const content = `{"contents":[{"role":"user","parts":[{"text":"Hello there"}]}]}`
	return []spanCase{
		{name: "chat", body: scripted("", `{"input":11,"output":7,"cached":3}`), server: status(200, nil), client: chatSpan},
		{name: "chat with a query", path: chatPath + "?secret=in-the-query", body: scripted("", `{}`), server: status(200, nil), client: chatSpan},
		{name: "stream", body: scripted(`"stream":true,`, `{"input":12,"output":8}`), server: status(200, nil), client: chatSpan},
		{name: "completion", path: "/v1/completions", body: `{"model":"gpt-3.5-turbo-instruct","prompt":"Hello"}`, server: status(200, m{"http.route": "/v1/completions"}),
			client: m{"gen_ai.operation.name": "text_completion"}},
		{name: "response", path: "/openai/v1/responses", body: `{"model":"gpt-4.1","input":"Hello","stream":true}`, server: status(200, m{"http.route": "/v1/responses"}),
			client: m{"gen_ai.operation.name": "chat", "gen_ai.response.model": "gpt-4.1-2025-04-14"}},
		{name: "embeddings", path: "/v1/embeddings", body: `{"model":"text-embedding-3-small","input":"Hello"}`, server: status(200, m{"http.route": "/v1/embeddings"}),
			client: m{"gen_ai.operation.name": "embeddings", "gen_ai.usage.output_tokens": int64(0)}},
		{name: "free path", method: "GET", path: "/v1/models/gpt-4o?secret=in-the-query", server: status(200, m{"http.route": "/v1/models/{model}"})},
		{name: "token view", method: "GET", path: "/tollgate/v1/tokens", server: status(200, m{"http.route": "/tollgate/v1/tokens"})},

		{name: "provider's 429", body: scripted("", `{"status":429}`), server: status(429, nil), client: m{"error.type": "requests"}},
		{name: "provider's 500", body: scripted("", `{"status":500}`), server: status(500, m{"error.type": "500"}), client: m{"error.type": "server_error"}},
		{name: "provider's 500 without a type", body: scripted("", `{"status":500,"error":{"oops":"secret in the error"}}`), server: status(500, m{"error.type": "500"}), client: m{"error.type": "500"}},
		{name: "error in a stream", body: scripted(`"stream":true,`, `{"chunks":9,"error_after":4}`), server: status(200, m{"tollgate.outcome": "upstream_error"}), client: m{"error.type": "server_error"}},
		{name: "provider breaks off", body: scripted(`"stream":true,`, `{"chunks":9,"break_after":4}`), server: status(200, m{"tollgate.outcome": "upstream_broken"}), client: m{"error.type": "upstream_broken"}},
		{name: "provider never begins", body: scripted("", `{"break_after":0}`), server: refused(502, "provider_unavailable"), client: m{"error.type": "provider_unavailable"}},
		{name: "client gone", body: scripted(`"stream":true,`, `{"chunks":20,"pace":10,"input":9,"output":9}`), gone: true, server: status(200, m{"tollgate.outcome": "client_closed"}), client: m{}},
		{name: "usage never comes", body: scripted("", `{"no_usage":true}`), server: status(200, m{"tollgate.measured": "estimated"}), client: m{}},

		{name: "messages", path: "/anthropic/v1/messages", body: `{"model":"claude-haiku-4-5",` + message, header: script(`{"input":21,"output":9,"cached":5}`), server: onMessages,
			client: m{"gen_ai.provider.name": "anthropic", "gen_ai.operation.name": "chat", "gen_ai.request.max_tokens": int64(50), "gen_ai.request.model": "claude-haiku-4-5"}},
		{name: "messages stream", path: "/anthropic/v1/messages", body: `{"model":"claude-haiku-4-5","stream":true,` + message, header: script(`{"input":22,"output":8,"chunks":5}`), server: onMessages,
			client: m{"gen_ai.provider.name": "anthropic", "gen_ai.request.stream": true}},
		{name: "messages refused by the provider", path: "/anthropic/v1/messages", body: `{"model":"claude-haiku-4-5",` + message, header: script(`{"status":529}`),
			server: m{"http.response.status_code": int64(529), "http.route": "/v1/messages", "error.type": "529"}, client: m{"gen_ai.provider.name": "anthropic", "error.type": "overloaded_error"}},
		{name: "generate content", path: "/gemini/v1beta/models/gemini-2.5-flash:generateContent", body: content, header: script(`{"input":31,"output":6}`), server: m{"http.response.status_code": int64(200)},
			client: m{"gen_ai.provider.name": "gcp.gemini", "gen_ai.operation.name": "generate_content", "gen_ai.request.model": "gemini-2.5-flash"}},
		{name: "generate content stream", path: "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", body: content, header: script(`{"input":32,"output":7,"chunks":4}`), server: m{"http.response.status_code": int64(200)},
			client: m{"gen_ai.provider.name": "gcp.gemini", "gen_ai.operation.name": "generate_content", "gen_ai.request.stream": true}},

		{name: "pools empty", key: "empty", body: scripted("", `{}`), server: refused(402, "insufficient_quota")},
		{name: "view key", key: "view", body: scripted("", `{}`), server: noRoute(403, "not_allowed")},
		{name: "not JSON", body: `{"model":"secret`, server: refused(400, "invalid_request")},
		{name: "bad label", body: scripted("", `{}`), header: map[string]string{"X-Tollgate-User": "a b"}, server: refused(400, "invalid_request")},
		{name: "encoded", body: scripted("", `{}`), header: map[string]string{"Content-Encoding": "gzip"}, server: refused(415, "unsupported_encoding")},
		{name: "no route", method: "GET", path: "/v1/files/secret-in-the-path", server: noRoute(404, "unmetered_endpoint")},
		{name: "method of the client's own", method: "SECRETMETHOD", path: "/v1/models", server: m{"http.response.status_code": int64(404), "http.request.method": "_OTHER", "error.type": "unmetered_endpoint"}},
	}
}

// spanName is what the contract calls a span, told from its attributes.
func spanName(s *tracepb.Span, first, second string) string {
	a := attributes(s.Attributes)
	one, _ := a[first].(string)
	two, _ := a[second].(string)
	if one == "_OTHER" {
		one = "HTTP"
	}
	return strings.TrimSpace(one + " " + two)
}

// spanRun are the requests of spanCases, as a gateway answered and booked them.
type spanRun struct {
	cases   []spanCase
	events  map[string]accounting.Event // by trace id
	origins map[string]string           // of the providers
	fakes   map[string]*proxytest.Provider
	secrets []string // what no span may hold
}

// runSpanCases sends requests of every kind, each in a trace of its own, through a gateway that exports to an endpoint,
// and ends it, so that all spans have been sent.
func runSpanCases(t *testing.T, endpoint string) *spanRun {
	t.Helper()
	run := &spanRun{cases: spanCases(), events: map[string]accounting.Event{}, origins: map[string]string{}, fakes: map[string]*proxytest.Provider{}}
	more := ""
	for name, make := range map[string]func(proxytest.Options) *proxytest.Provider{"openai": proxytest.New, "anthropic": proxytest.NewAnthropic, "gemini": proxytest.NewGemini} {
		run.fakes[name] = make(proxytest.Options{APIKey: testProviderKey})
		server := httptest.NewServer(run.fakes[name])
		t.Cleanup(server.Close)
		run.origins[name] = server.URL
		if name != "openai" {
			more += fmt.Sprintf("  %s: { base_url: %q, api_key: %q }\n", name, server.URL, testProviderKey)
		}
	}
	p := startInProcess(t, run.origins["openai"], testProviderKey, more+`telemetry: { otlp_endpoint: "`+endpoint+`/" }`)
	keys := map[string]string{"": p.account("acme", 1_000_000, ""), "empty": p.account("empty", 0, ""), "view": p.account("view", 10, `,"scope":"view"`)}
	run.secrets = []string{"secret", "Hello", testProviderKey, "SECRETMETHOD", keys[""], keys["empty"], keys["view"]}
	for i, tc := range run.cases {
		run.send(p, i, tc, keys[tc.key])
	}
	stranger := p.request(t.Context(), "POST", p.data+chatPath, "tg_unknown", scripted("", `{}`))
	stranger.Header.Set("Traceparent", fmt.Sprintf("00-%s-%016x-01", traceOf(999), 1))
	p.do(stranger)
	metered := 0
	for _, tc := range run.cases {
		if tc.client != nil && tc.client["error.type"] != "provider_unavailable" {
			metered++
		}
	}
	eventually(t, "all events", func() bool { return len(p.events("acme")) == metered })
	for _, e := range p.events("acme") {
		run.events[e.TraceID] = e
	}
	p.end()
	return run
}

func (run *spanRun) send(p *inProcess, i int, tc spanCase, key string) {
	path := tc.path
	if path == "" {
		path = chatPath
	}
	r := p.request(p.t.Context(), orPost(tc.method), p.data+path, key, tc.body)
	r.Header.Set("Traceparent", fmt.Sprintf("00-%s-%016x-01", traceOf(i), i+1))
	r.Header.Set("Tracestate", "vendor=secret")
	r.Header.Set("Baggage", "user=secret")
	for name, value := range tc.header {
		r.Header.Set(name, value)
	}
	if tc.gone {
		p.leave(r)
		return
	}
	p.do(r)
}

// check holds the spans against the requests and their events.
func (run *spanRun) check(t *testing.T, traces map[string]*traced) {
	t.Helper()
	for i, tc := range run.cases {
		t.Run(tc.name, func(t *testing.T) {
			got := traces[traceOf(i)]
			if got == nil {
				t.Fatal("no spans")
			}
			origin := run.origins["openai"]
			if name, _, _ := strings.Cut(strings.TrimPrefix(tc.path, "/"), "/"); run.origins[name] != "" {
				origin = run.origins[name]
			}
			checkServerSpan(t, tc, got, i, run.events[traceOf(i)])
			checkClientSpan(t, tc, got, origin, run.events[traceOf(i)])
		})
	}
	if len(traces) != len(run.cases) {
		t.Errorf("%d traces of %d requests", len(traces), len(run.cases))
	}
	for _, fake := range run.fakes {
		for _, a := range fake.Answered() {
			if a.Header.Get("Traceparent")+a.Header.Get("Tracestate")+a.Header.Get("Baggage") != "" {
				t.Errorf("the trace went on to the provider: %v", a.Header)
			}
		}
	}
}

// hide looks for what must not be in the bytes of an export.
func (run *spanRun) hide(t *testing.T, exported []byte) {
	t.Helper()
	for _, secret := range run.secrets {
		if bytes.Contains(exported, []byte(secret)) {
			t.Errorf("%q was exported", secret)
		}
	}
}

// TestSpans: spans of requests of every kind, as an OTLP receiver gets them.
func TestSpans(t *testing.T) {
	c := newCollector(t)
	run := runSpanCases(t, c.origin)
	run.check(t, c.traces(t))
	run.hide(t, c.everything())
}

func orPost(method string) string {
	if method == "" {
		return http.MethodPost
	}
	return method
}

// traceOf is the trace id of the i-th request.
func traceOf(i int) string { return fmt.Sprintf("%032x", i+1) }

func checkServerSpan(t *testing.T, tc spanCase, got *traced, i int, e accounting.Event) {
	if len(got.server) != 1 {
		t.Fatalf("%d SERVER spans, want 1", len(got.server))
	}
	s := got.server[0]
	a := attributes(s.Attributes)
	want := map[string]any{"http.request.method": orPost(tc.method), "url.scheme": "http"}
	for k, v := range tc.server {
		want[k] = v
	}
	for k, v := range want {
		if diff := cmp.Diff(v, a[k]); diff != "" {
			t.Errorf("SERVER %s: %s", k, diff)
		}
	}
	if name := spanName(s, "http.request.method", "http.route"); s.Name != name {
		t.Errorf("SERVER span is called %q, want %q", s.Name, name)
	}
	if parent := fmt.Sprintf("%016x", i+1); hex.EncodeToString(s.ParentSpanId) != parent {
		t.Errorf("the parent of the SERVER span is %x, want the caller's %s", s.ParentSpanId, parent)
	}
	if unknown := unknownAttributes(s, serverKeys); len(unknown) > 0 {
		t.Errorf("SERVER span has attributes %q", unknown)
	}
	if _, failed := tc.server["error.type"]; !failed && a["error.type"] != nil {
		t.Errorf("SERVER error.type is %v", a["error.type"])
	}
	if code := a["http.response.status_code"].(int64); (s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR) != (code >= 500) {
		t.Errorf("SERVER span's status is %s after %d", s.Status.GetCode(), code)
	}
	if e.ID == "" {
		return
	}
	for k, v := range map[string]any{
		"tollgate.event": e.ID, "tollgate.account": e.Account, "tollgate.key": e.Key, "tollgate.provider": e.Provider, "tollgate.activity": e.Activity,
		"tollgate.outcome": string(e.Outcome), "tollgate.measured": string(e.Measured), "tollgate.charged_tokens": e.Charged.Total,
	} {
		if a[k] != v {
			t.Errorf("%s is %v, the event has %v", k, a[k], v)
		}
	}
}

func checkClientSpan(t *testing.T, tc spanCase, got *traced, upstream string, e accounting.Event) {
	if tc.client == nil {
		if len(got.client) != 0 || e.ID != "" {
			t.Errorf("%d CLIENT spans and event %q of a request that was not forwarded as a metered one", len(got.client), e.ID)
		}
		return
	}
	if len(got.client) != 1 {
		t.Fatalf("%d CLIENT spans, want 1", len(got.client))
	}
	s := got.client[0]
	a := attributes(s.Attributes)
	origin, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "server.address": origin.Hostname(),
	}
	if e.ID != "" {
		want["gen_ai.request.model"] = e.RequestedModel
		want["gen_ai.usage.input_tokens"], want["gen_ai.usage.output_tokens"] = e.Tokens.Input, e.Tokens.Output
		want["gen_ai.usage.cache_read.input_tokens"], want["gen_ai.usage.cache_creation.input_tokens"] = e.Tokens.CachedInput, e.Tokens.CacheWriteInput
		want["gen_ai.usage.reasoning.output_tokens"], want["gen_ai.request.stream"] = e.Tokens.ReasoningOutput, e.Stream
	}
	for k, v := range tc.client {
		want[k] = v
	}
	for k, v := range want {
		if diff := cmp.Diff(v, a[k]); diff != "" {
			t.Errorf("CLIENT %s: %s", k, diff)
		}
	}
	checkFirstChunk(t, a, e)
	if port := fmt.Sprint(a["server.port"]); port != origin.Port() {
		t.Errorf("server.port is %s, want %s", port, origin.Port())
	}
	if name := spanName(s, "gen_ai.operation.name", "gen_ai.request.model"); s.Name != name {
		t.Errorf("CLIENT span is called %q, want %q", s.Name, name)
	}
	if string(s.ParentSpanId) != string(got.server[0].SpanId) {
		t.Error("the CLIENT span is not the SERVER span's child")
	}
	if unknown := unknownAttributes(s, clientKeys); len(unknown) > 0 {
		t.Errorf("CLIENT span has attributes %q", unknown)
	}
	for k, v := range a {
		if v == "" {
			t.Errorf("CLIENT span has an empty %s", k)
		}
	}
	_, failed := tc.client["error.type"]
	if !failed && a["error.type"] != nil || failed != (s.Status.GetCode() == tracepb.Status_STATUS_CODE_ERROR) {
		t.Errorf("CLIENT error.type is %v, status %s", a["error.type"], s.Status.GetCode())
	}
	if server := got.server[0]; s.StartTimeUnixNano < server.StartTimeUnixNano || s.EndTimeUnixNano > server.EndTimeUnixNano {
		t.Error("the CLIENT span is not inside the SERVER span")
	}
}

// checkFirstChunk: a stream says how long its first chunk took, counted from when the request left, and nothing else does.
func checkFirstChunk(t *testing.T, a map[string]any, e accounting.Event) {
	t.Helper()
	took, told := a["gen_ai.response.time_to_first_chunk"].(float64)
	if told != (e.Stream && e.FirstTokenMS != nil) {
		t.Errorf("time_to_first_chunk is %v, the event says stream %t, first token %v", took, e.Stream, e.FirstTokenMS)
	}
	if told && (took <= 0 || took > float64(*e.FirstTokenMS+1)/1000) {
		t.Errorf("time_to_first_chunk is %v s, the event's first token came %d ms after the arrival", took, *e.FirstTokenMS)
	}
}
