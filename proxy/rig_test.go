package proxy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/accounting/journal"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
	"github.com/tollgate/tollgate/proxy/proxytest"
	"github.com/tollgate/tollgate/store"
)

// rig is a whole data plane over real parts: journal and store in a temporary folder, a provider that keeps a witness.
type rig struct {
	t        testing.TB
	provider *proxytest.Provider
	upstream *httptest.Server
	journal  *journal.Journal
	store    *store.Store
	recorder *accounting.Recorder
	gate     *policy.Gate
	handler  *proxy.Handler
	server   *httptest.Server
	log      *safeBuffer
	metrics  *prometheus.Registry
	stop     context.CancelFunc
}

const providerKey = "sk-provider-canary-0123456789abcdef"

// newRig starts one; change may edit the settings and the provider's entry.
func newRig(t testing.TB, change func(*proxy.Settings, *provider.Settings)) *rig {
	t.Helper()
	r := &rig{t: t, log: &safeBuffer{}, metrics: prometheus.NewRegistry(), provider: proxytest.New(proxytest.Options{APIKey: providerKey})}
	r.upstream = httptest.NewServer(r.provider)
	log := slog.New(slog.NewJSONHandler(r.log, nil))
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	j, err := journal.Open(filepath.Join(dir, "journal.db"), journal.Options{MaxBytes: 64 << 20, Keep: time.Hour, KeepBytes: 64 << 20, Gather: 2 * time.Millisecond, Logger: log})
	must(t, err)
	r.journal = j
	r.store, err = store.Open(ctx, filepath.Join(dir, "tollgate.db"), store.Options{})
	must(t, err)
	must(t, r.store.SetPlans(ctx, map[string]int64{"basic": 1_000_000}))
	r.recorder = accounting.NewRecorder(j, r.store, accounting.RecorderOptions{Logger: log})
	epoch := uuid.NewString()
	must(t, r.recorder.Recover(ctx))
	must(t, r.store.Start(ctx, epoch, j.ID(), time.Now()))
	r.gate = policy.New(r.store, r.store, policy.Options{Epoch: epoch, OnStoreDownServe: true})
	set, entry := r.settings()
	if change != nil {
		change(set, &entry)
	}
	p, err := provider.New(entry)
	must(t, err)
	set.Providers["openai"], set.Default = p, p
	hard, cut := context.WithCancel(context.Background())
	r.stop = cut
	r.handler = proxy.New(proxy.Options{
		Gate: r.gate, Recorder: r.recorder, View: r.view, Embed: []byte(embedScript), Settings: set, Stop: hard,
		Registerer: r.metrics, Log: log,
	})
	r.server = httptest.NewServer(r.handler)
	writing, endWriting := context.WithCancel(context.Background())
	var writer, work errgroup.Group
	writer.Go(func() error { return j.Run(writing) })
	work.Go(func() error { return r.recorder.Run(ctx) })
	work.Go(func() error { return r.gate.Run(ctx) })
	work.Go(func() error { return r.handler.Run(ctx) })
	t.Cleanup(func() {
		r.upstream.CloseClientConnections()
		cut()
		r.server.Close()
		cancel()
		if err := work.Wait(); err != nil {
			t.Errorf("background work: %v", err)
		}
		endWriting()
		if err := writer.Wait(); err != nil {
			t.Errorf("journal: %v", err)
		}
		j.Close()
		r.store.Close()
		r.upstream.Close()
	})
	return r
}

func (r *rig) settings() (*proxy.Settings, provider.Settings) {
	return &proxy.Settings{
			Providers:   map[string]*provider.Provider{},
			Activities:  map[string]bool{"chat": true, "ingest": true, "training": true, "preview": true},
			EmptyStatus: http.StatusPaymentRequired, UsageWait: proxy.UsageWait,
			MaxRequestBytes: 1 << 20, MaxBufferedBytes: 64 << 20, MaxConcurrentRequests: 10_000, BodyTimeout: 5 * time.Second,
		}, provider.Settings{
			Name: "openai", API: "openai", BaseURL: r.upstream.URL, Key: providerKey,
			FirstByte: 10 * time.Second, Idle: 10 * time.Second, Drain: true, DrainFor: time.Second, DrainBytes: 8 << 20,
		}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// account makes one with a monthly pool, and a key of it; change may edit both.
func (r *rig) account(monthly int64, change func(*accounting.Account, *policy.Key)) (id, secret string) {
	r.t.Helper()
	id = "a" + strings.ReplaceAll(uuid.NewString(), "-", "")[:20]
	secret = "tg_" + uuid.NewString()
	a := accounting.Account{ID: id, Name: id, MonthlyTokens: &monthly, Anchor: accounting.Anchor{Timezone: "UTC", Day: 1}, Status: accounting.Active}
	k := policy.Key{ID: "key_" + id, Account: id, Name: "test", Scope: policy.ScopeCall, Activity: "chat", Labels: policy.LabelsOpen}
	if change != nil {
		change(&a, &k)
	}
	_, err := r.store.CreateAccount(r.t.Context(), a, time.Now())
	must(r.t, err)
	_, err = r.store.CreateKey(r.t.Context(), k, policy.HashSecret(secret), time.Now())
	must(r.t, err)
	return id, secret
}

func (r *rig) view(ctx context.Context, account string) (accounting.View, error) {
	if err := r.recorder.Sync(ctx); err != nil {
		return accounting.View{}, err
	}
	now := time.Now()
	p, err := r.store.Pools(ctx, account, now)
	if err != nil {
		return accounting.View{}, err
	}
	return accounting.NewView(p, now, r.gate.Held(account), 0), nil
}

func (r *rig) mustView(account string) accounting.View {
	r.t.Helper()
	v, err := r.view(context.Background(), account)
	must(r.t, err)
	return v
}

// events are the account's, oldest first.
func (r *rig) events(account string) []accounting.Event {
	r.t.Helper()
	must(r.t, r.recorder.Sync(context.Background()))
	events, err := r.store.Events(context.Background(), account, accounting.EventFilter{}, "", 1000)
	must(r.t, err)
	for i, j := 0, len(events)-1; i < j; i, j = i+1, j-1 {
		events[i], events[j] = events[j], events[i]
	}
	return events
}

// request is one to the gateway.
type request struct {
	method, path, body, secret string
	header                     http.Header
}

func chat(script string) string {
	return fmt.Sprintf(`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello there"}],"max_tokens":50,"proxytest":%s}`, script)
}

func streamed(script string) string {
	return fmt.Sprintf(`{"model":"gpt-4o-mini","stream":true,"messages":[{"role":"user","content":"Hello there"}],"max_tokens":50,"proxytest":%s}`, script)
}

func (r *rig) do(q request) *http.Response {
	r.t.Helper()
	return r.send(r.server.URL, q)
}

func (r *rig) send(origin string, q request) *http.Response {
	r.t.Helper()
	if q.method == "" {
		q.method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(r.t.Context(), q.method, origin+q.path, strings.NewReader(q.body))
	must(r.t, err)
	if q.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if q.secret != "" {
		req.Header.Set("Authorization", "Bearer "+q.secret)
	}
	for name, values := range q.header {
		req.Header[name] = values
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	res, err := client.Do(req)
	must(r.t, err)
	r.t.Cleanup(func() { res.Body.Close(); client.CloseIdleConnections() })
	return res
}

func read(t testing.TB, res *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v (after %q)", err, b)
	}
	return b
}

// refusal is what the body of one in OpenAI's shape says.
type refusal struct {
	Error struct {
		Message, Type, Code string
		Used, Total, Extra  *int64
		ResetAt             string `json:"reset_at"`
	}
}

func readRefusal(t *testing.T, res *http.Response) refusal {
	t.Helper()
	var f refusal
	b := read(t, res)
	if err := json.Unmarshal(b, &f); err != nil {
		t.Fatalf("the refusal is no JSON: %v: %s", err, b)
	}
	return f
}

// safeBuffer collects a log that many goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// eventually waits for something that other goroutines bring about.
func eventually(t *testing.T, what string, within time.Duration, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}
