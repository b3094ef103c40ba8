package proxy

import (
	"net/http"
	"strings"

	"github.com/tollgate/tollgate/policy"
)

// askable are the request headers that browsers may send: those that provider SDKs and this gateway use.
// A name that ends in a hyphen is a prefix.
var askable = []string{
	"authorization", "content-type", "accept", "x-api-key", "x-goog-api-key", "api-key", "x-goog-api-client", "user-agent",
	"idempotency-key", "openai-", "anthropic-", "x-stainless-", "x-tollgate-", "traceparent", "x-client-name", "x-fern-",
	"x-amz-", "x-amzn-", "amz-sdk-", "x-title",
}

// exposed are the answer's headers that a page may read.
const exposed = "X-Tollgate-Request-Id, X-Tollgate-Error, Retry-After, X-Request-Id"

// browser says whether the key in use is one for browsers.
func (c *call) browser() bool { return c.caller != nil && c.caller.FromBrowser() }

// preflight answers OPTIONS, which carries no key, from the origins of all live keys.
func (c *call) preflight() error {
	ask := c.in.Header
	origin, method := ask.Get("Origin"), ask.Get("Access-Control-Request-Method")
	if origin == "" || method == "" || !c.gate.Preflight(c.in.Context(), origin) {
		return denied(policy.NotAllowed, "this origin may not call the gateway")
	}
	h := c.w.Header()
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Methods", method)
	if names := allowedHeaders(ask.Get("Access-Control-Request-Headers")); names != "" {
		h.Set("Access-Control-Allow-Headers", names)
	}
	h.Set("Access-Control-Max-Age", "600")
	c.limitOwnAnswer()
	c.status = http.StatusNoContent
	c.w.WriteHeader(c.status)
	return nil
}

func allowedHeaders(asked string) string {
	var allowed []string
	for name := range strings.SplitSeq(asked, ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		for _, a := range askable {
			if name == a || strings.HasSuffix(a, "-") && strings.HasPrefix(name, a) {
				allowed = append(allowed, name)
				break
			}
		}
	}
	return strings.Join(allowed, ", ")
}

// corsFields replaces whatever the provider says to browsers by what the key's origins allow. For a key
// without origins nothing changes.
func (c *call) corsFields(h http.Header) {
	if c.caller != nil && !c.browser() {
		return
	}
	for name := range h {
		if strings.HasPrefix(name, "Access-Control-") {
			delete(h, name)
		}
	}
	h.Del("Set-Cookie")
	h.Add("Vary", "Origin")
	if c.originAllowed || c.mayReadRefusal() {
		h.Set("Access-Control-Allow-Origin", c.in.Header.Get("Origin"))
		h.Set("Access-Control-Expose-Headers", exposed)
	}
}

// mayReadRefusal says whether a page may read why it is refused although no key was found that is bound to its origin: a
// browser shows nothing of the answer otherwise. What passed the preflight may; there is nothing in it about others.
func (c *call) mayReadRefusal() bool {
	return c.in.Method != http.MethodOptions && c.gate.KnowsOrigin(c.in.Header.Get("Origin"))
}
