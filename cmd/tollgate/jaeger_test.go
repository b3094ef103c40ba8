package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/tollgate/tollgate/deploy/deploytest"
)

// jaeger is the API of a running one.
type jaeger struct{ origin string }

// get is the answer of Jaeger's API.
func (j *jaeger) get(ctx context.Context, path string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, j.origin+path, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s: %.300s", path, res.Status, body)
	}
	return body, err
}

// trace is what Jaeger's newer API tells of a trace, and the bytes of that answer.
func (j *jaeger) trace(t *testing.T, id string) (*traced, []byte) {
	t.Helper()
	body, err := j.get(t.Context(), "/api/v3/traces/"+id)
	if err != nil {
		t.Errorf("trace %s: %v", id, err)
		return nil, nil
	}
	var answer struct {
		Result struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []jaegerSpan }
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	got := &traced{}
	for _, resource := range answer.Result.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				span, err := s.decode()
				if err != nil {
					t.Fatalf("%v in %s", err, body)
				}
				if span.Kind == tracepb.Span_SPAN_KIND_SERVER {
					got.server = append(got.server, span)
				} else {
					got.client = append(got.client, span)
				}
			}
		}
	}
	return got, body
}

// jaegerSpan is OTLP's JSON: ids in hex and not in base64, as the JSON of protobuf has them.
type jaegerSpan struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                tracepb.Span_SpanKind
	StartTimeUnixNano, EndTimeUnixNano  string
	Attributes                          []json.RawMessage
	Status                              struct{ Code tracepb.Status_StatusCode }
}

func (s jaegerSpan) decode() (*tracepb.Span, error) {
	span := &tracepb.Span{Name: s.Name, Kind: s.Kind, Status: &tracepb.Status{Code: s.Status.Code}}
	var errs [5]error
	span.TraceId, errs[0] = hex.DecodeString(s.TraceID)
	span.SpanId, errs[1] = hex.DecodeString(s.SpanID)
	span.ParentSpanId, errs[2] = hex.DecodeString(s.ParentSpanID)
	span.StartTimeUnixNano, errs[3] = strconv.ParseUint(s.StartTimeUnixNano, 10, 64)
	span.EndTimeUnixNano, errs[4] = strconv.ParseUint(s.EndTimeUnixNano, 10, 64)
	for _, raw := range s.Attributes {
		kv := &commonpb.KeyValue{}
		if err := protojson.Unmarshal(raw, kv); err != nil {
			return nil, err
		}
		if kv.Key != "@jaeger@warnings" { // that it never got the span of the caller, for one
			span.Attributes = append(span.Attributes, kv)
		}
	}
	return span, errors.Join(errs[:]...)
}

// TestSpansInJaeger: the same spans as a real Jaeger has them, found by the trace id of the event, and tokens that add up to the
// event's.
func TestSpansInJaeger(t *testing.T) {
	otlp, query := deploytest.Jaeger(t)
	j := &jaeger{query}
	run := runSpanCases(t, otlp)
	traces := map[string]*traced{}
	var exported bytes.Buffer
	spans, unknown := 0, 0
	for i := range run.cases {
		id := traceOf(i)
		got, body := j.trace(t, id)
		if got == nil {
			continue
		}
		exported.Write(body)
		traces[id] = got
		spans += len(got.server) + len(got.client)
		unknown += countUnknown(got)
	}
	run.check(t, traces)
	run.hide(t, exported.Bytes())
	equal := 0
	for id, e := range run.events {
		if tokens := j.tokens(t, id); tokens != e.Tokens.Total {
			t.Errorf("the trace %s of event %s has %d tokens, the event %d", id, e.ID, tokens, e.Tokens.Total)
		} else {
			equal++
		}
	}
	if body, err := j.get(t.Context(), "/api/v3/traces/"+traceOf(999)); err == nil {
		t.Errorf("a stranger made a trace: %s", body)
	}
	if unknown > 0 {
		t.Errorf("%d attributes are neither OpenTelemetry's nor tollgate.*", unknown)
	}
	fmt.Printf("TRACE traces=%d spans=%d tokens_equal=%d/%d unknown_attributes=%d %s\n", len(traces), spans, equal, len(run.events), unknown, resultOf(t))
}

// countUnknown counts attributes that neither OpenTelemetry's packages nor docs/telemetry.md name.
func countUnknown(got *traced) (n int) {
	for _, s := range got.server {
		n += len(unknownAttributes(s, serverKeys))
	}
	for _, s := range got.client {
		n += len(unknownAttributes(s, clientKeys))
	}
	return n
}

// tokens are those of a trace, input and output, as Jaeger's older API tells them: the one that its page asks.
func (j *jaeger) tokens(t *testing.T, id string) (sum int64) {
	t.Helper()
	body, err := j.get(t.Context(), "/api/traces/"+id)
	if err != nil {
		t.Errorf("event's trace %s: %v", id, err)
		return -1
	}
	var answer struct {
		Data []struct {
			TraceID string
			Spans   []struct {
				Tags []struct {
					Key   string
					Value any
				}
			}
			Processes map[string]struct{ ServiceName string }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Data) != 1 || !strings.HasSuffix(id, answer.Data[0].TraceID) {
		t.Fatalf("want the one trace %s: %v, %s", id, err, body)
	}
	for _, p := range answer.Data[0].Processes {
		if p.ServiceName != "tollgate" {
			t.Errorf("the service is called %s", p.ServiceName)
		}
	}
	for _, s := range answer.Data[0].Spans {
		for _, tag := range s.Tags {
			if n, ok := tag.Value.(float64); ok && (tag.Key == "gen_ai.usage.input_tokens" || tag.Key == "gen_ai.usage.output_tokens") {
				sum += int64(n)
			}
		}
	}
	return sum
}
