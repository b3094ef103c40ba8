package main

import (
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
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
