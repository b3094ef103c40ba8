package proxy_test

import (
	"io"
	"net/http"
	"testing"
)

func TestEmbedScript(t *testing.T) {
	r := newRig(t, nil)
	get := func(method string, headers ...string) (*http.Response, string) {
		req, err := http.NewRequest(method, r.server.URL+"/tollgate/embed.js", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return resp, string(body)
	}
	resp, body := get("GET", "Origin", "https://shop.example", "Accept-Encoding", "identity")
	if resp.StatusCode != 200 || body != embedScript || resp.Header.Get("Access-Control-Allow-Origin") != "*" ||
		resp.Header.Get("Content-Type") != "text/javascript; charset=utf-8" {
		t.Errorf("%d %v %q", resp.StatusCode, resp.Header, body)
	}
	if squeezed, text := get("GET"); squeezed.Header.Get("Content-Encoding") != "" || text != embedScript {
		t.Errorf("a client that decodes gzip gets %q", text) // the transport asked for gzip and took it off
	}
	if again, _ := get("GET", "If-None-Match", resp.Header.Get("ETag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("again: %d", again.StatusCode)
	}
	if head, text := get("HEAD"); head.StatusCode != 200 || text != "" {
		t.Errorf("HEAD: %d %q", head.StatusCode, text)
	}
	if post, _ := get("POST"); post.StatusCode != http.StatusNotFound {
		t.Errorf("POST: %d", post.StatusCode)
	}
}

// embedScript stands for the built one, which is too long to show.
const embedScript = "export class TollgateTokens {}; // and more, so that it is worth to be compressed, compressed, compressed"
