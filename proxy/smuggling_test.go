package proxy_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
)

// wire stands between the gateway and the provider and keeps the bytes that the gateway sends.
type wire struct {
	address string
	lock    sync.Mutex
	sent    []*bytes.Buffer // by connection
}

func newWire(t *testing.T, upstream string) *wire {
	t.Helper()
	u, err := url.Parse(upstream)
	must(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	w := &wire{address: ln.Addr().String()}
	var open sync.WaitGroup
	open.Go(func() {
		for {
			from, err := ln.Accept()
			if err != nil {
				return
			}
			open.Go(func() { w.relay(from, u.Host) })
		}
	})
	t.Cleanup(func() { ln.Close(); open.Wait() })
	return w
}

func (w *wire) relay(from net.Conn, upstream string) {
	defer from.Close()
	to, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer to.Close()
	kept := &bytes.Buffer{}
	w.lock.Lock()
	w.sent = append(w.sent, kept)
	w.lock.Unlock()
	go func() {
		io.Copy(from, to)
		from.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		w.lock.Lock()
		kept.Write(buf[:n])
		w.lock.Unlock()
		if _, werr := to.Write(buf[:n]); err != nil || werr != nil {
			return
		}
	}
}

// forwarded is one request on the wire.
type forwarded struct {
	line string
	head []string // header lines
	body string
}

// read cuts what was sent into requests, as the strictest of servers would.
func (w *wire) read() (all []forwarded, problems []string) {
	w.lock.Lock()
	defer w.lock.Unlock()
	for _, sent := range w.sent {
		for rest := sent.String(); rest != ""; {
			head, after, ok := strings.Cut(rest, "\r\n\r\n")
			if !ok {
				return all, append(problems, fmt.Sprintf("no end of a head in %q", rest))
			}
			if bare := strings.ReplaceAll(head, "\r\n", ""); strings.ContainsAny(bare, "\r\n\x00") {
				problems = append(problems, fmt.Sprintf("a bare CR, LF or NUL in %q", head))
			}
			lines := strings.Split(head, "\r\n")
			f := forwarded{line: lines[0], head: lines[1:]}
			length, err := strconv.Atoi(f.only("Content-Length", "0"))
			if err != nil || length < 0 || length > len(after) {
				return all, append(problems, fmt.Sprintf("Content-Length %q in %q", f.only("Content-Length", "0"), head))
			}
			f.body, rest = after[:length], after[length:]
			all = append(all, f)
		}
	}
	return all, problems
}

// values are those of a header, in any spelling that a server might take for it.
func (f forwarded) values(name string) (all []string) {
	for _, line := range f.head {
		n, v, _ := strings.Cut(line, ":")
		if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(n), "_", "-"), name) {
			all = append(all, strings.TrimSpace(v))
		}
	}
	return all
}

// only is a header's one value; more than one gives none that anything equals.
func (f forwarded) only(name, absent string) string {
	switch v := f.values(name); len(v) {
	case 0:
		return absent
	case 1:
		return v[0]
	default:
		return fmt.Sprint(v)
	}
}

// attack is bytes that a client sends on one connection.
type attack struct {
	name string
	send string
	// passes is how many requests the provider may get of it at most.
	passes int
	// status is the first answer's; 0: any, or none at all.
	status int
}

const attackBody = `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello"}],"max_tokens":5}`

// many is 10,000 parameters.
var many = strings.Repeat("a=1&", 9_999) + "a=1"

// queries are what may be left of those of the attacks.
var queries = []string{"", many + "&a=1", many, "a=1", "a=%zz&b=%&c=;;&=&&", "a=b%0d%0aX-A:%20b"}

// attacks are tricks on a gateway that stands before a provider. A second request that hides in a first shows itself by its path.
func attacks(secret, host string) []attack {
	const hidden = "GET /v1/files HTTP/1.1\r\nHost: x\r\n\r\n"
	n := len(attackBody)
	head := func(line string, more ...string) string {
		return line + "\r\nHost: " + host + "\r\nX-Attack: #\r\nAuthorization: Bearer " + secret + "\r\n" + strings.Join(append(more, ""), "\r\n") + "\r\n"
	}
	post := func(more ...string) string { return head("POST "+chatPath+" HTTP/1.1", more...) }
	get := func(target string, more ...string) string { return head("GET "+target+" HTTP/1.1", more...) }
	length := fmt.Sprintf("Content-Length: %d", n)
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", n, attackBody)
	all := []attack{
		{"plain", post(length) + attackBody, 1, 200},
		{"pipelined", post(length) + attackBody + post(length) + attackBody, 2, 200},
		{"two requests in a body's length", post(fmt.Sprintf("Content-Length: %d", n+len(hidden))) + attackBody + hidden, 0, 400},

		{"CL.TE", post("Content-Length: 4", "Transfer-Encoding: chunked") + chunked + hidden, 1, 0},
		{"TE.CL", post("Transfer-Encoding: chunked", "Content-Length: 4") + chunked + hidden, 1, 0},
		{"TE.TE", post("Transfer-Encoding: chunked", "Transfer-Encoding: identity", length) + attackBody, 0, 0},
		{"TE twice", post("Transfer-Encoding: chunked, chunked") + chunked, 0, 0},
		{"TE unknown", post("Transfer-Encoding: xchunked", length) + attackBody, 0, 501},
		{"TE with a tab", post("Transfer-Encoding:\tchunked", "Content-Length: 4") + chunked + hidden, 1, 0},
		{"TE with a vertical tab", post("Transfer-Encoding: \x0bchunked", length) + attackBody, 0, 0},
		{"TE with a space before the colon", post("Transfer-Encoding : chunked", length) + attackBody, 0, 400},
		{"TE behind a fold", post("X: a\r\n Transfer-Encoding: chunked", length) + attackBody, 1, 200},
		{"TE by underscore", post("Transfer_Encoding: chunked", length) + attackBody, 1, 200},
		{"TE under HTTP/1.0", head("POST "+chatPath+" HTTP/1.0", "Transfer-Encoding: chunked", "Content-Length: 4") + chunked + hidden, 1, 0},
		{"TE in a GET", get("/v1/models", "Transfer-Encoding: chunked") + "0\r\n\r\n" + hidden, 1, 200},
		{"body of a GET", get("/v1/models", fmt.Sprintf("Content-Length: %d", len(hidden))) + hidden, 1, 200},

		{"two lengths", post(length, "Content-Length: 0") + attackBody, 0, 400},
		{"one length twice", post(length, length) + attackBody, 1, 0},
		{"list of lengths", post(fmt.Sprintf("Content-Length: %d, %d", n, n)) + attackBody, 1, 0},
		{"signed length", post(fmt.Sprintf("Content-Length: +%d", n)) + attackBody, 0, 400},
		{"negative length", post("Content-Length: -1") + attackBody, 0, 400},
		{"length in hex", post("Content-Length: 0x10") + attackBody, 0, 400},
		{"length that overflows", post("Content-Length: 18446744073709551617") + attackBody, 0, 400},
		{"length by underscore", post("Content_Length: 0", length) + attackBody, 1, 200},
		{"short length", post("Content-Length: 2") + attackBody, 0, 400},

		{"chunk with a bare LF", post("Transfer-Encoding: chunked") + fmt.Sprintf("%x\n%s\n0\n\n", n, attackBody), 1, 0},
		{"chunk extension with a bare LF", post("Transfer-Encoding: chunked") + fmt.Sprintf("%x;\n%s\r\n0\r\n\r\n", n, attackBody), 1, 0},
		{"chunk size in 0x", post("Transfer-Encoding: chunked") + fmt.Sprintf("0x%x\r\n%s\r\n0\r\n\r\n", n, attackBody), 0, 400},
		{"chunk size that overflows", post("Transfer-Encoding: chunked") + "FFFFFFFFFFFFFFFFF\r\n" + attackBody, 0, 400},
		{"chunk extensions", post("Transfer-Encoding: chunked") + fmt.Sprintf("%x;a=b;c=\"d\"\r\n%s\r\n0\r\n\r\n", n, attackBody), 1, 200},
		{"trailers", post("Transfer-Encoding: chunked", "Trailer: Authorization, X-Late") +
			fmt.Sprintf("%x\r\n%s\r\n0\r\nAuthorization: Bearer sk-other\r\nX-Late: 1\r\nContent-Length: 3\r\n\r\n", n, attackBody), 1, 0},
		{"no end of chunks", post("Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n", n, attackBody), 0, 400},

		{"bare LF everywhere", strings.ReplaceAll(post(length), "\r\n", "\n") + attackBody, 1, 0},
		{"bare CR in a value", post("X-A: a\rAuthorization: Bearer sk-other", length) + attackBody, 0, 400},
		{"NUL in a value", post("X-A: a\x00b", length) + attackBody, 0, 400},
		{"NUL in a name", post("X\x00A: b", length) + attackBody, 0, 400},
		{"fold", post("X-A: a\r\n\tAuthorization: Bearer sk-other", length) + attackBody, 1, 200},
		{"fold in the first line", "POST " + chatPath + " HTTP/1.1\r\n Host: x\r\n\r\n", 0, 400},
		{"no colon", post("Authorization", length) + attackBody, 0, 400},
		{"empty name", post(": x", length) + attackBody, 0, 400},

		{"Connection: authorization", post("Connection: authorization, content-length, host", length) + attackBody, 1, 200},
		{"Connection: close, te", post("Connection: close, te", "TE: trailers", length) + attackBody, 1, 200},
		{"underscores", post("X_Api_Key: sk-other", "X_Forwarded_For: 1.2.3.4", "Api_Key: sk-other", length) + attackBody, 1, 200},
		{"two credentials", post("Authorization: Basic dXNlcjpwYXNz", "X-Api-Key: sk-other", "Proxy-Authorization: Basic dXNlcjpwYXNz", length) + attackBody, 1, 200},
		{"key in an unknown header", post("X-Subscription: "+secret, "X-Note: Bearer "+secret, length) + attackBody, 1, 200},
		{"h2c upgrade", post("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", length) + attackBody, 1, 200},
		{"upgrade that is not printable", post("Connection: Upgrade", "Upgrade: \xff", length) + attackBody, 1, 200},
		{"upgrade to many", post("Connection: Upgrade", "Upgrade: h2c, websocket", length) + attackBody, 1, 200},
		{"another method by header", get("/v1/models/gpt-4o", "X-HTTP-Method-Override: DELETE", "X-HTTP-Method: DELETE", "X-Method-Override: DELETE"), 1, 200},
		{"another path by header", get("/v1/models", "X-Original-URL: /v1/files", "X-Rewrite-URL: /v1/files"), 1, 200},
		{"expectation", post("Expect: 100-continue, evil", length) + attackBody, 1, 0},
		{"two hosts", post("Host: evil.example", length) + attackBody, 0, 400},

		{"absolute target", head("GET http://evil.example/v1/models HTTP/1.1"), 1, 200},
		{"absolute target with credentials", head("GET http://user:pass@evil.example/v1/models HTTP/1.1"), 1, 200},
		{"absolute target elsewhere", head("GET http://evil.example/v1/files HTTP/1.1"), 0, 404},
		{"absolute target without a path", head("GET http:v1/models HTTP/1.1"), 0, 0},
		{"another scheme", head("GET file:///etc/passwd HTTP/1.1"), 0, 404},
		{"target with a host", get("//evil.example/v1/models"), 0, 404},
		{"target with three slashes", get("///v1/models"), 0, 404},
		{"target with a backslash", get(`/\evil.example/v1/models`), 0, 404},
		{"target without a slash", get("v1/models"), 0, 400},
		{"no target", head("GET  HTTP/1.1"), 0, 400},
		{"CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\nAuthorization: Bearer " + secret + "\r\n\r\n", 0, 404},
		{"CONNECT to a path", head("CONNECT /v1/models HTTP/1.1"), 0, 404},
		{"TRACE", head("TRACE /v1/models HTTP/1.1"), 0, 404},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: " + host + "\r\n\r\n", 0, 0},
		{"OPTIONS of a path", head("OPTIONS " + chatPath + " HTTP/1.1"), 0, 403},
		{"lower-case method", head("get /v1/models HTTP/1.1"), 0, 404},
		{"method that is no token", head("G(ET /v1/models HTTP/1.1"), 0, 400},

		{"dots", get("/v1/x/../models"), 0, 404},
		{"dots in a segment", get("/v1/models/.."), 0, 404},
		{"encoded dots", get("/v1/models/%2e%2e%2ffiles"), 0, 404},
		{"escape in a literal segment", head("POST /v1/chat/%63ompletions HTTP/1.1", length) + attackBody, 0, 404},
		{"escaped slash", head("POST /v1%2Fchat/completions HTTP/1.1", length) + attackBody, 0, 404},
		{"escaped prefix", get("/%6fpenai/v1/models"), 0, 404},
		{"escaped NUL", get("/v1/models/a%00b"), 0, 404},
		{"escaped line end", get("/v1/models/a%0d%0aX-A:%20b"), 0, 404},
		{"escaped twice", get("/v1/models/%252e%252e%252ffiles"), 0, 404},
		{"bad escape", get("/v1/models/%zz"), 0, 400},
		{"NUL in the path", get("/v1/models/a\x00b"), 0, 400},
		{"fragment", get("/v1/models#/../files"), 0, 404},
		{"semicolon", get("/v1/models;x=y"), 0, 404},
		{"doubled slash behind the prefix", get("/openai//v1/models"), 1, 200},
		{"doubled slash elsewhere", get("/v1//models"), 0, 404},
		{"very long path", get("/v1/models/" + strings.Repeat("a/", 100_000)), 0, 404},
		{"very long name", get("/v1/models/" + strings.Repeat("a", 100_000)), 1, 0},

		{"10,001 parameters", get("/v1/models?" + many + "&a=1"), 1, 200},
		{"the key as the 10,001st", get("/v1/models?" + many + "&key=" + secret), 1, 200},
		{"keys in a query", get("/v1/models?key=" + secret + ";a=1&b=%74%67_" + secret[3:] + "&c=Bearer+" + secret + "&" + secret), 1, 200},
		{"query that can't be read", get("/v1/models?a=%zz&b=%&c=;;&=&&"), 1, 200},
		{"query with a line end", get("/v1/models?a=b%0d%0aX-A:%20b"), 1, 200},

		{"HTTP/0.9", "GET /v1/models\r\n\r\n", 0, 400},
		{"HTTP/1.0", head("GET /v1/models HTTP/1.0"), 1, 200},
		{"HTTP/2.0 by name", head("GET /v1/models HTTP/2.0"), 0, 0},
		{"HTTP/1.10", head("GET /v1/models HTTP/1.10"), 0, 0},
		{"lower-case version", head("GET /v1/models http/1.1"), 0, 400},
		{"more behind the version", head("GET /v1/models HTTP/1.1 x"), 0, 400},
		{"tab for a space", head("GET\t/v1/models\tHTTP/1.1"), 0, 400},
		{"half of a preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", 0, 0},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0, 0},
		{"nothing but line ends", strings.Repeat("\r\n", 100), 0, 0},
	}
	for i := range all {
		all[i].send = strings.ReplaceAll(all[i].send, "X-Attack: #", "X-Attack: "+strconv.Itoa(i))
	}
	return all
}

// TestSmuggling sends each attack on a connection of its own and reads, byte for byte, what the gateway sent on.
func TestSmuggling(t *testing.T) {
	var w *wire
	r := newRig(t, func(set *proxy.Settings, s *provider.Settings) {
		w = newWire(t, s.BaseURL)
		s.BaseURL, set.BodyTimeout = "http://"+w.address, time.Second
	})
	account, secret := r.account(1<<40, nil)
	host := strings.TrimPrefix(r.server.URL, "http://")
	all := attacks(secret, host)
	var crowd errgroup.Group
	crowd.SetLimit(24)
	for _, a := range all {
		crowd.Go(func() error {
			statuses := sendRaw(t, host, a.send, a.passes == 0 && a.status == 0)
			if a.status != 0 && (len(statuses) == 0 || statuses[0] != a.status) {
				t.Errorf("%s: answered %v, want %d", a.name, statuses, a.status)
			}
			return nil
		})
	}
	must(t, crowd.Wait())
	sent, problems := w.read()
	passed := map[string]int{}
	for _, f := range sent {
		passed[f.only("X-Attack", "")]++
		problems = append(problems, f.judge(w.address, secret)...)
	}
	for i, a := range all {
		if n := passed[strconv.Itoa(i)]; n > a.passes {
			problems = append(problems, fmt.Sprintf("%s: the provider got %d requests, want %d at most", a.name, n, a.passes))
		}
	}
	if passed[""] > 0 || int64(len(sent)) != r.provider.Calls() {
		problems = append(problems, fmt.Sprintf("%d requests on the wire, %d of no attack's; the provider got %d", len(sent), passed[""], r.provider.Calls()))
	}
	for _, p := range problems {
		t.Error(p)
	}
	if v := r.mustView(account); v.Held != 0 {
		t.Errorf("%d tokens are held", v.Held)
	}
	for line := range strings.Lines(r.log.String()) {
		if strings.Contains(line, secret) || strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("a client's trick is in the log: %s", line)
		}
	}
	result := "ok"
	if t.Failed() {
		result = "FAIL"
	}
	fmt.Printf("FAULT smuggling attacks=%d forwarded=%d forwarded_bad=%d RESULT %s\n", len(all), len(sent), len(problems), result)
}

// judge holds a forwarded request against what may be forwarded at all.
func (f forwarded) judge(address, secret string) (problems []string) {
	bad := func(format string, args ...any) {
		problems = append(problems, fmt.Sprintf(format, args...)+" in "+clipped(f.line))
	}
	method, rest, _ := strings.Cut(f.line, " ")
	target, version, _ := strings.Cut(rest, " ")
	path, query, _ := strings.Cut(target, "?")
	switch {
	case method == "POST" && path == chatPath:
		if f.body != attackBody {
			bad("body %q", f.body)
		}
	case method == "GET" && (path == "/v1/models" || path == "/v1/models/gpt-4o" || path == "/v1/models/"+strings.Repeat("a", 100_000)):
	default:
		bad("%s %s", method, clipped(target))
	}
	if version != "HTTP/1.1" {
		bad("version %q", version)
	}
	for name, want := range map[string]string{"Host": address, "Authorization": "Bearer " + providerKey, "Accept-Encoding": "identity"} {
		if got := f.only(name, ""); got != want {
			bad("%s: %q", name, got)
		}
	}
	for _, name := range []string{"Transfer-Encoding", "Trailer", "Connection", "Upgrade", "Http2-Settings", "Expect", "X-Api-Key", "Api-Key", "Proxy-Authorization",
		"X-Forwarded-For", "X-Http-Method-Override", "X-Http-Method", "X-Method-Override", "X-Original-Url", "X-Rewrite-Url", "X-Late", "Keep-Alive"} {
		if v := f.values(name); v != nil {
			bad("%s: %q", name, v)
		}
	}
	for _, line := range f.head {
		name, value, ok := strings.Cut(line, ": ")
		if !ok || name == "" || strings.ContainsAny(name, "_ \t\x00") || strings.ContainsAny(value, "\x00") {
			bad("header line %q", line)
		}
	}
	if all := f.line + strings.Join(f.head, " "); strings.Contains(all, secret[3:]) {
		bad("the gateway's key")
	}
	if !slices.Contains(queries, query) {
		bad("query %q", clipped(query))
	}
	return problems
}

func clipped(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}

// sendRaw writes bytes to a fresh connection and reads the statuses of all answers, until the gateway hangs up or
// says no more. halfClose ends the writing side, for attacks that get no answer otherwise.
func sendRaw(t *testing.T, host, send string, halfClose bool) (statuses []int) {
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Error(err)
		return nil
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	go func() {
		io.WriteString(conn, send) // the gateway may have hung up before
		if halfClose {
			conn.(*net.TCPConn).CloseWrite()
		}
	}()
	for answers := bufio.NewReader(conn); ; {
		res, err := http.ReadResponse(answers, nil)
		if err != nil {
			return statuses
		}
		if res.StatusCode >= 200 {
			statuses = append(statuses, res.StatusCode)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			return statuses
		}
		conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	}
}
