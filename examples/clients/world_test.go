package clients

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tollgate/tollgate/proxy/proxytest"
)

const (
	adminToken  = "test-admin-token-0123456789abcdef"
	providerKey = "sk-provider-0123456789abcdef"
)

// world is a provider of each kind, a gateway before them, and a counter of requests before the gateway.
type world struct {
	fakes   map[string]*fake
	gateway *gateway
	front   *front
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{fakes: map[string]*fake{}}
	// Equal ids let whole answers be compared.
	options := proxytest.Options{APIKey: providerKey, Script: proxytest.Script{ID: "0123456789abcdef"}, KeepBodies: true}
	for name, p := range fakesOf(options) {
		w.fakes[name] = &fake{p, serve(t, p)}
	}
	w.gateway = startGateway(t, w.fakes)
	w.front = newFront(t, w.gateway.data)
	w.call(t, http.StatusCreated, "POST", "/api/v1/accounts", map[string]any{"id": "full", "monthly_tokens": 1_000_000_000}, nil)
	w.call(t, http.StatusCreated, "POST", "/api/v1/accounts", map[string]any{"id": "empty", "monthly_tokens": 0}, nil)
	return w
}

func fakesOf(o proxytest.Options) map[string]*proxytest.Provider {
	return map[string]*proxytest.Provider{
		"openai":    proxytest.New(o),
		"anthropic": proxytest.NewAnthropic(o),
		"gemini":    proxytest.NewGemini(o),
		"bedrock":   proxytest.NewBedrock(o),
		"cohere":    proxytest.NewCohere(o),
		"ollama":    proxytest.NewOllama(o),
		"groq":      proxytest.NewGroq(o),
		"mistral":   proxytest.NewMistral(o),
	}
}

// fake is a running provider.
type fake struct {
	*proxytest.Provider
	origin string
}

// answered are the provider's answers to requests with a text in their body, in the order of arrival.
func (f *fake) answered(text string) (with []proxytest.Answer) {
	for _, a := range f.Answered() {
		if bytes.Contains(a.Body, []byte(text)) {
			with = append(with, a)
		}
	}
	return with
}

// serve answers on loopback until the test ends and returns the origin.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: h, Protocols: h1AndH2C(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + l.Addr().String()
}

// front counts the requests of each key, whatever protocol they come in, and passes them on in the same.
type front struct {
	origin string
	lock   sync.Mutex
	counts map[string]int // by secret
}

var secret = regexp.MustCompile(`tg_[A-Za-z0-9_-]+`)

func newFront(t *testing.T, gateway string) *front {
	t.Helper()
	target, err := url.Parse(gateway)
	if err != nil {
		t.Fatal(err)
	}
	f := &front{counts: map[string]int{}}
	h2c := &http.Transport{Protocols: new(http.Protocols)}
	h2c.Protocols.SetUnencryptedHTTP2(true)
	byVersion := map[int]http.RoundTripper{1: &http.Transport{DisableCompression: true}, 2: h2c}
	f.origin = serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown := secret.FindString(fmt.Sprint(r.URL.RawQuery, r.Header))
		f.lock.Lock()
		f.counts[shown]++
		f.lock.Unlock()
		(&httputil.ReverseProxy{
			Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(target) },
			Transport:     byVersion[r.ProtoMajor],
			FlushInterval: -1,
		}).ServeHTTP(w, r)
	}))
	return f
}

func (f *front) requests(secret string) int {
	f.lock.Lock()
	defer f.lock.Unlock()
	return f.counts[secret]
}

// gateway is a running `tollgate serve`.
type gateway struct {
	data, admin string // origins
}

func startGateway(t *testing.T, fakes map[string]*fake) *gateway {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "tollgate")
	build := exec.Command("go", "build", "-pgo=off", "-o", binary, "./cmd/tollgate")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build tollgate: %v\n%s", err, out)
	}
	file := filepath.Join(dir, "gateway.yaml")
	if err := os.WriteFile(file, []byte(settings(fakes)), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(binary, "serve", "--config", file)
	cmd.Dir = dir
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	g := &gateway{}
	var log bytes.Buffer
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for scan := bufio.NewScanner(said); scan.Scan(); {
			_, _ = log.WriteString(scan.Text() + "\n") // never fails
			var line struct{ Msg, Listen, Admin string }
			if json.Unmarshal(scan.Bytes(), &line) == nil && line.Msg == "ready" {
				g.data, g.admin = "http://"+line.Listen, "http://"+line.Admin
				close(ready)
			}
		}
		ended <- cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // if it still runs
		overdue := time.AfterFunc(40*time.Second, func() { _ = cmd.Process.Kill() })
		defer overdue.Stop()
		if err := <-ended; err != nil {
			t.Errorf("the gateway ended with %v, want status 0", err)
		}
		if t.Failed() {
			t.Logf("the gateway's log ends so:\n%s", log.Bytes()[max(0, log.Len()-4<<10):])
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		ended <- err
		t.Fatalf("the gateway did not start: %v\n%s", err, log.Bytes())
	case <-time.After(60 * time.Second):
		t.Fatal("the gateway is not ready after a minute")
	}
	return g
}

// settings are a gateway.yaml that changes nothing of each provider but its origin.
func settings(fakes map[string]*fake) string {
	var b strings.Builder
	fmt.Fprintf(&b, "listen: 127.0.0.1:0\nadmin: { listen: \"127.0.0.1:0\", token: %q }\nproviders:\n", adminToken)
	for name, f := range fakes {
		fmt.Fprintf(&b, "  %s: { api_key: %q, base_url: %q }\n", name, providerKey, f.origin)
	}
	return b.String()
}

// key is one of the gateway's.
type key struct{ ID, Secret string }

func (w *world) newKey(t *testing.T, account, name string) (k key) {
	t.Helper()
	w.call(t, http.StatusCreated, "POST", "/api/v1/accounts/"+account+"/keys", map[string]any{"name": name}, &k)
	return k
}

// event is what the matrix reads of one.
type event struct {
	Provider, Model, Outcome, Measured string
	Stream                             bool
	Tokens                             struct{ Input, Output int64 }
}

func (w *world) events(t *testing.T, account string, k key) []event {
	t.Helper()
	var page struct{ Data []event }
	w.call(t, http.StatusOK, "GET", "/api/v1/accounts/"+account+"/events?key="+k.ID, nil, &page)
	return page.Data
}

// call asks the admin API.
func (w *world) call(t *testing.T, want int, method, path string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	q, err := http.NewRequestWithContext(t.Context(), method, w.gateway.admin+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+adminToken)
	q.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s %s: got %s, %v, want %d: %s", method, path, resp.Status, err, want, said)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(said, out); err != nil {
		t.Fatalf("%s %s: %v in %s", method, path, err, said)
	}
}
