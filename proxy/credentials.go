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

// secret is the gateway key that a request shows. ok is false when it shows none, or two that differ.
func secret(h http.Header) (key string, ok bool) {
	for _, name := range credentialHeaders {
		for _, value := range h[name] {
			if name == "Authorization" {
				scheme, token, _ := strings.Cut(value, " ")
				if !strings.EqualFold(scheme, "Bearer") {
					continue
				}
				value = token
			}
			value = strings.TrimSpace(value)
			if !strings.HasPrefix(value, keyPrefix) {
				continue
			}
			if key != "" && key != value {
				return "", false
			}
			key = value
		}
	}
	return key, key != ""
}

// withoutKeys cuts gateway keys out of a raw query; the rest stays as it came.
func withoutKeys(query string) string {
	if !strings.Contains(query, "tg") && !strings.Contains(query, "%") {
		return query
	}
	kept := make([]string, 0, 8)
	for _, pair := range strings.Split(query, "&") {
		if !showsKey(pair) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(kept, "&")
}

func showsKey(pair string) bool {
	name, value, _ := strings.Cut(pair, "=")
	for _, part := range []string{name, value} {
		decoded, err := url.QueryUnescape(part)
		if err != nil {
			decoded = part
		}
		if strings.HasPrefix(strings.TrimSpace(decoded), keyPrefix) {
			return true
		}
	}
	return false
}
