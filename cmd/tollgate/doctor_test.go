package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/proxy/provider"
)

// clinic examines a gateway.yaml in a folder of its own.
type clinic struct {
	t   *testing.T
	dir string
}

func newClinic(t *testing.T) *clinic { return &clinic{t, t.TempDir()} }

// examine gives what doctor says by name, the last of those with one name, and its status.
func (c *clinic) examine(yaml string) (status int, findings map[string]finding) {
	c.t.Helper()
	file := filepath.Join(c.dir, "gateway.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		c.t.Fatal(err)
	}
	var out, complaints strings.Builder
	began := time.Now()
	status = run([]string{"doctor", "--json", "--config", file}, &out, &complaints)
	if took := time.Since(began); took > 15*time.Second {
		c.t.Errorf("doctor took %s", took)
	}
	var said struct {
		OK     bool
		Checks []finding
	}
	if err := json.Unmarshal([]byte(out.String()), &said); err != nil {
		c.t.Fatalf("doctor --json: %v: %s%s", err, out.String(), complaints.String())
	}
	findings = map[string]finding{}
	sick := false
	for _, f := range said.Checks {
		findings[f.Name] = f
		sick = sick || f.Status == failing
	}
	if said.OK == sick || (status == 0) == sick || status > statusFailed {
		c.t.Errorf("doctor ended with status %d and ok %v: %+v", status, said.OK, said.Checks)
	}
	if strings.Contains(out.String()+complaints.String(), testProviderKey) {
		c.t.Errorf("doctor printed a key: %s", out.String())
	}
	return status, findings
}

// want compares a finding's status and a part of its detail.
func (c *clinic) want(findings map[string]finding, name string, status verdict, words string) {
	c.t.Helper()
	f, ok := findings[name]
	if !ok || f.Status != status || !strings.Contains(f.Detail, words) {
		c.t.Errorf("%s: got %+v, want %s with %q", name, f, status, words)
	}
}

func yamlFor(data, origin, key, more string) string {
	return fmt.Sprintf("listen: 127.0.0.1:0\nadmin: { listen: \"127.0.0.1:0\", token: %q }\ndata_dir: %q\nproviders:\n  openai: { api_key: %q, base_url: %q }\n%s",
		testToken, data, key, origin, more)
}

func TestDoctorBeforeTheFirstStart(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	witness, origin := newUpstream(t)
	data := filepath.Join(c.dir, "not", "yet")
	_, found := c.examine(yamlFor(data, origin, testProviderKey, ""))
	c.want(found, "config", fine, "gateway.yaml")
	c.want(found, "data_dir", fine, "the first start makes it")
	c.want(found, "store", fine, "the first start makes it")
	c.want(found, "clock", fine, "")
	c.want(found, "providers.openai", fine, "answers (GET /v1/models: 200")
	c.want(found, "listen", fine, "free")
	c.want(found, "admin.listen", fine, "free")
	if _, ok := found["telemetry"]; ok {
		t.Error("telemetry is not set, and was examined")
	}
	if _, ok := found["disk"]; !ok {
		t.Error("the disk was not examined")
	}
	for _, a := range witness.Answered() {
		if a.API != "models" || a.Input+a.Output != 0 {
			t.Errorf("doctor asked for %s %s, which is billed", a.Method, a.Path)
		}
	}
	if left, _ := os.ReadDir(c.dir); len(left) != 1 {
		t.Errorf("doctor left %v", left)
	}
}

func TestDoctorOnProviders(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	_, origin := newUpstream(t)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/broken"):
			w.WriteHeader(http.StatusBadGateway)
		case strings.HasPrefix(r.URL.Path, "/keyless"):
			w.WriteHeader(http.StatusUnauthorized)
		case strings.HasPrefix(r.URL.Path, "/moved"):
			http.Redirect(w, r, origin, http.StatusFound)
		default:
			http.NotFound(w, r)
		}
	}))
	defer other.Close()
	private := httptest.NewUnstartedServer(http.NotFoundHandler())
	private.Config.ErrorLog = log.New(io.Discard, "", 0)
	private.StartTLS()
	defer private.Close()
	yaml := strings.ReplaceAll(fmt.Sprintf(`
  wrong: { api: openai, api_key: "sk-not-this-one", base_url: %q }
  down: { api: openai, api_key: KEY, base_url: "http://127.0.0.1:1" }
  broken: { api: openai, api_key: KEY, base_url: "%[2]s/broken" }
  moved: { api: openai, api_key: KEY, base_url: "%[2]s/moved" }
  lost: { api: openai, base_url: "%[2]s/lost" }
  keyless: { api: openai, base_url: "%[2]s/keyless" }
  private: { api: openai, api_key: KEY, base_url: %q }
`, origin, other.URL, private.URL), "KEY", testProviderKey)
	status, found := c.examine(yamlFor(filepath.Join(c.dir, "data"), origin, testProviderKey, yaml))
	if status != statusFailed {
		t.Errorf("status %d", status)
	}
	c.want(found, "providers.openai", fine, "answers")
	c.want(found, "providers.wrong", failing, "rejects the key")
	c.want(found, "providers.down", failing, "127.0.0.1:1: dial tcp")
	c.want(found, "providers.broken", suspect, "it fails")
	c.want(found, "providers.moved", suspect, "unexpected status")
	c.want(found, "providers.lost", suspect, "is base_url right?")
	c.want(found, "providers.keyless", failing, "wants a key, and providers.keyless.api_key is empty")
	c.want(found, "providers.private", failing, "not trusted")
	_, found = c.examine(fmt.Sprintf("listen: 127.0.0.1:0\nadmin: { listen: \"127.0.0.1:0\" }\ndata_dir: %q\nproviders: { openai: {} }\n", c.dir))
	c.want(found, "providers.openai", suspect, "not asked: providers.openai.api_key is empty")
}

func TestDoctorBesideARunningGateway(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	s := newSite(t)
	gateway := s.serve()
	s.answers(gateway, gateway.account("acme", 1_000_000, ""))
	gateway.events("acme")
	collector := newCollector(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	yaml := func(listen, admin, endpoint string) string {
		return fmt.Sprintf("listen: %q\nadmin: { listen: %q }\ndata_dir: %q\nproviders: { openai: { base_url: %q, api_key: %q } }\ntelemetry: { otlp_endpoint: %q }\n",
			strings.TrimPrefix(listen, "http://"), strings.TrimPrefix(admin, "http://"), s.data, s.upstream, testProviderKey, endpoint)
	}
	_, found := c.examine(yaml(gateway.data, gateway.admin, collector.origin))
	c.want(found, "store", fine, "read whole, sound")
	c.want(found, "clock", fine, "")
	c.want(found, "listen", fine, "served by a tollgate")
	c.want(found, "admin.listen", fine, "served by a tollgate that is ready")
	c.want(found, "telemetry", fine, "reached")

	gateway.ready.Store(false)
	_, found = c.examine(yaml(taken.Addr().String(), gateway.admin, "http://127.0.0.1:1"))
	c.want(found, "listen", failing, "not by a tollgate")
	c.want(found, "admin.listen", suspect, "not ready")
	c.want(found, "telemetry", failing, "127.0.0.1:1")
	gateway.ready.Store(true)
	_, found = c.examine(yaml(gateway.admin, gateway.data, "")) // the wrong way round
	c.want(found, "listen", failing, "not by a tollgate")
	c.want(found, "admin.listen", failing, "not by a tollgate")
	gateway.end()

	if err := os.WriteFile(s.stored, []byte(strings.Repeat("rubbish ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, found = c.examine(yaml("127.0.0.1:0", "127.0.0.1:0", ""))
	c.want(found, "store", failing, "not a database")
}

func TestDoctorPrintsLinesAndProblems(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	_, found := c.examine("lisen: 127.0.0.1:8080\n")
	c.want(found, "config", failing, "gateway.yaml:1:1:")
	if len(found) != 1 {
		t.Errorf("a file that can't be read was examined further: %+v", found)
	}
	file := filepath.Join(c.dir, "gateway.yaml")
	text := yamlFor(filepath.Join(c.dir, "gateway.yaml", "data"), "http://127.0.0.1:1", testProviderKey, "")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, complaints strings.Builder
	if status := run([]string{"doctor", "--config", file}, &out, &complaints); status != statusFailed {
		t.Errorf("status %d, want 1", status)
	}
	for _, start := range []string{"ok    config  ", "fail  data_dir  ", "fail  providers.openai  "} {
		if !strings.Contains(strings.Join(strings.Fields("\n"+out.String()), " "), strings.Join(strings.Fields(start), " ")) {
			t.Errorf("no line %q in\n%s%s", start, out.String(), complaints.String())
		}
	}
}

func TestDoctorJudges(t *testing.T) {
	now := time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		got  finding
		want verdict
	}{
		"fast disk":          {judgeDisk(300 * time.Microsecond), fine},
		"disk at the bound":  {judgeDisk(20 * time.Millisecond), fine},
		"slow disk":          {judgeDisk(21 * time.Millisecond), suspect},
		"clock, no event":    {judgeClock(now, time.Time{}), fine},
		"clock, older event": {judgeClock(now, now.Add(-time.Hour)), fine},
		"clock, this moment": {judgeClock(now, now.Add(time.Second)), fine},
		"clock set back":     {judgeClock(now, now.Add(time.Minute)), failing},
		"clock of 1970":      {judgeClock(time.Unix(1000, 0), time.Time{}), failing},
	} {
		if tc.got.Status != tc.want {
			t.Errorf("%s: got %+v, want %s", name, tc.got, tc.want)
		}
	}
}

// TestDoctorAsksWhatIsFree: whatever rows there will be, a GET of theirs must not be billed.
func TestDoctorAsksWhatIsFree(t *testing.T) {
	for name, row := range provider.Rows {
		p, err := provider.New(provider.Settings{Name: name, API: name, BaseURL: "http://provider", Key: "k"})
		if err != nil {
			t.Fatal(err)
		}
		path := freePath(row)
		if route, ok := p.Route(http.MethodGet, path); path != "/" && (!ok || route.API != nil) {
			t.Errorf("%s: GET %s is %+v, %v", name, path, route, ok)
		}
	}
}

func TestDoctorKnowsWhereTracesGo(t *testing.T) {
	file := config.Telemetry{OTLPEndpoint: "http://file"}
	if got := telemetryEndpoint(file); got != "http://file" {
		t.Errorf("got %q", got)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env")
	if got := telemetryEndpoint(config.Telemetry{}); got != "http://env" {
		t.Errorf("got %q", got)
	}
	t.Setenv("OTEL_SDK_DISABLED", "true")
	if got := telemetryEndpoint(file); got != "" {
		t.Errorf("got %q", got)
	}
}
