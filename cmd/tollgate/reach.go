package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/proxy/provider"
)

// outward calls as the gateway does, by the proxy of the environment if there is one.
func outward() *http.Client {
	return plainClient(&http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true})
}

// examineProvider asks for something that costs nothing.
func examineProvider(ctx context.Context, c config.Provider) finding {
	name := "providers." + c.Name
	p, err := provider.New(providerSettings(c))
	if err != nil {
		return finding{failing, name, err.Error()}
	}
	if missing := p.Missing(); missing != "" {
		return finding{suspect, name, "not asked: " + missing + " is empty"}
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	path := freePath(p.Row)
	q := (&http.Request{Method: http.MethodGet, URL: &url.URL{}, Header: http.Header{}}).WithContext(ctx)
	p.Address(q, path)
	if err := p.Authorize(q, nil); err != nil {
		return finding{failing, name, err.Error()}
	}
	began := time.Now()
	res, err := outward().Do(q)
	if err != nil {
		return finding{failing, name, p.Host() + ": " + reason(err)}
	}
	res.Body.Close()
	status, detail := judgeProvider(p, path, res)
	return finding{status, name, fmt.Sprintf("%s: %s (GET %s: %d in %d ms)", p.Host(), detail, path, res.StatusCode, time.Since(began).Milliseconds())}
}

func judgeProvider(p *provider.Provider, path string, res *http.Response) (verdict, string) {
	status := res.StatusCode
	switch {
	case p.RejectsCredentials(res) && p.HasCredentials():
		return failing, "rejects the key"
	case p.RejectsCredentials(res):
		return failing, "wants a key, and " + p.Setting + " is empty"
	case path == nothing && status < 500:
		return fine, "reached, but it has nothing free to ask, so the key was not tried"
	case status == http.StatusNotFound:
		return suspect, "reached, but it does not know the path: is base_url right?"
	case status >= 500:
		return suspect, "reached, but it fails"
	case status >= 300:
		return suspect, "reached, with an unexpected status"
	}
	return fine, "answers"
}

// nothing is the path that is asked where no path is known to be free.
const nothing = "/"

// freePath is a path of the table that only reads, most likely the list of models.
func freePath(row *provider.Row) string {
	for _, p := range row.Paths {
		if p.API == nil && p.Method == http.MethodGet && !strings.Contains(p.Pattern, "{") {
			return p.Pattern
		}
	}
	return nothing
}

// reason is an error of a call without the URL, which may have credentials in it.
func reason(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err) {
		return fmt.Sprintf("no answer within %s", tryFor)
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is not trusted: " + err.Error()
	}
	return err.Error()
}

// examineTelemetry finds nothing where no endpoint is set.
func examineTelemetry(ctx context.Context, c config.Telemetry) []finding {
	endpoint := telemetryEndpoint(c)
	if endpoint == "" {
		return nil
	}
	to, err := url.Parse(endpoint)
	if err != nil || to.Host == "" {
		return []finding{{failing, "telemetry", "the endpoint is no URL"}}
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor)
	defer cancel()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return []finding{{failing, "telemetry", to.Host + ": " + err.Error()}}
	}
	res, err := outward().Do(q)
	if err != nil {
		return []finding{{failing, "telemetry", to.Host + ": " + reason(err)}}
	}
	res.Body.Close()
	return []finding{{fine, "telemetry", to.Host + ": reached"}}
}

// telemetryEndpoint is where newTelemetry sends spans; "": nowhere.
func telemetryEndpoint(c config.Telemetry) string {
	if os.Getenv("OTEL_SDK_DISABLED") == "true" || os.Getenv("OTEL_TRACES_EXPORTER") == "none" {
		return ""
	}
	return cmp.Or(c.OTLPEndpoint, os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"), os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"))
}

// examinePorts wants each port free, or served by a tollgate.
func examinePorts(ctx context.Context, c *config.Config) []finding {
	return []finding{
		examinePort(ctx, "listen", c.Listen, c.TLS, askDataPlane),
		examinePort(ctx, "admin.listen", c.Admin.Listen, c.Admin.TLS, askAdminPlane),
	}
}

func examinePort(ctx context.Context, name, listen string, t *config.TLS, ask func(context.Context, *http.Client, string) (verdict, string)) finding {
	l, err := net.Listen("tcp", listen)
	if err == nil {
		l.Close()
		return finding{fine, name, listen + ": free"}
	}
	if !errors.Is(err, syscall.EADDRINUSE) {
		return finding{failing, name, err.Error()}
	}
	ctx, cancel := context.WithTimeout(ctx, tryFor/2)
	defer cancel()
	client, origin, err := localClient(listen, t)
	if err != nil {
		return finding{failing, name, listen + ": in use, and " + err.Error()}
	}
	status, detail := ask(ctx, client, origin)
	return finding{status, name, listen + ": " + detail}
}

const foreign = "in use, and not by a tollgate that listens as the file says"

// askDataPlane knows a tollgate by its refusal.
func askDataPlane(ctx context.Context, client *http.Client, origin string) (verdict, string) {
	res, err := get(ctx, client, origin+"/tollgate/v1/tokens")
	if err != nil {
		return failing, foreign + ": " + reason(err)
	}
	res.Body.Close()
	if res.Header.Get("X-Tollgate-Error") == "" {
		return failing, foreign
	}
	return fine, "served by a tollgate"
}

func askAdminPlane(ctx context.Context, client *http.Client, origin string) (verdict, string) {
	res, err := get(ctx, client, origin+"/readyz")
	if err != nil {
		return failing, foreign + ": " + reason(err)
	}
	defer res.Body.Close()
	var said struct {
		Status string
		Error  *refusal
	}
	err = json.NewDecoder(io.LimitReader(res.Body, 1<<16)).Decode(&said)
	switch {
	case err == nil && res.StatusCode == http.StatusOK && said.Status == "ready":
		return fine, "served by a tollgate that is ready"
	case err == nil && res.StatusCode == http.StatusServiceUnavailable && said.Error != nil:
		return suspect, "served by a tollgate: " + said.Error.Message
	}
	return failing, foreign
}

func get(ctx context.Context, client *http.Client, url string) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return client.Do(q)
}
