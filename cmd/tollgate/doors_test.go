package main

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tollgate/tollgate/config"
)

// http2Client speaks HTTP/2 with prior knowledge and nothing else, as the AWS SDK for JavaScript does.
func http2Client(t *testing.T) *http.Client {
	t.Helper()
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestHTTP2WithPriorKnowledge(t *testing.T) {
	provider, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "body_timeout: 300ms\nmax_header_bytes: 16KiB")
	key, empty := p.account("acme", 1_000_000, ""), p.account("empty", 0, "")
	client := http2Client(t)
	do := func(r *http.Request) (*http.Response, string) {
		t.Helper()
		res, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil || res.ProtoMajor != 2 {
			t.Errorf("got %s, %v", res.Proto, err)
		}
		return res, string(answer)
	}
	for name, tc := range map[string]struct {
		request *http.Request
		status  int
		answer  string
	}{
		"chat":    {p.request(t.Context(), "POST", p.data+chatPath, key, scripted("", `{"input":3,"output":4}`)), 200, `"total_tokens": 7`},
		"stream":  {p.request(t.Context(), "POST", p.data+chatPath, key, scripted(`"stream":true,`, `{}`)), 200, "data: [DONE]\n\n"},
		"free":    {p.request(t.Context(), "GET", p.data+"/v1/models", key, ""), 200, `"list"`},
		"refused": {p.request(t.Context(), "POST", p.data+chatPath, empty, scripted("", `{}`)), 402, "insufficient_quota"},
		"no key":  {p.request(t.Context(), "POST", p.data+chatPath, "", scripted("", `{}`)), 401, "invalid_api_key"},
		"CONNECT": {p.request(t.Context(), "CONNECT", p.data, key, ""), 404, "unmetered_endpoint"},
	} {
		if res, answer := do(tc.request); res.StatusCode != tc.status || !strings.Contains(answer, tc.answer) {
			t.Errorf("%s: %s: %s", name, res.Status, answer)
		}
	}
	slow, held := io.Pipe()
	defer held.Close()
	r := p.request(t.Context(), "POST", p.data+chatPath, key, "")
	r.Body, r.ContentLength = slow, 1000
	if res, answer := do(r); res.StatusCode != 400 || !strings.Contains(answer, "body_timeout") {
		t.Errorf("a slow body: %s: %s", res.Status, answer)
	}
	calls := provider.Calls()
	r = p.request(t.Context(), "GET", p.data+"/v1/models", key, "")
	r.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	if res, err := client.Do(r); err == nil {
		res.Body.Close()
		if res.StatusCode < 400 {
			t.Errorf("endless headers: %s", res.Status)
		}
	}
	if provider.Calls() != calls {
		t.Error("endless headers reached the provider")
	}
	if n := len(p.events("acme")); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

// TestHeaderLimits: heads that come slowly, never end or are too large are cut on both planes, and at little cost.
func TestHeaderLimits(t *testing.T) {
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "header_timeout: 500ms\nidle_timeout: 500ms\nmax_header_bytes: 16KiB")
	const head = "GET /healthz HTTP/1.1\r\nHost: gateway\r\n"
	for name, tc := range map[string]struct {
		begin string
		piece string // sent again and again
		pause time.Duration
		most  int // bytes that the client gets rid of
		last  string
	}{
		"silent":            {"", "", 50 * time.Millisecond, 0, ""},
		"half a line":       {"GET /v1/mod", "", 50 * time.Millisecond, 100, ""},
		"a byte at a time":  {head, "x", 50 * time.Millisecond, 1000, ""},
		"a header a time":   {head, "X-A: b\r\n", 50 * time.Millisecond, 1000, ""},
		"endless headers":   {head, "X-A: " + strings.Repeat("b", 1000) + "\r\n", 0, 16 << 20, "431"},
		"one endless one":   {head + "X-A: ", strings.Repeat("b", 1000), 0, 16 << 20, "431"},
		"endless line":      {"GET /", strings.Repeat("b", 1000), 0, 16 << 20, "431"},
		"idle after answer": {head + "Authorization: Bearer " + testToken + "\r\n\r\n", "", 50 * time.Millisecond, 100, "200"},
	} {
		for plane, origin := range map[string]string{"data": p.data, "admin": p.admin} {
			t.Run(name+" on the "+plane+" plane", func(t *testing.T) {
				t.Parallel()
				conn, err := net.Dial("tcp", strings.TrimPrefix(origin, "http://"))
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(10 * time.Second))
				sent := make(chan int, 1)
				go func() {
					n, err := io.WriteString(conn, tc.begin)
					for err == nil && n < 1<<30 {
						var k int
						k, err = io.WriteString(conn, tc.piece)
						n += k
						if time.Sleep(tc.pause); tc.piece == "" {
							break
						}
					}
					sent <- n
				}()
				answer, err := io.ReadAll(conn)
				if ne, ok := err.(net.Error); ok && ne.Timeout() {
					t.Fatalf("the connection is still open, after %q", answer)
				}
				if tc.last == "431" && len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 431") { // a reset may swallow it
					t.Errorf("answered %q", answer)
				}
				conn.Close()
				if n := <-sent; n > max(tc.most, len(tc.begin)) {
					t.Errorf("%d bytes were taken", n)
				}
			})
		}
	}
}

// TestSlowBodiesOfTheAdminPlane: who announces a body and does not send it is answered and cut, with the token or without.
func TestSlowBodiesOfTheAdminPlane(t *testing.T) {
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "body_timeout: 300ms")
	for token, status := range map[string]int{testToken: 400, "wrong": 401} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.admin, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprintf(conn, "POST /api/v1/accounts HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", token)
		answers := bufio.NewReader(conn)
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("with token %q: %v", token, err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != status {
			t.Errorf("with token %q: %s, %v, want %d", token, res.Status, err, status)
		}
		if _, err := answers.ReadByte(); err != io.EOF {
			t.Errorf("with token %q the connection is still open: %v", token, err)
		}
	}
}

// TestOptionsOfTheServer: OPTIONS * is a preflight of no origin, and not net/http's to answer.
func TestOptionsOfTheServer(t *testing.T) {
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "")
	conn, err := net.Dial("tcp", strings.TrimPrefix(p.data, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "OPTIONS * HTTP/1.1\r\nHost: gateway\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || res.StatusCode != 403 || res.Header.Get("X-Tollgate-Error") != "not_allowed" {
		t.Errorf("got %v, %v, want 403 not_allowed", res, err)
	}
}

// TestPanicsAreLogged: a broken program is for a person to see; what clients do to connections is not.
func TestPanicsAreLogged(t *testing.T) {
	said := &safeLog{}
	l, err := listen("127.0.0.1:0", nil, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bug" {
			panic("BUG: broken")
		}
		panic(http.ErrAbortHandler)
	}), config.Limits{HeaderTimeout: time.Second, IdleTimeout: time.Second, MaxHeaderBytes: 1 << 14}, slog.New(slog.NewJSONHandler(said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- l.serve() }()
	for _, path := range []string{"/abort", "/bug"} {
		if _, err := http.Get("http://" + l.Addr().String() + path); err == nil {
			t.Error("a torn answer was read")
		}
	}
	l.server.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
	eventually(t, "the panic is in the log", func() bool { return strings.Contains(said.String(), "BUG: broken") })
	if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"level":"ERROR"`) {
		t.Errorf("the log says %s", text)
	}
}
