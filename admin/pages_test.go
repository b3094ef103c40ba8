package admin_test

import (
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tollgate/tollgate/admin/dashboard"
)

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
	base, err := url.Parse(front.URL + "/ops/tollgate/")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(status int, method, path, body string) string {
		t.Helper()
		to, err := base.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		r, err := http.NewRequest(method, to.String(), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", "text/html")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status {
			t.Fatalf("%s %s: %d %s, %v, want %d", method, path, resp.StatusCode, text, err, status)
		}
		return string(text)
	}
	named := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(ask(200, "GET", "", ""), -1)
	if len(named) < 3 {
		t.Errorf("the page names %q", named)
	}
	for _, file := range named {
		if strings.HasPrefix(file[1], "/") || strings.Contains(file[1], ":") {
			t.Errorf("%s is not below the page", file[1])
		}
		ask(200, "GET", file[1], "")
	}
	ask(401, "GET", "api/v1/accounts", "")
	ask(201, "POST", "api/v1/session", `{"token":"`+adminToken+`"}`)
	ask(200, "GET", "api/v1/accounts", "")
	for _, path := range []string{"/another", "/ops/tollgate/", "/api/v1/accounts"} {
		elsewhere, err := base.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		if cookies := jar.Cookies(elsewhere); len(cookies) > 0 {
			t.Errorf("%s gets the session: %v", path, cookies)
		}
	}
	if lost := ask(404, "GET", "accounts/acme", ""); !strings.Contains(lost, `href="./../"`) {
		t.Errorf("a wrong address leads to %s", lost)
	}
	ask(204, "DELETE", "api/v1/session", "")
	ask(401, "GET", "api/v1/accounts", "")
}

// fetch is a request without a token, as a browser makes it for a page.
func fetch(p *plane, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	p.admin.ServeHTTP(w, r)
	return w
}

func TestPagesAreAllServed(t *testing.T) {
	p := newPlane(t)
	files := dashboard.Files()
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		w := fetch(p, "GET", "/"+name)
		if w.Code != 200 || w.Body.String() != string(text) {
			t.Errorf("%s: %d, %d bytes of %d", name, w.Code, w.Body.Len(), len(text))
		}
		hashed := regexp.MustCompile(`-[A-Za-z0-9_-]{8}\.[a-z0-9]+$`).MatchString(name)
		if kept := strings.Contains(w.Header().Get("Cache-Control"), "immutable"); kept != hashed {
			t.Errorf("%s: Cache-Control %q", name, w.Header().Get("Cache-Control"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPagesAreProtected(t *testing.T) {
	p := newPlane(t)
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
			"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Content-Type":                 "text/html; charset=utf-8",
	}
	for _, at := range []string{"/", "/index.html", "/nothing", "/accounts/acme/"} {
		w := fetch(p, "GET", at, "Accept", "text/html,application/xhtml+xml")
		for name, value := range want {
			if got := w.Header().Get(name); got != value {
				t.Errorf("%s: %s %q, want %q", at, name, got, value)
			}
		}
	}
}

func TestPagesAreAskedForAgain(t *testing.T) {
	p := newPlane(t)
	page := fetch(p, "GET", "/", "Accept-Encoding", "gzip")
	if again := fetch(p, "GET", "/", "If-None-Match", page.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
		t.Errorf("again: %d with %d bytes", again.Code, again.Body.Len())
	}
	if head := fetch(p, "HEAD", "/"); head.Code != 200 || head.Body.Len() > 0 || head.Header().Get("Content-Length") == "0" {
		t.Errorf("HEAD: %d with %d bytes, %v", head.Code, head.Body.Len(), head.Header())
	}
	p.call("POST", "/", "{}").want("error.code", "method_not_allowed")
}

// The first load is what index.html names, and what those files name in turn.
func TestFirstLoadIsSmall(t *testing.T) {
	const most = 150_000
	p := newPlane(t)
	named := regexp.MustCompile(`[A-Za-z0-9_./-]*[A-Za-z0-9_-]+\.(?:js|css|woff2|svg)\b`)
	seen, total := map[string]bool{}, 0
	var load func(at string)
	load = func(at string) {
		w := fetch(p, "GET", at, "Accept-Encoding", "gzip")
		if w.Code != 200 || seen[at] {
			return // a word that looks like a file's name
		}
		seen[at] = true
		total += w.Body.Len()
		text := w.Body.String()
		if w.Header().Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			all, err := io.ReadAll(unpacked)
			if err != nil {
				t.Fatal(err)
			}
			text = string(all)
		}
		if strings.HasSuffix(at, ".woff2") {
			return
		}
		for _, name := range named.FindAllString(text, -1) {
			load(path.Join(path.Dir(at), name))
		}
	}
	load("/")
	t.Logf("%d files, %d bytes", len(seen), total)
	if total > most || len(seen) < 3 {
		t.Errorf("the first load is %d bytes in %d files (%v), want at most %d", total, len(seen), seen, most)
	}
}

func TestWrongAddressIsAPage(t *testing.T) {
	p := newPlane(t)
	for at, home := range map[string]string{"/nothing": `"./"`, "/accounts/acme": `"./../"`, "/a/b/": `"./../../"`} {
		w := fetch(p, "GET", at, "Accept", "text/html")
		if w.Code != 404 || !strings.Contains(w.Body.String(), "<h1>There is nothing here</h1>") || !strings.Contains(w.Body.String(), "href="+home) {
			t.Errorf("%s: %d %s", at, w.Code, w.Body)
		}
	}
	if w := fetch(p, "GET", "/nothing.js"); w.Code != 404 || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("a script: %d %s", w.Code, w.Body)
	}
	if w := fetch(p, "GET", "/api/v1/nothing", "Accept", "text/html"); w.Code != 401 || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("in the API: %d %s", w.Code, w.Body)
	}
}
