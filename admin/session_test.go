package admin_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tollgate/tollgate/admin"
)

// browse is a request as a browser makes it: no bearer, its cookies, and where it comes from.
func browse(p *plane, method, target, body, site string, cookies ...*http.Cookie) answer {
	p.t.Helper()
	headers := []string{"Authorization", "", "Sec-Fetch-Site", site}
	var values []string
	for _, c := range cookies {
		values = append(values, c.Name+"="+c.Value)
	}
	if len(values) > 0 {
		headers = append(headers, "Cookie", strings.Join(values, "; "))
	}
	return p.call(method, target, body, headers...)
}

func signIn(p *plane, token string) *http.Cookie {
	p.t.Helper()
	a := browse(p, "POST", "/api/v1/session", `{"token":"`+token+`"}`, "same-origin")
	if a.status != http.StatusCreated {
		p.t.Fatalf("sign-in: %d %s", a.status, a.body)
	}
	return (&http.Response{Header: a.header}).Cookies()[0]
}

func TestSession(t *testing.T) {
	p := newPlane(t)
	cookie := signIn(p, adminToken)
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "" || strings.Contains(cookie.Value, adminToken) {
		t.Errorf("the cookie is %v", cookie)
	}
	browse(p, "GET", "/api/v1/session", "", "same-origin", cookie).want("name", "admin", "role", "admin")
	if a := browse(p, "POST", "/api/v1/accounts", `{"id":"acme","monthly_tokens":5}`, "same-origin", cookie); a.status != 201 {
		t.Errorf("a session made no account: %d %s", a.status, a.body)
	}
	if a := browse(p, "POST", "/api/v1/accounts", `{"id":"evil","monthly_tokens":5}`, "cross-site", cookie); a.status != 403 {
		t.Errorf("another site's page used the session: %d", a.status)
	}
	if a := browse(p, "POST", "/api/v1/session", `{"token":"`+adminToken+`"}`, "cross-site"); a.status != 403 {
		t.Errorf("another site's page signed in: %d", a.status)
	}
	if a := p.call("GET", "/api/v1/accounts", "", "Authorization", "Bearer no", "Cookie", cookie.String()); a.status != 401 {
		t.Errorf("a wrong bearer beside a session: %d", a.status)
	}
	out := browse(p, "DELETE", "/api/v1/session", "", "same-origin", cookie)
	if set := (&http.Response{Header: out.header}).Cookies(); out.status != 204 || len(set) != 1 || set[0].MaxAge >= 0 {
		t.Errorf("sign-out: %d %v", out.status, set)
	}
}

func TestSessionEnds(t *testing.T) {
	p := newPlane(t)
	p.tokens = append(p.tokens, admin.Token{Name: "support", Secret: "support-token-0123456789", Role: admin.RoleRead})
	cookie := signIn(p, "support-token-0123456789")
	alive := func() int { return browse(p, "GET", "/api/v1/session", "", "same-origin", cookie).status }
	forged := *cookie
	forged.Value = strings.Replace(cookie.Value, cookie.Value[:8], "eyJ0IjoiYWRtaW4", 1)
	if a := browse(p, "GET", "/api/v1/session", "", "same-origin", &forged); a.status != 204 {
		t.Errorf("a forged session: %d", a.status)
	}
	p.pass(59 * time.Minute)
	if s := alive(); s != 200 {
		t.Errorf("before its end: %d", s)
	}
	p.pass(time.Minute)
	if s := alive(); s != 204 {
		t.Errorf("after its end: %d", s)
	}
	cookie = signIn(p, "support-token-0123456789")
	p.tokens[1].Secret = "support-token-9876543210"
	if s := alive(); s != 204 {
		t.Errorf("after its token changed: %d", s)
	}
}

func TestSignInRefused(t *testing.T) {
	p := newPlane(t)
	for body, want := range map[string]int{
		`{"token":"wrong"}`: 401, `{"token":""}`: 401, `{}`: 422, `{"token":5}`: 422, `{"token":"x","more":1}`: 422, `nonsense`: 400,
	} {
		if a := browse(p, "POST", "/api/v1/session", body, "same-origin"); a.status != want || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s, want %d and no cookie", body, a.status, a.body, want)
		}
	}
	if strings.Contains(p.log.String(), "wrong") {
		t.Error("the log has what was shown")
	}
}

// rights are what each role may do: A admin, O operator, R read.
var rights = []struct{ method, path, body, roles string }{
	{"GET", "/api/v1/accounts", "", "AOR"},
	{"GET", "/api/v1/accounts/acme", "", "AOR"},
	{"GET", "/api/v1/accounts/acme/tokens", "", "AOR"},
	{"GET", "/api/v1/accounts/acme/usage.csv", "", "AOR"},
	{"GET", "/api/v1/accounts/acme/ledger", "", "AOR"},
	{"POST", "/api/v1/accounts", `{"id":"NEW","monthly_tokens":5}`, "AO"},
	{"PATCH", "/api/v1/accounts/acme", `{"name":"Acme"}`, "AO"},
	{"POST", "/api/v1/accounts/acme/grants", `{"tokens":5,"reference":"NEW"}`, "AO"},
	{"POST", "/api/v1/accounts/acme/keys", `{"name":"k"}`, "AO"},
	{"PATCH", "/api/v1/accounts/acme/keys/KEY", `{"name":"l"}`, "AO"},
	{"DELETE", "/api/v1/accounts/acme/keys/KEY", "", "AO"},
	{"DELETE", "/api/v1/accounts/acme/grants/GRANT", "", "A"},
	{"DELETE", "/api/v1/accounts/acme", "", "A"},
}

func TestRolesAndAccounts(t *testing.T) {
	roles := map[string]admin.Role{"A": admin.RoleAdmin, "O": admin.RoleOperator, "R": admin.RoleRead}
	for letter, role := range roles {
		for _, only := range []string{"", "acme", "other"} {
			p := newPlane(t)
			p.must(201, "POST", "/api/v1/accounts", `{"id":"acme","monthly_tokens":5}`)
			p.must(201, "POST", "/api/v1/accounts", `{"id":"other","monthly_tokens":5}`)
			key := p.must(201, "POST", "/api/v1/accounts/acme/keys", `{"name":"first"}`).text("id")
			grant := p.must(201, "POST", "/api/v1/accounts/acme/grants", `{"tokens":5,"reference":"first"}`).text("id")
			p.tokens = append(p.tokens, admin.Token{Name: "t", Secret: "shown", Role: role, Account: only})
			fill := strings.NewReplacer("KEY", key, "GRANT", grant, "NEW", "new")
			for _, r := range rights {
				allowed := strings.Contains(r.roles, letter)
				if only != "" && r.path == "/api/v1/accounts" {
					allowed = r.method == "GET"
				} else if only == "other" {
					allowed = false
				}
				a := p.call(r.method, fill.Replace(r.path), fill.Replace(r.body), "Authorization", "Bearer shown")
				if got := a.status != http.StatusForbidden; got != allowed || allowed && a.status/100 != 2 {
					t.Errorf("role %s of %q: %s %s: %d %s, allowed %v", role, only, r.method, r.path, a.status, a.body, allowed)
				}
				if only != "" && r.method == "GET" && r.path == "/api/v1/accounts" && strings.Count(string(a.body), `"timezone"`) != 1 {
					t.Errorf("role %s of %q sees %s", role, only, a.body)
				}
			}
		}
	}
}

// A reverse proxy that strips a prefix must need no setting here: pages, calls and the cookie follow the browser's paths.
func TestDashboardUnderASubPath(t *testing.T) {
	p := newPlane(t)
	p.set(time.Now()) // a cookie jar has a clock of its own
	behind := httptest.NewServer(p.admin)
	defer behind.Close()
	target, err := url.Parse(behind.URL)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(http.StripPrefix("/ops/tollgate", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}))
	defer front.Close()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	base := front.URL + "/ops/tollgate/"
	resp, err := client.Get(base)
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Content-Security-Policy") == "" {
		t.Fatalf("the page: %v %v", resp, err)
	}
	resp, err = client.Post(base+"api/v1/session", "application/json", strings.NewReader(`{"token":"`+adminToken+`"}`))
	if err != nil || resp.StatusCode != 201 {
		t.Fatalf("sign-in: %v %v", resp, err)
	}
	if resp, err = client.Get(base + "api/v1/accounts"); err != nil || resp.StatusCode != 200 {
		t.Errorf("signed in, accounts: %v %v", resp, err)
	}
	elsewhere, _ := url.Parse(front.URL + "/another")
	if cookies := jar.Cookies(elsewhere); len(cookies) > 0 {
		t.Errorf("another path of that host gets the session: %v", cookies)
	}
}

func TestPages(t *testing.T) {
	p := newPlane(t)
	get := func(path string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		p.admin.ServeHTTP(w, r)
		return w
	}
	page := get("/")
	if page.Code != 200 || !strings.HasPrefix(page.Header().Get("Content-Type"), "text/html") {
		t.Errorf("/: %d %s", page.Code, page.Header())
	}
	if again := get("/", "If-None-Match", page.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("again: %d with %d bytes", again.Code, again.Body.Len())
	}
	if w := get("/nothing.js"); w.Code != 404 {
		t.Errorf("nothing.js: %d", w.Code)
	}
	p.call("POST", "/", "{}").want("error.code", "method_not_allowed")
}
