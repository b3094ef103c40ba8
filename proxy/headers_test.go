package proxy

import (
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// outbound are names that must not reach a provider, in the contract's words and in spellings that readers take for them.
var outbound = []string{
	"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key", "X-Amz-Security-Token", "Proxy-Authorization", "Cookie", "Origin", "Referer", "Sec-Fetch-Mode",
	"Sec-WebSocket-Protocol", "Forwarded", "X-Forwarded-For", "X-Forwarded-Anything", "X-Real-Ip", "Via", "Expect", "Upgrade",
	"OpenAI-Organization", "OpenAI-Project", "X-Goog-User-Project", "Baggage", "Tracestate", "Traceparent", "X-Tollgate-User",
	"X-HTTP-Method-Override", "X-Original-URL",
}

func TestCleanOutboundKeepsTheRest(t *testing.T) {
	h := http.Header{"Content-Type": {"application/json"}, "X-Stainless-Os": {"Linux", "again"}, "Idempotency-Key": {"k"}, "User-Agent": {"tg_bot/1.0"},
		"Accept-Encoding": {"gzip"}, "X-Note": {"about btg_" + strings.Repeat("x", 40)}}
	for _, name := range outbound {
		h.Set(name, "x")
	}
	cleanOutbound(h)
	want := []string{"Accept-Encoding", "Content-Type", "Idempotency-Key", "User-Agent", "X-Note", "X-Stainless-Os"}
	var got []string
	for name := range h {
		got = append(got, name)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) || len(h["X-Stainless-Os"]) != 2 || h.Get("Accept-Encoding") != "identity" {
		t.Errorf("got %v, want %v", h, want)
	}
}

func TestCleanOutboundDropsKeysInAnyHeader(t *testing.T) {
	const key = "tg_hDq2kUrV8xN3mPz0aTtLwYbCe4fG6iJ7oKsQvR1uXyA"
	for _, value := range []string{key, "Bearer " + key, "key=" + key, "openai-insecure-api-key." + key, "a, " + key + ";q=1"} {
		h := http.Header{"X-Custom": {"harmless", value}}
		if cleanOutbound(h); h["X-Custom"] != nil {
			t.Errorf("%q: passed", value)
		}
	}
}

func TestSecret(t *testing.T) {
	for _, tc := range []struct {
		h     http.Header
		query string
		key   string
		ok    bool
	}{
		{http.Header{}, "", "", false},
		{http.Header{"Authorization": {"Bearer tg_a"}}, "", "tg_a", true},
		{http.Header{"Authorization": {"bearer   tg_a "}}, "", "tg_a", true},
		{http.Header{"Authorization": {"Basic dGdfYQ==", "Bearer tg_a"}}, "", "tg_a", true},
		{http.Header{"Authorization": {"tg_a"}}, "", "", false},
		{http.Header{"Authorization": {"Bearer sk-1"}, "X-Api-Key": {"tg_a"}}, "", "tg_a", true},
		{http.Header{"Authorization": {"Bearer tg_a"}, "X-Api-Key": {"tg_a"}, "Api-Key": {"tg_a"}, "X-Goog-Api-Key": {"tg_a"}}, "", "tg_a", true},
		{http.Header{"Authorization": {"Bearer tg_a"}, "X-Api-Key": {"tg_b"}}, "", "", false},
		{http.Header{"X-Api-Key": {"tg_a", "tg_b"}}, "", "", false},
		{http.Header{"X_api_key": {"tg_a"}}, "", "", false},
		{http.Header{"Cookie": {"tg_a"}}, "", "", false},
		{http.Header{}, "alt=sse&key=tg_a", "tg_a", true},
		{http.Header{}, "key=%74g_a&x", "tg_a", true},
		{http.Header{"X-Goog-Api-Key": {"tg_a"}}, "key=tg_a", "tg_a", true},
		{http.Header{"X-Goog-Api-Key": {"tg_a"}}, "key=tg_b", "", false},
		{http.Header{"X-Goog-Api-Key": {"tg_a"}}, "key=AIza", "tg_a", true},
		{http.Header{}, "key=tg_a&key=tg_b", "", false},
		{http.Header{}, "key=AIza&key=tg_a", "tg_a", true},
		{http.Header{}, "Key=tg_a&k=tg_a&tg_a", "", false},
		{http.Header{}, "key=%zz&key", "", false},
	} {
		if key, ok := secret(tc.h, tc.query); key != tc.key && tc.ok || ok != tc.ok {
			t.Errorf("%v, %q: got %q, %v, want %q, %v", tc.h, tc.query, key, ok, tc.key, tc.ok)
		}
	}
}

func TestWithoutKeys(t *testing.T) {
	for query, want := range map[string]string{
		"":                               "",
		"a=1&b=%2F&&c":                   "a=1&b=%2F&&c",
		"key=tg_x":                       "",
		"a=1&key=tg_x&b=2":               "a=1&b=2",
		"key=tg_x&a=1":                   "a=1",
		"a=1&tg_x":                       "a=1",
		"a=1&k=%74g_x":                   "a=1",
		"a=1&k=t%67%5Fx&b":               "a=1&b",
		"a=1;key=tg_x;b=2":               "a=1;b=2",
		"a=1;b=2&c=3":                    "a=1;b=2&c=3",
		"auth=Bearer+tg_x&a=1":           "a=1",
		"auth=Bearer%20tg_x&a=1":         "a=1",
		"u=http%3A%2F%2Fh%2F%3Fk%3Dtg_x": "",
		"after=abctg_x&tg=1":             "after=abctg_x&tg=1",
		"a=%zz&k=tg_x":                   "a=%zz",
		"k=%zz:tg_x":                     "",
	} {
		if got := withoutKeys(query); got != want {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
}

var (
	keyInQuery  = regexp.MustCompile(`(^|[^0-9A-Za-z_-])tg_`)
	keyInHeader = regexp.MustCompile(`(^|[^0-9A-Za-z_-])tg_[0-9A-Za-z_-]{20}`)
)

// FuzzHeaderFilter holds what goes to a provider against a second reading: by regular expressions, over names
// folded as careless servers fold them.
func FuzzHeaderFilter(f *testing.F) {
	for _, name := range outbound {
		f.Add(name, "Bearer tg_hDq2kUrV8xN3mPz0aTtLwYbCe4fG6iJ7oKsQvR1uXyA", "a=1&key=tg_x;b=2")
	}
	f.Add("x_api_key", "tg_a", "k=%74g_x")
	f.Add("Content-Type", "application/json", "a=%zz&auth=Bearer+tg_x")
	denied := map[string]bool{}
	for _, name := range outbound {
		denied[strings.ToLower(name)] = true
	}
	f.Fuzz(func(t *testing.T, name, value, query string) {
		name = textproto.CanonicalMIMEHeaderKey(name)
		h := http.Header{name: {"first", value}, "X-Kept": {"kept"}}
		checkSecret(t, h)
		cleanOutbound(h)
		folded := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		switch values, passed := h[name]; {
		case name == "Accept-Encoding" || name == "X-Kept":
		case passed && (denied[folded] || strings.Contains(name, "_") || strings.HasPrefix(folded, "sec-") || strings.HasPrefix(folded, "x-forwarded-") || strings.HasPrefix(folded, "x-tollgate-")):
			t.Errorf("%q passed", name)
		case passed && keyInHeader.MatchString(value):
			t.Errorf("%q passed with a key in it: %q", name, value)
		case passed && !slices.Equal(values, []string{"first", value}):
			t.Errorf("%q: %q was changed to %q", name, value, values)
		}
		if !slices.Equal(h["Accept-Encoding"], []string{"identity"}) || h["X-Kept"] == nil && name != "X-Kept" {
			t.Errorf("after %q: %v", name, h)
		}
		checkQuery(t, query)
	})
}

// checkSecret: what is shown stands in a credential header, begins as a key does, and is the only one.
func checkSecret(t *testing.T, h http.Header) {
	key, ok := secret(h, "")
	if !ok {
		return
	}
	if !strings.HasPrefix(key, "tg_") {
		t.Errorf("%v: the key is %q", h, key)
	}
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
		for _, v := range h[name] {
			if strings.Contains(v, key) {
				return
			}
		}
	}
	t.Errorf("%v: no credential is %q", h, key)
}

// checkQuery: what is left shows no key, all of it stood there, and what shows none loses nothing.
func checkQuery(t *testing.T, query string) {
	left := withoutKeys(query)
	if again := withoutKeys(left); again != left {
		t.Errorf("%q: got %q, and from that %q", query, left, again)
	}
	if !slices.ContainsFunc(pairs(query), shows) && left != query {
		t.Errorf("%q without a key was changed to %q", query, left)
	}
	if left == "" {
		return
	}
	before := pairs(query)
	for _, pair := range pairs(left) {
		if shows(pair) {
			t.Errorf("%q: %q is left", query, pair)
		}
		i := slices.Index(before, pair)
		if i < 0 {
			t.Fatalf("%q: %q was made up", query, pair)
		}
		before = before[i+1:]
	}
}

func pairs(query string) []string { return regexp.MustCompile("[&;]").Split(query, -1) }

func shows(pair string) bool {
	name, value, _ := strings.Cut(pair, "=")
	for _, part := range []string{name, value} {
		decoded, err := url.QueryUnescape(part)
		if err != nil {
			decoded = part
		}
		if keyInQuery.MatchString(decoded) {
			return true
		}
	}
	return false
}
