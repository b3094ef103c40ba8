package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/attribute"
	genai "go.opentelemetry.io/otel/semconv/v1.41.0"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/tollgate/tollgate/accounting"
)

// collector receives OTLP over HTTP, as Jaeger or a collector would.
type collector struct {
	origin   string
	lock     sync.Mutex
	spans    []*tracepb.Span
	resource map[string]any
	raw      []byte // everything that came
	problems []string
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.origin = server.URL
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var export collectorpb.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &export)
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	if err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		c.problems = append(c.problems, fmt.Sprintf("%s %s, %s: %v", r.Method, r.URL, r.Header.Get("Content-Type"), err))
	}
	c.raw = append(c.raw, body...)
	for _, resource := range export.ResourceSpans {
		c.resource = attributes(resource.Resource.Attributes)
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
}

// everything is all bytes that came.
func (c *collector) everything() []byte {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.raw
}

// attributes are string, int64, float64, bool or []string by key.
func attributes(kvs []*commonpb.KeyValue) map[string]any {
	m := make(map[string]any, len(kvs))
	for _, kv := range kvs {
		switch v := kv.Value.Value.(type) {
		case *commonpb.AnyValue_StringValue:
			m[kv.Key] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			m[kv.Key] = v.IntValue
		case *commonpb.AnyValue_BoolValue:
			m[kv.Key] = v.BoolValue
		case *commonpb.AnyValue_DoubleValue:
			m[kv.Key] = v.DoubleValue
		case *commonpb.AnyValue_ArrayValue:
			var all []string
			for _, e := range v.ArrayValue.Values {
				all = append(all, e.GetStringValue())
			}
			m[kv.Key] = all
		default:
			m[kv.Key] = v
		}
	}
	return m
}

// traced is what the collector got of one trace.
type traced struct{ server, client []*tracepb.Span }

// traces are by trace id, in hex.
func (c *collector) traces(t *testing.T) map[string]*traced {
	t.Helper()
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, p := range c.problems {
		t.Errorf("the collector was asked: %s", p)
	}
	all := map[string]*traced{}
	for _, s := range c.spans {
		id := hex.EncodeToString(s.TraceId)
		if all[id] == nil {
			all[id] = &traced{}
		}
		switch s.Kind {
		case tracepb.Span_SPAN_KIND_SERVER:
			all[id].server = append(all[id].server, s)
		case tracepb.Span_SPAN_KIND_CLIENT:
			all[id].client = append(all[id].client, s)
		default:
			t.Errorf("a span %q of kind %s", s.Name, s.Kind)
		}
	}
	return all
}

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

// spanCase is one request and what its spans must say beside what they all say.
type spanCase struct {
	name   string
	method string // "": POST
	path   string // "": chat completions
	body   string
	header map[string]string
	gone   bool // the client leaves in the middle

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

// TestSpans sends requests of every kind, each in a trace of its own, and holds the spans against the events.
func TestSpans(t *testing.T) {
	provider, upstream := newUpstream(t)
	c := newCollector(t)
	p := startInProcess(t, upstream, testProviderKey, "telemetry: { otlp_endpoint: \""+c.origin+"/\" }")
	key := p.account("acme", 1_000_000, "")
	empty := p.account("empty", 0, "")
	view := p.account("view", 10, `,"scope":"view"`)

	cases := spanCases()
	keys := make([]string, len(cases))
	for i := range keys {
		keys[i] = key
	}
	for kind, more := range map[string]spanCase{
		empty: {name: "pools empty", body: scripted("", `{}`), server: map[string]any{"http.response.status_code": int64(402), "http.route": chatPath, "error.type": "insufficient_quota"}},
		view:  {name: "view key", body: scripted("", `{}`), server: map[string]any{"http.response.status_code": int64(403), "error.type": "not_allowed"}},
	} {
		cases, keys = append(cases, more), append(keys, kind)
	}
	for i, tc := range cases {
		r := p.request(t.Context(), orPost(tc.method), p.data+tc.path, keys[i], tc.body)
		if tc.path == "" {
			r.URL.Path = chatPath
		}
		r.Header.Set("Traceparent", fmt.Sprintf("00-%s-%016x-01", traceOf(i), i+1))
		r.Header.Set("Tracestate", "vendor=secret")
		r.Header.Set("Baggage", "user=secret")
		for name, value := range tc.header {
			r.Header.Set(name, value)
		}
		if tc.gone {
			p.leave(r)
			continue
		}
		p.do(r)
	}
	stranger := p.request(t.Context(), "POST", p.data+chatPath, "tg_unknown", scripted("", `{}`))
	stranger.Header.Set("Traceparent", fmt.Sprintf("00-%s-%016x-01", traceOf(999), 1))
	p.do(stranger)
	metered := 0
	for _, tc := range cases {
		if tc.client != nil && tc.client["error.type"] != "provider_unavailable" {
			metered++
		}
	}
	eventually(t, "all events", func() bool { return len(p.events("acme")) == metered })
	events := map[string]accounting.Event{}
	for _, e := range p.events("acme") {
		events[e.TraceID] = e
	}
	p.end()

	traces := c.traces(t)
	for i, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			got := traces[traceOf(i)]
			if got == nil {
				t.Fatal("no spans")
			}
			checkServerSpan(t, tc, got, i, events[traceOf(i)])
			checkClientSpan(t, tc, got, upstream, events[traceOf(i)])
		})
	}
	if len(traces) != len(cases) {
		t.Errorf("%d traces of %d requests", len(traces), len(cases))
	}
	for _, secret := range []string{"secret", "Hello", key, testProviderKey, "SECRETMETHOD"} {
		if strings.Contains(string(c.everything()), secret) {
			t.Errorf("%q was exported", secret)
		}
	}
	for _, a := range provider.Answered() {
		for _, name := range []string{"Traceparent", "Tracestate", "Baggage"} {
			if a.Header.Get(name) != "" {
				t.Errorf("%s reached the provider: %s", name, a.Header.Get(name))
			}
		}
	}
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
	for k := range a {
		if !slices.Contains(serverKeys, k) {
			t.Errorf("SERVER span has an attribute %s", k)
		}
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
	for k, v := range a {
		if !slices.Contains(clientKeys, k) {
			t.Errorf("CLIENT span has an attribute %s", k)
		}
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

// TestSpansOfBrokenText: what a provider calls itself may be no UTF-8, which no span, label or database takes; it is then
// nameless, and nothing else is lost.
func TestSpansOfBrokenText(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, "{\"id\":\"id-\xff\",\"model\":\"model-\xfe\",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}")
	}))
	defer upstream.Close()
	c := newCollector(t)
	p := startInProcess(t, upstream.URL, testProviderKey, `telemetry: { otlp_endpoint: "`+c.origin+`" }`)
	p.do(p.request(t.Context(), "POST", p.data+chatPath, p.account("acme", 1_000_000, ""), scripted("", `{}`)))
	p.end()
	for _, trace := range c.traces(t) {
		a := attributes(trace.client[0].Attributes)
		if a["gen_ai.response.id"] != nil || a["gen_ai.response.model"] != nil || a["gen_ai.usage.input_tokens"] != int64(1) {
			t.Errorf("got %v", a)
		}
		return
	}
	t.Error("nothing was exported")
}

// TestPropagation: the trace goes on to the provider when the operator wants that, and nothing else of it.
func TestPropagation(t *testing.T) {
	provider, upstream := newUpstream(t)
	c := newCollector(t)
	p := startInProcess(t, upstream, testProviderKey, `telemetry: { otlp_endpoint: "`+c.origin+`", propagate: true }`)
	key := p.account("acme", 1_000_000, "")
	for i, r := range []*http.Request{
		p.request(t.Context(), "POST", p.data+chatPath, key, scripted("", `{}`)),
		p.request(t.Context(), "GET", p.data+"/v1/models", key, ""),
	} {
		r.Header.Set("Traceparent", fmt.Sprintf("00-%s-%016x-01", traceOf(i), 1))
		r.Header.Set("Tracestate", "vendor=of-the-caller")
		r.Header.Set("Baggage", "user=of-the-caller")
		p.do(r)
	}
	p.end()
	traces := c.traces(t)
	for i, a := range provider.Answered() {
		span := traces[traceOf(i)].server[0]
		if client := traces[traceOf(i)].client; len(client) > 0 {
			span = client[0]
		}
		if want := fmt.Sprintf("00-%s-%x-01", traceOf(i), span.SpanId); a.Header.Get("Traceparent") != want {
			t.Errorf("%s: the provider got traceparent %q, want %q", a.Path, a.Header.Get("Traceparent"), want)
		}
		if a.Header.Get("Tracestate")+a.Header.Get("Baggage") != "" {
			t.Errorf("%s: the provider got tracestate %q, baggage %q", a.Path, a.Header.Get("Tracestate"), a.Header.Get("Baggage"))
		}
	}
}

// TestTelemetryOfTheEnvironment: the standard variables say where traces go, under which name, and whether.
func TestTelemetryOfTheEnvironment(t *testing.T) {
	for name, tc := range map[string]struct {
		env     map[string]string
		exports bool
	}{
		"endpoint":        {nil, true},
		"SDK disabled":    {map[string]string{"OTEL_SDK_DISABLED": "true"}, false},
		"no exporter":     {map[string]string{"OTEL_TRACES_EXPORTER": "none"}, false},
		"sampler off":     {map[string]string{"OTEL_TRACES_SAMPLER": "always_off"}, false},
		"another service": {map[string]string{"OTEL_SERVICE_NAME": "edge", "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			_, upstream := newUpstream(t)
			c := newCollector(t)
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.origin)
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			p := startInProcess(t, upstream, testProviderKey, "")
			key := p.account("acme", 1_000_000, "")
			if res, answer := p.do(p.request(t.Context(), "POST", p.data+chatPath, key, scripted("", `{}`))); res.StatusCode != 200 {
				t.Errorf("%s: %s", res.Status, answer)
			}
			p.end()
			spans := 0
			for _, trace := range c.traces(t) {
				spans += len(trace.server) + len(trace.client)
			}
			if want := map[bool]int{true: 2}[tc.exports]; spans != want {
				t.Errorf("%d spans, want %d", spans, want)
			}
			if !tc.exports {
				return
			}
			service, environment := "tollgate", any(nil)
			if tc.env != nil {
				service, environment = "edge", "test"
			}
			if c.resource["service.name"] != service || c.resource["deployment.environment.name"] != environment {
				t.Errorf("the resource is %v, want service %s, environment %v", c.resource, service, environment)
			}
		})
	}
}

// TestCallersSampling: a caller that does not sample its trace is obeyed, and the event still names the trace.
func TestCallersSampling(t *testing.T) {
	_, upstream := newUpstream(t)
	c := newCollector(t)
	p := startInProcess(t, upstream, testProviderKey, `telemetry: { otlp_endpoint: "`+c.origin+`" }`)
	key := p.account("acme", 1_000_000, "")
	r := p.request(t.Context(), "POST", p.data+chatPath, key, scripted("", `{}`))
	r.Header.Set("Traceparent", fmt.Sprintf("00-%s-%016x-00", traceOf(1), 1))
	p.do(r)
	if events := p.events("acme"); len(events) != 1 || events[0].TraceID != traceOf(1) {
		t.Errorf("got %+v, want one event of trace %s", events, traceOf(1))
	}
	p.end()
	if n := len(c.traces(t)); n != 0 {
		t.Errorf("%d traces were exported", n)
	}
}

// TestCollectorDown: nobody listens, or somebody who never answers: requests and the end of the gateway don't care.
func TestCollectorDown(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for name, address := range map[string]string{"refuses": "127.0.0.1:1", "is silent": silent.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, upstream := newUpstream(t)
			p := startInProcess(t, upstream, testProviderKey, `telemetry: { otlp_endpoint: "http://`+address+`" }`)
			key := p.account("acme", 1_000_000, "")
			for range 20 {
				if res, answer := p.do(p.request(t.Context(), "POST", p.data+chatPath, key, scripted("", `{}`))); res.StatusCode != 200 {
					t.Fatalf("%s: %s", res.Status, answer)
				}
			}
			began := time.Now()
			p.end()
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("the end took %s", took)
			}
		})
	}
}
