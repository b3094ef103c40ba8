package main

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"

	"github.com/tollgate/tollgate/deploy/deploytest"
)

var updateFlag = flag.Bool("update", false, "write the table of metrics in docs/telemetry.md")

// Labels that metrics may have, and the values that each may take where OpenAI alone is configured and asked for chats.
var plannedLabels = map[string][]string{
	"provider": {"openai"},
	"api":      {"chat.completions"},
	"outcome": {
		"completed", "client_closed", "upstream_broken", "upstream_error", "interrupted", // of requests
		"delivered", "failed", "given_up", // of webhooks
	},
	"type":     {"account.low", "account.blocked", "account.reset", "grant.created"},
	"status":   {"none", "1xx", "2xx", "3xx", "4xx", "5xx"},
	"measured": {"provider", "estimated", "none"},
	"class":    {"input", "output", "cached_input", "cache_write_input", "reasoning_output"},
	"part":     {"admission", "settlement"},
	"call":     storeCalls,
	"code": {
		"invalid_api_key", "insufficient_quota", "tokens_held", "not_allowed", "account_suspended", "rate_limit_exceeded", "accounting_unavailable",
		"overloaded", "unmetered_endpoint", "invalid_request", "unsupported_encoding", "request_too_large", "provider_unavailable",
	},
	"version": nil, "go_version": nil, // one value each
}

// scrape is /metrics as text.
func (p *inProcess) scrape() string {
	p.t.Helper()
	res, text := p.do(p.request(p.t.Context(), "GET", p.admin+"/metrics", "", ""))
	if res.StatusCode != 200 {
		p.t.Fatalf("/metrics: %s", res.Status)
	}
	return string(text)
}

// families are the metrics of a scrape by name.
func families(t *testing.T, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	all, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// series are the names and labels in a scrape.
func series(text string) []string {
	var all []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			all = append(all, line[:strings.LastIndexByte(line, ' ')])
		}
	}
	slices.Sort(all)
	return all
}

// TestMetricsOfAnything sends what only a hostile caller would: random paths, methods, models, labels, keys and headers. Each kind of
// request shows its series once, and 10,000 more of them no other.
func TestMetricsOfAnything(t *testing.T) {
	const kinds, requests = 8, 10_000
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "")
	key := p.account("acme", 1<<40, "")
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	t.Cleanup(client.CloseIdleConnections)
	ask := func(i int) error {
		r := hostile(p, key, i%kinds)
		res, err := client.Do(r)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	for i := range 2 * kinds {
		if err := ask(i); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "events", func() bool { return len(p.events("acme")) == 2*3 })
	before := p.scrape()
	var crowd errgroup.Group
	crowd.SetLimit(8)
	for i := range requests {
		crowd.Go(func() error { return ask(i) })
	}
	if err := crowd.Wait(); err != nil {
		t.Fatal(err)
	}
	counted := func() float64 {
		n := 0.0
		for _, m := range families(t, p.scrape())["tollgate_requests_total"].GetMetric() {
			n += m.GetCounter().GetValue()
		}
		return n
	}
	eventually(t, "all requests are counted", func() bool { return counted() == 2*3+requests*3/kinds })
	after := p.scrape()
	if diff := cmp.Diff(series(before), series(after)); diff != "" {
		t.Errorf("requests made series: %s", diff)
	}
	unplanned := 0
	for name, family := range families(t, after) {
		for _, problem := range unplannedLabels(name, family) {
			unplanned++
			t.Error(problem)
		}
	}
	fmt.Printf("METRICS requests=%d series_before=%d series_after=%d unplanned=%d %s\n", requests, len(series(before)), len(series(after)), unplanned, resultOf(t))
}

func resultOf(t *testing.T) string {
	if t.Failed() {
		return "RESULT FAIL"
	}
	return "RESULT ok"
}

// hostile is a request of one of eight kinds with text that nobody has sent before; three kinds are metered.
func hostile(p *inProcess, key string, kind int) *http.Request {
	junk := fmt.Sprintf("%x", rand.Uint64())
	r := p.request(p.t.Context(), "POST", p.data+chatPath, key, fmt.Sprintf(`{"model":%q,"messages":[]}`, "model-"+junk))
	for _, name := range []string{"User-Agent", "X-Request-Id", "X-" + junk, "Traceparent", "Forwarded", "X-Forwarded-For", "Accept"} {
		r.Header.Set(name, junk+`"} 1`)
	}
	switch kind {
	case 0:
		r.URL.Path = "/v1/" + junk
	case 1:
		r.Header.Set("X-Tollgate-Chatbot", "bot-"+junk)
		r.Header.Set("X-Tollgate-User", "user-"+junk)
	case 2:
		r.Header.Set("X-Tollgate-Activity", "activity-"+junk)
	case 3:
		r.Header.Set("Authorization", "Bearer tg_"+junk)
	case 4:
		r.Method, r.URL.Path = "M"+junk, "/"+junk+"/v1/models"
	case 5:
		r.URL.Path = "/" + junk + chatPath
	case 6:
		r.URL.RawQuery = junk + "=" + junk
		r.Host = junk + ".example"
	}
	return r
}

// unplannedLabels are those of a metric that nobody has planned.
func unplannedLabels(name string, family *dto.MetricFamily) (problems []string) {
	if !strings.HasPrefix(name, "tollgate_") {
		return nil // the Go runtime's and the process's
	}
	for _, m := range family.GetMetric() {
		for _, label := range m.GetLabel() {
			planned, known := plannedLabels[label.GetName()]
			if !known || planned != nil && !slices.Contains(planned, label.GetValue()) {
				problems = append(problems, fmt.Sprintf("%s has an unplanned label %s=%q", name, label.GetName(), label.GetValue()))
			}
		}
	}
	return problems
}

// TestMetricsByPromtool has the real promtool judge a live /metrics, and the names be what the contract says.
func TestMetricsByPromtool(t *testing.T) {
	tool := deploytest.Promtool(t)
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "")
	p.do(p.request(t.Context(), "POST", p.data+chatPath, p.account("acme", 1<<40, ""), scripted("", `{}`)))
	text := p.scrape()
	check := exec.CommandContext(t.Context(), tool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
	for name, family := range families(t, text) {
		if !strings.HasPrefix(name, "tollgate_") && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("a metric is called %s", name)
		}
		if family.GetHelp() == "" {
			t.Errorf("%s has no help", name)
		}
	}
	if strings.Contains(text, "acme") {
		t.Error("an account is in a label")
	}
}

// TestExemplars: who asks for OpenMetrics gets, beside how long requests took, a trace to look at.
func TestExemplars(t *testing.T) {
	_, upstream := newUpstream(t)
	c := newCollector(t)
	p := startInProcess(t, upstream, testProviderKey, `telemetry: { otlp_endpoint: "`+c.origin+`" }`)
	key := p.account("acme", 1<<40, "")
	for i, sampled := range []string{"01", "00"} {
		r := p.request(t.Context(), "POST", p.data+chatPath, key, scripted("", `{}`))
		r.Header.Set("Traceparent", fmt.Sprintf("00-%s-%016x-%s", traceOf(i), 1, sampled))
		p.do(r)
	}
	eventually(t, "both events", func() bool { return len(p.events("acme")) == 2 })
	r := p.request(t.Context(), "GET", p.admin+"/metrics", "", "")
	r.Header.Set("Accept", "application/openmetrics-text; version=1.0.0")
	_, text := p.do(r)
	if !bytes.Contains(text, []byte(`# {trace_id="`+traceOf(0)+`"}`)) || bytes.Contains(text, []byte(traceOf(1))) {
		t.Errorf("want an exemplar of the trace %s, which is exported, and none of %s, which is not:\n%s", traceOf(0), traceOf(1), text)
	}
	if strings.Contains(p.scrape(), "trace_id") {
		t.Error("the older format has exemplars, which it does not know")
	}
}

const telemetryPage = "../../docs/telemetry.md"

// TestMetricsAreWritten compares the table in docs/telemetry.md with what the gateway shows.
func TestMetricsAreWritten(t *testing.T) {
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "")
	p.do(p.request(t.Context(), "POST", p.data+chatPath, p.account("acme", 1<<40, ""), scripted("", `{"cached":1,"reasoning":1}`)))
	eventually(t, "an event", func() bool { return len(p.events("acme")) == 1 })
	var table strings.Builder
	table.WriteString("| metric | type | labels | is |\n|---|---|---|---|\n")
	all := families(t, p.scrape())
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if f := all[name]; strings.HasPrefix(name, "tollgate_") {
			fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", name, strings.ToLower(f.GetType().String()), labelNames(f), f.GetHelp())
		}
	}
	page, err := os.ReadFile(telemetryPage)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- metrics: written by go test ./cmd/tollgate -run MetricsAreWritten -update -->\n", "<!-- end of metrics -->"
	head, rest, found := strings.Cut(string(page), begin)
	old, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", telemetryPage)
	}
	if *updateFlag {
		if err := os.WriteFile(telemetryPage, []byte(head+begin+table.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(old, table.String()); diff != "" {
		t.Errorf("%s is not what the gateway shows; -update writes it: %s", telemetryPage, diff)
	}
}

// TestAttributesAreWritten compares the tables of attributes in docs/telemetry.md with what spans may have.
func TestAttributesAreWritten(t *testing.T) {
	page, err := os.ReadFile(telemetryPage)
	if err != nil {
		t.Fatal(err)
	}
	for span, keys := range map[string][]string{"SERVER": serverKeys, "CLIENT": clientKeys} {
		_, section, found := strings.Cut(string(page), "### Attributes of the "+span+" span\n")
		section, _, _ = strings.Cut(section, "\n#")
		var written []string
		for line := range strings.Lines(section) {
			if name, ok := strings.CutPrefix(line, "| `"); ok {
				name, _, _ = strings.Cut(name, "`")
				written = append(written, name)
			}
		}
		slices.Sort(written)
		if diff := cmp.Diff(slices.Sorted(slices.Values(keys)), written); !found || diff != "" {
			t.Errorf("%s span: %s", span, diff)
		}
	}
}

func labelNames(f *dto.MetricFamily) string {
	var names []string
	for _, label := range f.GetMetric()[0].GetLabel() {
		names = append(names, "`"+label.GetName()+"`")
	}
	return strings.Join(names, ", ")
}
