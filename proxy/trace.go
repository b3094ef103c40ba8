package proxy

import (
	"context"
	"net/http"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Names of the GenAI semantic conventions, v1.41: github.com/open-telemetry/semantic-conventions, docs/gen-ai. They left
// OpenTelemetry's Go package in v1.42.
const (
	genAIOperation     = attribute.Key("gen_ai.operation.name")
	genAIProvider      = attribute.Key("gen_ai.provider.name")
	genAIRequestModel  = attribute.Key("gen_ai.request.model")
	genAIMaxTokens     = attribute.Key("gen_ai.request.max_tokens")
	genAIResponseModel = attribute.Key("gen_ai.response.model")
	genAIResponseID    = attribute.Key("gen_ai.response.id")
	genAIFinish        = attribute.Key("gen_ai.response.finish_reasons")
	genAIInput         = attribute.Key("gen_ai.usage.input_tokens")
	genAIOutput        = attribute.Key("gen_ai.usage.output_tokens")
	genAICacheRead     = attribute.Key("gen_ai.usage.cache_read.input_tokens")
)

// spans of one call; the zero value makes none.
type spans struct {
	ctx            context.Context
	server, client trace.Span
}

// propagator knows traceparent alone: baggage of callers is nobody's business here.
var propagator = propagation.TraceContext{}

func (c *call) startSpan() {
	if c.h.tracer == nil {
		return
	}
	parent := propagator.Extract(c.in.Context(), propagation.HeaderCarrier(c.in.Header))
	c.spans.ctx, c.spans.server = c.h.tracer.Start(parent, c.in.Method+" "+c.route.Pattern, trace.WithSpanKind(trace.SpanKindServer))
	if c.spans.server.IsRecording() {
		c.spans.server.SetAttributes(
			attribute.String("http.request.method", c.in.Method),
			attribute.String("http.route", c.route.Pattern),
			attribute.String("url.scheme", scheme(c.in)),
			attribute.String("tollgate.account", c.caller.Key.Account),
			attribute.String("tollgate.key", c.caller.Key.ID),
			attribute.String("tollgate.provider", c.provider.Name),
		)
	}
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// startClientSpan begins the span of the provider's call, and hands the trace on where the operator wants that.
func (c *call) startClientSpan(out http.Header) {
	if c.spans.server == nil {
		return
	}
	ctx := c.spans.ctx
	if api := c.route.API; api != nil {
		ctx, c.spans.client = c.h.tracer.Start(ctx, api.Operation+" "+c.request.Model, trace.WithSpanKind(trace.SpanKindClient))
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
			span.SetAttributes(c.clientAttributes()...)
			if c.failedStatus() {
				span.SetStatus(codes.Error, "")
			}
		}
		span.End()
	}
	if span := c.spans.server; span.IsRecording() {
		span.SetAttributes(attribute.Int("http.response.status_code", c.status))
		if c.refused != "" {
			span.SetAttributes(attribute.String("error.type", string(c.refused)))
		}
		if e := &c.event; e.ID != "" {
			span.SetAttributes(attribute.String("tollgate.event", e.ID), attribute.String("tollgate.activity", e.Activity),
				attribute.String("tollgate.outcome", string(e.Outcome)), attribute.String("tollgate.measured", string(e.Measured)),
				attribute.Int64("tollgate.charged_tokens", e.Charged.Total))
		}
		if c.status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, "")
		}
	}
	c.spans.server.End()
}

func (c *call) failedStatus() bool { return c.status >= http.StatusBadRequest || c.status == 0 }

func (c *call) clientAttributes() []attribute.KeyValue {
	kv := append(make([]attribute.KeyValue, 0, 16),
		genAIOperation.String(c.route.API.Operation),
		genAIProvider.String(c.provider.System),
		genAIRequestModel.String(c.request.Model),
		attribute.String("server.address", c.provider.Host()),
	)
	if c.request.OutputLimit > 0 {
		kv = append(kv, genAIMaxTokens.Int64(c.request.OutputLimit))
	}
	if c.meter != nil {
		kv = append(kv, genAIResponseModel.String(c.meter.Model()), genAIResponseID.String(c.meter.ID()))
		if reasons := c.meter.FinishReasons(); len(reasons) > 0 {
			kv = append(kv, genAIFinish.StringSlice(reasons))
		}
	}
	if e := &c.event; e.ID != "" {
		kv = append(kv, genAIInput.Int64(e.Tokens.Input), genAIOutput.Int64(e.Tokens.Output), genAICacheRead.Int64(e.Tokens.CachedInput))
	}
	if kind := c.errorType(); kind != "" {
		kv = append(kv, attribute.String("error.type", kind))
	}
	return kv
}

// errorType names what went wrong at the provider: an error's type, a status, or how the call ended.
func (c *call) errorType() string {
	switch {
	case c.refused != "":
		return string(c.refused)
	case c.meter != nil && c.meter.Error() != "":
		return c.meter.Error()
	case c.failedStatus():
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
