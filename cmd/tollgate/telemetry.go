package main

import (
	"context"
	"fmt"
	stdlog "log"
	"log/slog"
	"os"
	"strings"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelresource "go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/proxy"
)

// telemetry exports spans; its zero value makes none.
type telemetry struct{ provider *sdktrace.TracerProvider }

// newTelemetry sets traces up when the file or an OTEL_* variable says where they go; replica tells this gateway's from
// others'. Globals of libraries get our log:
// OpenTelemetry's, and the standard one, into which net/http's client writes what it finds on idle connections.
func newTelemetry(ctx context.Context, c config.Telemetry, replica string, log *slog.Logger) (*telemetry, error) {
	stdlog.SetFlags(0)
	stdlog.SetOutput(proxy.LibraryLog(log).Writer())
	otel.SetLogger(logr.FromSlogHandler(log.Handler()))
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("telemetry", "error", err) }))
	var options []otlptracehttp.Option
	switch {
	case os.Getenv("OTEL_SDK_DISABLED") == "true", os.Getenv("OTEL_TRACES_EXPORTER") == "none": // which the SDK leaves to programs
		return &telemetry{}, nil
	case c.OTLPEndpoint != "":
		options = append(options, otlptracehttp.WithEndpointURL(strings.TrimRight(c.OTLPEndpoint, "/")+"/v1/traces"))
	case os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "":
		return &telemetry{}, nil
	}
	exporter, err := otlptracehttp.New(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("telemetry.otlp_endpoint: %w", err)
	}
	// Attributes of the environment come last, so that OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win.
	res, err := otelresource.New(ctx, otelresource.WithTelemetrySDK(),
		otelresource.WithAttributes(semconv.ServiceName("tollgate"), semconv.ServiceVersion(version), semconv.ServiceInstanceID(replica)),
		otelresource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	tracing := []sdktrace.TracerProviderOption{sdktrace.WithBatcher(exporter), sdktrace.WithResource(res)}
	if os.Getenv("OTEL_TRACES_SAMPLER") == "" {
		tracing = append(tracing, sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(c.SampleRatio))))
	}
	return &telemetry{sdktrace.NewTracerProvider(tracing...)}, nil
}

// tracer is nil when no spans are made.
func (t *telemetry) tracer() trace.Tracer {
	if t.provider == nil {
		return nil
	}
	return t.provider.Tracer("github.com/tollgate/tollgate")
}

// stop sends what is still queued.
func (t *telemetry) stop(ctx context.Context) error {
	if t.provider == nil {
		return nil
	}
	return t.provider.Shutdown(ctx)
}
