package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
)

func TestHeadersOnTheWayOut(t *testing.T) {
	r := newRig(t, nil)
	_, secret := r.account(10_000, nil)
	res := r.do(request{path: chatPath + "?key=" + secret + "&a=%2Fb&tg=1", secret: secret, body: chat(`{}`), header: http.Header{
		"X-Api-Key": {secret}, "Cookie": {"a=b"}, "Origin": {"https://page.example"}, "Referer": {"https://page.example/x"},
		"Sec-Fetch-Mode": {"cors"}, "Forwarded": {"for=1.2.3.4"}, "X-Forwarded-For": {"1.2.3.4"}, "X-Forwarded-Host": {"evil"},
		"X-Real-Ip": {"1.2.3.4"}, "Via": {"1.1 x"}, "Openai-Organization": {"org-1"}, "Openai-Project": {"p"}, "X-Goog-User-Project": {"p"},
		"Baggage": {"a=b"}, "Tracestate": {"a=b"}, "Traceparent": {"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		"X-Tollgate-Chatbot": {"bot-7"}, "X_Api_Key": {"x"}, "Connection": {"authorization, x-kept"}, "X-Kept": {"gone, as Connection names it"},
		"X-Stainless-Lang": {"go"}, "Idempotency-Key": {"k"}, "Accept-Encoding": {"gzip, br"}, "User-Agent": {"probe/1"}, "Te": {"trailers"},
		"Upgrade": {"h2c"}, "Expect": {"100-continue"},
	}})
	if res.StatusCode != 200 {
		t.Fatalf("status %d: %s", res.StatusCode, read(t, res))
	}
	read(t, res)
	a := r.provider.Answered()[0]
	for _, name := range []string{"X-Api-Key", "Cookie", "Origin", "Referer", "Sec-Fetch-Mode", "Forwarded", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Real-Ip", "Via", "Openai-Organization", "Openai-Project", "X-Goog-User-Project", "Baggage", "Tracestate", "Traceparent",
		"X-Tollgate-Chatbot", "X_Api_Key", "X-Kept", "Upgrade", "Expect"} {
		if v, there := a.Header[name]; there {
			t.Errorf("%s: %q reached the provider", name, v)
		}
	}
	for name, want := range map[string]string{"Authorization": "Bearer " + providerKey, "X-Stainless-Lang": "go", "Idempotency-Key": "k",
		"Accept-Encoding": "identity", "User-Agent": "probe/1"} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s: %q reached the provider, want %q", name, got, want)
		}
	}
	if want := chatPath + "?a=%2Fb&tg=1"; a.Path != want {
		t.Errorf("the provider was asked for %s, want %s", a.Path, want)
	}
}

func TestHeadersOnTheWayBack(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(10_000, nil)
	res := r.do(request{path: chatPath, secret: secret, body: chat(`{"input":3,"output":4,"header":{"Set-Cookie":"a=b","Retry-After":"7"}}`)})
	read(t, res)
	e := r.events(account)[0]
	if got := res.Header.Get("X-Tollgate-Request-Id"); got != e.ID {
		t.Errorf("X-Tollgate-Request-Id %q, want the event's %q", got, e.ID)
	}
	if res.Header.Get("Set-Cookie") != "a=b" || res.Header.Get("Retry-After") != "7" {
		t.Error("the provider's own headers did not come through")
	}
	if got := res.Header.Get("RateLimit-Policy"); !strings.Contains(got, `"monthly";q=10000;qu="tokens";w=`) || !strings.Contains(got, `"extra";q=0;qu="tokens"`) {
		t.Errorf("RateLimit-Policy %q", got)
	}
	if got := res.Header.Get("RateLimit"); !strings.HasPrefix(got, `"monthly";r=10000;t=`) || !strings.HasSuffix(got, `, "extra";r=0`) {
		t.Errorf("RateLimit %q", got)
	}
	if strings.Contains(r.log.String(), secret) || strings.Contains(r.log.String(), providerKey) {
		t.Error("a key is in the log")
	}
}

func TestPlacesForTheKey(t *testing.T) {
	r := newRig(t, nil)
	_, secret := r.account(100_000, nil)
	for _, header := range []http.Header{
		{"Authorization": {"Bearer " + secret}}, {"Authorization": {"bearer " + secret}}, {"X-Api-Key": {secret}}, {"Api-Key": {secret}},
		{"X-Goog-Api-Key": {secret}}, {"X-Api-Key": {secret}, "Authorization": {"Bearer sk-left-over"}},
	} {
		if res := r.do(request{path: chatPath, body: chat(`{}`), header: header}); res.StatusCode != 200 {
			t.Errorf("%v: %d", header, res.StatusCode)
		}
	}
	for _, a := range r.provider.Answered() {
		if a.Header.Get("Authorization") != "Bearer "+providerKey || a.Header.Get("X-Api-Key") != "" {
			t.Errorf("the provider saw %v", a.Header)
		}
	}
}

func TestLabels(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(100_000, nil)
	header := http.Header{"X-Tollgate-Activity": {"ingest"}, "X-Tollgate-Chatbot": {"bot:1"}, "X-Tollgate-User": {"u@example"}}
	read(t, r.do(request{path: chatPath, secret: secret, body: chat(`{}`), header: header}))
	if e := r.events(account)[0]; e.Activity != "ingest" || e.Chatbot != "bot:1" || e.User != "u@example" {
		t.Errorf("got %s, %s, %s", e.Activity, e.Chatbot, e.User)
	}
	fixed, secret := r.account(100_000, func(_ *accounting.Account, k *policy.Key) { k.Labels, k.Chatbot = policy.LabelsFixed, "own" })
	read(t, r.do(request{path: chatPath, secret: secret, body: chat(`{}`), header: header}))
	if e := r.events(fixed)[0]; e.Activity != "chat" || e.Chatbot != "own" || e.User != "" {
		t.Errorf("fixed labels: got %s, %s, %s", e.Activity, e.Chatbot, e.User)
	}
}

func TestFreePathsLeaveNoEvent(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(0, nil) // empty pools do not matter
	for _, q := range []request{
		{method: "GET", path: "/v1/models"}, {method: "GET", path: "/v1/models/gpt-4o"}, {method: "GET", path: "/openai//v1/models"},
		{path: "/v1/moderations", body: `{"input":"x"}`},
	} {
		q.secret = secret
		if res := r.do(q); res.StatusCode != 200 {
			t.Errorf("%s %s: %d %s", q.method, q.path, res.StatusCode, read(t, res))
		}
	}
	if events := r.events(account); len(events) != 0 {
		t.Errorf("%d events", len(events))
	}
}

func TestOrigins(t *testing.T) {
	r := newRig(t, nil)
	const page = "https://shop.example"
	account, secret := r.account(100_000, func(_ *accounting.Account, k *policy.Key) { k.Origins = []string{page} })
	preflight := func(origin string) *http.Response {
		return r.do(request{method: "OPTIONS", path: chatPath, header: http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"POST"},
			"Access-Control-Request-Headers": {"authorization,content-type,x-stainless-os,x-evil"}}})
	}
	r.gate.Kick()
	eventually(t, "the origin is known", time.Second, func() bool { return preflight(page).StatusCode == 204 })
	res := preflight(page)
	for name, want := range map[string]string{"Access-Control-Allow-Origin": page, "Vary": "Origin", "Access-Control-Max-Age": "600",
		"Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "authorization, content-type, x-stainless-os"} {
		if got := res.Header.Get(name); got != want || res.StatusCode != 204 {
			t.Errorf("preflight %d, %s: %q, want %q", res.StatusCode, name, got, want)
		}
	}
	res = preflight("https://other.example")
	if res.StatusCode != 403 || res.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %d, %q", res.StatusCode, res.Header.Get("Access-Control-Allow-Origin"))
	}
	res = r.do(request{path: chatPath, secret: secret, header: http.Header{"Origin": {page}},
		body: chat(`{"header":{"Set-Cookie":"a=b","Access-Control-Allow-Origin":"*"}}`)})
	if got := res.Header; res.StatusCode != 200 || strings.Join(got["Access-Control-Allow-Origin"], "|") != page || got.Get("Vary") != "Origin" ||
		got.Get("RateLimit") != "" || got.Get("Set-Cookie") != "" {
		t.Errorf("from the page: %d %v", res.StatusCode, got)
	}
	read(t, res)
	res = r.do(request{path: chatPath, secret: secret, header: http.Header{"Origin": {page}}, body: `{`})
	if res.StatusCode != 400 || res.Header.Get("Access-Control-Allow-Origin") != page {
		t.Errorf("the page can't read the refusal: %d %v", res.StatusCode, res.Header)
	}
	if n := len(r.events(account)); n != 1 {
		t.Errorf("%d events", n)
	}
}

// TestPagesReadWhyTheyAreRefused: a browser shows a page nothing of an answer that does not name its origin.
func TestPagesReadWhyTheyAreRefused(t *testing.T) {
	r := newRig(t, nil)
	const page, neighbour, stranger = "https://shop.example", "https://neighbour.example", "https://stranger.example"
	_, bound := r.account(100_000, func(_ *accounting.Account, k *policy.Key) { k.Origins = []string{page} })
	r.account(100_000, func(_ *accounting.Account, k *policy.Key) { k.Origins = []string{neighbour} })
	_, open := r.account(100_000, nil)
	for _, origin := range []string{page, neighbour} {
		r.do(request{method: "OPTIONS", path: chatPath, header: http.Header{"Origin": {origin}, "Access-Control-Request-Method": {"POST"}}})
	}
	for _, c := range []struct {
		name, secret, origin string
		status               int
		readable             bool
	}{
		{"no key that lives", "tg_expired", page, 401, true},
		{"no key that lives, a stranger", "tg_expired", stranger, 401, false},
		{"another page's key", bound, neighbour, 403, true},
		{"another page's key, a stranger", bound, stranger, 403, false},
		{"a backend's key in a page", open, page, 200, false},
	} {
		res := r.do(request{path: chatPath, secret: c.secret, header: http.Header{"Origin": {c.origin}}, body: chat(`{}`)})
		read(t, res)
		want := ""
		if c.readable {
			want = c.origin
		}
		if got := res.Header.Get("Access-Control-Allow-Origin"); res.StatusCode != c.status || got != want {
			t.Errorf("%s: %d, readable by %q, want %d, %q", c.name, res.StatusCode, got, c.status, want)
		}
		if exposed := res.Header.Get("Access-Control-Expose-Headers"); c.readable != strings.Contains(exposed, "X-Tollgate-Error, Retry-After") {
			t.Errorf("%s: exposed %q", c.name, exposed)
		}
	}
}

func TestTokenViewOnTheDataPlane(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(100, func(_ *accounting.Account, k *policy.Key) { k.Scope = policy.ScopeView })
	res := r.do(request{method: "GET", path: "/tollgate/v1/tokens", secret: secret})
	if b := read(t, res); res.StatusCode != 200 || !bytes.Contains(b, []byte(`"account":"`+account+`"`)) || !bytes.Contains(b, []byte(`"total":100`)) {
		t.Errorf("%d %s", res.StatusCode, b)
	}
	for _, q := range []request{{method: "GET", path: "/tollgate/v1/tokens"}, {method: "GET", path: "/tollgate/v1/tokens", secret: "tg_x"}} {
		if res := r.do(q); res.StatusCode != 401 {
			t.Errorf("without a key: %d", res.StatusCode)
		}
	}
	if res := r.do(request{method: "GET", path: "/tollgate/v1/other", secret: secret}); res.StatusCode != 404 {
		t.Errorf("another path: %d", res.StatusCode)
	}
}

// TestUsageAskedIsTakenOutAgain compares, byte for byte, with what the provider sends when it is not asked.
func TestUsageAskedIsTakenOutAgain(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(100_000, nil)
	for _, script := range []string{`{"id":"1"}`, `{"id":"2","crlf":true}`, `{"id":"3","content_length":true}`} {
		for _, path := range []string{chatPath, "/v1/completions"} {
			body := strings.Replace(streamed(script), `"messages":[{"role":"user","content":"Hello there"}]`, `"prompt":"Hello there"`, 1)
			if path == chatPath {
				body = streamed(script)
			}
			want := read(t, r.send(r.upstream.URL, request{path: path, secret: providerKey, body: body}))
			got := read(t, r.do(request{path: path, secret: secret, body: body}))
			if !bytes.Equal(got, want) {
				t.Errorf("%s %s:\n got %q\nwant %q", path, script, got, want)
			}
			events := r.events(account)
			e, a := events[len(events)-1], r.provider.Answered()[len(r.provider.Answered())-1]
			if e.Measured != accounting.ByProvider || e.Tokens.Input != a.Input || e.Tokens.Output != a.Output {
				t.Errorf("%s %s: %s %+v, the provider counted %d + %d", path, script, e.Measured, e.Tokens, a.Input, a.Output)
			}
		}
	}
}

// TestEndIsWithheldUntilItIsRecorded reads a stream whose usage comes late: everything but the end has to be
// there before, and the end only with the event.
func TestEndIsWithheldUntilItIsRecorded(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(100_000, nil)
	began := time.Now()
	res := r.do(request{path: chatPath, secret: secret, body: streamed(`{"chunks":3,"late_usage_ms":400,"input":7,"output":8}`)})
	lines := bufio.NewScanner(res.Body)
	finish := time.Duration(0)
	done := time.Duration(0)
	for lines.Scan() {
		if strings.Contains(lines.Text(), `"finish_reason":"stop"`) {
			finish = time.Since(began)
		}
		if strings.Contains(lines.Text(), "[DONE]") {
			done = time.Since(began)
		}
	}
	if finish < 400*time.Millisecond || done < 400*time.Millisecond {
		t.Errorf("the finish came after %s, [DONE] after %s: before the usage", finish, done)
	}
	if e := r.events(account)[0]; e.Measured != accounting.ByProvider || e.Tokens.Total != 15 || *e.FirstTokenMS > 300 {
		t.Errorf("got %s %+v, first token after %d ms", e.Measured, e.Tokens, *e.FirstTokenMS)
	}
}

func TestUsageThatNeverComesIsEstimated(t *testing.T) {
	r := newRig(t, func(s *proxy.Settings, _ *provider.Settings) { s.UsageWait = 200 * time.Millisecond })
	account, secret := r.account(100_000, nil)
	for name, body := range map[string]string{
		"stream without usage":    streamed(`{"no_usage":true,"chunks":12}`),
		"usage after the wait":    streamed(`{"late_usage_ms":700,"chunks":12,"input":1000,"output":1000}`),
		"answer without usage":    chat(`{"no_usage":true}`),
		"absurd usage":            chat(`{"usage":{"prompt_tokens":-5,"completion_tokens":"many"}}`),
		"usage that is too large": chat(`{"usage":{"prompt_tokens":1e300,"completion_tokens":1,"total_tokens":1}}`),
	} {
		before := len(r.events(account))
		read(t, r.do(request{path: chatPath, secret: secret, body: body}))
		e := r.events(account)[before]
		if e.Outcome != accounting.Completed || e.Measured != accounting.ByEstimate || e.Tokens.Input != int64(len(body)+3)/4 || e.Tokens.Output == 0 {
			t.Errorf("%s: %s %s %+v", name, e.Outcome, e.Measured, e.Tokens)
		}
	}
	if v := r.mustView(account); v.Held != 0 {
		t.Errorf("held %d", v.Held)
	}
}

func TestProviderBreaksOff(t *testing.T) {
	r := newRig(t, nil)
	account, secret := r.account(100_000, nil)
	for name, tc := range map[string]struct {
		body     string
		outcome  accounting.Outcome
		measured accounting.Measured
		whole    bool
	}{
		"stream torn":          {streamed(`{"chunks":9,"break_after":4}`), accounting.UpstreamBroken, accounting.ByEstimate, false},
		"answer torn":          {chat(`{"size":4000,"break_after":1}`), accounting.UpstreamBroken, accounting.ByEstimate, false},
		"error event":          {streamed(`{"chunks":9,"error_after":4}`), accounting.UpstreamError, accounting.ByEstimate, true},
		"error status":         {chat(`{"status":429}`), accounting.UpstreamError, accounting.NotMeasured, true},
		"error status, stream": {streamed(`{"status":500}`), accounting.UpstreamError, accounting.NotMeasured, true},
	} {
		before := len(r.events(account))
		err := r.readsWhole(secret, tc.body)
		if (err == nil) != tc.whole {
			t.Errorf("%s: the client read to the end: %v", name, err)
		}
		e := r.events(account)[before]
		if e.Outcome != tc.outcome || e.Measured != tc.measured || (e.Tokens.Total == 0) != (tc.measured == accounting.NotMeasured) {
			t.Errorf("%s: %s %s %+v", name, e.Outcome, e.Measured, e.Tokens)
		}
	}
}

// readsWhole asks and reads to the end; an error says where it broke off.
func (r *rig) readsWhole(secret, body string) error {
	req, err := http.NewRequestWithContext(r.t.Context(), "POST", r.server.URL+chatPath, strings.NewReader(body))
	must(r.t, err)
	req.Header.Set("Authorization", "Bearer "+secret)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.ReadAll(res.Body)
	return err
}

func TestProviderRejectsTheOperatorsKey(t *testing.T) {
	r := newRig(t, func(_ *proxy.Settings, s *provider.Settings) { s.Key = "sk-wrong" })
	_, secret := r.account(1000, nil)
	res := r.do(request{path: chatPath, secret: secret, body: chat(`{}`)})
	if b := read(t, res); res.StatusCode != 401 || res.Header.Get("X-Tollgate-Error") != "provider_credentials" || !bytes.Contains(b, []byte("invalid_api_key")) {
		t.Errorf("%d %q %s", res.StatusCode, res.Header.Get("X-Tollgate-Error"), b)
	}
	if !strings.Contains(r.log.String(), "providers.openai.api_key") {
		t.Error("the log does not name the setting")
	}
}

// TestClientLeaves covers drain and cancel, with a provider that goes on, stalls, or has not begun.
func TestClientLeaves(t *testing.T) {
	for name, tc := range map[string]struct {
		drain    bool
		body     string
		measured accounting.Measured
		within   time.Duration
	}{
		"drained to the usage":    {true, streamed(`{"chunks":20,"pace":20,"input":7,"output":9}`), accounting.ByProvider, 3 * time.Second},
		"provider stalls":         {true, streamed(`{"chunks":9,"stall_after":3}`), accounting.ByEstimate, 4 * time.Second},
		"cancelled":               {false, streamed(`{"chunks":500,"pace":10}`), accounting.ByEstimate, 2 * time.Second},
		"before the answer began": {true, chat(`{"delay_ms":400,"input":7,"output":9}`), accounting.ByProvider, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(_ *proxy.Settings, s *provider.Settings) { s.Drain = tc.drain })
			account, secret := r.account(100_000, nil)
			ctx, leave := context.WithCancel(t.Context())
			req, err := http.NewRequestWithContext(ctx, "POST", r.server.URL+chatPath, strings.NewReader(tc.body))
			must(t, err)
			req.Header.Set("Authorization", "Bearer "+secret)
			if name == "before the answer began" {
				time.AfterFunc(100*time.Millisecond, leave)
			}
			res, err := http.DefaultClient.Do(req)
			if err == nil {
				if _, err := res.Body.Read(make([]byte, 10)); err != nil {
					t.Fatal(err)
				}
			}
			leave()
			eventually(t, "the event", tc.within, func() bool { return len(r.events(account)) == 1 })
			e := r.events(account)[0]
			if e.Outcome != accounting.ClientClosed || e.Measured != tc.measured || e.Tokens.Total == 0 {
				t.Errorf("%s %s %+v", e.Outcome, e.Measured, e.Tokens)
			}
			if tc.measured == accounting.ByProvider && e.Tokens.Total != 16 {
				t.Errorf("charged %+v, the provider counted 7 + 9", e.Tokens)
			}
			if v := r.mustView(account); v.Held != 0 {
				t.Errorf("held %d", v.Held)
			}
		})
	}
}

// TestUnrecordedAnswerIsCut: when neither journal nor store takes the usage, the answer must not look whole.
func TestUnrecordedAnswerIsCut(t *testing.T) {
	r := newRig(t, nil)
	_, secret := r.account(100_000, nil)
	res := r.do(request{path: chatPath, secret: secret, body: streamed(`{"chunks":6,"pace":100}`)})
	if _, err := res.Body.Read(make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	must(t, r.journal.Close())
	must(t, r.store.Close())
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("the client read to the end: %q", b)
	}
}

// TestDeadlineOfOneAnswerDoesNotReachTheNext keeps a connection in use for longer than a write deadline lasts.
func TestDeadlineOfOneAnswerDoesNotReachTheNext(t *testing.T) {
	r := newRig(t, func(_ *proxy.Settings, s *provider.Settings) { s.Idle = 300 * time.Millisecond })
	_, secret := r.account(100_000, nil)
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	ask := func(method, path, body string) error {
		req, err := http.NewRequestWithContext(t.Context(), method, r.server.URL+path, strings.NewReader(body))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+secret)
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.ReadAll(res.Body)
		return err
	}
	must(t, ask("POST", chatPath, chat(`{}`)))
	time.Sleep(400 * time.Millisecond)
	if err := ask("POST", "/v1/files", "{}"); err != nil {
		t.Errorf("a refusal on the same connection, later: %v", err)
	}
}

// TestErrorOfTheProviderCostsNothing whoever left first: it is charged what it reports, and it reports nothing.
func TestErrorOfTheProviderCostsNothing(t *testing.T) {
	r := newRig(t, nil)
	for _, status := range []string{"429", "500"} {
		account, secret := r.account(100_000, nil)
		ctx, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer leave()
		req, err := http.NewRequestWithContext(ctx, "POST", r.server.URL+chatPath, strings.NewReader(chat(`{"delay_ms":300,"status":`+status+`}`)))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+secret)
		if _, err := http.DefaultClient.Do(req); err == nil {
			t.Fatal("the client was to leave before the answer")
		}
		eventually(t, "the event", 3*time.Second, func() bool { return len(r.events(account)) == 1 })
		if e := r.events(account)[0]; e.Outcome != accounting.ClientClosed || e.Measured != accounting.NotMeasured || e.Charged.Total != 0 {
			t.Errorf("%s: %s %s, charged %d", status, e.Outcome, e.Measured, e.Charged.Total)
		}
	}
}

func TestFreePathsObeyTheKeysLimits(t *testing.T) {
	r := newRig(t, nil)
	_, secret := r.account(1000, func(_ *accounting.Account, k *policy.Key) { k.RequestsPerMinute = tokens(1) })
	q := request{method: "GET", path: "/v1/models", secret: secret}
	if first, second := r.do(q).StatusCode, r.do(q).StatusCode; first != 200 || second != 429 {
		t.Errorf("got %d, %d, want 200, 429", first, second)
	}
}

// TestCapThatIsOnlyHeld is no final refusal: what running requests hold may come back.
func TestCapThatIsOnlyHeld(t *testing.T) {
	r := newRig(t, nil)
	_, secret := r.account(100_000, func(_ *accounting.Account, k *policy.Key) { k.MonthlyCap = tokens(10) })
	running := r.do(request{path: chatPath, secret: secret, body: streamed(`{"chunks":3,"stall_after":1}`)})
	if running.StatusCode != 200 {
		t.Fatalf("the first request: %d", running.StatusCode)
	}
	res := r.do(request{path: chatPath, secret: secret, body: chat(`{}`)})
	if got := readRefusal(t, res); res.StatusCode != 429 || got.Error.Code != "tokens_held" || res.Header.Get("X-Should-Retry") != "" {
		t.Errorf("got %d %s, X-Should-Retry %q", res.StatusCode, got.Error.Code, res.Header.Get("X-Should-Retry"))
	}
}
