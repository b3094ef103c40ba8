package main_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestDashboardByKeyboard signs in, opens an account, buys, makes a key, uses it, revokes it and signs out, with no key but
// Tab, Enter, Escape and what is typed.
func TestDashboardByKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.expect("/api/v1/session")
	b.open("#/")
	b.focused("Admin token")
	b.press(adminToken, kb.Enter)
	b.until(`!document.querySelector("input[type=password]")`)
	b.settle()

	b.tabTo("Newcomer")
	b.press(kb.Enter)
	b.until(`location.hash === "#/accounts/newcomer"`)
	b.settle()

	b.tabTo("Purchases")
	b.press(kb.Enter)
	b.settle()
	b.tabTo("Tokens to add")
	b.press("9000")
	b.tabTo("Reference")
	b.press("by-hand", kb.Enter)
	b.until(`[...document.querySelectorAll("td,th")].some(e => e.innerText.trim() === "by-hand")`)

	b.tabTo("Void by-hand")
	b.press(kb.Enter)
	b.until(`!!document.querySelector("dialog[open]")`)
	b.press(kb.Escape)
	b.until(`!document.querySelector("dialog[open]")`)
	b.focused("Void by-hand") // where it came from

	b.tabBack("Keys")
	b.press(kb.Enter)
	b.settle()
	b.tabTo("Make a key")
	b.press(kb.Enter)
	b.focused("Name")
	b.press("Hands", kb.Enter)
	b.until(`named("textbox", "Secret")?.value?.startsWith("tg_")`)
	secret := js[string](b, `named("textbox", "Secret").value`)
	if got := w.ask(t, secret); got != http.StatusOK {
		t.Fatalf("a request with the key: status %d", got)
	}
	b.tabTo("I have copied it")
	b.press(kb.Enter)
	b.tabTo("Revoke Hands")
	b.press(kb.Enter)
	b.until(`!!document.querySelector("dialog[open]")`)
	b.tabTo("Revoke the key")
	b.press(kb.Enter)
	b.until(`!document.querySelector("dialog[open]")`)
	eventually(t, "the key is refused", 3*time.Second, func() bool { return w.ask(t, secret) == http.StatusUnauthorized })
	b.tabBack("Sign out")
	b.press(kb.Enter)
	b.focused("Admin token")
}

// focused waits until what has the focus has a name that begins so.
func (b *browser) focused(name string) {
	b.t.Helper()
	b.until(fmt.Sprintf("focusName().startsWith(%q)", name))
}

// tabBack is tabTo in the other direction.
func (b *browser) tabBack(name string) {
	b.t.Helper()
	b.tab(name, chromedp.KeyModifiers(chromedp.ModifierShift))
}
