package main_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// platform is a page of another site that shows its customer the Token view, under a strict policy of its own.
const platform = `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Settings</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css">
<script type="module" src="%[1]s/tollgate/embed.js"></script>
<main><h1>Your plan</h1><p>This page belongs to the platform.</p><tollgate-tokens key="%[2]s"></tollgate-tokens></main></html>`

const platformStyle = `:root { color-scheme: light dark } body { margin: 0; font: 16px/1.5 system-ui; background: light-dark(#f4f1ff, #17131f) }
main { max-width: 44rem; margin: auto; padding: 1.5rem 1rem } tollgate-tokens { --tollgate-accent: light-dark(#6d28d9, #b794f6); --tollgate-radius: 4px }`

// newPlatform serves the page; the key stands in its address's query.
func newPlatform(t *testing.T, gateway string) (origin string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/style.css" {
			w.Header().Set("Content-Type", "text/css")
			fmt.Fprint(w, platformStyle)
			return
		}
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src "+gateway+"; connect-src "+gateway+
			"; style-src 'self'; img-src data:; require-trusted-types-for 'script'")
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, platform, gateway, html.EscapeString(r.URL.Query().Get("key")))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// TestEmbeddedTokens is the customer's own window in a page of another origin.
func TestEmbeddedTokens(t *testing.T) {
	_, provider := newProvider(t)
	dir := t.TempDir()
	c := begin(t, dir, settings(dir+"/data", provider, ""))
	call := c.account(t, "acme", 20_000, nil)
	c.purchase(t, "acme", "invoice-1", 5_000)
	status(t, c.data, call, 12_345)
	b := newBrowser(t, newPlatform(t, c.data))
	b.expect(c.data)
	own := strings.TrimSuffix(b.home, "/")
	viewKey := func(origin string, seconds int) string {
		var key struct{ Secret string }
		c.call(t, http.StatusCreated, "POST", "/api/v1/accounts/acme/keys", map[string]any{"scope": "view", "origins": []string{origin}, "ttl_seconds": seconds}, &key)
		return key.Secret
	}
	says := func(home, key string, words ...string) {
		t.Helper()
		b.lock.Lock()
		b.home = home + "/?key=" + key
		b.lock.Unlock()
		b.open("")
		for _, word := range words {
			b.shows(word)
		}
	}
	reads := 0
	refused := func(home, key, words string) {
		t.Helper()
		says(home, key, "The tokens can’t be shown", words)
		if strings.Contains(js[string](b, "allText()"), "20,000") {
			t.Errorf("the view is shown all the same: %s", b.said())
		}
		reads++
	}

	long, brief := viewKey(own, 600), viewKey(own, 1)
	time.Sleep(time.Second)
	refused(own, brief, "not valid any more")
	b.picture("embedded-refused")
	neighbour := newPlatform(t, c.data)
	refused(neighbour, long, "may not be made for this site")
	viewKey(neighbour, 600)
	refused(neighbour, long, "is not made for this site")

	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{900, 320} {
			b.size(width, 800, scheme)
			says(own, long, "Tokens", "Monthly Usage Reset", "Extra Tokens", "12,345", "20,000", "5,000")
			b.picture(fmt.Sprintf("embedded-%s-%d", scheme, width))
			want := map[string]string{"light": "rgb(255, 255, 255)", "dark": "rgb(22, 26, 33)"}[scheme]
			if ground := js[string](b, `getComputedStyle(document.querySelector("tollgate-tokens").shadowRoot.querySelector("section")).backgroundColor`); ground != want {
				t.Errorf("%s: the parts stand on %s, want %s", scheme, ground, want)
			}
			if wide := js[int64](b, "document.documentElement.scrollWidth"); wide > width {
				t.Errorf("%d pixels: the page is %d wide", width, wide)
			}
			for _, v := range b.violations() {
				t.Errorf("%s, %d pixels: %s: %s: %q", scheme, width, v.ID, v.Help, v.Nodes)
			}
		}
	}
	c.purchase(t, "acme", "invoice-2", 2_500)
	shown := eventually(t, "the purchase in the view", stepWait, func() bool { return js[bool](b, `allText().includes("7,500")`) })
	if got := answered(t, c.data, long, `{"model":"gpt-4o-mini","messages":[]}`); got != http.StatusForbidden {
		t.Errorf("a request with the view's key: %d", got)
	}
	fmt.Printf("WIDGET embedded_view: three parts, purchase seen after %.1f s, refusals in words=%d %s\n", shown.Seconds(), reads, verdict(t))
}
