package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
)

// Some models said in every chunk that they had finished, and counted what was generated so far. What comes later, with
// pauses that are longer than an answer that told its usage is waited for, still counts.
func TestAStreamThatFinishesInEveryChunkIsChargedByItsLast(t *testing.T) {
	const chunks = 4
	gemini := func(n int) string {
		return fmt.Sprintf(`{"candidates":[{"content":{"parts":[{"text":"word"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":%d}}`, n)
	}
	openAI := func(n int) string {
		return fmt.Sprintf(`{"choices":[{"index":0,"delta":{"content":"word"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":%d}}`, n)
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		chunk := openAI
		if strings.Contains(q.URL.Path, "gemini") {
			chunk = gemini
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for n := range chunks {
			if n > 0 {
				time.Sleep(60 * time.Millisecond)
			}
			fmt.Fprintf(w, "data: %s\n\n", chunk(n+1))
			http.NewResponseController(w).Flush()
		}
	}))
	defer upstream.Close()
	r := newRig(t, func(s *proxy.Settings, entry *provider.Settings) {
		e := *entry
		e.Name, e.API, e.BaseURL = "gemini", "gemini", upstream.URL
		p, err := provider.New(e)
		must(t, err)
		s.Providers["gemini"] = p
		entry.BaseURL = upstream.URL
	})
	for _, q := range []request{
		{path: "/gemini/v1beta/models/gemini-1:streamGenerateContent?alt=sse", body: `{"contents":[{"parts":[{"text":"Hi"}]}]}`},
		{path: "/v1/chat/completions", body: `{"model":"m","stream":true,"messages":[]}`},
	} {
		account, secret := r.account(1_000_000, nil)
		q.secret = secret
		res := r.do(q)
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if n := strings.Count(string(body), "word"); err != nil || n != chunks {
			t.Errorf("%s: %d chunks, %v", q.path, n, err)
		}
		e := r.events(account)[0]
		if e.Tokens.Input != 9 || e.Tokens.Output != chunks || e.Outcome != accounting.Completed {
			t.Errorf("%s: %s, %s, %+v", q.path, e.Outcome, e.Measured, e.Tokens)
		}
	}
}
