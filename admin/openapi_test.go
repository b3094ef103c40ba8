package admin_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/accounting"
)

// operations are the document's calls, as "GET /path".
func (p *plane) operations() (calls []string) {
	for path, item := range p.document.Paths.Map() {
		for method := range item.Operations() {
			calls = append(calls, method+" "+path)
		}
	}
	slices.Sort(calls)
	return calls
}

func TestDocumentedCallsAreThoseServed(t *testing.T) {
	p := newPlane(t)
	if p.document.OpenAPI != "3.1.0" {
		t.Errorf("openapi: %s", p.document.OpenAPI)
	}
	guarded, open := p.admin.Calls()
	served := slices.Concat(guarded, open)
	slices.Sort(served)
	if diff := cmp.Diff(served, p.operations()); diff != "" {
		t.Errorf("(-served +documented):\n%s", diff)
	}
	for _, call := range p.operations() {
		method, path, _ := strings.Cut(call, " ")
		operation := p.document.Paths.Value(path).GetOperation(method)
		if public := operation.Security != nil && len(*operation.Security) == 0; public && slices.Contains(guarded, call) {
			t.Errorf("%s wants a token and is documented without", call)
		}
	}
}

// Every documented parameter of a query is taken, every POST takes an Idempotency-Key, every PATCH If-Match, and what is
// shown as one thing has an ETag.
func TestDocumentedParametersAreTaken(t *testing.T) {
	p, fill := peopled(t)
	plain := map[string]string{"limit": "1", "from": "2026-11-01", "to": "2026-11-02", "group_by": "day", "outcome": "completed"}
	for _, call := range p.operations() {
		method, path, _ := strings.Cut(call, " ")
		operation := p.document.Paths.Value(path).GetOperation(method)
		var headers []string
		for _, parameter := range operation.Parameters {
			switch name := parameter.Value.Name; parameter.Value.In {
			case "query":
				if name != "cursor" {
					p.must(200, method, fill.Replace(path)+"?"+name+"="+plain[name], "")
				}
			case "header":
				headers = append(headers, name)
			}
		}
		made := strings.HasPrefix(path, "/api/v1/accounts")
		if method == http.MethodPost && made != slices.Contains(headers, "Idempotency-Key") {
			t.Errorf("%s takes the headers %q", call, headers)
		}
		if method == http.MethodPatch && !slices.Contains(headers, "If-Match") {
			t.Errorf("%s takes the headers %q", call, headers)
		}
		if one := strings.HasSuffix(path, "}"); method == http.MethodGet && one && p.call(method, fill.Replace(path), "").header.Get("ETag") == "" {
			t.Errorf("%s has no ETag", call)
		}
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	p, fill := peopled(t)
	for path, item := range p.document.Paths.Map() {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"} {
			if item.Operations()[method] != nil {
				continue
			}
			a := p.must(405, method, fill.Replace(path), "")
			a.want("error.code", "method_not_allowed", "error.field", nil)
			var allowed []string
			for documented := range item.Operations() {
				allowed = append(allowed, documented)
			}
			if slices.Contains(allowed, "GET") {
				allowed = append(allowed, "HEAD")
			}
			slices.Sort(allowed)
			if got := a.header.Get("Allow"); got != strings.Join(allowed, ", ") {
				t.Errorf("%s %s: Allow %q, want %q", method, path, got, allowed)
			}
		}
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	p, fill := peopled(t)
	server := httptest.NewServer(p.admin)
	defer server.Close()
	for path, item := range p.document.Paths.Map() {
		if item.Get == nil {
			continue
		}
		answers := map[string]*http.Response{}
		for _, method := range []string{"GET", "HEAD"} {
			r, err := http.NewRequest(method, server.URL+fill.Replace(path), nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+adminToken)
			r.Header.Set("Accept-Encoding", "identity")
			if answers[method], err = http.DefaultTransport.RoundTrip(r); err != nil {
				t.Fatal(err)
			}
			defer answers[method].Body.Close()
		}
		get, head := answers["GET"], answers["HEAD"]
		if head.StatusCode != get.StatusCode || head.ContentLength != get.ContentLength && get.ContentLength >= 0 && path != "/metrics" {
			t.Errorf("%s: HEAD %d of %d bytes, GET %d of %d bytes", path, head.StatusCode, head.ContentLength, get.StatusCode, get.ContentLength)
		}
		for _, name := range []string{"Content-Type", "ETag", "Cache-Control"} {
			if head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("%s: %s %q with HEAD, %q with GET", path, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
}

// TestComparisonBites shows the comparison with the document what no answer may be.
func TestComparisonBites(t *testing.T) {
	p, _ := peopled(t)
	p.settle("acme", accounting.Event{Activity: "chat"})
	for _, c := range []struct{ path, old, new string }{
		{"/api/v1/accounts", `"next_cursor":null`, `"next":null`},
		{"/api/v1/accounts", `"reset_day":1`, `"reset_day":32`},
		{acme, `"timezone":"UTC"`, `"timezone":null`},
		{acme, `"created_at":"2026`, `"created_at":"yesterday, 2026`},
		{acme, `"plan":null`, `"plan":null,"secret":"x"`},
		{acme + "/tokens", `"blocked":false`, `"blocked":"no"`},
		{acme + "/events", `"outcome":"completed"`, `"outcome":"done"`},
		{acme + "/usage", `"requests":2`, `"requests":2.5`},
		{acme + "/ledger", `"kind":"usage"`, `"kind":"use"`},
		{"/api/v1/accounts/none", `"code":"not_found"`, `"code":"gone"`},
	} {
		a := p.call("GET", c.path, "")
		bad := strings.Replace(string(a.body), c.old, c.new, 1)
		if bad == string(a.body) {
			t.Errorf("%s: no %s in %s", c.path, c.old, a.body)
			continue
		}
		r := httptest.NewRequest("GET", c.path, nil)
		route, params, err := p.router.FindRoute(r)
		if err != nil {
			t.Fatal(err)
		}
		in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
			Options: &openapi3filter.Options{IncludeResponseStatus: true}}
		if responseFits(t.Context(), in, answer{t, a.status, a.header, []byte(bad)}) == nil {
			t.Errorf("%s with %s passes as an answer", c.path, c.new)
		}
	}
}
