package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/proxy/proxytest"
)

// marks are secrets and content by what they stand for: 32 random bytes each, in hex.
type marks map[string]string

func newMarks(names ...string) marks {
	m := marks{}
	for _, name := range names {
		b := make([]byte, 32)
		rand.Read(b)
		m[name] = hex.EncodeToString(b)
	}
	return m
}

// in are the marks of which a half, at least, stands in some bytes.
func (m marks) in(b []byte) (found []string) {
	for name, mark := range m {
		if bytes.Contains(b, []byte(mark[:len(mark)/2])) || bytes.Contains(b, []byte(mark[len(mark)/2:])) {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found
}

// looseProvider is the provider of the tests, which for some models breaks the rules of HTTP.
func looseProvider(m marks) http.Handler {
	well := proxytest.New(proxytest.Options{APIKey: "sk-" + m["provider key"]})
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	raw := map[string]string{
		"no-http":         m["answer"] + " is no HTTP\r\n\r\n",
		"no-status":       "HTTP/1.1 " + m["answer"] + "\r\n\r\n",
		"no-header":       "HTTP/1.1 200 OK\r\n" + m["answer"] + "\r\n\r\n",
		"no-length":       "HTTP/1.1 200 OK\r\nContent-Length: " + m["answer"] + "\r\n\r\n",
		"more-than-said":  ok + "Content-Length: 2\r\n\r\n{}" + m["answer"] + "\r\n\r\n",
		"no-chunk":        ok + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n" + m["answer"] + "\r\n",
		"no-trailer":      ok + "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\n{}\r\n0\r\n" + m["answer"] + "\r\n\r\n",
		"marks-as-header": "HTTP/1.1 500 " + m["answer"] + "\r\nX-Request-Id: " + m["answer"] + "\r\nSet-Cookie: " + m["answer"] + "\r\nContent-Length: 0\r\n\r\n",
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		for model, answer := range raw {
			if bytes.Contains(body, []byte(`"model":"`+model+`"`)) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					panic(err)
				}
				io.WriteString(conn, answer)
				conn.Close()
				return
			}
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		well.ServeHTTP(w, r)
	})
}

// TestPrivacyCanary drives requests of every kind with marks wherever content or a secret can stand, and then
// searches everything that the gateway wrote, said, counted or exported.
func TestPrivacyCanary(t *testing.T) {
	m := newMarks("prompt", "answer", "error", "provider key", "unknown key", "query", "path", "cookie", "custom header", "other credential", "label", "user")
	upstream := httptest.NewServer(looseProvider(m))
	t.Cleanup(upstream.Close)
	c := newCollector(t)
	standard := &safeLog{}
	log.SetOutput(standard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	p := startInProcess(t, upstream.URL, "sk-"+m["provider key"], `telemetry: { otlp_endpoint: "`+c.origin+`" }
max_request_bytes: 100KiB`)
	secret := p.account("acme", 1<<40, "")
	empty := p.account("empty", 0, "")
	m["gateway key"], m["key without tokens"] = secret, empty

	requests := canaryRequests(m)
	for i, q := range requests {
		key := map[string]string{"": secret, "empty": empty, "unknown": "tg_" + m["unknown key"]}[q.key]
		r := p.request(t.Context(), orPost(q.method), p.data+q.path+"?q="+m["query"]+"&key="+key, key, q.body)
		r.Header.Set("Cookie", "session="+m["cookie"])
		r.Header.Set("X-Custom", m["custom header"])
		r.Header.Set("User-Agent", m["custom header"])
		r.Header.Set("Referer", "https://page.example/"+m["custom header"])
		r.Header.Set("X-Api-Key", "sk-"+m["other credential"])
		r.Header.Set("Tracestate", "v="+m["custom header"])
		r.Header.Set("Baggage", "v="+m["custom header"])
		r.Header.Set("X-Tollgate-User", m["user"])
		for name, value := range q.header {
			r.Header.Set(name, value)
		}
		if q.gone {
			p.leave(r)
			continue
		}
		res, answer := p.do(r)
		if res.StatusCode != q.status {
			t.Errorf("request %d, %s: %s: %s", i, q.body, res.Status, answer)
		}
		if q.status == 200 && strings.Contains(q.body, m["answer"]) && !bytes.Contains(answer, []byte(m["answer"])) {
			t.Errorf("request %d: the client did not get its answer: %s", i, answer)
		}
	}
	metered := 0
	for _, q := range requests {
		if q.event {
			metered++
		}
	}
	eventually(t, "all events", func() bool { return len(p.events("acme")) == metered })

	places := map[string][]byte{"metrics": []byte(p.scrape()), "events": fmt.Appendf(nil, "%+v", p.events("acme"))}
	readFiles(t, p.dir, "running: ", places)
	p.end()
	readFiles(t, p.dir, "stopped: ", places)
	places["log"], places["standard log"], places["spans"] = []byte(p.said.String()), []byte(standard.String()), c.everything()
	leaks := 0
	userFound := false
	for place, content := range places {
		for _, name := range m.in(content) {
			if book := strings.Contains(place, ".db") || place == "events"; book && name == "user" {
				userFound = true
				continue
			}
			leaks++
			t.Errorf("the %s is in the %s", name, place)
		}
	}
	if !userFound || len(places["spans"]) == 0 || len(places["log"]) == 0 {
		t.Error("the search finds nothing where something is")
	}
	for _, name := range []string{"stopped: journal.db", "stopped: tollgate.db", "running: tollgate.db-wal"} {
		if len(places[name]) == 0 {
			t.Errorf("%s was not searched", name)
		}
	}
	result := "ok"
	if t.Failed() {
		result = "FAIL"
	}
	fmt.Printf("FAULT privacy-canary requests=%d marks=%d places=%d leaks=%d RESULT %s\n", len(requests), len(m), len(places), leaks, result)
}

// canary is one request with marks in it.
type canary struct {
	method, path, body string
	key                string // "": acme's; empty: of an account without tokens; unknown
	header             map[string]string
	gone               bool // the client leaves in the middle
	status             int
	event              bool // it is in the books
}

func canaryRequests(m marks) []canary {
	chat := func(more, script string) string {
		return fmt.Sprintf(`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"%s"}],%s"proxytest":%s}`, m["prompt"], more, script)
	}
	loose := func(model string) string {
		return fmt.Sprintf(`{"model":"%s","messages":[{"role":"user","content":"%s"}]}`, model, m["prompt"])
	}
	says := `{"text":"` + m["answer"] + ` and ` + m["answer"] + `","chunks":8%s}`
	say := func(more string) string { return fmt.Sprintf(says, more) }
	const stream = `"stream":true,`
	failure := fmt.Sprintf(`,"error":{"error":{"message":"%[1]s","type":"a message: %[1]s","param":"%[1]s","code":"code: %[1]s"},"detail":"%[1]s"}`, m["error"])
	return []canary{
		{path: chatPath, body: chat("", say("")), status: 200, event: true},
		{path: chatPath, body: chat(stream, say("")), status: 200, event: true},
		{path: chatPath, body: chat(stream+`"stream_options":{"include_usage":true},`, say("")), status: 200, event: true},
		{path: chatPath, body: chat("", say(`,"no_usage":true`)), status: 200, event: true},
		{path: "/openai/v1/responses", body: fmt.Sprintf(`{"model":"gpt-4.1","input":"%s","instructions":"%[1]s","proxytest":%s}`, m["prompt"], say("")), status: 200, event: true},
		{path: "/v1/responses", body: fmt.Sprintf(`{"model":"gpt-4.1","input":"%s","stream":true,"proxytest":%s}`, m["prompt"], say("")), status: 200, event: true},
		{path: "/v1/embeddings", body: fmt.Sprintf(`{"model":"text-embedding-3-small","input":["%s"]}`, m["prompt"]), status: 200, event: true},
		{path: "/v1/moderations", body: fmt.Sprintf(`{"input":"%s"}`, m["prompt"]), status: 200},
		{path: "/v1/models", method: "GET", status: 200},
		{path: chatPath, body: chat(stream, say(`,"pace":20`)), gone: true, event: true},

		{path: chatPath, body: chat("", `{"status":400`+failure+`}`), status: 400, event: true},
		{path: chatPath, body: chat("", `{"status":401`+failure+`}`), status: 401, event: true},
		{path: chatPath, body: chat("", `{"status":500`+failure+`}`), status: 500, event: true},
		{path: chatPath, body: chat(stream, say(`,"error_after":4`)), status: 200, event: true},
		{path: chatPath, body: chat(stream, say(`,"break_after":4`)), status: 200, event: true},
		{path: chatPath, body: chat("", `{"break_after":0}`), status: 502},
		{path: chatPath, body: loose("no-http"), status: 502},
		{path: chatPath, body: loose("no-status"), status: 502},
		{path: chatPath, body: loose("no-header"), status: 502},
		{path: chatPath, body: loose("no-length"), status: 502},
		{path: chatPath, body: loose("more-than-said"), status: 200, event: true},
		{path: chatPath, body: loose("no-chunk"), status: 200, event: true},
		{path: chatPath, body: loose("no-trailer"), status: 200, event: true},
		{path: chatPath, body: loose("marks-as-header"), status: 500, event: true},

		{path: chatPath, body: `{"model":"` + m["prompt"], status: 400},
		{path: chatPath, body: `{"model":"a","model":"` + m["prompt"] + `"}`, status: 400},
		{path: chatPath, body: `{"model":"gpt-4o","` + m["prompt"] + `":1,"STREAM":"` + m["prompt"] + `"}`, status: 400},
		{path: chatPath, body: `{"model":"gpt-4o","messages":"` + strings.Repeat(m["prompt"], 2000) + `"}`, status: 413},
		{path: chatPath, body: chat("", say("")), key: "empty", status: 402},
		{path: chatPath, body: chat("", say("")), key: "unknown", status: 401},
		{path: chatPath, body: chat("", say("")), header: map[string]string{"Content-Encoding": m["label"]}, status: 415},
		{path: chatPath, body: chat("", say("")), header: map[string]string{"X-Tollgate-Activity": m["label"]}, status: 400},
		{path: chatPath, body: chat("", say("")), header: map[string]string{"X-Tollgate-Chatbot": m["label"] + " " + m["label"]}, status: 400},
		{path: chatPath, body: chat("", say("")), header: map[string]string{"X-Goog-Api-Key": "tg_" + m["unknown key"]}, status: 401},
		{path: "/v1/files/" + m["path"], method: "GET", status: 404},
		{path: "/" + m["path"] + chatPath, body: chat("", say("")), status: 404},
		{path: "/v1/models", method: "M" + m["path"], status: 404},
		{path: "/v1/models", method: "OPTIONS", header: map[string]string{"Origin": "https://" + m["custom header"], "Access-Control-Request-Method": "POST"}, status: 403},
		{path: "/v1/models", method: "GET", header: map[string]string{"Connection": "Upgrade", "Upgrade": "websocket"}, status: 404},
	}
}

// readFiles adds all files of a folder to the places.
func readFiles(t *testing.T, dir, when string, places map[string][]byte) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if os.IsNotExist(err) { // SQLite tidied up
			return nil
		}
		places[when+strings.TrimPrefix(path, dir+"/")] = content
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
