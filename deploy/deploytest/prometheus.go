package deploytest

import (
	"os"
	"path/filepath"
	"testing"
)

// Promtool is the program's path.
func Promtool(t testing.TB) string { return debian(t, "promtool", "prometheus") }

// Prometheus runs a Prometheus with a file of settings until the test ends, and gives its origin.
func Prometheus(t testing.TB, settings string) (origin string) {
	t.Helper()
	program := debian(t, "prometheus", "prometheus")
	dir, address := t.TempDir(), freeAddress(t)
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, "http://"+address+"/-/ready", program, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn")
	return "http://" + address
}
