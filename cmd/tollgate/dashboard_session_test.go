package main_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp/kb"
)

// TestDashboardSession: a wrong token is told, a right one outlives a reload, its cookie is out of scripts' reach and is
// not the token, and signing out ends it.
func TestDashboardSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.expect("/api/v1/")
	b.open("#/accounts/acme/keys?sort=none")
	js[bool](b, `document.querySelector("input[type=password]").focus(), true`)
	b.press("not-the-token", kb.Enter)
	b.shows("This is no admin token")
	b.signIn(adminToken)
	b.open("#/accounts/acme")
	b.shows("Acme Chat")
	b.reload()
	b.shows("Acme Chat")
	if cookie := js[string](b, "document.cookie"); cookie != "" {
		t.Errorf("scripts read the cookie %q", cookie)
	}
	kept := js[string](b, "JSON.stringify([{...localStorage}, {...sessionStorage}])")
	cookies := tell(b, network.GetCookies, network.GetCookiesParams{URLs: []string{b.home + "api/v1/session"}}).Cookies
	if len(cookies) != 1 || !cookies[0].HTTPOnly || cookies[0].SameSite != "Strict" || strings.Contains(cookies[0].Value+kept, adminToken) {
		t.Errorf("the session's cookies are %+v, the page keeps %s", cookies, kept)
	}
	b.click("button", "Sign out")
	b.until(`!!document.querySelector("input[type=password]")`)
	b.reload()
	b.until(`!!document.querySelector("input[type=password]")`)
	if status := js[int](b, `fetch("api/v1/accounts").then(r => r.status)`); status != http.StatusUnauthorized {
		t.Errorf("signed out, the API says %d", status)
	}
}

// TestDashboardOfAReader: who may only read sees every page and why nothing can be changed.
func TestDashboardOfAReader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.signIn(readerToken)
	for _, part := range []string{"", "/usage", "/events", "/purchases", "/keys", "/ledger", "/settings"} {
		b.open("#/accounts/acme" + part)
		if n := js[int](b, `[...parts()].filter(e => e.localName === "form" && e.dataset.changes !== undefined && [...e.elements].some(i => !i.matches(":disabled"))).length`); n > 0 {
			t.Errorf("%q: %d forms can be sent", part, n)
		}
		for _, name := range []string{"Revoke", "Void", "Delete account", "Suspend"} {
			if js[bool](b, `[...parts()].some(e => e.localName === "button" && e.checkVisibility() && !e.disabled && e.computedName.startsWith("`+name+`"))`) {
				t.Errorf("%q: a reader is offered %s", part, name)
			}
		}
		b.picture("reader-" + strings.TrimPrefix(part, "/"))
	}
	for _, part := range []string{"/purchases", "/keys", "/settings"} {
		b.open("#/accounts/acme" + part)
		b.shows("only read")
		if all := b.violations(); len(all) > 0 {
			t.Errorf("%s: %+v", part, all)
		}
	}
	b.expect("/grants") // refused, whatever the page offers
	if status := js[int](b, `fetch("api/v1/accounts/acme/grants", {method: "POST", body: '{"tokens":1,"reference":"x"}'}).then(r => r.status)`); status != http.StatusForbidden {
		t.Errorf("a reader's purchase: status %d", status)
	}
}

// TestDashboardOfAnOperator: daily work is done, what only an administrator may is not offered.
func TestDashboardOfAnOperator(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.signIn(operatorToken)
	b.buy("newcomer", "5000", "till-1")
	b.open("#/accounts/newcomer/purchases")
	if js[bool](b, `[...parts()].some(e => e.localName === "button" && !e.disabled && e.computedName.startsWith("Void"))`) {
		t.Error("an operator is offered to void")
	}
	b.open("#/accounts/newcomer/settings")
	if js[bool](b, `[...parts()].some(e => e.localName === "button" && !e.disabled && e.computedName.startsWith("Delete account"))`) {
		t.Error("an operator is offered to delete an account")
	}
}

// TestDashboardUnderASubPath runs it behind a proxy that serves it somewhere below another site's root.
func TestDashboardUnderASubPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	inner, err := url.Parse(w.admin)
	if err != nil {
		t.Fatal(err)
	}
	const prefix = "/tools/tollgate"
	front := httptest.NewServer(http.StripPrefix(prefix, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(inner)
		r.Out.Host = r.In.Host
	}}))
	t.Cleanup(front.Close)
	b := newBrowser(t, front.URL+prefix)
	b.size(1280, 900, "light")
	b.signIn(adminToken)
	b.open("#/accounts/acme")
	b.shows("Monthly Usage Reset")
	b.buy("newcomer", "7000", "below")
	if got := w.tokens(t, "newcomer").Extra.Remaining; got != 7000 {
		t.Errorf("bought below the path, extra is %d", got)
	}
	b.reload()
	b.shows("below")
	b.lock.Lock()
	defer b.lock.Unlock()
	for _, address := range b.requests {
		if !strings.HasPrefix(address, b.home) && !strings.HasPrefix(address, "data:") {
			t.Errorf("a request above the path: %s", address)
		}
	}
}
