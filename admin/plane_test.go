package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/admin"
	"github.com/tollgate/tollgate/admin/dashboard"
	"github.com/tollgate/tollgate/store"
)

const adminToken = "the-admin-token"

// noon is when the tests' clock begins.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// plane is an admin plane on a real store, with a clock that only the test moves.
type plane struct {
	t     *testing.T
	store *store.Store
	admin *admin.Handler
	// document is the OpenAPI document that the plane itself serves, router finds its operations.
	document *openapi3.T
	router   routers.Router
	clock    atomic.Int64 // Unix microseconds
	kicks    atomic.Int64
	log      bytes.Buffer
	// stale and broken are what the read barrier and readiness answer.
	stale, broken error
	held          int64
	tokens        []admin.Token
	settled       int64 // the journal position of settle
}

func newPlane(t *testing.T) *plane {
	t.Helper()
	p := &plane{t: t, tokens: []admin.Token{{Name: "admin", Secret: adminToken, Role: admin.RoleAdmin}}}
	p.set(noon)
	var err error
	p.store, err = store.Open(t.Context(), filepath.Join(t.TempDir(), "tollgate.db"), store.Options{Now: p.now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.store.Close() })
	plans := map[string]int64{"basic": 1_000_000, "pro": 10_000_000}
	if err := p.store.SetPlans(t.Context(), plans); err != nil {
		t.Fatal(err)
	}
	p.admin = admin.New(admin.Options{
		Store:      p.store,
		Sync:       func(context.Context) error { return p.stale },
		Held:       func(string) int64 { return p.held },
		Kick:       func() { p.kicks.Add(1) },
		Plans:      func() map[string]int64 { return plans },
		Activities: func() []string { return []string{"translate"} },
		Providers:  func() []string { return []string{"openai", "local"} },
		Tokens:     func() []admin.Token { return p.tokens },
		SessionTTL: func() time.Duration { return time.Hour },
		Pages:      dashboard.Files(),
		Ready:      func() error { return p.broken },
		Registry:   prometheus.NewRegistry(),
		Now:        p.now,
		Log:        slog.New(slog.NewJSONHandler(&p.log, nil)),
	})
	p.document, p.router = document(t, p.admin)
	return p
}

func (p *plane) now() time.Time       { return time.UnixMicro(p.clock.Load()).UTC() }
func (p *plane) set(now time.Time)    { p.clock.Store(now.UnixMicro()) }
func (p *plane) pass(d time.Duration) { p.set(p.now().Add(d)) }

func document(t *testing.T, h http.Handler) (*openapi3.T, routers.Router) {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/api/v1/openapi.json", nil))
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		t.Fatalf("openapi.json: %v", err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatalf("openapi.json: %v", err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, router
}

// answer is what the plane said.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// call makes a request with the admin token; headers are name, value, name, value. What the plane answers has to be
// what the OpenAPI document says, and what it accepts has to be what the document allows.
func (p *plane) call(method, target, body string, headers ...string) answer {
	p.t.Helper()
	var payload io.Reader
	if body != "" {
		payload = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, payload)
	r.Header.Set("Authorization", "Bearer "+adminToken)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.admin.ServeHTTP(w, r)
	a := answer{p.t, w.Code, w.Header(), w.Body.Bytes()}
	p.compare(r, body, a)
	return a
}

// compare holds a request and its answer against the document. What the document has not must be refused, in the
// document's form of errors.
func (p *plane) compare(r *http.Request, body string, a answer) {
	p.t.Helper()
	if r.Method == http.MethodHead { // as a GET without its body, which TestHeadIsGetWithoutABody holds against it
		return
	}
	route, params, err := p.router.FindRoute(r)
	if err != nil {
		if strings.HasPrefix(r.URL.Path, "/api") && a.status < 400 {
			p.t.Errorf("%s %s is served and not in the OpenAPI document: %v", r.Method, r.URL, err)
		}
		if a.status >= 400 {
			p.isError(a)
		}
		return
	}
	r.Body = io.NopCloser(strings.NewReader(body))
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true}}
	if a.status/100 == 2 {
		if err := openapi3filter.ValidateRequest(p.t.Context(), in); err != nil {
			p.t.Errorf("%s %s %s was accepted against the OpenAPI document: %v", r.Method, r.URL, body, err)
		}
	}
	if err := responseFits(p.t.Context(), in, a); err != nil {
		p.t.Errorf("%s %s: the answer %s is not what the OpenAPI document says: %v", r.Method, r.URL, a.body, err)
	}
}

func responseFits(ctx context.Context, in *openapi3filter.RequestValidationInput, a answer) error {
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: in.Options}
	out.SetBodyBytes(a.body)
	return openapi3filter.ValidateResponse(ctx, out)
}

// isError holds an answer against the document's schema Error.
func (p *plane) isError(a answer) {
	p.t.Helper()
	var body any
	if err := json.Unmarshal(a.body, &body); err != nil {
		p.t.Errorf("%d %s is no JSON: %v", a.status, a.body, err)
		return
	}
	if err := p.document.Components.Schemas["Error"].Value.VisitJSON(body, openapi3.EnableJSONSchema2020()); err != nil {
		p.t.Errorf("%d %s is no error of the OpenAPI document: %v", a.status, a.body, err)
	}
}

// must is call for requests that have to go well.
func (p *plane) must(status int, method, target, body string, headers ...string) answer {
	p.t.Helper()
	a := p.call(method, target, body, headers...)
	if a.status != status {
		p.t.Fatalf("%s %s %s: got %d %s, want %d", method, target, body, a.status, a.body, status)
	}
	return a
}

// get is the value at a path of the answer, such as data.0.id.
func (a answer) get(path string) any {
	a.t.Helper()
	var v any
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.t.Fatalf("%s is not JSON: %v", a.body, err)
	}
	for _, step := range strings.Split(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(at) {
				a.t.Fatalf("no %s in %s", path, a.body)
			}
			v = at[i]
		default:
			a.t.Fatalf("no %s in %s", path, a.body)
		}
	}
	return v
}

// want compares members: path, value, path, value.
func (a answer) want(pairs ...any) {
	a.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		want := pairs[i+1]
		if n, ok := want.(int); ok {
			want = float64(n)
		}
		if got := a.get(pairs[i].(string)); got != want {
			a.t.Errorf("%s: got %v, want %v in %s", pairs[i], got, want, a.body)
		}
	}
}

func (a answer) text(path string) string {
	a.t.Helper()
	s, ok := a.get(path).(string)
	if !ok {
		a.t.Fatalf("%s is no string in %s", path, a.body)
	}
	return s
}

func (a answer) length(path string) int {
	a.t.Helper()
	list, ok := a.get(path).([]any)
	if !ok {
		a.t.Fatalf("%s is no list in %s", path, a.body)
	}
	return len(list)
}

// settle charges events, as the recorder would: the n-th began n seconds after the clock.
func (p *plane) settle(account string, events ...accounting.Event) {
	p.t.Helper()
	pools, err := p.store.Pools(p.t.Context(), account, p.now())
	if err != nil {
		p.t.Fatal(err)
	}
	batch := accounting.Batch{Journal: "test", After: p.settled, At: p.now()}
	for _, e := range events {
		p.settled++
		e.ID = fmt.Sprintf("01900000-0000-7000-8000-%012d", p.settled)
		e.Account = account
		if e.StartedAt.IsZero() {
			e.StartedAt = p.now()
		}
		e.Outcome, e.Measured, e.Status = accounting.Completed, accounting.ByProvider, 200
		e.Tokens.Total = e.Tokens.Input + e.Tokens.Output
		e.Charged.Total = e.Tokens.Total
		batch.Settlements = append(batch.Settlements, accounting.Settlement{Event: e, PeriodStart: pools.Running().Start, Epoch: "epoch"})
	}
	batch.Upto = p.settled
	if err := p.store.Apply(p.t.Context(), batch); err != nil {
		p.t.Fatal(err)
	}
}

// acme opens an account of 2,000,000 tokens.
func (p *plane) acme() {
	p.t.Helper()
	p.must(201, "POST", "/api/v1/accounts", `{"id":"acme","monthly_tokens":2000000}`)
}

var errDown = errors.New("dial tcp 10.0.0.7:5432: connection refused")
