package main

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/tollgate/tollgate/deploy/deploytest"
)

const deployDir = "../../deploy"

// composition is what of deploy/compose.yaml the tests look at.
type composition struct {
	Services map[string]service
	Volumes  map[string]any
}

type service struct {
	Image       string
	Build       struct{ Context string }
	Command     []string
	Environment map[string]string
	Volumes     []string
	Ports       []string
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
}

func readDeployed(t *testing.T, path string, out any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(deployDir, path))
	if err == nil {
		err = yaml.Unmarshal(content, out)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func readComposition(t *testing.T) (c composition) {
	t.Helper()
	readDeployed(t, "compose.yaml", &c)
	if len(c.Services) < 5 {
		t.Fatalf("%d services", len(c.Services))
	}
	return c
}

// TestComposeHoldsTogether: what compose.yaml names is there, nothing is published beyond loopback, no version floats.
func TestComposeHoldsTogether(t *testing.T) {
	c := readComposition(t)
	pinned := regexp.MustCompile(`^[a-z/]+:v?\d+\.\d+(\.\d+)?$`)
	for name, s := range c.Services {
		if s.Build.Context == "" && !pinned.MatchString(s.Image) {
			t.Errorf("%s: the image %q has no exact version", name, s.Image)
		}
		if s.Build.Context != "" {
			if _, err := os.Stat(filepath.Join(deployDir, s.Build.Context, "Dockerfile")); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(s.Healthcheck.Test) < 2 {
			t.Errorf("%s has no health check", name)
		}
		for _, port := range s.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s publishes %s to everyone", name, port)
			}
		}
		for on, how := range s.DependsOn {
			if _, ok := c.Services[on]; !ok || how.Condition != "service_healthy" {
				t.Errorf("%s waits for %s to be %q", name, on, how.Condition)
			}
		}
		for _, volume := range s.Volumes {
			source, _, _ := strings.Cut(volume, ":")
			if strings.HasPrefix(source, ".") {
				if _, err := os.Stat(filepath.Join(deployDir, source)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			} else if _, ok := c.Volumes[source]; !ok {
				t.Errorf("%s: no volume is called %s", name, source)
			}
		}
	}
}

// TestComposeHasNoPassword: whatever is secret comes from .env and is asked for; env.example names all that compose.yaml reads,
// and fills in nothing.
func TestComposeHasNoPassword(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(deployDir, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile(filepath.Join(deployDir, "env.example"))
	if err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, m := range regexp.MustCompile(`\$\{(\w+)([^}]*)\}`).FindAllStringSubmatch(string(content), -1) {
		read[m[1]] = true
		if optional := strings.HasSuffix(m[1], "_API_KEY"); optional != (m[2] == ":-") || !optional && !strings.HasPrefix(m[2], ":?") {
			t.Errorf("%s: a secret without which nothing starts, or a key that may be empty, stands as %s", m[1], m[0])
		}
	}
	for line := range strings.Lines(string(example)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), "=")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		if value != "" || !read[name] {
			t.Errorf("env.example: %s: compose.yaml reads it: %t, it is filled in: %t", name, read[name], value != "")
		}
		delete(read, name)
	}
	if len(read) > 0 {
		t.Errorf("env.example says nothing of %v", read)
	}
	for name, s := range readComposition(t).Services {
		for variable, value := range s.Environment {
			secret := strings.Contains(variable, "PASSWORD") || strings.Contains(variable, "TOKEN") || strings.Contains(variable, "KEY")
			if secret && !strings.HasPrefix(value, "${") {
				t.Errorf("%s: %s is in the file", name, variable)
			}
		}
	}
}

// TestComposeFindsItsParts: each address in the files that compose.yaml mounts is a service of it, at a port where that listens.
func TestComposeFindsItsParts(t *testing.T) {
	c := readComposition(t)
	var gateway struct {
		Listen    string
		Admin     struct{ Listen string }
		Store     string
		Telemetry struct {
			Endpoint string `yaml:"otlp_endpoint"`
		}
	}
	readDeployed(t, "gateway/gateway.yaml", &gateway)
	var scraped struct {
		Jobs []struct {
			Static []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
		Rules []string `yaml:"rule_files"`
	}
	readDeployed(t, "prometheus/prometheus.yml", &scraped)
	var sources struct{ Datasources []struct{ UID, URL string } }
	readDeployed(t, "grafana/provisioning/datasources/tollgate.yml", &sources)

	_, dataPort, _ := strings.Cut(gateway.Listen, ":")
	_, adminPort, _ := strings.Cut(gateway.Admin.Listen, ":")
	listens := map[string][]string{"gateway": {dataPort, adminPort}, "postgres": {"5432"}, "jaeger": {"4318", "16686"}, "prometheus": {"9090"}, "grafana": {"3000"}}
	addresses := []string{gateway.Store, gateway.Telemetry.Endpoint}
	for _, job := range scraped.Jobs {
		for _, static := range job.Static {
			for _, target := range static.Targets {
				addresses = append(addresses, "http://"+target)
				if !strings.HasSuffix(target, ":"+adminPort) {
					t.Errorf("Prometheus scrapes %s, metrics are at port %s", target, adminPort)
				}
			}
		}
	}
	for _, s := range sources.Datasources {
		addresses = append(addresses, s.URL)
	}
	if len(addresses) < 5 {
		t.Errorf("only %q are named", addresses)
	}
	for _, address := range addresses {
		u, err := url.Parse(regexp.MustCompile(`\$\{\w+\}`).ReplaceAllString(address, "x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := c.Services[u.Hostname()]; !ok || !slices.Contains(listens[u.Hostname()], u.Port()) {
			t.Errorf("%s is no service of compose.yaml at that port", address)
		}
	}
	for name, s := range c.Services {
		for _, port := range s.Ports {
			if inside := port[strings.LastIndexByte(port, ':')+1:]; !slices.Contains(listens[name], inside) {
				t.Errorf("%s publishes port %s, where it does not listen", name, inside)
			}
		}
	}
	for _, file := range scraped.Rules {
		if _, err := os.Stat(filepath.Join(deployDir, "prometheus", file)); err != nil {
			t.Error(err)
		}
	}
	checkDataSources(t, func(uid string) bool {
		return slices.ContainsFunc(sources.Datasources, func(s struct{ UID, URL string }) bool { return s.UID == uid })
	})
}

// checkDataSources: the dashboard asks only data sources that are provisioned.
func checkDataSources(t *testing.T, provisioned func(uid string) bool) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(deployDir, "grafana/dashboards/tollgate.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID         int
			Type       string
			Datasource struct{ UID string }
			GridPos    struct{ X, W int }
		}
	}
	if err := json.Unmarshal(content, &board); err != nil {
		t.Fatal(err)
	}
	ids := map[int]bool{}
	for _, p := range board.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d: its id is taken or it leaves the grid", p.ID)
		}
		ids[p.ID] = true
		if p.Type != "row" && !provisioned(p.Datasource.UID) {
			t.Errorf("panel %d asks %q, which is not provisioned", p.ID, p.Datasource.UID)
		}
	}
}

// TestComposedGateway: its settings pass `tollgate check`, and its health check says what it should.
func TestComposedGateway(t *testing.T) {
	t.Setenv("TOLLGATE_ADMIN_TOKEN", testToken)
	t.Setenv("POSTGRES_PASSWORD", "0123456789abcdef")
	var said bytes.Buffer
	if status := run([]string{"check", "--config", filepath.Join(deployDir, "gateway/gateway.yaml")}, &said, &said); status != 0 {
		t.Errorf("tollgate check: status %d: %s", status, &said)
	}
	gateway := readComposition(t).Services["gateway"]
	if want := []string{"serve", "--config", "/etc/tollgate/gateway.yaml"}; !slices.Equal(gateway.Command, want) || !slices.Contains(gateway.Volumes, "./gateway:/etc/tollgate:ro") {
		t.Errorf("the gateway runs %q with %q", gateway.Command, gateway.Volumes)
	}
	test := gateway.Healthcheck.Test
	if test[0] != "CMD" || test[1] != "/tollgate" {
		t.Fatalf("the health check %q is not the program itself, and there is no other in its image", test)
	}
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "")
	t.Setenv("TOLLGATE_ADMIN_URL", p.admin)
	if status := run(test[2:], &said, &said); status != 0 {
		t.Errorf("the health check of a gateway that is well: status %d: %s", status, &said)
	}
	p.end()
	if status := run(test[2:], &said, &said); status != statusFailed {
		t.Errorf("the health check of a gateway that is gone: status %d", status)
	}
}

// TestRulesByPromtool: promtool finds nothing in the rules and the settings, each alert's own tests hold, and each has two: one where it
// fires, and one where all is well and it does not.
func TestRulesByPromtool(t *testing.T) {
	tool := deploytest.Promtool(t)
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml"}} {
		cmd := exec.CommandContext(t.Context(), tool, args...)
		cmd.Dir = filepath.Join(deployDir, "prometheus")
		if out, err := cmd.CombinedOutput(); err != nil || bytes.Contains(out, []byte("FAIL")) {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	var rules struct {
		Groups []struct{ Rules []struct{ Alert string } }
	}
	readDeployed(t, "prometheus/alerts.yml", &rules)
	var tests struct {
		Tests []struct {
			Cases []struct {
				Alert string `yaml:"alertname"`
				Fires []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readDeployed(t, "prometheus/alerts_test.yml", &tests)
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, c := range test.Cases {
			if len(c.Fires) > 0 {
				fires[c.Alert] = true
			} else {
				quiet[c.Alert] = true
			}
		}
	}
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			if r.Alert != "" && (!fires[r.Alert] || !quiet[r.Alert]) {
				t.Errorf("%s: there is a test where it fires: %t, and one where it does not: %t", r.Alert, fires[r.Alert], quiet[r.Alert])
			}
		}
	}
}
