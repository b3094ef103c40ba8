package main

import (
	"bytes"
	"fmt"
	"log"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPrivacyCanaryOfTheAdminPlane does with the admin plane what TestPrivacyCanary does with the data plane: tokens, sessions, a key's secret
// and whatever stands in a header, a query or a body that is refused are in no log, trace, metric, journal or table. What operators
// write into the book, as names, references and an Idempotency-Key, is in the book, and nowhere else.
func TestPrivacyCanaryOfTheAdminPlane(t *testing.T) {
	m := newMarks("operator's token", "reader's token", "wrong token", "wrong session", "query", "path", "custom header", "cookie", "idempotency key", "refused body",
		"name", "reference", "provider key")
	_, upstream := newUpstream(t)
	c := newCollector(t)
	standard := &safeLog{}
	log.SetOutput(standard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	dir := t.TempDir()
	p := startFile(t, dir, fmt.Sprintf(`listen: 127.0.0.1:0
admin:
  listen: 127.0.0.1:0
  token: %q
  tokens: { support: { token: %q, role: operator }, viewer: { token: %q, role: read } }
data_dir: %q
providers: { openai: { api_key: "sk-%s", base_url: %q } }
telemetry: { otlp_endpoint: %q }
`, testToken, m["operator's token"], m["reader's token"], dir, m["provider key"], upstream, c.origin))
	m["admin token"] = testToken

	asked := 0
	ask := func(want int, method, path, bearer, body string, more ...string) (*http.Response, []byte) {
		t.Helper()
		asked++
		r := p.request(t.Context(), method, p.admin+path, bearer, body)
		for header, mark := range map[string]string{"X-Custom": "custom header", "User-Agent": "custom header", "Referer": "custom header", "Traceparent": "custom header", "Baggage": "custom header"} {
			r.Header.Set(header, m[mark])
		}
		r.Header.Set("Cookie", "other="+m["cookie"])
		for i := 0; i < len(more); i += 2 {
			r.Header.Set(more[i], more[i+1])
		}
		res, answer := p.do(r)
		if res.StatusCode != want {
			t.Errorf("%s %s: %s, want %d: %s", method, path, res.Status, want, answer)
		}
		return res, answer
	}
	const api = "/api/v1"
	operator := m["operator's token"]
	ask(201, "POST", api+"/accounts", operator, fmt.Sprintf(`{"id":"acme","name":%q,"monthly_tokens":1000}`, m["name"]), "Idempotency-Key", m["idempotency key"])
	ask(201, "POST", api+"/accounts/acme/grants", operator, fmt.Sprintf(`{"tokens":5,"reference":%q}`, m["reference"]))
	_, made := ask(201, "POST", api+"/accounts/acme/keys", operator, `{"name":"k"}`, "Idempotency-Key", m["idempotency key"]+"2")
	m["key's secret"] = between(t, string(made), `"secret":"`, `"`)
	res, _ := ask(201, "POST", api+"/session", "", fmt.Sprintf(`{"token":%q}`, m["reader's token"]))
	cookie := res.Header.Get("Set-Cookie")
	m["session"] = between(t, cookie, "tollgate_session=", ";")
	session := []string{"Cookie", "tollgate_session=" + m["session"]}
	ask(200, "GET", api+"/accounts", "", "", session...)
	ask(403, "POST", api+"/accounts", "", `{"id":"x","monthly_tokens":1}`, session...)
	ask(204, "DELETE", api+"/session", "", "", session...)

	ask(401, "GET", api+"/accounts", m["wrong token"], "")
	ask(401, "GET", api+"/accounts", "", "", "Cookie", "tollgate_session="+m["wrong session"]+"."+m["wrong session"])
	ask(401, "GET", api+"/accounts", "", "", "Authorization", "Basic "+m["wrong token"])
	ask(401, "GET", api+"/accounts", m["key's secret"], "")
	ask(401, "POST", api+"/session", "", fmt.Sprintf(`{"token":%q}`, m["wrong token"]))
	ask(400, "POST", api+"/session", "", `{"token":"`+m["refused body"])
	ask(422, "GET", api+"/accounts?"+m["query"]+"="+m["query"], testToken, "")
	ask(404, "GET", api+"/accounts/"+m["path"], testToken, "")
	ask(404, "GET", "/"+m["path"]+"?"+m["query"], testToken, "")
	ask(422, "POST", api+"/accounts", operator, `{"id":"`+m["refused body"]+`","`+m["refused body"]+`":1}`)
	ask(400, "POST", api+"/accounts", operator, `{"id":`+m["refused body"])
	ask(200, "GET", "/metrics?"+m["query"], m["wrong token"], "")
	ask(200, "GET", "/healthz", m["wrong token"], "")
	p.do(p.request(t.Context(), "POST", p.data+chatPath, m["key's secret"], scripted("", `{}`)))
	eventually(t, "an event", func() bool { return len(p.events("acme")) == 1 })

	places := map[string][]byte{"metrics": []byte(p.scrape())}
	readFiles(t, p.dir, "running: ", places)
	p.end()
	readFiles(t, p.dir, "stopped: ", places)
	places["log"], places["standard log"], places["spans"] = []byte(p.said.String()), []byte(standard.String()), c.everything()
	leaks, booked, book := 0, map[string]bool{}, []string{"name", "reference", "idempotency key"}
	for place, content := range places {
		for _, name := range m.in(content) {
			if strings.Contains(place, "tollgate.db") && slices.Contains(book, name) {
				booked[name] = true
				continue
			}
			leaks++
			t.Errorf("the %s is in the %s", name, place)
		}
	}
	if len(booked) != len(book) || !bytes.Contains(places["log"], []byte("sign-in refused")) || len(places["spans"]) == 0 {
		t.Errorf("the search finds nothing where something is: %v", booked)
	}
	fmt.Printf("FAULT privacy-canary-admin requests=%d marks=%d places=%d leaks=%d %s\n", asked, len(m), len(places), leaks, resultOf(t))
}

// between is what stands in a text between two others.
func between(t *testing.T, text, before, after string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, before)
	got, _, closed := strings.Cut(rest, after)
	if !found || !closed || len(got) < 16 {
		t.Fatalf("no %s in %.200s", before, text)
	}
	return got
}
