package admin

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// FuzzForm holds forms against encoding/json: what is accepted has the same members there, each once.
func FuzzForm(f *testing.F) {
	for _, body := range []string{`{}`, `{"a":1}`, `{"a":1,"a":2}`, `{"a":{"b":[1,"x",null]},"\u0061b":"\ud83d\ude00"}`, `{"a":1}x`, ` {"a" : 1 } `, `[]`,
		`{"":0}`, `{"a":1e3,"b":-0}`, "{\"a\":\"\xff\"}", `{"\ud800":1}`, `nul`, `{"a":1,}`, `{"k":"\"}"}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		form, err := parseForm(body)
		var object map[string]json.RawMessage
		strict := json.Unmarshal(body, &object)
		if err != nil {
			return
		}
		if strict != nil || object == nil {
			t.Fatalf("%q was accepted; encoding/json says %v", body, strict)
		}
		if len(form.names) != len(object) {
			t.Fatalf("%q has members %q here and %q in encoding/json", body, form.names, slices.Collect(maps.Keys(object)))
		}
		for name, raw := range object {
			if got, ok := form.members[name]; !ok || !bytes.Equal(bytes.TrimSpace(got), raw) {
				t.Fatalf("%q: member %q is %q here and %q in encoding/json", body, name, got, raw)
			}
		}
	})
}

// FuzzCursor wants every cursor of ours back as it was, and all else refused or harmless.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{"", "YWNjb3VudHM6YWNtZQ", "YWNjb3VudHM6", "YWNjb3VudHM6YWNtZQ==", "YWNjb3VudHM6YWNtZR", "\x00", "a.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := query{"cursor": s}.page("accounts")
		if err == nil {
			if !position.MatchString(p.after) {
				t.Fatalf("cursor %q goes on after %q", s, p.after)
			}
			again := listed(page{limit: 1, kind: "accounts"}, []string{p.after, ""}, strings.Clone, strings.Clone)
			if next := again.body.(list).NextCursor; next == nil || *next != s {
				t.Fatalf("cursor %q goes on after %q, whose cursor is another", s, p.after)
			}
		}
	})
}

// FuzzOrigin wants only what a browser could send: scheme and host as they are, nothing else.
func FuzzOrigin(f *testing.F) {
	for _, s := range []string{"https://app.example.com", "http://127.0.0.1:3000", "http://[::1]:8080", "https://a:443", "null", "*", "https://*.example",
		"https://a/", "https://u@a", "https://a?x", "https://a#", "ftp://a", "https://", "https://a:", "HTTPS://a", "https://ä", "https://a:99999", "//a", "https://a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if checkOrigin(s) != "" {
			return
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme+"://"+u.Host != s || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(s, " \t\r\n*\"'<>\\") || s != strings.ToLower(s) {
			t.Fatalf("%q is no origin", s)
		}
	})
}
