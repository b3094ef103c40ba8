package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

// widgetWorld is a gateway whose provider writes slowly, and a Chromium that looks at the preview widget.
type widgetWorld struct {
	*browser
	gate     *child
	dir      string
	yaml     string
	file     string // the widget's backend
	provider *httptest.Server
	reasons  int // refusals that the page put into words
}

func newWidgetWorld(t *testing.T) *widgetWorld {
	t.Helper()
	w := &widgetWorld{dir: t.TempDir(), file: buildExample(t, "preview-widget")}
	w.provider = httptest.NewServer(proxytest.New(proxytest.Options{APIKey: providerKey, Persona: proxytest.BicycleShop, Script: proxytest.Script{Pace: 30}}))
	t.Cleanup(w.provider.Close)
	w.yaml = settings(w.dir+"/data", w.provider.URL, "")
	w.gate = begin(t, w.dir, w.yaml)
	w.browser = newBrowser(t, "about:blank")
	w.expect(w.gate.data)
	w.expect("/visit")
	w.gate.account(t, "shop", 100_000, nil)
	return w
}

// visit opens the page of a widget of its own and gives its origin.
func (w *widgetWorld) visit(t *testing.T, args ...string) (origin string) {
	t.Helper()
	args = append([]string{"-listen", "127.0.0.1:0", "-account", "shop", "-gateway", w.gate.data, "-admin", w.gate.admin}, args...)
	origin, _ = serveExample(t, w.file, []string{"TOLLGATE_ADMIN_TOKEN=" + adminToken}, args...)
	w.show(origin)
	return origin
}

// run is a subtest that the browser's steps fail.
func (w *widgetWorld) run(t *testing.T, name string, test func(*testing.T)) {
	t.Run(name, func(t *testing.T) {
		parent := w.t
		w.t = t
		defer func() { w.t = parent }()
		test(t)
	})
}

func (w *widgetWorld) show(origin string) {
	w.lock.Lock()
	w.home = origin + "/"
	w.lock.Unlock()
	w.open("")
}

// say types a question and sends it, and does not wait for the answer.
func (w *widgetWorld) say(question string) {
	w.t.Helper()
	js[bool](w.browser, `(document.getElementById("question").focus(), true)`)
	w.press(question, kb.Enter)
}

// What the page is at: idle, or so many characters into an answer.
const (
	idle    = `document.getElementById("stop").hidden`
	written = `(document.querySelector("#log > :last-child.assistant")?.textContent ?? "").length`
)

// ask waits until there is an answer, or a refusal.
func (w *widgetWorld) ask(question string) {
	w.t.Helper()
	w.say(question)
	w.until(idle)
}

// answers wants that the last thing said is the assistant's.
func (w *widgetWorld) answers(t *testing.T, text string) {
	t.Helper()
	if got := js[string](w.browser, `document.querySelector("#log > :last-child.assistant")?.textContent ?? ""`); !strings.Contains(got, text) {
		t.Fatalf("the answer is %q, want %q in it; the page says:\n%s", got, text, w.said())
	}
}

// refuses wants a refusal for a reason, in these words, as the last thing said.
func (w *widgetWorld) refuses(t *testing.T, code string, words ...string) {
	t.Helper()
	const card = `document.querySelector("#log > :last-child.refusal[role=alert]")`
	got := js[string](w.browser, card+"?.dataset.code ?? ''")
	text := js[string](w.browser, card+"?.innerText ?? ''")
	for _, word := range words {
		if got != code || !strings.Contains(text, word) {
			t.Fatalf("refused for %q: %q; want %s and %q. The page says:\n%s", got, text, code, word, w.said())
		}
	}
	w.reasons++
	t.Logf("WIDGET %s: %s", code, strings.Join(strings.Fields(text), " "))
}

// newestKey is the id of the key that was made last.
func (w *widgetWorld) newestKey(t *testing.T, account string) string {
	t.Helper()
	var page struct{ Data []struct{ ID string } }
	w.gate.call(t, http.StatusOK, "GET", "/api/v1/accounts/"+account+"/keys?limit=1000", nil, &page)
	newest := ""
	for _, k := range page.Data {
		newest = max(newest, k.ID) // ids are in the order of their making
	}
	return newest
}

func TestWidgetStreams(t *testing.T) {
	w := newWidgetWorld(t)
	w.size(1100, 760, "light")
	w.visit(t)
	w.picture("widget-idle")
	w.say("How do I return a bike that I bought online?")
	w.until(written + " > 60")
	w.picture("widget-mid-answer")
	steps := js[int](w.browser, `new Promise(done => {
		const seen = new Set()
		const look = () => {
			seen.add(`+written+`)
			if (!`+idle+`) return setTimeout(look, 10)
			done(seen.size)
		}
		look()
	})`)
	w.answers(t, "the money is back on your card within three working days.")
	if steps < 5 {
		t.Errorf("the answer came in %d steps", steps)
	}

	w.say("And my chain skips under load. What now?")
	w.until(written + " > 20")
	w.press(kb.Escape)
	w.until(idle)
	w.answers(t, "That sounds like")
	if stopped := js[string](w.browser, `document.querySelector("#log > :last-child").className`); !strings.Contains(stopped, "stopped") {
		t.Errorf("after Escape the answer is %q", stopped)
	}
	w.ask("When are you open?") // the conversation goes on
	w.answers(t, "We are open")

	var events []accounting.Event
	eventually(t, "three events", 20*time.Second, func() bool { events = w.gate.events(t, "shop"); return len(events) == 3 })
	for _, e := range events {
		if e.Activity != "preview" || e.Chatbot != "velo-support" || e.User != "" || !e.Stream {
			t.Errorf("an event of %s, chatbot %q, user %q, stream %t", e.Activity, e.Chatbot, e.User, e.Stream)
		}
	}
	w.gate.audit(t, "shop", events)
	fmt.Printf("WIDGET allowed_origin=streams steps=%d stopped_by_key=1 events=%d activity=preview %s\n", steps, len(events), verdict(t))
}

// TestWidgetForEveryone looks at the page as people with other screens, eyes and hands meet it.
func TestWidgetForEveryone(t *testing.T) {
	w := newWidgetWorld(t)
	w.visit(t, "-cap", "20")
	checks, found := 0, 0
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1100, 320} {
			w.size(width, 640, scheme)
			w.reload()
			w.picture(fmt.Sprintf("widget-%s-%d-idle", scheme, width))
			for range 2 { // the second one is refused
				w.ask("How do I return a bike that I bought online?")
				if wide := js[int64](w.browser, "document.documentElement.scrollWidth"); wide > width {
					t.Errorf("%d pixels: the page is %d wide", width, wide)
				}
				for _, v := range w.violations() {
					found++
					t.Errorf("%s, %d pixels: %s: %s: %q", scheme, width, v.ID, v.Help, v.Nodes)
				}
				checks++
			}
			w.refuses(t, "insufficient_quota", "This preview is used up")
			w.picture(fmt.Sprintf("widget-%s-%d-refused", scheme, width))
		}
	}
	w.reload()
	w.tabTo("When are you open?")
	w.press(kb.Enter)
	w.until(idle)
	w.answers(t, "We are open")
	step(w.browser, "begin a line", chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierShift)))
	w.press("And on Sundays?") // the question has the focus
	if got := js[string](w.browser, `document.getElementById("question").value`); got != "\nAnd on Sundays?" {
		t.Errorf("the question is %q", got)
	}
	w.tabTo("Send")
	fmt.Printf("WIDGET axe_checks=%d violations=%d %s\n", checks, found, verdict(t))
}

// TestWidgetSaysWhy: each refusal reaches the page, and the page says it in words.
func TestWidgetSaysWhy(t *testing.T) {
	w := newWidgetWorld(t)
	w.gate.account(t, "spent", 0, nil)
	w.size(1100, 760, "light")
	const question = "When are you open?"

	w.run(t, "another origin", func(t *testing.T) {
		w.visit(t, "-origin", "http://elsewhere.example")
		w.ask(question)
		w.refuses(t, "hidden", "Not allowed from this page", "lets no page of http://127.0.0.1")
		w.picture("widget-refused-origin")
	})
	w.run(t, "another origin that has keys of its own", func(t *testing.T) {
		origin := w.visit(t, "-origin", "http://elsewhere.example")
		w.gate.call(t, http.StatusCreated, "POST", "/api/v1/accounts/shop/keys", map[string]any{"origins": []string{origin}}, nil)
		w.ask(question)
		w.refuses(t, "not_allowed", "Not allowed here", "may not be used from this origin")
	})
	w.run(t, "an expired key", func(t *testing.T) {
		w.visit(t, "-ttl", "1s")
		w.ask(question)
		w.answers(t, "We are open")
		time.Sleep(time.Second)
		w.ask("How do I return a bike?")
		w.answers(t, "You can return any bike")
		w.shows("The key of your visit had expired; you have a new one.")
		w.picture("widget-renewed")
		// A backend that hands out a dead key: the page gives up after one new one.
		js[bool](w.browser, `(() => {
			const real = fetch
			window.visits = 0
			window.fetch = (to, how) => to === "visit"
				? (visits++, Promise.resolve(Response.json({gateway: `+quote(w.gate.data)+`, key: "tg_dead", model: "gpt-4o-mini", expires_in: 0})))
				: real(to, how)
			return true
		})()`)
		time.Sleep(time.Second)
		w.ask(question)
		w.refuses(t, "invalid_api_key", "This preview has expired", "neither was the new one")
		if visits := js[int](w.browser, "visits"); visits != 1 {
			t.Errorf("the page had %d new keys made, want 1", visits)
		}
		w.picture("widget-refused-expired")
	})
	w.run(t, "a spent cap", func(t *testing.T) {
		w.visit(t, "-cap", "20")
		w.ask(question)
		w.ask(question)
		w.refuses(t, "insufficient_quota", "This preview is used up", "The account still has")
		w.picture("widget-refused-cap")
	})
	w.run(t, "empty pools", func(t *testing.T) {
		w.visit(t, "-account", "spent")
		w.ask(question)
		reset := w.gate.tokens(t, "spent").Reset.At
		local := js[string](w.browser, fmt.Sprintf(`new Intl.DateTimeFormat("en-US", {dateStyle: "long", timeStyle: "short"}).format(new Date(%q))`, reset.Format(time.RFC3339)))
		w.refuses(t, "insufficient_quota", "All tokens are used", "0 of 0 monthly tokens", local)
		w.picture("widget-refused-pools")
	})
	w.run(t, "too many requests", func(t *testing.T) {
		w.visit(t)
		w.ask(question)
		w.gate.call(t, http.StatusOK, "PATCH", "/api/v1/accounts/shop/keys/"+w.newestKey(t, "shop"), map[string]any{"concurrent": 1}, nil)
		time.Sleep(time.Second) // then it counts
		w.say("How do I return a bike?")
		w.until(written + " > 10")
		w.press(kb.Escape) // the gateway reads the rest
		w.ask(question)
		w.refuses(t, "rate_limit_exceeded", "One moment, please", "Try again")
		w.picture("widget-refused-rate")
		w.until(`!document.querySelector(".refusal button").disabled`)
		time.Sleep(time.Second)
		js[bool](w.browser, `(document.querySelector(".refusal button").click(), true)`)
		w.until(idle)
		w.answers(t, "We are open")
	})
	w.run(t, "too many visits", func(t *testing.T) {
		w.visit(t, "-visits", "1")
		w.ask(question)
		w.answers(t, "We are open")
		w.reload()
		w.ask(question)
		w.refuses(t, "too_many_visits", "Many people are here", "Try again in ")
	})
	w.run(t, "suspended", func(t *testing.T) {
		w.gate.account(t, "late", 1000, nil)
		w.visit(t, "-account", "late")
		w.gate.call(t, http.StatusOK, "PATCH", "/api/v1/accounts/late", map[string]any{"status": "suspended"}, nil)
		w.ask(question)
		w.refuses(t, "account_suspended", "The assistant is switched off")
	})
	w.run(t, "no key", func(t *testing.T) {
		w.visit(t, "-account", "nobody")
		w.ask(question)
		w.refuses(t, "no_key", "The preview can’t start")
	})
	w.run(t, "broken off", func(t *testing.T) {
		w.visit(t)
		w.say("How do I return a bike?")
		w.until(written + " > 30")
		w.provider.CloseClientConnections()
		w.until(idle)
		w.refuses(t, "broken", "The answer broke off", "Try again")
	})
	w.run(t, "no provider", func(t *testing.T) {
		w.provider.Close()
		w.ask(question)
		w.refuses(t, "provider_unavailable", "The assistant is away", "not charged")
	})
	w.run(t, "no gateway", func(t *testing.T) {
		w.gate.kill(t)
		w.ask(question)
		w.refuses(t, "unreachable", "The gateway can’t be reached")
		w.picture("widget-refused-unreachable")
	})
	fmt.Printf("WIDGET refused_and_said_in_words=%d %s\n", w.reasons, verdict(t))
}

func quote(s string) string {
	b, _ := json.Marshal(s) // a string
	return string(b)
}

// TestWidgetKeyIsWorthLittle is what somebody can do who takes the key out of the page.
func TestWidgetKeyIsWorthLittle(t *testing.T) {
	w := newWidgetWorld(t)
	origin := w.visit(t)
	var visit struct{ Gateway, Key, Model string }
	body := get(t, "POST", origin+"/visit", nil, http.StatusOK)
	if err := json.Unmarshal([]byte(body), &visit); err != nil || !strings.HasPrefix(visit.Key, "tg_") || strings.Contains(body, adminToken) {
		t.Fatalf("the visit gets %s", body)
	}
	for _, file := range []string{"/", "/widget.js", "/gateway.js", "/words.js", "/widget.css"} {
		if strings.Contains(get(t, "GET", origin+file, nil, http.StatusOK), adminToken) {
			t.Errorf("%s tells the admin token", file)
		}
	}
	get(t, "POST", origin+"/visit", http.Header{"Sec-Fetch-Site": {"cross-site"}}, http.StatusForbidden)

	chat := func(model, from string) *http.Response {
		q := request(t, visit.Gateway+"/v1/chat/completions", visit.Key, `{"model":"`+model+`","messages":[{"role":"user","content":"hello"}]}`)
		if from != "" {
			q.Header.Set("Origin", from)
		}
		q.Header.Set("X-Tollgate-Activity", "training")
		q.Header.Set("X-Tollgate-Chatbot", "other")
		q.Header.Set("X-Tollgate-User", "mallory")
		resp, err := crowd.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		io.Copy(io.Discard, resp.Body)
		return resp
	}
	refused := 0
	for _, from := range []string{"", "null", "http://elsewhere.example", origin + "/", strings.ToUpper(origin)} {
		if resp := chat(visit.Model, from); resp.StatusCode != http.StatusForbidden || resp.Header.Get("X-Tollgate-Error") != "not_allowed" {
			t.Errorf("origin %q: %s, %s", from, resp.Status, resp.Header.Get("X-Tollgate-Error"))
			continue
		}
		refused++
	}
	if resp := chat("gpt-5-pro", origin); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another model: %s", resp.Status)
	}
	resp := chat(visit.Model, origin)
	if resp.StatusCode != http.StatusOK || resp.Header.Get("RateLimit") != "" || resp.Header.Get("RateLimit-Policy") != "" {
		t.Errorf("its own origin: %s, %v", resp.Status, resp.Header)
	}
	e := w.gate.events(t, "shop")
	if len(e) != 1 || e[0].Activity != "preview" || e[0].Chatbot != "velo-support" || e[0].User != "" {
		t.Errorf("what the browser says it is for counts: %+v", e)
	}
	fmt.Printf("WIDGET other_origins_and_none_refused=%d labels_from_browser_counted=0 %s\n", refused, verdict(t))
}

func get(t *testing.T, method, url string, header http.Header, want int) string {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		q.Header[name] = values
	}
	resp, err := crowd.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		t.Fatalf("%s %s: %s, %v, want %d: %s", method, url, resp.Status, err, want, said)
	}
	return string(said)
}

// TestSDKInThePage is the real openai package in a page: its preflight is allowed, its stream is read, and its error says why.
func TestSDKInThePage(t *testing.T) {
	const folder = "../../examples/chatbot-backend"
	npmInstall(t, folder)
	w := newWidgetWorld(t)
	page := httptest.NewServer(http.FileServer(http.Dir(folder + "/node_modules/openai")))
	t.Cleanup(page.Close)
	var key struct{ Secret, ID string }
	w.gate.call(t, http.StatusCreated, "POST", "/api/v1/accounts/shop/keys",
		map[string]any{"origins": []string{page.URL}, "activity": "preview", "ttl_seconds": 600, "monthly_cap": 10}, &key)
	w.expect("/favicon.ico")
	w.lock.Lock()
	w.home = page.URL + "/"
	w.lock.Unlock()
	step(w.browser, "open the page", chromedp.Navigate(page.URL+"/LICENSE"))
	talk := `(async () => {
		const { OpenAI } = await import("/index.mjs")
		const client = new OpenAI({ baseURL: ` + quote(w.gate.data+"/v1") + `, apiKey: ` + quote(key.Secret) + `, dangerouslyAllowBrowser: true })
		try {
			const stream = await client.chat.completions.create({ model: "gpt-4o-mini", stream: true, messages: [{ role: "user", content: "When are you open?" }] })
			let text = ""
			for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? ""
			return text
		} catch (error) {
			return [error.status, error.code, typeof error.error?.reset_at, error.headers?.get("x-tollgate-error")].join(" ")
		}
	})()`
	got := []string{js[string](w.browser, talk), js[string](w.browser, talk)}
	want := []string{proxytest.BicycleShop("When are you open?"), "402 insufficient_quota string insufficient_quota"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the SDK in the page (-want +got):\n%s", diff)
	}
	fmt.Printf("WIDGET sdk_in_page: streams; its error is %q %s\n", got[1], verdict(t))
}
