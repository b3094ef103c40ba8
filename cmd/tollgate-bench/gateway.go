package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	adminToken = "bench-admin-token-0123456789abcdef"
	account    = "bench"
	// drainFor is short, so that the streams that the memory part leaves do not run into the next part.
	drainFor = time.Second
)

// gateway is `tollgate serve` with everything on: journal, recorder, metrics, logs to a file, every span exported.
type gateway struct {
	*process
	admin, key string
}

// build makes the binary as a release would, or one that can write its profile.
func build(ctx context.Context, dir string, profile bool) (string, error) {
	binary := filepath.Join(dir, "tollgate")
	args := []string{"build", "-o", binary}
	if profile {
		args = append(args, "-tags", "profile", "-pgo", "off")
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/tollgate/tollgate/cmd/tollgate")...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build tollgate: %w\n%s", err, out)
	}
	return binary, nil
}

// startGateway waits until it is ready and has an account with a key.
func (b *bench) startGateway(ctx context.Context, dir, provider, sink string) (*gateway, error) {
	rest := fmt.Sprintf("telemetry: { otlp_endpoint: %q, sample_ratio: %g }\n", sink, b.sample)
	g, err := launch(ctx, b.gateway, dir, provider, rest, "TOLLGATE_PROFILE="+b.profile)
	if err != nil {
		return nil, err
	}
	if err := g.prepare(ctx); err != nil {
		g.stop()
		return nil, fmt.Errorf("make an account: %w", err)
	}
	return g, nil
}

// launch starts a gateway that keeps its files in dir and waits until it is ready. rest is what gateway.yaml has besides
// doors, folder and provider.
func launch(ctx context.Context, binary, dir, provider, rest string, env ...string) (*gateway, error) {
	data, err := freePort()
	if err != nil {
		return nil, err
	}
	admin, err := freePort()
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "gateway.yaml")
	settings := fmt.Sprintf(`listen: %s
admin: { listen: %q, token: %q }
data_dir: %q
providers:
  openai: { api_key: "sk-bench", base_url: %q, drain_for: %v }
%s`, data, admin, adminToken, filepath.Join(dir, "data"), provider, drainFor, rest)
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "gateway.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the child has its own
	g := &gateway{
		process: &process{cmd: exec.CommandContext(ctx, binary, "serve", "--config", file), url: "http://" + data},
		admin:   "http://" + admin,
	}
	g.cmd.Stderr, g.cmd.Stdout = log, log
	g.cmd.Env = append(os.Environ(), env...)
	if err := g.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start tollgate: %w", err)
	}
	if err := g.await(ctx); err != nil {
		g.stop()
		said, _ := os.ReadFile(log.Name()) // only to tell of
		return nil, fmt.Errorf("start tollgate: %w\n%s", err, said[max(0, len(said)-2000):])
	}
	return g, nil
}

// await waits for readiness.
func (g *gateway) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		err := g.call(ctx, http.MethodGet, "/readyz", nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// prepare makes an account that can pay for everything.
func (g *gateway) prepare(ctx context.Context) error {
	if err := g.call(ctx, http.MethodPost, "/api/v1/accounts", map[string]any{"id": account, "monthly_tokens": int64(1e15)}, nil); err != nil {
		return err
	}
	var key struct{ Secret string }
	err := g.call(ctx, http.MethodPost, "/api/v1/accounts/"+account+"/keys", map[string]any{"name": "bench"}, &key)
	g.key = key.Secret
	return err
}

// settle waits until everything that was answered is in the store: reads show all that came before them, or fail
// when the store is slow.
func (g *gateway) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		err := g.call(ctx, http.MethodGet, "/api/v1/accounts/"+account+"/tokens", nil, nil)
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
}

func (g *gateway) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	q, err := http.NewRequestWithContext(ctx, method, g.admin+path, body)
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+adminToken)
	q.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, answer)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer, out)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
