package main_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/tollgate/tollgate/deploy/deploytest"
)

// stepWait bounds one step in the browser.
const stepWait = 20 * time.Second

// browser is one tab of a Chromium of its own, and what that tab said and asked for.
type browser struct {
	t    *testing.T
	ctx  context.Context
	home string // where the dashboard is, with a slash at its end
	axe  string // the source of axe-core; "": not read yet

	lock     sync.Mutex
	trouble  []string // console errors, exceptions, violations of the policy, foreign hosts
	requests []string // every address asked for
	statuses map[string]int64
	allowed  map[string]bool // texts in addresses that are expected to be on another host, or to be refused
}

// chromium is the browser's program. A missing one fails in CI and skips elsewhere.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	deploytest.Missing(t, errors.New("Chromium is missing: install the distribution's package `chromium`"))
	return ""
}

// newBrowser opens a tab that goes nowhere yet. The end of the test fails it for anything that the tab complained of.
func newBrowser(t *testing.T, home string) *browser {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(profileFolder(t)), chromedp.Flag("lang", "en-US"),
		chromedp.Flag("enable-blink-features", "ComputedAccessibilityInfo"))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, home: strings.TrimSuffix(home, "/") + "/", statuses: map[string]int64{}, allowed: map[string]bool{}}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	tell(b, network.Enable, network.EnableParams{})
	tell(b, log.Enable, cdp.Empty{})
	tell(b, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watch})
	t.Cleanup(b.checkTrouble)
	return b
}

// watch runs in every page before its own scripts do: it tells of violations of the policy, and gives the tests what the
// language lacks. Names are those that a screen reader would say.
const watch = `
	addEventListener("securitypolicyviolation", e => console.error("policy violated: " + e.violatedDirective + " by " + e.blockedURI), true);
	window.running = 0;
	window.calm = 0; // since when no call has been running
	const fetched = window.fetch;
	window.fetch = (...a) => {
		running++;
		return fetched(...a).finally(() => { running--; calm = performance.now(); });
	};
	addEventListener("hashchange", () => { calm = performance.now(); });
	window.parts = function* (root = document) {
		for (const e of root.querySelectorAll("*")) {
			yield e;
			if (e.shadowRoot) yield* parts(e.shadowRoot);
		}
	};
	window.allText = () => [document.body, ...[...parts()].flatMap(e => e.shadowRoot ? [...e.shadowRoot.children] : [])].map(e => e.innerText ?? "").join("\n");
	window.inFocus = () => {
		let e = document.activeElement;
		while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
		return e;
	};
	window.focusName = () => inFocus()?.computedName ?? "";
	const candidates = {link: "a", button: "button", textbox: "input, textarea", combobox: "input, select", heading: "h1, h2, h3"}; // names are dear
	window.named = (role, name) => [...parts()].find(e =>
		e.matches(candidates[role]) && e.computedRole === role && e.computedName.startsWith(name) && e.checkVisibility());
`

// profileFolder is removed at the end, for which Chromium's last children need a while.
func profileFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tollgate-chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 50 {
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	return dir
}

// hear keeps what matters of the tab's events.
func (b *browser) hear(event any) {
	b.lock.Lock()
	defer b.lock.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && !strings.HasPrefix(b.home, u.Scheme+"://"+u.Host+"/") && !b.expects(e.Request.URL) {
			b.trouble = append(b.trouble, "a request to another host: "+e.Request.URL)
		}
	case *network.EventResponseReceived:
		b.statuses[e.Response.URL] = e.Response.Status
		if e.Response.Status >= 400 && !b.expects(e.Response.URL) {
			b.trouble = append(b.trouble, fmt.Sprintf("status %d of %s", e.Response.Status, e.Response.URL))
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			b.trouble = append(b.trouble, "console: "+printed(e.Args))
		}
	case *runtime.EventExceptionThrown:
		b.trouble = append(b.trouble, "exception: "+thrown(e.ExceptionDetails))
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" && !b.expects(e.Entry.URL+" "+e.Entry.Text) { // of CORS the text alone has the address
			b.trouble = append(b.trouble, "log: "+e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// expects says whether an address was announced by expect.
func (b *browser) expects(address string) bool {
	for text := range b.allowed {
		if strings.Contains(address, text) {
			return true
		}
	}
	return false
}

// expect announces that addresses with a text in them may be on another host, and be refused.
func (b *browser) expect(text string) {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.allowed[text] = true
}

func printed(args []*runtime.RemoteObject) string {
	texts := make([]string, len(args))
	for i, a := range args {
		if texts[i] = a.Description; texts[i] == "" {
			texts[i] = string(a.Value)
		}
	}
	return strings.Join(texts, " ")
}

func thrown(d *runtime.ExceptionDetails) string {
	if d.Exception != nil && d.Exception.Description != "" {
		return d.Exception.Description
	}
	return d.Text
}

func (b *browser) checkTrouble() {
	b.lock.Lock()
	defer b.lock.Unlock()
	for _, trouble := range b.trouble {
		b.t.Error(trouble)
	}
}

// asked is how many addresses the tab asked for, and how many of them it was in trouble with.
func (b *browser) asked() (requests, trouble int) {
	b.lock.Lock()
	defer b.lock.Unlock()
	return len(b.requests), len(b.trouble)
}

// tell gives Chromium a command.
func tell[P, R any](b *browser, command cdp.Command[P, R], parameters P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepWait)
	defer cancel()
	answer, err := chromedp.Call(ctx, command, parameters)
	if err != nil {
		b.t.Fatalf("%s: %v", command.Method, err)
	}
	return answer
}

// step bounds a step and fails the test at its error.
func step[V any](b *browser, what string, action chromedp.Action[V]) V {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, stepWait)
	defer cancel()
	v, err := chromedp.Run(ctx, action)
	if err != nil {
		b.picture("failed")
		b.t.Fatalf("%s: %v\nthe page says: %s", what, err, b.said())
	}
	return v
}

// said is the visible text of the page, for messages.
func (b *browser) said() string {
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + (document.body ? document.body.innerText : "")`))
	if err != nil {
		return err.Error()
	}
	return text
}

// js evaluates an expression; a promise is waited for.
func js[V any](b *browser, expression string) V {
	b.t.Helper()
	return step(b, expression, chromedp.Evaluate[V](expression, chromedp.EvalAwaitPromise))
}

// until waits for an expression to be true.
func (b *browser) until(expression string) {
	b.t.Helper()
	step(b, "wait for "+expression, chromedp.Poll[chromedp.Void](expression, chromedp.WithPollingInterval(15*time.Millisecond), chromedp.WithPollingTimeout(stepWait)))
}

// open goes to a hash route and waits until the page has all it asked for.
func (b *browser) open(route string) {
	b.t.Helper()
	at := js[string](b, "location.href.split('#')[0]")
	if at != b.home {
		step(b, "open "+b.home+route, chromedp.Navigate(b.home+route))
	} else {
		js[bool](b, fmt.Sprintf(`new Promise(done => {
			const to = new URL(%q, location.href).href;
			if (to === location.href) return done(true);
			addEventListener("hashchange", () => setTimeout(() => done(true)), {once: true});
			location.href = to;
		})`, route))
	}
	b.settle()
}

// reload loads the page anew.
func (b *browser) reload() {
	b.t.Helper()
	step(b, "reload", chromedp.Reload())
	b.settle()
}

// settle waits until nothing is loaded any more.
func (b *browser) settle() {
	b.t.Helper()
	b.until(`document.readyState === "complete" && window.running === 0 && performance.now() > window.calm + 40 && !!document.querySelector("h1") && !document.querySelector(".loading, [aria-busy=true]")`)
}

// shows waits for visible text anywhere on the page.
func (b *browser) shows(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("allText().includes(%q)", text))
}

// press sends keys, as a keyboard does.
func (b *browser) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		step(b, fmt.Sprintf("press %q", key), chromedp.KeyEvent(key))
	}
}

// tabTo presses Tab until the element in focus has an accessible name that begins with name.
func (b *browser) tabTo(name string) {
	b.t.Helper()
	b.tab(name)
}

func (b *browser) tab(name string, options ...chromedp.KeyOption) {
	b.t.Helper()
	for range 120 {
		step(b, "press Tab", chromedp.KeyEvent(kb.Tab, options...))
		if strings.HasPrefix(js[string](b, "focusName()"), name) {
			return
		}
	}
	b.t.Fatalf("Tab never reaches %q:\n%s", name, b.said())
}

// size makes the window so large, and dark or light.
func (b *browser) size(width, height int64, scheme string) {
	b.t.Helper()
	step(b, "resize", chromedp.EmulateViewport(width, height))
	tell(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// picture writes what the tab shows into the folder of $TOLLGATE_SCREENSHOTS, where that is set.
func (b *browser) picture(name string) {
	dir := os.Getenv("TOLLGATE_SCREENSHOTS")
	if dir == "" {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, stepWait)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Logf("screenshot %s: %v", name, err)
	}
}

// violation is what axe found on a page.
type violation struct {
	ID    string   `json:"id"`
	Help  string   `json:"help"`
	Nodes []string `json:"nodes"`
}

// installing keeps tests beside each other from doing it at once.
var installing sync.Mutex

// violations are those of WCAG 2.0 and 2.1, levels A and AA, on the page as it is now.
func (b *browser) violations() []violation {
	b.t.Helper()
	if b.axe == "" {
		const home = "../../admin/dashboard"
		installing.Lock()
		defer installing.Unlock()
		npmInstall(b.t, home)
		source, err := os.ReadFile(home + "/node_modules/axe-core/axe.min.js")
		if err != nil {
			b.t.Fatal(err)
		}
		b.axe = string(source)
	}
	if !js[bool](b, `"axe" in window`) {
		js[bool](b, b.axe+"\n;true")
	}
	raw := js[string](b, `axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}).then(r => JSON.stringify(
		r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + " " + (n.any[0]?.message ?? ""))}))))`)
	var all []violation
	if err := json.Unmarshal([]byte(raw), &all); err != nil {
		b.t.Fatal(err)
	}
	return all
}
