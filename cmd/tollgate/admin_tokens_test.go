package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/tollgate/tollgate/admin/dashboard"
)

// TestReloadedAdminTokens: a token of admin.tokens counts from the reload that brings it, with the role that the file
// gives it, to the one that takes it away, and so do the sessions that it began.
func TestReloadedAdminTokens(t *testing.T) {
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "")
	const token = "support-0123456789abcdef"
	reload := func(tokens string) {
		t.Helper()
		file := filepath.Join(t.TempDir(), "gateway.yaml")
		text := "listen: 127.0.0.1:0\nadmin: { listen: \"127.0.0.1:0\", token: " + testToken + ", tokens: { " + tokens + " } }\ndata_dir: " + p.dir +
			"\nproviders:\n  openai: { api_key: " + testProviderKey + ", base_url: \"" + upstream + "\", drain_for: 2s }\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p.reload(t.Context(), file)
	}
	ask := func(method, path, body string, headers ...string) (int, http.Header) {
		t.Helper()
		r, err := http.NewRequest(method, p.admin+path, bytes.NewReader([]byte(body)))
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode, res.Header
	}
	var session string
	step := func(when string, read, write, signedIn int) {
		t.Helper()
		got, _ := ask("GET", "/api/v1/accounts", "", "Authorization", "Bearer "+token)
		if got != read {
			t.Errorf("%s: a read is %d, want %d", when, got, read)
		}
		if got, _ := ask("POST", "/api/v1/accounts", `{"id":"acme-`+when+`","plan":"pro"}`, "Authorization", "Bearer "+token); got != write {
			t.Errorf("%s: a write is %d, want %d", when, got, write)
		}
		if got, _ := ask("GET", "/api/v1/accounts", "", "Cookie", session); got != signedIn {
			t.Errorf("%s: with the session %d, want %d", when, got, signedIn)
		}
	}
	step("before", 401, 401, 401)
	reload("support: { token: " + token + ", role: operator }")
	_, head := ask("POST", "/api/v1/session", `{"token":"`+token+`"}`)
	session = (&http.Response{Header: head}).Cookies()[0].String()
	step("operator", 200, 201, 200)
	reload("support: { token: " + token + " }")
	step("read", 200, 403, 200)
	reload("")
	step("gone", 401, 401, 401)
}

// TestBothDoorsServeTheirFiles: what is embedded is what comes out of the process.
func TestBothDoorsServeTheirFiles(t *testing.T) {
	_, upstream := newUpstream(t)
	p := startInProcess(t, upstream, testProviderKey, "")
	page, err := dashboard.Files().Open("index.html")
	if err != nil {
		t.Fatal(err)
	}
	index, err := io.ReadAll(page)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string][]byte{p.admin + "/": index, p.data + "/tollgate/embed.js": dashboard.Embed} {
		res, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if got, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || !bytes.Equal(got, want) {
			t.Errorf("%s: %d, %d bytes, %v, want %d bytes", address, res.StatusCode, len(got), err, len(want))
		}
	}
}
