package proxy

import "net/http"

// embed serves the script of the Token view, the same for everyone, to pages of any origin, as module scripts are
// fetched with CORS. It is asked for anew after five minutes, so that an update of the gateway reaches pages soon.
func (c *call) embed() error {
	if c.in.Method != http.MethodGet && c.in.Method != http.MethodHead {
		return denied(codeUnmetered, "the script is read with GET")
	}
	c.route.Pattern = windowEmbed
	c.limitOwnAnswer()
	h := c.w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Cache-Control", "public, max-age=300")
	c.status = c.h.script.Serve(c.w, c.in)
	return nil
}
