package proxy_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
)

// behind makes a rig whose provider is serve.
func behind(t *testing.T, serve http.HandlerFunc) *rig {
	upstream := httptest.NewServer(serve)
	t.Cleanup(upstream.Close)
	return newRig(t, func(_ *proxy.Settings, p *provider.Settings) { p.BaseURL = upstream.URL })
}

func TestAnswerWithoutContentTypeStaysWithout(t *testing.T) {
	r := behind(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = nil
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, `{"error":{"code":"DeploymentNotFound"}}`)
	})
	_, secret := r.account(10_000, nil)
	for _, q := range []request{
		{path: chatPath, secret: secret, body: chat(`{}`)},
		{method: http.MethodGet, path: "/v1/models", secret: secret},
	} {
		res := r.do(q)
		read(t, res)
		if v, there := res.Header["Content-Type"]; there || res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d with Content-Type %q, the provider sent 404 and none", q.path, res.StatusCode, v)
		}
	}
}

// An answer of known length goes out piece by piece, too: its head and its first bytes don't wait for the last.
func TestAnswerOfKnownLengthIsNotHeldUp(t *testing.T) {
	const first, rest = `{"choices":[{"message":{"content":"a"`, `}}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`
	goOn := make(chan struct{})
	r := behind(t, func(w http.ResponseWriter, q *http.Request) {
		wait := func() {
			select {
			case <-goOn:
			case <-q.Context().Done():
			}
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", "91")
		w.(http.Flusher).Flush()
		wait()
		io.WriteString(w, first)
		w.(http.Flusher).Flush()
		wait()
		io.WriteString(w, rest)
	})
	account, secret := r.account(10_000, nil)
	res := r.do(request{path: chatPath, secret: secret, body: chat(`{}`)})
	goOn <- struct{}{} // the head is here
	got := make([]byte, len(first))
	if _, err := io.ReadFull(res.Body, got); err != nil || string(got) != first {
		t.Fatalf("the first piece is %q, %v", got, err)
	}
	goOn <- struct{}{}
	if got := string(read(t, res)); got != rest {
		t.Errorf("the rest is %q", got)
	}
	if e := r.events(account)[0]; e.Tokens.Input != 3 || e.Tokens.Output != 4 {
		t.Errorf("metered %+v", e.Tokens)
	}
}
