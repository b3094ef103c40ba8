package proxy_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/dialect"
	"github.com/tollgate/tollgate/proxy/provider"
)

// witness is a provider that keeps what reaches it and answers all of it.
type witness struct {
	*httptest.Server
	lock sync.Mutex
	seen []*http.Request
}

func newWitness(t *testing.T) *witness {
	w := &witness{}
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.lock.Lock()
		w.seen = append(w.seen, r)
		w.lock.Unlock()
		out.Header().Set("Content-Type", "application/json")
		out.Write([]byte(`{"ok":true}`))
	}))
	t.Cleanup(w.Close)
	return w
}

// taken are the requests since the last call.
func (w *witness) taken() []*http.Request {
	w.lock.Lock()
	defer w.lock.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

// everyProvider is a gateway with an entry for each row, all of which lead to the witness.
func everyProvider(t *testing.T, w *witness) *rig {
	return newRig(t, func(set *proxy.Settings, s *provider.Settings) {
		for name := range provider.Rows {
			entry := *s
			entry.Name, entry.API, entry.BaseURL = name, name, w.URL
			p, err := provider.New(entry)
			must(t, err)
			set.Providers[name] = p
		}
		s.BaseURL = w.URL
	})
}

// TestDoorsStayShut plays what each row lists as refused through the gateway: a refusal in the shape of the provider's
// clients, and no request, event or hold.
func TestDoorsStayShut(t *testing.T) {
	w := newWitness(t)
	r := everyProvider(t, w)
	account, secret := r.account(1_000_000, nil)
	doors := 0
	for _, name := range slices.Sorted(maps.Keys(provider.Rows)) {
		row := provider.Rows[name]
		for _, door := range row.Refused {
			doors++
			q := request{method: door.Method, path: "/" + name + door.Path, secret: secret}
			if door.Method == http.MethodPost {
				q.body = `{"model":"m","stream":true}`
			}
			res := r.do(q)
			got := read(t, res)
			want, headers := row.Refuse(dialect.Refusal{Status: http.StatusNotFound, Code: "unmetered_endpoint",
				Message: fmt.Sprintf("%s %s is neither metered nor free at %s, so it is not served", door.Method, door.Path, name)})
			if door.Method == http.MethodHead {
				want = nil
			}
			if res.StatusCode != http.StatusNotFound || res.Header.Get("X-Tollgate-Error") != "unmetered_endpoint" || string(got) != string(want) {
				t.Errorf("%s %s: %d %s %s, want %s", door.Method, q.path, res.StatusCode, res.Header.Get("X-Tollgate-Error"), got, want)
			}
			for field, value := range headers {
				if res.Header.Get(field) != value {
					t.Errorf("%s %s: %s: %q, want %q", door.Method, q.path, field, res.Header.Get(field), value)
				}
			}
		}
	}
	for _, out := range w.taken() {
		t.Errorf("the provider got %s %s", out.Method, out.URL)
	}
	if events := r.events(account); len(events) > 0 || r.mustView(account).Held != 0 {
		t.Errorf("%d events, %d tokens held", len(events), r.mustView(account).Held)
	}
	fmt.Printf("FAULT doors providers=%d refused=%d RESULT %s\n", len(provider.Rows), doors, map[bool]string{true: "FAIL", false: "ok"}[t.Failed()])
}

var braces = regexp.MustCompile(`\{[a-z]+\}`)

// TestFreePathsCostNothing plays each row's free paths: they arrive as they were sent, with the operator's key in place
// of the gateway's, and leave no event.
func TestFreePathsCostNothing(t *testing.T) {
	w := newWitness(t)
	r := everyProvider(t, w)
	account, secret := r.account(0, nil) // free, even where both pools are empty
	paths := 0
	for _, name := range slices.Sorted(maps.Keys(provider.Rows)) {
		for _, p := range provider.Rows[name].Paths {
			if p.API != nil {
				continue
			}
			paths++
			path := braces.ReplaceAllString(p.Pattern, "name-1")
			res := r.do(request{method: p.Method, path: "/" + name + path + "?b=%2F&a=1", secret: secret})
			if got := string(read(t, res)); res.StatusCode != http.StatusOK || got != `{"ok":true}` || res.Header.Get("X-Tollgate-Request-Id") != "" {
				t.Errorf("%s %s: %d %s, event %q", p.Method, path, res.StatusCode, got, res.Header.Get("X-Tollgate-Request-Id"))
			}
			seen := w.taken()
			if len(seen) != 1 || seen[0].Method != p.Method || seen[0].RequestURI != path+"?b=%2F&a=1" || strings.Contains(fmt.Sprint(seen[0].Header), secret) {
				t.Errorf("%s %s: the provider got %d requests: %+v", p.Method, path, len(seen), seen)
			}
		}
	}
	if events := r.events(account); len(events) > 0 {
		t.Errorf("%d events", len(events))
	}
	if paths < 15 {
		t.Errorf("only %d free paths", paths)
	}
	fmt.Printf("FAULT free_paths providers=%d free=%d RESULT %s\n", len(provider.Rows), paths, map[bool]string{true: "FAIL", false: "ok"}[t.Failed()])
}

// TestKeyInTheQuery: where a provider's clients put their key into the query, the gateway's is read and cut out there;
// elsewhere it is only cut out.
func TestKeyInTheQuery(t *testing.T) {
	w := newWitness(t)
	r := everyProvider(t, w)
	account, secret := r.account(1_000_000, nil)
	_, other := r.account(1_000_000, nil)
	const path = "/v1beta/models/gemini-2.5-flash:generateContent"
	for _, tc := range []struct {
		path, header string
		status       int
		query        string // what the provider gets
	}{
		{"/gemini" + path + "?key=" + secret, "", 200, ""},
		{"/gemini" + path + "?alt=sse&key=" + secret + "&b=%2F", "", 200, "alt=sse&b=%2F"},
		{"/gemini" + path + "?key=" + secret, secret, 200, ""},
		{"/gemini" + path + "?key=" + secret, other, 401, ""},
		{"/gemini" + path + "?key=" + secret + "&key=" + other, "", 401, ""},
		{"/gemini" + path + "?k=" + secret, "", 401, ""},
		{"/vertex/v1/publishers/google/models/gemini-2.5-flash:generateContent?key=" + secret, "", 200, ""},
		{"/openai/v1/models?key=" + secret, "", 401, ""},
		{"/openai/v1/models?key=" + secret + "&a=1", other, 200, "a=1"},
		{"/tollgate/v1/tokens?key=" + secret, "", 401, ""},
	} {
		q := request{path: tc.path, body: `{"contents":[{"parts":[{"text":"Hello"}]}]}`, secret: tc.header}
		if !strings.Contains(tc.path, "generateContent") {
			q.method, q.body = http.MethodGet, ""
		}
		res := r.do(q)
		read(t, res)
		if res.StatusCode != tc.status {
			t.Errorf("%s, header %q: %d, want %d", tc.path, tc.header, res.StatusCode, tc.status)
		}
		seen := w.taken()
		switch {
		case tc.status != 200 && len(seen) > 0:
			t.Errorf("%s: the provider got %s", tc.path, seen[0].RequestURI)
		case tc.status == 200 && (len(seen) != 1 || seen[0].URL.RawQuery != tc.query):
			t.Errorf("%s: the provider got %d requests, want one with %q", tc.path, len(seen), tc.query)
		}
	}
	if strings.Contains(r.log.String(), secret) {
		t.Error("the key is in the log")
	}
	if events := r.events(account); len(events) != 4 {
		t.Errorf("%d events of the key's account, want 4", len(events))
	}
}

// TestModelOfThePath: a key's models and the event know the model that the path names.
func TestModelOfThePath(t *testing.T) {
	w := newWitness(t)
	r := everyProvider(t, w)
	account, secret := r.account(1_000_000, func(_ *accounting.Account, k *policy.Key) {
		k.Models = []string{"gemini-2.5-flash", "anthropic.claude*"}
	})
	for path, want := range map[string]int{
		"/gemini/v1beta/models/gemini-2.5-flash:generateContent":                                                   200,
		"/gemini/v1beta/models/gemini-2.5-pro:generateContent":                                                     403,
		"/gemini/v1beta/models/gemini-2.5-pro:countTokens":                                                         403,
		"/vertex/v1/publishers/google/models/gemini-2.5-flash:streamGenerateContent":                               200,
		"/vertex/v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4%4020250514:rawPredict": 403,
		"/bedrock/model/anthropic.claude-v2%3A1/converse":                                                          200,
		"/bedrock/model/meta.llama3/converse":                                                                      403,
	} {
		res := r.do(request{path: path, body: `{"model":"gemini-2.5-flash","messages":[],"contents":[]}`, secret: secret})
		if read(t, res); res.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, res.StatusCode, want)
		}
	}
	var asked []string
	for _, e := range r.events(account) {
		asked = append(asked, e.RequestedModel)
	}
	slices.Sort(asked)
	if want := []string{"anthropic.claude-v2:1", "gemini-2.5-flash", "gemini-2.5-flash"}; !slices.Equal(asked, want) {
		t.Errorf("events of %v, want %v", asked, want)
	}
}
