package proxy

import (
	"net/http"
	"strings"
)

// dropped are headers that no provider gets, beside those whose name begins with one of droppedPrefixes:
// credentials, what tells of the client or of hops before us, and what acts for another of the provider's customers.
var dropped = map[string]bool{
	"Authorization": true, "X-Api-Key": true, "X-Goog-Api-Key": true, "Api-Key": true, "Proxy-Authorization": true,
	"Cookie": true, "Origin": true, "Referer": true, "Forwarded": true, "X-Real-Ip": true, "Via": true,
	"Expect": true, "Upgrade": true, "Openai-Organization": true, "Openai-Project": true, "X-Goog-User-Project": true,
	"Baggage": true, "Tracestate": true, "Traceparent": true,
}

var droppedPrefixes = []string{"Sec-", "X-Forwarded-", "X-Tollgate-"}

// cleanOutbound takes out of a request's headers what the provider must not get. A name with an underscore
// goes too: some servers read it as the same name with a hyphen.
func cleanOutbound(h http.Header) {
	for name := range h {
		if dropped[name] || strings.Contains(name, "_") || hasAnyPrefix(name, droppedPrefixes) {
			delete(h, name)
		}
	}
	h["Accept-Encoding"] = []string{"identity"}
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
