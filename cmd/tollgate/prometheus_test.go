package main_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/tollgate/tollgate/deploy/deploytest"
)

const (
	rulesFile     = "../../deploy/prometheus/alerts.yml"
	dashboardFile = "../../deploy/grafana/dashboards/tollgate.json"
	runbooksFile  = "../../docs/runbooks.md"
)

// scraper is a running Prometheus.
type scraper struct{ origin string }

// sample is one value of a query's answer.
type sample struct {
	labels map[string]string
	value  float64
}

// query is an instant query; its error is Prometheus' own.
func (p *scraper) query(t *testing.T, expr string) ([]sample, error) {
	t.Helper()
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	p.get(t, "/api/v1/query?query="+url.QueryEscape(expr), &answer)
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", expr, answer.Error)
	}
	var all []sample
	for _, r := range answer.Data.Result {
		v, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64)
		if err != nil {
			return nil, err
		}
		all = append(all, sample{r.Metric, v})
	}
	return all, nil
}

func (p *scraper) get(t *testing.T, path string, out any) {
	t.Helper()
	res, err := http.Get(p.origin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// rule is one of alerts.yml.
type rule struct {
	Record, Alert, Expr string
	Labels, Annotations map[string]string
}

func readRules(t *testing.T) (records, alerts []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	content, err := os.ReadFile(rulesFile)
	if err == nil {
		err = yaml.Unmarshal(content, &file)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if r.Record != "" {
				records = append(records, r)
			} else {
				alerts = append(alerts, r)
			}
		}
	}
	return records, alerts
}

// dashboardQueries are all of the dashboard's, those of its variables too, with the variables at what they begin with.
func dashboardQueries(t *testing.T) (queries []string) {
	t.Helper()
	var board struct {
		Panels []struct {
			Type, Title string
			Targets     []struct{ Expr string }
		}
		Templating struct {
			List []struct{ Name, Definition string }
		}
	}
	content, err := os.ReadFile(dashboardFile)
	if err == nil {
		err = json.Unmarshal(content, &board)
	}
	if err != nil {
		t.Fatal(err)
	}
	values := []string{"$__rate_interval", "1m"}
	for _, v := range board.Templating.List {
		values = append(values, "$"+v.Name, ".*")
		metric, label, ok := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(v.Definition, "label_values("), ")"), ", ")
		if !ok {
			t.Errorf("variable %s has no query: %s", v.Name, v.Definition)
		}
		queries = append(queries, fmt.Sprintf("count by (%s) (%s)", label, metric))
	}
	for _, panel := range board.Panels {
		if len(panel.Targets) == 0 && panel.Type != "row" {
			t.Errorf("panel %q asks for nothing", panel.Title)
		}
		for _, target := range panel.Targets {
			expr := strings.NewReplacer(values...).Replace(target.Expr)
			if strings.Contains(expr, "$") {
				t.Errorf("panel %q has a variable that nobody sets: %s", panel.Title, expr)
			}
			queries = append(queries, expr)
		}
	}
	return queries
}

// TestPrometheus has a real Prometheus scrape the demo, with the rules of deploy/. Every query of the dashboard gives data,
// every rule works and finds its metrics, and no alert fires at a gateway that is well.
func TestPrometheus(t *testing.T) {
	dir := t.TempDir()
	targets := filepath.Join(dir, "targets.json")
	rules, err := filepath.Abs(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	p := &scraper{deploytest.Prometheus(t, fmt.Sprintf(`global: { scrape_interval: 200ms, evaluation_interval: 500ms }
rule_files: [%q]
scrape_configs:
  - job_name: tollgate
    file_sd_configs: [{ files: [%q] }]
`, rules, targets))}
	d := startDemo(t)
	list := fmt.Sprintf(`[{"targets":[%q]}]`, strings.TrimPrefix(d.admin, "http://"))
	if err := os.WriteFile(targets, []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	p.await(t, "the first scrape", `up{job="tollgate"} == 1`)
	for range 8 { // what the demo invites to: some chats by hand
		d.ask(t)
		time.Sleep(250 * time.Millisecond)
	}
	p.await(t, "the recording rules", "tollgate:overhead_seconds:p99_5m >= 0")

	queries := dashboardQueries(t)
	withData := 0
	for _, expr := range queries {
		got, err := p.query(t, expr)
		switch {
		case err != nil:
			t.Error(err)
		case !slices.ContainsFunc(got, func(s sample) bool { return !math.IsNaN(s.value) }):
			t.Errorf("no data after the demo: %s", expr)
		default:
			withData++
		}
	}
	records, alerts := readRules(t)
	for _, r := range slices.Concat(records, alerts) {
		p.findMetrics(t, r)
	}
	p.checkRules(t, len(records)+len(alerts))
	runbooks := compareRunbooks(t, alerts)
	fmt.Printf("PROMETHEUS queries=%d with_data=%d records=%d alerts=%d runbooks=%d %s\n", len(queries), withData, len(records), len(alerts), runbooks, verdict(t))
}

// await waits until a query has an answer.
func (p *scraper) await(t *testing.T, what, expr string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got, err := p.query(t, expr)
		if err == nil && len(got) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s: %v", what, err)
		}
	}
}

var (
	selector = regexp.MustCompile(`\b(tollgate_\w+|up)(\{[^}]*\})?`)
	matcher  = regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)"`)
)

// findMetrics: each metric that a rule reads is there, with the labels by which it chooses.
func (p *scraper) findMetrics(t *testing.T, r rule) {
	t.Helper()
	for _, found := range selector.FindAllStringSubmatch(r.Expr, -1) {
		labels := ""
		for _, m := range matcher.FindAllStringSubmatch(found[2], -1) {
			labels += m[1] + `!="",`
		}
		expr := fmt.Sprintf("count(%s{%s})", found[1], labels)
		if got, err := p.query(t, expr); err != nil || len(got) == 0 {
			t.Errorf("%s%s reads what is not there: %s, %v", r.Record, r.Alert, expr, err)
		}
	}
}

// checkRules: Prometheus runs all of them, without an error, and none is pending or fires.
func (p *scraper) checkRules(t *testing.T, want int) {
	t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError, State string }
			}
		}
	}
	p.get(t, "/api/v1/rules", &answer)
	n := 0
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			n++
			if r.Health != "ok" || r.LastError != "" {
				t.Errorf("rule %s is %s: %s", r.Name, r.Health, r.LastError)
			}
			if r.State != "" && r.State != "inactive" {
				t.Errorf("alert %s is %s though all is well", r.Name, r.State)
			}
		}
	}
	if n != want {
		t.Errorf("Prometheus runs %d rules of %d", n, want)
	}
}

// compareRunbooks: each alert has a section of its name, to which it links, and there is no other section.
func compareRunbooks(t *testing.T, alerts []rule) (sections int) {
	t.Helper()
	page, err := os.ReadFile(runbooksFile)
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for line := range strings.Lines(string(page)) {
		if name, ok := strings.CutPrefix(line, "## "); ok {
			named = append(named, strings.TrimSpace(name))
		}
	}
	for _, a := range alerts {
		if !slices.Contains(named, a.Alert) {
			t.Errorf("alert %s has no section in %s", a.Alert, runbooksFile)
		}
		if want := "/docs/runbooks.md#" + strings.ToLower(a.Alert); !strings.HasSuffix(a.Annotations["runbook_url"], want) {
			t.Errorf("alert %s links to %q, want …%s", a.Alert, a.Annotations["runbook_url"], want)
		}
		if a.Labels["severity"] != "critical" && a.Labels["severity"] != "warning" || a.Annotations["summary"] == "" || a.Annotations["description"] == "" {
			t.Errorf("alert %s says too little: %v, %v", a.Alert, a.Labels, a.Annotations)
		}
	}
	for _, name := range named {
		if !slices.ContainsFunc(alerts, func(a rule) bool { return a.Alert == name }) {
			t.Errorf("section %s of %s is of no alert", name, runbooksFile)
		}
	}
	return len(named)
}

// demo is a running `tollgate demo` after its story.
type demo struct{ data, admin, key string }

var (
	demoAdmin = regexp.MustCompile(`admin plane (http://[0-9.:]+)`)
	demoCurl  = regexp.MustCompile(`curl (http://[0-9.:]+)/v1/chat/completions -H 'Authorization: Bearer (tg_[\w-]+)'`)
)

// startDemo runs the demo until the test ends, and waits for the end of its story.
func startDemo(t *testing.T) *demo {
	t.Helper()
	cmd := exec.Command(binary, "demo")
	said, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &demo{}
	told := &lines{}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // if it still runs
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("the demo ended with %v:\n%s", err, told)
		}
	})
	ready := make(chan struct{})
	go func() {
		defer close(ended)
		for scan := bufio.NewScanner(said); scan.Scan(); {
			told.add(scan.Text())
			if m := demoAdmin.FindStringSubmatch(scan.Text()); m != nil {
				d.admin = m[1]
			}
			if m := demoCurl.FindStringSubmatch(scan.Text()); m != nil {
				d.data, d.key = m[1], m[2]
				close(ready)
			}
		}
	}()
	select {
	case <-ready:
	case <-ended:
		t.Fatalf("the demo ended:\n%s", told)
	case <-time.After(30 * time.Second):
		t.Fatalf("the demo is not at the end of its story:\n%s", told)
	}
	return d
}

// ask sends a chat; when the pools are empty it is refused, as in the story.
func (d *demo) ask(t *testing.T) {
	t.Helper()
	res, err := http.DefaultClient.Do(request(t, d.data+"/v1/chat/completions", d.key, `{"model":"gpt-4o-mini","max_tokens":20,"messages":[{"role":"user","content":"Do you sell helmets?"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
}
