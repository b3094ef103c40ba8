package main_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
)

// madeKey is the key that an account has under a name.
type madeKey struct {
	ID, Name, Activity, Chatbot string
	MonthlyCap                  *int64  `json:"monthly_cap"`
	RevokedAt                   *string `json:"revoked_at"`
}

func (w *world) keyNamed(t *testing.T, account, name string) (found madeKey) {
	t.Helper()
	var list struct{ Data []madeKey }
	w.call(t, http.StatusOK, "GET", "/api/v1/accounts/"+account+"/keys", nil, &list)
	for _, k := range list.Data {
		if k.Name == name {
			found = k
		}
	}
	return found
}

// TestDashboardKey: a key that was made in the page is used for a real request, its secret is shown once, its limits are
// changed, and revoked in the page it is refused.
func TestDashboardKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.signIn(adminToken)
	b.open("#/accounts/newcomer/keys")
	b.click("button", "Make a key")
	b.fill("Name", "Shop window")
	b.fill("Chatbot", "window-1")
	b.fill("Monthly cap", "4000")
	b.press(kb.Enter)
	const shown = `named("textbox", "Secret")?.value`
	b.until(shown + `?.startsWith("tg_")`)
	b.picture("key-just-made")
	if all := b.violations(); len(all) > 0 {
		t.Errorf("the key just made: %+v", all)
	}
	secret := js[string](b, shown)
	if got := w.ask(t, secret); got != http.StatusOK {
		t.Fatalf("a request with the key: status %d", got)
	}
	made := w.keyNamed(t, "newcomer", "Shop window")
	if e := w.events(t, "newcomer"); len(e) != 1 || e[0].Key != made.ID || e[0].Chatbot != "window-1" || made.MonthlyCap == nil || *made.MonthlyCap != 4000 {
		t.Errorf("the event is %+v, the key %+v", e, made)
	}
	b.reload()
	b.shows("Shop window")
	if js[bool](b, fmt.Sprintf("document.documentElement.outerHTML.includes(%q)", secret)) {
		t.Error("the secret is shown again")
	}
	b.click("button", "Revoke Shop window")
	b.until(`!!document.querySelector("dialog[open]")`)
	b.click("button", "Revoke the key")
	b.until(`!document.querySelector("dialog[open]")`)
	eventually(t, "the key is refused", 3*time.Second, func() bool { return w.ask(t, secret) == http.StatusUnauthorized })
}

// TestDashboardChangeOfWhatChanged: who changes what somebody else has changed meanwhile is told, and nothing is overwritten.
func TestDashboardChangeOfWhatChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.signIn(adminToken)
	b.expect("/api/v1/accounts/acme")
	b.open("#/accounts/acme/settings")
	w.call(t, http.StatusOK, "PATCH", "/api/v1/accounts/acme", map[string]any{"name": "Acme the Second"}, nil)
	b.fill("Name", "Acme the Third")
	b.press(kb.Enter)
	b.shows("changed by someone else")
	b.picture("changed-meanwhile")
	b.click("button", "Read it again")
	b.until(`named("textbox", "Name")?.value === "Acme the Second"`)
	b.fill("Name", "Acme the Fourth")
	b.press(kb.Enter)
	b.until(`document.querySelector("h1").innerText.includes("Acme the Fourth")`)
}

// TestDashboardAccount opens an account in the page, changes it, and deletes it.
func TestDashboardAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.signIn(adminToken)
	b.expect("/api/v1/accounts")
	b.open("#/new-account")
	b.fill("Id", "Bad Id")
	b.fill("Name", "Velo Bicycles")
	b.press(kb.Enter)
	b.until(`inFocus()?.getAttribute("aria-invalid") === "true" && focusName().startsWith("Id")`)
	b.picture("account-refused")
	b.fill("Id", "velo")
	b.press(kb.Enter)
	b.shows("An account needs a plan or monthly_tokens") // the next fault
	b.fill("Monthly tokens", "123000")
	b.press(kb.Enter)
	b.until(`location.hash === "#/accounts/velo"`)
	b.shows("123,000")
	b.open("#/accounts/velo/settings")
	b.click("button", "Suspend")
	b.shows("suspended")
	b.click("button", "Delete account")
	b.until(`!!document.querySelector("dialog[open]")`)
	b.fill("Type", "velo")
	b.press(kb.Enter)
	b.until(`location.hash === "#/accounts"`)
	w.call(t, http.StatusNotFound, "GET", "/api/v1/accounts/velo", nil, nil)
}
