package provider

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var accountKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 1024) // short: it is made anew in each run
	if err != nil {
		panic(err)
	}
	return key
})

// keyFile writes a service account's key file, as Google's console gives it.
func keyFile(t testing.TB, tokenURI string, change map[string]string) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(accountKey())
	if err != nil {
		t.Fatal(err)
	}
	fields := map[string]string{
		"type": "service_account", "project_id": "acme-prod", "private_key_id": "k1",
		"private_key":  string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"client_email": "gateway@acme-prod.iam.gserviceaccount.com", "token_uri": tokenURI,
	}
	for name, value := range change {
		fields[name] = value
	}
	content, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "account.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// tokenServer gives tokens of a fixed life for a service account's assertion or an IBM key.
type tokenServer struct {
	life  time.Duration
	delay atomic.Int64 // of each answer
	down  atomic.Bool  // answers 503

	mu     sync.Mutex
	ends   map[string]time.Time // by token
	asked  []time.Time
	active int
	most   int // requests at once
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, time.Now())
	s.active++
	s.most = max(s.most, s.active)
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.active--; s.mu.Unlock() }()
	if err := judgeExchange(r); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		json.NewEncoder(w).Encode(map[string]string{"error": "invalid_grant", "error_description": err.Error()})
		return
	}
	value, end := rand.Text(), time.Now().Add(s.life)
	select {
	case <-time.After(time.Duration(s.delay.Load())):
	case <-r.Context().Done():
	}
	if s.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	s.mu.Lock()
	s.ends[value] = end
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":%d}`, value, int(s.life.Seconds()))
}

// judgeExchange checks what RFC 7523 and Google's and IBM's pages ask for.
func judgeExchange(r *http.Request) error {
	switch grant := r.PostFormValue("grant_type"); grant {
	case "urn:ibm:params:oauth:grant-type:apikey":
		if key := r.PostFormValue("apikey"); key != "ibm-key" {
			return fmt.Errorf("key %q", key)
		}
		return nil
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
	default:
		return fmt.Errorf("grant type %q", grant)
	}
	signed, signature, _ := cutLast(r.PostFormValue("assertion"), ".")
	sum := sha256.Sum256([]byte(signed))
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	if err := rsa.VerifyPKCS1v15(&accountKey().PublicKey, crypto.SHA256, sum[:], raw); err != nil {
		return err
	}
	_, payload, _ := strings.Cut(signed, ".")
	claims, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return err
	}
	var c struct {
		Iss, Scope, Aud string
		Iat, Exp        int64
	}
	if err := json.Unmarshal(claims, &c); err != nil {
		return err
	}
	now := time.Now().Unix()
	if c.Iss != "gateway@acme-prod.iam.gserviceaccount.com" || c.Scope != googleScope || c.Aud != "http://"+r.Host+r.URL.Path || c.Iat > now || c.Exp <= now {
		return fmt.Errorf("claims %s at %d", claims, now)
	}
	return nil
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// accepts is what a provider says to a request that arrives now.
func (s *tokenServer) accepts(out *http.Request) error {
	value, _ := strings.CutPrefix(out.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	end, known := s.ends[value]
	if left := time.Until(end); !known || left <= 0 {
		return fmt.Errorf("known %v, over since %s", known, -left)
	}
	return nil
}

func (s *tokenServer) fetches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// pipeNetwork carries real HTTP in a synctest bubble, where no socket may be waited for.
type pipeNetwork struct {
	conns chan net.Conn
	cut   atomic.Bool // nobody can be reached
	done  chan struct{}
}

func (n *pipeNetwork) dial(context.Context, string, string) (net.Conn, error) {
	if n.cut.Load() {
		return nil, errors.New("no route to host")
	}
	client, server := net.Pipe()
	n.conns <- server
	return client, nil
}

func (n *pipeNetwork) Accept() (net.Conn, error) {
	select {
	case c := <-n.conns:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *pipeNetwork) Close() error   { close(n.done); return nil }
func (n *pipeNetwork) Addr() net.Addr { return &net.TCPAddr{} }

// inBubble runs a vertex provider with a token server in a bubble of its own time.
func inBubble(t *testing.T, life time.Duration, run func(t *testing.T, p *Provider, s *tokenServer, n *pipeNetwork)) {
	file := keyFile(t, "http://tokens.test/token", nil)
	synctest.Test(t, func(t *testing.T) {
		s := &tokenServer{life: life, ends: map[string]time.Time{}}
		n := &pipeNetwork{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: s}
		go server.Serve(n)
		defer server.Close()
		p := newProvider(t, Settings{Name: "vertex", Region: "europe-west4", CredentialsFile: file}, vertexRow)
		p.credential.(*tokens).client.Transport.(*http.Transport).DialContext = n.dial
		run(t, p, s, n)
		synctest.Wait()
	})
}

var vertexRow = &Row{Name: "vertex", Auth: GoogleAuth, Origin: "https://{region}-aiplatform.googleapis.com"}

// request authorizes one and lets it travel; waited is how long it was held up before.
func request(p *Provider, s *tokenServer, travels time.Duration) (waited time.Duration, err error) {
	out := (&http.Request{Method: "POST", Header: http.Header{}}).WithContext(context.Background())
	began := time.Now()
	if err := p.Authorize(out, nil); err != nil {
		return time.Since(began), err
	}
	waited = time.Since(began)
	time.Sleep(travels)
	return waited, s.accepts(out)
}

type tally struct {
	requests, failures atomic.Int64
	waited             atomic.Int64 // the longest after the first
	first              atomic.Pointer[error]
}

// load is 20 clients that ask for a while, each every few seconds of the bubble's time.
func load(p *Provider, s *tokenServer, lasts time.Duration) *tally {
	var clients sync.WaitGroup
	var sum tally
	end := time.Now().Add(lasts)
	for i := range 20 {
		clients.Go(func() {
			r := mathrand.New(mathrand.NewPCG(1, uint64(i)))
			for time.Now().Before(end) {
				waited, err := request(p, s, time.Duration(r.Int64N(int64(min(s.life/20, travel)))))
				sum.requests.Add(1)
				if err != nil {
					sum.failures.Add(1)
					sum.first.CompareAndSwap(nil, &err)
				}
				for longest := sum.waited.Load(); int64(waited) > longest && !sum.waited.CompareAndSwap(longest, int64(waited)); {
					longest = sum.waited.Load()
				}
				time.Sleep(time.Duration(r.Int64N(int64(s.life / 200))))
			}
		})
	}
	clients.Wait()
	return &sum
}

func (sum *tally) check(t *testing.T, s *tokenServer) {
	t.Helper()
	t.Logf("%d requests, %d failed, longest wait %s, %d tokens fetched, %d at once", sum.requests.Load(), sum.failures.Load(),
		time.Duration(sum.waited.Load()), s.fetches(), s.most)
	if n := sum.failures.Load(); n != 0 {
		t.Errorf("%d of %d requests failed, the first with: %v", n, sum.requests.Load(), *sum.first.Load())
	}
	if s.most != 1 {
		t.Errorf("%d exchanges at once", s.most)
	}
	if sum.waited.Load() != 0 {
		t.Errorf("a request waited %s although a token was left", time.Duration(sum.waited.Load()))
	}
}

func TestTokenIsRenewedUnderLoadWithoutAFailedRequest(t *testing.T) {
	for _, life := range []time.Duration{3 * time.Second, time.Hour} {
		t.Run(life.String(), func(t *testing.T) {
			inBubble(t, life, func(t *testing.T, p *Provider, s *tokenServer, _ *pipeNetwork) {
				const delay = 100 * time.Millisecond
				s.delay.Store(int64(delay))
				if waited, err := request(p, s, 0); err != nil || waited != delay {
					t.Fatalf("the first request waited %s: %v", waited, err)
				}
				sum := load(p, s, 10*life)
				sum.check(t, s)
				if n := s.fetches(); n < 18 || n > 22 {
					t.Errorf("%d tokens fetched in ten lives", n)
				}
			})
		})
	}
}

// TestTokenServerIsDownAtRenewal: refusing, silent or unreachable, for most of the time that the old token has left.
func TestTokenServerIsDownAtRenewal(t *testing.T) {
	for name, fail := range map[string]func(s *tokenServer, n *pipeNetwork, fails bool){
		"refuses":     func(s *tokenServer, _ *pipeNetwork, fails bool) { s.down.Store(fails) },
		"unreachable": func(_ *tokenServer, n *pipeNetwork, fails bool) { n.cut.Store(fails) },
		"silent": func(s *tokenServer, _ *pipeNetwork, fails bool) {
			s.delay.Store(0)
			if fails {
				s.delay.Store(int64(fetchFor + time.Second))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, time.Hour, func(t *testing.T, p *Provider, s *tokenServer, n *pipeNetwork) {
				logged := &logCount{}
				p.credential.(*tokens).log = slog.New(logged)
				if _, err := request(p, s, 0); err != nil {
					t.Fatal(err)
				}
				down := time.AfterFunc(20*time.Minute, func() { fail(s, n, true) })
				up := time.AfterFunc(58*time.Minute, func() { fail(s, n, false) })
				defer down.Stop()
				defer up.Stop()
				sum := load(p, s, 3*time.Hour)
				sum.check(t, s)
				if got := logged.Load(); got != 1 {
					t.Errorf("%d warnings, want one for the outage", got)
				}
			})
		})
	}
}

// logCount counts what is logged.
type logCount struct{ atomic.Int64 }

func (l *logCount) Enabled(context.Context, slog.Level) bool  { return true }
func (l *logCount) Handle(context.Context, slog.Record) error { l.Add(1); return nil }
func (l *logCount) WithAttrs([]slog.Attr) slog.Handler        { return l }
func (l *logCount) WithGroup(string) slog.Handler             { return l }

func TestNoTokenIsLeft(t *testing.T) {
	inBubble(t, time.Hour, func(t *testing.T, p *Provider, s *tokenServer, n *pipeNetwork) {
		if _, err := request(p, s, 0); err != nil {
			t.Fatal(err)
		}
		n.cut.Store(true)
		time.Sleep(time.Hour - travel)
		_, err := request(p, s, 0)
		if err == nil || !strings.Contains(err.Error(), "providers.vertex.credentials_file: no token:") || !strings.Contains(err.Error(), "no route to host") {
			t.Errorf("got %v", err)
		}
		before := s.fetches()
		n.cut.Store(false)
		if _, err := request(p, s, 0); err == nil || s.fetches() != before {
			t.Error("a failed renewal is repeated at once")
		}
		time.Sleep(fetchPause)
		if _, err := request(p, s, 0); err != nil {
			t.Errorf("the token server is back: %v", err)
		}
	})
}

func TestClientThatLeavesWaitsForNoToken(t *testing.T) {
	inBubble(t, time.Hour, func(t *testing.T, p *Provider, s *tokenServer, _ *pipeNetwork) {
		s.delay.Store(int64(5 * time.Second))
		ctx, cancel := context.WithTimeoutCause(context.Background(), time.Second, errors.New("left"))
		defer cancel()
		out := (&http.Request{Method: "POST", Header: http.Header{}}).WithContext(ctx)
		if err := p.Authorize(out, nil); err == nil || !strings.Contains(err.Error(), "left") {
			t.Errorf("got %v", err)
		}
		time.Sleep(5 * time.Second)
		if waited, err := request(p, s, 0); err != nil || waited != 0 || s.fetches() != 1 {
			t.Errorf("the exchange went on for the next one: waited %s, %d fetches, %v", waited, s.fetches(), err)
		}
	})
}

func TestTokenOutlivesAReload(t *testing.T) {
	s := &tokenServer{life: time.Hour, ends: map[string]time.Time{}}
	server := httptest.NewServer(s)
	defer server.Close()
	settings := Settings{Name: "vertex", Region: "europe-west4", CredentialsFile: keyFile(t, server.URL+"/token", nil)}
	p := newProvider(t, settings, vertexRow)
	if _, err := request(p, s, 0); err != nil {
		t.Fatal(err)
	}
	next := newProvider(t, settings, vertexRow)
	next.Inherit(p)
	if _, err := request(next, s, 0); err != nil || s.fetches() != 1 {
		t.Errorf("the same credentials: %d exchanges, %v", s.fetches(), err)
	}
	settings.CredentialsFile = keyFile(t, server.URL+"/token", map[string]string{"private_key_id": "k2"})
	other := newProvider(t, settings, vertexRow)
	other.Inherit(next)
	if _, err := request(other, s, 0); err != nil || s.fetches() != 2 {
		t.Errorf("another key: %d exchanges, %v", s.fetches(), err)
	}
	newOpenAI(t, "").Inherit(p)
}
