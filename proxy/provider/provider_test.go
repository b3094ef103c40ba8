package provider

import (
	"flag"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/apis.md anew")

func TestPageOfPathsIsWhatTheCodeHas(t *testing.T) {
	const page = "../../docs/apis.md"
	if *update {
		if err := os.WriteFile(page, []byte(Describe()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != Describe() {
		t.Error("docs/apis.md differs from the tables; run: go test ./proxy/provider -update")
	}
}

func newOpenAI(t testing.TB, base string) *Provider {
	t.Helper()
	p, err := New(Settings{Name: "openai", API: "openai", BaseURL: base, Key: "sk-real"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRoutes(t *testing.T) {
	p := newOpenAI(t, "")
	metered := map[string]string{
		"POST /v1/chat/completions":  "chat.completions",
		"POST /chat/completions":     "chat.completions",
		"POST /v1/completions":       "completions",
		"POST /v1/responses":         "responses",
		"POST /v1/responses/compact": "responses.compact",
		"POST /v1/embeddings":        "embeddings",
	}
	for request, api := range metered {
		method, path, _ := strings.Cut(request, " ")
		r, ok := p.Route(method, path)
		if !ok || r.API == nil || r.API.Name != api {
			t.Errorf("%s: got %+v, %v, want %s", request, r, ok, api)
		}
	}
	free := map[string]string{
		"GET /v1/models":                           "",
		"GET /v1/models/gpt-4o":                    "gpt-4o",
		"GET /v1/models/ft%3Agpt-4o%3Aacme%3A%3A1": "ft:gpt-4o:acme::1",
		"GET /models/org%2Fmodel":                  "org/model",
		"POST /v1/moderations":                     "",
		"POST /v1/responses/input_tokens":          "",
	}
	for request, model := range free {
		method, path, _ := strings.Cut(request, " ")
		if r, ok := p.Route(method, path); !ok || r.API != nil || r.Model != model {
			t.Errorf("%s: got %+v, %v, want free with model %q", request, r, ok, model)
		}
	}
}

// refused are doors that must stay shut: at the provider they list, read, change or delete what all accounts
// share, cost tokens that nobody counts, or are spelt so that two readers may read two paths.
var refused = []string{
	"GET /v1/files", "POST /v1/files", "GET /v1/files/file-1/content", "DELETE /v1/files/file-1", "POST /v1/uploads",
	"GET /v1/batches", "POST /v1/batches", "POST /v1/batches/b/cancel", "GET /v1/responses", "GET /v1/responses/resp_1",
	"DELETE /v1/responses/resp_1", "POST /v1/responses/resp_1/cancel", "GET /v1/responses/resp_1/input_items",
	"GET /v1/chat/completions", "GET /v1/chat/completions/c_1", "DELETE /v1/chat/completions/c_1", "GET /v1/conversations/c",
	"POST /v1/conversations", "POST /v1/threads", "POST /v1/threads/runs", "GET /v1/assistants", "POST /v1/assistants",
	"GET /v1/vector_stores", "POST /v1/vector_stores/v/search", "GET /v1/containers", "POST /v1/fine_tuning/jobs",
	"DELETE /v1/models/ft-1", "POST /v1/videos", "POST /v1/audio/speech", "GET /v1/realtime", "POST /v1/realtime/sessions",
	"POST /v1/realtime/calls", "GET /v1/organization/users", "GET /v1/organization/usage/completions", "GET /v1/dashboard/billing/usage",
	"POST /v1/evals", "PUT /v1/chat/completions", "HEAD /v1/models", "GET /v1", "GET /", "POST /v2/chat/completions",
	"POST /v1/chat/completions/", "POST /v1/chat//completions", "POST //v1/chat/completions", "POST /v1/chat/%63ompletions", "POST /v1%2Fchat/completions",
	"POST /v1/chat/completions%00", "POST /v1/chat/completions;x", "POST /v1/./chat/completions", "POST /v1/x/../chat/completions",
	"GET /v1/models/", "GET /v1/models/..", "GET /v1/models/%2e%2e", "GET /v1/models/a%2F..%2F..%2Ffiles", "GET /v1/models/a/b",
	"GET /v1/models/%2Fa", "GET /v1/models/a%3Fb", "GET /v1/models/a%5Cb", "GET /v1/models/a%00", "GET /v1/models/%252e%252e",
	"GET /V1/models", "get /v1/models", "CONNECT /v1/chat/completions",
}

func TestEverythingElseIsRefused(t *testing.T) {
	p := newOpenAI(t, "")
	for _, request := range refused {
		method, path, _ := strings.Cut(request, " ")
		if r, ok := p.Route(method, path); ok {
			t.Errorf("%s: found %+v, want a refusal", request, r)
		}
	}
}

func TestAddressKeepsThePathAsItCame(t *testing.T) {
	for _, tc := range []struct{ base, path, want string }{
		{"", "/v1/chat/completions", "https://api.openai.com/v1/chat/completions"},
		{"http://host:1/", "/v1/models/a%2Fb", "http://host:1/v1/models/a%2Fb"},
		{"http://host:1/proxy%2F1/", "/v1/models", "http://host:1/proxy%2F1/v1/models"},
	} {
		p := newOpenAI(t, tc.base)
		out := &http.Request{URL: &url.URL{}, Header: http.Header{}}
		p.Address(out, tc.path)
		if got := out.URL.Scheme + "://" + out.URL.Host + out.URL.RequestURI(); got != tc.want {
			t.Errorf("base %q, path %q: got %s, want %s", tc.base, tc.path, got, tc.want)
		}
	}
}

func TestSplitFindsTheProvidersName(t *testing.T) {
	known := func(name string) bool { return name == "openai" }
	for _, tc := range []struct {
		raw, name, rest string
		ok              bool
	}{
		{"/openai/v1/models", "openai", "/v1/models", true},
		{"/openai//v1/models", "openai", "/v1/models", true},
		{"/openai", "openai", "", true},
		{"/v1/models", "", "/v1/models", false},
		{"/%6Fpenai/v1/models", "", "/%6Fpenai/v1/models", false},
		{"//openai/v1/models", "", "//openai/v1/models", false},
		{"*", "", "*", false},
	} {
		name, rest, ok := Split(tc.raw, known)
		if name != tc.name || rest != tc.rest || ok != tc.ok {
			t.Errorf("Split(%q) = %q, %q, %v, want %q, %q, %v", tc.raw, name, rest, ok, tc.name, tc.rest, tc.ok)
		}
	}
}

func TestRowsAreSound(t *testing.T) {
	names := map[string]bool{}
	for _, name := range Names() {
		if names[name] {
			t.Errorf("%s stands among the rows and among the merely named", name)
		}
		names[name] = true
	}
	for name, row := range Rows {
		if len(row.Paths) == 0 || row.Refuse == nil {
			t.Errorf("%s: a row needs paths and a shape of refusals", name)
		}
		seen := map[string]bool{}
		for _, p := range row.Paths {
			if line := p.Method + " " + p.Pattern; seen[line] {
				t.Errorf("%s: %s stands twice", name, line)
			} else {
				seen[line] = true
			}
		}
	}
}

// FuzzRoute holds the table against a second reading of the same path: what is found must, decoded and
// cleaned as a careless server would, still be the path that was found.
func FuzzRoute(f *testing.F) {
	for _, request := range refused {
		method, path, _ := strings.Cut(request, " ")
		f.Add(method, path)
	}
	f.Add("POST", "/v1/chat/completions")
	f.Add("GET", "/v1/models/a%2Fb")
	p := newOpenAI(f, "")
	f.Fuzz(func(t *testing.T, method, raw string) {
		r, ok := p.Route(method, raw)
		if !ok {
			return
		}
		if r.Model == "" {
			if raw != r.Pattern {
				t.Fatalf("%q was taken for %q", raw, r.Pattern)
			}
			return
		}
		decoded, err := url.PathUnescape(raw)
		if err != nil {
			t.Fatalf("%q can't be decoded and was taken for %q", raw, r.Pattern)
		}
		prefix := strings.TrimSuffix(r.Pattern, "{model}")
		cleaned := (&url.URL{Path: "/"}).JoinPath(decoded).Path
		if decoded != prefix+r.Model || cleaned != decoded {
			t.Fatalf("%q reads as %q and cleans to %q, taken for %q with model %q", raw, decoded, cleaned, r.Pattern, r.Model)
		}
	})
}
