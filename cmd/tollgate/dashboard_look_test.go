package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// signIn shows a token at the door, as a person does.
func (b *browser) signIn(token string) {
	b.t.Helper()
	b.open("#/")
	b.until(`!!document.querySelector("input[type=password]")`)
	js[bool](b, `document.querySelector("input[type=password]").focus(), true`)
	b.press(token, kb.Enter)
	b.until(`!document.querySelector("input[type=password]")`)
	b.settle()
}

// click presses what has a role and a name that begins so.
func (b *browser) click(role, name string) {
	b.t.Helper()
	b.until(fmt.Sprintf("!!named(%q, %q)", role, name))
	js[bool](b, fmt.Sprintf("(named(%q, %q).click(), true)", role, name))
}

// fill writes into the field of a name.
func (b *browser) fill(name, text string) {
	b.t.Helper()
	field := fmt.Sprintf(`(named("textbox", %q) ?? named("combobox", %q))`, name, name)
	b.until("!!" + field)
	js[bool](b, "("+field+".focus(), inFocus().select?.(), true)")
	b.press(text)
}

// pageOf is a page of the dashboard.
type pageOf struct {
	name, route string
	dialog      string // the button that opens a dialog on it; "": none
}

// pages are all of them: one of each kind with data, without, and what differs elsewhere.
func (w *world) pages(t *testing.T) []pageOf {
	event := w.events(t, "acme")[0].ID
	all := []pageOf{{"accounts", "#/accounts", ""}, {"account-new", "#/new-account", ""}}
	for _, account := range []string{"acme", "newcomer", "markup"} {
		at := "#/accounts/" + account
		all = append(all, pageOf{account + "-tokens", at, ""})
		for _, part := range []string{"usage", "events", "purchases", "keys", "ledger", "settings"} {
			all = append(all, pageOf{account + "-" + part, at + "/" + part, ""})
		}
	}
	return append(all,
		pageOf{"acme-event", "#/accounts/acme/events/" + event, ""},
		pageOf{"markup-event", "#/accounts/markup/events/" + w.events(t, "markup")[0].ID, ""},
		pageOf{"brim-tokens", "#/accounts/brim", ""}, pageOf{"brim-usage", "#/accounts/brim/usage", ""},
		pageOf{"asleep-tokens", "#/accounts/asleep", ""}, pageOf{"asleep-settings", "#/accounts/asleep/settings", ""},
		pageOf{"acme-purchases-void", "#/accounts/acme/purchases", "Void"},
		pageOf{"acme-keys-revoke", "#/accounts/acme/keys", "Revoke"},
		pageOf{"acme-keys-make", "#/accounts/acme/keys", "Make a key"},
		pageOf{"acme-keys-change", "#/accounts/acme/keys", "Change Preview"},
		pageOf{"acme-usage-filtered", "#/accounts/acme/usage?range=30&by=model&activity=chat&chatbot=support", ""},
		pageOf{"acme-events-filtered", "#/accounts/acme/events?range=7&outcome=client_closed", ""},
		pageOf{"acme-usage-nothing", "#/accounts/acme/usage?activity=preview&chatbot=support", ""},
		pageOf{"acme-settings-delete", "#/accounts/acme/settings", "Delete account"},
		pageOf{"nowhere", "#/nowhere", ""},
	)
}

// looks are the ways in which a page is looked at.
var looks = []struct {
	name          string
	width, height int64
	scheme        string
}{{"wide-light", 1280, 900, "light"}, {"wide-dark", 1280, 900, "dark"}, {"phone-light", 320, 700, "light"}}

// TestDashboardPagesForEveryone opens every page light and dark, wide and on a phone: axe finds nothing, nothing stands
// out to the side, every link leads somewhere, and the tab neither complains nor asks another host.
func TestDashboardPagesForEveryone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.open("#/")
	wrong := 0
	for _, look := range looks {
		b.size(look.width, look.height, look.scheme)
		wrong += b.judge("sign-in-" + look.name)
	}
	b.signIn(adminToken)
	links, pages := map[string]bool{}, w.pages(t)
	for _, look := range looks {
		b.size(look.width, look.height, look.scheme)
		for _, p := range pages {
			b.open(p.route)
			if p.dialog != "" {
				b.click("button", p.dialog)
				b.until(`!!document.querySelector("dialog[open]")`)
			}
			wrong += b.judge(p.name + "-" + look.name)
			for _, link := range js[[]string](b, `[...parts()].filter(e => e.localName === "a" && e.href).map(e => e.href)`) {
				links[link] = true
			}
			if p.dialog != "" {
				b.press(kb.Escape)
				b.until(`!document.querySelector("dialog[open]")`)
			}
		}
	}
	b.follow(links)
	requests, trouble := b.asked()
	fmt.Printf("BROWSER pages=%d looks=%d links=%d axe_violations=%d requests=%d complaints=%d\n", len(pages)+1, len(looks), len(links), wrong, requests, trouble)
}

// judge looks at the page with all of it unfolded: what axe finds, and whether it is wider than the window.
func (b *browser) judge(name string) (wrong int) {
	b.t.Helper()
	b.picture(name)
	js[bool](b, `[...parts()].filter(e => e.localName === "details").forEach(e => { e.open = true }), true`)
	for _, v := range b.violations() {
		wrong++
		b.t.Errorf("%s: %s (%s): %s", name, v.ID, v.Help, strings.Join(v.Nodes, " | "))
	}
	if over := js[int](b, "document.scrollingElement.scrollWidth - innerWidth"); over > 0 {
		b.t.Errorf("%s: %d pixels wider than the window: %v", name, over, js[[]string](b, `[...document.querySelectorAll("body *")].filter(e =>
			e.getBoundingClientRect().right > innerWidth + 1).slice(-3).map(e => e.outerHTML.slice(0, 120))`))
	}
	return wrong
}

// follow visits links: a route must be a page, anything else an answer below 400.
func (b *browser) follow(links map[string]bool) {
	b.t.Helper()
	if len(links) < 20 {
		b.t.Errorf("only %d links: %v", len(links), links)
	}
	for link := range links {
		route, ours := strings.CutPrefix(link, strings.TrimSuffix(b.home, "/")+"/#")
		if strings.HasSuffix(link, "#main") { // within the page
			continue
		}
		if !ours {
			if status := js[int](b, fmt.Sprintf("fetch(%q).then(r => r.status)", link)); status >= 400 {
				b.t.Errorf("the link %s: status %d", link, status)
			}
			continue
		}
		b.open("#" + route)
		if js[bool](b, `allText().includes("There is no such page")`) {
			b.t.Errorf("the link %s leads nowhere", link)
		}
	}
}

// TestDashboardTakesNamesAsText shows names with markup as they are written, on every page that has them.
func TestDashboardTakesNamesAsText(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	b.size(1280, 900, "light")
	b.signIn(adminToken)
	for _, route := range []string{"", "/markup", "/markup/purchases", "/markup/keys", "/markup/events", "/markup/usage?group=model"} {
		b.open("#/accounts" + route)
		b.shows(markupName)
		if title := js[string](b, "document.title"); title == "run" {
			t.Errorf("%q: the name was run", route)
		}
		if n := js[int](b, `[...parts()].filter(e => e.localName === "img").length`); n > 0 {
			t.Errorf("%q: the name became %d images", route, n)
		}
	}
}

// TestDashboardPolicyHolds sees that no script but the dashboard's own runs, whatever gets into the page.
func TestDashboardPolicyHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	b := newBrowser(t, w.admin)
	answer := step(b, "open", chromedp.NavigateResponse(b.home))
	policy := header(answer.Headers, "content-security-policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(policy, part) {
			t.Errorf("the policy is %q, it lacks %s", policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	for _, attack := range []string{
		`document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = true'>")`,
		`document.body.append(Object.assign(document.createElement("script"), {text: "window.ran = true"}))`,
		`document.body.append(Object.assign(document.createElement("script"), {src: "https://elsewhere.example/x.js"}))`,
		`document.body.setAttribute("onclick", "window.ran = true"); document.body.click()`,
	} {
		js[bool](b, "(() => { try { "+attack+" } catch {} return true })()")
	}
	time.Sleep(300 * time.Millisecond)
	if js[bool](b, "!!window.ran") {
		t.Error("a script ran that is not the dashboard's")
	}
	b.lock.Lock()
	defer b.lock.Unlock()
	if len(b.trouble) == 0 {
		t.Error("nothing was reported")
	}
	b.trouble = nil // they were asked for
}

func header(all network.Headers, name string) string {
	for n, v := range all {
		if strings.EqualFold(n, name) {
			return fmt.Sprint(v)
		}
	}
	return ""
}
