package proxy

import (
	"net/http"
	"strings"
)

// dropped are headers that no provider gets, beside those whose name begins with one of droppedPrefixes:
// credentials, what tells of the client or of hops before us, what acts or pays for another of the provider's customers or
// another part of the operator's (OpenAI, Google, Hugging Face, Alibaba), what some servers read as another method or path than
// those that were matched, what leaves out of the answer what is counted (fields, ranges), and what puts the answer off.
var dropped = map[string]bool{
	"Authorization": true, "X-Api-Key": true, "X-Goog-Api-Key": true, "Api-Key": true, "X-Amz-Security-Token": true,
	"Proxy-Authorization": true,
	"Cookie":              true, "Origin": true, "Referer": true, "Forwarded": true, "X-Real-Ip": true, "Via": true,
	"Expect": true, "Upgrade": true, "Openai-Organization": true, "Openai-Project": true, "X-Goog-User-Project": true,
	"Baggage": true, "Tracestate": true, "Traceparent": true, "Http2-Settings": true,
	"X-Http-Method-Override": true, "X-Http-Method": true, "X-Method-Override": true, "X-Original-Url": true, "X-Rewrite-Url": true,
	"X-Hf-Bill-To": true, "X-Dashscope-Workspace": true, "X-Dashscope-Async": true, "Prefer": true, "Range": true, "If-Range": true,
	"X-Goog-Fieldmask": true, "X-Goog-Encode-Response-If-Executable": true,
}

var droppedPrefixes = []string{"Sec-", "X-Forwarded-", "X-Tollgate-"}

// cleanOutbound takes out of a request's headers what the provider must not get. A name with an underscore
// goes too: some servers read it as the same name with a hyphen. So does a header in which a gateway key stands,
// whatever it is called.
func cleanOutbound(h http.Header) {
	for name, values := range h {
		if dropped[name] || strings.Contains(name, "_") || hasAnyPrefix(name, droppedPrefixes) || anyShowsKey(values) {
			delete(h, name)
		}
	}
	h["Accept-Encoding"] = []string{"identity"}
}

func anyShowsKey(values []string) bool {
	for _, v := range values {
		if showsKey(v, keyLength) {
			return true
		}
	}
	return false
}

func hasAnyPrefix(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}
