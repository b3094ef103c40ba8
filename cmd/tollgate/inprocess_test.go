package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/proxy/provider"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

const (
	testToken       = "tgadmin_in_process_0123456789"
	testProviderKey = "sk-in-process-0123456789abcdef"
)

// inProcess is a gateway as `serve` runs it, in the test's own process: for what only the inside shows.
type inProcess struct {
	*gateway
	t           *testing.T
	data, admin string // origins
	dir         string // data_dir
	said        *safeLog
	end         func()
}

// safeLog collects what many goroutines say.
type safeLog struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.lock.Lock()
	defer l.lock.Unlock()
	return l.text.String()
}

// startInProcess runs a gateway before the provider at an origin; more is added to its gateway.yaml. stop ends
// it, and so does the end of the test.
func startInProcess(t *testing.T, upstream, providerKey, more string) *inProcess {
	t.Helper()
	return startOn(t, t.TempDir(), upstream, providerKey, more)
}

// startOn is startInProcess with a data_dir that outlives the gateway.
func startOn(t *testing.T, dir, upstream, providerKey, more string) *inProcess {
	t.Helper()
	return startFile(t, dir, fmt.Sprintf(`listen: 127.0.0.1:0
admin: { listen: "127.0.0.1:0", token: %q }
data_dir: %q
providers:
  openai: { api_key: %q, base_url: %q, drain_for: 2s }
%s`, testToken, dir, providerKey, upstream, more))
}

// startFile runs a gateway with a whole gateway.yaml, which must name dir as data_dir and testToken as admin.token.
func startFile(t *testing.T, dir, file string) *inProcess {
	t.Helper()
	p := &inProcess{t: t, dir: dir, said: &safeLog{}}
	c, err := config.Parse("gateway.yaml", []byte(file), func(string) (string, bool) { return "", false },
		config.Names{Providers: provider.Names(), Serves: provider.Serves})
	if err != nil {
		t.Fatal(err)
	}
	if p.gateway, err = newGateway(t.Context(), c, slog.New(slog.NewJSONHandler(p.said, nil))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	p.end = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the gateway ended with %v", err)
		}
	})
	t.Cleanup(p.end)
	p.data, p.admin = "http://"+p.gateway.data.Addr().String(), "http://"+p.gateway.admin.Addr().String()
	return p
}

// newUpstream is a provider that keeps a witness.
func newUpstream(t *testing.T) (*proxytest.Provider, string) {
	t.Helper()
	p := proxytest.New(proxytest.Options{APIKey: testProviderKey})
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server.URL
}

// manage asks the admin API; out may be nil.
func (p *inProcess) manage(method, path, body string, out any) {
	p.t.Helper()
	r := p.request(p.t.Context(), method, p.admin+path, testToken, body)
	res, answer := p.do(r)
	if res.StatusCode >= 300 {
		p.t.Fatalf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	if out != nil {
		if err := json.Unmarshal(answer, out); err != nil {
			p.t.Fatalf("%s %s: %v in %s", method, path, err, answer)
		}
	}
}

// account opens one and makes a key of it.
func (p *inProcess) account(id string, monthly int64, more string) (secret string) {
	p.t.Helper()
	p.manage("POST", "/api/v1/accounts", fmt.Sprintf(`{"id":%q,"monthly_tokens":%d}`, id, monthly), nil)
	var key struct{ Secret string }
	p.manage("POST", "/api/v1/accounts/"+id+"/keys", `{"name":"test"`+more+`}`, &key)
	return key.Secret
}

// events are all of an account's.
func (p *inProcess) events(account string) []accounting.Event {
	p.t.Helper()
	var page struct{ Data []accounting.Event }
	p.manage("GET", "/api/v1/accounts/"+account+"/events?limit=1000", "", &page)
	return page.Data
}

func (p *inProcess) request(ctx context.Context, method, url, key, body string) *http.Request {
	p.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// do sends a request and reads as much of its answer as there is.
func (p *inProcess) do(r *http.Request) (*http.Response, []byte) {
	p.t.Helper()
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, _ := io.ReadAll(res.Body) // a torn answer is what some tests ask for
	return res, answer
}

// leave sends a request and goes once the answer has begun.
func (p *inProcess) leave(r *http.Request) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	res, err := http.DefaultClient.Do(r.WithContext(ctx))
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := res.Body.Read(make([]byte, 8)); err != nil {
		p.t.Fatal(err)
	}
}

// eventually waits for something that other goroutines bring about.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 15 s: %s", what)
		}
	}
}
