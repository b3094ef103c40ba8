package main_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// buy makes a purchase in the page.
func (b *browser) buy(account, tokens, reference string) {
	b.t.Helper()
	b.open("#/accounts/" + account + "/purchases")
	b.fill("Tokens", tokens)
	b.fill("Reference", reference)
	b.press(kb.Enter)
	b.until(fmt.Sprintf("[...document.querySelectorAll('td,th')].some(e => e.innerText.trim() === %q)", reference))
}

// ask sends a small chat request through the gateway and gives the status.
func (w *world) ask(t *testing.T, key string) int {
	t.Helper()
	resp, err := crowd.Do(request(t, w.data+"/v1/chat/completions", key, `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}],"max_completion_tokens":50}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}

// TestDashboardTokenView has the three parts under the names that customers know, the API's own figures in them, and a
// countdown that runs.
func TestDashboardTokenView(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.signIn(adminToken)
	for _, account := range []string{"acme", "newcomer", "brim"} {
		b.open("#/accounts/" + account)
		for _, part := range []string{"Tokens", "Monthly Usage Reset", "Extra Tokens"} {
			b.until(fmt.Sprintf("!!named('heading', %q)", part))
		}
		v := w.tokens(t, account)
		bar := js[[]int64](b, `(e => [Number(e.ariaValueNow ?? e.getAttribute("aria-valuenow") ?? e.value), Number(e.getAttribute("aria-valuemax") ?? e.max)])(
			[...parts()].find(e => ["progressbar", "meter"].includes(e.computedRole)))`)
		if bar[0] != v.Monthly.Used || bar[1] != v.Monthly.Total {
			t.Errorf("%s: the bar stands at %d of %d, the API says %d of %d", account, bar[0], bar[1], v.Monthly.Used, v.Monthly.Total)
		}
		for _, figure := range []int64{v.Monthly.Used, v.Monthly.Total, v.Extra.Purchased, v.Extra.Remaining, v.Over} {
			b.shows(js[string](b, fmt.Sprintf("(%d).toLocaleString()", figure)))
		}
		b.shows(v.Reset.Timezone)
	}
	const countdown = `[...parts()].find(e => e.getAttribute("role") === "timer").innerText`
	first := js[string](b, countdown)
	b.until(countdown + fmt.Sprintf(" !== %q", first))
}

// TestDashboardPurchaseUnblocks: an account that is refused buys in the page, the page shows it, and the same request passes.
func TestDashboardPurchaseUnblocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	if got := w.ask(t, w.keys["brim"]); got != http.StatusPaymentRequired {
		t.Fatalf("before the purchase: status %d, want 402", got)
	}
	b.signIn(adminToken)
	b.open("#/accounts/brim")
	over := w.tokens(t, "brim").Over
	b.shows("used up")
	b.buy("brim", "25000", "order-78")
	eventually(t, "the request passes", 5*time.Second, func() bool { return w.ask(t, w.keys["brim"]) == http.StatusOK })
	b.open("#/accounts/brim")
	v := w.tokens(t, "brim")
	if v.Blocked || v.Extra.Purchased != 45_000 || v.Extra.Used <= 20_000 {
		t.Errorf("after it (overdraft was %d): %+v", over, v)
	}
	b.shows(js[string](b, fmt.Sprintf("(%d).toLocaleString()", v.Extra.Remaining)))
	b.picture("brim-unblocked")
}

// TestDashboardPurchaseOnce: a form that is sent twice buys once, and what the API refuses stands at its field.
func TestDashboardPurchaseOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.signIn(adminToken)
	b.expect("/grants")
	b.open("#/accounts/newcomer/purchases")
	b.fill("Tokens", "1000")
	b.fill("Reference", "twice")
	js[bool](b, `(f => { f.requestSubmit(); f.requestSubmit(); return true })(named("textbox", "Reference").form)`)
	b.until(`[...document.querySelectorAll("td,th")].some(e => e.innerText.trim() === "twice")`)
	if v := w.tokens(t, "newcomer"); v.Extra.Purchased != 1000 {
		t.Errorf("sent twice, bought %d", v.Extra.Purchased)
	}
	b.fill("Tokens", "2000")
	b.fill("Reference", "twice")
	b.press(kb.Enter)
	b.until(`inFocus()?.getAttribute("aria-invalid") === "true"`)
	b.shows("granted already")
	if kept := js[string](b, `named("textbox", "Tokens").value`); kept != "2000" && kept != "2,000" {
		t.Errorf("after the refusal the field holds %q", kept)
	}
	b.picture("purchase-refused")
}
