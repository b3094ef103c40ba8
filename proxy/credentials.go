package proxy

import (
	"net/http"
	"net/url"
	"strings"
)

// keyPrefix marks the gateway's own keys among credentials.
const keyPrefix = "tg_"

// credentialHeaders are where clients put a key, and what never reaches a provider.
var credentialHeaders = []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"}

// secret is the gateway key that a request shows, in a header or as key= in the raw query, which is "" where clients
// of the provider don't show it there. ok is false when it shows none, or two that differ.
func secret(h http.Header, query string) (key string, ok bool) {
	same := true
	show := func(value string) {
		if value = strings.TrimSpace(value); strings.HasPrefix(value, keyPrefix) {
			same = same && (key == "" || key == value)
			key = value
		}
	}
	for _, name := range credentialHeaders {
		for _, value := range h[name] {
			if name == "Authorization" {
				scheme, token, _ := strings.Cut(value, " ")
				if !strings.EqualFold(scheme, "Bearer") {
					continue
				}
				value = token
			}
			show(value)
		}
	}
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(pair, "=")
		if name == "key" {
			if decoded, err := url.QueryUnescape(value); err == nil {
				show(decoded)
			}
		}
	}
	if !same {
		return "", false
	}
	return key, key != ""
}

// withoutKeys cuts gateway keys out of a raw query; the rest stays as it came. A pair ends at & or at ;, which
// some servers take for it.
func withoutKeys(query string) string {
	if !strings.Contains(query, "tg") && !strings.Contains(query, "%") {
		return query
	}
	kept := make([]byte, 0, len(query))
	first := true
	for begin := 0; begin <= len(query); {
		end := len(query)
		if i := strings.IndexAny(query[begin:], "&;"); i >= 0 {
			end = begin + i
		}
		if pair := query[begin:end]; !pairShowsKey(pair) {
			if !first {
				kept = append(kept, query[begin-1])
			}
			kept = append(kept, pair...)
			first = false
		}
		begin = end + 1
	}
	return string(kept)
}

func pairShowsKey(pair string) bool {
	name, value, _ := strings.Cut(pair, "=")
	for _, part := range []string{name, value} {
		decoded, err := url.QueryUnescape(part)
		if err != nil {
			decoded = part
		}
		if showsKey(decoded, 0) {
			return true
		}
	}
	return false
}

// keyLength is how much must follow the prefix in a header for a key: a client may call itself tg_bot.
const keyLength = 20

// showsKey says whether a word in text begins as a gateway key does and goes on for at least so many bytes.
func showsKey(text string, length int) bool {
	for at := strings.Index(text, keyPrefix); at >= 0; {
		rest := text[at+len(keyPrefix):]
		n := 0
		for n < len(rest) && keyByte(rest[n]) {
			n++
		}
		if n >= length && (at == 0 || !keyByte(text[at-1])) {
			return true
		}
		next := strings.Index(rest, keyPrefix)
		if next < 0 {
			return false
		}
		at += len(keyPrefix) + next
	}
	return false
}

func keyByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
