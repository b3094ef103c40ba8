package admin_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
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

func TestSessionIsSecureBehindTLS(t *testing.T) {
	p := newPlane(t)
	body := `{"token":"` + adminToken + `"}`
	for proto, secure := range map[string]bool{"https": true, "http": false, "": false} {
		a := p.call("POST", "/api/v1/session", body, "X-Forwarded-Proto", proto)
		if cookie := (&http.Response{Header: a.header}).Cookies()[0]; cookie.Secure != secure {
			t.Errorf("X-Forwarded-Proto %q: %v", proto, cookie)
		}
	}
	server := httptest.NewTLSServer(p.admin)
	defer server.Close()
	resp, err := server.Client().Post(server.URL+"/api/v1/session", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if cookies := resp.Cookies(); len(cookies) != 1 || !cookies[0].Secure {
		t.Errorf("over TLS: %d %v", resp.StatusCode, cookies)
	}
}

// Without Sec-Fetch-Site, which browsers send to TLS and to this machine alone, Origin decides.
func TestSessionOfAnotherOrigin(t *testing.T) {
	p := newPlane(t)
	cookie := signIn(p, adminToken)
	for origin, status := range map[string]int{"http://example.com": 201, "http://evil.example": 403, "null": 403} {
		a := p.call("POST", "/api/v1/accounts", `{"id":"acme-`+strconv.Itoa(status)+`","monthly_tokens":5}`,
			"Authorization", "", "Cookie", cookie.Name+"="+cookie.Value, "Origin", origin)
		if a.status != status {
			t.Errorf("from %s: %d %s, want %d", origin, a.status, a.body, status)
		}
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
	a := browse(p, "POST", "/api/v1/session", `{"token":"wrong"}`, "same-origin")
	a.want("error.code", "unauthorized", "error.field", "token", "error.message", "this is no admin token of this gateway")
	if a.header.Get("WWW-Authenticate") == "" {
		t.Error("a 401 without WWW-Authenticate")
	}
	if strings.Contains(p.log.String(), "wrong") {
		t.Error("the log has what was shown")
	}
}
