package proxytest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

// streams are requests for a stream of words, one for each framing of each provider.
var streams = map[string]struct {
	new        func(proxytest.Options) *proxytest.Provider
	path, body string
}{
	"anthropic":    {proxytest.NewAnthropic, "/v1/messages", `{"model":"m","max_tokens":9,"stream":true,"messages":[{"content":"one"}]}`},
	"gemini":       {proxytest.NewGemini, "/v1beta/models/m:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"one"}]}]}`},
	"gemini array": {proxytest.NewGemini, "/v1beta/models/m:streamGenerateContent", `{"contents":[{"parts":[{"text":"one"}]}]}`},
	"vertex":       {proxytest.NewVertex, "/v1/projects/p/locations/l/publishers/google/models/m:streamGenerateContent?alt=sse", `{"contents":[]}`},
	"ollama":       {proxytest.NewOllama, "/api/chat", `{"model":"m","messages":[{"content":"one"}]}`},
	"cohere":       {proxytest.NewCohere, "/v2/chat", `{"model":"m","stream":true,"messages":[{"content":"one"}]}`},
	"cohere lines": {proxytest.NewCohere, "/v1/chat", `{"stream":true,"message":"one"}`},
}

// read asks a server for a stream that a header scripts, and stops reading after a number of bytes; 0: at its end.
func read(t *testing.T, url, body, script string, enough int) (string, error) {
	t.Helper()
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Anthropic-Version", anthropicVersion)
	r.Header.Set(proxytest.Header, script)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got status %d", resp.StatusCode)
	}
	if enough > 0 {
		b := make([]byte, enough)
		_, err := io.ReadFull(resp.Body, b)
		return string(b), err
	}
	b, err := io.ReadAll(resp.Body)
	return string(b), err
}

func TestStreamsOfEveryProviderBreakAndStall(t *testing.T) {
	for name, s := range streams {
		t.Run(name, func(t *testing.T) {
			p := s.new(proxytest.Options{})
			server := httptest.NewServer(p)
			t.Cleanup(server.Close)
			whole, err := read(t, server.URL+s.path, s.body, `{"id":"1"}`, 0)
			if err != nil {
				t.Fatal(err)
			}
			broken, err := read(t, server.URL+s.path, s.body, `{"id":"1","break_after":2}`, 0)
			if err == nil || broken == "" || !strings.HasPrefix(whole, broken) || broken == whole {
				t.Errorf("got error %v behind %q, want one behind a part of %q", err, broken, whole)
			}
			if stalled, err := read(t, server.URL+s.path, s.body, `{"id":"1","stall_after":2}`, len(broken)); err != nil || stalled != broken {
				t.Errorf("got %v and %q before the stall, want %q", err, stalled, broken)
			}
			server.Close()
			var wholes []bool
			for _, a := range p.Answered() {
				wholes = append(wholes, a.Whole)
			}
			if diff := cmp.Diff([]bool{true, false, false}, wholes); diff != "" {
				t.Errorf("the witness differs on what was whole (-want +got):\n%s", diff)
			}
		})
	}
}

func TestLeanProvidersTellFramingsApart(t *testing.T) {
	p := proxytest.NewGemini(proxytest.Options{Lean: true})
	seen := map[string]bool{}
	for range 2 {
		for _, query := range []string{"?alt=sse", ""} {
			_, body := exchange(t, p, geminiModel+"streamGenerateContent"+query, `{"contents":[]}`)
			seen[body] = true
		}
	}
	if len(seen) != 2 {
		t.Errorf("got %d different answers to two requests sent twice, want 2", len(seen))
	}
}
