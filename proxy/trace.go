package proxy

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/tollgate/tollgate/accounting"
)

// Names of the GenAI semantic conventions, v1.41: github.com/open-telemetry/semantic-conventions, docs/gen-ai. They left
// OpenTelemetry's Go package in v1.42.
const (
	genAIOperation     = attribute.Key("gen_ai.operation.name")
	genAIProvider      = attribute.Key("gen_ai.provider.name")
	genAIRequestModel  = attribute.Key("gen_ai.request.model")
	genAIMaxTokens     = attribute.Key("gen_ai.request.max_tokens")
	genAIStream        = attribute.Key("gen_ai.request.stream")
	genAIResponseModel = attribute.Key("gen_ai.response.model")
	genAIResponseID    = attribute.Key("gen_ai.response.id")
	genAIFinish        = attribute.Key("gen_ai.response.finish_reasons")
	genAIFirstChunk    = attribute.Key("gen_ai.response.time_to_first_chunk")
	genAIInput         = attribute.Key("gen_ai.usage.input_tokens")
	genAIOutput        = attribute.Key("gen_ai.usage.output_tokens")
	genAICacheRead     = attribute.Key("gen_ai.usage.cache_read.input_tokens")
	genAICacheCreation = attribute.Key("gen_ai.usage.cache_creation.input_tokens")
	genAIReasoning     = attribute.Key("gen_ai.usage.reasoning.output_tokens")
)

// Names of the gateway's own.
const (
	tollgateAccount  = attribute.Key("tollgate.account")
	tollgateKey      = attribute.Key("tollgate.key")
	tollgateProvider = attribute.Key("tollgate.provider")
	tollgateEvent    = attribute.Key("tollgate.event")
	tollgateActivity = attribute.Key("tollgate.activity")
	tollgateOutcome  = attribute.Key("tollgate.outcome")
	tollgateMeasured = attribute.Key("tollgate.measured")
	tollgateCharged  = attribute.Key("tollgate.charged_tokens")
)

// spans of one call; the zero value makes none.
type spans struct {
	ctx            context.Context
	server, client trace.Span
}

// propagator reads and writes traceparent.
var propagator = propagation.TraceContext{}

// startSpan begins the SERVER span, once it is known who is calling: strangers make none. Of what the caller
// says about its trace only traceparent counts; tracestate and baggage are free text.
func (c *call) startSpan() {
	if c.h.tracer == nil {
		return
	}
	parent := propagator.Extract(c.in.Context(), propagation.MapCarrier{"traceparent": c.in.Header.Get("Traceparent")})
	c.spans.ctx, c.spans.server = c.h.tracer.Start(parent, c.spanName(), trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(c.started))
}

// startClientSpan begins the span of the provider's call, and hands the trace on where the operator wants that.
func (c *call) startClientSpan(out http.Header) {
	if c.spans.server == nil {
		return
	}
	ctx := c.spans.ctx
	if api := c.route.API; api != nil {
		name := strings.TrimSpace(api.Operation + " " + c.request.Model)
		ctx, c.spans.client = c.h.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient))
	}
	if c.set.Propagate {
		propagator.Inject(ctx, propagation.HeaderCarrier(out))
	}
}

func (c *call) endSpans() {
	if c.spans.server == nil {
		return
	}
	if span := c.spans.client; span != nil {
		if span.IsRecording() {
			kind := c.clientError()
			span.SetAttributes(c.clientAttributes(kind)...)
			if kind != "" {
				span.SetStatus(codes.Error, "")
			}
		}
		span.End()
	}
	if span := c.spans.server; span.IsRecording() {
		span.SetName(c.spanName())
		span.SetAttributes(c.serverAttributes()...)
		if c.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	}
	c.spans.server.End()
}

// spanName is the SERVER span's: "{method} {route}" as far as they are known.
func (c *call) spanName() string {
	method := c.method()
	if method == otherMethod {
		method = "HTTP"
	}
	return strings.TrimSpace(method + " " + c.route.Pattern)
}

// otherMethod stands for a method that HTTP does not know: callers may make up any.
const otherMethod = "_OTHER"

func (c *call) method() string {
	switch m := c.in.Method; m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return m
	}
	return otherMethod
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// serverAttributes are the request's own. The path itself (url.path) is not among them: whatever stands in it beside
// the route was made up by the caller.
func (c *call) serverAttributes() []attribute.KeyValue {
	kv := append(make([]attribute.KeyValue, 0, 16),
		semconv.HTTPRequestMethodKey.String(c.method()),
		semconv.URLScheme(scheme(c.in)),
		tollgateAccount.String(c.caller.Key.Account),
		tollgateKey.String(c.caller.Key.ID),
	)
	if c.route.Pattern != "" {
		kv = append(kv, semconv.HTTPRoute(c.route.Pattern))
	}
	if c.provider != nil {
		kv = append(kv, tollgateProvider.String(c.provider.Name))
	}
	if c.status != 0 {
		kv = append(kv, semconv.HTTPResponseStatusCode(c.status))
	}
	if e := &c.event; e.ID != "" {
		kv = append(kv, tollgateEvent.String(e.ID), tollgateActivity.String(e.Activity), tollgateOutcome.String(string(e.Outcome)),
			tollgateMeasured.String(string(e.Measured)), tollgateCharged.Int64(e.Charged.Total))
	}
	switch {
	case c.refused != "":
		kv = append(kv, semconv.ErrorTypeKey.String(string(c.refused)))
	case c.status >= http.StatusInternalServerError:
		kv = append(kv, semconv.ErrorTypeKey.String(strconv.Itoa(c.status)))
	}
	return kv
}

// clientAttributes are those of the provider's call; kind is what went wrong in it. Names that the provider
// gave are made valid UTF-8: one that isn't would cost the exporter the whole batch.
func (c *call) clientAttributes(kind string) []attribute.KeyValue {
	kv := append(make([]attribute.KeyValue, 0, 20),
		genAIOperation.String(c.route.API.Operation),
		genAIProvider.String(c.provider.System),
		genAIStream.Bool(c.request.Stream),
	)
	text := func(key attribute.Key, s string) {
		if s != "" {
			kv = append(kv, key.String(strings.ToValidUTF8(s, "\ufffd")))
		}
	}
	host, port, err := net.SplitHostPort(c.provider.Host())
	if err != nil {
		host = c.provider.Host()
	}
	text(semconv.ServerAddressKey, host)
	if n, err := strconv.Atoi(port); err == nil {
		kv = append(kv, semconv.ServerPort(n))
	}
	text(genAIRequestModel, c.request.Model)
	if c.request.OutputLimit > 0 {
		kv = append(kv, genAIMaxTokens.Int64(c.request.OutputLimit))
	}
	if c.meter != nil {
		text(genAIResponseModel, c.meter.Model())
		text(genAIResponseID, c.meter.ID())
		if reasons := c.meter.FinishReasons(); len(reasons) > 0 {
			kv = append(kv, genAIFinish.StringSlice(reasons))
		}
	}
	if c.request.Stream && c.first > 0 {
		kv = append(kv, genAIFirstChunk.Float64((c.first - c.sent).Seconds()))
	}
	if e := &c.event; e.ID != "" {
		kv = append(kv, usageAttributes(e.Tokens)...)
	}
	text(semconv.ErrorTypeKey, kind)
	return kv
}

// usageAttributes are the event's tokens. The conventions count as our events do: what is cached is inside the input,
// reasoning inside the output.
func usageAttributes(t accounting.Tokens) []attribute.KeyValue {
	return []attribute.KeyValue{
		genAIInput.Int64(t.Input), genAIOutput.Int64(t.Output),
		genAICacheRead.Int64(t.CachedInput), genAICacheCreation.Int64(t.CacheWriteInput), genAIReasoning.Int64(t.ReasoningOutput),
	}
}

// clientError names what went wrong in the provider's call: a refusal's code, an error's own type, how the call
// was cut, or a status; "" is nothing.
func (c *call) clientError() string {
	switch e := &c.event; {
	case c.refused != "":
		return string(c.refused)
	case c.meter != nil && c.meter.Error() != "":
		return c.meter.Error()
	case e.Outcome == accounting.UpstreamBroken, e.Outcome == accounting.Interrupted:
		return string(e.Outcome)
	case c.status == statusClientGone:
		return string(accounting.ClientClosed)
	case c.status >= http.StatusBadRequest:
		return strconv.Itoa(c.status)
	}
	return ""
}

// traceID is the trace that the call belongs to; "" without one.
func (c *call) traceID() string {
	if c.spans.server == nil {
		return ""
	}
	if sc := c.spans.server.SpanContext(); sc.HasTraceID() {
		return sc.TraceID().String()
	}
	return ""
}
