package deploytest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// jaegerVersion is the module's; the program that it makes is Jaeger 2.13.
const jaegerVersion = "v1.76.0"

// findJaeger is where the program is: what TOLLGATE_JAEGER names, else in PATH, else where an earlier run built it. In CI it is
// built from its module, once for all: this takes some five minutes, and `make parts` does it before the tests.
var findJaeger = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("TOLLGATE_JAEGER"); path != "" {
		return path, nil
	}
	if path, err := exec.LookPath("jaeger"); err == nil {
		return path, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	path := filepath.Join(cache, "tollgate-test", "jaeger-"+jaegerVersion)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if os.Getenv("CI") == "" {
		return "", fmt.Errorf("no jaeger in PATH, none in %s: CI=true builds it there in some five minutes, or TOLLGATE_JAEGER names one", path)
	}
	return path, buildJaeger(path)
})

// buildJaeger needs a module of its own: go install refuses Jaeger's replace directives.
func buildJaeger(path string) error {
	dir, err := os.MkdirTemp("", "tollgate-jaeger-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	const program = "github.com/jaegertracing/jaeger/cmd/jaeger"
	unfinished := filepath.Join(dir, "jaeger")
	for _, args := range [][]string{
		{"mod", "init", "jaegerbuild"}, {"get", "-tool", program + "@" + jaegerVersion}, {"build", "-ldflags", "-s -w", "-o", unfinished, program},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build jaeger: go %s: %w\n%.2000s", args[0], err, out)
		}
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	content, err := os.ReadFile(unfinished)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", content, 0o755); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Jaeger runs a Jaeger that keeps traces in memory until the test ends. It gives two origins: where spans go, and its API's.
func Jaeger(t testing.TB) (otlp, query string) {
	t.Helper()
	program, err := findJaeger()
	if err != nil {
		Missing(t, err)
	}
	queryAt, otlpAt := freeAddress(t), freeAddress(t)
	file := filepath.Join(t.TempDir(), "jaeger.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, jaegerFile, queryAt, freeAddress(t), otlpAt), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "http://"+queryAt+"/api/services", program, "--config", file)
	return "http://" + otlpAt, "http://" + queryAt
}

const jaegerFile = `
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: { receivers: [otlp], exporters: [jaeger_storage_exporter] }
  telemetry: { metrics: { level: none }, logs: { level: warn } }
extensions:
  jaeger_storage: { backends: { memory: { memory: { max_traces: 10000 } } } }
  jaeger_query: { storage: { traces: memory }, http: { endpoint: %q }, grpc: { endpoint: %q } }
receivers:
  otlp: { protocols: { http: { endpoint: %q } } }
exporters:
  jaeger_storage_exporter: { trace_storage: memory }
`
